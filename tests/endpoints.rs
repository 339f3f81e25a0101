//! Endpoints as users define them (CL1, CR1, CR3, LE2): settings, secrets, rotation, status, and what they use.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::api::Api;
use super::support::receiver::Receiver;
use super::support::server::{self, Server};
use super::support::{components, eventually};

async fn space(name: &str) -> Api {
    server::shared().await.space(name).await
}

/// A definition with these members besides URL and event types.
fn definition(members: Value) -> Value {
    let mut body = json!({ "url": "https://example.org/in", "event_types": ["*"] });
    body.as_object_mut().expect("an object").extend(members.as_object().expect("an object").clone());
    body
}

fn text<'a>(answer: &'a Value, member: &str) -> &'a str {
    answer[member].as_str().unwrap_or_else(|| panic!("{member} is not shown: {answer:#}"))
}

#[tokio::test]
async fn an_endpoint_reads_back_as_it_was_saved() {
    let api = space("endpoint-round").await;
    let given = definition(json!({
        "description": "CRM", "event_types": ["lead.*", "call_missed"], "filter": ".data.amount > 100",
        "method": "PUT", "headers": { "X-Team": "sales" }, "format": { "type": "cloudevents", "mode": "binary" },
        "policy": {
            "retry_delays_s": [0, 60], "jitter": 0.1, "timeout_s": 20, "concurrency": 2, "rate_per_s": 5.0,
            "pause_after": 3, "ordered": { "on_stuck": { "skip_after": 2 } }
        }
    }));
    let made = api.put("endpoints/crm", &given).await;
    assert_eq!((made.status, made.revision()), (201, "1"));
    for member in ["description", "url", "event_types", "filter", "method", "format", "policy"] {
        assert_eq!(made.body[member], given[member], "{member}");
    }
    assert_eq!(made.body["headers"], json!([{ "name": "X-Team", "value": "sales" }]));
    let rest = json!([made.body["id"], made.body["status"], made.body["created_by"]]);
    assert_eq!(rest, json!(["crm", { "state": "active" }, "admin"]));
    let mut shown = api.get("endpoints/crm").await.expect(200);
    shown["secret"] = made.body["secret"].clone();
    assert_eq!(shown, made.body);
    let changed = api.put("endpoints/crm", &definition(json!({}))).await;
    assert_eq!((changed.status, changed.revision(), &changed.body["method"]), (200, "2", &json!("POST")));
    let listed = api.get("endpoints").await.expect(200);
    assert_eq!((&listed["items"][0], &listed["next"]), (&changed.body, &Value::Null));
    api.delete("endpoints/crm").await.expect(204);
    assert_eq!(api.get("endpoints/crm").await.problem(404), "endpoint-not-found");
    assert_eq!(api.delete("endpoints/crm").await.problem(404), "endpoint-not-found");
    assert_eq!(api.get("/api/v1/spaces/nowhere/endpoints").await.problem(404), "space-not-found");
}

#[tokio::test]
async fn secrets_are_shown_once() {
    let api = space("endpoint-secrets").await;
    let lead = definition(json!({ "format": { "type": "lead" } }));
    let made = api.put("endpoints/crm", &lead).await.expect(201);
    let mut secrets = vec![text(&made, "secret").to_owned(), text(&made, "envelope_secret").to_owned()];
    assert!(secrets[0].starts_with("whsec_") && secrets[1].starts_with("wh_"), "{secrets:?}");
    let rotated = api.post("endpoints/crm/rotate", &json!({})).await.expect(200);
    assert!(rotated.get("envelope_secret").is_none() && text(&rotated, "secret") != secrets[0], "{rotated:#}");
    secrets.push(text(&rotated, "secret").to_owned());
    let given = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let with_secret = definition(json!({ "format": { "type": "lead" }, "secret": given }));
    assert_eq!(api.put("endpoints/crm", &with_secret).await.expect(200)["secret"], given, "it is new here");
    secrets.push(given.to_owned());
    let answers = [
        api.put("endpoints/crm", &with_secret).await.expect(200),
        api.put("endpoints/crm", &lead).await.expect(200),
        api.get("endpoints/crm").await.expect(200),
        api.get("endpoints").await.expect(200),
        api.get("endpoints/crm/public-keys").await.expect(200),
        api.post("endpoints/crm/pause", &json!({})).await.expect(200),
        api.post("endpoints/crm/disable", &json!({})).await.expect(200),
        api.post("endpoints/crm/resume", &json!({})).await.expect(200),
    ];
    for answer in answers.map(|answer| answer.to_string()) {
        assert!(!answer.contains("\"secret\"") && !answer.contains("\"secrets\"") && !answer.contains("sealed"));
        assert!(secrets.iter().all(|secret| !answer.contains(&secret[8..])), "{answer}");
    }
}

