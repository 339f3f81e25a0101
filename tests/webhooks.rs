//! "Call Webhook" (LL1–LL8): definitions, templates, mapping, the table's actions, testing.

use serde_json::{Value, json};

use super::support::api::Api;
use super::support::receiver::{Received, Receiver};
use super::support::server;

fn definition(url: &str, format: &str, text: &str) -> Value {
    json!({ "name": "W", "description": "d",
        "request": { "method": "POST", "url": url, "format": format, "template": { "text": text } },
        "response": { "format": "json", "mapping": { "rules": [{ "from": ".id", "to": "id" }] } } })
}

async fn space(name: &str) -> Api {
    server::shared().await.space(name).await
}

const NASTY: &str = "Ann \"Q\" <b>&amp; O'Neill \\ \u{1F600}\nline2 {{ x }}";

#[tokio::test]
async fn inserted_fields_are_escaped_by_the_format() {
    let api = space("webhook-escape").await;
    let receiver = Receiver::answering(200, "application/json", "{\"id\": 7}").await;
    let url = format!("{}/people/{{{{ record.name }}}}?q={{{{ record.name }}}}", receiver.url);
    let texts = [
        ("json", "{\"in\": \"<{{ record.name }}>\", \"whole\": {{ record.name }}, \"n\": {{ record.n }}}"),
        ("xml", "<p a=\"{{ record.name }}\">{{ record.name }}</p>"),
        ("form", "name={{ record.name }}&n={{ record.n }}"),
    ];
    for (format, text) in texts {
        api.put(&format!("webhooks/{format}"), &definition(&url, format, text)).await.expect(201);
        let data = json!({ "data": { "record": { "name": NASTY, "n": 1.5 } } });
        let report = api.post(&format!("webhooks/{format}/test"), &data).await.expect(200);
        assert_eq!(report["fields"], json!({ "id": 7 }), "{report:#}");
        assert_eq!(report["response"]["status"], 200);
    }
    let sent = receiver.received();
    let body: Value = serde_json::from_str(&sent[0].body).expect("valid JSON");
    assert_eq!((&body["in"], &body["whole"], &body["n"]), (&json!(format!("<{NASTY}>")), &json!(NASTY), &json!(1.5)));
    let xml = tenterhook_decode::decode(tenterhook_decode::Format::Xml, sent[1].body.as_bytes()).expect("valid XML");
    assert_eq!(xml["p"]["#text"], NASTY, "{xml}");
    let form: Vec<_> = form_urlencoded::parse(sent[2].body.as_bytes()).into_owned().collect();
    assert_eq!(form, [("name".to_owned(), NASTY.to_owned()), ("n".to_owned(), "1.5".to_owned())]);
    let query: Vec<_> = form_urlencoded::parse(sent[0].uri.query().expect("a query").as_bytes()).into_owned().collect();
    assert_eq!(query, [("q".to_owned(), NASTY.to_owned())]);
    assert_eq!(sent[0].uri.path().matches('/').count(), 2, "a slash in a name stays in its segment: {}", sent[0].uri);
}

#[tokio::test]
async fn a_template_that_makes_no_valid_document_is_refused_with_line_and_column() {
    let api = space("webhook-invalid").await;
    let cases = [
        ("json", "{\n  \"a\": \"{{ record.a }}\",\n  \"b\" 1\n}", 3),
        ("json", "{\n  \"a\": {{ record.a \n}", 3),
        ("xml", "<a>\n  <b>{{ record.b }}</c>\n</a>", 2),
        ("form", "a=1&=2", 1),
    ];
    for (format, text, line) in cases {
        let answer = api.put("webhooks/bad", &definition("http://example.com/", format, text)).await;
        let problem = answer.expect(422);
        let error = &problem["errors"][0];
        assert_eq!(error["field"], "request.template.text", "{problem:#}");
        assert_eq!(error["line"], line, "{format}: {problem:#}");
        assert!(error["column"].as_u64().is_some_and(|column| column > 0), "{problem:#}");
    }
    assert_eq!(api.get("webhooks/bad").await.problem(404), "webhook-not-found");
}

