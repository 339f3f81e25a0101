//! The receivers of `examples/receivers` take what is signed, refuse what is not, and recognise repeats.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use tenterhook::clock::{Clock as _, SystemClock};
use tenterhook::model::Time;
use tenterhook::signature::{ID_HEADER, SIGNATURE_HEADER, Scheme, SigningKey, TIMESTAMP_HEADER, sign};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use super::support::api::client;
use super::support::tools::{self, run, version_of};
use super::support::{read_json, root};

/// A body that nobody can write anew without changing it: order, spaces, number, characters, line breaks at its end.
const BODY: &str =
    "{ \"type\":\"order.paid\",\n\"data\":{\"total\":1.50, \"name\":\"Zo\u{eb} \\\"%s\\\" \\u0007\"}}\n\n";
/// What a receiver prints for a message of that body, after its id.
const TYPE: &str = "order.paid";
/// How long a receiver may take for a message: it may have to be fetched from a slow disk.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A message, and what must come of it.
struct Message {
    what: &'static str,
    headers: Vec<(&'static str, String)>,
    body: String,
    /// What a receiver prints that takes it; none for one that must be refused.
    printed: Option<String>,
}

impl Message {
    /// A message with a good signature by each of `keys`, to be refused unless told otherwise.
    fn signed(what: &'static str, id: &str, time: Time, keys: &[&SigningKey]) -> Self {
        let headers = vec![
            (ID_HEADER, id.to_owned()),
            (TIMESTAMP_HEADER, (time.as_millis() / 1000).to_string()),
            (SIGNATURE_HEADER, sign(keys.iter().copied(), id, time, BODY.as_bytes())),
        ];
        Self { what, headers, body: BODY.to_owned(), printed: None }
    }

    fn prints(self, line: &str) -> Self {
        Self { printed: Some(line.to_owned()), ..self }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str())
    }
}

/// Messages to a receiver that has `key`, to be sent in this order.
fn messages(key: &SigningKey) -> Vec<Message> {
    let now = SystemClock.now();
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let earlier = Time::from_millis(now.as_millis() - 600_000);
    let other = SigningKey::generate(Scheme::V1).expect("randomness");
    let pair = SigningKey::generate(Scheme::V1a).expect("randomness");
    let mut all = vec![
        Message { body: BODY.replace("1.50", "1.5"), ..Message::signed("an altered body", "evt_1", now, &[key]) },
        Message::signed("a good message, whose altered copy was refused", "evt_1", now, &[key])
            .prints(&format!("evt_1 {TYPE}")),
        Message::signed("the same again", "evt_1", now, &[key]).prints("evt_1 repeated"),
        Message::signed("an old message", "evt_2", earlier, &[key]),
        Message::signed("a message of the future", "evt_2", now.after(minutes(10)), &[key]),
        Message::signed("signed by somebody else", "evt_2", now, &[&other, &pair]),
        Message { headers: Vec::new(), ..Message::signed("no headers", "evt_2", now, &[key]) },
    ];
    for missing in [ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER] {
        let mut message = Message::signed(missing, "evt_2", now, &[key]);
        message.headers.retain(|(name, _)| *name != missing);
        all.push(message);
    }
    for junk in ["v1", "v1,", "v1,%%%", ",", "v1 v1,=", "v2,AAAA"] {
        let mut message = Message::signed("no signature at all", "evt_2", now, &[]);
        junk.clone_into(&mut message.headers[2].1);
        all.push(message);
    }
    for (id, keys) in [("evt_2", [&other, key, &pair]), ("evt_3", [&pair, &other, key])] {
        let what = "one right signature among several";
        all.push(Message::signed(what, id, now, &keys).prints(&format!("{id} {TYPE}")));
    }
    all
}

#[tokio::test]
async fn the_receiver_in_rust_keeps_the_promises_of_its_readme() {
    // The same target folder, so that what the server and the receiver share is not compiled again.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is in the target folder");
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--package", "webhook-receiver", "--target-dir"]).arg(target).args(["--", "0"]);
    check_receiver(command).await;
}

#[tokio::test]
async fn the_receiver_in_javascript_keeps_the_promises_of_its_readme() {
    let version = version_of("node", "--version");
    version_of("npm", "--version");
    let folder = installed("javascript", &version, |folder| {
        let options = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefix"];
        run(Command::new("npm").arg("ci").args(options).arg(folder));
    });
    let mut command = Command::new("node");
    command.arg(folder.join("receiver.js")).arg("0");
    check_receiver(command).await;
}

#[tokio::test]
async fn the_receiver_in_python_keeps_the_promises_of_its_readme() {
    let version = version_of("python3", "--version");
    let folder = installed("python", &version, |folder| {
        run(Command::new("python3").args(["-m", "venv"]).arg(folder.join(".venv")));
        let options = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r"];
        run(Command::new(folder.join(".venv/bin/python")).args(options).arg(folder.join("requirements.txt")));
    });
    let mut command = Command::new(folder.join(".venv/bin/python"));
    command.arg(folder.join("receiver.py")).arg("0");
    check_receiver(command).await;
}

