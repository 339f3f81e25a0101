//! `tenterhook listen`: events come to a developer's machine, signed, as they are published.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use super::support::api::Api;
use super::support::eventually;
use super::support::receiver::{Received, Receiver};
use super::support::server::{self, ADMIN_KEY};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A running `tenterhook listen`.
struct Listener {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    complaints: Lines<BufReader<ChildStderr>>,
}

impl Listener {
    fn start(url: &str, space: &str, forward: &str, options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tenterhook"))
            .args(["listen", "--url", url, "--space", space, "--forward", forward])
            .args(options)
            .env("TENTERHOOK_KEY", ADMIN_KEY)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("its standard output")).lines();
        let complaints = BufReader::new(child.stderr.take().expect("its standard error")).lines();
        Self { child, lines, complaints }
    }

    /// The next line that it prints.
    async fn line(&mut self) -> String {
        self.lines.next_line().await.expect("readable output").expect("one more line")
    }

    async fn complaint(&mut self) -> String {
        self.complaints.next_line().await.expect("readable output").expect("one more line")
    }
}

/// Emits an event of each type, one after the other.
async fn emit(api: &Api, events: &[(&str, Value)]) {
    let task = |(number, (kind, data)): (usize, &(&str, Value))| {
        format!("  - e{number}: {{ emit: {{ event: {{ with: {{ type: {kind}, data: {data} }} }} }} }}\n")
    };
    let tasks: String = events.iter().enumerate().map(task).collect();
    let head = "document: { dsl: '1.0.3', namespace: test, name: emit, version: '1.0.0' }\ndo:\n";
    let saved = api.put_workflow("emit", &format!("{head}{tasks}")).await;
    assert!(matches!(saved.status, 200 | 201), "{:#}", saved.body);
    assert_eq!(api.run("emit", &json!({})).await["status"], "completed");
}

/// Checks the signature with the library of Standard Webhooks; answers the body.
fn verified(request: &Received, secret: &str) -> Value {
    let webhook = standardwebhooks::Webhook::new(secret).expect("a standard secret");
    webhook.verify(request.body.as_bytes(), &request.headers).expect("the signature is right");
    serde_json::from_str(&request.body).expect("JSON")
}

#[tokio::test]
async fn events_of_the_wanted_types_arrive_signed_and_are_told_line_by_line() {
    let api = server::shared().await.space("listen-types").await;
    let receiver = Receiver::start(|number, _| ([200, 418][number], "text/plain", String::new())).await;
    let forward = format!("{}/in?from=listen", receiver.url);
    let options = ["--types", "test.made,order.*", "--secret", SECRET];
    let mut listener = Listener::start(api.base(), "listen-types", &forward, &options);
    let connected = listener.line().await;
    assert!(connected.contains("events of space listen-types go to") && connected.contains(&forward), "{connected}");
    let data = json!({ "name": "Ann \u{fc}" });
    let events = [("test.made", data.clone()), ("test.other", json!(1)), ("order.paid.late", json!({ "id": 7 }))];
    emit(&api, &events).await;

    let lines = [listener.line().await, listener.line().await];
    let received = receiver.received();
    assert_eq!(received.len(), 2, "{lines:?}");
    let bodies: Vec<_> = received.iter().map(|request| verified(request, SECRET)).collect();
    assert_eq!((&bodies[0]["type"], &bodies[0]["data"]), (&json!("test.made"), &data));
    assert_eq!((&bodies[1]["type"], &bodies[1]["data"]), (&json!("order.paid.late"), &json!({ "id": 7 })));
    let listed = api.get("events?type=test.made").await.expect(200);
    let id = listed["items"][0]["id"].as_str().expect("an id");
    assert_eq!((received[0].header("webhook-id"), received[0].header("content-type")), (id, "application/json"));
    assert_eq!((received[0].method.as_str(), received[0].uri.to_string().as_str()), ("POST", "/in?from=listen"));
    for (line, (kind, status)) in lines.iter().zip([("test.made", "200"), ("order.paid.late", "418")]) {
        let words: Vec<_> = line.split(' ').collect();
        assert!(words[0].parse::<jiff::Timestamp>().is_ok(), "{line}");
        assert_eq!((words[1], words[3], words[5], words.len()), (kind, status, "ms", 6), "{line}");
        assert!(words[4].parse::<u64>().is_ok(), "{line}");
    }
    assert!(lines[0].contains(id), "{lines:?}");

    let pid = listener.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(pid.expect("it runs"), rustix::process::Signal::INT).expect("a signal");
    assert!(listener.child.wait().await.expect("its end").success(), "SIGINT is a good end");
}

