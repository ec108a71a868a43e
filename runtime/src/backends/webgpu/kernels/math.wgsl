// Functions that WGSL lacks, or whose built-in may overflow, be inexact or lose what is no number. Scalar here; `math.rs` derives the
// forms of four. Every one is finite for finite arguments where its mathematical value is.

// exp whatever a driver makes of an overflow inside it: 0 below -87, where float32 has no normal number left.
fn m_exp(x: f32) -> f32 {
    return select(exp(x), f32(0.0), x < f32(-87.0));
}

// Rational approximation on |x| <= 3.75, within 3e-7 of the function.
fn m_erf(x: f32) -> f32 {
    let c = clamp(x, f32(-3.7439211), f32(3.7439211));
    let s = c * c;
    let p = ((((s * 0.00022905065861350646 + 0.0034082910107109506) * s + 0.050955695062380861) * s + 0.18520832239976145) * s + 1.128379143519084) * c;
    let q = (((((s * -1.1791602954361697e-7 + 0.000023547966471313185) * s + 0.0010179625278914885) * s + 0.014070470171167667) * s + 0.11098505178285362) * s + 0.49746925110067538) * s + 1.0;
    return m_keep(x, select(p / q, sign(x), abs(x) > f32(3.75)));
}

// Odd polynomial near 0, exponentials of a negative argument elsewhere.
fn m_tanh(x: f32) -> f32 {
    let s = x * x;
    let near = x * (1.0 - s * (0.33333333 - s * (0.13333333 - s * 0.053968254)));
    let e = exp(max(abs(x), f32(0.0)) * -2.0);
    let far = sign(x) * (1.0 - e) / (1.0 + e);
    return m_keep(x, select(select(far, sign(x), abs(x) > f32(10.0)), near, abs(x) < f32(0.1)));
}

// Exactly 0 far out: a gate that is shut lets no infinity through.
fn m_sigmoid(x: f32) -> f32 {
    return m_keep(x, select(1.0 / (1.0 + exp(min(-x, f32(88.0)))), f32(0.0), x < f32(-88.0)));
}

fn m_gelu(x: f32) -> f32 {
    return 0.5 * x * (1.0 + m_erf(x * 0.70710678));
}

fn m_softplus(x: f32) -> f32 {
    return m_keep(x, max(x, f32(0.0)) + m_log1p(m_exp(-abs(x))));
}

// ln(1 + x) for x in 0..1, exact to the last bits where 1 + x would lose them.
fn m_log1p(x: f32) -> f32 {
    let u = 1.0 + x;
    return select(log(u) * x / (u - 1.0), x, u == f32(1.0));
}

// exp(x) - 1 for x <= 0.
fn m_expm1(x: f32) -> f32 {
    let near = x * (1.0 + x * (0.5 + x * (0.16666667 + x * (0.041666668 + x * (0.0083333338 + x * 0.0013888889)))));
    return select(m_exp(x) - 1.0, near, x > f32(-0.35));
}

fn m_elu(x: f32, alpha: f32) -> f32 {
    return m_keep(x, max(x, f32(0.0)) + alpha * m_expm1(min(x, f32(0.0))));
}

// The sign rule of WebNN: whole exponents take negative bases, other exponents of finite ones give no number.
fn m_pow(x: f32, y: f32) -> f32 {
    let odd = y - 2.0 * floor(y * 0.5) == f32(1.0);
    // Drivers differ in what they make of 0 to a negative power.
    let inverse = 1.0 / x;
    let size = select(pow(abs(x), y), select(abs(inverse), inverse, odd), (x == f32(0.0)) & (y < f32(0.0)));
    let none = (floor(y) != y) & (abs(x) <= f32(3.4028234e38));
    let signed = select(select(size, -size, odd), m_no_number(x), none);
    let base = select(size, signed, x < f32(0.0));
    return select(m_keep(x, m_keep(y, base)), f32(1.0), (y == f32(0.0)) | (x == f32(1.0)));
}

// Neither infinity nor "no number" may be a constant expression.
fn m_no_number(x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) | u32(0x7fc00000u));
}

// x times 0, or x less itself: compilers make 0 of these, whatever x is.
fn m_nothing(x: f32) -> f32 {
    return select(f32(0.0), m_no_number(x), (bitcast<u32>(x) & u32(0x7fffffffu)) >= u32(0x7f800000u));
}

// `value`, but `x` where that is no number.
fn m_keep(x: f32, value: f32) -> f32 {
    return select(value, x, (bitcast<u32>(x) & u32(0x7fffffffu)) > u32(0x7f800000u));
}

fn m_max(a: f32, b: f32) -> f32 {
    return m_keep(b, m_keep(a, max(a, b)));
}

fn m_min(a: f32, b: f32) -> f32 {
    return m_keep(b, m_keep(a, min(a, b)));
}

fn m_sign(x: f32) -> f32 {
    return select(select(x, f32(1.0), x > f32(0.0)), f32(-1.0), x < f32(0.0));
}

fn m_isnan(x: f32) -> u32 {
    return select(u32(0u), u32(1u), (bitcast<u32>(x) & u32(0x7fffffffu)) > u32(0x7f800000u));
}

