//! The parts of the built-in plugin `script` that need no engine, and its types, hold what they promise.

use std::path::Path;
use std::process::Command;

use super::support::api::client;
use super::support::{read, read_json, root, server};

/// What npm installs, and for what.
const PACKAGES: [&str; 3] = [".npmrc", "package-lock.json", "package.json"];

#[test]
fn the_tests_in_javascript_pass() {
    run(Command::new("node").arg("--test").current_dir(root().join("plugins/script")));
}

#[test]
fn the_example_scripts_have_the_types_that_editors_check() {
    let packages = Path::new(env!("CARGO_TARGET_TMPDIR")).join("script");
    let lock = packages.join("package-lock.json");
    let installed = std::fs::read_to_string(&lock).is_ok_and(|lock| lock == read("plugins/script/package-lock.json"));
    if !installed || !packages.join("node_modules/typescript").is_dir() {
        std::fs::create_dir_all(&packages).expect("a folder for packages");
        for file in PACKAGES {
            std::fs::write(packages.join(file), read(&format!("plugins/script/{file}"))).expect("a copy");
        }
        let options = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
        run(Command::new("npm").args(options).current_dir(&packages));
    }
    let mut compiler = Command::new("node");
    compiler.arg(packages.join("node_modules/typescript/bin/tsc"));
    run(compiler.arg("-p").arg(root().join("plugins/script/types/examples")));
}

#[tokio::test]
async fn a_server_hands_out_the_types_without_a_key() {
    let api = server::shared().await.space("script-types").await;
    let url = format!("{}/api/v1/types/tenterhook.d.ts", api.base());
    let answer = client().get(&url).send().await.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"text/plain; charset=utf-8".parse().expect("a value"))
    );
    let text = answer.text().await.expect("a text");
    assert_eq!(text, read("plugins/script/types/tenterhook.d.ts"));
    for place in ["Render", "Map", "Run", "Verify"] {
        assert!(text.contains(&format!("  type {place}<")), "{place}");
    }
}

#[test]
fn its_packages_come_from_where_npm_is_told() {
    let lock = read_json("plugins/script/package-lock.json");
    let packages = lock["packages"].as_object().expect("packages");
    assert!(packages.contains_key("node_modules/typescript"));
    for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
        assert!(package["integrity"].is_string() && package.get("resolved").is_none(), "{name}: {package}");
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&text));
}
