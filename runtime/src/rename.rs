//! Parts of weight paths under other names: how a spec's spelling becomes a checkpoint's, and the other way round.

/// `name` with the first run of words that `from` describes spelled as `to`; none where it has no such run.
///
/// Patterns are words joined by dots; `*` is any one word, and stands in `to` for what it stood for in `from`, in order.
pub fn renamed(name: &str, from: &str, to: &str) -> Option<String> {
    let words: Vec<&str> = name.split('.').collect();
    let pattern: Vec<&str> = from.split('.').collect();
    let fits = |start: &usize| words[*start..*start + pattern.len()].iter().zip(&pattern).all(|(word, part)| *part == "*" || word == part);
    let start = (0..(words.len() + 1).saturating_sub(pattern.len())).find(fits)?;
    let end = start + pattern.len();
    let mut wild = words[start..end].iter().zip(&pattern).filter(|(_, part)| **part == "*").map(|(word, _)| *word);
    let middle = to.split('.').filter(|part| !part.is_empty()).map(|part| if part == "*" { wild.next().unwrap_or(part) } else { part });
    let all: Vec<&str> = words[..start].iter().copied().chain(middle.collect::<Vec<_>>()).chain(words[end..].iter().copied()).collect();
    Some(all.join("."))
}

#[cfg(test)]
mod tests {
    use super::renamed;

    #[test]
    fn runs_of_words_are_renamed_anywhere() {
        let rename = |name| renamed(name, "wing.*.LayerNorm", "feather.*.norm");
        assert_eq!(rename("bird.wing.3.LayerNorm.weight").as_deref(), Some("bird.feather.3.norm.weight"));
        assert_eq!(rename("wing.3.LayerNorm").as_deref(), Some("feather.3.norm"));
        assert_eq!(rename("bird.wing.3.OtherLayerNorm.weight"), None);
        assert_eq!(rename("wing.3"), None);
        assert_eq!(renamed("a.b.c", "b", "").as_deref(), Some("a.c"));
        assert_eq!(renamed("layer.1.x.2", "layer.*.x.*", "x.*.layer.*").as_deref(), Some("x.1.layer.2"));
    }
}
