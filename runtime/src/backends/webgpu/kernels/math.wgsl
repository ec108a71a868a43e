// Functions that WGSL lacks, or whose built-in may overflow or be inexact. Scalar here; `math.rs` derives the forms of four.
// Every one is finite for finite arguments where its mathematical value is.

// exp without overflow of the product inside it: 0 below -87, where float32 has no normal number left.
fn m_exp(x: f32) -> f32 {
    return select(exp(max(x, f32(-87.0))), f32(0.0), x < f32(-87.0));
}

// Rational approximation on |x| <= 3.75, within 3e-7 of the function.
fn m_erf(x: f32) -> f32 {
    let c = clamp(x, f32(-3.7439211), f32(3.7439211));
    let s = c * c;
    let p = ((((s * 0.00022905065861350646 + 0.0034082910107109506) * s + 0.050955695062380861) * s + 0.18520832239976145) * s + 1.128379143519084) * c;
    let q = (((((s * -1.1791602954361697e-7 + 0.000023547966471313185) * s + 0.0010179625278914885) * s + 0.014070470171167667) * s + 0.11098505178285362) * s + 0.49746925110067538) * s + 1.0;
    return select(p / q, sign(x), abs(x) > f32(3.75));
}

// Odd polynomial near 0, exponentials of a negative argument elsewhere.
fn m_tanh(x: f32) -> f32 {
    let s = x * x;
    let near = x * (1.0 - s * (0.33333333 - s * (0.13333333 - s * 0.053968254)));
    let e = exp(max(abs(x), f32(0.0)) * -2.0);
    let far = sign(x) * (1.0 - e) / (1.0 + e);
    return select(select(far, sign(x), abs(x) > f32(10.0)), near, abs(x) < f32(0.1));
}

fn m_sigmoid(x: f32) -> f32 {
    return 1.0 / (1.0 + exp(min(-x, f32(88.0))));
}

fn m_gelu(x: f32) -> f32 {
    return 0.5 * x * (1.0 + m_erf(x * 0.70710678));
}

fn m_softplus(x: f32) -> f32 {
    return max(x, f32(0.0)) + log(1.0 + m_exp(-abs(x)));
}

fn m_elu(x: f32, alpha: f32) -> f32 {
    return max(x, f32(0.0)) + alpha * (m_exp(min(x, f32(0.0))) - 1.0);
}

// The sign rule of WebNN: whole exponents take negative bases.
fn m_pow(x: f32, y: f32) -> f32 {
    let odd = y - 2.0 * floor(y * 0.5) == f32(1.0);
    let size = pow(abs(x), y);
    return select(select(size, -size, odd & (x < f32(0.0))), f32(1.0), y == f32(0.0));
}

fn m_isnan(x: f32) -> u32 {
    return select(u32(0u), u32(1u), (bitcast<u32>(x) & u32(0x7fffffffu)) > u32(0x7f800000u));
}

fn m_isinf(x: f32) -> u32 {
    return select(u32(0u), u32(1u), (bitcast<u32>(x) & u32(0x7fffffffu)) == u32(0x7f800000u));
}
