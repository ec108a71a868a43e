//! How the names of a graph's weights and the names in checkpoints differ.

use super::Checkpoint;
use crate::rename::renamed;

/// A tensor that is another tensor (HF's `_tied_weights_keys`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tie {
    /// The name that is not read.
    pub name: &'static str,
    /// The name that is read in its stead.
    pub to: &'static str,
}

/// The naming facts of one model under one config.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WeightNames {
    /// Prefix of the base model in checkpoints with a head; checkpoints of the base model alone lack it.
    pub base_model_prefix: &'static str,
    /// Parts of paths as the model's steps spell them, with what the checkpoint calls them; see [`renamed`].
    pub called: &'static [(&'static str, &'static str)],
    /// Parts of paths that other checkpoints use: `(theirs, ours)`; see [`renamed`].
    pub renamed: &'static [(&'static str, &'static str)],
    /// Ties in force under this config.
    pub tied: Vec<Tie>,
    /// Patterns (`*` matches any run of characters) of surplus tensors that need no report.
    pub ignored: &'static [&'static str],
}

impl WeightNames {
    /// The name that is read for what the steps call `name`: as the checkpoint calls it, ties followed.
    pub fn canonical(&self, name: &str) -> String {
        let called = self.called.iter().fold(name.to_owned(), |name, (ours, theirs)| renamed(&name, ours, theirs).unwrap_or(name));
        self.tied.iter().find(|tie| tie.name == called).map_or(called, |tie| tie.to.to_owned())
    }

    /// Every spelling under which a checkpoint may hold `name`, the most exact first.
    pub fn spellings(&self, name: &str) -> Vec<String> {
        let mut spellings = vec![name.to_owned()];
        let prefix = format!("{}.", self.base_model_prefix);
        if let Some(rest) = name.strip_prefix(&prefix).filter(|_| !self.base_model_prefix.is_empty()) {
            spellings.push(rest.to_owned());
        }
        for (theirs, ours) in self.renamed {
            for index in 0..spellings.len() {
                spellings.extend(renamed(&spellings[index], ours, theirs));
            }
        }
        spellings
    }

    /// Holds the ties against a checkpoint, as HF does: a tie of two tensors that are both there and differ is dropped, and
    /// one whose target is not there is turned round. Gives the names that are not tied after all.
    pub fn settle(&mut self, checkpoint: &Checkpoint) -> Vec<String> {
        let find = |names: &Self, name: &str| names.spellings(name).iter().find_map(|spelling| checkpoint.tensor(spelling).cloned());
        let mut untied = Vec::new();
        for tie in std::mem::take(&mut self.tied) {
            match (find(self, tie.name), find(self, tie.to)) {
                (Some(own), Some(other)) if own.shape != other.shape || own.bytes() != other.bytes() => untied.push(tie.name.to_owned()),
                (Some(_), None) => self.tied.push(Tie { name: tie.to, to: tie.name }),
                _ => self.tied.push(tie),
            }
        }
        untied
    }

    /// True where a tensor of this name may be surplus without a word.
    pub fn is_ignored(&self, name: &str) -> bool {
        self.ignored.iter().any(|pattern| matches(pattern, name))
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => {
            let Some(rest) = name.strip_prefix(head) else { return false };
            (0..=rest.len()).filter(|&start| rest.is_char_boundary(start)).any(|start| matches(tail, &rest[start..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: WeightNames = WeightNames {
        base_model_prefix: "bird",
        called: &[("wing.*.feather", "plume.*")],
        renamed: &[("LayerNorm.gamma", "LayerNorm.weight")],
        tied: Vec::new(),
        ignored: &["*.position_ids", "head.*"],
    };

    #[test]
    fn spellings_cover_prefix_and_old_endings() {
        assert_eq!(
            NAMES.spellings("bird.wing.LayerNorm.weight"),
            ["bird.wing.LayerNorm.weight", "wing.LayerNorm.weight", "bird.wing.LayerNorm.gamma", "wing.LayerNorm.gamma"]
        );
        assert_eq!(NAMES.spellings("head.OtherLayerNorm.weight"), ["head.OtherLayerNorm.weight"]);
    }

    #[test]
    fn a_tie_is_followed() {
        let names = WeightNames { tied: vec![Tie { name: "head.weight", to: "bird.weight" }], ..NAMES };
        assert_eq!(names.canonical("head.weight"), "bird.weight");
        assert_eq!(names.canonical("head.bias"), "head.bias");
        assert_eq!(names.canonical("bird.wing.3.feather.weight"), "bird.plume.3.weight");
    }

    #[test]
    fn patterns_match_whole_names() {
        assert!(NAMES.is_ignored("bird.position_ids"));
        assert!(!NAMES.is_ignored("bird.position_ids_too"));
        assert!(NAMES.is_ignored("head.x"));
        assert!(!NAMES.is_ignored("ahead.x"));
    }
}
