//! kill -9 at random under load: nothing acknowledged is lost, no completed step is repeated, and a repeated call
//! bears the same idempotency key.
//!
//! A few rounds by default; `TENTERHOOK_KILL_ROUNDS=20 cargo test --test promises recovery -- --nocapture` for more, and
//! `TENTERHOOK_FINISHED_RUNS=100000` for a restart with that many finished runs on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::api::Api;
use super::support::eventually;
use super::support::receiver::{Received, Receiver};
use super::support::server::Server;

/// How many callers send at once.
const CALLERS: usize = 16;
/// A restart on the data of this test takes less.
const RESTART_MAX: Duration = Duration::from_secs(10);

const TWO_CALLS: &str = "document: { dsl: '1.0.3', namespace: test, name: two-calls, version: '1.0.0' }
do:
  - first:
      call: webhook
      with:
        webhook: first
        data: '${ { record: $workflow.input.record } }'
        record: { source: people, key: '${ $workflow.input.record.key }' }
  - second:
      call: webhook
      with: { webhook: second, data: '${ { record: $workflow.input.record } }' }
  - count:
      call: record-upsert
      with: { source: counts, fields: '${ { email: $workflow.input.record.key, done: true } }' }
  - tell:
      emit: { event: { with: { type: test.done, data: '${ $workflow.input.record.key }' } } }
";

pub fn rounds() -> usize {
    std::env::var("TENTERHOOK_KILL_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

async fn prepare(api: &Api, receiver: &Receiver) -> Value {
    api.put_space().await;
    let text = json!({ "type": "string" });
    let people = json!({ "key": "email", "fields": { "email": text, "answer": text } });
    api.put("sources/people", &people).await.expect(201);
    let counts = json!({ "key": "email", "fields": { "email": text, "done": { "type": "boolean" } } });
    api.put("sources/counts", &counts).await.expect(201);
    for name in ["first", "second"] {
        let webhook = json!({ "name": name, "description": "",
            "request": { "method": "POST", "url": format!("{}/{name}", receiver.url), "format": "json",
                "template": { "text": "{\"email\": \"{{ record.email }}\"}" } },
            "response": { "format": "json", "mapping": { "rules": [{ "from": ".answer", "to": "answer" }] } } });
        api.put(&format!("webhooks/{name}"), &webhook).await.expect(201);
    }
    api.put_workflow("two-calls", TWO_CALLS).await.expect(201);
    let trigger = json!({ "type": "insert", "source": "people", "fields": { "email": ".email" }, "enabled": true });
    api.put("workflows/two-calls/trigger", &trigger).await.expect(201)
}

/// Sends calls until told to stop; notes which were acknowledged.
async fn send_load(api: Api, trigger: Value, number: Arc<AtomicUsize>, stop: Arc<AtomicBool>, acked: Acked) {
    let key = trigger["api_key"].as_str().expect("shown when made").to_owned();
    while !stop.load(Ordering::Relaxed) {
        let email = format!("p{}@x", number.fetch_add(1, Ordering::Relaxed));
        let call = api.call(&trigger).header("X-Api-Key", &key).json(&json!({ "email": email }));
        let Ok(response) = call.send().await else { continue };
        if response.status() == 202
            && let Ok(body) = response.json::<Value>().await
        {
            let run = body["run"].as_str().expect("a run").to_owned();
            acked.lock().expect("no panic here").insert(email, run);
        }
    }
}

type Acked = Arc<Mutex<BTreeMap<String, String>>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_under_load_loses_nothing_and_repeats_no_completed_step() {
    let folder = TempDir::new().expect("a temporary folder");
    let receiver = Receiver::answering(200, "application/json", "{\"answer\": \"yes\"}").await;
    let mut server = Server::open(folder.path(), &[]).await;
    let trigger = prepare(&server.api("kill"), &receiver).await;
    let (number, acked) = (Arc::new(AtomicUsize::new(0)), Acked::default());

    for round in 0..rounds() {
        let stop = Arc::new(AtomicBool::new(false));
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (api, trigger) = (server.api("kill"), trigger.clone());
                tokio::spawn(send_load(api, trigger, Arc::clone(&number), Arc::clone(&stop), Arc::clone(&acked)))
            })
            .collect();
        // Any moment will do; this one differs in every round and every run.
        let pause = 300 + u64::from(uuid::Uuid::now_v7().as_bytes()[15]) * 3;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        server.kill().await;
        stop.store(true, Ordering::Relaxed);
        for caller in callers {
            caller.await.expect("a caller ends well");
        }
        let restart = Instant::now();
        server = Server::open(folder.path(), &[]).await;
        say(&format!("round {round}: {} acknowledged so far, restarted in {:?}", count(&acked), restart.elapsed()));
        assert!(restart.elapsed() < RESTART_MAX, "a restart took {:?}", restart.elapsed());
    }
    let api = server.api("kill");
    check_runs(&api, &acked).await;
    check_events(&api).await;
    let received = receiver.received();
    let repeats = check_calls(&received);
    say(&format!("{} acknowledged, 0 lost; {} calls received, {repeats} repeats", count(&acked), received.len()));
}

/// Shown with `--nocapture`: the figures of a long run are what people want from it.
#[expect(clippy::print_stderr, reason = "a report for people")]
pub fn say(line: &str) {
    eprintln!("{line}");
}

fn count(acked: &Acked) -> usize {
    acked.lock().expect("no panic here").len()
}

