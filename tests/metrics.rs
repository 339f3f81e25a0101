//! Metrics: `/metrics` shows all that is documented, and nothing else.

use std::collections::BTreeSet;

use serde_json::json;

use super::support::receiver::Receiver;
use super::support::{eventually, server};

const CALL: &str = "document: { dsl: '1.0.3', namespace: test, name: call, version: '1.0.0' }
do:
  - call: { call: webhook, with: { webhook: w } }
";

#[tokio::test]
async fn what_is_emitted_is_what_is_documented() {
    let api = server::shared().await.space("metrics").await;
    let receiver = Receiver::answering(200, "application/json", "{\"id\": 7}").await;
    let webhook = json!({ "name": "W", "description": "",
        "request": { "method": "POST", "url": receiver.url, "format": "json", "template": { "text": "{}" } },
        "response": { "format": "json", "mapping": { "rules": [{ "from": ".id", "to": "id" }] } } });
    api.put("webhooks/w", &webhook).await.expect(201);
    api.put_workflow("call", CALL).await.expect(201);
    let trigger = api.put("workflows/call/trigger", &json!({ "type": "trigger", "enabled": true })).await.expect(201);
    assert_eq!(api.send(api.call(&trigger).json(&json!({}))).await.problem(401), "no-key");
    let key = trigger["api_key"].as_str().expect("shown when made");
    let accepted = api.send(api.call(&trigger).header("X-Api-Key", key).json(&json!({}))).await.expect(202);
    let run = api.finished(accepted["run"].as_str().expect("a run")).await;
    assert_eq!(run["status"], "completed", "{run:#}");

    api.put("event-types/order.paid", &json!({})).await.expect(201);
    let to_receiver = json!({ "url": receiver.url, "event_types": ["order.paid"] });
    api.put("endpoints/all", &to_receiver).await.expect(201);
    let broken = json!({ "url": receiver.url, "event_types": ["order.paid"], "filter": ".data.n | error" });
    api.put("endpoints/broken", &broken).await.expect(201);
    api.post("events", &json!({ "type": "order.paid", "data": { "n": 1 } })).await.expect(202);

    // The run and the delivery are counted just after they can be seen.
    let text = eventually("the run is counted", || async {
        let text = api.get("/metrics").await.expect(200).as_str().expect("a text").to_owned();
        let counted = ["tenterhook_runs_finished_total{status=\"completed\"}", "tenterhook_delivery_attempts_total"];
        (counted.iter().all(|name| text.contains(name)) && text.contains("tenterhook_pruned_total{")).then_some(text)
    })
    .await;
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let emitted: BTreeSet<&str> = types.collect();
    let documented: BTreeSet<&str> = tenterhook::telemetry::names().collect();
    assert_eq!(emitted, documented, "{text}");
    for labelled in [
        "tenterhook_inbound_rejected_total{code=\"no-key\"}",
        "tenterhook_egress_total{outcome=\"answered\"}",
        "tenterhook_plugin_calls_total{plugin=\"text-template@",
        "tenterhook_plugin_seconds_count{plugin=\"field-mapping@",
    ] {
        assert!(text.contains(labelled), "{labelled} is not in {text}");
    }
    for plugin in ["text-template", "field-mapping"] {
        let labelled = format!("tenterhook_plugin_memory_peak_bytes{{plugin=\"{plugin}@");
        let line = text.lines().find(|line| line.starts_with(&labelled));
        let peak = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        assert!(peak.is_some_and(|bytes| bytes > 0.0), "{line:?}");
    }
}
