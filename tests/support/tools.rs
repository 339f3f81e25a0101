//! Programs of other languages, and what they install: kept below the target folder over test runs.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder that `make` fills on first use, and again when `inputs` are others.
pub fn kept(name: &str, inputs: impl Hash, make: impl FnOnce(&Path)) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    inputs.hash(&mut hasher);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{:016x}", hasher.finish()));
    fs::create_dir_all(folder.parent().expect("it is in the target folder")).expect("a folder");
    // Another test, also of another test run, may want the same at this moment.
    let lock = File::create(folder.with_extension("lock")).expect("a lock file");
    lock.lock().expect("a lock");
    let whole = folder.join("whole");
    if !whole.exists() {
        drop(fs::remove_dir_all(&folder));
        fs::create_dir(&folder).expect("a new folder");
        make(&folder);
        fs::write(whole, "").expect("a mark");
    }
    folder
}

/// A Python environment with what a list of requirements names.
pub fn python_with(name: &str, requirements: &str) -> PathBuf {
    let version = version_of("python3", "--version");
    let folder = kept(&format!("python/{name}"), (version, requirements), |folder| {
        fs::write(folder.join("requirements.txt"), requirements).expect("a list");
        run(Command::new("python3").args(["-m", "venv"]).arg(folder.join("venv")));
        let options = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r"];
        run(Command::new(folder.join("venv/bin/python")).args(options).arg(folder.join("requirements.txt")));
    });
    folder.join("venv/bin")
}

/// The version of a program that a test needs; fails if it is not installed.
pub fn version_of(program: &str, option: &str) -> String {
    match Command::new(program).arg(option).output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        _ => panic!("{program} is not installed, or does not run: this test needs it"),
    }
}

/// Runs a program that must end well; answers what it printed.
pub fn run(command: &mut Command) -> String {
    let output: Output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}{err}", output.status);
    out.into_owned()
}
