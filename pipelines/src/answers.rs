//! From logits to answers.

use serde::Serialize;

/// One class and how sure the model is of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Label {
    /// Its number.
    pub class: usize,
    /// Its name.
    pub label: String,
    /// Its probability, or the logit itself for regression.
    pub score: f32,
}

/// Probabilities of one row of logits: `exp(x - max) / Σ exp(x - max)`.
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|&number| f64::from(number - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| (power / sum) as f32).collect()
}

/// `1 / (1 + exp(-x))`.
pub(crate) fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// Places of the `count` largest numbers, largest first; the earlier of two that are equal.
pub fn top_k(numbers: &[f32], count: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..numbers.len()).collect();
    let order = |&a: &usize, &b: &usize| numbers[b].total_cmp(&numbers[a]).then(a.cmp(&b));
    if count == 0 {
        return Vec::new();
    }
    if count < places.len() {
        places.select_nth_unstable_by(count - 1, order);
        places.truncate(count);
    }
    places.sort_unstable_by(order);
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_come_first_and_ties_keep_their_order() {
        assert_eq!(top_k(&[1.0, 3.0, 2.0, 3.0], 3), [1, 3, 2]);
        assert_eq!(top_k(&[1.0, 2.0], 9), [1, 0]);
        assert_eq!(top_k(&[f32::NEG_INFINITY, -1.0], 1), [1]);
        assert!(top_k(&[1.0], 0).is_empty() && top_k(&[], 3).is_empty());
    }

    #[test]
    fn softmax_takes_large_numbers() {
        assert_eq!(softmax(&[1000.0, 1000.0]), [0.5, 0.5]);
        assert_eq!(softmax(&[0.0, f32::NEG_INFINITY]), [1.0, 0.0]);
    }
}
