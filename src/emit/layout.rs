//! Lines as a person would break them: prettyplease opens every bracket that passes its width and starts a new line before
//! every method; here what fits is joined again. Works on prettyplease's own output, whose shape is known.

/// Widest line.
const WIDTH: usize = 120;

/// Joins what fits, writes `vec![…]`, and sets items apart by a blank line.
pub(super) fn layout(text: &str) -> String {
    let lines: Vec<Line> = text.lines().map(Line::new).collect();
    let joined = blocks(&chains(lines));
    let mut text = String::new();
    let mut previous: Option<&Line> = None;
    for line in &joined {
        let starts_item =
            ["fn ", "pub fn ", "pub async fn ", "async fn ", "impl ", "///", "#["].iter().any(|start| line.text.starts_with(start));
        if let Some(previous) = previous
            && starts_item
            && previous.indent == line.indent
            && (previous.text == "}" || (previous.text.ends_with(';') && !line.text.starts_with("#[")))
        {
            text.push('\n');
        }
        text.push_str(&" ".repeat(line.indent));
        text.push_str(&line.text);
        text.push('\n');
        previous = Some(line);
    }
    vectors(&text)
}

#[derive(Clone, Debug)]
struct Line {
    indent: usize,
    text: String,
}

impl Line {
    fn new(line: &str) -> Self {
        let text = line.trim_start();
        Self { indent: line.len() - text.len(), text: text.trim_end().to_owned() }
    }

    fn opens(&self) -> bool {
        self.text.ends_with(['(', '[', '{']) && !self.text.starts_with("//")
    }
}

/// `builder` / `.method(` on two lines becomes one, and what hangs on it moves to the left.
fn chains(lines: Vec<Line>) -> Vec<Line> {
    let mut out: Vec<Line> = Vec::new();
    let mut index = 0;
    while index < lines.len() {
        let line = &lines[index];
        let head = out
            .last()
            .filter(|head| line.text.starts_with('.') && line.indent == head.indent + 4 && !head.text.ends_with(['{', ';', ',', '}']));
        let Some(head_indent) = head.map(|head| head.indent) else {
            out.push(line.clone());
            index += 1;
            continue;
        };
        let end = (index + 1..lines.len()).find(|&at| lines[at].indent <= head_indent).unwrap_or(lines.len());
        // A second link of the chain keeps its line: the chain is long.
        let links = lines[index..end].iter().filter(|line| line.indent == head_indent + 4 && line.text.starts_with('.')).count();
        if links == 1 {
            if let Some(head) = out.last_mut() {
                head.text.push_str(&line.text);
            }
            let rest: Vec<Line> =
                lines[index + 1..end].iter().map(|line| Line { indent: line.indent - 4, text: line.text.clone() }).collect();
            out.extend(chains(rest));
        } else {
            out.extend(lines[index..end].iter().cloned());
        }
        index = end;
    }
    out
}

/// Brackets whose content fits on the line are closed there; others are looked into.
fn blocks(lines: &[Line]) -> Vec<Line> {
    let mut out = Vec::new();
    let mut index = 0;
    while index < lines.len() {
        let line = &lines[index];
        let end = line.opens().then(|| (index + 1..lines.len()).find(|&at| lines[at].indent == line.indent)).flatten();
        let Some(end) = end else {
            out.push(line.clone());
            index += 1;
            continue;
        };
        let inner = blocks(&lines[index + 1..end]);
        match join(line, &inner, &lines[end]) {
            // The closing line may open the next bracket: `} else {`, `) -> Result<…> {`.
            Some(joined) if joined.opens() => {
                let mut rest = vec![joined];
                rest.extend_from_slice(&lines[end + 1..]);
                out.extend(blocks(&rest));
                return out;
            }
            Some(joined) => {
                out.push(joined);
                index = end + 1;
            }
            None => {
                if let Some(packed) = packed(line, &inner) {
                    out.push(line.clone());
                    out.extend(packed);
                    out.push(lines[end].clone());
                    index = end + 1;
                    continue;
                }
                if let Some((open, inner, close)) = hugged(line, &inner, &lines[end]) {
                    out.push(open);
                    out.extend(inner);
                    out.push(close);
                    index = end + 1;
                    continue;
                }
                out.push(line.clone());
                out.extend(inner);
                index = end;
                if !lines[end].opens() {
                    out.push(lines[end].clone());
                    index += 1;
                }
            }
        }
    }
    out
}

/// A list of short words on as few lines as hold it.
fn packed(open: &Line, inner: &[Line]) -> Option<Vec<Line>> {
    let short = |line: &Line| line.text.len() <= 40 && line.text.ends_with(',') && !line.text.contains(' ');
    if !open.text.ends_with('[') || inner.len() < 4 || !inner.iter().all(short) {
        return None;
    }
    let mut lines: Vec<Line> = Vec::new();
    for word in inner {
        match lines.last_mut() {
            Some(line) if line.indent + line.text.len() + 1 + word.text.len() <= WIDTH => {
                line.text.push(' ');
                line.text.push_str(&word.text);
            }
            _ => lines.push(word.clone()),
        }
    }
    Some(lines)
}

