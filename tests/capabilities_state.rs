//! What actions write is committed with their task, exactly once: counters count right, whoever else counts and
//! whenever the server is killed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::recovery::{rounds, say};
use super::support::acting::{act, deeds, grant, install, outcomes};
use super::support::api::Api;
use super::support::components;
use super::support::receiver::Receiver;
use super::support::server::{self, Server};

/// Runs that count at the same time.
const RUNS: usize = 50;

async fn started(api: &Api, steps: &Value) -> String {
    let run = api.post("workflows/capable/runs", &json!({ "input": { "steps": steps } })).await.expect(202);
    run["id"].as_str().expect("an id").to_owned()
}

/// Starts so many runs at once and waits for their ends.
async fn at_once(api: &Api, steps: impl Fn(usize) -> Value) -> Vec<Value> {
    let runs = (0..RUNS).map(|number| {
        let steps = steps(number);
        async move {
            let id = started(api, &steps).await;
            api.finished(&id).await
        }
    });
    join_all(runs).await
}

fn sorted(mut numbers: Vec<i64>) -> Vec<i64> {
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn a_counter_in_state_or_in_a_record_counts_every_run() {
    let api = server::shared().await.space("caps-count").await;
    install(&api, "capable", components::CAPABLE).await;
    let source = json!({ "key": "id", "fields": { "id": { "type": "string" }, "n": { "type": "number" } } });
    api.put("sources/counts", &source).await.expect(201);
    grant(&api, "capable", &json!({ "state": true, "records": [{ "source": "counts", "write": true }] })).await;
    let expected: Vec<i64> = (1..=RUNS as i64).collect();

    let runs = at_once(&api, |_| json!([{ "do": "add", "key": "n" }])).await;
    let counts = runs.iter().map(|run| run["output"][0]["ok"].as_i64().unwrap_or_else(|| panic!("{run:#}"))).collect();
    assert_eq!(sorted(counts), expected, "each run has its own number");
    assert_eq!(act(&api, json!([{ "do": "get", "key": "n" }])).await["output"][0]["ok"], RUNS);

    let runs = at_once(&api, |_| json!([{ "do": "count", "source": "counts", "key": "all", "field": "n" }])).await;
    let counts =
        runs.iter().map(|run| run["output"][0]["ok"]["n"].as_i64().unwrap_or_else(|| panic!("{run:#}"))).collect();
    assert_eq!(sorted(counts), expected);
    let record = api.get("sources/counts/records/all").await.expect(200);
    assert_eq!((&record["fields"]["n"], &record["revision"]), (&json!(RUNS), &json!(RUNS)), "one write a run");
}

#[tokio::test]
async fn an_action_that_is_called_again_calls_its_webhook_under_the_same_key() {
    let api = server::shared().await.space("caps-again").await;
    install(&api, "capable", components::CAPABLE).await;
    let receiver = Receiver::answering(200, "application/json", "{}").await;
    let webhook = json!({ "name": "tell",
        "request": { "method": "POST", "url": receiver.url, "format": "json", "template": { "text": "{{ data }}" } },
        "response": { "format": "json", "mapping": { "rules": [] } } });
    api.put("webhooks/tell", &webhook).await.expect(201);
    grant(&api, "capable", &json!({ "state": true, "webhooks": ["tell"] })).await;
    let runs = at_once(&api, |number| {
        json!([{ "do": "get", "key": "n" }, { "do": "webhook", "id": "tell", "data": { "run": number } }, { "do": "add", "key": "n" }])
    })
    .await;
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for request in receiver.received() {
        keys.entry(request.body.clone()).or_default().push(request.header("idempotency-key").to_owned());
    }
    assert_eq!(keys.len(), RUNS);
    let mut repeated = 0;
    for (number, run) in runs.iter().enumerate() {
        assert_eq!(run["status"], "completed", "{run:#}");
        let sent = &keys[&format!("{{\"run\":{number}}}")];
        assert!(sent.iter().all(|key| *key == sent[0]), "{sent:?}");
        let calls = deeds(run).iter().filter(|deed| deed["capability"] == "webhooks").count();
        assert_eq!(calls, sent.len(), "each call that was made is in the history: {run:#}");
        assert_eq!(outcomes(run).contains(&"repeated"), sent.len() > 1, "{run:#}");
        repeated += sent.len() - 1;
    }
    assert!(repeated > 0, "{RUNS} runs wrote the same at the same time, and none was called again");
    assert_eq!(act(&api, json!([{ "do": "get", "key": "n" }])).await["output"][0]["ok"], RUNS);
}

#[tokio::test]
async fn an_action_that_is_called_again_and_says_something_else_has_another_key() {
    let api = server::shared().await.space("caps-again-other").await;
    install(&api, "capable", components::CAPABLE).await;
    let receiver = Receiver::answering(200, "application/json", "{}").await;
    let webhook = json!({ "name": "tell",
        "request": { "method": "POST", "url": receiver.url, "format": "json", "template": { "text": "{{ data }}" } },
        "response": { "format": "json", "mapping": { "rules": [] } } });
    api.put("webhooks/tell", &webhook).await.expect(201);
    grant(&api, "capable", &json!({ "state": true, "webhooks": ["tell"] })).await;
    let runs = at_once(&api, |_| json!([{ "do": "tell", "key": "n", "id": "tell" }])).await;
    let counts = runs.iter().map(|run| run["output"][0]["ok"].as_i64().unwrap_or_else(|| panic!("{run:#}"))).collect();
    assert_eq!(sorted(counts), (1..=RUNS as i64).collect::<Vec<_>>());
    let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for request in receiver.received() {
        said.entry(request.header("idempotency-key").to_owned()).or_default().push(request.body.clone());
    }
    assert!(receiver.received().len() > RUNS, "{RUNS} runs wrote the same at the same time, and none was called again");
    assert!(said.values().all(|bodies| bodies.iter().all(|body| *body == bodies[0])), "one key, one body: {said:#?}");
}

/// Starts runs until told to stop, as fast as the server takes them.
async fn count_on(api: Api, stop: Arc<AtomicBool>) -> usize {
    let mut acknowledged = 0;
    while !stop.load(Ordering::Relaxed) {
        let request = api.request(reqwest::Method::POST, "workflows/capable/runs");
        let body = json!({ "input": { "steps": [{ "do": "add", "key": "n" }, { "do": "emit", "kind": "count.done", "data": 1 }] } });
        let sent = request.header("content-type", "application/json").body(body.to_string()).send().await;
        acknowledged += usize::from(sent.is_ok_and(|answer| answer.status() == 202));
    }
    acknowledged
}

async fn all(api: &Api, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("{path}{cursor}")).await.expect(200);
        items.extend(page["items"].as_array().expect("a list").iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_counter_is_exact_across_kills() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut server = Server::open(folder.path(), &[]).await;
    let api = server.api("kills");
    api.put_space().await;
    install(&api, "capable", components::CAPABLE).await;
    grant(&api, "capable", &json!({ "state": true, "events": ["count.done"] })).await;
    let mut acknowledged = 0;
    for _ in 0..rounds() {
        let stop = Arc::new(AtomicBool::new(false));
        let callers: Vec<_> = (0..8).map(|_| tokio::spawn(count_on(server.api("kills"), Arc::clone(&stop)))).collect();
        let pause = 300 + u64::from(uuid::Uuid::now_v7().as_bytes()[15]) * 3;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        server.kill().await;
        stop.store(true, Ordering::Relaxed);
        for caller in callers {
            acknowledged += caller.await.expect("a caller ends well");
        }
        server = Server::open(folder.path(), &[]).await;
    }
    let api = server.api("kills");
    let mut counts = Vec::new();
    for run in all(&api, "runs?limit=200").await {
        let run = api.finished(run["id"].as_str().expect("an id")).await;
        counts.push(run["output"][0]["ok"].as_i64().unwrap_or_else(|| panic!("{run:#}")));
    }
    let total = counts.len() as i64;
    assert!(total as usize >= acknowledged && acknowledged > 0, "{acknowledged} acknowledged, {total} there");
    assert_eq!(sorted(counts), (1..=total).collect::<Vec<_>>(), "each run has its own number");
    assert_eq!(act(&api, json!([{ "do": "get", "key": "n" }])).await["output"][0]["ok"], total);
    assert_eq!(all(&api, "events?type=count.done&limit=200").await.len() as i64, total, "and its own event");
    say(&format!("{acknowledged} acknowledged, {total} counted, over {} kills", rounds()));
}
