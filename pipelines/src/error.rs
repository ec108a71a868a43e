//! Why a pipeline could not be made or run.

/// One closed list; the place, the cause and, where there is one, the next step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model could not be loaded or run.
    #[error(transparent)]
    Runtime(#[from] ipfs_accelerate_runtime::Error),
    /// A file of the model's folder is missing.
    #[error("`{file}` is missing among the model's files; {why}")]
    MissingFile {
        /// Its name in the folder.
        file: String,
        /// What needs it, or what to do.
        why: String,
    },
    /// A file of the model's folder says what this crate cannot follow.
    #[error("{file}: {reason}")]
    ModelFile {
        /// Its name in the folder.
        file: String,
        /// Expected before found.
        reason: String,
    },
    /// The model has another task.
    #[error("`{head}` does not give `{output}`, which {pipeline} needs; it gives {}", known.join(", "))]
    WrongHead {
        /// The graph in use.
        head: String,
        /// HF's name of the task.
        pipeline: &'static str,
        /// What was looked for.
        output: &'static str,
        /// What there is.
        known: Vec<String>,
    },
    /// The family has no graph for the task.
    #[error("`{family}` has no head for {pipeline}; it has {}", known.join(", "))]
    NoHead {
        /// `model_type` of config.json.
        family: String,
        /// HF's name of the task.
        pipeline: String,
        /// The tasks there are.
        known: Vec<String>,
    },
    /// An input that cannot be worked on.
    #[error("input {index}: {reason}")]
    Input {
        /// Which of the batch, from 0.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// Bytes that are no picture this crate reads, or too large a one.
    #[error("picture: {0}")]
    Picture(String),
    /// Bytes that are no sound this crate reads, or too long a one.
    #[error("sound: {0}")]
    Sound(String),
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A file could not be read.
    #[error("{path}: {source}")]
    Io {
        /// The path.
        path: String,
        /// The system's word.
        source: std::io::Error,
    },
}

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
