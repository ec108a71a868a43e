//! Steps and expressions as Rust: what the interpreter does to a graph, written down.

use std::collections::BTreeSet;

use ipfs_accelerate_runtime::DataType;
use ipfs_accelerate_runtime::graph::{self, DefaultValue, Operator};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::print;
use crate::plan::Plan;
use crate::plan::typed::{BlockArgument, Kind, NameKind, Path, PathPart, Typed, TypedChoice, TypedNode, TypedStep};
use crate::spec::expression::Binary;

/// Tokens, and how they hold their value.
#[derive(Clone)]
pub(super) struct Code {
    tokens: TokenStream,
    form: Form,
    /// The `Result` that the value is taken from by `?`, where that is all there is to it.
    result: Option<TokenStream>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A value of its own.
    Owned,
    /// A variable that owns its value.
    Place,
    /// A reference.
    Reference,
}

/// How a function's `weights` are held.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weights {
    Parameter,
    Variable,
}

/// The body of one function.
pub(super) struct Body<'a> {
    plan: &'a Plan,
    /// Statements so far, one list for each open brace.
    statements: Vec<Vec<TokenStream>>,
    taken: BTreeSet<String>,
    assigned: BTreeSet<String>,
    weights: Weights,
    /// In a head of the base model itself `base:` is where it stands already.
    at_base: bool,
    pub(super) options: BTreeSet<&'static str>,
}

impl<'a> Body<'a> {
    pub(super) fn new(plan: &'a Plan, at_base: bool) -> Self {
        Self {
            plan,
            statements: vec![Vec::new()],
            taken: BTreeSet::new(),
            assigned: BTreeSet::new(),
            weights: Weights::Parameter,
            at_base,
            options: BTreeSet::new(),
        }
    }

