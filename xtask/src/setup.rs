//! Software Vulkan, so that WebGPU tests run on a machine without a GPU.

use std::path::Path;

use crate::shell::{Result, command, run as run_command, succeeds};

const PACKAGES: [&str; 2] = ["libvulkan1", "mesa-vulkan-drivers"];

/// Installs software Vulkan where no driver is and the package manager may; else says what to install. Never fails a
/// test run: tests of a platform that is not there are counted as skipped.
pub(crate) fn run() -> Result {
    if !cfg!(target_os = "linux") || has_vulkan() {
        return Ok(());
    }
    println!("no Vulkan driver is installed; installing {}", PACKAGES.join(" "));
    let may = succeeds(command("apt-get", &["--version"])) && succeeds(command("sh", &["-c", "test $(id -u) -eq 0"]));
    if !may {
        println!("not root, or no apt-get: WebGPU tests will be skipped; to run them: sudo apt-get install {}", PACKAGES.join(" "));
        return Ok(());
    }
    let install = || -> Result {
        run_command(command("apt-get", &["update", "-qq"]))?;
        run_command(command("apt-get", &[&["install", "-y", "-qq", "--no-install-recommends"], &PACKAGES[..]].concat()))
    };
    if let Err(error) = install() {
        println!("{error}; WebGPU tests will be skipped");
    }
    Ok(())
}

/// True where the loader would find a driver's manifest.
fn has_vulkan() -> bool {
    let folders = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"];
    let named = std::env::var_os("VK_DRIVER_FILES").or_else(|| std::env::var_os("VK_ICD_FILENAMES"));
    let files = folders.iter().any(|folder| Path::new(folder).read_dir().is_ok_and(|mut entries| entries.next().is_some()));
    named.is_some() || files
}