/// Every acknowledged call became a whole run, and its record changes happened exactly once.
async fn check_runs(api: &Api, acked: &Acked) {
    let acked = acked.lock().expect("no panic here").clone();
    assert!(!acked.is_empty(), "the load was accepted");
    let mut lost = Vec::new();
    for (email, run) in &acked {
        let run = api.finished(run).await;
        let record = api.get(&format!("sources/people/records/{email}")).await;
        let counted = api.get(&format!("sources/counts/records/{email}")).await;
        let whole = run["status"] == "completed"
            && record.status == 200
            && record.body["fields"]["answer"] == "yes"
            && counted.status == 200
            && counted.body["revision"] == 1;
        if !whole {
            lost.push((email.clone(), run["status"].clone(), record.status, counted.body.clone()));
        }
    }
    assert!(lost.is_empty(), "{} of {} lost: {:?}", lost.len(), acked.len(), &lost[..lost.len().min(5)]);
}

/// For each person: no call of `first` after one of `second`, and one idempotency key for each of the two.
fn check_calls(received: &[Received]) -> usize {
    let mut keys: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    let mut repeats = 0;
    for request in received {
        let path = request.uri.path().to_owned();
        if path == "/first" {
            assert!(!keys.contains_key(&(request.body.clone(), "/second".into())), "a completed step ran again");
        }
        let known = keys.entry((request.body.clone(), path)).or_default();
        repeats += usize::from(!known.insert(request.header("idempotency-key").to_owned()));
        assert_eq!(known.len(), 1, "a repeated call has another key: {known:?}");
    }
    repeats
}

/// Events are emitted exactly once: as many `test.done` events as people that were counted.
async fn check_events(api: &Api) {
    let mut cursor = String::new();
    let mut seen = BTreeSet::new();
    loop {
        let page = api.get(&format!("events?type=test.done&limit=200{cursor}")).await.expect(200);
        for event in page["items"].as_array().expect("a list") {
            let email = event["data"].as_str().expect("an address").to_owned();
            assert!(seen.insert(email), "emitted twice: {event}");
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return,
        }
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_data_folder_is_refused() {
    let server = Server::start().await;
    let output = super::support::server::command(&server.data_dir).output().await.expect("it ends");
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("another process is using the data folder"), "{text}");
}

#[tokio::test]
async fn a_wait_survives_a_kill_and_is_never_early() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut server = Server::open(folder.path(), &[]).await;
    let api = server.api("wait");
    api.put_space().await;
    let document = "document: { dsl: '1.0.3', namespace: test, name: pause, version: '1.0.0' }
do:
  - pause: { wait: { seconds: 2 } }
  - done: { set: { done: true } }
";
    api.put_workflow("pause", document).await.expect(201);
    let run = api.post("workflows/pause/runs", &json!({ "input": {} })).await.expect(202);
    let id = run["id"].as_str().expect("an id");
    eventually("the run waits", || async {
        (api.get(&format!("runs/{id}")).await.expect(200)["status"] == "waiting").then_some(())
    })
    .await;
    server.kill().await;
    let server = Server::open(folder.path(), &[]).await;
    let run = server.api("wait").finished(id).await;
    assert_eq!((&run["status"], &run["output"]), (&json!("completed"), &json!({ "done": true })));
    let history = run["tasks"].as_array().expect("a history");
    let pauses: Vec<_> = history.iter().filter(|entry| entry["name"] == "pause").collect();
    let [waiting, done] = pauses.as_slice() else { panic!("a wait has a beginning and an end: {run:#}") };
    assert_eq!((&waiting["status"], &done["status"]), (&json!("waiting"), &json!("completed")));
    let time = |value: &Value| value.as_str().expect("a time").parse::<jiff::Timestamp>().expect("RFC 3339");
    let (begun, until, ended) = (time(&waiting["started_at"]), time(&waiting["until"]), time(&done["finished_at"]));
    assert_eq!(until.duration_since(begun), jiff::SignedDuration::from_secs(2));
    assert!(ended >= until, "early: {ended} is before {until}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_reads_no_finished_runs() {
    let finished = std::env::var("TENTERHOOK_FINISHED_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let folder = TempDir::new().expect("a temporary folder");
    let mut server = Server::open(folder.path(), &[]).await;
    let api = server.api("many");
    api.put_space().await;
    let document = "document: { dsl: '1.0.3', namespace: test, name: pure, version: '1.0.0' }
do:
  - keep: { set: { n: '${ $input.payload.n }' } }
";
    api.put_workflow("pure", document).await.expect(201);
    let trigger = api.put("workflows/pure/trigger", &json!({ "type": "trigger", "enabled": true })).await.expect(201);
    let key = trigger["api_key"].as_str().expect("shown when made");
    let number = AtomicUsize::new(0);
    let send = async || {
        let mut last = String::new();
        while number.fetch_add(1, Ordering::Relaxed) < finished {
            let body = json!({ "n": 1, "text": "a body as long as that of a short lead form ".repeat(8) });
            let call = api.call(&trigger).header("X-Api-Key", key).json(&body);
            let answer: Value = call.send().await.expect("an answer").json().await.expect("a run");
            last = answer["run"].as_str().expect("its id").to_owned();
        }
        last
    };
    let last = futures_util::future::join_all((0..CALLERS).map(|_| send())).await;
    server.kill().await;
    let restart = Instant::now();
    let server = Server::open(folder.path(), &[]).await;
    say(&format!("{finished} finished runs on disk, ready after {:?}", restart.elapsed()));
    assert!(restart.elapsed() < RESTART_MAX, "a restart took {:?}", restart.elapsed());
    for run in last.iter().filter(|id| !id.is_empty()) {
        let run = server.api("many").get(&format!("runs/{run}")).await.expect(200);
        assert_eq!((&run["status"], &run["output"]), (&json!("completed"), &json!({ "n": 1 })));
    }
}
