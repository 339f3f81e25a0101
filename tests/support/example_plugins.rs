//! The components of `examples/plugins`, built when a test first asks for them: a build of the server alone does not
//! need them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use super::root;

const TARGET: &str = "wasm32-wasip2";
/// What the outer cargo may have been told about the host, and must not reach the plugins.
const NOT_INHERITED: [&str; 7] = [
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
];

static FOLDER: LazyLock<PathBuf> = LazyLock::new(build);

/// The names of the plugins, which are those of their folders.
pub fn names() -> Vec<String> {
    let entries = std::fs::read_dir(root().join("examples/plugins")).expect("the folder of the plugins");
    let folders = entries.map(|entry| entry.expect("a readable entry").path()).filter(|path| path.is_dir());
    let mut names: Vec<_> =
        folders.map(|path| path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned()).collect();
    names.sort();
    names
}

/// Where the components are, with the names that cargo gives them.
pub fn folder() -> &'static Path {
    &FOLDER
}

/// The component of a plugin.
pub fn component(name: &str) -> Vec<u8> {
    let file = folder().join(format!("{}.wasm", name.replace('-', "_")));
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// In the folder in which `host/build.rs` builds the other guests, so that what they share is compiled once.
fn build() -> PathBuf {
    let guests = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target folder").join("guests");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--profile", "guest", "--target", TARGET, "--target-dir"]).arg(&guests);
    cargo.args(names().iter().flat_map(|name| ["--package", name]));
    for variable in NOT_INHERITED {
        cargo.env_remove(variable);
    }
    let output = cargo.current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    guests.join(TARGET).join("guest")
}
