//! kill -9 at random under load: no accepted event stays undelivered, and what arrives twice bears the same
//! `webhook-id`.
//!
//! A few rounds by default; `TENTERHOOK_KILL_ROUNDS=20 cargo test --test promises outbound_recovery -- --nocapture` for
//! more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::recovery::{rounds, say};
use super::support::api::Api;
use super::support::eventually;
use super::support::receiver::Receiver;
use super::support::server::Server;

/// How many publishers publish at once.
const PUBLISHERS: usize = 8;

/// Number of the event → its id, of those that were acknowledged.
type Acked = Arc<Mutex<BTreeMap<usize, String>>>;

async fn publish_load(api: Api, number: Arc<AtomicUsize>, stop: Arc<AtomicBool>, acked: Acked) {
    while !stop.load(Ordering::Relaxed) {
        let n = number.fetch_add(1, Ordering::Relaxed);
        let call = api.request(http::Method::POST, "events").json(&json!({ "type": "order.paid", "data": { "n": n } }));
        let Ok(response) = call.send().await else { continue };
        if response.status() == 202
            && let Ok(receipt) = response.json::<Value>().await
        {
            let id = receipt["id"].as_str().expect("an id").to_owned();
            acked.lock().expect("no panic here").insert(n, id);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_under_load_leaves_no_accepted_event_undelivered() {
    let folder = TempDir::new().expect("a temporary folder");
    // Now and then it fails, so that retries are under way as well.
    let receiver = Receiver::start(|number, _| {
        if number % 10 == 3 { (500, "text/plain", String::new()) } else { (200, "text/plain", String::new()) }
    })
    .await;
    let mut server = Server::open(folder.path(), &[]).await;
    let api = server.api("kill-out");
    api.put_space().await;
    api.put("event-types/order.paid", &json!({})).await.expect(201);
    let policy = json!({ "retry_delays_s": [0, 0, 1, 1, 1, 1], "concurrency": 8, "pause_after": 0 });
    let endpoint = json!({ "url": receiver.url, "event_types": ["order.paid"], "policy": policy });
    api.put("endpoints/shop", &endpoint).await.expect(201);
    let (number, acked) = (Arc::new(AtomicUsize::new(0)), Acked::default());
    for round in 0..rounds() {
        let stop = Arc::new(AtomicBool::new(false));
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|_| {
                let api = server.api("kill-out");
                tokio::spawn(publish_load(api, Arc::clone(&number), Arc::clone(&stop), Arc::clone(&acked)))
            })
            .collect();
        // Any moment will do; this one differs in every round and every run.
        tokio::time::sleep(Duration::from_millis(300 + u64::from(uuid::Uuid::now_v7().as_bytes()[15]) * 3)).await;
        server.kill().await;
        stop.store(true, Ordering::Relaxed);
        for publisher in publishers {
            publisher.await.expect("a publisher ends well");
        }
        server = Server::open(folder.path(), &[]).await;
        say(&format!("round {round}: {} acknowledged so far", acked.lock().expect("no panic here").len()));
    }
    let api = server.api("kill-out");
    eventually("nothing is pending", || async { (!is_any_pending(&api).await).then_some(()) }).await;
    let acked = acked.lock().expect("no panic here").clone();
    let (arrived, repeats) = check(&receiver, &acked);
    say(&format!("{} acknowledged, 0 lost; {arrived} arrived, {repeats} repeats", acked.len()));
}

/// Looks at all pages: one of a filtered listing may be empty and not the last.
async fn is_any_pending(api: &Api) -> bool {
    let mut path = "deliveries?status=pending&limit=1".to_owned();
    loop {
        let page = api.get(&path).await.expect(200);
        if page["items"] != json!([]) {
            return true;
        }
        let Some(next) = page["next"].as_str() else { return false };
        path = format!("deliveries?status=pending&limit=1&cursor={next}");
    }
}

/// Every acknowledged event arrived with its id, and no event under two ids; how many requests there were, and how
/// many of them were repeats.
fn check(receiver: &Receiver, acked: &BTreeMap<usize, String>) -> (usize, usize) {
    let mut ids: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    let received = receiver.received();
    for request in &received {
        let body: Value = serde_json::from_str(&request.body).expect("JSON");
        let n = body["data"]["n"].as_u64().expect("a number");
        ids.entry(usize::try_from(n).expect("small")).or_default().insert(request.header("webhook-id").to_owned());
    }
    assert!(ids.values().all(|ids| ids.len() == 1), "an event has one id");
    let lost: Vec<_> = acked.iter().filter(|(n, id)| !ids.get(n).is_some_and(|ids| ids.contains(*id))).collect();
    assert!(lost.is_empty(), "{} acknowledged events never arrived: {lost:?}", lost.len());
    (received.len(), received.len() - ids.len())
}
