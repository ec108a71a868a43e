//! Calls: operators, blocks and the functions of the language.

use ipfs_accelerate_runtime::DataType;
use ipfs_accelerate_runtime::graph::{self, Operator, Parameter, operator_by_name};

use super::resolve::Resolver;
use super::typed::{BlockArgument, Kind, Typed, TypedNode};
use crate::diagnostics::Code;
use crate::names;
use crate::spec::expression::{Call, Expression, ExpressionKind, Named};

/// Functions of the language itself: name, parameters and what they give, for `gen list` and suggestions.
pub const FUNCTIONS: &[(&str, &str, &str)] = &[
    ("weight", "path, sizes", "float32 tensor of the checkpoint"),
    ("size", "tensor, axis", "one size; a negative axis counts from the last"),
    ("shape", "tensor", "all sizes"),
    ("last_axis", "tensor", "index of the last axis"),
    ("range", "count", "int32 tensor 0, 1, …"),
    ("scalar", "number, type", "a number as a tensor of rank 0"),
    ("lowest", "type", "the lowest finite number of a type"),
    ("floor_divide", "dividend, divisor", "whole quotient; what is left over is left out"),
    ("bicubic", "from, to", "float32 matrix `[to rows · to columns, from rows · from columns]` that resamples a grid of `from` to `to`"),
    ("sqrt", "number", "square root; of a tensor it is the operator"),
];

