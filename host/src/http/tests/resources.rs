//! Resources through the router: paths, statuses and fields of the contract, as far as they need no plugin.

use http::{HeaderValue, Request, header};
use serde_json::json;

use super::{Bench, request};

const WORKFLOW: &str = "document: { dsl: '1.0.3', namespace: test, name: keep, version: '1.0.0' }
do:
  - keep: { set: { input: '${ . }' } }
";

fn yaml(path: &str, document: &str) -> Request<axum::body::Body> {
    let mut request = request("PUT", path, document);
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/yaml; charset=utf-8"));
    request
}

#[tokio::test]
async fn a_space_is_made_renamed_shown_and_listed() {
    let bench = Bench::start().await;
    let made = bench.call("PUT", "/api/v1/spaces/acme", "{\"name\": \"Acme\"}").await;
    assert_eq!((made.status.as_u16(), &made.body["id"], made.header(header::ETAG)), (201, &json!("acme"), "\"1\""));
    let renamed = bench.call("PUT", "/api/v1/spaces/acme", "{\"name\": \"Acme Inc.\"}").await;
    assert_eq!((renamed.status.as_u16(), renamed.header(header::ETAG)), (200, "\"2\""));
    assert_eq!(bench.call("GET", "/api/v1/spaces/acme", "").await.body["name"], "Acme Inc.");
    let listed = bench.call("GET", "/api/v1/spaces?limit=1", "").await;
    assert_eq!((&listed.body["items"][0]["id"], listed.body["next"].is_string()), (&json!("acme"), true));
    assert_eq!(bench.call("GET", "/api/v1/spaces/none", "").await.problem(), (404, "space-not-found"));
}

#[tokio::test]
async fn a_key_is_shown_once_and_opens_nothing_once_deleted() {
    let bench = Bench::start().await;
    let made = bench.call("POST", "/api/v1/keys", "{\"name\": \"crm\", \"role\": \"viewer\"}").await;
    assert_eq!(made.status, 201);
    let (id, key) = (made.body["id"].as_str().expect("an id"), made.body["key"].as_str().expect("shown once"));
    assert_eq!(made.header(header::LOCATION), format!("/api/v1/keys/{id}"));
    let me = || {
        let mut request = request("GET", "/api/v1/me", "");
        let value = HeaderValue::try_from(format!("Bearer {key}")).expect("a header");
        request.headers_mut().insert(header::AUTHORIZATION, value);
        bench.send(request)
    };
    assert_eq!(me().await.body["name"], "crm");
    let listed = bench.call("GET", "/api/v1/keys", "").await;
    assert!(!listed.body.to_string().contains(key) && !listed.body.to_string().contains("hash"), "{listed:?}");
    assert_eq!(bench.call("DELETE", &format!("/api/v1/keys/{id}"), "").await.status, 204);
    assert_eq!(me().await.problem(), (401, "wrong-key"));
    assert_eq!(bench.call("DELETE", &format!("/api/v1/keys/{id}"), "").await.problem(), (404, "key-not-found"));
}

#[tokio::test]
async fn a_secret_is_set_and_listed_without_its_value() {
    let bench = Bench::start().await;
    assert_eq!(bench.call("PUT", "secrets/token", "{\"value\": \"hush-hush\"}").await.status, 201);
    assert_eq!(bench.call("PUT", "secrets/token", "{\"value\": \"hush-more\"}").await.status, 200);
    let listed = bench.call("GET", "secrets", "").await;
    assert_eq!(listed.body["items"][0]["name"], "token");
    assert!(!listed.body.to_string().contains("hush"), "{listed:?}");
    assert_eq!(bench.call("DELETE", "secrets/token", "").await.status, 204);
}

