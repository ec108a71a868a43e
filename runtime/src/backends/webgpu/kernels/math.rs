//! The functions of `math.wgsl`, scalar (`m_name`) and of four (`m4_name`), and of `integer64.wgsl`, as a kernel needs them.

use std::fmt::Write;

/// The functions that the texts call, and those that they call, each once and in the files' order.
pub(crate) fn needed(bodies: &[&str]) -> String {
    let scalar = functions(include_str!("math.wgsl"));
    let mut all: Vec<(String, String)> = scalar.iter().map(|(name, text)| (widen(name), widen(text))).collect();
    all.extend(functions(include_str!("integer64.wgsl")));
    all.extend(scalar);
    let mut used = vec![false; all.len()];
    loop {
        let before = used.clone();
        for (index, (name, _)) in all.iter().enumerate() {
            let call = format!("{name}(");
            used[index] |= bodies.iter().any(|body| body.contains(&call))
                || all.iter().zip(&before).any(|((_, text), used)| *used && text.contains(&call));
        }
        if used == before {
            break;
        }
    }
    let mut text = String::new();
    all.iter().zip(used).filter(|(_, used)| *used).for_each(|((_, function), _)| {
        let _ = writeln!(text, "{function}");
    });
    text
}

/// Name and text of each function, comments left out.
fn functions(file: &str) -> Vec<(String, String)> {
    let code: Vec<&str> = file.lines().filter(|line| !line.starts_with("//")).collect();
    let code = code.join("\n");
    let mut functions = Vec::new();
    for text in code.split("fn ").skip(1) {
        let name = text.split('(').next().unwrap_or_default().to_owned();
        functions.push((name, format!("fn {}", text.trim_end())));
    }
    functions
}

/// The same code on four elements at once.
fn widen(text: &str) -> String {
    ["f32", "u32", "i32"].iter().fold(text.replace("m_", "m4_"), |text, scalar| text.replace(scalar, &format!("vec4<{scalar}>")))
}
