//! WebNN's spelling of what the operators declare in snake_case.

/// `keep_dimensions` -> `keepDimensions`.
pub(super) fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        letters.next().map_or(name.clone(), |letter| format!("{name}{}{}", letter.to_ascii_uppercase(), letters.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::camel_case;

    #[test]
    fn words_are_joined() {
        for (name, expected) in
            [("axis", "axis"), ("keep_dimensions", "keepDimensions"), ("a_transpose", "aTranspose"), ("true_value", "trueValue")]
        {
            assert_eq!(camel_case(name), expected);
        }
    }
}
