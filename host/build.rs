//! Builds the guest components for wasm32-wasip2 and puts them where `include_bytes!` finds them.
//!
//! `text_template.wasm`, `field_mapping.wasm` and `jq.wasm` are the built-in plugins; the others are for tests and
//! benchmarks. A cargo of its own, with a target folder of its own, does the work: a rebuild of the host alone costs
//! nothing, as cargo runs this script only when a guest or the interface changes.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const TARGET: &str = "wasm32-wasip2";

/// Package, and the file in `OUT_DIR` (without `.wasm`).
const GUESTS: &[(&str, &str)] = &[
    ("text-template", "text_template"),
    ("field-mapping", "field_mapping"),
    ("jq", "jq"),
    ("reference", "reference"),
    ("hostile", "hostile"),
    ("capable", "capable"),
    ("fetcher", "fetcher"),
    ("chat-lead", "example_template"),
    ("helpdesk-ticket", "example_mapping"),
    ("lead-score", "example_action"),
];

/// What the outer cargo says of the host must not reach the guests: flags for another target, clippy as compiler, …
const NOT_INHERITED: &[&str] = &[
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "CLIPPY_ARGS",
    "CLIPPY_CONF_DIR",
    "LLVM_PROFILE_FILE",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTDOC",
    "RUSTFLAGS",
    "TARGET",
];

fn main() -> ExitCode {
    for path in ["plugins", "examples/your-own-plugins", "wit", "Cargo.lock", "Cargo.toml"] {
        tell("rerun-if-changed", &format!("../{path}"));
    }
    tell("rerun-if-changed", "build.rs");
    match ensure_target().and_then(|()| build()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            tell("error", &problem);
            ExitCode::FAILURE
        }
    }
}

fn tell(key: &str, value: &str) {
    println!("cargo::{key}={value}");
}

/// Adds the target by rustup unless the toolchain has it.
fn ensure_target() -> Result<(), String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .map_err(|error| format!("cannot run rustc: {error}"))?;
    let libraries = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if output.status.success() && libraries.is_dir() {
        return Ok(());
    }
    let reason = match Command::new("rustup").args(["target", "add", TARGET]).output() {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "),
        Err(error) => format!("rustup: {error}"),
    };
    Err(format!(
        "the plugins need the Rust target {TARGET}, which is not installed and could not be added ({reason}). \
         Run `rustup target add {TARGET}`, or install your distribution's package of that target, and build again."
    ))
}

/// Builds all guests and copies those that changed.
fn build() -> Result<(), String> {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: run this by cargo")?);
    let guests = target_folder(&out)?.join("guests");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--manifest-path", "../Cargo.toml", "--profile", "guest", "--target", TARGET]);
    cargo.arg("--target-dir").arg(&guests);
    for (package, _) in GUESTS {
        cargo.args(["--package", package]);
    }
    for variable in NOT_INHERITED {
        cargo.env_remove(variable);
    }
    let output = cargo.output().map_err(|error| format!("cannot run cargo: {error}"))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        errors.lines().for_each(|line| tell("error", line));
        return Err(format!("the plugins do not build for {TARGET}: see above"));
    }
    let built = guests.join(TARGET).join("guest");
    for (package, file) in GUESTS {
        copy(&built.join(format!("{}.wasm", package.replace('-', "_"))), &out.join(format!("{file}.wasm")))?;
    }
    Ok(())
}

/// The target folder of the outer cargo: the one that cargo tags as a cache.
fn target_folder(out: &Path) -> Result<PathBuf, String> {
    let mut folders = out.ancestors();
    folders
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
        .or_else(|| out.ancestors().nth(4))
        .map(Path::to_path_buf)
        .ok_or_else(|| format!("{} lies in no target folder", out.display()))
}

/// Copies unless nothing changed, so that the host is not linked anew for nothing.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()));
    let new = read(from)?;
    if read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    std::fs::write(to, new).map_err(|error| format!("{}: {error}", to.display()))
}
