//! Builds the Extism plug-in, with a cargo and a target folder of its own.

use std::path::PathBuf;
use std::process::Command;

const TARGET: &str = "wasm32-unknown-unknown";

fn main() {
    for path in ["guest", "build.rs", "Cargo.toml", "../../../plugins/reference/src"] {
        println!("cargo::rerun-if-changed={path}");
    }
    let folder = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it")).join("guest");
    let mut cargo = Command::new(std::env::var_os("CARGO").expect("cargo sets it"));
    cargo.args(["build", "--profile", "guest", "--target", TARGET, "--package", "rival-guest", "--target-dir"]);
    for variable in ["CARGO_ENCODED_RUSTFLAGS", "RUSTC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
        cargo.env_remove(variable);
    }
    let status = cargo.arg(&folder).status().expect("cargo runs");
    assert!(status.success(), "the guest does not build: is the target {TARGET} installed?");
    let guest = folder.join(TARGET).join("guest/rival_guest.wasm");
    println!("cargo::rustc-env=GUEST={}", guest.display());
}
