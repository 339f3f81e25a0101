//! The live tail and retention.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::receiver::Receiver;
use super::support::server::Server;
use super::support::{eventually, server};

#[tokio::test]
async fn the_live_tail_shows_what_is_published_and_delivered() {
    let api = server::shared().await.space("live").await;
    api.put("event-types/order.paid", &json!({})).await.expect(201);
    api.put("event-types/order.lost", &json!({})).await.expect(201);
    let receiver = Receiver::answering(200, "text/plain", "").await;
    let endpoint = json!({ "url": receiver.url, "event_types": ["order.*"] });
    api.put("endpoints/shop", &endpoint).await.expect(201);
    let mut live = api.request(http::Method::GET, "live?types=order.paid").send().await.expect("an answer");
    assert_eq!(live.headers()["content-type"], "text/event-stream");
    let mut ids = Vec::new();
    for kind in ["order.lost", "order.paid"] {
        let receipt = api.post("events", &json!({ "type": kind, "data": { "n": 1 } })).await.expect(202);
        ids.push(receipt["id"].as_str().expect("an id").to_owned());
    }
    let mut text = String::new();
    while !(text.contains("event: published") && text.contains("event: delivery")) {
        let chunk = tokio::time::timeout(Duration::from_secs(20), live.chunk()).await.expect("in time");
        text += &String::from_utf8_lossy(&chunk.expect("a stream").expect("more"));
    }
    assert!(text.contains(&ids[1]) && !text.contains(&ids[0]), "only the type that was asked for: {text}");
    assert_eq!(api.get("live?types=or%20der").await.problem(400), "bad-request");
}

#[tokio::test]
async fn what_is_too_old_goes_and_the_rest_stays() {
    let server =
        Server::start_with(&["--retain-events-s", "1", "--retain-deliveries-s", "1", "--retain-runs-s", "3600"]).await;
    let api = server.api("retained");
    api.put_space().await;
    api.put("event-types/order.paid", &json!({})).await.expect(201);
    let receiver = Receiver::answering(500, "text/plain", "").await;
    let endpoint = json!({ "url": receiver.url, "event_types": ["order.paid"] });
    api.put("endpoints/shop", &endpoint).await.expect(201);
    let batch: Vec<Value> = (0..300).map(|n| json!({ "type": "order.paid", "data": { "n": n } })).collect();
    api.post("events", &json!(batch)).await.expect(202);
    for listing in ["events", "deliveries"] {
        eventually(&format!("old {listing} are gone"), || async {
            let page = api.get(&format!("{listing}?limit=1")).await.expect(200);
            (page["items"] == json!([]) && page["next"].is_null()).then_some(())
        })
        .await;
    }
    // That the endpoint was paused is an event too, and goes a little later.
    for kind in ["events", "deliveries"] {
        eventually(&format!("nothing is left of the {kind}"), || async {
            let metrics = api.get("/metrics").await.expect(200);
            (aging_bytes(&metrics, kind) == Some(0.0)).then_some(())
        })
        .await;
    }
    // What was due of them is due no more.
    api.put("endpoints/shop", &json!({ "url": receiver.url, "event_types": ["order.paid"], "description": "x" }))
        .await
        .expect(200);
    assert_eq!(api.get("endpoints").await.expect(200)["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn too_much_is_cut_down_to_the_limit() {
    let server = Server::start_with(&["--retain-events-mib", "1"]).await;
    let api = server.api("bounded");
    api.put_space().await;
    api.put("event-types/order.paid", &json!({})).await.expect(201);
    let held = json!({ "url": "http://127.0.0.1:9/", "event_types": ["*"] });
    api.put("endpoints/held", &held).await.expect(201);
    api.post("endpoints/held/pause", &json!({})).await.expect(200);
    let text = "x".repeat(9_000);
    let batch: Vec<Value> = (0..100).map(|_| json!({ "type": "order.paid", "data": { "text": text } })).collect();
    let mut last = String::new();
    for _ in 0..4 {
        let answer = api.post("events", &json!(batch)).await.expect(202);
        last = answer["items"][99]["id"].as_str().expect("an id").to_owned();
    }
    eventually("at most a MiB is left", || async {
        let metrics = api.get("/metrics").await.expect(200);
        (aging_bytes(&metrics, "events")? <= 1_048_576.0).then_some(())
    })
    .await;
    api.get(&format!("events/{last}")).await.expect(200);
    let kept = api.get("deliveries?limit=1").await.expect(200);
    assert_eq!(kept["items"].as_array().map(Vec::len), Some(1), "the limit of events is theirs alone");
}

/// The bytes of a kind, as the metrics tell them.
fn aging_bytes(metrics: &Value, kind: &str) -> Option<f64> {
    let name = format!("tenterhook_aging_bytes{{kind=\"{kind}\"}} ");
    metrics.as_str()?.lines().find_map(|line| line.strip_prefix(name.as_str()))?.parse().ok()
}
