//! The event catalogue (CL2, CL3, CR1, LE1): built-in types, types of users, their versions.

use reqwest::Method;
use serde_json::{Value, json};

use super::support::api::Api;
use super::support::server;

async fn space(name: &str) -> Api {
    server::shared().await.space(name).await
}

/// The names in a listing, in its order.
fn names(listing: &Value) -> Vec<String> {
    let items = listing["items"].as_array().expect("a list").iter();
    items.map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
}

fn paid() -> Value {
    json!({
        "description": "An order was paid.",
        "schema": { "type": "object", "properties": { "amount": { "type": "number" } }, "required": ["amount"] },
        "example": { "amount": 12.5 }
    })
}

#[tokio::test]
async fn the_first_page_begins_with_the_built_in_types() {
    let api = space("types-listed").await;
    for name in ["order.paid", "order.sent", "a"] {
        api.put(&format!("event-types/{name}"), &paid()).await.expect(201);
    }
    let first = api.get("event-types?limit=2").await.expect(200);
    let (listed, own) = (names(&first), ["a", "order.paid"]);
    assert!(listed.len() > 40 && listed.ends_with(&own.map(str::to_owned)), "{listed:?}");
    for name in ["lead.create", "campaign.email.bounce", "call_missed", "message_received", "meeting.booked"] {
        assert!(listed.iter().any(|listed| listed == name), "{name} is missing");
    }
    for item in first["items"].as_array().expect("a list") {
        let name = item["name"].as_str().expect("a name");
        assert_eq!(item["builtin"], json!(!own.contains(&name)), "{name}");
        assert_eq!(
            item["operational"],
            json!(["endpoint.", "delivery.failed", "plugin."].iter().any(|prefix| name.starts_with(prefix))),
            "{name}"
        );
        assert!(item["description"].is_string() && item.get("schema").is_none(), "{name}");
    }
    let next = first["next"].as_str().expect("a cursor");
    let second = api.get(&format!("event-types?limit=2&cursor={next}")).await.expect(200);
    assert_eq!((names(&second), &second["next"]), (vec!["order.sent".to_owned()], &Value::Null));
}

#[tokio::test]
async fn a_type_is_defined_shown_and_left_as_it_is_by_the_same_document() {
    let api = space("types-defined").await;
    let made = api.put("event-types/order.paid", &paid()).await;
    assert_eq!((made.status, made.revision()), (201, "1"));
    let again = api.put("event-types/order.paid", &paid()).await;
    assert_eq!((again.status, again.revision(), &again.body), (200, "1", &made.body));
    let shown = api.get("event-types/order.paid").await;
    assert_eq!((shown.revision(), &shown.body), ("1", &made.body));
    for (member, value) in paid().as_object().expect("an object") {
        assert_eq!(&shown.body[member], value);
    }
    let rest = json!([made.body["version"], made.body["builtin"], made.body["operational"], made.body["deprecated"]]);
    assert_eq!((rest, &made.body["created_by"]), (json!([1, false, false, false]), &json!("admin")));
    let elsewhere = space("types-elsewhere").await;
    assert_eq!(elsewhere.get("event-types/order.paid").await.problem(404), "event-type-not-found");
}

#[tokio::test]
async fn another_schema_makes_a_version_and_the_former_stay_readable() {
    let api = space("types-versions").await;
    let (mut body, path) = (paid(), "event-types/order.paid");
    api.put(path, &body).await.expect(201);
    body["deprecated"] = json!(true);
    let same = api.put(path, &body).await;
    assert_eq!((same.revision(), &same.body["version"]), ("2", &json!(1)), "only the schema makes versions");
    body["schema"]["required"] = json!([]);
    body["example"] = json!({});
    assert_eq!(api.put(path, &body).await.expect(200)["version"], 2);
    let listed = api.get(&format!("{path}/versions")).await.expect(200);
    let versions: Vec<_> = listed["items"].as_array().expect("a list").iter().map(|item| &item["version"]).collect();
    assert_eq!(versions, [&json!(2), &json!(1)]);
    let page = api.get(&format!("{path}/versions?limit=1")).await.expect(200);
    let rest = format!("{path}/versions?limit=1&cursor={}", page["next"].as_str().expect("a cursor"));
    assert_eq!(api.get(&rest).await.expect(200)["items"][0]["version"], 1);
    let first = api.get(&format!("{path}/versions/1")).await.expect(200);
    assert_eq!((&first["schema"], &first["example"]), (&paid()["schema"], &paid()["example"]));
    assert_eq!(api.get(&format!("{path}/versions/2")).await.expect(200)["schema"], body["schema"]);
    assert_eq!(api.get(&format!("{path}/versions/3")).await.problem(404), "event-type-version-not-found");

    api.delete(path).await.expect(204);
    assert_eq!(api.get(path).await.problem(404), "event-type-not-found");
    assert_eq!(api.delete(path).await.problem(404), "event-type-not-found");
    assert_eq!(api.put(path, &paid()).await.expect(201)["version"], 3, "a number is never used twice");
    assert_eq!(api.get(&format!("{path}/versions/1")).await.expect(200), first);
}

