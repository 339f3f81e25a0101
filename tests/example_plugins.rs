//! The plugins of `examples/plugins` are described and do their own examples, and so do the workflows that use them.

use serde_json::{Value, json};

use super::support::api::Api;
use super::support::receiver::Receiver;
use super::support::{eventually, example_plugins, read, read_json, server};

/// The templates, with all that they export.
const TEMPLATES: [(&str, &[&str]); 7] = [
    ("chat-message", &["template"]),
    ("csv-row", &["template"]),
    ("lead-upsert", &["template", "mapping"]),
    ("postcard-order", &["template"]),
    ("redact", &["template", "action"]),
    ("sms", &["template"]),
    ("support-ticket", &["template", "mapping"]),
];

/// Uploads example plugins; answers what the server found the last one to be.
async fn upload(api: &Api, names: &[&str]) -> Value {
    let mut found = Value::Null;
    for name in names {
        found = api.put_plugin(name, "1.0.0", &example_plugins::component(name)).await.expect(201);
    }
    found
}

/// Sets up an example's source, webhooks (all at `receiver`), workflow and trigger; answers the trigger.
async fn set_up(api: &Api, folder: &str, source: &str, webhooks: &[(&str, &str)], receiver: &Receiver) -> Value {
    let file = |name: &str| format!("examples/{folder}/{name}");
    api.put(&format!("sources/{source}"), &read_json(&file("source.json"))).await.expect(201);
    for (webhook, definition) in webhooks {
        let mut definition = read_json(&file(definition));
        let url: reqwest::Url = definition["request"]["url"].as_str().and_then(|url| url.parse().ok()).expect("a URL");
        definition["request"]["url"] = json!(format!("{}{}", receiver.url, url.path()));
        api.put(&format!("webhooks/{webhook}"), &definition).await.expect(201);
    }
    let workflow =
        read(&file("workflow.yaml")).replace("seconds: 1", "milliseconds: 20").replace("days: 7", "milliseconds: 1");
    api.put_workflow(folder, &workflow).await.expect(201);
    api.put(&format!("workflows/{folder}/trigger"), &read_json(&file("trigger.json"))).await.expect(201)
}

/// The run that a call with this payload starts, once it ended well.
async fn run(api: &Api, trigger: &Value, payload: &Value) -> Value {
    let call = api.call(trigger).header("X-Api-Key", trigger["api_key"].as_str().expect("shown once"));
    let accepted = api.send(call.json(payload)).await.expect(202);
    let run = api.finished(accepted["run"].as_str().expect("a run")).await;
    assert_eq!(run["status"], "completed", "{run:#}");
    run
}

fn bodies(receiver: &Receiver) -> Vec<Value> {
    let body = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| text.into());
    receiver.received().iter().map(|request| body(&request.body)).collect()
}

#[tokio::test]
async fn every_template_is_described_and_delivers_its_own_example() {
    let api = server::shared().await.space("example-plugins").await;
    let readme = read("examples/plugins/README.md");
    for (name, exports) in TEMPLATES {
        let found = upload(&api, &[name]).await;
        assert_eq!(found["exports"], json!(exports), "{name}");
        let row = format!("| [{name}](#{name}) | {} |", exports.join(", "));
        assert!(readme.contains(&row) && readme.contains(&format!("\n## {name}\n")), "the README lacks {row}");
        let description = &found["description"];
        assert_eq!(description["name"], name);

        // The schema is one, and takes the example.
        let kind = format!("config.{}", name.replace('-', "_"));
        api.put(&format!("event-types/{kind}"), &json!({ "schema": description["config_schema"] })).await.expect(201);
        let config = &description["example_config"];
        api.post("events", &json!({ "type": kind, "data": config })).await.expect(202);
        api.post("events", &json!({ "type": kind, "data": { "no_such": 1 } })).await.problem(400);

        // The event is one of the catalogue, and can be published and delivered.
        let receiver = Receiver::answering(200, "application/json", "{}").await;
        let event = &description["example_input"];
        let format = json!({ "type": "plugin", "plugin": format!("{name}@1.0.0"), "config": config });
        let endpoint = json!({ "url": receiver.url, "event_types": [event["type"]], "format": format });
        api.put(&format!("endpoints/{name}"), &endpoint).await.expect(201);
        api.post("events", &json!({ "type": event["type"], "data": event["data"] })).await.expect(202);
        let path = format!("deliveries?endpoint={name}&status=delivered");
        eventually(&format!("the example of {name} is delivered"), || async {
            let delivered = api.get(&path).await.expect(200);
            delivered["items"].get(0).map(|_| ())
        })
        .await;
        assert_eq!(receiver.received().len(), 1, "{name}");
        api.delete(&format!("endpoints/{name}")).await.expect(204);
    }
}

#[tokio::test]
async fn all_example_plugins_are_in_the_readme() {
    let readme = read("examples/plugins/README.md");
    let listed: Vec<_> = readme.lines().filter_map(|line| line.strip_prefix("| [")?.split_once(']')).collect();
    let mut listed: Vec<_> = listed.into_iter().map(|(name, _)| name.to_owned()).collect();
    listed.sort();
    assert_eq!(listed, example_plugins::names());
}