#[tokio::test]
async fn the_shell_script_takes_what_is_signed_and_refuses_what_is_not() {
    version_of("openssl", "version");
    for (length, by_arguments) in [(24_u8, true), (32, false), (64, true)] {
        let secret: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(37)).collect();
        let key = SigningKey::from_text(&format!("whsec_{}", BASE64_STANDARD.encode(secret))).expect("a key");
        for message in messages(&key) {
            let (code, reason) = verify(key.to_text().reveal(), &message, by_arguments).await;
            let expected = i32::from(message.printed.is_none());
            assert_eq!(code, Some(expected), "{} (a secret of {length} bytes): {reason}", message.what);
            assert_eq!(reason.starts_with("refused: "), expected == 1, "{}: {reason}", message.what);
        }
    }
}

#[tokio::test]
async fn the_shell_script_trusts_nothing_without_a_secret_that_can_be_one() {
    version_of("openssl", "version");
    let key = SigningKey::generate(Scheme::V1).expect("randomness");
    let message = Message::signed("a good message", "evt_1", SystemClock.now(), &[&key]);
    let good = key.to_text().reveal().to_owned();
    let (cut, longer) = (&good[..good.len() - 1], format!("{good}A"));
    for secret in ["", "whsec_", "whsec_%%%", "whsec_c2hvcnQ=", cut, longer.as_str()] {
        let (code, reason) = verify(secret, &message, true).await;
        assert_eq!(code, Some(1), "{reason}");
        assert!(reason.starts_with("refused: WEBHOOK_SECRET"), "{reason}");
    }
}

#[test]
fn the_packages_of_the_javascript_receiver_come_from_where_npm_is_told() {
    let lock = read_json("examples/receivers/javascript/package-lock.json");
    let packages = lock["packages"].as_object().expect("packages");
    assert!(packages.contains_key("node_modules/standardwebhooks"));
    for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
        assert!(package["integrity"].is_string() && package.get("resolved").is_none(), "{name}: {package}");
    }
}

/// Starts a receiver and sends it all messages.
async fn check_receiver(command: Command) {
    let key = SigningKey::generate(Scheme::V1).expect("randomness");
    let mut receiver = Receiver::start(command, &key).await;
    let client = client();
    for message in messages(&key) {
        let mut request = client.post(format!("{}/hooks", receiver.url)).timeout(ANSWER_TIMEOUT).body(message.body);
        for (name, value) in message.headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{}: {error}", message.what));
        let expected = if message.printed.is_some() { 204 } else { 401 };
        assert_eq!(answer.status(), expected, "{}", message.what);
        if let Some(line) = message.printed {
            // What was refused before printed nothing, or it would be here.
            assert_eq!(receiver.line().await, line, "{}", message.what);
        }
    }
}

/// A receiver in a process of its own, which ends with this value.
struct Receiver {
    url: String,
    lines: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Receiver {
    async fn start(mut command: Command, key: &SigningKey) -> Self {
        command.current_dir(root()).env("WEBHOOK_SECRET", key.to_text().reveal());
        let mut command = tokio::process::Command::from(command);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn();
        let mut child = child.expect("the receiver starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its standard output")).lines();
        // Without a limit of time: it may have to be compiled.
        let line = lines.next_line().await.expect("text").expect("it listens, or says above why not");
        let url = line.strip_prefix("listening on ").expect("the first line says where it listens").to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "it listens on this machine only: {url}");
        Self { url, lines, _child: child }
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(ANSWER_TIMEOUT, self.lines.next_line()).await.expect("a line in time");
        line.expect("text").expect("the receiver runs")
    }
}

/// Exit code and standard error of the script for a message, its headers given by arguments or by environment.
async fn verify(secret: &str, message: &Message, by_arguments: bool) -> (Option<i32>, String) {
    let mut command = tokio::process::Command::new(root().join("examples/receivers/shell/verify.sh"));
    command.env("WEBHOOK_SECRET", secret);
    for name in [ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER] {
        match message.header(name) {
            value if by_arguments => command.arg(value.unwrap_or("")),
            Some(value) => command.env(format!("HTTP_{}", name.to_uppercase().replace('-', "_")), value),
            None => &mut command,
        };
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("the script starts");
    let mut input = child.stdin.take().expect("its standard input");
    // A script that refuses by the headers alone does not read the body.
    drop(input.write_all(message.body.as_bytes()).await);
    drop(input);
    let output = child.wait_with_output().await.expect("its end");
    assert!(output.stdout.is_empty(), "it prints nothing but reasons");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A copy of an example's folder with its dependencies, made on first use and kept over test runs.
fn installed(name: &str, version: &str, install: impl FnOnce(&Path)) -> PathBuf {
    let files = files_of(&root().join("examples/receivers").join(name));
    tools::kept(&format!("receivers/{name}"), (version, &files), |copy| {
        for (file, content) in &files {
            std::fs::write(copy.join(file), content).expect("a copy");
        }
        install(copy);
    })
}

/// Name and content of each file in a folder, but not in folders of that.
fn files_of(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let paths = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a readable entry").path());
    let mut files: Vec<_> = paths
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name").to_owned();
            (name, std::fs::read(path).expect("a readable file"))
        })
        .collect();
    files.sort();
    files
}
