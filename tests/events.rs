//! Publishing (CR2, LE1): what is checked, what is recognised, what is answered.

use serde_json::{Value, json};

use super::support::api::Api;
use super::support::server;

async fn api(space: &str) -> Api {
    let api = server::shared().await.space(space).await;
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] });
    api.put("event-types/order.paid", &json!({ "schema": schema })).await.expect(201);
    api
}

fn order(n: u32) -> Value {
    json!({ "type": "order.paid", "data": { "n": n } })
}

#[tokio::test]
async fn an_event_is_answered_once_it_is_kept_and_can_be_looked_at() {
    let api = api("events-one").await;
    let receipt = api.post("events", &order(1)).await.expect(202);
    assert_eq!((&receipt["deliveries"], &receipt["repeat"]), (&json!(0), &json!(false)));
    let id = receipt["id"].as_str().expect("an id");
    let event = api.get(&format!("events/{id}")).await.expect(200);
    assert_eq!((&event["type"], &event["data"]), (&json!("order.paid"), &json!({ "n": 1 })));
    assert_eq!(api.get("events/01890000-0000-7000-8000-000000000000").await.problem(404), "not-found");
}

#[tokio::test]
async fn what_does_not_fit_the_schema_is_refused_with_the_path() {
    let api = api("events-bad").await;
    let bad = json!({ "type": "order.paid", "data": { "n": "one" } });
    let problem = api.post("events", &bad).await.expect(400);
    assert_eq!((&problem["code"], &problem["errors"][0]["field"]), (&json!("bad-event"), &json!("/data/n")));
    let unknown = api.post("events", &json!({ "type": "no.such", "data": {} })).await.expect(400);
    assert_eq!(unknown["errors"][0]["field"], "type", "{unknown:#}");
    let ours = api.post("events", &json!({ "type": "endpoint.paused", "data": {} })).await.expect(400);
    assert_eq!(ours["errors"][0]["field"], "type", "{ours:#}");
    assert_eq!(api.post("events", &json!({ "type": "order.paid", "data": [1] })).await.problem(400), "bad-event");
    let misspelt = api.post("events", &json!({ "type": "order.paid", "dta": {} })).await;
    assert_eq!(
        (misspelt.body["errors"][0]["field"].clone(), misspelt.problem(400)),
        (json!("dta"), "bad-event".into())
    );
    let deep = (0..100).fold(json!(1), |inner, _| json!({ "a": inner }));
    assert_eq!(api.post("events", &json!({ "type": "order.paid", "data": deep })).await.problem(400), "bad-event");
    assert_eq!(api.get("events").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn of_a_batch_all_are_published_or_none() {
    let api = api("events-batch").await;
    let batch: Vec<Value> = (0..1_000).map(order).collect();
    let answer = api.post("events", &json!(batch)).await.expect(202);
    assert_eq!(answer["items"].as_array().map(Vec::len), Some(1_000));
    let mut batch: Vec<Value> = (0..3).map(order).collect();
    batch[1]["data"]["n"] = json!(null);
    let problem = api.post("events", &json!(batch)).await.expect(400);
    assert_eq!(problem["errors"][0]["field"], "/1/data/n");
    let many: Vec<Value> = (0..1_001).map(order).collect();
    assert_eq!(api.post("events", &json!(many)).await.problem(400), "bad-event");
    assert_eq!(api.post("events", &json!([])).await.problem(400), "bad-event");
    let mut count = 0;
    let mut path = "events?limit=200".to_owned();
    loop {
        let page = api.get(&path).await.expect(200);
        count += page["items"].as_array().map_or(0, Vec::len);
        let Some(next) = page["next"].as_str() else { break };
        path = format!("events?limit=200&cursor={next}");
    }
    assert_eq!(count, 1_000);
}

#[tokio::test]
async fn a_repeat_answers_the_first_event() {
    let api = api("events-repeat").await;
    let named = json!({ "type": "order.paid", "id": "order-77", "data": { "n": 1 } });
    let first = api.post("events", &named).await.expect(202);
    let again = api.post("events", &named).await.expect(202);
    assert_eq!((&again["id"], &again["repeat"]), (&first["id"], &json!(true)));
    let twice = json!([order(1), named, { "type": "order.paid", "id": "order-78", "data": { "n": 2 } }]);
    let twice = api.post("events", &twice).await.expect(202);
    let repeats: Vec<&Value> = twice["items"].as_array().expect("a list").iter().map(|item| &item["repeat"]).collect();
    assert_eq!(repeats, [&json!(false), &json!(true), &json!(false)]);

    let call = || api.request(http::Method::POST, "events").header("Idempotency-Key", "call-1").json(&order(5));
    let first = api.send(call()).await.expect(202);
    let again = api.send(call()).await.expect(202);
    assert_eq!((&again["id"], &again["repeat"]), (&first["id"], &json!(true)));
    let found = api.get("events?text=order-77").await.expect(200);
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["items"][0]["external_id"], "order-77");
}

#[tokio::test]
async fn built_in_types_are_complete_for_their_receivers() {
    let api = api("events-lead").await;
    let example = api.get("event-types/lead.create").await.expect(200);
    let receipt = api.post("events", &json!({ "type": "lead.create", "data": example["example"] })).await.expect(202);
    let event = api.get(&format!("events/{}", receipt["id"].as_str().expect("an id"))).await.expect(200);
    assert_eq!(event["data"]["icebreaker_4"], json!(null), "unset fields are null (LE3): {event:#}");
}
