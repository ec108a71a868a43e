// Integers of 64 bits as pairs of words, the low one first. `w_` functions serve both signs, `wi_` int64, `wu_` uint64.

fn w_add(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    let low = a.x + b.x;
    return vec2<u32>(low, a.y + b.y + select(0u, 1u, low < a.x));
}

fn w_sub(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    return vec2<u32>(a.x - b.x, a.y - b.y - select(0u, 1u, a.x < b.x));
}

fn w_neg(a: vec2<u32>) -> vec2<u32> {
    return w_sub(vec2<u32>(0u), a);
}

fn w_words(a: u32, b: u32) -> vec2<u32> {
    let low = (a & 65535u) * (b & 65535u);
    let left = (a & 65535u) * (b >> 16u);
    let right = (a >> 16u) * (b & 65535u);
    let middle = (low >> 16u) + (left & 65535u) + (right & 65535u);
    return vec2<u32>((low & 65535u) | (middle << 16u), (a >> 16u) * (b >> 16u) + (left >> 16u) + (right >> 16u) + (middle >> 16u));
}

fn w_mul(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    let low = w_words(a.x, b.x);
    return vec2<u32>(low.x, low.y + a.x * b.y + a.y * b.x);
}

fn w_equal(a: vec2<u32>, b: vec2<u32>) -> bool {
    return a.x == b.x && a.y == b.y;
}

fn wu_less(a: vec2<u32>, b: vec2<u32>) -> bool {
    return a.y < b.y || (a.y == b.y && a.x < b.x);
}

fn wi_less(a: vec2<u32>, b: vec2<u32>) -> bool {
    return wu_less(vec2<u32>(a.x, a.y ^ 0x80000000u), vec2<u32>(b.x, b.y ^ 0x80000000u));
}

fn wi_negative(a: vec2<u32>) -> bool {
    return (a.y >> 31u) == 1u;
}

fn wi_abs(a: vec2<u32>) -> vec2<u32> {
    return select(a, w_neg(a), wi_negative(a));
}

fn wi_sign(a: vec2<u32>) -> vec2<u32> {
    return select(vec2<u32>(select(1u, 0u, w_equal(a, vec2<u32>(0u))), 0u), vec2<u32>(0xffffffffu), wi_negative(a));
}

fn wu_sign(a: vec2<u32>) -> vec2<u32> {
    return vec2<u32>(select(1u, 0u, w_equal(a, vec2<u32>(0u))), 0u);
}

fn wu_max(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    return select(a, b, wu_less(a, b));
}

fn wu_min(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    return select(a, b, wu_less(b, a));
}

fn wi_max(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    return select(a, b, wi_less(a, b));
}

fn wi_min(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    return select(a, b, wi_less(b, a));
}

// Long division, a bit at a time; by 0 it gives 0.
fn wu_div(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    var rest = vec2<u32>(0u);
    var quotient = vec2<u32>(0u);
    for (var k = 0u; k < 64u; k++) {
        let bit = 63u - k;
        let carried = (rest.y >> 31u) == 1u;
        let next = select(a.x >> (bit & 31u), a.y >> (bit & 31u), bit >= 32u) & 1u;
        rest = vec2<u32>((rest.x << 1u) | next, (rest.y << 1u) | (rest.x >> 31u));
        if (carried || !wu_less(rest, b)) {
            rest = w_sub(rest, b);
            if (bit >= 32u) {
                quotient.y |= 1u << (bit & 31u);
            } else {
                quotient.x |= 1u << (bit & 31u);
            }
        }
    }
    return select(quotient, vec2<u32>(0u), w_equal(b, vec2<u32>(0u)));
}

fn wi_div(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    let quotient = wu_div(wi_abs(a), wi_abs(b));
    return select(quotient, w_neg(quotient), wi_negative(a) != wi_negative(b));
}

fn wu_pow(x: vec2<u32>, y: vec2<u32>) -> vec2<u32> {
    var base = x;
    var rest = y;
    var result = vec2<u32>(1u, 0u);
    for (var k = 0u; k < 64u; k++) {
        if ((rest.x & 1u) == 1u) {
            result = w_mul(result, base);
        }
        base = w_mul(base, base);
        rest = vec2<u32>((rest.x >> 1u) | (rest.y << 31u), rest.y >> 1u);
    }
    return result;
}

fn wi_pow(x: vec2<u32>, y: vec2<u32>) -> vec2<u32> {
    if (!wi_negative(y)) {
        return wu_pow(x, y);
    }
    let one = vec2<u32>(1u, 0u);
    let odd = (y.x & 1u) == 1u;
    if (w_equal(x, vec2<u32>(0u))) {
        return vec2<u32>(0xffffffffu, 0x7fffffffu);
    }
    if (w_equal(x, vec2<u32>(0xffffffffu))) {
        return select(one, x, odd);
    }
    return select(vec2<u32>(0u), one, w_equal(x, one));
}

// The nearest float32: the upper 32 bits of the number, with what is cut off left as a last bit.
fn wu_float(a: vec2<u32>) -> f32 {
    if (a.y == 0u) {
        return f32(a.x);
    }
    let shift = 32u - countLeadingZeros(a.y);
    let upper = select((a.y << (32u - (shift & 31u))) | (a.x >> (shift & 31u)), a.y, shift == 32u);
    let lost = select(a.x << (32u - (shift & 31u)), a.x, shift == 32u);
    return f32(upper | select(1u, 0u, lost == 0u)) * bitcast<f32>((shift + 127u) << 23u);
}

fn wi_float(a: vec2<u32>) -> f32 {
    let size = wu_float(wi_abs(a));
    return select(size, -size, wi_negative(a));
}

// Truncation that stops at the type's range; 0 of what is no number.
fn wu_from_float(x: f32) -> vec2<u32> {
    let size = max(m_number(x), 0.0);
    if (size >= 18446744073709551616.0) {
        return vec2<u32>(0xffffffffu);
    }
    let high = floor(size * 2.3283064365386963e-10);
    return vec2<u32>(u32(size - high * 4294967296.0), u32(high));
}

fn wi_from_float(x: f32) -> vec2<u32> {
    let size = wu_from_float(abs(x));
    if (wi_negative(size)) {
        return select(vec2<u32>(0xffffffffu, 0x7fffffffu), vec2<u32>(0u, 0x80000000u), x < 0.0);
    }
    return select(size, w_neg(size), x < 0.0);
}

fn w_from_int(x: i32) -> vec2<u32> {
    return vec2<u32>(bitcast<u32>(x), bitcast<u32>(x >> 31u));
}