#[tokio::test]
async fn a_sensitive_header_is_masked_and_can_be_saved_as_it_is_shown() {
    let api = space("endpoint-headers").await;
    let headers = json!({ "Authorization": "Bearer hush-hush", "X-Team": "sales" });
    let made = api.put("endpoints/crm", &definition(json!({ "headers": headers }))).await.expect(201);
    let masked = json!([{ "name": "Authorization", "value": "***" }, { "name": "X-Team", "value": "sales" }]);
    assert_eq!(made["headers"], masked);
    let again = api.put("endpoints/crm", &definition(json!({ "headers": masked }))).await.expect(200);
    assert_eq!(again["headers"], masked);
    let unknown = definition(json!({ "headers": { "X-Api-Key": "***" } }));
    assert_eq!(api.put("endpoints/crm", &unknown).await.faults(), ["headers.X-Api-Key"]);
    assert!(!api.get("endpoints").await.expect(200).to_string().contains("hush"));
}

#[tokio::test]
async fn a_sensitive_header_reaches_the_receiver_and_nobody_else() {
    let server = Server::start().await;
    let api = server.api("endpoint-discreet");
    api.put_space().await;
    api.put("event-types/order.paid", &json!({})).await.expect(201);
    let receiver = Receiver::answering(400, "text/plain", "no entry for Bearer hush-hush").await;
    let by_plugin = json!({ "type": "plugin", "plugin": "text-template", "config": { "text": "{{ data.n }}" } });
    for (id, format) in [("plain", json!({ "type": "event" })), ("plugin", by_plugin)] {
        let endpoint = json!({
            "url": receiver.url, "event_types": ["order.paid"], "headers": { "Authorization": "Bearer hush-hush" },
            "format": format, "policy": { "retry_delays_s": [0] },
        });
        api.put(&format!("endpoints/{id}"), &endpoint).await.expect(201);
    }
    api.post("events", &json!({ "type": "order.paid", "data": { "n": 1 } })).await.expect(202);
    let failed = eventually("both are refused", || async {
        let page = api.get("deliveries?status=failed").await.expect(200);
        page["items"].as_array().filter(|items| items.len() == 2).cloned()
    })
    .await;
    for delivery in failed {
        let shown = api.get(&format!("deliveries/{}", text(&delivery, "id"))).await.expect(200).to_string();
        assert!(shown.contains("no entry for ***") && !shown.contains("hush"), "{shown}");
    }
    let received = receiver.received();
    assert!(received.len() == 2 && received.iter().all(|got| got.header("authorization") == "Bearer hush-hush"));
    let log = std::fs::read(server.data_dir.join("engine/db")).expect("the store's log");
    assert!(log.len() > 1_000 && !log.windows(9).any(|part| part == b"hush-hush"), "it is kept in clear");
}

