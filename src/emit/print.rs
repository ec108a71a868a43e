//! Tokens -> text: prettyplease, and what it cannot carry.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};

use super::layout;

/// Items as text. The tokens are the emitter's own, and the emitter's tests parse all it can make: a failure is a defect
/// of the emitter, shown in the text itself, so that the compiler names the place.
pub(super) fn items(tokens: TokenStream) -> String {
    match syn::parse2::<syn::File>(tokens.clone()) {
        Ok(file) => layout::layout(&prettyplease::unparse(&file)),
        Err(error) => format!("compile_error!({:?});\n{tokens}\n", format!("the emitter made tokens that are no items: {error}")),
    }
}

/// Every word in the tokens.
pub(super) fn words(tokens: &TokenStream, words: &mut BTreeSet<String>) {
    for token in tokens.clone() {
        match token {
            TokenTree::Ident(word) => {
                words.insert(word.to_string());
            }
            TokenTree::Group(group) => self::words(&group.stream(), words),
            _ => {}
        }
    }
}

/// True where the word stands in the tokens.
pub(super) fn mentions(tokens: &TokenStream, word: &str) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(known) => known == word,
        TokenTree::Group(group) => mentions(&group.stream(), word),
        _ => false,
    })
}
