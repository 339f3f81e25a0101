//! The commands of a README, run as a reader would run them.

use std::process::Stdio;

use tokio::process::Command;

use super::{read, root};

/// The fenced `sh` blocks of a README.
pub fn commands(path: &str) -> Vec<String> {
    let readme = read(path);
    let blocks = readme.split("```sh\n").skip(1);
    blocks.map(|rest| rest.split("\n```").next().expect("a closed block").to_owned()).collect()
}

/// Runs a script with the repository's root as its folder, until its first error or for 60 s; answers what it printed.
///
/// # Panics
/// It failed.
pub async fn run(script: &str) -> String {
    let script = format!("set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}");
    let output = Command::new("timeout")
        .args(["60", "bash", "-c"])
        .arg(&script)
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("bash runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    text
}
