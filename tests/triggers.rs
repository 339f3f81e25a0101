//! Triggers (CI1–CI6): what is accepted, what is refused, and that a refused call starts nothing.

use serde_json::{Value, json};

use super::support::api::Api;
use super::support::{eventually, server};

const NOTHING: &str = "document: { dsl: '1.0.3', namespace: test, name: nothing, version: '1.0.0' }
do:
  - keep: { set: { input: '${ . }' } }
";

async fn prepared(space: &str, trigger: &Value) -> (Api, Value) {
    let api = server::shared().await.space(space).await;
    let source = json!({ "key": "email", "fields": {
        "email": { "type": "string", "required": true }, "age": { "type": "number" }, "name": { "type": "string" } } });
    api.put("sources/people", &source).await.expect(201);
    api.put_workflow("nothing", NOTHING).await.expect(201);
    let trigger = api.put("workflows/nothing/trigger", trigger).await.expect(201);
    (api, trigger)
}

fn key(trigger: &Value) -> &str {
    trigger["api_key"].as_str().expect("shown when made")
}

async fn runs(api: &Api) -> usize {
    api.get("runs?workflow=nothing").await.expect(200)["items"].as_array().expect("a list").len()
}

/// Each refusal of a kind is answered with its code, starts nothing, and is listed.
#[track_caller]
fn listed(rejections: &Value, codes: &[&str]) {
    let mut found: Vec<_> = rejections["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| item["code"].as_str().unwrap_or(""))
        .collect();
    found.reverse();
    assert_eq!(found, codes);
    assert_eq!(rejections["total"], codes.len());
}

#[tokio::test]
async fn a_call_is_refused_without_the_right_key_and_listed_with_the_reason() {
    let (api, trigger) = prepared("trigger-keys", &json!({ "type": "trigger", "enabled": true })).await;
    assert_eq!(api.send(api.call(&trigger).json(&json!({}))).await.problem(401), "no-key");
    let wrong = api.call(&trigger).header("X-Api-Key", "thk_wrong").json(&json!({}));
    assert_eq!(api.send(wrong).await.problem(401), "wrong-key");
    let wrong = api.call(&trigger).bearer_auth("thk_wrong").json(&json!({}));
    assert_eq!(api.send(wrong).await.problem(401), "wrong-key");
    assert_eq!(runs(&api).await, 0);
    listed(&api.get("workflows/nothing/trigger/rejections").await.expect(200), &["no-key", "wrong-key", "wrong-key"]);

    for call in [api.call(&trigger).header("X-Api-Key", key(&trigger)), api.call(&trigger).bearer_auth(key(&trigger))] {
        api.send(call.json(&json!({ "a": 1 }))).await.expect(202);
    }
    assert_eq!(runs(&api).await, 2);
}

#[tokio::test]
async fn a_call_signed_with_the_standard_webhooks_library_is_accepted_once_per_id() {
    let (api, trigger) = prepared("trigger-signed", &json!({ "type": "trigger", "enabled": true })).await;
    let secret = trigger["signing_secret"].as_str().expect("shown when made");
    let signer = standardwebhooks::Webhook::new(secret).expect("a standard secret");
    let now = jiff::Timestamp::now().as_second();
    let body = json!({ "hello": "world" }).to_string();
    let signed = |timestamp: i64| {
        let signature = signer.sign("msg_1", timestamp, body.as_bytes()).expect("a signature");
        api.call(&trigger)
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signature)
            .header("content-type", "application/json")
            .body(body.clone())
    };
    let first = api.send(signed(now)).await.expect(202);
    let again = api.send(signed(now)).await.expect(202);
    assert_eq!(first["run"], again["run"], "a repeat answers the first run");
    assert_eq!(runs(&api).await, 1);
    assert_eq!(api.send(signed(now - 301)).await.status, 401, "an old signature is refused");
    assert_eq!(api.send(signed(now).body("{\"hello\": \"mallory\"}")).await.status, 401, "so is another body");
    assert_eq!(runs(&api).await, 1);
}

#[tokio::test]
async fn a_call_with_an_unusable_idempotency_key_is_refused_and_listed() {
    let (api, trigger) = prepared("trigger-repeat", &json!({ "type": "trigger", "enabled": true })).await;
    let call = |name: &str| {
        let call = api.call(&trigger).header("X-Api-Key", key(&trigger)).json(&json!({}));
        api.send(call.header("Idempotency-Key", name))
    };
    let longest = "k".repeat(256);
    let first = call(&longest).await.expect(202);
    assert_eq!(call(&longest).await.expect(202)["run"], first["run"], "a repeat answers the first run");
    assert_eq!(call(&"k".repeat(257)).await.problem(400), "bad-idempotency-key");
    assert_eq!(call("ü").await.problem(400), "bad-idempotency-key");
    assert_eq!(runs(&api).await, 1);
    let rejections = api.get("workflows/nothing/trigger/rejections").await.expect(200);
    listed(&rejections, &["bad-idempotency-key", "bad-idempotency-key"]);
}

