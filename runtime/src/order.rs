//! Sorting, compiled once: the standard library's sort is some five kilobytes for every type that is sorted, and a browser downloads each.

/// The numbers below `count` in order, by merging; those of which neither is `before` the other stay as they are.
pub(crate) fn order(count: usize, before: &dyn Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    let mut merged = Vec::with_capacity(count);
    let mut width = 1;
    while width < count {
        for start in (0..count).step_by(2 * width) {
            let (middle, end) = (count.min(start + width), count.min(start + 2 * width));
            let (mut left, mut right) = (start, middle);
            while left < middle || right < end {
                let side = if left == middle || (right < end && before(order[right], order[left])) { &mut right } else { &mut left };
                merged.push(order[*side]);
                *side += 1;
            }
        }
        std::mem::swap(&mut order, &mut merged);
        merged.clear();
        width *= 2;
    }
    order
}

#[cfg(test)]
#[test]
fn as_the_standard_library_sorts() {
    // Many equal ones, and every count around the powers of two.
    let numbers: Vec<usize> = (0..70).map(|index| index * 37 % 23).collect();
    for count in 0..numbers.len() {
        let mut expected: Vec<usize> = (0..count).collect();
        expected.sort_by_key(|index| numbers[*index]);
        assert_eq!(order(count, &|a, b| numbers[a] < numbers[b]), expected);
    }
}
