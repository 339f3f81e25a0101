//! Trying a plugin version before it goes live: dry runs, and time travel over what was recorded.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::support::acting::{act, grant, install};
use super::support::api::Api;
use super::support::receiver::Receiver;
use super::support::{components, eventually, read, read_json, server};

/// The version of a plugin that is built in.
fn builtin(name: &str) -> String {
    format!("plugins/{name}/versions/{}", env!("CARGO_PKG_VERSION"))
}

async fn travel(api: &Api, version: &str, body: &Value) -> Value {
    api.post(&format!("{version}/time-travel"), body).await.expect(200)
}

fn paths(travel: &Value) -> Vec<&str> {
    let differences = travel["different"][0]["differences"].as_array().expect("a list");
    differences.iter().map(|difference| difference["path"].as_str().expect("a path")).collect()
}

#[tokio::test]
async fn a_dry_run_tells_what_a_version_does_and_does_nothing() {
    let api = server::shared().await.space("trial-dry").await;
    let draft = json!({
        "export": "template", "config": { "text": "{\"hi\": \"{{ name }}\"}" }, "input": { "name": "Ann \"A\"" },
        "request": { "url": "https://crm.example/leads", "headers": { "X-Team": "sales" } },
        "now": "2026-03-05T15:00:00Z", "id": "call-1",
    });
    let once = api.post(&format!("{}/dry-run", builtin("text-template")), &draft).await.expect(200);
    assert_eq!(once["outcome"]["kind"], "request", "{once:#}");
    assert_eq!(once["outcome"]["body"], "{\"hi\": \"Ann \\\"A\\\"\"}");
    assert_eq!(once["outcome"]["url"], "https://crm.example/leads");
    let again = api.post(&format!("{}/dry-run", builtin("text-template")), &draft).await.expect(200);
    assert_eq!(once["outcome"], again["outcome"], "the same input gives the same bytes");

    let broken = json!({ "export": "template", "config": { "text": "{{ name" }, "input": {} });
    let told = api.post(&format!("{}/dry-run", builtin("text-template")), &broken).await.expect(200);
    assert_eq!(told["outcome"]["kind"], "failed", "{told:#}");
    let other = json!({ "export": "mapping" });
    assert_eq!(api.post(&format!("{}/dry-run", builtin("text-template")), &other).await.faults(), ["export"]);

    api.put_plugin("helpdesk-ticket", "1.0.0", components::MAPPING).await.expect(201);
    let path = "plugins/helpdesk-ticket/versions/1.0.0/dry-run";
    let answer = json!({ "ticket": { "number": "T-1" } });
    let read = api.post(path, &json!({ "export": "mapping", "config": {}, "response": { "body": answer } })).await;
    assert_eq!(
        read.expect(200)["outcome"],
        json!({ "kind": "mapped", "fields": { "ticket": "T-1", "ticket_link": null } })
    );
    api.put_plugin("lead-score", "1.0.0", components::ACTION).await.expect(201);
    let example =
        api.post("plugins/lead-score/versions/1.0.0/dry-run", &json!({ "export": "action" })).await.expect(200);
    assert_eq!(example["outcome"]["kind"], "output", "its own example: {example:#}");
}

/// What a dry run of `capable` or `fetcher` came to.
async fn dry_run(api: &Api, plugin: &str, draft: Value) -> Value {
    api.post(&format!("plugins/{plugin}/versions/1.0.0/dry-run"), &draft).await.expect(200)
}

