//! Builds the guest components for wasm32-wasip2 and puts them where `include_bytes!` finds them.
//!
//! `text_template.wasm`, `field_mapping.wasm`, `jq.wasm`, `script.wasm` and the verifiers (`verify-….wasm`) are the
//! built-in plugins; the others are for tests and benchmarks. A cargo of its own, with a target folder of its own, does
//! the work: a rebuild of the host alone costs nothing, as cargo runs this script only when a guest or the interface
//! changes.
//!
//! `script` is JavaScript: Node.js makes it, by a package that npm installs below the target folder. It is made again
//! only if one of its files changed, and its packages are installed again only if the list of them did.
//!
//! It also lists the files that `tenterhook plugin new` writes into projects, so that the binary has them.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
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
    ("older", "older"),
    ("capable", "capable"),
    ("fetcher", "fetcher"),
    ("chat-lead", "example_template"),
    ("helpdesk-ticket", "example_mapping"),
    ("lead-score", "example_action"),
    ("verify-basic-auth", "verify-basic-auth"),
    ("verify-github", "verify-github"),
    ("verify-hmac", "verify-hmac"),
    ("verify-okta", "verify-okta"),
    ("verify-shopify", "verify-shopify"),
    ("verify-slack", "verify-slack"),
    ("verify-standard-webhooks", "verify-standard-webhooks"),
    ("verify-stripe", "verify-stripe"),
    ("verify-token", "verify-token"),
    ("verify-twilio", "verify-twilio"),
    ("verify-x", "verify-x"),
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

/// How much of what node or npm printed is shown: npm adds pages of advice.
const ERROR_LINES_MAX: usize = 12;

/// The plugin in JavaScript, and what it is made of.
const SCRIPT: &str = "../plugins/script";
const SCRIPT_PACKAGES: &[&str] = &[".npmrc", "package-lock.json", "package.json"];
const SCRIPT_SOURCES: &[&str] = &["build.mjs", "src", "world.wit", "../../wit"];

fn main() -> ExitCode {
    for path in ["plugins", "examples/your-own-plugins", "wit", "Cargo.lock", "Cargo.toml"] {
        tell("rerun-if-changed", &format!("../{path}"));
    }
    tell("rerun-if-changed", "build.rs");
    tell("rerun-if-changed", "src/cli/plugin/templates");
    match list_embedded().and_then(|()| ensure_target()).and_then(|()| build()).and_then(|()| build_script()) {
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
    let failed = |error: std::io::Error| about(folder, &error);
    for entry in fs::read_dir(folder).map_err(failed)? {
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

/// Makes the component of `plugins/script` and copies it if it changed.
fn build_script() -> Result<(), String> {
    let out = out_dir()?;
    let folder = target_folder(&out)?.join("script");
    fs::create_dir_all(folder.join("wit")).map_err(|error| about(&folder, &error))?;
    // Builds of other profiles share the folder. The lock ends with this process.
    let lock = fs::File::create(folder.join("lock")).map_err(|error| about(&folder, &error))?;
    lock.lock().map_err(|error| about(&folder, &error))?;
    let component = folder.join("script.wasm");
    unless_done(&folder.join("packages.done"), SCRIPT_PACKAGES, &folder.join("node_modules"), || {
        install_packages(&folder)
    })?;
    let inputs = [SCRIPT_PACKAGES, SCRIPT_SOURCES].concat();
    unless_done(&folder.join("component.done"), &inputs, &component, || componentize(&folder, &component))?;
    copy(&component, &out.join("script.wasm"))
}

/// Does `work`, which makes `result`, unless `mark` says that it was done with the same content of `inputs`.
fn unless_done(
    mark: &Path,
    inputs: &[&str],
    result: &Path,
    work: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    let mut hasher = DefaultHasher::new();
    for input in inputs {
        hash(&Path::new(SCRIPT).join(input), &mut hasher)?;
    }
    let state = format!("{:016x}", hasher.finish());
    if result.exists() && fs::read_to_string(mark).is_ok_and(|done| done == state) {
        return Ok(());
    }
    work()?;
    fs::write(mark, state).map_err(|error| about(mark, &error))
}

/// Names and contents of a file, or of all files in a folder.
fn hash(path: &Path, hasher: &mut DefaultHasher) -> Result<(), String> {
    path.file_name().hash(hasher);
    if path.is_dir() {
        let entries = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut paths: Vec<_> = entries.map_err(|error| about(path, &error))?.iter().map(fs::DirEntry::path).collect();
        paths.sort();
        return paths.iter().try_for_each(|path| hash(path, hasher));
    }
    fs::read(path).map_err(|error| about(path, &error))?.hash(hasher);
    Ok(())
}

fn install_packages(folder: &Path) -> Result<(), String> {
    for file in SCRIPT_PACKAGES {
        copy(&Path::new(SCRIPT).join(file), &folder.join(file))?;
    }
    let options =
        ["ci", "--omit=dev", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
    run_node(Command::new("npm").args(options).current_dir(folder))
}

fn componentize(folder: &Path, component: &Path) -> Result<(), String> {
    copy(Path::new("../wit/tenterhook.wit"), &folder.join("wit/tenterhook.wit"))?;
    copy(&Path::new(SCRIPT).join("world.wit"), &folder.join("wit/world.wit"))?;
    let mut node = Command::new("node");
    node.arg(Path::new(SCRIPT).join("build.mjs"));
    node.arg("--modules").arg(folder).arg("--wit").arg(folder.join("wit")).arg("--out").arg(component);
    run_node(&mut node)
}

/// Runs node or npm.
fn run_node(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| {
        format!(
            "the built-in plugin `script` is made by Node.js 20 or later and its npm, and {program} does not run \
             ({error}): install Node.js, and build again."
        )
    })?;
    if output.status.success() {
        return Ok(());
    }
    let printed = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&printed).lines().take(ERROR_LINES_MAX).for_each(|line| tell("error", line));
    Err(format!("the built-in plugin `script` could not be made: {program} failed, see above"))
}

fn about(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
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
    let new = fs::read(from).map_err(|error| about(from, &error))?;
    write_new(to, &new)
}

/// Writes unless nothing changed.
fn write_new(to: &Path, new: &[u8]) -> Result<(), String> {
    if fs::read(to).is_ok_and(|old| old == new) {
        return Ok(());
    }
    fs::write(to, new).map_err(|error| about(to, &error))
}