/// `f(` / `g(` … `),` / `)` as `f(g(` … `))`: one argument that is itself open hangs on its call.
fn hugged(open: &Line, inner: &[Line], close: &Line) -> Option<(Line, Vec<Line>, Line)> {
    let [first, body @ .., last] = inner else { return None };
    let indent = open.indent + 4;
    let alone = first.indent == indent && last.indent == indent && body.iter().all(|line| line.indent > indent);
    let call = open.text.ends_with('(') && first.text.ends_with(['(', '[']) && close.text.starts_with(')') && !close.opens();
    let closes = last.text.trim_end_matches(',').chars().all(|letter| matches!(letter, ')' | ']' | '?'));
    if !alone || !call || !closes || open.indent + open.text.len() + first.text.len() > WIDTH {
        return None;
    }
    let body: Vec<Line> = body.iter().map(|line| Line { indent: line.indent - 4, text: line.text.clone() }).collect();
    let text = format!("{}{}", open.text, first.text);
    let head = Line { indent: open.indent, text };
    let tail = Line { indent: open.indent, text: format!("{}{}", last.text.trim_end_matches(','), close.text) };
    // What fits better now is joined after all.
    Some((head, blocks(&body), tail))
}

fn join(open: &Line, inner: &[Line], close: &Line) -> Option<Line> {
    let bracket = open.text.chars().last()?;
    let expected = match bracket {
        '(' => ')',
        '[' => ']',
        _ => '}',
    };
    if !close.text.starts_with(expected) {
        return None;
    }
    if open.text.ends_with("=> {") && close.text == "}" {
        // An arm of one expression.
        let [one] = inner else { return None };
        let text = format!("{} {},", open.text.trim_end_matches(" {"), one.text);
        let plain = !one.text.ends_with([';', '{', '}']) && !one.text.starts_with("//");
        return (plain && open.indent + text.len() <= WIDTH).then_some(Line { indent: open.indent, text });
    }
    if bracket == '{' {
        // Struct literals and one-line branches; functions, impls, loops and matches stay open.
        let words = ["fn ", "impl ", "for ", "match ", "struct ", "pub ", "mod "];
        let declares =
            words.iter().any(|word| open.text.starts_with(word) || open.text.contains(&format!(" {word}"))) || open.text.ends_with("=> {");
        let is_else = open.text.starts_with('}') || close.text.starts_with("} else");
        let returns = inner.iter().any(|line| line.text.ends_with(';') || line.text.starts_with("return "));
        if declares || is_else || returns || open.text.starts_with("if ") {
            return None;
        }
    }
    if inner
        .iter()
        .any(|line| line.text.contains("//") || line.text.ends_with(';') || line.text.ends_with('{') || line.text.contains(" => "))
    {
        return None;
    }
    let content = inner.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join(" ");
    let content = content.strip_suffix(',').unwrap_or(&content);
    let text = match bracket {
        '{' => format!("{} {content} {}", open.text, close.text),
        _ => format!("{}{content}{}", open.text, close.text),
    };
    (open.indent + text.len() <= WIDTH).then_some(Line { indent: open.indent, text })
}

/// `Vec::from([…])` as `vec![…]`, which prettyplease would not have laid out.
fn vectors(text: &str) -> String {
    const OPEN: &str = "Vec::from([";
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(OPEN) {
        let (before, inside) = (&rest[..start], &rest[start + OPEN.len()..]);
        out.push_str(before);
        let Some(end) = closing(inside) else { break };
        out.push_str("vec![");
        out.push_str(&vectors(&inside[..end]));
        out.push(']');
        // `]` and `)` stand together.
        rest = inside[end + 1..].strip_prefix(')').unwrap_or(&inside[end + 1..]);
    }
    out + rest
}

/// Where the bracket that is open at the start closes; texts are passed over.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut in_text = false;
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            _ if in_text => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => return Some(at),
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid_out(code: &str) -> String {
        layout(&prettyplease::unparse(&syn::parse_str(code).unwrap()))
    }

    #[test]
    fn what_fits_is_on_one_line() {
        let code = "fn f(builder: &GraphBuilder, weights: &Scope<'_>, input: &Operand, axis: usize) -> Result<Operand, GraphError> { \
            let context = builder.transpose(&builder.matmul(&probabilities, &value)?, TransposeOptions { permutation: Some(Vec::from([0, 2, 1, 3])) })?; \
            if bias { builder.add(&product, &weights.tensor(\"bias\", &[out_features])?) } else { Ok(product) } }";
        let expected = "\
fn f(builder: &GraphBuilder, weights: &Scope<'_>, input: &Operand, axis: usize) -> Result<Operand, GraphError> {
    let context = builder.transpose(
        &builder.matmul(&probabilities, &value)?,
        TransposeOptions { permutation: Some(vec![0, 2, 1, 3]) },
    )?;
    if bias {
        builder.add(&product, &weights.tensor(\"bias\", &[out_features])?)
    } else {
        Ok(product)
    }
}
";
        assert_eq!(laid_out(code), expected);
    }

    #[test]
    fn the_tokens_stay_the_same() {
        let code = "pub struct A { pub b: usize } impl A { fn c(&self) -> Vec<usize> { Vec::from([self.b, { let x = 1; x }]) } fn d() { for x in 0..3 { e(x); } match y { 1 | 2 => 3, _ => { f(); 4 } }; } }";
        let before = quote::ToTokens::to_token_stream(
            &syn::parse_str::<syn::File>(&code.replace("Vec::from([self.b, { let x = 1; x }])", "vec![self.b, { let x = 1; x }]")).unwrap(),
        );
        let after = quote::ToTokens::to_token_stream(&syn::parse_str::<syn::File>(&laid_out(code)).unwrap());
        let plain =
            |tokens: proc_macro2::TokenStream| tokens.to_string().replace(' ', "").replace(",}", "}").replace(",]", "]").replace(",)", ")");
        assert_eq!(plain(after), plain(before));
    }
}
