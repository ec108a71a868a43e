//! The functions of `math.wgsl`, scalar (`m_name`) and of four (`m4_name`), as a kernel needs them.

use std::fmt::Write;

/// The functions that `body` calls, and those that they call, each once and in the file's order.
pub(in crate::backends::webgpu) fn needed(body: &str) -> String {
    let scalar = functions(include_str!("math.wgsl"));
    let wide: Vec<(String, String)> = scalar.iter().map(|(name, text)| (widen(name), widen(text))).collect();
    let all: Vec<&(String, String)> = scalar.iter().chain(&wide).collect();
    let mut used = vec![false; all.len()];
    loop {
        let before = used.clone();
        for (index, (name, _)) in all.iter().enumerate() {
            let call = format!("{name}(");
            used[index] |= body.contains(&call) || all.iter().zip(&before).any(|((_, text), used)| *used && text.contains(&call));
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
    text.replace("f32", "vec4<f32>").replace("u32", "vec4<u32>").replace("m_", "m4_")
}