#[tokio::test]
async fn a_meeting_reaches_the_crm_although_it_is_busy_at_first_and_is_forgotten_when_called_off() {
    let api = server::shared().await.space("example-crm").await;
    upload(&api, &["lead-upsert"]).await;
    api.put("secrets/CRM_TOKEN", &json!({ "value": "token-of-the-example" })).await.expect(201);
    let answer = read("examples/crm-update/answer.json");
    let crm = Receiver::start(move |number, _| match number {
        0 | 1 => (429, "application/json", "{}".to_owned()),
        _ => (200, "application/json", answer.clone()),
    })
    .await;
    let trigger = set_up(&api, "crm-update", "leads", &[("crm-lead", "webhook.json")], &crm).await;
    run(&api, &trigger, &read_json("examples/crm-update/booked.json")).await;
    let record = api.get("sources/leads/records/ada@analytical.example").await.expect(200);
    assert_eq!((&record["fields"]["crm_id"], &record["fields"]["name"]), (&json!("512"), &json!("Ada Byron")));
    let sent = crm.received();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|request| request.header("authorization") == "Bearer token-of-the-example"));
    assert_eq!(sent[0].header("idempotency-key"), sent[2].header("idempotency-key"));
    assert_eq!(sent[2].uri.path(), "/crm/v3/objects/contacts/batch/upsert");
    assert_eq!(bodies(&crm)[2]["inputs"][0]["properties"]["next_meeting"], "Demonstration of the engine");

    run(&api, &trigger, &read_json("examples/crm-update/cancelled.json")).await;
    let record = api.get("sources/leads/records/ada@analytical.example").await.expect(200);
    assert_eq!((&record["fields"]["meeting"], &record["fields"]["crm_id"]), (&Value::Null, &json!("512")));
    assert_eq!(bodies(&crm)[3]["inputs"][0]["properties"]["next_meeting"], "");
}

#[tokio::test]
async fn an_event_is_archived_without_personal_data_and_as_a_row() {
    let api = server::shared().await.space("example-archive").await;
    upload(&api, &["redact", "csv-row"]).await;
    let warehouse = Receiver::answering(204, "text/plain", "").await;
    let trigger = set_up(&api, "event-archive", "journal", &[("warehouse", "webhook.json")], &warehouse).await;
    let mut event = read_json("examples/event-archive/lead.json");
    (event["id"], event["time"]) = (json!("evt-1"), json!("2026-03-02T09:15:00Z"));
    event["data"]["company"] = json!("=HYPERLINK(\"https://evil.example\"), Ltd");
    for _ in 0..2 {
        run(&api, &trigger, &event).await;
    }
    let records = api.get("sources/journal/records").await.expect(200);
    assert_eq!(records["items"].as_array().map(Vec::len), Some(1), "a repeat makes no second record");
    let kept = records["items"][0]["fields"].to_string();
    for personal in ["Ada", "Byron", "ada@", "ada.byron", "2079460101", "7946", "linkedin.example"] {
        assert!(!kept.contains(personal), "{personal}: {kept}");
    }
    let lead = "0198f3a2-6c1e-7b40-9d55-2f6a4c1b7e01";
    let row = format!(
        "evt-1,2026-03-02T09:15:00Z,lead.create,{lead},\"'=HYPERLINK(\"\"https://evil.example\"\"), Ltd\",12500\r\n"
    );
    assert_eq!(warehouse.received()[0].body, row);
    assert!(warehouse.received()[0].header("content-type").starts_with("text/csv"));
}

#[tokio::test]
async fn a_won_lead_without_an_address_gets_a_ticket_and_a_text_message_but_no_card() {
    let api = server::shared().await.space("example-won").await;
    upload(&api, &["support-ticket", "postcard-order", "sms"]).await;
    let all = Receiver::start(|_, request| match request.uri.path() {
        "/api/v2/tickets.json" => (201, "application/json", r#"{"ticket":{"id":35436}}"#.to_owned()),
        "/v1/postcards" => (201, "application/json", r#"{"order":"card-1"}"#.to_owned()),
        _ => (201, "application/json", r#"{"sid":"SM1"}"#.to_owned()),
    })
    .await;
    let webhooks =
        ["ticket", "card", "sms"].map(|name| (format!("welcome-{name}"), format!("webhooks/welcome-{name}.json")));
    let webhooks: Vec<_> = webhooks.iter().map(|(name, file)| (name.as_str(), file.as_str())).collect();
    let trigger = set_up(&api, "won-lead", "customers", &webhooks, &all).await;

    let mut lead = read_json("examples/won-lead/lead.json");
    lead["data"]["custom_fields"]["postcode"] = json!("SW1");
    run(&api, &trigger, &lead).await;
    let path = format!("sources/customers/records/{}", lead["data"]["id"].as_str().expect("an id"));
    let fields = api.get(&path).await.expect(200)["fields"].clone();
    assert_eq!((&fields["ticket"], &fields["sms"]), (&json!("35436"), &json!("SM1")));
    let card = fields["card"].as_str().expect("a reason");
    assert!(card.starts_with("none: ") && card.contains("postcode \"SW1\" is none of GB"), "{card}");
    let paths = |all: &Receiver| all.received().iter().map(|request| request.uri.path().to_owned()).collect::<Vec<_>>();
    assert_eq!(paths(&all), ["/api/v2/tickets.json", "/2010-04-01/Accounts/AC1/Messages.json"]);
    assert_eq!(bodies(&all)[0]["ticket"]["priority"], "high");

    let lead = read_json("examples/won-lead/lead.json");
    run(&api, &trigger, &lead).await;
    assert_eq!(api.get(&path).await.expect(200)["fields"]["card"], "card-1");
    let mut other = lead;
    other["data"]["status"]["name"] = json!("Interested");
    run(&api, &trigger, &other).await;
    assert_eq!(paths(&all).len(), 2 + 3, "nothing starts for another status");
}
