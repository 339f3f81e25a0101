//! A server with many different plugins installed: how long it takes to start, what memory an idle plugin costs, and
//! how long the first call of each takes.
//!
//! `cargo bench -p tenterhook --bench plugins_many`. The variable `PLUGINS` says how many (1,000). Installing them
//! takes minutes: each is compiled. They are the reference guest with another custom section, so each has another
//! hash, and machine code of its own.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

const REFERENCE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/reference.wasm"));
const KEY: &str = "th_the-admin-key-of-a-benchmark";
const PLUGINS_DEFAULT: usize = 1_000;

/// A running server.
struct Server {
    child: Child,
    url: String,
    started: Duration,
    client: Client,
}

impl Server {
    /// Starts the binary; measures until it answers that it is ready.
    async fn start(data: &Path, cache: &Path) -> Self {
        let begin = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_tenterhook"))
            .args(["serve", "--listen", "127.0.0.1:0", "--allow-private-egress", "--data-dir"])
            .arg(data)
            .env("TENTERHOOK_ADMIN_KEY", KEY)
            .env("TENTERHOOK_SECRET_KEY", "5f".repeat(32))
            .env("TENTERHOOK_PLUGIN_CACHE", cache)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its standard output")).lines();
        let url = loop {
            let line = lines.next_line().await.expect("readable output").expect("the server says its URL");
            if let Some(at) = line.find("http://127.0.0.1:") {
                break line[at..].split_whitespace().next().expect("a URL").trim_end_matches(['/', '.']).to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let client = Client::builder().no_proxy().build().expect("a client");
        let ready = client.get(format!("{url}/readyz")).send().await.expect("it answers");
        assert!(ready.status().is_success());
        Self { child, url, started: begin.elapsed(), client }
    }

    async fn call(&self, method: Method, path: &str, kind: &str, body: Vec<u8>) -> Value {
        let url = format!("{}/api/v1/spaces/default/{path}", self.url);
        let request = self.client.request(method, url).bearer_auth(KEY).header("content-type", kind).body(body);
        let response = request.send().await.expect("an answer");
        let (status, text) = (response.status(), response.text().await.expect("a whole answer"));
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Installs plugin `number` and a webhook that uses it.
    async fn install(&self, number: usize, receiver: &str) {
        let path = format!("plugins/many-{number}/versions/1.0.0");
        self.call(Method::PUT, &path, "application/wasm", stamped(number)).await;
        let webhook = json!({ "name": "many",
            "request": { "method": "POST", "url": receiver, "format": "json",
                "template": { "plugin": format!("many-{number}") } },
            "response": { "format": "json" } });
        let path = format!("webhooks/many-{number}");
        self.call(Method::PUT, &path, "application/json", webhook.to_string().into_bytes()).await;
    }

    /// Calls plugin `number` once, in a test call of its webhook; how long the whole of that took.
    async fn use_once(&self, number: usize) -> Duration {
        let begin = Instant::now();
        let path = format!("webhooks/many-{number}/test");
        let body = json!({ "data": {} }).to_string().into_bytes();
        let report = self.call(Method::POST, &path, "application/json", body).await;
        assert_eq!(report["error"], Value::Null, "{report}");
        begin.elapsed()
    }

    /// Memory of the process, in KiB: all of it, and what is its own.
    fn memory(&self) -> (i64, i64) {
        let pid = self.child.id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("Linux says so");
        let field = |name: &str| -> i64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a field");
            line.split_whitespace().next().expect("a number").parse().expect("a number")
        };
        (field("VmRSS:"), field("RssAnon:"))
    }
}

/// The reference guest with a custom section that numbers it.
fn stamped(number: usize) -> Vec<u8> {
    let section = [&[4][..], b"mark", format!("{number:08}").as_bytes()].concat();
    [REFERENCE, &[0, u8::try_from(section.len()).expect("a short section")], &section].concat()
}

/// A receiver that answers every request with `{}`.
async fn receiver() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let app = axum::Router::new().fallback(|| async { axum::Json(json!({})) });
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

#[expect(clippy::print_stdout, reason = "a benchmark reports to its user")]
fn report(text: &str) {
    println!("{text}");
}

/// p50, p99 and the longest.
fn figures(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    format!("p50 {:?}, p99 {:?}, longest {:?}", at(50), at(99), at(100))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

async fn measure(count: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (empty, data, cache) = (folder.path().join("empty"), folder.path().join("data"), folder.path().join("cache"));
    let receiver = receiver().await;
    let server = Server::start(&data, &cache).await;
    let begin = Instant::now();
    for number in 0..count {
        server.install(number, &receiver).await;
    }
    report(&format!("{count} plugins installed in {:?}", begin.elapsed()));
    drop(server);

    let (mut starts, mut bare_starts) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        bare_starts.push(Server::start(&empty, &cache).await.started);
        starts.push(Server::start(&data, &cache).await.started);
    }
    report(&format!("start without plugins: {:?}, with {count}: {:?}", median(bare_starts), median(starts)));

    let bare = Server::start(&empty, &cache).await.memory();
    let server = Server::start(&data, &cache).await;
    let idle = server.memory();
    let each = |after: i64, before: i64| (after - before) as f64 / count as f64;
    report(&format!(
        "memory: {} KiB without plugins, {} KiB with {count}: {:.2} KiB for an idle plugin",
        bare.0,
        idle.0,
        each(idle.0, bare.0)
    ));
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for number in 0..count {
        first.push(server.use_once(number).await);
    }
    let used = server.memory();
    for number in 0..count {
        second.push(server.use_once(number).await);
    }
    report(&format!("first call of each, over HTTP, with its request: {}", figures(first)));
    report(&format!("second call of each: {}", figures(second)));
    report(&format!(
        "memory after one call of each: {} KiB: {:.0} KiB for a plugin in memory ({:.0} KiB of it anonymous)",
        used.0,
        each(used.0, idle.0),
        each(used.1, idle.1)
    ));
}

fn main() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let count = std::env::var("PLUGINS").ok().and_then(|count| count.parse().ok()).unwrap_or(PLUGINS_DEFAULT);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(measure(count));
}