#[tokio::test]
async fn a_trigger_that_is_off_starts_nothing_and_keeps_its_url_and_key() {
    let (api, trigger) = prepared("trigger-off", &json!({ "type": "trigger", "enabled": false })).await;
    let call = || api.call(&trigger).header("X-Api-Key", key(&trigger)).json(&json!({}));
    assert_eq!(api.send(call()).await.problem(404), "trigger-off");
    assert_eq!(runs(&api).await, 0);
    let on = api.put("workflows/nothing/trigger", &json!({ "type": "trigger", "enabled": true })).await.expect(200);
    assert_eq!(on["url"], trigger["url"]);
    assert!(on.get("api_key").is_none_or(Value::is_null), "the key is shown once: {on}");
    api.send(call()).await.expect(202);
    let unknown = json!({ "url": format!("{}/in/{}", api.base(), "0".repeat(32)) });
    assert_eq!(api.send(api.call(&unknown).json(&json!({}))).await.problem(404), "unknown-trigger");
}

#[tokio::test]
async fn a_rotated_key_replaces_the_former_at_once() {
    let (api, trigger) = prepared("trigger-rotate", &json!({ "type": "trigger", "enabled": true })).await;
    let fresh = api.post("workflows/nothing/trigger/rotate", &json!({})).await.expect(200);
    assert_ne!(fresh["api_key"], trigger["api_key"]);
    let old = api.call(&trigger).header("X-Api-Key", key(&trigger)).json(&json!({}));
    assert_eq!(api.send(old).await.problem(401), "wrong-key");
    api.send(api.call(&trigger).header("X-Api-Key", key(&fresh)).json(&json!({}))).await.expect(202);
}

