//! Names in messages and in generated code: suggestions, lists of alternatives, spelling rules.

/// ``did you mean `name`?`` where a known name is near.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(name, known).map(|near| format!("did you mean `{near}`?"))
}

/// The known name that is nearest, if it is near.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = name.len().max(3).div_ceil(3);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// `a`, `b` or `c`, each in backticks.
pub fn alternatives(names: &[&str]) -> String {
    match names {
        [] => "nothing".into(),
        [one] => format!("`{one}`"),
        [first @ .., last] => format!("{} or `{last}`", first.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}

/// Words that steps, blocks and config keys may not be called: the generated code uses them itself.
const RESERVED: &[&str] = &["base", "builder", "config", "weights", "request", "sizes", "states", "names", "inputs", "outputs"];

/// True for lower-case words joined by `_` that neither Rust nor the generated code takes.
pub fn is_usable(name: &str) -> bool {
    let letters = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    letters
        && !name.trim_matches('_').is_empty()
        && name.len() <= 64
        && syn::parse_str::<syn::Ident>(name).is_ok()
        && !RESERVED.contains(&name)
}

/// True for the name of a class: `BertModel`.
pub fn is_class(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.len() <= 80
        && name.chars().all(|letter| letter.is_ascii_alphanumeric())
}

/// `BertForMaskedLM` -> `bert_for_masked_lm`.
pub fn snake_case(class: &str) -> String {
    let letters: Vec<char> = class.chars().collect();
    let mut snake = String::new();
    for (index, letter) in letters.iter().enumerate() {
        let after_lower = index > 0 && !letters[index - 1].is_ascii_uppercase();
        let before_lower = index > 0 && letters.get(index + 1).is_some_and(char::is_ascii_lowercase);
        if letter.is_ascii_uppercase() && (after_lower || before_lower) {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// `masked_lm` -> `MaskedLm`.
pub fn camel_case(snake: &str) -> String {
    snake.split('_').map(|word| word.get(..1).map_or(String::new(), |first| first.to_ascii_uppercase() + &word[1..])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_convert() {
        assert_eq!(snake_case("BertForMaskedLM"), "bert_for_masked_lm");
        assert_eq!(snake_case("BertLMHeadModel"), "bert_lm_head_model");
        assert_eq!(snake_case("ViTModel"), "vi_t_model");
        assert_eq!(camel_case("feed_forward"), "FeedForward");
    }

    #[test]
    fn only_near_names_are_suggested() {
        assert_eq!(nearest("softmx", ["softmax", "matmul"]), Some("softmax"));
        assert_eq!(nearest("attention", ["softmax", "matmul"]), None);
        assert_eq!(nearest("x", ["y"]), None);
    }

    #[test]
    fn words_of_rust_and_of_the_generated_code_are_not_usable() {
        for name in ["match", "Self", "weights", "a-b", "", "_", "Ab"] {
            assert!(!is_usable(name), "{name}");
        }
        assert!(is_usable("hidden_2") && is_usable("_unused"));
    }
}