#[tokio::test]
async fn a_rotated_pair_serves_both_public_keys_until_its_overlap_is_over() {
    let api = space("endpoint-rotation").await;
    let made = api.put("endpoints/crm", &definition(json!({ "scheme": "v1a" }))).await.expect(201);
    assert!(text(&made, "secret").starts_with("whsk_"), "{made:#}");
    let keys = async || {
        let answer = api.get("endpoints/crm/public-keys").await.expect(200);
        let keys = answer["keys"].as_array().expect("a list").clone();
        keys.into_iter().map(|key| text(&key, "public_key").to_owned()).collect::<Vec<_>>()
    };
    let first = keys().await;
    assert!(first.len() == 1 && first[0].starts_with("whpk_"), "{first:?}");
    let rotated = api.post("endpoints/crm/rotate", &json!({ "overlap_s": 3600 })).await.expect(200);
    let both = keys().await;
    assert_eq!((both.len(), &both[1]), (2, &first[0]));
    let (newest, former) = (&rotated["signing_keys"][0], &rotated["signing_keys"][1]);
    assert!(newest.get("until").is_none() && former["until"].is_string(), "{rotated:#}");
    api.post("endpoints/crm/rotate", &json!({ "overlap_s": 0 })).await.expect(200);
    let alone = keys().await;
    assert!(alone.len() == 1 && !both.contains(&alone[0]), "{alone:?}");
    let back = text(&made, "secret");
    api.post("endpoints/crm/rotate", &json!({ "secret": back })).await.expect(200);
    assert_eq!(keys().await, [first[0].clone(), alone[0].clone()]);
    assert_eq!(api.post("endpoints/crm/rotate", &json!({ "secret": back })).await.faults(), ["secret"]);
    let bad = json!({ "overlap_s": 604_801, "secret": "whpk_AAAA" });
    assert_eq!(api.post("endpoints/crm/rotate", &bad).await.faults(), ["overlap_s", "secret"]);
    assert_eq!(api.post("endpoints/none/rotate", &json!({})).await.problem(404), "endpoint-not-found");
}

#[tokio::test]
async fn every_bad_member_is_named() {
    let api = space("endpoint-refused").await;
    let bad = json!({
        "url": "ftp://example.org/", "event_types": ["lead.", "lead.*.x"], "filter": ".a |", "method": "GET",
        "format": { "type": "xml" }, "headers": { "Host": "x", "X-Key": "{{ secret.key }}" },
        "policy": { "timeout_s": 61, "retry_delays_s": [] }, "secret": "whsec_AAAA", "envelope_secret": "wh_1"
    });
    let mut faults = api.put("endpoints/bad", &bad).await.faults();
    faults.sort();
    let expected = [
        "envelope_secret",
        "event_types[0]",
        "event_types[1]",
        "filter",
        "format",
        "headers.Host",
        "headers.X-Key",
        "policy.retry_delays_s",
        "policy.timeout_s",
        "secret",
        "url",
    ];
    assert_eq!(faults, expected);
    let unknown = api.put("endpoints/bad", &definition(json!({ "policy": { "retries": 3 } }))).await.expect(422);
    assert!(unknown["detail"].as_str().is_some_and(|text| text.contains("unknown field `retries`")), "{unknown}");
    assert_eq!(api.get("endpoints/bad").await.problem(404), "endpoint-not-found");
}

#[tokio::test]
async fn a_filter_too_long_to_be_read_here_is_checked_in_the_sandbox() {
    let api = space("endpoint-filter").await;
    let long = format!(".data.text != \"{}\"", "x".repeat(10_000));
    api.put("endpoints/long", &definition(json!({ "filter": long }))).await.expect(201);
    let bad = definition(json!({ "filter": format!("{long} and") }));
    assert_eq!(api.put("endpoints/bad", &bad).await.faults(), ["filter"]);
    let unbounded = definition(json!({ "filter": "last(range(9)) == 8 and ([limit(3; repeat(1))] | length) == 3" }));
    api.put("endpoints/unbounded", &unbounded).await.expect(201);
    assert_eq!(api.put("endpoints/bad", &definition(json!({ "filter": "env.HOME" }))).await.faults(), ["filter"]);
}

