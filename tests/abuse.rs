//! Garbage in: the server answers 4xx with a problem document, and lives.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::support::server;

/// Generated bodies per kind.
const CASES: usize = 60;

fn samples<T: Clone>(strategy: &impl Strategy<Value = T>) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    (0..CASES).map(|_| strategy.new_tree(&mut runner).expect("a sample").current()).collect()
}

#[tokio::test]
async fn random_bodies_of_every_kind_are_answered_with_a_4xx_or_taken() {
    let api = server::shared().await.space("abuse-bodies").await;
    let document =
        "document: { dsl: '1.0.3', namespace: t, name: w, version: '1.0.0' }\ndo:\n  - a: { set: { a: 1 } }\n";
    api.put_workflow("w", document).await.expect(201);
    let trigger = api.put("workflows/w/trigger", &json!({ "type": "trigger", "enabled": true })).await.expect(201);
    let key = trigger["api_key"].as_str().expect("shown once");
    for kind in ["application/json", "application/xml", "application/x-www-form-urlencoded", "text/plain", ";;;"] {
        for body in samples(&proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let call = api.call(&trigger).header("X-Api-Key", key).header("content-type", kind).body(body);
            let answer = api.send(call).await;
            assert!(matches!(answer.status, 202 | 400 | 415), "{kind}: {answer:?}");
        }
    }
    api.get("workflows").await.expect(200);
}

#[tokio::test]
async fn random_definitions_are_refused_with_a_problem() {
    let api = server::shared().await.space("abuse-definitions").await;
    let text = "[\\[\\]{}:,\"'a-z0-9 \\n$|&*!-]{0,120}";
    for body in samples(&proptest::string::string_regex(text).expect("a pattern")) {
        for path in ["webhooks/x", "workflows/x", "sources/x", "workflows/x/trigger"] {
            let request =
                api.request(reqwest::Method::PUT, path).header("content-type", "application/json").body(body.clone());
            let answer = api.send(request).await;
            assert!((400..500).contains(&answer.status), "{path} {body:?}: {answer:?}");
            assert!(answer.body["code"].is_string(), "{path} {body:?}: {answer:?}");
        }
        let answer = api.put_plugin("x", "1.0.0", body.as_bytes()).await;
        assert!((400..500).contains(&answer.status), "{body:?}: {answer:?}");
    }
}

#[tokio::test]
async fn random_templates_are_saved_or_refused_and_never_crash() {
    let api = server::shared().await.space("abuse-templates").await;
    let text = "(\\{\\{|\\}\\}|\\{%|%\\}|\"|\\{|\\}|<|>|/|for|in|if|end|a|\\.|\\||=|&| |\\n){0,40}";
    for text in samples(&proptest::string::string_regex(text).expect("a pattern")) {
        for format in ["json", "xml", "form"] {
            let webhook = json!({ "name": "x", "request": { "method": "POST", "url": "http://example.com/", "format": format, "template": { "text": text } },
                "response": { "format": "json", "mapping": { "rules": [] } } });
            let answer = api.put("webhooks/x", &webhook).await;
            assert!(matches!(answer.status, 200 | 201 | 422), "{format} {text:?}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn unknown_paths_methods_and_ids_are_problems() {
    let api = server::shared().await.space("abuse-paths").await;
    assert_eq!(api.get("/nowhere").await.problem(404), "not-found");
    assert_eq!(api.post("webhooks", &json!({})).await.problem(405), "method-not-allowed");
    assert_eq!(api.get("runs/not-a-uuid").await.problem(400), "bad-request");
    assert_eq!(api.get("runs?cursor=garbage").await.problem(400), "bad-cursor");
    assert_eq!(api.get("runs?limit=0").await.status, 400);
    assert_eq!(api.get("/api/v1/spaces/no-such-space/webhooks").await.problem(404), "space-not-found");
    assert_eq!(api.put("sources/sp%20ace", &json!({ "key": "a" })).await.problem(400), "bad-request");
}

#[tokio::test]
async fn keys_open_what_their_role_and_space_allow() {
    let api = server::shared().await.space("abuse-keys").await;
    assert_eq!(api.with_key("th_wrong").get("webhooks").await.problem(401), "wrong-key");
    let made = |role: &str, space: Option<&str>| json!({ "name": role, "role": role, "space": space });
    let viewer = api.post("/api/v1/keys", &made("viewer", Some("abuse-keys"))).await.expect(201);
    let viewer = api.with_key(viewer["key"].as_str().expect("shown once"));
    viewer.get("webhooks").await.expect(200);
    assert_eq!(viewer.put("sources/s", &json!({ "key": "a" })).await.problem(403), "forbidden");
    assert_eq!(viewer.get("/api/v1/spaces/default/webhooks").await.problem(403), "forbidden");
    let integrator = api.post("/api/v1/keys", &made("integrator", None)).await.expect(201);
    let integrator = api.with_key(integrator["key"].as_str().expect("shown once"));
    integrator.put("sources/s", &json!({ "key": "a" })).await.expect(201);
    assert_eq!(integrator.post("/api/v1/keys", &made("admin", None)).await.problem(403), "forbidden");
    let listed = api.get("/api/v1/keys").await.expect(200);
    let id =
        listed["items"].as_array().expect("a list").iter().find(|key| key["role"] == "integrator").expect("it")["id"]
            .clone();
    api.delete(&format!("/api/v1/keys/{}", id.as_str().expect("an id"))).await.expect(204);
    assert_eq!(integrator.get("webhooks").await.status, 401);
}