impl Resolver<'_> {
    pub(super) fn call(&mut self, call: &Call, whole: &Expression) -> Option<(Kind, TypedNode)> {
        if let Some(index) = self.library.find(&call.function) {
            return self.block(index?, call, whole);
        }
        if FUNCTIONS.iter().any(|(name, ..)| *name == call.function) {
            return self.function(call, whole);
        }
        if let Some(operator) = operator_by_name(&call.function) {
            return self.operator(operator, call, whole);
        }
        let known =
            self.library.names().chain(graph::OPERATORS.iter().map(|operator| operator.name)).chain(FUNCTIONS.iter().map(|row| row.0));
        let help = names::did_you_mean(&call.function, known);
        let message = format!("there is no operator or block `{}`", call.function);
        self.diagnostics.add(Code::UnknownFunction, call.function_span.clone(), message, help);
        // What stands in the call is still checked.
        for argument in call.positional.iter().chain(call.named.iter().map(|named| &named.value)) {
            self.expression(argument);
        }
        None
    }

    fn function(&mut self, call: &Call, whole: &Expression) -> Option<(Kind, TypedNode)> {
        if let Some(named) = call.named.first() {
            let message = format!("`{}` takes its arguments by position", call.function);
            self.diagnostics.add(Code::WrongArgument, named.span.clone(), message, None);
            return None;
        }
        let (_, parameters, _) = FUNCTIONS.iter().find(|(name, ..)| *name == call.function)?;
        let expected = parameters.split(", ").count();
        if call.positional.len() != expected {
            let message = format!("`{}({parameters})` takes {}, found {}", call.function, count(expected), call.positional.len());
            self.diagnostics.add(Code::WrongArgument, whole.span.clone(), message, None);
            return None;
        }
        let first = &call.positional[0];
        match call.function.as_str() {
            "weight" => {
                let path = self.literal_text(first).and_then(|text| self.path(&text, &first.span));
                let sizes = match &call.positional[1].kind {
                    ExpressionKind::List(sizes) => {
                        let sizes: Vec<_> = sizes.iter().map(|size| self.of_kind(size, Kind::Int)).collect();
                        sizes.into_iter().collect::<Option<Vec<_>>>()
                    }
                    _ => {
                        let span = call.positional[1].span.clone();
                        self.diagnostics.add(
                            Code::WrongKind,
                            span,
                            "the sizes of a weight are a list: `[out_features, in_features]`",
                            None,
                        );
                        None
                    }
                };
                Some((Kind::Tensor, TypedNode::Weight(path?, sizes?)))
            }
            "size" => {
                let of = self.of_kind(first, Kind::Tensor);
                let ExpressionKind::Int(axis) = call.positional[1].kind else {
                    self.diagnostics.add(Code::WrongKind, call.positional[1].span.clone(), "the axis is a number as such", None);
                    return None;
                };
                Some((Kind::Int, TypedNode::Size(Box::new(of?), axis)))
            }
            "shape" => Some((Kind::Ints, TypedNode::Shape(Box::new(self.of_kind(first, Kind::Tensor)?)))),
            "last_axis" => Some((Kind::Int, TypedNode::LastAxis(Box::new(self.of_kind(first, Kind::Tensor)?)))),
            "range" => Some((Kind::Tensor, TypedNode::Range(Box::new(self.of_kind(first, Kind::Int)?)))),
            "scalar" => {
                let number = self.of_kind(first, Kind::Float);
                let data_type = self.data_type(&call.positional[1]);
                Some((Kind::Tensor, TypedNode::Scalar(Box::new(number?), data_type?)))
            }
            "floor_divide" => {
                let (a, b) = (self.of_kind(first, Kind::Int), self.of_kind(&call.positional[1], Kind::Int));
                Some((Kind::Int, TypedNode::FloorDivide(Box::new(a?), Box::new(b?))))
            }
            "bicubic" => {
                let (from, to) = (self.of_kind(first, Kind::Ints), self.of_kind(&call.positional[1], Kind::Ints));
                Some((Kind::Tensor, TypedNode::Bicubic(Box::new(from?), Box::new(to?))))
            }
            "lowest" => Some((Kind::Float, TypedNode::Lowest(self.data_type(first)?))),
            _ => {
                let of = self.expression(first)?;
                match (of.kind, operator_by_name("sqrt")) {
                    (Kind::Tensor, Some(operator)) => Some((Kind::Tensor, TypedNode::Operator(operator, vec![Some(of)]))),
                    _ => Some((Kind::Float, TypedNode::Sqrt(Box::new(self.expect(of, Kind::Float)?)))),
                }
            }
        }
    }

    fn operator(&mut self, operator: &'static Operator, call: &Call, whole: &Expression) -> Option<(Kind, TypedNode)> {
        let names: Vec<_> = operator.parameters.iter().map(|parameter| (parameter.name, parameter.is_required())).collect();
        let slots = self.bind(operator.name, &names, call, whole)?;
        let mut arguments = Vec::new();
        let mut refused = false;
        for (parameter, slot) in operator.parameters.iter().zip(slots) {
            let argument = slot.map(|expression| self.argument(parameter, expression));
            refused |= matches!(argument, Some(None));
            arguments.push(argument.flatten());
        }
        if refused {
            return None;
        }
        let tensors = |argument: &Option<Typed>| argument.as_ref().is_some_and(|typed| matches!(typed.kind, Kind::Tensor | Kind::Tensors));
        if !arguments.iter().any(tensors) {
            let message = format!("`{}` takes tensors, found numbers alone", operator.name);
            self.diagnostics.add(
                Code::WrongKind,
                whole.span.clone(),
                message,
                "compute with `+ - * /`, or make a tensor by `scalar`".to_owned(),
            );
            return None;
        }
        let kind = if operator.gives_list() { Kind::Tensors } else { Kind::Tensor };
        Some((kind, TypedNode::Operator(operator, arguments)))
    }

    fn argument(&mut self, parameter: &Parameter, expression: &Expression) -> Option<Typed> {
        match parameter.kind {
            graph::Kind::Operand => {
                let typed = self.expression(expression)?;
                // Operators of two like operands take a number for one of them.
                if typed.kind.is_number() && matches!(parameter.name, "a" | "b") {
                    return Some(typed);
                }
                self.expect(typed, Kind::Tensor)
            }
            graph::Kind::Operands => self.of_kind(expression, Kind::Tensors),
            graph::Kind::Int => self.of_kind(expression, Kind::Int),
            graph::Kind::Ints => self.of_kind(expression, Kind::Ints),
            graph::Kind::Float => self.of_kind(expression, Kind::Float),
            graph::Kind::Floats | graph::Kind::Texts => {
                let typed = self.expression(expression)?;
                let expected = format!("no `{}`: a spec has no word for {}", parameter.name, parameter.kind.name());
                let found = typed.kind;
                self.wrong_kind(&typed, &expected, found)
            }
            graph::Kind::Bool => self.of_kind(expression, Kind::Bool),
            graph::Kind::Text => self.of_kind(expression, Kind::Text),
            graph::Kind::DataType => {
                self.data_type(expression)?;
                self.of_kind(expression, Kind::Text)
            }
        }
    }

    fn block(&mut self, index: usize, call: &Call, whole: &Expression) -> Option<(Kind, TypedNode)> {
        let library = self.library;
        let block = library.block(index);
        let names: Vec<_> = block.parameters.iter().map(|parameter| (parameter.name.as_str(), parameter.default.is_none())).collect();
        let slots = self.bind(&block.name, &names, call, whole)?;
        let mut arguments = Vec::new();
        for (parameter, slot) in block.parameters.iter().zip(slots) {
            arguments.push(match (slot, parameter.kind) {
                (Some(expression), Some(kind)) => self.of_kind(expression, kind).map(BlockArgument::Value),
                (Some(expression), None) => {
                    self.literal_text(expression).and_then(|text| self.path(&text, &expression.span)).map(BlockArgument::Path)
                }
                (None, _) => parameter.default.clone().map(BlockArgument::Value),
            });
        }
        let arguments = arguments.into_iter().collect::<Option<Vec<_>>>()?;
        Some((block.returns.kind(), TypedNode::Block(index, arguments)))
    }

    /// One expression per parameter: required ones by position or name, the others by name.
    fn bind<'e>(
        &mut self,
        function: &str,
        parameters: &[(&str, bool)],
        call: &'e Call,
        whole: &Expression,
    ) -> Option<Vec<Option<&'e Expression>>> {
        let required: Vec<_> = parameters.iter().filter(|(_, required)| *required).map(|(name, _)| *name).collect();
        let mut fits = true;
        let mut refuse = |span: &crate::diagnostics::Span, message: String, help: Option<String>| {
            self.diagnostics.add(Code::WrongArgument, span.clone(), message, help);
            fits = false;
        };
        let mut slots: Vec<Option<&Expression>> = vec![None; parameters.len()];
        let mut positional = call.positional.iter();
        for (slot, (_, required)) in slots.iter_mut().zip(parameters) {
            if *required {
                *slot = positional.next();
            }
        }
        if let Some(surplus) = positional.next() {
            let signature = format!("`{function}({})`", required.join(", "));
            let help = (parameters.len() > required.len()).then(|| {
                let options = parameters.iter().filter(|(_, required)| !required).map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>();
                format!("options are given by name: {}", options.join(", "))
            });
            let message = format!("{signature} takes {} by position, found {}", count(required.len()), call.positional.len());
            refuse(&surplus.span, message, help);
        }
        for Named { name, span, value } in &call.named {
            match parameters.iter().position(|(known, _)| known == name) {
                Some(index) if slots[index].is_some() => refuse(span, format!("`{name}` is given twice"), None),
                Some(index) => slots[index] = Some(value),
                None => {
                    let help = names::did_you_mean(name, parameters.iter().map(|(name, _)| *name)).unwrap_or_else(|| {
                        format!("parameters: {}", parameters.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", "))
                    });
                    refuse(span, format!("`{function}` has no parameter `{name}`"), Some(help));
                }
            }
        }
        let missing: Vec<_> =
            parameters.iter().zip(&slots).filter(|((_, required), slot)| *required && slot.is_none()).map(|((name, _), _)| *name).collect();
        if !missing.is_empty() {
            let list = missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let message = format!("`{function}({})` lacks {list}", required.join(", "));
            refuse(&whole.span, message, None);
        }
        if fits {
            return Some(slots);
        }
        for argument in call.positional.iter().chain(call.named.iter().map(|named| &named.value)) {
            self.expression(argument);
        }
        None
    }

    fn literal_text(&mut self, expression: &Expression) -> Option<String> {
        match &expression.kind {
            ExpressionKind::Text(text) => Some(text.clone()),
            ExpressionKind::Name(name) if self.scope.prefix_parameter.as_deref() == Some(name) => {
                let help = "weight paths nest under it by themselves; `\"\"` stays where it is".to_owned();
                self.diagnostics.add(Code::WrongPrefix, expression.span.clone(), format!("`{name}` needs no passing on"), help);
                None
            }
            _ => {
                self.diagnostics.add(Code::WrongPrefix, expression.span.clone(), "a weight path is a text in double quotes", None);
                None
            }
        }
    }

    fn data_type(&mut self, expression: &Expression) -> Option<DataType> {
        let known: Vec<_> = DataType::ALL.iter().map(|data_type| data_type.name()).collect();
        let found = match &expression.kind {
            ExpressionKind::Text(text) => match DataType::from_name(text) {
                Some(data_type) => return Some(data_type),
                None => format!("`{text}`"),
            },
            _ => "something else".to_owned(),
        };
        let message = format!("expected a data type in double quotes, found {found}");
        self.diagnostics.add(Code::WrongArgument, expression.span.clone(), message, format!("data types: {}", known.join(", ")));
        None
    }
}

fn count(number: usize) -> String {
    if number == 1 { "1 argument".into() } else { format!("{number} arguments") }
}
