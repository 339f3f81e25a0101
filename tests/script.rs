//! The parts of the built-in plugin `script` that need no engine, and its types, hold what they promise.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use super::support::api::client;
use super::support::{read, read_json, root, server};

/// What npm installs, and for what.
const PACKAGES: [&str; 3] = [".npmrc", "package-lock.json", "package.json"];

/// Where a server has the types.
const TYPES: &str = "/api/v1/types/tenterhook.d.ts";

#[test]
fn the_tests_in_javascript_pass() {
    run(Command::new("node").arg("--test").current_dir(root().join("plugins/script")));
}

#[test]
fn the_example_scripts_have_the_types_that_editors_check() {
    run(compiler().arg("-p").arg(root().join("plugins/script/types/examples")));
}

#[tokio::test]
async fn a_server_hands_out_the_types_without_a_key() {
    let api = server::shared().await.space("script-types").await;
    let answer = client().get(format!("{}{TYPES}", api.base())).send().await.expect("an answer");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"text/plain; charset=utf-8".parse().expect("a value"))
    );
    let text = answer.text().await.expect("a text");
    let data = text.strip_prefix(&read("plugins/script/types/tenterhook.d.ts")).expect("it begins with the file");
    for place in ["Render", "Map", "Run", "Verify"] {
        assert!(text.contains(&format!("  type {place}<")), "{place}");
    }
    let listing = api.get("event-types").await.expect(200);
    for item in listing["items"].as_array().expect("a list") {
        let name = item["name"].as_str().expect("a name");
        let key = if name.contains('.') { format!("\"{name}\"") } else { name.to_owned() };
        assert!(data.contains(&format!("\n    {key}: {{\n")), "{name}");
    }
}

#[tokio::test]
async fn the_types_that_a_server_hands_out_know_the_data_of_built_in_events() {
    let api = server::shared().await.space("script-types-of-events").await;
    let answer = client().get(format!("{}{TYPES}", api.base())).send().await.expect("an answer");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("script-types");
    let copies = folder.join("examples");
    std::fs::create_dir_all(&copies).expect("a folder for the types");
    std::fs::write(folder.join("tenterhook.d.ts"), answer.text().await.expect("a text")).expect("the types");
    for entry in std::fs::read_dir(root().join("plugins/script/types/examples")).expect("the examples") {
        let entry = entry.expect("an example");
        std::fs::copy(entry.path(), copies.join(entry.file_name())).expect("a copy");
    }
    run(compiler().arg("-p").arg(copies.join("tsconfig.events.json")));
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

/// The compiler of TypeScript, from npm.
fn compiler() -> Command {
    static INSTALLED: LazyLock<PathBuf> = LazyLock::new(|| {
        let packages = Path::new(env!("CARGO_TARGET_TMPDIR")).join("script");
        let lock = std::fs::read_to_string(packages.join("package-lock.json"));
        let installed = lock.is_ok_and(|lock| lock == read("plugins/script/package-lock.json"));
        if !installed || !packages.join("node_modules/typescript").is_dir() {
            std::fs::create_dir_all(&packages).expect("a folder for packages");
            for file in PACKAGES {
                std::fs::write(packages.join(file), read(&format!("plugins/script/{file}"))).expect("a copy");
            }
            let options = ["ci", "--no-audit", "--no-fund", "--ignore-scripts"];
            run(Command::new("npm").args(options).current_dir(&packages));
        }
        packages.join("node_modules/typescript/bin/tsc")
    });
    let mut compiler = Command::new("node");
    compiler.arg(INSTALLED.as_path());
    compiler
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&text));
}
