//! What an action did is in the history of its run, also where its result is not kept.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::support::acting::{deeds, grant, install};
use super::support::api::Api;
use super::support::receiver::Receiver;
use super::support::{components, eventually, server};

/// A space with the plugin `capable` and the webhook `tell`, which goes to `url`.
async fn space(name: &str, url: &str) -> Api {
    let api = server::shared().await.space(name).await;
    install(&api, "capable", components::CAPABLE).await;
    let webhook = json!({ "name": "tell",
        "request": { "method": "POST", "url": url, "format": "json", "template": { "text": "{{ data }}" } },
        "response": { "format": "json", "mapping": { "rules": [] } } });
    api.put("webhooks/tell", &webhook).await.expect(201);
    grant(&api, "capable", &json!({ "state": true, "webhooks": ["tell"], "events": ["order.*"] })).await;
    api
}

/// `CAPABILITY CALL: OUTCOME` of each deed, those that follow each other alike once.
fn told(run: &Value) -> Vec<String> {
    let mut told: Vec<String> = deeds(run)
        .iter()
        .map(|deed| format!("{} {}: {}", deed["capability"], deed["call"], deed["outcome"]).replace('"', ""))
        .collect();
    told.dedup();
    told
}

#[tokio::test]
async fn a_call_that_wrote_too_much_is_told_without_its_writes() {
    let receiver = Receiver::answering(200, "application/json", "{}").await;
    let api = space("caps-too-much", &receiver.url).await;
    let mut steps = vec![
        json!({ "do": "webhook", "id": "tell", "data": { "n": 1 } }),
        json!({ "do": "repeat", "times": 4, "step":
            { "do": "emit", "kind": "order.big", "data": "x".repeat(250_000) } }),
    ];
    let keys: Vec<_> = (0..8).map(|number| number.to_string()).collect();
    steps.extend(keys.iter().map(|key| json!({ "do": "fill", "key": key, "bytes": 65_000 })));
    // Each is within its limit; the answer is as large as one may be, and is part of the commit too.
    steps.extend(keys.iter().cycle().take(15).map(|key| json!({ "do": "get", "key": key })));
    let run = api.run("capable", &json!({ "steps": steps })).await;
    assert_eq!((&run["status"], &run["error"]["status"]), (&json!("faulted"), &json!(413)), "{}", run["error"]);
    assert_eq!(run["error"]["instance"], "/do/0/act");
    assert_eq!(run["tasks"].as_array().map(Vec::len), Some(1));
    let expected = ["webhooks call: done", "events emit: dropped", "state set: dropped", "state get: done"];
    assert_eq!(told(&run), expected);
    assert_eq!(deeds(&run)[0]["exchange"]["request"]["body"], "{\"n\":1}");
    assert_eq!(receiver.received().len(), 1, "it is not called again");
    assert_eq!(api.get("events?type=order.big").await.expect(200)["items"], json!([]));
}

/// A receiver that says when it got a request, and answers when it is told to.
async fn slow_receiver() -> (String, Arc<Notify>, Arc<Notify>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (arrived, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handles = (Arc::clone(&arrived), Arc::clone(&go));
    let app = axum::Router::new().fallback(move || {
        let (arrived, go) = handles.clone();
        async move {
            arrived.notify_one();
            go.notified().await;
            ([("content-type", "application/json")], "{\"a\":1}")
        }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, arrived, go)
}

#[tokio::test]
async fn what_an_action_did_while_its_run_was_cancelled_is_told() {
    let (url, arrived, go) = slow_receiver().await;
    let api = space("caps-cancelled", &url).await;
    let steps = json!([
        { "do": "webhook", "id": "tell", "data": { "n": 1 } },
        { "do": "set", "key": "n", "value": 1 },
    ]);
    let run = api.post("workflows/capable/runs", &json!({ "input": { "steps": steps } })).await.expect(202);
    let path = format!("runs/{}", run["id"].as_str().expect("an id"));
    arrived.notified().await;
    api.post(&format!("{path}/cancel"), &json!({})).await.expect(200);
    assert_eq!(api.get(&path).await.expect(200)["tasks"], json!([]));
    go.notify_one();
    let run = eventually("the history tells of it", || async {
        let run = api.get(&path).await.expect(200);
        (run["tasks"] != json!([])).then_some(run)
    })
    .await;
    assert_eq!(run["status"], "cancelled", "{run:#}");
    assert_eq!(told(&run), ["webhooks call: done", "state set: dropped"]);
    assert_eq!(deeds(&run)[0]["exchange"]["response"]["body"], "{\"a\":1}");
    assert_eq!(
        (&run["tasks"][0]["status"], &run["tasks"][0]["error"]["title"]),
        (&json!("faulted"), &json!("Run cancelled"))
    );
}
