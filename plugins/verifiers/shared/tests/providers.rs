//! The calls that the verifiers are tested with are those that the providers' own libraries sign: `tests/providers`
//! signs them anew. It needs Node and npm, and installs the libraries into the target folder.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is copied and installed.
const FILES: [&str; 4] = [".npmrc", "package.json", "package-lock.json", "sign.js"];
/// When the calls of `calls.jsonl` were signed.
const AT: &str = "1700000000";

#[test]
fn the_calls_are_signed_by_the_providers_own_libraries() {
    let signed = run(Command::new("node").arg(installed().join("sign.js")).args(["--at", AT]));
    let kept = std::fs::read_to_string(providers().join("calls.jsonl")).unwrap();
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lines(&signed), lines(&kept), "write what `node sign.js --at {AT}` prints to calls.jsonl");
}

#[test]
fn the_libraries_come_from_where_npm_is_told() {
    let lock: serde_json::Value = serde_json::from_slice(&read("package-lock.json")).unwrap();
    let packages = lock["packages"].as_object().unwrap();
    for library in ["@octokit/webhooks-methods", "@shopify/shopify-api", "standardwebhooks", "stripe", "twilio"] {
        assert!(packages.contains_key(&format!("node_modules/{library}")), "{library}");
    }
    for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
        assert!(package["integrity"].is_string() && package.get("resolved").is_none(), "{name}: {package}");
    }
}

fn providers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/providers")
}

fn read(file: &str) -> Vec<u8> {
    std::fs::read(providers().join(file)).unwrap_or_else(|error| panic!("tests/providers/{file}: {error}"))
}

/// A copy of the script with its libraries, in the target folder; made once for each content of the files.
fn installed() -> PathBuf {
    let files = FILES.map(|name| (name, read(name)));
    let mut hasher = DefaultHasher::new();
    (run(Command::new("node").arg("--version")), &files).hash(&mut hasher);
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("providers-{:016x}", hasher.finish()));
    if copy.is_dir() {
        return copy;
    }
    let new = copy.with_extension(std::process::id().to_string());
    std::fs::create_dir_all(&new).expect("a folder for a copy");
    files.iter().for_each(|(name, content)| std::fs::write(new.join(name), content).expect("a copy"));
    run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]).arg(&new));
    // Moved when it is whole: another test run may do the same at this moment, and what is interrupted leaves no copy.
    let moved = std::fs::rename(&new, &copy);
    assert!(copy.is_dir(), "{}: {moved:?}", copy.display());
    copy
}

/// What a command prints.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}: install Node 20 with npm"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}