#[tokio::test]
async fn a_secret_is_made_and_shown_where_none_is_given_and_a_dead_target_is_told() {
    let api = server::shared().await.space("listen-secret").await;
    let receiver = Receiver::answering(204, "text/plain", "").await;
    let mut listener = Listener::start(api.base(), "listen-secret", &receiver.url, &[]);
    let shown = listener.line().await;
    let secret = shown.strip_prefix("Signing secret: ").expect("the secret comes first").to_owned();
    listener.line().await;
    emit(&api, &[("test.made", json!({}))]).await;
    assert!(listener.line().await.contains(" 204 "));
    assert_eq!(verified(&receiver.received()[0], &secret)["type"], "test.made");

    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address");
    let mut listener = Listener::start(api.base(), "listen-secret", &format!("http://{free}/"), &["--secret", SECRET]);
    listener.line().await;
    emit(&api, &[("test.made", json!({}))]).await;
    let line = listener.line().await;
    assert!(line.contains("error") && line.ends_with(" ms"), "{line}");
}

#[tokio::test]
async fn a_stream_that_breaks_is_taken_up_again() {
    let event = |number: u32| {
        let id = format!("01890a5d-ac96-774b-bcce-00000000000{number}");
        let source = "urn:test";
        json!({ "id": id, "space": "s", "type": "a.b", "time": "2026-01-31T12:00:00.000Z", "source": source, "data": number })
    };
    // A server that knows every way to write a stream, and closes it after each event.
    let server = Receiver::start(move |number, _| {
        let stream = match number {
            0 => format!(": hello\r\nevent: published\r\ndata: {}\r\n\r\nevent: published\r\ndata: {{", event(1)),
            1 => return (503, "application/problem+json", "{\"detail\": \"not now\"}".to_owned()),
            2 => format!(
                "event: missed\ndata: 3\n\nevent: delivery\ndata: {{}}\n\nevent:published\ndata:{}\n\n",
                event(2)
            ),
            _ => return (403, "application/problem+json", "{\"detail\": \"not this key\"}".to_owned()),
        };
        (200, "text/event-stream", stream)
    })
    .await;
    let receiver = Receiver::answering(200, "text/plain", "").await;
    let mut listener = Listener::start(&server.url, "s", &receiver.url, &["--secret", SECRET, "--types", "a.*"]);
    let complaints = [
        "the server closed the stream; again in 500ms",
        "answers 503 Service Unavailable: not now; again in 1s",
        "3 happenings were missed",
        "the server closed the stream; again in 500ms",
        "answers 403 Forbidden: not this key",
    ];
    for expected in complaints {
        let complaint = listener.complaint().await;
        assert!(complaint.contains(expected), "{complaint:?} should say {expected:?}");
    }
    assert!(!listener.child.wait().await.expect("its end").success(), "a refusal is final");
    eventually("both events arrive", || async { (receiver.received().len() == 2).then_some(()) }).await;
    let data: Vec<_> = receiver.received().iter().map(|request| verified(request, SECRET)["data"].clone()).collect();
    assert_eq!(data, [json!(1), json!(2)]);
    let asked = server.received();
    assert_eq!(asked[0].uri.to_string(), "/api/v1/spaces/s/live?types=a.*");
    assert_eq!(asked[0].header("authorization"), format!("Bearer {ADMIN_KEY}"));
}