#[tokio::test]
async fn bodies_of_json_form_and_xml_are_mapped_and_others_refused() {
    let mapping = json!({ "type": "insert", "source": "people", "enabled": true,
        "fields": { "email": ".person.email // .email", "age": ".person.age // .age" } });
    let (api, trigger) = prepared("trigger-bodies", &mapping).await;
    let call = |kind: &'static str, body: &'static str| {
        api.call(&trigger).header("X-Api-Key", key(&trigger)).header("content-type", kind).body(body)
    };
    api.send(call("application/json; charset=utf-8", r#"{"person":{"email":"j@x","age":41}}"#)).await.expect(202);
    api.send(call("application/x-www-form-urlencoded", "email=f%40x&age=42")).await.expect(202);
    api.send(call("text/xml", "<person><email>x@x</email><age>43</age></person>")).await.expect(202);
    for (email, age) in [("j@x", 41), ("f@x", 42), ("x@x", 43)] {
        let record = api.get(&format!("sources/people/records/{email}")).await.expect(200);
        assert_eq!(record["fields"]["age"], age, "{record}");
    }
    assert_eq!(api.send(call("text/csv", "a,b")).await.problem(415), "unsupported-media-type");
    assert_eq!(api.send(call("application/json", "{\"a\": }")).await.problem(400), "bad-body");
    assert_eq!(api.send(call("application/xml", "<a><b></a>")).await.problem(400), "bad-body");
    let bomb = "<!DOCTYPE a [<!ENTITY x \"boom\"><!ENTITY y \"&x;&x;&x;\">]><a>&y;</a>";
    assert_eq!(api.send(call("application/xml", bomb)).await.problem(400), "bad-body");
    assert_eq!(runs(&api).await, 3);
}

#[tokio::test]
async fn insert_and_update_keep_to_what_exists_unless_upsert_is_said() {
    let fields = json!({ "email": ".email", "name": ".name" });
    let trigger = |kind: &str, upsert: bool| json!({ "type": kind, "source": "people", "fields": fields, "upsert": upsert, "enabled": true });
    let (api, made) = prepared("trigger-upsert", &trigger("insert", false)).await;
    let call = |email: &str, name: &str| {
        api.call(&made).header("X-Api-Key", key(&made)).json(&json!({ "email": email, "name": name }))
    };
    api.send(call("a@x", "one")).await.expect(202);
    assert_eq!(api.send(call("a@x", "two")).await.problem(409), "record-exists");
    api.put("workflows/nothing/trigger", &trigger("update", false)).await.expect(200);
    api.send(call("a@x", "three")).await.expect(202);
    assert_eq!(api.send(call("b@x", "four")).await.problem(404), "record-missing");
    api.put("workflows/nothing/trigger", &trigger("update", true)).await.expect(200);
    api.send(call("b@x", "five")).await.expect(202);
    api.put("workflows/nothing/trigger", &trigger("insert", true)).await.expect(200);
    api.send(call("b@x", "six")).await.expect(202);
    let name =
        async |key: &str| api.get(&format!("sources/people/records/{key}")).await.expect(200)["fields"]["name"].clone();
    assert_eq!((name("a@x").await, name("b@x").await), (json!("three"), json!("six")));
    assert_eq!(runs(&api).await, 4);
    listed(&api.get("workflows/nothing/trigger/rejections").await.expect(200), &["record-exists", "record-missing"]);
}

#[tokio::test]
async fn the_input_of_a_triggered_run_is_payload_record_and_request() {
    let trigger = json!({ "type": "insert", "source": "people", "fields": { "email": ".email" }, "enabled": true });
    let (api, trigger) = prepared("trigger-input", &trigger).await;
    let query = [("campaign", "spring"), ("api_key", "hush-hush")];
    let call = api.call(&trigger).query(&query).header("X-Api-Key", key(&trigger)).header("X-Hub-Secret", "hush-hush");
    let accepted = api.send(call.json(&json!({ "email": "i@x", "extra": [1, 2] }))).await.expect(202);
    let run = api.finished(accepted["run"].as_str().expect("a run")).await;
    let input = &run["output"]["input"];
    assert_eq!(input["payload"], json!({ "email": "i@x", "extra": [1, 2] }));
    assert_eq!((&input["record"]["key"], &input["record"]["fields"]["email"]), (&json!("i@x"), &json!("i@x")));
    assert_eq!(input["request"]["query"], json!({ "campaign": "spring", "api_key": "***" }));
    assert_eq!(input["request"]["path"], "/in");
    let token = trigger["url"].as_str().and_then(|url| url.rsplit('/').next()).expect("a token");
    for secret in [key(&trigger), token, "hush-hush"] {
        assert!(!run.to_string().contains(secret), "{secret} is in the run: {run:#}");
    }
}

#[tokio::test]
async fn a_duplicate_workflow_has_no_trigger() {
    let (api, _) = prepared("trigger-duplicate", &json!({ "type": "trigger", "enabled": true })).await;
    api.post("workflows/nothing/duplicate", &json!({ "id": "copy" })).await.expect(201);
    assert_eq!(api.get("workflows/copy/trigger").await.problem(404), "trigger-not-found");
    assert_eq!(api.get("workflows/copy").await.expect(200)["document"], NOTHING);
}

#[tokio::test]
async fn a_too_large_body_is_refused_and_listed() {
    let (api, trigger) = prepared("trigger-large", &json!({ "type": "trigger", "enabled": true })).await;
    let large = format!("\"{}\"", "x".repeat(6 << 20));
    let call = api.call(&trigger).header("X-Api-Key", key(&trigger)).header("content-type", "application/json");
    assert_eq!(api.send(call.body(large)).await.problem(413), "body-too-large");
    eventually("the refusal is listed", || async {
        let rejections = api.get("workflows/nothing/trigger/rejections").await.expect(200);
        (rejections["items"][0]["code"] == "body-too-large").then_some(())
    })
    .await;
    assert_eq!(runs(&api).await, 0);
}

#[tokio::test]
async fn a_workflow_that_is_started_by_hand_only_cannot_own_a_trigger() {
    let api = server::shared().await.space("trigger-manual").await;
    let manual = NOTHING.replace("version: '1.0.0' }", "version: '1.0.0', metadata: { start: manual } }");
    api.put_workflow("manual", &manual).await.expect(201);
    let refused = api.put("workflows/manual/trigger", &json!({ "type": "trigger", "enabled": true })).await;
    assert_eq!(refused.problem(409), "workflow-not-triggerable");
    let triggered = manual.replace(", metadata: { start: manual }", "");
    api.put_workflow("manual", &triggered).await.expect(200);
    api.put("workflows/manual/trigger", &json!({ "type": "trigger", "enabled": true })).await.expect(201);
    let refused = api.put_workflow("manual", &manual).await;
    assert_eq!(refused.problem(409), "workflow-not-triggerable");
}

#[tokio::test]
async fn a_body_that_no_run_can_take_is_refused_and_hides_nothing() {
    let kept = json!({ "type": "insert", "source": "deep", "fields": { "id": ".id", "value": ".value" } });
    let (api, trigger) = prepared("trigger-deep", &json!({ "type": "trigger", "enabled": true })).await;
    let fields = json!({ "id": { "type": "string" }, "value": { "type": "json" } });
    api.put("sources/deep", &json!({ "key": "id", "fields": fields })).await.expect(201);
    let nested = |levels: usize| format!("{{\"id\": \"a\", \"value\": {}{}}}", "[".repeat(levels), "]".repeat(levels));
    for levels in [96, 120, 125] {
        let call = api.call(&trigger).header("X-Api-Key", key(&trigger)).header("content-type", "application/json");
        assert_eq!(api.send(call.body(nested(levels))).await.problem(422), "invalid", "{levels}");
        let start = json!({ "input": serde_json::from_str::<Value>(&nested(levels)).expect("JSON") });
        assert_eq!(api.post("workflows/nothing/runs", &start).await.problem(422), "invalid", "{levels}");
    }
    let trigger = api.put("workflows/nothing/trigger", &kept).await.expect(200);
    assert_eq!(trigger["type"], "insert");
    let record = json!({ "fields": serde_json::from_str::<Value>(&nested(100)).expect("JSON") });
    assert_eq!(api.put("sources/deep/records/a", &record).await.problem(422), "bad-record");
    assert_eq!(runs(&api).await, 0);
    assert_eq!(api.get("sources/deep/records").await.expect(200)["items"], json!([]));
}