/// Its deeds: call, outcome and detail.
fn deeds(run: &Value) -> Vec<(&str, &str, &str)> {
    let deeds = run["deeds"].as_array().unwrap_or_else(|| panic!("no deeds: {run:#}"));
    deeds.iter().map(|deed| (text(&deed["call"]), text(&deed["outcome"]), text(&deed["detail"]))).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A space with what the plugin `capable` may use, once it is granted, and a dry run that uses all of it.
async fn capable(name: &str) -> (Api, Receiver, Value) {
    let api = server::shared().await.space(name).await;
    let receiver = Receiver::answering(200, "application/json", "{}").await;
    install(&api, "capable", components::CAPABLE).await;
    let source = json!({ "key": "id", "fields": { "id": { "type": "string" }, "n": { "type": "number" } } });
    api.put("sources/leads", &source).await.expect(201);
    api.put("sources/leads/records/anna", &json!({ "fields": { "n": 1 } })).await.expect(201);
    api.put("secrets/token", &json!({ "value": "hush-4711" })).await.expect(201);
    let webhook = json!({ "name": "tell",
        "request": { "method": "POST", "url": receiver.url, "format": "json", "template": { "text": "{{ data }}" } },
        "response": { "format": "json", "mapping": { "rules": [{ "from": ".got", "to": "got" }] } } });
    api.put("webhooks/tell", &webhook).await.expect(201);
    let steps = json!([
        { "do": "count", "source": "leads", "key": "anna", "field": "n" },
        { "do": "record", "source": "leads", "key": "anna" },
        { "do": "emit", "kind": "order.shipped", "data": { "n": 1 } },
        { "do": "add", "key": "k" },
        { "do": "add", "key": "k" },
        { "do": "delete", "key": "k" },
        { "do": "get", "key": "k" },
        { "do": "webhook", "id": "tell", "data": { "n": 3 } },
        { "do": "secret", "name": "token" },
    ]);
    let draft = json!({ "export": "action", "input": { "steps": steps } });
    (api, receiver, draft)
}

/// Grants all that.
async fn grant_all(api: &Api) {
    let grants = json!({ "records": [{ "source": "leads", "write": true }], "events": ["order.*"], "webhooks": ["tell"],
        "state": true, "secrets": ["token"] });
    grant(api, "capable", &grants).await;
}

/// Nothing of it was done.
async fn expect_nothing(api: &Api, receiver: &Receiver) {
    assert!(receiver.received().is_empty(), "nothing is sent");
    assert_eq!(api.get("sources/leads/records/anna").await.expect(200)["fields"]["n"], 1, "nothing is written");
    assert_eq!(api.get("events?type=order.shipped").await.expect(200)["items"], json!([]), "nothing is published");
    let kept = act(api, json!([{ "do": "get", "key": "k" }])).await;
    assert_eq!(kept["output"][0], json!({ "ok": null }), "nothing is kept");
}

#[tokio::test]
async fn a_dry_run_of_an_action_reads_what_is_granted_and_tells_what_it_would_do() {
    let (api, receiver, draft) = capable("trial-capable").await;
    let denied = dry_run(&api, "capable", draft.clone()).await;
    assert!(deeds(&denied).iter().all(|(_, outcome, _)| *outcome == "denied"), "nothing is granted: {denied:#}");

    grant_all(&api).await;
    let run = dry_run(&api, "capable", draft).await;
    let output = &run["outcome"]["output"];
    assert_eq!((&output[0]["ok"]["n"], &output[1]["ok"]["n"]), (&json!(2), &json!(2)), "its own writes: {run:#}");
    assert_eq!((&output[3]["ok"], &output[4]["ok"], &output[6]), (&json!(1), &json!(2), &json!({ "ok": null })));
    let failed = output[7]["ok"]["failed"].as_str().expect("a reason");
    assert!(failed.starts_with("this is a dry run: the webhook is not called"), "{run:#}");
    assert_eq!(output[8]["ok"]["secret"], "***");
    assert_eq!(
        deeds(&run),
        [
            ("get", "done", ""),
            ("upsert", "pretended", "would have written {\"n\":2}"),
            ("get", "done", ""),
            ("emit", "pretended", "would have published {\"n\":1}"),
            ("get", "done", ""),
            ("set", "pretended", "would have kept 1"),
            ("get", "done", ""),
            ("set", "pretended", "would have kept 2"),
            ("delete", "pretended", "would have deleted it"),
            ("get", "done", ""),
            ("call", "pretended", "would have called it"),
            ("get", "done", ""),
        ],
        "{run:#}"
    );
    let exchange = &run["deeds"][10]["exchange"];
    assert_eq!((&exchange["request"]["body"], &exchange["response"]), (&json!("{\"n\":3}"), &json!(null)), "{run:#}");
    assert!(!run.to_string().contains("4711"), "{run:#}");
    expect_nothing(&api, &receiver).await;
}

#[tokio::test]
async fn a_dry_run_names_the_answers_of_those_who_are_not_asked() {
    let (api, receiver, mut draft) = capable("trial-answered").await;
    grant_all(&api).await;
    draft["answers"] = json!({ "webhooks": { "tell": { "status": 201, "body": { "got": "it" } } } });
    let run = dry_run(&api, "capable", draft).await;
    let answer = &run["outcome"]["output"][7]["ok"];
    assert_eq!(*answer, json!({ "status": 201, "fields": { "got": "it" } }), "by the webhook's own mapping: {run:#}");
    assert_eq!(deeds(&run)[10], ("call", "pretended", "would have called it"));

    let failing = json!([{ "do": "set", "key": "k", "value": 1 }, { "do": "fail", "name": "token" }]);
    let run = dry_run(&api, "capable", json!({ "export": "action", "input": { "steps": failing } })).await;
    assert_eq!(deeds(&run)[0].1, "dropped", "{run:#}");
    assert_eq!(
        run["outcome"],
        json!({ "kind": "failed", "reason": "plugin capable@1.0.0: rejected: the secret is ***" })
    );
    expect_nothing(&api, &receiver).await;
}

#[tokio::test]
async fn a_dry_run_of_an_action_sends_no_request() {
    let api = server::shared().await.space("trial-fetcher").await;
    let receiver = Receiver::answering(200, "text/plain", "really").await;
    let port: u16 = receiver.url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    install(&api, "fetcher", components::FETCHER).await;
    let host = json!({ "host": "localhost", "methods": ["POST"], "scheme": "http", "port": port });
    grant(&api, "fetcher", &json!({ "http": [host] })).await;
    let authority = format!("localhost:{port}");
    let request = json!({ "method": "POST", "authority": authority, "path": "/a?b=c", "body": "hello" });
    let denied = json!({ "method": "GET", "authority": authority });
    let mut draft = json!({ "export": "action", "input": { "requests": [request, denied] } });
    let run = dry_run(&api, "fetcher", draft.clone()).await;
    let error = run["outcome"]["output"][0]["error"].as_str().expect("an error");
    assert!(error.contains("dry run"), "{run:#}");
    assert_eq!(deeds(&run)[0], ("request", "pretended", "would have sent it"), "{run:#}");
    assert_eq!(deeds(&run)[1].1, "denied", "{run:#}");
    assert_eq!(run["deeds"][0]["exchange"]["request"]["body"], "hello");
    let url = run["deeds"][0]["target"].as_str().expect("method and URL").to_owned();
    draft["answers"] = json!({ "http": { url: { "status": 404, "headers": { "x-a": "b" }, "body": "canned" } } });
    let run = dry_run(&api, "fetcher", draft).await;
    let answer = &run["outcome"]["output"][0];
    assert_eq!((&answer["status"], &answer["body"]), (&json!(404), &json!("canned")), "{run:#}");
    assert_eq!(run["deeds"][0]["exchange"]["response"]["body"], "canned");
    assert_eq!(deeds(&run)[0].1, "pretended");
    assert!(receiver.received().is_empty(), "nothing is sent");
}

#[tokio::test]
async fn a_version_is_tried_on_the_deliveries_of_an_endpoint() {
    let api = server::shared().await.space("trial-endpoint").await;
    api.put("event-types/order.paid", &json!({})).await.expect(201);
    let receiver = Receiver::answering(200, "text/plain", "").await;
    let text = "{\"n\": {{ data.n }}, \"to\": \"sales\"}";
    let format = json!({ "type": "plugin", "plugin": "text-template", "config": { "text": text } });
    let endpoint = json!({
        "url": receiver.url, "event_types": ["order.paid"], "format": format,
        "headers": { "Authorization": "Bearer hush", "X-Team": "a" },
    });
    api.put("endpoints/crm", &endpoint).await.expect(201);
    for n in 0..5 {
        api.post("events", &json!({ "type": "order.paid", "data": { "n": n } })).await.expect(202);
    }
    eventually("all are delivered", || async {
        let page = api.get("deliveries?status=delivered").await.expect(200);
        (page["items"].as_array().map(Vec::len) == Some(5)).then_some(())
    })
    .await;

    let same = travel(&api, &builtin("text-template"), &json!({ "endpoint": "crm" })).await;
    assert_eq!((&same["compared"], &same["same"]), (&json!(5), &json!(5)), "{same:#}");
    let config = json!({ "text": "{\"n\": {{ data.n }}, \"to\": \"support\"}", "headers": [{ "name": "X-Team", "value": "b" }] });
    let other =
        travel(&api, &builtin("text-template"), &json!({ "endpoint": "crm", "last": 3, "config": config })).await;
    assert_eq!((&other["compared"], &other["same"]), (&json!(3), &json!(0)), "{other:#}");
    assert_eq!(paths(&other), ["/body/to", "/headers/x-team"], "{other:#}");
    assert_eq!(receiver.received().len(), 5, "nothing was sent");
    assert!(!other.to_string().contains("hush"));
    let wrong = api
        .post(&format!("{}/time-travel", builtin("text-template")), &json!({ "endpoint": "crm", "trigger": "x" }))
        .await;
    assert_eq!(wrong.faults(), ["endpoint"]);
}

/// A version that crashes is tried, in time travel and dry runs, more often than puts it into quarantine.
#[tokio::test]
async fn what_is_tried_is_told_and_changes_nothing() {
    let api = server::shared().await.space("trial-crash").await;
    api.put_plugin("hostile", "1.0.0", components::HOSTILE).await.expect(201);
    api.put("plugins/hostile", &json!({ "faults_max": 2, "fall_back": true })).await.expect(200);
    api.put("event-types/order.paid", &json!({})).await.expect(201);
    let receiver = Receiver::answering(200, "text/plain", "").await;
    let format = json!({ "type": "plugin", "plugin": "hostile@1.0.0", "config": { "do": "time" } });
    let endpoint = json!({ "url": receiver.url, "event_types": ["order.paid"], "format": format });
    api.put("endpoints/crm", &endpoint).await.expect(201);
    for n in 0..4 {
        api.post("events", &json!({ "type": "order.paid", "data": { "n": n } })).await.expect(202);
    }
    eventually("all are delivered", || async {
        let page = api.get("deliveries?status=delivered").await.expect(200);
        (page["items"].as_array().map(Vec::len) == Some(4)).then_some(())
    })
    .await;
    let version = "plugins/hostile/versions/1.0.0";
    let same = travel(&api, version, &json!({ "endpoint": "crm" })).await;
    assert_eq!((&same["compared"], &same["same"]), (&json!(4), &json!(4)), "the time is what it was: {same:#}");

    let crash = json!({ "do": "panic" });
    let other = travel(&api, version, &json!({ "endpoint": "crm", "config": crash })).await;
    for changed in other["different"].as_array().expect("a list") {
        let reason = changed["after"]["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("panics on purpose"), "each is called: {changed:#}");
    }
    assert_eq!(other["different"].as_array().map(Vec::len), Some(4), "{other:#}");
    let draft = json!({ "export": "template", "config": crash, "input": {} });
    for _ in 0..3 {
        let told = api.post(&format!("{version}/dry-run"), &draft).await.expect(200);
        let reason = told["outcome"]["reason"].as_str().unwrap_or_default();
        assert!(reason.contains("panics on purpose"), "{told:#}");
    }
    let plugin = api.get("plugins/hostile").await.expect(200);
    assert!(plugin["versions"][0].get("quarantine").is_none(), "{plugin:#}");
    assert_eq!(plugin["versions"][0]["counts"]["calls"], 4, "tries are not counted: {plugin:#}");
    assert_eq!(api.get("events?type=plugin.quarantined").await.expect(200)["items"], json!([]));
    assert_eq!(receiver.received().len(), 4, "nothing was sent");
}

#[tokio::test]
async fn a_version_is_tried_on_the_calls_of_a_webhook() {
    let api = server::shared().await.space("trial-webhook").await;
    let desk = Receiver::answering(200, "application/json", &read("examples/your-own-plugins/answer.json")).await;
    for (name, component) in [("chat-lead", components::TEMPLATE), ("helpdesk-ticket", components::MAPPING)] {
        api.put_plugin(name, "1.0.0", component).await.expect(201);
    }
    let mut webhook = read_json("examples/your-own-plugins/webhook.json");
    webhook["request"]["url"] = json!(desk.url);
    api.put("webhooks/tell-sales", &webhook).await.expect(201);
    let flow = "document: { dsl: '1.0.3', namespace: test, name: tell, version: '1.0.0' }
do:
  - tell: { call: webhook, with: { webhook: tell-sales, data: '${ { record: . } }' } }
";
    api.put_workflow("tell", flow).await.expect(201);
    for name in ["Ann", "Bob"] {
        let run = api.run("tell", &json!({ "name": name, "email": "a@b.example", "value": 1 })).await;
        assert_eq!(run["status"], "completed", "{run:#}");
    }
    let template = "plugins/chat-lead/versions/1.0.0";
    let same = travel(&api, template, &json!({ "webhook": "tell-sales", "export": "template" })).await;
    assert_eq!((&same["compared"], &same["same"]), (&json!(2), &json!(2)), "{same:#}");
    let config = json!({ "channel": "#other" });
    let body = json!({ "webhook": "tell-sales", "export": "template", "config": config });
    let other = travel(&api, template, &body).await;
    assert_eq!(other["different"].as_array().map(Vec::len), Some(2), "{other:#}");
    assert!(paths(&other).contains(&"/body/channel"), "{other:#}");

    let mapping = "plugins/helpdesk-ticket/versions/1.0.0";
    let same = travel(&api, mapping, &json!({ "webhook": "tell-sales", "export": "mapping" })).await;
    assert_eq!((&same["compared"], &same["same"]), (&json!(2), &json!(2)), "{same:#}");
    let rules = json!({ "format": "json", "rules": [{ "from": ".ticket.number", "to": "number" }] });
    let body = json!({ "webhook": "tell-sales", "export": "mapping", "config": rules });
    let other = travel(&api, &builtin("field-mapping"), &body).await;
    assert_eq!(paths(&other), ["/fields/number", "/fields/ticket", "/fields/ticket_link"], "{other:#}");
    assert_eq!(desk.received().len(), 2, "nothing was sent");
}

/// A webhook to `url` with this template and mapping, and a workflow of its name that calls it with its input.
async fn calling(api: &Api, name: &str, url: &str, (template, mapping): (Value, Value)) {
    let webhook = json!({ "name": name,
        "request": { "method": "POST", "url": url, "format": "json", "template": template },
        "response": { "format": "json", "mapping": mapping } });
    api.put(&format!("webhooks/{name}"), &webhook).await.expect(201);
    let flow = format!(
        "document: {{ dsl: '1.0.3', namespace: test, name: {name}, version: '1.0.0' }}
do:
  - call: {{ call: webhook, with: {{ webhook: {name}, data: '${{ . }}' }} }}
"
    );
    api.put_workflow(name, &flow).await.expect(201);
}

#[tokio::test]
async fn calls_that_came_to_nothing_and_calls_of_text_and_rules_are_tried_too() {
    let api = server::shared().await.space("trial-failed").await;
    let desk = Receiver::answering(200, "application/json", r#"{"got":7}"#).await;
    api.put_plugin("hostile", "1.0.0", components::HOSTILE).await.expect(201);
    let does = |deed: &str| json!({ "plugin": "hostile@1.0.0", "config": { "do": deed } });
    let plain = || (json!({ "text": "{{ data }}" }), json!({ "rules": [{ "from": ".got", "to": "got" }] }));
    for (name, parts, status) in [
        ("plain", plain(), "completed"),
        ("crashes", (does("panic"), plain().1), "faulted"),
        ("drops", (does("nothing"), plain().1), "completed"),
        ("misreads", (plain().0, does("panic")), "faulted"),
    ] {
        calling(&api, name, &desk.url, parts).await;
        assert_eq!(api.run(name, &json!({ "n": 1 })).await["status"], status, "{name}");
    }
    assert_eq!(desk.received().len(), 2, "two templates made no request");

    let hostile = "plugins/hostile/versions/1.0.0";
    let obey = json!({ "do": "obey" });
    let tried = async |webhook: &str, export: &str| {
        let body = json!({ "webhook": webhook, "export": export, "config": obey });
        let told = travel(&api, hostile, &body).await;
        assert_eq!((&told["compared"], &told["skipped"]), (&json!(1), &json!([])), "{webhook} {export}: {told:#}");
        let changed = &told["different"][0];
        let kinds = [&changed["before"]["kind"], &changed["after"]["kind"]].map(|kind| text(kind).to_owned());
        (kinds, text(&changed["before"]["reason"]).to_owned())
    };
    let ([before, after], _) = tried("plain", "template").await;
    assert_eq!([&*before, &after], ["request", "request"]);
    let ([before, after], reason) = tried("crashes", "template").await;
    assert_eq!([&*before, &after], ["failed", "request"]);
    assert!(reason.contains("the guest panics on purpose"), "{reason}");
    let ([before, after], _) = tried("drops", "template").await;
    assert_eq!([&*before, &after], ["dropped", "request"]);
    let ([before, after], _) = tried("plain", "mapping").await;
    assert_eq!([&*before, &after], ["mapped", "mapped"]);
    let ([before, after], reason) = tried("misreads", "mapping").await;
    assert_eq!([&*before, &after], ["failed", "mapped"]);
    assert!(reason.contains("the guest panics on purpose"), "{reason}");
    let unanswered = travel(&api, hostile, &json!({ "webhook": "drops", "export": "mapping" })).await;
    assert_eq!(unanswered["skipped"][0]["reason"], "it got no response", "{unanswered:#}");
    assert_eq!(desk.received().len(), 2, "nothing was sent");
}

#[tokio::test]
async fn a_version_is_tried_on_calls_that_actions_made() {
    let (api, receiver, _) = capable("trial-acted").await;
    grant_all(&api).await;
    act(&api, json!([{ "do": "webhook", "id": "tell", "data": { "n": 3 } }])).await;
    act(&api, json!([{ "do": "secret", "name": "token" }, { "do": "webhook", "id": "tell", "data": { "n": 4 } }]))
        .await;
    let config = json!({ "text": "{{ data }}", "format": "json" });
    let body = json!({ "webhook": "tell", "export": "template", "config": config });
    let told = travel(&api, &builtin("text-template"), &body).await;
    assert_eq!(told["compared"], 1, "{told:#}");
    let reason = "its input was not kept: it was too large, or an action made the call that knows secrets";
    assert_eq!(told["skipped"][0]["reason"], reason, "{told:#}");
    assert_eq!(receiver.received().len(), 2, "nothing was sent");
}

/// A space with a workflow whose trigger takes what GitHub signs with [`SENDER`].
async fn github(name: &str) -> (Api, Value) {
    let api = server::shared().await.space(name).await;
    api.put("secrets/sender", &json!({ "value": SENDER })).await;
    let flow = "document: { dsl: '1.0.3', namespace: test, name: nothing, version: '1.0.0' }
do:
  - keep: { set: { a: 1 } }
";
    api.put_workflow("nothing", flow).await.expect(201);
    let verifier = json!({ "plugin": "verify-github", "secrets": { "secret": "sender" } });
    let trigger = json!({ "type": "trigger", "verifier": verifier });
    let trigger = api.put("workflows/nothing/trigger", &trigger).await.expect(201);
    (api, trigger)
}

const SENDER: &str = "s3cret-of-sender";

/// The signature of a body.
fn signature(body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SENDER.as_bytes()).expect("any length is taken");
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// Sends a push of GitHub, which is answered with this status.
async fn push(api: &Api, trigger: &Value, (body, signature): (&str, &str), status: u16) {
    let call = api.call(trigger).header("content-type", "application/json").body(body.to_owned());
    let call = call.header("x-hub-signature-256", format!("sha256={signature}")).header("x-github-event", "push");
    api.send(call).await.expect(status);
}

#[tokio::test]
async fn a_version_is_tried_on_the_calls_of_a_trigger() {
    let (api, trigger) = github("trial-trigger").await;
    push(&api, &trigger, ("{}", &signature("{}")), 202).await;
    push(&api, &trigger, ("{}", "00"), 401).await;
    let same = travel(&api, &builtin("verify-github"), &json!({ "trigger": "nothing" })).await;
    assert_eq!((&same["compared"], &same["same"]), (&json!(2), &json!(2)), "{same:#}");
    let body = json!({ "trigger": "nothing", "config": { "header": "X-Token" } });
    let other = travel(&api, &builtin("verify-token"), &body).await;
    assert_eq!(other["compared"], 2, "{other:#}");
    assert!(
        other["different"].as_array().is_some_and(|items| {
            items.iter().any(|item| item["before"]["kind"] == "verified" && item["after"]["kind"] == "refused")
        }),
        "{other:#}"
    );
    assert!(!other.to_string().contains("s3cret"), "{other:#}");
}

#[tokio::test]
async fn a_call_of_a_trigger_that_is_too_large_to_be_kept_is_told_with_its_size() {
    let (api, trigger) = github("trial-large").await;
    let large = json!({ "text": "x".repeat(300 << 10) }).to_string();
    push(&api, &trigger, ("{}", &signature("{}")), 202).await;
    push(&api, &trigger, (&large, &signature(&large)), 202).await;
    push(&api, &trigger, (&large, "00"), 401).await;
    let told = travel(&api, &builtin("verify-github"), &json!({ "trigger": "nothing" })).await;
    assert_eq!((&told["compared"], &told["same"]), (&json!(1), &json!(1)), "{told:#}");
    let skipped = told["skipped"].as_array().expect("a list");
    assert_eq!(skipped.len(), 2, "the accepted one and the refused one: {told:#}");
    let size = format!("its body of {} bytes was not kept", large.len());
    for call in skipped {
        let reason = call["reason"].as_str().unwrap_or_default();
        assert!(reason.starts_with(&size) && reason.contains("262144"), "{told:#}");
    }
}