#[tokio::test]
async fn records_are_inserted_replaced_changed_listed_and_deleted() {
    let bench = Bench::start().await;
    let source =
        "{\"key\": \"email\", \"fields\": {\"email\": {\"type\": \"string\"}, \"age\": {\"type\": \"number\"}}}";
    assert_eq!(bench.call("PUT", "sources/people", source).await.status, 201);
    let put = bench.call("PUT", "sources/people/records/a%40x%2Fy", "{\"fields\": {\"age\": 1}}").await;
    assert_eq!((put.status.as_u16(), &put.body["key"]), (201, &json!("a@x/y")));
    assert_eq!(put.body["fields"], json!({"email": "a@x/y", "age": 1}));
    let changed = bench.call("PATCH", "sources/people/records/a%40x%2Fy", "{\"fields\": {\"age\": 2}}").await;
    assert_eq!((changed.status.as_u16(), &changed.body["fields"]["age"]), (200, &json!(2)));
    let inserted = bench.call("POST", "sources/people/records", "{\"fields\": {\"email\": \"b@x\"}}").await;
    assert_eq!(inserted.status, 201);
    assert_eq!(inserted.header(header::LOCATION), "/api/v1/spaces/default/sources/people/records/b%40x");
    let again = bench.call("POST", "sources/people/records", "{\"fields\": {\"email\": \"b@x\"}}").await;
    assert_eq!(again.problem(), (409, "record-exists"));
    let wrong = bench.call("PUT", "sources/people/records/c", "{\"fields\": {\"age\": \"old\"}}").await;
    assert_eq!((wrong.problem(), &wrong.body["errors"][0]["field"]), ((422, "bad-record"), &json!("age")));
    let listed = bench.call("GET", "sources/people/records", "").await;
    assert_eq!(listed.body["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(bench.call("DELETE", "sources/people/records/b%40x", "").await.status, 204);
    assert_eq!(bench.call("GET", "sources/people/records/b%40x", "").await.problem(), (404, "record-not-found"));
}

#[tokio::test]
async fn a_conditional_save_is_refused_once_the_definition_changed() {
    let bench = Bench::start().await;
    let save = |name: header::HeaderName, text: &'static str| {
        let mut request = request("PUT", "sources/s", "{\"key\": \"id\"}");
        request.headers_mut().insert(name, HeaderValue::from_static(text));
        bench.send(request)
    };
    assert_eq!(save(header::IF_NONE_MATCH, "*").await.status, 201);
    assert_eq!(save(header::IF_NONE_MATCH, "*").await.problem(), (412, "precondition-failed"));
    assert_eq!(save(header::IF_MATCH, "\"1\"").await.header(header::ETAG), "\"2\"");
    assert_eq!(save(header::IF_MATCH, "\"1\"").await.problem(), (412, "precondition-failed"));
}

#[tokio::test]
async fn a_workflow_has_versions_a_document_a_trigger_and_runs() {
    let bench = Bench::start().await;
    let made = bench.send(yaml("workflows/keep", WORKFLOW)).await;
    assert_eq!((made.status.as_u16(), &made.body["version"]), (201, &json!(1)), "{made:?}");
    assert_eq!(bench.send(yaml("workflows/keep", WORKFLOW)).await.status, 200);
    let document = bench.call("GET", "workflows/keep/document", "").await;
    assert_eq!((&document.body, document.header(header::CONTENT_TYPE)), (&json!(WORKFLOW), "application/yaml"));
    let bad = bench.send(yaml("workflows/bad", "do:\n  - a: { fork: {} }\n")).await;
    assert_eq!(bad.problem(), (422, "invalid"));
    assert!(bad.body["errors"].as_array().is_some_and(|errors| errors.iter().any(|e| e["line"] == 2)), "{bad:?}");
    let copy = bench.call("POST", "workflows/keep/duplicate", "{\"id\": \"copy\"}").await;
    assert_eq!((copy.status.as_u16(), &copy.body["trigger"]), (201, &json!(false)));

    let trigger = bench.call("PUT", "workflows/keep/trigger", "{\"type\": \"trigger\", \"enabled\": true}").await;
    assert_eq!(trigger.status, 201);
    let url = trigger.body["url"].as_str().expect("a URL");
    let key = trigger.body["api_key"].as_str().expect("shown once");
    let path = url.strip_prefix("https://hooks.example").expect("the public URL");
    let shown = bench.call("GET", "workflows/keep/trigger", "").await;
    assert!(shown.body.get("api_key").is_none() && shown.body.get("signing_secret").is_none(), "{shown:?}");
    let mut call = request("POST", path, "{\"a\": 1}");
    call.headers_mut().insert("x-api-key", HeaderValue::try_from(key).expect("a header"));
    call.headers_mut().remove(header::AUTHORIZATION);
    let accepted = bench.send(call).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let run = bench.call("GET", &format!("runs/{}", accepted.body["run"].as_str().expect("a run")), "").await;
    assert_eq!((&run.body["workflow"], &run.body["input"]["payload"]), (&json!("keep"), &json!({"a": 1})));
    assert!(run.body["tasks"].is_array() && run.body.get("state").is_none(), "{run:?}");
    let rejected = bench.call("POST", path, "{}").await;
    assert_eq!(rejected.problem(), (401, "wrong-key"));
    let rejections = bench.call("GET", "workflows/keep/trigger/rejections", "").await;
    assert_eq!((&rejections.body["total"], &rejections.body["items"][0]["code"]), (&json!(1), &json!("wrong-key")));
}

#[tokio::test]
async fn versions_of_a_workflow_come_in_pages_newest_first() {
    let bench = Bench::start().await;
    for name in ["one", "two", "three"] {
        let saved = bench.send(yaml("workflows/keep", &WORKFLOW.replace("name: keep", &format!("name: {name}")))).await;
        assert!(matches!(saved.status.as_u16(), 200 | 201), "{saved:?}");
    }
    let page = async |query: &str| {
        let listed = bench.call("GET", &format!("workflows/keep/versions?limit=2{query}"), "").await;
        assert_eq!(listed.status, 200, "{listed:?}");
        let items = listed.body["items"].as_array().expect("a list");
        let versions: Vec<_> = items.iter().map(|item| item["version"].as_u64().expect("a number")).collect();
        (versions, listed.body["next"].as_str().map(str::to_owned))
    };
    let (first, next) = page("").await;
    assert_eq!((first, next.is_some()), (vec![3, 2], true));
    let next = next.expect("a cursor");
    assert_eq!(page(&format!("&cursor={next}")).await, (vec![1], None));
    let garbage = bench.call("GET", "workflows/keep/versions?cursor=garbage", "").await;
    assert_eq!(garbage.problem(), (400, "bad-cursor"));
    assert_eq!(bench.call("GET", "workflows/none/versions", "").await.problem(), (404, "workflow-not-found"));
}

#[tokio::test]
async fn runs_are_started_with_202_and_once_per_idempotency_key() {
    let bench = Bench::start().await;
    bench.send(yaml("workflows/keep", WORKFLOW)).await;
    let start = || {
        let mut request = request("POST", "workflows/keep/runs", "{\"input\": {\"n\": 1}}");
        request.headers_mut().insert("idempotency-key", HeaderValue::from_static("once"));
        bench.send(request)
    };
    let (first, second) = (start().await, start().await);
    assert_eq!((first.status.as_u16(), &first.body["id"]), (202, &second.body["id"]));
    let listed = bench.call("GET", "runs?workflow=keep", "").await;
    assert_eq!(listed.body["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(bench.call("GET", "events?type=none", "").await.body, json!({"items": [], "next": null}));
    let mut twice = request("POST", "workflows/keep/runs", "{}");
    for _ in 0..2 {
        twice.headers_mut().append("idempotency-key", HeaderValue::from_static("two"));
    }
    assert_eq!(bench.send(twice).await.problem(), (400, "bad-idempotency-key"));
    for (bytes, status) in [(256, 202), (257, 422)] {
        let mut long = request("POST", "workflows/keep/runs", "{}");
        let key = HeaderValue::try_from("k".repeat(bytes)).expect("a header");
        long.headers_mut().insert("idempotency-key", key);
        assert_eq!(bench.send(long).await.status, status, "{bytes} bytes");
    }
}

#[tokio::test]
async fn health_readiness_metrics_and_the_document_need_no_key() {
    let bench = Bench::start().await;
    let open =
        |path: &str| bench.send(Request::builder().uri(path).body(axum::body::Body::empty()).expect("a request"));
    for path in ["/", "/healthz", "/readyz", "/metrics", "/api/v1/openapi.json"] {
        assert_eq!(open(path).await.status, 200, "{path}");
    }
    let metrics = open("/metrics").await.body.to_string();
    for name in ["tenterhook_http_requests_total", "tenterhook_live_runs", "tenterhook_store_bytes"] {
        assert!(metrics.contains(name), "{name} is missing");
    }
    assert_eq!(open("/api/v1/openapi.json").await.body["openapi"], "3.1.0");
    bench.tasks.stop();
    assert_eq!(open("/readyz").await.problem(), (503, "not-ready"));
    assert_eq!(open("/healthz").await.status, 200);
}