#[tokio::test]
async fn an_endpoint_is_paused_disabled_and_resumed() {
    let api = space("endpoint-status").await;
    api.put("endpoints/crm", &definition(json!({}))).await.expect(201);
    let post = |path: &str, body: Value| {
        let path = format!("endpoints/crm/{path}");
        let api = api.clone();
        async move { api.post(&path, &body).await }
    };
    let paused = post("pause", json!({ "reason": "moving house" })).await;
    assert_eq!(paused.revision(), "2");
    let status = paused.expect(200)["status"].clone();
    assert_eq!((&status["state"], &status["reason"]), (&json!("paused"), &json!("moving house")));
    let again = post("pause", json!({ "reason": "other" })).await;
    assert_eq!((again.revision(), &again.body["status"]), ("2", &status), "it is paused already");
    let saved = api.put("endpoints/crm", &definition(json!({ "description": "new" }))).await.expect(200);
    assert_eq!(saved["status"], status, "a save keeps the status");
    let disabled = post("disable", json!({})).await.expect(200);
    assert_eq!(disabled["status"]["reason"], "disabled by admin");
    assert_eq!(post("pause", json!({})).await.problem(409), "endpoint-disabled");
    assert_eq!(post("resume", json!({})).await.expect(200)["status"], json!({ "state": "active" }));
    let without_body = api.request(Method::POST, "endpoints/crm/pause");
    assert_eq!(api.send(without_body).await.expect(200)["status"]["reason"], "paused by admin");
    post("resume", json!({})).await.expect(200);
    for reason in ["x".repeat(501), "a\nb".to_owned()] {
        assert_eq!(post("disable", json!({ "reason": reason })).await.faults(), ["reason"]);
    }
    assert_eq!(api.post("endpoints/none/resume", &json!({})).await.problem(404), "endpoint-not-found");
}

#[tokio::test]
async fn an_endpoint_that_changed_meanwhile_is_not_overwritten() {
    let api = space("endpoint-conditional").await;
    api.put_if("endpoints/crm", "*", &definition(json!({}))).await.expect(201);
    assert_eq!(api.put_if("endpoints/crm", "*", &definition(json!({}))).await.problem(412), "precondition-failed");
    api.post("endpoints/crm/pause", &json!({})).await.expect(200);
    assert_eq!(api.put_if("endpoints/crm", "1", &definition(json!({}))).await.problem(412), "precondition-failed");
    api.put_if("endpoints/crm", "2", &definition(json!({}))).await.expect(200);
    let delete =
        |revision: &str| api.request(Method::DELETE, "endpoints/crm").header("if-match", format!("\"{revision}\""));
    assert_eq!(api.send(delete("2")).await.problem(412), "precondition-failed");
    api.send(delete("3")).await.expect(204);
}

#[tokio::test]
async fn a_plugin_stays_while_an_endpoint_uses_it() {
    let api = space("endpoint-plugin").await;
    api.put_plugin("chat-lead", "1.0.0", components::TEMPLATE).await.expect(201);
    api.put_plugin("helpdesk", "1.0.0", components::MAPPING).await.expect(201);
    let with = |plugin: &str| {
        definition(json!({ "format": { "type": "plugin", "plugin": plugin, "config": { "channel": "#a" } } }))
    };
    for plugin in ["chat-lead", "chat-lead@1.0.0"] {
        let made = api.put("endpoints/chat", &with(plugin)).await;
        let format = json!({ "type": "plugin", "plugin": plugin, "config": { "channel": "#a" } });
        assert_eq!(made.body["format"], format, "{made:?}");
    }
    let refused = api.delete("plugins/chat-lead/versions/1.0.0").await;
    assert_eq!(refused.body["used_by"], json!([{ "kind": "endpoint", "id": "chat" }]), "{refused:?}");
    assert_eq!(refused.problem(409), "in-use");
    for plugin in ["helpdesk", "none", "chat-lead@2.0.0"] {
        assert_eq!(api.put("endpoints/other", &with(plugin)).await.faults(), ["format.plugin"], "{plugin}");
    }
    let mut misset = with("chat-lead");
    misset["format"]["config"] = json!({ "channel": 7 });
    assert_eq!(api.put("endpoints/other", &misset).await.faults(), ["format.config/channel"]);
    api.post("endpoints/chat/pause", &json!({})).await.expect(200);
    assert_eq!(api.delete("plugins/chat-lead/versions/1.0.0").await.problem(409), "in-use");
    api.put("endpoints/chat", &definition(json!({}))).await.expect(200);
    api.delete("plugins/chat-lead/versions/1.0.0").await.expect(204);
}
