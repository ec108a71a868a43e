//! Sorting, compiled once: the standard library's sort is some five kilobytes for every type that is sorted, and a browser downloads each.

/// The numbers below `count` in order; those of which neither is `before` the other stay as they are.
pub(crate) fn order(count: usize, before: &dyn Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut order = Vec::with_capacity(count);
    for next in 0..count {
        let place = order.partition_point(|&other| !before(next, other));
        order.insert(place, next);
    }
    order
}

#[cfg(test)]
#[test]
fn as_the_standard_library_sorts() {
    let numbers = [5, 3, 8, 3, 0, 5, 5, 1, 9, 3];
    let mut expected: Vec<usize> = (0..numbers.len()).collect();
    expected.sort_by_key(|index| numbers[*index]);
    assert_eq!(order(numbers.len(), &|a, b| numbers[a] < numbers[b]), expected);
    assert_eq!(order(0, &|_, _| true), [0; 0]);
}
