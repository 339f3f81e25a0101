//! Plugins: what is accepted as one, what a running one may do, and what happens to one that misbehaves.

use serde_json::{Value, json};

use super::support::api::Api;
use super::support::receiver::Receiver;
use super::support::{components, read, read_json, server};

async fn upload(api: &Api, name: &str, component: &[u8]) -> Value {
    api.put_plugin(name, "1.0.0", component).await.expect(201)
}

#[tokio::test]
async fn a_users_own_template_mapping_and_action_work_in_one_workflow() {
    let api = server::shared().await.space("plugins-own").await;
    let desk = Receiver::answering(200, "application/json", &read("examples/your-own-plugins/answer.json")).await;
    for (name, component) in [
        ("chat-lead", components::TEMPLATE),
        ("helpdesk-ticket", components::MAPPING),
        ("lead-score", components::ACTION),
    ] {
        let uploaded = upload(&api, name, component).await;
        assert!(uploaded["digest"].as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{uploaded}");
    }
    api.put("sources/leads", &read_json("examples/your-own-plugins/source.json")).await.expect(201);
    let mut webhook = read_json("examples/your-own-plugins/webhook.json");
    webhook["request"]["url"] = json!(desk.url);
    api.put("webhooks/tell-sales", &webhook).await.expect(201);
    api.put_workflow("score-lead", &read("examples/your-own-plugins/workflow.yaml")).await.expect(201);
    let trigger = read_json("examples/your-own-plugins/trigger.json");
    let trigger = api.put("workflows/score-lead/trigger", &trigger).await.expect(201);
    let lead = read_json("examples/your-own-plugins/lead.json");
    let call = api.call(&trigger).header("X-Api-Key", trigger["api_key"].as_str().expect("shown once"));
    let accepted = api.send(call.json(&lead)).await.expect(202);
    let run = api.finished(accepted["run"].as_str().expect("a run")).await;
    assert_eq!(run["status"], "completed", "{run:#}");
    let record =
        api.get(&format!("sources/leads/records/{}", lead["email"].as_str().expect("an address"))).await.expect(200);
    let fields = &record["fields"];
    assert_eq!((&fields["ticket"], &fields["segment"]), (&json!("T-815"), &json!("hot")), "{record:#}");
    assert!(fields["score"].as_f64().is_some_and(|score| score > 70.0), "{record:#}");
    let sent: Value = serde_json::from_str(&desk.received()[0].body).expect("JSON");
    assert_eq!(sent["text"], "New lead: Anna", "{sent:#}");

    for (name, place) in [("lead-score", "workflow"), ("chat-lead", "webhook")] {
        let refused = api.delete(&format!("plugins/{name}/versions/1.0.0")).await;
        assert_eq!(refused.body["used_by"][0]["kind"], place, "{refused:?}");
        assert_eq!(refused.problem(409), "in-use");
    }
}

#[tokio::test]
async fn what_is_no_plugin_is_refused_with_the_reason() {
    let api = server::shared().await.space("plugins-refused").await;
    let core_module = b"\0asm\x01\0\0\0";
    let empty_component = b"\0asm\x0d\0\x01\0";
    let cases: [(&[u8], &str); 4] = [
        (b"", "empty"),
        (b"#!/bin/sh\necho hello\n", "WebAssembly"),
        (core_module, "core WebAssembly module"),
        (empty_component, "exports"),
    ];
    for (garbage, word) in cases {
        let answer = api.put_plugin("garbage", "1.0.0", garbage).await;
        assert!(matches!(answer.status, 400 | 415 | 422), "{answer:?}");
        assert!(answer.body["detail"].to_string().contains(word), "{word}: {answer:?}");
    }
    let mut cut = components::TEMPLATE.to_vec();
    cut.truncate(cut.len() / 2);
    assert_eq!(api.put_plugin("garbage", "1.0.0", &cut).await.status, 422);
    let huge = vec![0_u8; 21 << 20];
    assert_eq!(api.put_plugin("garbage", "1.0.0", &huge).await.problem(413), "body-too-large");
    assert_eq!(api.put_plugin("garbage", "one", components::TEMPLATE).await.status, 400);
    assert!(
        api.get("plugins").await.expect(200)["items"].as_array().expect("a list").iter().all(|p| p["builtin"] == true)
    );
}

#[tokio::test]
async fn a_version_never_changes() {
    let api = server::shared().await.space("plugins-version").await;
    upload(&api, "mine", components::TEMPLATE).await;
    api.put_plugin("mine", "1.0.0", components::TEMPLATE).await.expect(200);
    assert_eq!(api.put_plugin("mine", "1.0.0", components::MAPPING).await.problem(409), "version-exists");
    api.put_plugin("mine", "1.1.0", components::MAPPING).await.expect(201);
    assert_eq!(api.put_plugin("text-template", "9.0.0", components::TEMPLATE).await.problem(409), "builtin-plugin");
    let shown = api.get("plugins/mine/versions/1.0.0").await.expect(200);
    assert_eq!(shown["exports"], json!(["template"]));
    api.delete("plugins/mine/versions/1.1.0").await.expect(204);
    assert_eq!(api.get("plugins/mine/versions/1.1.0").await.problem(404), "plugin-version-not-found");
}

#[tokio::test]
async fn a_misbehaving_plugin_fails_its_own_task_with_name_version_and_cause() {
    let api = server::shared().await.space("plugins-hostile").await;
    upload(&api, "hostile", components::HOSTILE).await;
    let receiver = Receiver::answering(200, "application/json", "{}").await;
    let cases = [
        ("loop", "ms"),
        ("memory", "limit"),
        ("stack", "hostile@1.0.0"),
        ("panic", "panic"),
        ("output-flood", "bytes"),
    ];
    for (misdeed, word) in cases {
        let webhook = json!({ "name": misdeed, "request": { "method": "POST", "url": receiver.url, "format": "json",
                "template": { "plugin": "hostile@1.0.0", "config": { "do": misdeed } } },
            "response": { "format": "json", "mapping": { "rules": [] } } });
        api.put(&format!("webhooks/{misdeed}"), &webhook).await.expect(201);
        let document = format!(
            "document: {{ dsl: '1.0.3', namespace: t, name: w, version: '1.0.0' }}\ndo:\n  - send: {{ call: webhook, with: {{ webhook: {misdeed} }} }}\n"
        );
        api.put_workflow(misdeed, &document).await.expect(201);
        let run = api.run(misdeed, &json!({})).await;
        let detail = run["error"]["detail"].as_str().unwrap_or("");
        assert_eq!(run["status"], "faulted", "{misdeed}: {run:#}");
        assert!(detail.contains("hostile@1.0.0") && detail.contains(word), "{misdeed}: {detail}");
    }
    assert!(receiver.received().is_empty(), "nothing is sent for a failed template");
}