    /// The statements written so far.
    pub(super) fn finish(&mut self) -> TokenStream {
        let statements = std::mem::take(&mut self.statements[0]);
        quote!(#(#statements)*)
    }

    /// Names that generated variables must not take.
    pub(super) fn take(&mut self, name: &str) {
        self.taken.insert(name.to_owned());
    }

    fn push(&mut self, statement: TokenStream) {
        if let Some(open) = self.statements.last_mut() {
            open.push(statement);
        }
    }

    pub(super) fn steps(&mut self, steps: &[TypedStep]) {
        for (index, step) in steps.iter().enumerate() {
            match step {
                TypedStep::Bind { name, value } => {
                    let variable = format_ident!("{name}");
                    self.take(name);
                    let value = self.choice(value);
                    let statement = if self.assigned.contains(name) {
                        quote!(#variable = #value;)
                    } else if is_carried(name, &steps[index + 1..]) {
                        quote!(let mut #variable = #value;)
                    } else {
                        quote!(let #variable = #value;)
                    };
                    self.push(statement);
                }
                TypedStep::Collect { list, value } => {
                    let list = format_ident!("{list}");
                    let value = self.value(value);
                    let value = value.owned();
                    self.push(quote!(#list.push(#value);));
                }
                TypedStep::Repeat { counter, count, prefix, steps, carried } => {
                    self.repeat(counter, count, prefix.as_ref(), steps, carried);
                }
            }
        }
    }

    fn repeat(&mut self, counter: &str, count: &Typed, prefix: Option<&Path>, steps: &[TypedStep], carried: &[(String, NameKind)]) {
        let count = self.number(count);
        let before = self.assigned.clone();
        for (name, outer) in carried {
            if *outer == NameKind::Base {
                let variable = format_ident!("{name}");
                self.push(quote!(let mut #variable = base.#variable.clone();));
            }
            self.assigned.insert(name.clone());
        }
        let outside = self.weights;
        let enter = prefix.map(|prefix| self.enter(prefix));
        if enter.is_some() {
            self.weights = Weights::Variable;
        }
        self.statements.push(Vec::new());
        self.steps(steps);
        let inner = self.statements.pop().unwrap_or_default();
        self.weights = outside;
        self.assigned = before;
        let inner = quote!(#(#inner)*);
        let enter = enter.filter(|_| print::mentions(&inner, "weights"));
        let in_prefix = enter.is_some() && prefix.is_some_and(|prefix| prefix.parts.iter().any(|part| matches!(part, PathPart::Number(_, name) if name == counter)));
        let counter = if in_prefix || print::mentions(&inner, counter) { format_ident!("{counter}") } else { format_ident!("_{counter}") };
        let enter = enter.map(|enter| quote!(let weights = #enter;));
        self.push(quote! {
            for #counter in 0..#count {
                #enter
                #inner
            }
        });
    }

    /// A choice as an expression that owns its value.
    fn choice(&mut self, choice: &TypedChoice) -> TokenStream {
        self.chosen(choice, false)
    }

    /// A choice as the `Result` that ends a function.
    pub(super) fn result(&mut self, choice: &TypedChoice) -> TokenStream {
        self.chosen(choice, true)
    }

    fn chosen(&mut self, choice: &TypedChoice, ends: bool) -> TokenStream {
        match choice {
            TypedChoice::Expression(typed) => {
                let code = self.value(typed);
                match (ends, code.form) {
                    (false, _) => code.owned(),
                    // Nothing reads the variable any more.
                    (true, Form::Place) if matches!(typed.node, TypedNode::Name(NameKind::Local, _)) => {
                        let variable = code.tokens;
                        quote!(Ok(#variable))
                    }
                    (true, _) => code.result.clone().unwrap_or_else(|| {
                        let value = code.owned();
                        quote!(Ok(#value))
                    }),
                }
            }
            TypedChoice::When { condition, then, otherwise } => {
                let condition = self.flag(condition);
                let (then, otherwise) = (self.branch(then, ends), self.branch(otherwise, ends));
                quote!(if #condition { #then } else { #otherwise })
            }
            TypedChoice::Match { subject, cases } => {
                let key = &subject.text;
                let subject = self.text(subject);
                let arms: Vec<_> = cases
                    .iter()
                    .map(|(texts, choice)| {
                        let branch = self.branch(choice, ends);
                        quote!(#(#texts)|* => { #branch })
                    })
                    .collect();
                let texts = cases.iter().flat_map(|(texts, _)| texts);
                let other = quote!(Err(unsupported_value(#key, other, &[#(#texts),*])));
                let other = if ends { other } else { quote!(return #other) };
                quote! {
                    match #subject {
                        #(#arms)*
                        other => #other,
                    }
                }
            }
        }
    }

    fn branch(&mut self, choice: &TypedChoice, ends: bool) -> TokenStream {
        self.statements.push(Vec::new());
        let value = self.chosen(choice, ends);
        let statements = self.statements.pop().unwrap_or_default();
        quote!(#(#statements)* #value)
    }

    /// An expression of any kind.
    pub(super) fn value(&mut self, typed: &Typed) -> Code {
        match &typed.node {
            TypedNode::List(list) if typed.kind == Kind::Ints => {
                let sizes: Vec<_> = list.iter().map(|each| self.number(each)).collect();
                owned(quote!([#(#sizes),*]))
            }
            TypedNode::List(list) => {
                let tensors: Vec<_> = (0..list.len()).map(|index| self.ordered(&list[index], &list[index + 1..]).owned()).collect();
                owned(quote!([#(#tensors),*]))
            }
            TypedNode::Name(name_kind, name) => self.name(*name_kind, name, typed.kind),
            TypedNode::Index(list, at) => {
                let list = self.value(list).tokens;
                let at = Literal::usize_unsuffixed(*at);
                Code { tokens: quote!(#list[#at]), form: Form::Place, result: None }
            }
            TypedNode::Operator(operator, arguments) => self.operator(operator, arguments),
            TypedNode::Block(index, arguments) => self.block(*index, arguments),
            TypedNode::Weight(path, sizes) => {
                let sizes: Vec<_> = sizes.iter().map(|size| self.number(size)).collect();
                let scope = if path.base && !self.at_base { quote!(weights.base()) } else { quote!(weights) };
                let path = match self.path(path) {
                    (text, true) => quote!(&#text),
                    (text, false) => text,
                };
                fallible(quote!(#scope.tensor(#path, &[#(#sizes),*])))
            }
            TypedNode::Shape(of) => {
                let of = self.value(of).tokens;
                Code { tokens: quote!(#of.shape()), form: Form::Reference, result: None }
            }
            TypedNode::Range(count) => {
                let count = self.number(count);
                fallible(quote!(builder.range(#count)))
            }
            TypedNode::Scalar(number, data_type) => {
                let (number, data_type) = (self.float(number), self::data_type(*data_type));
                fallible(quote!(builder.scalar(#data_type, #number)))
            }
            _ => owned(match typed.kind {
                Kind::Bool => self.flag(typed),
                Kind::Float => self.float(typed),
                Kind::Text => self.text(typed),
                _ => self.number(typed),
            }),
        }
    }

    fn name(&self, name_kind: NameKind, name: &str, kind: Kind) -> Code {
        let variable = format_ident!("{name}");
        match (name_kind, kind) {
            (NameKind::Base, _) => Code { tokens: quote!(base.#variable), form: Form::Place, result: None },
            (NameKind::Config, _) => Code { tokens: quote!(config.#variable), form: Form::Place, result: None },
            (NameKind::Input | NameKind::Parameter, Kind::Tensor | Kind::Tensors | Kind::Ints | Kind::Text) => {
                Code { tokens: quote!(#variable), form: Form::Reference, result: None }
            }
            _ => Code { tokens: quote!(#variable), form: Form::Place, result: None },
        }
    }

    fn operator(&mut self, operator: &'static Operator, arguments: &[Option<Typed>]) -> Code {
        // A number in a tensor's place takes its type from the first tensor, which needs a name for that.
        let is_number = |argument: &Option<Typed>| argument.as_ref().is_some_and(|typed| typed.kind.is_number());
        let operands = operator.parameters.iter().zip(arguments).filter(|(parameter, _)| parameter.kind == graph::Kind::Operand);
        let needs_type = operands.clone().any(|(_, argument)| is_number(argument));
        let mut model: Option<TokenStream> = None;
        let mut required = Vec::new();
        let mut options = Vec::new();
        if needs_type {
            let first = operands.clone().find_map(|(_, argument)| argument.as_ref().filter(|typed| typed.kind == Kind::Tensor));
            model = first.map(|first| self.variable(first));
        }
        for (index, (parameter, argument)) in operator.parameters.iter().zip(arguments).enumerate() {
            let Some(argument) = argument else { continue };
            let name = format_ident!("{}", parameter.name);
            let tokens = match (parameter.kind, &model) {
                (graph::Kind::Operand, Some(model)) if argument.kind.is_number() => {
                    let number = self.float(argument);
                    quote!(&builder.scalar(#model.data_type(), #number)?)
                }
                (graph::Kind::Operand, Some(model)) if parameter.is_required() && argument.kind == Kind::Tensor && self.is_first(operator, arguments, argument) => {
                    reference_to(model, self.is_reference(argument))
                }
                (graph::Kind::Operand, _) if parameter.is_required() => self.ordered(argument, &arguments[index + 1..]).reference(),
                (graph::Kind::Operand, _) => {
                    let operand = self.ordered(argument, &arguments[index + 1..]).owned();
                    quote!(Some(#operand))
                }
                (graph::Kind::Operands, _) => self.value(argument).reference(),
                (graph::Kind::Int, _) => self.number(argument),
                (graph::Kind::Ints, _) if parameter.is_required() => self.value(argument).reference(),
                (graph::Kind::Ints, _) => match &argument.node {
                    TypedNode::List(list) => {
                        let sizes: Vec<_> = list.iter().map(|each| self.number(each)).collect();
                        quote!(Some(Vec::from([#(#sizes),*])))
                    }
                    _ => {
                        let sizes = self.value(argument).tokens;
                        quote!(Some(#sizes.to_vec()))
                    }
                },
                (graph::Kind::Float, _) => self.float(argument),
                (graph::Kind::Bool, _) => self.flag(argument),
                (graph::Kind::Text, _) => {
                    let text = self.text(argument);
                    if parameter.is_required() { text } else { quote!(#text.into()) }
                }
                (graph::Kind::DataType, _) => match &argument.node {
                    TypedNode::Text(text) => DataType::from_name(text).map_or_else(TokenStream::new, data_type),
                    _ => TokenStream::new(),
                },
            };
            if parameter.is_required() {
                required.push(tokens);
            } else {
                let plain_number = matches!(parameter.kind, graph::Kind::Int | graph::Kind::Float) && parameter.default == DefaultValue::None;
                let tokens = if plain_number { quote!(Some(#tokens)) } else { tokens };
                options.push(if tokens.to_string() == parameter.name { quote!(#name) } else { quote!(#name: #tokens) });
            }
        }
        if !operator.options.is_empty() {
            self.options.insert(operator.options);
            let name = format_ident!("{}", operator.options);
            let all = operator.parameters.iter().filter(|parameter| !parameter.is_required()).count();
            required.push(match options.len() {
                0 => quote!(#name::default()),
                given if given == all => quote!(#name { #(#options),* }),
                _ => quote!(#name { #(#options,)* ..#name::default() }),
            });
        }
        let method = format_ident!("{}", operator.name);
        fallible(quote!(builder.#method(#(#required),*)))
    }

    /// An argument that stands before `later` ones: where one of those needs a statement of its own, so does this one, for
    /// the order of the calls is the order of the graph.
    fn ordered<'t>(&mut self, typed: &Typed, later: impl IntoIterator<Item = &'t (impl AsTyped + 't)>) -> Code {
        let named = matches!(typed.node, TypedNode::Name(..));
        if !named && later.into_iter().filter_map(AsTyped::typed).any(needs_statement) {
            return Code { tokens: self.variable(typed), form: Form::Place, result: None };
        }
        self.value(typed)
    }

    /// True for the tensor that gives numbers their type.
    fn is_first(&self, operator: &Operator, arguments: &[Option<Typed>], argument: &Typed) -> bool {
        let mut operands = operator.parameters.iter().zip(arguments).filter(|(parameter, _)| parameter.kind == graph::Kind::Operand);
        operands.find_map(|(_, known)| known.as_ref().filter(|typed| typed.kind == Kind::Tensor)).is_some_and(|first| std::ptr::eq(first, argument))
    }

    fn is_reference(&self, typed: &Typed) -> bool {
        matches!(typed.node, TypedNode::Name(NameKind::Input | NameKind::Parameter, _))
    }

    /// The expression as a variable: its own name, or a new one bound to it.
    fn variable(&mut self, typed: &Typed) -> TokenStream {
        if matches!(typed.node, TypedNode::Name(..)) {
            return self.value(typed).tokens;
        }
        let value = self.value(typed).owned();
        let stem = match &typed.node {
            TypedNode::Operator(operator, _) => match operator.name {
                "add" => "sum",
                "sub" => "difference",
                "mul" => "product",
                "div" => "quotient",
                name => name,
            },
            TypedNode::Block(index, _) => &self.plan.library.block(*index).name,
            _ => "value",
        };
        let stem = if stem.ends_with('_') || !crate::names::is_usable(stem) { "value" } else { stem };
        let name = (1..).map(|number| if number == 1 { stem.to_owned() } else { format!("{stem}_{number}") }).find(|name| !self.taken.contains(name));
        let variable = format_ident!("{}", name.as_deref().unwrap_or(stem));
        self.take(&variable.to_string());
        self.push(quote!(let #variable = #value;));
        quote!(#variable)
    }

    fn block(&mut self, callee: usize, arguments: &[BlockArgument]) -> Code {
        let plan = self.plan;
        let block = plan.library.block(callee);
        let function = format_ident!("{}", block.name);
        let mut tokens = Vec::new();
        let mut weights = quote!();
        for (index, (parameter, argument)) in block.parameters.iter().zip(arguments).enumerate() {
            match argument {
                BlockArgument::Path(path) => {
                    let scope = self.enter(path);
                    weights = if path.parts.is_empty() && (!path.base || self.at_base) {
                        if self.weights == Weights::Parameter { quote!(weights,) } else { quote!(&weights,) }
                    } else {
                        quote!(&#scope,)
                    };
                }
                BlockArgument::Value(typed) => tokens.push(match parameter.kind {
                    Some(Kind::Tensor) => {
                        let later = arguments[index + 1..].iter().filter_map(|argument| match argument {
                            BlockArgument::Value(typed) => Some(typed),
                            BlockArgument::Path(_) => None,
                        });
                        self.ordered(typed, later).reference()
                    }
                    Some(Kind::Tensors | Kind::Ints) => self.value(typed).reference(),
                    Some(Kind::Text) => match &typed.node {
                        TypedNode::Name(NameKind::Config, name) => {
                            let name = format_ident!("{name}");
                            quote!(&config.#name)
                        }
                        _ => self.text(typed),
                    },
                    Some(Kind::Float) => self.float(typed),
                    Some(Kind::Bool) => self.flag(typed),
                    _ => self.number(typed),
                }),
            }
        }
        fallible(quote!(#function(builder, #weights #(#tokens),*)))
    }

    /// A scope of weights below the present one.
    fn enter(&self, path: &Path) -> TokenStream {
        let scope = if path.base && !self.at_base { quote!(weights.base()) } else { quote!(weights) };
        if path.parts.is_empty() {
            return scope;
        }
        let (text, _) = self.path(path);
        quote!(#scope.enter(#text))
    }

    /// A path as an expression, and whether it is a `String`.
    fn path(&self, path: &Path) -> (TokenStream, bool) {
        let mut format = String::new();
        let mut arguments = Vec::new();
        for part in &path.parts {
            match part {
                PathPart::Text(text) => format.push_str(text),
                PathPart::Number(NameKind::Config | NameKind::Base, name) => {
                    format.push_str("{}");
                    let name = format_ident!("{name}");
                    arguments.push(quote!(, config.#name));
                }
                PathPart::Number(_, name) => format.push_str(&format!("{{{name}}}")),
            }
        }
        let dynamic = path.parts.iter().any(|part| matches!(part, PathPart::Number(..)));
        if dynamic { (quote!(format!(#format #(#arguments)*)), true) } else { (quote!(#format), false) }
    }

    fn text(&mut self, typed: &Typed) -> TokenStream {
        match &typed.node {
            TypedNode::Text(text) => quote!(#text),
            TypedNode::Name(NameKind::Config, name) => {
                let name = format_ident!("{name}");
                quote!(config.#name.as_str())
            }
            _ => self.value(typed).tokens,
        }
    }

    /// A truth value of the config.
    pub(super) fn condition(&mut self, typed: &Typed) -> TokenStream {
        self.flag(typed)
    }

    fn flag(&mut self, typed: &Typed) -> TokenStream {
        match &typed.node {
            TypedNode::Bool(flag) => quote!(#flag),
            TypedNode::Not(of) => {
                let of = self.operand_of(of, 4);
                quote!(!#of)
            }
            TypedNode::Logic(operator, a, b) => {
                let level = precedence(typed);
                let (a, b) = (self.operand_of(a, level), self.operand_of(b, level));
                if *operator == Binary::And { quote!(#a && #b) } else { quote!(#a || #b) }
            }
            TypedNode::Compare(operator, a, b) => {
                let float = a.kind == Kind::Float || b.kind == Kind::Float;
                let mut side = |typed: &Typed| match typed.kind {
                    Kind::Text => self.text(typed),
                    Kind::Bool => self.flag(typed),
                    _ if float => self.float(typed),
                    _ => self.number(typed),
                };
                let (a, b) = (side(a), side(b));
                match operator {
                    Binary::Equal => quote!(#a == #b),
                    Binary::NotEqual => quote!(#a != #b),
                    Binary::Less => quote!(#a < #b),
                    Binary::LessOrEqual => quote!(#a <= #b),
                    Binary::Greater => quote!(#a > #b),
                    _ => quote!(#a >= #b),
                }
            }
            _ => self.value(typed).tokens,
        }
    }

    /// A truth value inside another, in parentheses where it binds less.
    fn operand_of(&mut self, typed: &Typed, level: u8) -> TokenStream {
        let tokens = self.flag(typed);
        if precedence(typed) < level { quote!((#tokens)) } else { tokens }
    }

    /// A whole number, as `usize`.
    pub(super) fn number(&mut self, typed: &Typed) -> TokenStream {
        match &typed.node {
            TypedNode::Int(number) => {
                let number = Literal::i64_unsuffixed(*number);
                quote!(#number)
            }
            TypedNode::Size(of, axis) => {
                let of = self.value(of).tokens;
                let axis = Literal::i64_unsuffixed(*axis);
                quote!(#of.size(#axis)?)
            }
            TypedNode::LastAxis(of) => {
                let of = self.value(of).tokens;
                quote!(#of.shape().len().saturating_sub(1))
            }
            TypedNode::Arithmetic(operator, a, b) => {
                let (a_text, b_text) = (&a.text, &b.text);
                let level = precedence(typed);
                let (left, right) = (self.number(a), self.number(b));
                match operator {
                    Binary::Div => quote!(divide((#a_text, #left), (#b_text, #right))?),
                    Binary::Sub => quote!(subtract((#a_text, #left), (#b_text, #right))?),
                    _ => {
                        let left = if precedence(a) < level { quote!((#left)) } else { left };
                        let right = if precedence(b) < level { quote!((#right)) } else { right };
                        if *operator == Binary::Add { quote!(#left + #right) } else { quote!(#left * #right) }
                    }
                }
            }
            _ => self.value(typed).tokens,
        }
    }

    /// A number, as `f64`.
    fn float(&mut self, typed: &Typed) -> TokenStream {
        match &typed.node {
            TypedNode::Int(number) => float_literal(*number as f64),
            TypedNode::Float(number) => float_literal(*number),
            TypedNode::Lowest(data_type) => match data_type {
                DataType::Float32 => quote!(f64::from(f32::MIN)),
                other => float_literal(crate::plan::lowest(*other)),
            },
            TypedNode::Sqrt(of) => {
                let simple = matches!(of.node, TypedNode::Name(..)) && of.kind == Kind::Float;
                let of = self.float(of);
                if simple { quote!(#of.sqrt()) } else { quote!((#of).sqrt()) }
            }
            _ if typed.kind == Kind::Int => {
                let number = self.number(typed);
                let simple = matches!(typed.node, TypedNode::Name(..) | TypedNode::Size(..) | TypedNode::LastAxis(_));
                if simple { quote!(#number as f64) } else { quote!((#number) as f64) }
            }
            TypedNode::Arithmetic(operator, a, b) => {
                let (left, right) = (self.float(a), self.float(b));
                let level = precedence(typed);
                let left = if precedence(a) < level { quote!((#left)) } else { left };
                let right = if precedence(b) <= level { quote!((#right)) } else { right };
                match operator {
                    Binary::Add => quote!(#left + #right),
                    Binary::Sub => quote!(#left - #right),
                    Binary::Mul => quote!(#left * #right),
                    _ => quote!(#left / #right),
                }
            }
            _ => self.value(typed).tokens,
        }
    }
}

impl Code {
    /// As an argument that takes a reference.
    fn reference(self) -> TokenStream {
        let tokens = self.tokens;
        match self.form {
            Form::Reference => tokens,
            _ => quote!(&#tokens),
        }
    }

    /// As a value of its own.
    pub(super) fn owned(self) -> TokenStream {
        let tokens = self.tokens;
        match self.form {
            Form::Owned => tokens,
            Form::Place | Form::Reference => quote!(#tokens.clone()),
        }
    }
}

/// An argument that may not be given.
trait AsTyped {
    fn typed(&self) -> Option<&Typed>;
}

impl AsTyped for Typed {
    fn typed(&self) -> Option<&Typed> {
        Some(self)
    }
}

impl AsTyped for Option<Typed> {
    fn typed(&self) -> Option<&Typed> {
        self.as_ref()
    }
}

/// True where the expression cannot be written without a variable: a number beside a tensor that has no name.
fn needs_statement(typed: &Typed) -> bool {
    let own = match &typed.node {
        TypedNode::Operator(operator, arguments) => {
            let operands = || operator.parameters.iter().zip(arguments).filter(|(parameter, _)| parameter.kind == graph::Kind::Operand);
            let number = operands().any(|(_, argument)| argument.as_ref().is_some_and(|typed| typed.kind.is_number()));
            let first = operands().find_map(|(_, argument)| argument.as_ref().filter(|typed| typed.kind == Kind::Tensor));
            number && first.is_some_and(|first| !matches!(first.node, TypedNode::Name(..)))
        }
        _ => false,
    };
    own || typed.children().into_iter().any(needs_statement)
}

fn owned(tokens: TokenStream) -> Code {
    Code { tokens, form: Form::Owned, result: None }
}

fn fallible(result: TokenStream) -> Code {
    Code { tokens: quote!(#result?), form: Form::Owned, result: Some(result) }
}

fn reference_to(variable: &TokenStream, is_reference: bool) -> TokenStream {
    if is_reference { variable.clone() } else { quote!(&#variable) }
}

/// How tightly an expression binds; the greater the tighter.
fn precedence(typed: &Typed) -> u8 {
    match &typed.node {
        TypedNode::Logic(Binary::Or, ..) => 1,
        TypedNode::Logic(..) => 2,
        TypedNode::Compare(..) => 3,
        TypedNode::Arithmetic(Binary::Add | Binary::Sub, ..) => 5,
        TypedNode::Arithmetic(..) => 6,
        _ => 9,
    }
}

/// True where a repeat among these steps carries the name, before a step binds it anew.
fn is_carried(name: &str, steps: &[TypedStep]) -> bool {
    for step in steps {
        match step {
            TypedStep::Bind { name: bound, .. } if bound == name => return false,
            TypedStep::Repeat { carried, .. } if carried.iter().any(|(known, _)| known == name) => return true,
            _ => {}
        }
    }
    false
}

/// The path of a data type.
pub(super) fn data_type(data_type: DataType) -> TokenStream {
    let variant = format_ident!("{data_type:?}");
    quote!(DataType::#variant)
}

/// A number in its shortest form.
pub(super) fn float_literal(number: f64) -> TokenStream {
    match format!("{:?}", number.abs()).parse::<Literal>() {
        Ok(literal) if number.is_sign_negative() => quote!(-#literal),
        Ok(literal) => quote!(#literal),
        Err(_) => quote!(f64::NAN),
    }
}

/// Kinds of locals as types of fields and parameters.
pub(super) fn owned_type(kind: Kind) -> TokenStream {
    match kind {
        Kind::Tensor => quote!(Operand),
        Kind::Tensors => quote!(Vec<Operand>),
        Kind::Int => quote!(usize),
        Kind::Float => quote!(f64),
        Kind::Bool => quote!(bool),
        Kind::Text => quote!(String),
        Kind::Ints => quote!(Vec<usize>),
    }
}

/// Kinds as types of a block's parameters.
pub(super) fn parameter_type(kind: Kind) -> TokenStream {
    match kind {
        Kind::Tensor => quote!(&Operand),
        Kind::Tensors => quote!(&[Operand]),
        Kind::Text => quote!(&str),
        Kind::Ints => quote!(&[usize]),
        other => owned_type(other),
    }
}

