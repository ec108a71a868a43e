//! wasm32: the compiler's own target where it is installed, else a compiler that builds the standard library from its source.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::folder;
use crate::shell::{Result, cargo, command, root, run as run_command, succeeds};

const TARGET: &str = "wasm32-unknown-unknown";
/// Debian's compiler that can build std for wasm32, and its source.
const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// How a program for wasm32 is built.
pub(super) struct Toolchain {
    cargo: PathBuf,
    rustc: PathBuf,
    /// The linker, where the standard library is built too.
    build_std: Option<PathBuf>,
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.build_std.is_some() { "builds std from source" } else { "std installed" };
        write!(f, "{} ({how})", self.rustc.display())
    }
}

impl Toolchain {
    /// The toolchain, installed where the system lets us: rustup's target, else Debian's packages where this is root.
    ///
    /// **Errors** what was looked for.
    pub(super) fn find_or_install() -> Result<Self> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        if succeeds(command("rustup", &["target", "add", TARGET])) {
            return Self::find().ok_or_else(|| format!("rustup installed `{TARGET}`, but the compiler in use lacks it"));
        }
        if succeeds(command("apt-get", &["--version"])) && succeeds(command("sh", &["-c", "test $(id -u) -eq 0"])) {
            println!("no std for {TARGET}; installing {}", PACKAGES.join(" "));
            run_command(command("apt-get", &["update", "-qq"]))?;
            run_command(command("apt-get", &[&["install", "-y", "-qq", "--no-install-recommends"], &PACKAGES[..]].concat()))?;
        }
        Self::find().ok_or_else(|| {
            format!("no std for {TARGET}: `rustup target add {TARGET}`, or on Debian `apt-get install {}`", PACKAGES.join(" "))
        })
    }

    fn find() -> Option<Self> {
        let own = PathBuf::from(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        let cargo = PathBuf::from(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        let sysroot = sysroot(&own)?;
        let has_std = |folder: PathBuf| folder.read_dir().is_ok_and(|mut files| files.next().is_some());
        if has_std(sysroot.join("lib/rustlib").join(TARGET).join("lib")) {
            return Some(Self { cargo, rustc: own, build_std: None });
        }
        let linker = linker(&sysroot)?;
        let debian = || (PathBuf::from("/usr/bin/rustc"), PathBuf::from("/usr/bin/cargo"));
        let with_source = |(rustc, cargo): (PathBuf, PathBuf)| -> Option<Self> {
            let source = self::sysroot(&rustc)?.join("lib/rustlib/src/rust/library/std/src/lib.rs");
            (source.exists() && succeeds(Command::new(&cargo))).then(|| Self { cargo, rustc, build_std: Some(linker.clone()) })
        };
        with_source((own, cargo)).or_else(|| with_source(debian()))
    }

    /// Builds the library of a package of `web/` in a profile and binds it to JavaScript; gives the folder that is to be served.
    ///
    /// **Errors** a build that fails.
    pub(super) fn build(&self, package: &str, profile: &str, more: &[&str]) -> Result<PathBuf> {
        self.compile(package, profile, more)?;
        bind(package, &package.replace('-', "_"), profile)
    }

    /// As [`Toolchain::build`] for the programs of a package.
    pub(super) fn build_programs(&self, package: &str, names: &[&str], profile: &str) -> Result<PathBuf> {
        self.compile(package, profile, &["--bins"])?;
        names.iter().try_for_each(|name| bind(package, name, profile).map(drop))?;
        Ok(folder().join("pkg").join(package))
    }

    fn compile(&self, package: &str, profile: &str, more: &[&str]) -> Result {
        let folder = folder();
        // A cargo of another version must not see the other's settings.
        let mut build = Command::new(&self.cargo);
        build.args(["build", "--package", package, "--profile", profile, "--target", TARGET]).args(more);
        build.current_dir(root().join("web")).env("CARGO_TARGET_DIR", &folder).env("RUSTC", &self.rustc);
        build.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "-C target-feature=+simd128");
        if let Some(linker) = &self.build_std {
            build.args(["-Z", "build-std=std,panic_abort"]).env("RUSTC_BOOTSTRAP", "1");
            build.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
            ["RUSTUP_TOOLCHAIN", "CARGO", "LD_LIBRARY_PATH"].iter().for_each(|name| _ = build.env_remove(name));
        }
        run_command(build)
    }
}

/// Binds a module of a package to JavaScript; gives the folder.
fn bind(package: &str, name: &str, profile: &str) -> Result<PathBuf> {
    let wasm = folder().join(TARGET).join(profile).join(format!("{name}.wasm"));
    let made = folder().join("pkg").join(package);
    let mut bind = cargo(&["run", "--quiet", "--package", "ipfs-accelerate-bindgen", "--"]);
    bind.arg(&wasm).arg(&made).current_dir(root().join("web")).env("CARGO_TARGET_DIR", folder().join("tools"));
    run_command(bind)?;
    Ok(made)
}

fn sysroot(rustc: &Path) -> Option<PathBuf> {
    let output = Command::new(rustc).args(["--print", "sysroot"]).env_remove("LD_LIBRARY_PATH").output().ok()?;
    output.status.success().then(|| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// `rust-lld` beside the compiler, else LLVM's own.
fn linker(sysroot: &Path) -> Option<PathBuf> {
    let hosts = sysroot.join("lib/rustlib").read_dir().ok()?;
    let beside = hosts.filter_map(|host| Some(host.ok()?.path().join("bin/rust-lld"))).find(|path| path.exists());
    beside.or_else(|| succeeds(command("wasm-ld", &["--version"])).then(|| "wasm-ld".into()))
}