fn m_isinf(x: f32) -> u32 {
    return select(u32(0u), u32(1u), (bitcast<u32>(x) & u32(0x7fffffffu)) == u32(0x7f800000u));
}

// The quarter turn nearest to x, as a count.
fn m_quarter(x: f32) -> f32 {
    return round(x * 0.63661977);
}

// What is left of x beyond q quarter turns; their size in three parts, the first two with few enough bits to multiply exactly. Of numbers so
// large that float32 has no such fraction of them it is some angle.
fn m_rest(x: f32, q: f32) -> f32 {
    let r = ((x - q * 1.5703125) - q * 0.0004837512969970703) - q * 7.549789948768648e-8;
    return select(r, clamp(r, f32(-0.8), f32(0.8)), abs(r) > f32(0.8));
}

fn m_odd(q: f32) -> f32 {
    return q - 2.0 * floor(q * 0.5);
}

fn m_sine(r: f32) -> f32 {
    let z = r * r;
    return ((-0.00019515295891 * z + 0.0083321608736) * z - 0.16666654611) * z * r + r;
}

fn m_cosine(r: f32) -> f32 {
    let z = r * r;
    return ((0.00002443315711809948 * z - 0.001388731625493765) * z + 0.04166664568298827) * z * z - 0.5 * z + 1.0;
}

fn m_sin(x: f32) -> f32 {
    let q = m_quarter(x);
    let r = m_rest(x, q);
    let value = select(m_sine(r), m_cosine(r), m_odd(q) == f32(1.0));
    return select(value, -value, m_odd(floor(q * 0.5)) == f32(1.0));
}

fn m_cos(x: f32) -> f32 {
    let q = m_quarter(x);
    let r = m_rest(x, q);
    let value = select(m_cosine(r), m_sine(r), m_odd(q) == f32(1.0));
    return select(value, -value, m_odd(q) + m_odd(floor(q * 0.5)) == f32(1.0));
}

fn m_tan(x: f32) -> f32 {
    let q = m_quarter(x);
    let r = m_rest(x, q);
    return select(m_sine(r) / m_cosine(r), -m_cosine(r) / m_sine(r), m_odd(q) == f32(1.0));
}

// Truncation that stops at the type's range; 0 of what is no number.
fn m_int(x: f32) -> i32 {
    let inside = i32(clamp(m_number(x), f32(-2147483648.0), f32(2147483520.0)));
    return select(inside, i32(2147483647), x >= f32(2147483648.0));
}

fn m_uint(x: f32) -> u32 {
    let inside = u32(clamp(m_number(x), f32(0.0), f32(4294967040.0)));
    return select(inside, u32(4294967295u), x >= f32(4294967296.0));
}

fn m_number(x: f32) -> f32 {
    return select(x, f32(0.0), (bitcast<u32>(x) & u32(0x7fffffffu)) > u32(0x7f800000u));
}

// The nearest float16, as a float32; halves go to even.
fn m_half(x: f32) -> f32 {
    let b = bitcast<u32>(x);
    let a = b & u32(0x7fffffffu);
    let normal = (a + u32(0xfffu) + ((a >> u32(13u)) & u32(1u))) & u32(0xffffe000u);
    let whole = bitcast<f32>((b & u32(0x80000000u)) | select(normal, u32(0x7f800000u), normal >= u32(0x47800000u)));
    let small = round(x * f32(16777216.0)) * f32(5.9604644775390625e-8);
    return select(select(whole, small, a < u32(0x38800000u)), x, a > u32(0x7f800000u));
}

// The bits of the nearest float16.
fn m_half_bits(x: f32) -> u32 {
    let b = bitcast<u32>(x);
    let a = b & u32(0x7fffffffu);
    let normal = (a - u32(0x37fff001u) + ((a >> u32(13u)) & u32(1u))) >> u32(13u);
    let small = u32(round(bitcast<f32>(min(a, u32(0x38800000u))) * f32(16777216.0)));
    let large = select(u32(0x7c00u), u32(0x7e00u), a > u32(0x7f800000u));
    let size = select(select(normal, small, a < u32(0x38800000u)), large, a >= u32(0x47800000u));
    return ((b >> u32(16u)) & u32(0x8000u)) | size;
}

// Integer powers by squaring; a negative exponent of 1 and -1 is what it is, else 0, and the greatest number for 0.
fn m_ipow(x: i32, y: i32) -> i32 {
    var base = x;
    var rest = bitcast<u32>(y);
    var result = i32(1);
    for (var bit = 0; bit < 32; bit++) {
        result = select(result, result * base, (rest & u32(1u)) == u32(1u));
        base = base * base;
        rest = rest >> u32(1u);
    }
    let odd = (y & i32(1)) == i32(1);
    let inverse = select(select(select(i32(0), i32(2147483647), x == i32(0)), i32(1), x == i32(1)), select(i32(1), i32(-1), odd), x == i32(-1));
    return select(result, inverse, y < i32(0));
}

fn m_upow(x: u32, y: u32) -> u32 {
    var base = x;
    var rest = y;
    var result = u32(1u);
    for (var bit = 0; bit < 32; bit++) {
        result = select(result, result * base, (rest & u32(1u)) == u32(1u));
        base = base * base;
        rest = rest >> u32(1u);
    }
    return result;
}
