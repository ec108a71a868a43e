//! `bindgen IN.wasm FOLDER`: wasm-bindgen for the web, as a library. It builds in a fifth of the time of `cargo install wasm-bindgen-cli`, and
//! its version is pinned beside the crates that it must agree with.

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, folder] = arguments.as_slice() else {
        eprintln!("usage: bindgen IN.wasm FOLDER");
        return ExitCode::FAILURE;
    };
    let mut bindgen = Bindgen::new();
    let made =
        bindgen.input_path(input).web(true).map(|bindgen| bindgen.typescript(false).omit_default_module_path(false).generate(folder));
    match made.and_then(|made| made) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
