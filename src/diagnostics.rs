//! Every error that `gen` can report: a table of codes, and the list that collects them.
//!
//! A stage adds all that it finds and goes on where it can; the edge sorts by place and prints all at once.

mod lines;
mod reference;
mod render;

use std::fmt;
use std::sync::Arc;

pub use lines::{Lines, Position};
pub use reference::{explanation, page, reference};
pub use render::{human, rows};

/// A text that spans point into: a file of `model_specs/` or `templates/`, or one under validation.
#[derive(Debug, PartialEq, Eq)]
pub struct SourceText {
    /// Path as messages show it, with forward slashes, relative to the specs' root.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// A range of bytes of a source.
#[derive(Clone, PartialEq, Eq)]
pub struct Span {
    /// The text it points into.
    pub source: Arc<SourceText>,
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

impl Span {
    /// Line and column of the first byte, both from 1; columns count characters.
    pub fn position(&self) -> (usize, usize) {
        let position = Lines::default().position(self);
        (position.line, position.column)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}..{}]", self.source.name, self.start, self.end)
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Its row in the table of codes.
    pub code: Code,
    /// Where; absent where there is no text to show, as with a missing file.
    pub span: Option<Span>,
    /// What is wrong, expected before found; lower case, names in backticks.
    pub message: String,
    /// The next step.
    pub help: Option<String>,
}

/// What a stage found. Ask [`Diagnostics::is_empty`] before going on to the next stage.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds one.
    pub fn add(&mut self, code: Code, span: impl Into<Option<Span>>, message: impl Into<String>, help: impl Into<Option<String>>) {
        self.list.push(Diagnostic { code, span: span.into(), message: message.into(), help: help.into() });
    }

    /// True where nothing was found.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many were found.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds all of another list.
    pub fn extend(&mut self, other: Diagnostics) {
        self.list.extend(other.list);
    }

    /// All, sorted by file and place, each once.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        let key = |one: &Diagnostic| {
            let place = one.span.as_ref().map(|span| (span.source.name.clone(), span.start, span.end));
            (place, one.code, one.message.clone())
        };
        self.list.sort_by_key(key);
        self.list.dedup_by_key(|one| key(one));
        self.list
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident $code:literal $title:literal;)*) => {
        /// A stable code; `gen explain CODE` prints its page.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[doc = $doc])* $variant,)* }

        impl Code {
            /// All codes, in the order of the table.
            pub const ALL: &[Code] = &[$(Code::$variant),*];

            /// The code as it is printed.
            pub const fn id(self) -> &'static str { match self { $(Code::$variant => $code),* } }

            /// What kind of mistake it is.
            pub const fn title(self) -> &'static str { match self { $(Code::$variant => $title),* } }

            /// Cause and cure.
            pub const fn explanation(self) -> &'static str { match self { $(Code::$variant => concat!($($doc, "\n"),*)),* } }
        }
    };
}

