//! The functions of `math.wgsl`, scalar (`m_name`) and of four (`m4_name`), and of `integer64.wgsl`, as a kernel needs them.

use std::fmt::Write;

/// The code of a file: its comments are not compiled in, as a browser would download them.
macro_rules! code {
    ($file:literal) => {{
        const FILE: &[u8] = include_bytes!($file);
        const CODE: [u8; without_comments(FILE, &mut [])] = {
            let mut code = [0; without_comments(FILE, &mut [])];
            without_comments(FILE, &mut code);
            code
        };
        const TEXT: &str = match std::str::from_utf8(&CODE) {
            Ok(text) => text,
            Err(_) => panic!("no UTF-8"),
        };
        TEXT
    }};
}

/// Copies the lines that are neither comments nor empty, as far as there is room; gives the bytes that they are.
const fn without_comments(file: &[u8], code: &mut [u8]) -> usize {
    let (mut at, mut length) = (0, 0);
    while at < file.len() {
        let left_out = matches!(file[at], b'/' | b'\n');
        let mut ended = false;
        while at < file.len() && !ended {
            if !left_out {
                if length < code.len() {
                    code[length] = file[at];
                }
                length += 1;
            }
            ended = file[at] == b'\n';
            at += 1;
        }
    }
    length
}

/// The functions that the texts call, and those that they call, each once and in the files' order.
pub(crate) fn needed(bodies: &[&str]) -> String {
    let scalar = functions(code!("math.wgsl"));
    let mut all: Vec<(String, String)> = scalar.iter().map(|(name, text)| (widen(name), widen(text))).collect();
    all.extend(functions(code!("integer64.wgsl")));
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

/// Name and text of each function.
fn functions(code: &str) -> Vec<(String, String)> {
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
