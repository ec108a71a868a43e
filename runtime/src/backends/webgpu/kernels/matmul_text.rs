//! The text of a matrix product: loads, the products of a block, stores with their epilogue.

use std::fmt::Write;

use super::matmul::{Blocking, Matmul, Side};

pub(super) struct Text<'a> {
    pub(super) matmul: &'a Matmul<'a>,
    pub(super) block: &'a Blocking,
    pub(super) step: usize,
    pub(super) wide: usize,
    pub(super) across: usize,
    pub(super) down: usize,
    pub(super) groups: usize,
    pub(super) width: usize,
}

impl Text<'_> {
    pub(super) fn write(&self) -> String {
        let Self { matmul, block, across, down, .. } = self;
        let (x, y) = (block.x, block.y);
        let mut text = String::new();
        if let Some(activation) = matmul.activation {
            text.push_str(&activation(self.wide));
        }
        if let Some((_, contents)) = matmul.contents {
            text.push_str(contents);
        }
        if block.tile > 0 {
            let (rows, columns) = (block.rows * y * block.tile / 4, block.columns * x * block.tile / 4);
            let _ = writeln!(text, "var<workgroup> tile_a: array<vec4<f32>, {rows}>;\nvar<workgroup> tile_b: array<vec4<f32>, {columns}>;");
            self.tile_loaders(&mut text);
        }
        let _ = writeln!(
            text,
            "@compute @workgroup_size({x}, {y})\nfn main(@builtin(workgroup_id) group: vec3<u32>, \
             @builtin(local_invocation_id) local: vec3<u32>, @builtin(local_invocation_index) lane: u32) {{"
        );
        let _ = writeln!(text, "let number = group.x + group.y * {}u;\nif (number >= {}u) {{ return; }}", self.width, self.groups);
        let _ = writeln!(
            text,
            "let first_row = (number / {across}u) % {down}u * {}u;\nlet first_column = number % {across}u * {}u;",
            block.rows * y,
            block.columns * x
        );
        let _ =
            writeln!(text, "let row = first_row + local.y * {}u;\nlet column = first_column + local.x * {}u;", block.rows, block.columns);
        self.batches(&mut text);
        for r in 0..block.rows {
            (0..block.columns).for_each(|c| {
                let _ = write!(text, "var s{r}_{c} = 0.0; ");
            });
            text.push('\n');
        }
        if block.tile > 0 {
            self.tiled(&mut text)
        } else {
            self.direct(&mut text)
        }
        self.stores(&mut text);
        text.push_str("}\n");
        text
    }

    /// `batch`, `a_base`, `b_base`.
    fn batches(&self, text: &mut String) {
        let matmul = self.matmul;
        if matmul.batch.iter().product::<usize>() == 1 {
            text.push_str("let batch = 0u;\nlet a_base = 0u;\nlet b_base = 0u;\n");
            return;
        }
        let _ = writeln!(text, "let batch = number / {}u;\nvar rest = batch;\nvar a_base = 0u;\nvar b_base = 0u;", self.across * self.down);
        for ((size, a), b) in matmul.batch.iter().zip(&matmul.a_strides).zip(&matmul.b_strides).rev() {
            let _ = writeln!(text, "a_base += rest % {size}u * {a}u; b_base += rest % {size}u * {b}u; rest /= {size}u;");
        }
    }

    /// Each invocation reads its own rows and columns; those beyond the edge read the last one, and are not stored.
    fn direct(&self, text: &mut String) {
        let Self { matmul, block, step, .. } = self;
        let (inner, columns) = (matmul.inner, matmul.columns);
        let suffix = if *step == 4 { "4" } else { "" };
        let (a_computed, b_computed) = (matmul.computes(Side::A), matmul.computes(Side::B));
        for r in 0..block.rows {
            if a_computed {
                let _ = writeln!(text, "let a_at{r} = min(row + {r}u, {}u);", matmul.rows - 1);
                continue;
            }
            let _ = writeln!(text, "let a_row{r} = (a_base + min(row + {r}u, {}u) * {inner}u) / {step}u;", matmul.rows - 1);
        }
        let count = inner / step;
        if matmul.transposed {
            for c in 0..block.columns {
                let _ = writeln!(text, "let b_row{c} = (b_base + min(column + {c}u, {}u) * {inner}u) / {step}u;", columns - 1);
            }
        } else {
            for c in (0..block.columns).step_by(self.wide) {
                if b_computed {
                    let _ = writeln!(text, "let b_at{c} = min(column + {c}u, {}u);", columns - 1);
                    continue;
                }
                let _ = writeln!(text, "let b_column{c} = (b_base + min(column + {c}u, {}u)) / {}u;", columns - self.wide, self.wide);
            }
        }
        let _ = writeln!(text, "for (var k = 0u; k < {count}u; k++) {{");
        if matmul.transposed {
            (0..block.columns).for_each(|c| {
                let _ = writeln!(text, "let vb{c} = b{suffix}(b_row{c} + k);");
            });
        } else {
            let width = if self.wide == 4 { "4" } else { "" };
            for k in 0..*step {
                for c in (0..block.columns).step_by(self.wide) {
                    if b_computed {
                        let _ = writeln!(text, "let vb{k}_{c} = contents(b_base, k * {step}u + {k}u, b_at{c});");
                        continue;
                    }
                    let _ = writeln!(text, "let vb{k}_{c} = b{width}(b_column{c} + (k * {step}u + {k}u) * {}u);", columns / self.wide);
                }
            }
        }
        for r in 0..block.rows {
            let _ = if a_computed {
                writeln!(text, "let va{r} = contents(a_base, k, a_at{r});")
            } else {
                writeln!(text, "let va{r} = a{suffix}(a_row{r} + k);")
            };
            for c in 0..block.columns {
                for k in 0..*step {
                    let a = if *step == 4 { format!("va{r}.{}", ["x", "y", "z", "w"][k]) } else { format!("va{r}") };
                    let _ = write!(text, "s{r}_{c} = fma({a}, {}, s{r}_{c}); ", self.b_element(k, c));
                }
            }
            text.push('\n');
        }
        text.push_str("}\n");
    }

    /// The text of `b[k, c]` among the values that `direct` loaded.
    fn b_element(&self, k: usize, c: usize) -> String {
        let part = |index: usize| ["x", "y", "z", "w"][index];
        match (self.matmul.transposed, self.step, self.wide) {
            (true, 4, _) => format!("vb{c}.{}", part(k)),
            (true, _, _) => format!("vb{c}"),
            (false, _, 4) => format!("vb{k}_{}.{}", c / 4 * 4, part(c % 4)),
            (false, _, _) => format!("vb{k}_{c}"),
        }
    }

    /// `load_a(base, row, k)` and `load_b(base, column, k)`: four elements along `inner`, 0 beyond the edge.
    fn tile_loaders(&self, text: &mut String) {
        let matmul = self.matmul;
        let (rows, inner, columns) = (matmul.rows, matmul.inner, matmul.columns);
        // One element at a time, stored or computed.
        let one = |side: Side, name: &str, k: &str, at: &str| match (matmul.computes(side), side, matmul.transposed) {
            (true, ..) => format!("contents(base, {k}, {at})"),
            (_, Side::B, false) => format!("{name}(base + ({k}) * {columns}u + {at})"),
            _ => format!("{name}(base + {at} * {inner}u + {k})"),
        };
        let along = |name: &str, side: Side, count: usize| match self.step {
            4 => format!(
                "fn load_{name}(base: u32, row: u32, k: u32) -> vec4<f32> {{\n\
                 if (row >= {count}u || k >= {inner}u) {{ return vec4<f32>(0.0); }}\nreturn {name}4((base + row * {inner}u + k) / 4u); }}\n"
            ),
            _ => {
                let mut function =
                    format!("fn load_{name}(base: u32, row: u32, k: u32) -> vec4<f32> {{ var v = vec4<f32>(0.0); if (row < {count}u) {{ ");
                for (index, part) in ["x", "y", "z", "w"].iter().enumerate() {
                    let element = one(side, name, &format!("k + {index}u"), "row");
                    let _ = write!(function, "if (k + {index}u < {inner}u) {{ v.{part} = {element}; }} ");
                }
                function + "} return v; }\n"
            }
        };
        text.push_str(&along("a", Side::A, rows));
        if matmul.transposed {
            text.push_str(&along("b", Side::B, columns));
        } else if self.wide == 4 {
            let _ = writeln!(
                text,
                "fn load_b(base: u32, column: u32, k: u32) -> vec4<f32> {{\n\
                 if (column >= {columns}u || k >= {inner}u) {{ return vec4<f32>(0.0); }}\nreturn b4((base + k * {columns}u + column) / 4u); }}"
            );
        } else {
            let _ = write!(text, "fn load_b(base: u32, column: u32, k: u32) -> vec4<f32> {{ var v = vec4<f32>(0.0); if (k < {inner}u) {{ ");
            for (index, part) in ["x", "y", "z", "w"].iter().enumerate() {
                let element = one(Side::B, "b", "k", &format!("column + {index}u"));
                let _ = write!(text, "if (column + {index}u < {columns}u) {{ v.{part} = {element}; }} ");
            }
            text.push_str("} return v; }\n");
        }
    }

    /// Tiles of `a` (and of a transposed `b`) lie as fours along `inner`, `[tile / 4][rows]`; of another `b` as `[tile][columns / 4]`.
    fn tiled(&self, text: &mut String) {
        let Self { matmul, block, .. } = self;
        let (rows, columns, lanes) = (block.rows * block.y, block.columns * block.x, block.x * block.y);
        let fours = block.tile / 4;
        let fill = |text: &mut String, count: usize, body: &str| {
            let _ = writeln!(text, "for (var i = lane; i < {count}u; i += {lanes}u) {{ {body} }}");
        };
        let _ = writeln!(text, "for (var start = 0u; start < {}u; start += {}u) {{", matmul.inner, block.tile);
        fill(
            text,
            rows * fours,
            &format!(
                "tile_a[i % {fours}u * {rows}u + i / {fours}u] = load_a(a_base, first_row + i / {fours}u, start + i % {fours}u * 4u);"
            ),
        );
        if matmul.transposed {
            fill(
                text,
                columns * fours,
                &format!(
                    "tile_b[i % {fours}u * {columns}u + i / {fours}u] = \
                     load_b(b_base, first_column + i / {fours}u, start + i % {fours}u * 4u);"
                ),
            );
        } else {
            let row = columns / 4;
            fill(text, block.tile * row, &format!("tile_b[i] = load_b(b_base, first_column + i % {row}u * 4u, start + i / {row}u);"));
        }
        let _ = writeln!(text, "workgroupBarrier();\nfor (var k = 0u; k < {fours}u; k++) {{");
        for c in 0..block.columns {
            if matmul.transposed {
                let _ = writeln!(text, "let vb{c} = tile_b[k * {columns}u + local.x * {}u + {c}u];", block.columns);
            }
        }
        if !matmul.transposed {
            for k in 0..4 {
                for c in (0..block.columns).step_by(4) {
                    let _ = writeln!(
                        text,
                        "let vb{k}_{c} = tile_b[(k * 4u + {k}u) * {}u + local.x * {}u + {}u];",
                        columns / 4,
                        block.columns / 4,
                        c / 4
                    );
                }
            }
        }
        for r in 0..block.rows {
            let _ = writeln!(text, "let va{r} = tile_a[k * {rows}u + local.y * {}u + {r}u];", block.rows);
            for c in 0..block.columns {
                for (k, part) in ["x", "y", "z", "w"].iter().enumerate() {
                    let b = if matmul.transposed {
                        format!("vb{c}.{part}")
                    } else {
                        format!("vb{k}_{}.{}", c / 4 * 4, ["x", "y", "z", "w"][c % 4])
                    };
                    let _ = write!(text, "s{r}_{c} = fma(va{r}.{part}, {b}, s{r}_{c}); ");
                }
            }
            text.push('\n');
        }
        text.push_str("}\nworkgroupBarrier();\n}\n");
    }

    /// Every sum of an invocation, one after another or in a loop.
    fn stores(&self, text: &mut String) {
        let Self { block, wide, .. } = self;
        let across = block.columns / wide;
        let sum = |r: usize, c: usize| match wide {
            4 => format!("vec4<f32>(s{r}_{c}, s{r}_{}, s{r}_{}, s{r}_{})", c + 1, c + 2, c + 3),
            _ => format!("s{r}_{c}"),
        };
        let places = (0..block.rows * across).map(|i| (i / across, i % across * wide));
        if block.looped {
            let count = block.rows * across;
            let sums: Vec<String> = places.map(|(r, c)| sum(r, c)).collect();
            let element = if *wide == 4 { "vec4<f32>" } else { "f32" };
            let _ = writeln!(text, "var sums = array<{element}, {count}>({});", sums.join(", "));
            let _ = writeln!(text, "for (var i = 0u; i < {count}u; i++) {{\nlet r = i / {across}u;\nlet c = i % {across}u * {wide}u;");
            self.store(text, "r", "c", "sums[i]");
            text.push_str("}\n");
        } else {
            places.for_each(|(r, c)| self.store(text, &format!("{r}u"), &format!("{c}u"), &sum(r, c)));
        }
    }

    /// Bias, activation, residual, and the write, guarded at the edges.
    fn store(&self, text: &mut String, r: &str, c: &str, sum: &str) {
        let Self { matmul, wide, .. } = self;
        let (rows, suffix) = (matmul.rows, if *wide == 4 { "4" } else { "" });
        let _ = write!(
            text,
            "if (row + {r} < {rows}u && column + {c} < {}u) {{ \
             let at = ((batch * {rows}u + row + {r}) * {}u + {}u + column + {c}) / {wide}u; var v = {sum}; ",
            matmul.columns, matmul.output_columns, matmul.first_column
        );
        if let (Some(_), Some(groups)) = (matmul.bias, matmul.bias_groups) {
            let _ = write!(text, "v += bias(batch % {groups}u * {rows}u + row + {r}); ");
        } else if matmul.bias.is_some() {
            let _ = write!(text, "v += bias{suffix}((column + {c} + {}u) / {wide}u); ", matmul.first_column);
        }
        if matmul.activation.is_some() {
            text.push_str("v = activate(v); ");
        }
        if matmul.residual.is_some() {
            let _ = write!(text, "v += residual{suffix}(at); ");
        }
        let _ = writeln!(text, "set_product{suffix}(at, v); }}");
    }
}