codes! {
    /// The file is not YAML. The underlined place is where the parser stopped; the mistake is there or just before it.
    /// Common causes: a tab for indentation, a `:` without a blank after it, a quote that is not closed.
    BrokenYaml "S001" "broken YAML";
    /// The spec has more bytes, levels, nodes or aliases than a spec may have. Specs are a few kilobytes; the bounds keep a hostile
    /// file from exhausting memory. Split the file, or write repeated parts as blocks.
    TooLarge "S002" "spec beyond its bounds";
    /// A mapping has a key that the spec language does not know at this place. `gen schema` lists the keys.
    UnknownField "S003" "unknown field";
    /// A mapping has the same key twice; only one can be meant.
    DuplicateField "S004" "duplicate field";
    /// A value is of another type than the field takes.
    WrongType "S005" "wrong type";
    /// A field that the spec language requires is not there.
    MissingField "S006" "missing field";
    /// A text is not an expression of the spec language: calls, names, numbers, texts in double quotes, `true` and `false`, lists,
    /// `+ - * /`, comparisons, `&& || !`, and parentheses.
    BadExpression "S007" "not an expression";
    /// A name must be lower-case words joined by `_` (heads: as the class is called), and no word of Rust or of the generated code.
    BadName "S008" "unusable name";
    /// `extends` comes back to a model it started from.
    ExtendsCycle "S009" "cycle in `extends`";
    /// No file of that name in `model_specs/models/`. `gen list models` prints them.
    UnknownModel "S010" "unknown model";
    /// No file of that name in `model_specs/platforms/`. `gen list platforms` prints them.
    UnknownPlatform "S011" "unknown platform";
    /// A file's name and the name it states differ; a spec is found by its file's name.
    FileName "S012" "name is not the file's";
    /// A file or folder cannot be read as text.
    Unreadable "S013" "unreadable";
    /// A call of something that is neither an operator, a block nor a function of the language. `gen list operators` and
    /// `gen list blocks` print the names.
    UnknownFunction "P001" "unknown operator or block";
    /// A name that nothing in the spec binds. Blocks see their parameters and steps alone.
    UnknownName "P002" "unknown name";
    /// A step reads a name that only a later step binds.
    LaterName "P003" "name bound later";
    /// A step's value is read by nothing. Delete the step, or start its name with `_` to keep it.
    UnusedStep "P004" "unused step";
    /// A block calls itself, directly or through others.
    BlockCycle "P005" "cycle of blocks";
    /// A call gives too many, too few, unknown or repeated arguments.
    WrongArgument "P006" "wrong arguments";
    /// A value of one kind (tensor, int, float, bool, text, list) stands where another is needed.
    WrongKind "P007" "wrong kind of value";
    /// A weight path where none can be, or one that is written wrongly. Weight paths are texts; they nest under the prefix of
    /// the block, the repeat and the head they stand in. `base:` at the start, in a head alone, means the base model's prefix.
    WrongPrefix "P008" "wrong weight path";
    /// An operator's rule on shapes, types or options is broken. The graph was built with the sizes that the message names; a
    /// second config with odd sizes is used too, so that what fits by accident shows.
    BrokenRule "P009" "operator's rule broken";
    /// A whole number was divided by one that does not divide it.
    NotWhole "P010" "division with a remainder";
    /// A head states an output that no step makes.
    MissingOutput "P011" "output that no step makes";
    /// A head's output has another type, shape or count than stated.
    WrongOutput "P012" "output of another type or shape";
    /// A platform cannot compute an operator, or not in this type. `gen plan --platform` lists all of them.
    Unsupported "P013" "operator the platform lacks";
    /// A `match` has no case for the config's default.
    MissingCase "P014" "value without a case";
    /// One weight is used in two shapes.
    WeightConflict "P015" "weight used in two shapes";
    /// A config key, input, dimension, parameter or rule of the spec that nothing reads.
    UnusedDeclaration "P016" "unused declaration";
    /// A name is taken by something else that could be meant.
    NameTaken "P017" "name taken";
    /// A Rust file does not parse.
    Unparsable "V001" "file that does not parse";
    /// A generated file must begin with the two lines that `gen` writes: the command that makes it, and the hash of its sources.
    /// Write the file again with `gen all`; a file written by hand belongs outside the generated folder.
    BadHeader "V002" "missing or broken header";
    /// The header's hash is not that of the present specs and templates: they changed after the file was written. Run `gen all`.
    StaleHash "V003" "written from other specs";
    /// The file is not what the command in its header writes. It was edited by hand, or `gen` changed. Change the spec or the
    /// template instead and run the command again.
    Drift "V004" "differs from what is generated";
    /// The file uses something that the runtime does not have: an operator, an option, a path, or another number of arguments.
    UnknownApi "V005" "use of what the runtime lacks";
    /// Generated files forbid unsafe code in themselves: `#![forbid(unsafe_code)]`.
    UnsafeNotForbidden "V006" "unsafe code is not forbidden";
    /// A model of the specs has no skillset, or a model and platform have no tests. Run `gen all`.
    MissingFile "V007" "model or platform without its file";
    /// A test asserts nothing, or only on literals: it cannot fail. Assert on a value that the test computes.
    EmptyTest "V008" "test that cannot fail";
    /// A file has no items. Write it again with `gen all`, or delete it.
    EmptyFile "V009" "empty file";
    /// The compiler or clippy refuses the file (`--compile`).
    CompilerFinding "V010" "refused by the compiler or clippy";
    /// A path would be written outside the output folder, through `..`, an absolute path or a symbolic link.
    PathLeaves "U001" "path that leaves the output folder";
    /// A file or folder cannot be written.
    Unwritable "U002" "unwritable";
    /// Options that do not go together, or a name that is not there.
    WrongUse "U003" "wrong use";
}