#[tokio::test]
async fn a_definition_that_changed_meanwhile_is_not_overwritten() {
    let api = space("types-conditional").await;
    let path = "event-types/order.paid";
    api.put_if(path, "*", &paid()).await.expect(201);
    assert_eq!(api.put_if(path, "*", &paid()).await.problem(412), "precondition-failed");
    let other = |text: &str| json!({ "description": text });
    api.put_if(path, "1", &other("b")).await.expect(200);
    assert_eq!(api.put_if(path, "1", &other("c")).await.problem(412), "precondition-failed");
    let delete = |revision: &str| api.request(Method::DELETE, path).header("if-match", format!("\"{revision}\""));
    assert_eq!(api.send(delete("1")).await.problem(412), "precondition-failed");
    api.send(delete("2")).await.expect(204);
}

#[tokio::test]
async fn every_bad_member_of_a_type_is_named() {
    let api = space("types-refused").await;
    let put = async |body: Value| api.put("event-types/bad", &body).await.faults();
    let all = json!({ "description": "x".repeat(5_000), "schema": { "type": "colour" }, "example": 7 });
    assert_eq!(put(all).await, ["description", "/schema/type", "/example"]);
    let other = json!({ "schema": { "properties": { "a": { "$ref": "https://example.org/a" } } } });
    assert_eq!(put(other).await, ["/schema/properties/a/$ref"]);
    let mut unfit = paid();
    unfit["example"] = json!({ "amount": "much" });
    assert_eq!(put(unfit).await, ["/example/amount"]);
    let unknown = api.put("event-types/bad", &json!({ "name": "bad" })).await.expect(422);
    assert!(unknown["detail"].as_str().is_some_and(|text| text.contains("unknown field `name`")), "{unknown}");
    for name in ["order-paid", "a..b", "lead.*", "%C3%A4"] {
        assert_eq!(api.put(&format!("event-types/{name}"), &paid()).await.problem(400), "bad-request", "{name}");
    }
    assert_eq!(api.get("event-types/bad").await.problem(404), "event-type-not-found");
}

#[tokio::test]
async fn a_built_in_type_is_shown_whole_and_stays_as_it_is() {
    let api = space("types-builtin").await;
    let path = "event-types/lead.create";
    assert_eq!(api.put(path, &paid()).await.faults(), ["name"]);
    assert_eq!(api.delete(path).await.problem(409), "builtin-event-type");
    let shown = api.get(path).await.expect(200);
    assert_eq!(json!([shown["builtin"], shown["operational"], shown["version"]]), json!([true, false, 1]));
    assert!(shown["schema"].is_object() && shown["example"].is_object(), "{shown}");
    assert_eq!(api.get(&format!("{path}/versions/1")).await.expect(200), shown);
    assert_eq!(api.get(&format!("{path}/versions/2")).await.problem(404), "event-type-version-not-found");
    let versions = api.get(&format!("{path}/versions")).await.expect(200);
    assert_eq!((names(&versions), &versions["next"]), (vec!["lead.create".to_owned()], &Value::Null));
    let operational = api.get("event-types/endpoint.paused").await.expect(200);
    assert_eq!(operational["operational"], true);
    let nowhere = "/api/v1/spaces/nowhere/event-types/lead.create";
    assert_eq!(api.get(nowhere).await.problem(404), "space-not-found");
}