#[tokio::test]
async fn every_wrong_field_of_a_definition_is_named_at_once() {
    let api = space("webhook-fields").await;
    let mut bad = definition("ftp://example.com/", "json", "{}");
    bad["name"] = json!("");
    bad["request"]["headers"] = json!({ "Bad Header": "x", "Host": "example.org" });
    bad["response"]["mapping"]["rules"] = json!([{ "from": ".a |", "to": "a" }, { "from": ".b", "to": "" }]);
    let problem = api.put("webhooks/bad", &bad).await.expect(422);
    let fields: Vec<_> =
        problem["errors"].as_array().expect("errors").iter().map(|e| e["field"].as_str().unwrap_or("")).collect();
    for field in
        ["name", "request.url", "request.headers", "response.mapping.rules[0].from", "response.mapping.rules[1].to"]
    {
        assert!(fields.iter().any(|found| found.starts_with(field)), "{field} not in {problem:#}");
    }
    let mut unknown = definition("http://example.com/", "json", "{}");
    unknown["request"]["retries"] = json!(3);
    let problem = api.put("webhooks/bad", &unknown).await;
    assert!(matches!(problem.status, 400 | 422), "{problem:?}");
    assert!(problem.body.to_string().contains("retries"), "{problem:?}");
}

#[tokio::test]
async fn responses_of_json_xml_and_form_are_mapped() {
    let api = space("webhook-responses").await;
    let cases = [
        ("json", "application/json", "{\"a\": {\"id\": 5}}", ".a.id", json!(5)),
        ("xml", "application/xml", "<r><id n=\"9\">x</id></r>", ".r.id[\"@n\"]", json!("9")),
        ("form", "application/x-www-form-urlencoded", "id=a+b&x=1", ".id", json!("a b")),
    ];
    for (format, kind, body, from, expected) in cases {
        let receiver = Receiver::answering(200, kind, body).await;
        let mut webhook = definition(&receiver.url, "json", "{}");
        webhook["response"] = json!({ "format": format, "mapping": { "rules": [{ "from": from, "to": "id" }] } });
        api.put(&format!("webhooks/{format}"), &webhook).await.expect(201);
        let report = api.post(&format!("webhooks/{format}/test"), &json!({ "data": {} })).await.expect(200);
        assert_eq!(report["fields"]["id"], expected, "{report:#}");
    }
}

#[tokio::test]
async fn every_method_is_sent_and_get_carries_a_form_as_query() {
    let api = space("webhook-methods").await;
    let receiver = Receiver::answering(200, "application/json", "{}").await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let mut webhook = definition(&format!("{}/m?fixed=1", receiver.url), "form", "a={{ record.a }}");
        webhook["request"]["method"] = json!(method);
        api.put("webhooks/m", &webhook).await;
        let report = api.post("webhooks/m/test", &json!({ "data": { "record": { "a": "x y" } } })).await.expect(200);
        assert_eq!(report["request"]["method"], method, "{report:#}");
    }
    let sent = receiver.received();
    assert_eq!(
        sent.iter().map(|request| request.method.as_str()).collect::<Vec<_>>(),
        ["GET", "POST", "PUT", "PATCH", "DELETE"]
    );
    for request in &sent {
        let carried = if matches!(request.method.as_str(), "GET" | "DELETE") {
            assert!(request.body.is_empty());
            request.uri.query().unwrap_or("").to_owned()
        } else {
            format!("fixed=1&{}", request.body)
        };
        assert_eq!(carried, "fixed=1&a=x+y", "{request:?}");
    }
}

#[tokio::test]
async fn a_used_webhook_cannot_be_deleted_and_says_who_uses_it() {
    let api = space("webhook-used").await;
    api.put("webhooks/w", &definition("http://example.com/", "json", "{}")).await.expect(201);
    let document = "document: { dsl: '1.0.3', namespace: test, name: uses, version: '1.0.0' }
do:
  - call: { call: webhook, with: { webhook: w } }
";
    api.put_workflow("uses", document).await.expect(201);
    assert_eq!(api.get("webhooks/w").await.expect(200)["used_by"], json!(["uses"]));
    let answer = api.delete("webhooks/w").await;
    assert_eq!(answer.body["used_by"], json!([{ "kind": "workflow", "id": "uses" }]), "{answer:?}");
    assert_eq!(answer.problem(409), "in-use");
    api.delete("workflows/uses").await.expect(204);
    api.delete("webhooks/w").await.expect(204);
    let missing = api.put_workflow("uses", document).await.expect(422);
    let reason = "there is no webhook \"w\" in this space: make it first";
    let place = json!({ "field": "/do/0/call/with/webhook", "reason": reason, "line": 3, "column": 45 });
    assert_eq!(missing["errors"], json!([place]), "{missing:#}");
}

