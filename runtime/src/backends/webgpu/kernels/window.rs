//! What convolutions and pools share: images under moving windows, in WGSL.

use std::fmt::Write;

use super::super::emitter::Emitter;
use super::super::shader::Shader;
use crate::error::Result;
use crate::ops::window::{Image, Window};
use crate::order::order;

/// Statements that name the image's coordinates of output element `i`: `n`, `c`, `y`, `x`.
pub(crate) fn coordinates(image: &Image) -> String {
    let mut text = String::new();
    // Where strides are equal, one of the axes has one element.
    for axis in order(4, &|a, b| image.strides[a] > image.strides[b]) {
        let name = ["n", "c", "y", "x"][axis];
        let (size, stride) = (image.sizes[axis], image.strides[axis]);
        let _ = match size {
            1 => writeln!(text, "let {name} = 0u;"),
            _ => writeln!(text, "let {name} = i / {stride}u % {size}u;"),
        };
    }
    text
}

/// `n * … + c * … + y * … + x * …`
pub(crate) fn place(strides: &[usize; 4], names: [&str; 4]) -> String {
    let terms = strides.iter().zip(names).map(|(stride, name)| if *stride == 1 { name.to_owned() } else { format!("{name} * {stride}u") });
    terms.collect::<Vec<_>>().join(" + ")
}

/// Statements that name `row` and `column`, where entry `(ky, kx)` of the window at `(y, x)` lies. They wrap below 0, and so leave the image.
pub(crate) fn entry(window: &Window) -> String {
    let along = |name: &str, axis: usize, position: &str, entry: &str| {
        let (stride, dilation, padding) = (window.strides[axis], window.dilations[axis], window.padding[2 * axis]);
        format!("let {name} = {position} * {stride}u + {entry} * {dilation}u - {padding}u;\n")
    };
    along("row", 0, "y", "ky") + &along("column", 1, "x", "kx")
}

/// True where no window leaves the image.
pub(crate) fn inside(window: &Window, input: &Image, output: &Image) -> bool {
    (0..2).all(|axis| {
        let last = (output.sizes[2 + axis] - 1) * window.strides[axis] + (window.sizes[axis] - 1) * window.dilations[axis];
        window.padding[2 * axis] == 0 && last < input.sizes[2 + axis]
    })
}

/// The ports `image` and `filters` of a convolution that is one invocation an output element, and what its sum begins with.
pub(crate) fn ports(emitter: &Emitter<'_>, shader: &mut Shader<'_>) -> Result<&'static str> {
    shader.read("image", &emitter.tensor("input")?, 1);
    shader.read("filters", &emitter.tensor("filter")?, 1);
    let Some(bias) = emitter.optional("bias")? else { return Ok("0.0") };
    shader.read("bias", &bias, 1);
    Ok("bias(c)")
}
