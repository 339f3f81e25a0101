//! The examples do what their READMEs say, against receivers in this process.

use serde_json::json;

use super::support::api::Api;
use super::support::receiver::Receiver;
use super::support::{read, read_json, server};

/// Sets up an example's source, webhook, workflow and trigger; answers the trigger.
async fn set_up(api: &Api, folder: &str, names: [&str; 3], receiver: &Receiver, path: &str) -> serde_json::Value {
    let [source, webhook, workflow] = names;
    let file = |name: &str| format!("examples/{folder}/{name}");
    api.put(&format!("sources/{source}"), &read_json(&file("source.json"))).await.expect(201);
    let mut definition = read_json(&file("webhook.json"));
    definition["request"]["url"] = json!(format!("{}{path}", receiver.url));
    api.put(&format!("webhooks/{webhook}"), &definition).await.expect(201);
    api.put_workflow(workflow, &read(&file("workflow.yaml"))).await.expect(201);
    api.put(&format!("workflows/{workflow}/trigger"), &read_json(&file("trigger.json"))).await.expect(201)
}

#[tokio::test]
async fn a_lead_form_inserts_a_recipient_and_keeps_the_answer_of_the_sms_provider() {
    let api = server::shared().await.space("example-lead-form").await;
    let answer = r#"{"message": {"id": "sms-77", "status": "queued"}}"#;
    let provider = Receiver::answering(200, "application/json", answer).await;
    let names = ["recipients", "sms-welcome", "lead-form-sms"];
    let trigger = set_up(&api, "lead-form-sms", names, &provider, "/v1/messages").await;

    let form = [("email", "ann@example.com"), ("first_name", "Ann \"Quote\" O'Neill"), ("phone", "+441865000333")];
    let call = api.call(&trigger).header("X-Api-Key", trigger["api_key"].as_str().expect("shown once")).form(&form);
    let accepted = api.send(call).await.expect(202);
    let run = api.finished(accepted["run"].as_str().expect("a run")).await;
    assert_eq!(run["status"], "completed", "{run:#}");
    assert_eq!(run["output"], json!({ "sms": { "sms_id": "sms-77", "sms_status": "queued" } }));

    let record = api.get("sources/recipients/records/ann@example.com").await.expect(200);
    assert_eq!(record["fields"]["sms_id"], "sms-77");
    assert_eq!(record["fields"]["sms_status"], "queued");
    assert_eq!(record["fields"]["first_name"], "Ann \"Quote\" O'Neill");

    let sent = provider.received();
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].method.as_str(), sent[0].uri.path()), ("POST", "/v1/messages"));
    let body: serde_json::Value = serde_json::from_str(&sent[0].body).expect("valid JSON, whatever the name");
    assert_eq!(body["to"], "+441865000333");
    assert_eq!(body["text"], "Hello Ann \"Quote\" O'Neill, thank you for your interest!");
    assert!(!sent[0].header("idempotency-key").is_empty());
    let task = &run["tasks"][0];
    assert_eq!((task["name"].as_str(), task["status"].as_str()), (Some("sendSms"), Some("completed")));
    assert_eq!(task["exchange"]["request"]["body"], sent[0].body);
}

#[tokio::test]
async fn a_missed_call_opens_a_ticket_after_the_help_desk_had_trouble_twice() {
    let api = server::shared().await.space("example-missed-call").await;
    let desk = Receiver::start(|number, _| match number {
        0 | 1 => (503, "text/plain", "busy".to_owned()),
        _ => (201, "application/xml", "<ticket number=\"T-4711\"><status>open</status></ticket>".to_owned()),
    })
    .await;
    let names = ["calls", "open-ticket", "missed-call-ticket"];
    let trigger = set_up(&api, "missed-call-ticket", names, &desk, "/api/tickets").await;
    let key = trigger["api_key"].as_str().expect("shown once").to_owned();

    let event = read_json("examples/missed-call-ticket/call.json");
    let accepted = api.send(api.call(&trigger).bearer_auth(&key).json(&event)).await.expect(202);
    let run = api.finished(accepted["run"].as_str().expect("a run")).await;
    assert_eq!(run["status"], "completed", "{run:#}");

    let path = format!("sources/calls/records/{}", event["callID"].as_str().expect("a call id"));
    let record = api.get(&path).await.expect(200);
    assert_eq!((&record["fields"]["ticket"], &record["fields"]["ticket_status"]), (&json!("T-4711"), &json!("open")));
    let sent = desk.received();
    assert_eq!(sent.len(), 3);
    assert!(sent[0].body.contains("<subject>Missed call from +441865000111</subject>"), "{}", sent[0].body);
    let keys: std::collections::BTreeSet<_> = sent.iter().map(|request| request.header("idempotency-key")).collect();
    assert_eq!(keys.len(), 1, "every attempt bears the same key: {keys:?}");
    let events = api.get("events?type=ticket.created").await.expect(200);
    assert_eq!(events["items"][0]["data"], json!({ "ticket": "T-4711", "ticket_status": "open" }));
}

#[tokio::test]
async fn a_missed_call_takes_the_error_branch_when_the_help_desk_refuses() {
    let api = server::shared().await.space("example-missed-call-refused").await;
    let desk = Receiver::answering(422, "application/xml", "<error>no such queue</error>").await;
    let names = ["calls", "open-ticket", "missed-call-ticket"];
    let trigger = set_up(&api, "missed-call-ticket", names, &desk, "/api/tickets").await;
    let key = trigger["api_key"].as_str().expect("shown once").to_owned();

    let event = read_json("examples/missed-call-ticket/call.json");
    let accepted = api.send(api.call(&trigger).header("X-Api-Key", key).json(&event)).await.expect(202);
    let run = api.finished(accepted["run"].as_str().expect("a run")).await;
    assert_eq!(run["status"], "completed", "{run:#}");
    assert_eq!(desk.received().len(), 1, "a refusal is not tried again");
    let path = format!("sources/calls/records/{}", event["callID"].as_str().expect("a call id"));
    assert_eq!(api.get(&path).await.expect(200)["fields"]["ticket_status"], "failed");
    let events = api.get("events?type=ticket.failed").await.expect(200);
    assert_eq!(events["items"][0]["data"]["status"], 422);
}