#[tokio::test]
async fn a_clone_has_another_name_and_the_same_settings() {
    let api = space("webhook-clone").await;
    let original = api.put("webhooks/w", &definition("http://example.com/", "json", "{\"a\": 1}")).await.expect(201);
    let copy = api.post("webhooks/w/clone", &json!({})).await.expect(201);
    assert_eq!(copy["name"], "W - Clone");
    assert_ne!(copy["id"], original["id"]);
    for same in ["description", "request", "response"] {
        assert_eq!(copy[same], original[same]);
    }
    assert_eq!((&original["created_by"], copy["used_by"].clone()), (&json!("admin"), json!([])));
    assert!(original["created_at"].as_str().is_some_and(|time| time.ends_with('Z')), "{original}");
    assert_eq!(api.get("webhooks").await.expect(200)["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_secret_reaches_the_receiver_and_no_answer_of_ours() {
    let api = space("webhook-secret").await;
    // A receiver that echoes what it got.
    let echo = |_, request: &Received| {
        let body = json!({ "id": request.header("authorization") });
        (200, "application/json", body.to_string())
    };
    let receiver = Receiver::start(echo).await;
    api.put("secrets/token", &json!({ "value": "s3cr3t-value-1234" })).await.expect(201);
    let mut webhook = definition(&receiver.url, "json", "{}");
    webhook["request"]["headers"] = json!({ "Authorization": "Bearer {{ secret.token }}" });
    api.put("webhooks/w", &webhook).await.expect(201);
    let document = "document: { dsl: '1.0.3', namespace: test, name: s, version: '1.0.0' }
do:
  - call: { call: webhook, with: { webhook: w } }
";
    api.put_workflow("s", document).await.expect(201);
    let run = api.run("s", &json!({})).await;
    assert_eq!(run["status"], "completed", "{run:#}");
    let report = api.post("webhooks/w/test", &json!({ "data": {} })).await.expect(200);
    assert_eq!(receiver.received()[0].header("authorization"), "Bearer s3cr3t-value-1234");
    for shown in [&run, &report, &api.get("webhooks/w").await.expect(200), &api.get("secrets").await.expect(200)] {
        assert!(!shown.to_string().contains("s3cr3t"), "{shown:#}");
    }
    assert_eq!(api.delete("secrets/token").await.problem(409), "in-use");
}

#[tokio::test]
async fn nothing_is_made_of_a_part_of_a_response() {
    let api = space("webhook-cut").await;
    let large = format!("{{\"id\": 1, \"more\": \"{}\"}}", "x".repeat(8 << 20));
    let receiver = Receiver::answering(200, "application/json", &large).await;
    api.put("webhooks/w", &definition(&receiver.url, "json", "{}")).await.expect(201);
    let report = api.post("webhooks/w/test", &json!({ "data": {} })).await.expect(200);
    assert_eq!((&report["error"]["status"], &report["fields"]), (&json!(502), &json!({})), "{}", report["error"]);
    assert_eq!(report["response"]["body_cut"], true);
}

#[tokio::test]
async fn a_test_call_shows_all_and_touches_no_record() {
    let api = space("webhook-test").await;
    let receiver = Receiver::answering(500, "application/json", "{\"error\": \"down\"}").await;
    api.put("webhooks/w", &definition(&receiver.url, "json", "{\"x\": {{ record.x }}}")).await.expect(201);
    let report = api.post("webhooks/w/test", &json!({ "data": { "record": { "x": 1 } } })).await.expect(200);
    assert_eq!(report["request"]["body"], "{\"x\": 1}");
    assert_eq!((&report["response"]["status"], &report["fields"]), (&json!(500), &json!({})));
    assert_eq!(report["error"]["status"], 500, "{report:#}");
    assert_eq!(api.get("runs").await.expect(200)["items"], json!([]));
}
