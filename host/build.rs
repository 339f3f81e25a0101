//! Builds the guest components for wasm32-wasip2 and puts them where `include_bytes!` finds them.
//!
//! `text_template.wasm`, `field_mapping.wasm` and `jq.wasm` are the built-in plugins; the others are for tests and
//! benchmarks. A cargo of its own, with a target folder of its own, does the work: a rebuild of the host alone costs
//! nothing, as cargo runs this script only when a guest or the interface changes.
//!
//! It also lists the files that `tenterhook plugin new` writes into projects, so that the binary has them.

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
    ("chat-lead", "example_template"),
    ("helpdesk-ticket", "example_mapping"),
    ("lead-score", "example_action"),
];

/// Folders whose files the binary has, and the names they have there.
const EMBEDDED: &[(&str, &str)] =
    &[("src/cli/plugin/templates", "templates"), ("../plugins/sdk", "sdk"), ("../wit", "wit")];

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
    tell("rerun-if-changed", "src/cli/plugin/templates");
    match list_embedded().and_then(|()| ensure_target()).and_then(|()| build()) {
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

/// Writes the list of embedded files: pairs of name and content, in the order of the names.
fn list_embedded() -> Result<(), String> {
    let root = std::env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set: run this by cargo")?;
    let mut list = String::from("&[\n");
    for (folder, name) in EMBEDDED {
        let mut files = Vec::new();
        collect(&Path::new(&root).join(folder), name, &mut files)?;
        files.sort();
        for (name, path) in files {
            list.push_str(&format!("    ({name:?}, include_str!({path:?})),\n"));
        }
    }
    list.push(']');
    write_new(&out_dir()?.join("embedded_files.rs"), list.as_bytes())
}

/// The files below `folder`, and their names below `name`.
fn collect(folder: &Path, name: &str, files: &mut Vec<(String, PathBuf)>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let file = path.file_name().and_then(|file| file.to_str()).ok_or("a file name is not UTF-8")?;
        let name = format!("{name}/{file}");
        if path.is_dir() {
            collect(&path, &name, files)?;
        } else {
            files.push((name, path));
        }
    }
    Ok(())
}

fn out_dir() -> Result<PathBuf, String> {
    std::env::var_os("OUT_DIR").map(PathBuf::from).ok_or_else(|| "OUT_DIR is not set: run this by cargo".to_owned())
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
    let out = out_dir()?;
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
    let new = std::fs::read(from).map_err(|error| format!("{}: {error}", from.display()))?;
    write_new(to, &new)
}

/// Writes unless nothing changed.
fn write_new(to: &Path, new: &[u8]) -> Result<(), String> {
    if std::fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    std::fs::write(to, new).map_err(|error| format!("{}: {error}", to.display()))
}
