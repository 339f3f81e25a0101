//! What may be published.

use expect_test::expect;
use serde_json::{Value, json};

use super::{Bench, draft, problems, slug};
use crate::engine::{EngineError, Result};
use crate::model::{Event, EventName};
use crate::store::Expect;

fn name(text: &str) -> EventName {
    text.parse().expect("a name")
}

impl Bench {
    async fn publish(&self, body: Value) -> Result<Event> {
        self.engine.checked_event(&self.space, draft(body), "/api").await
    }

    /// Saves an event type with this schema; answers its version.
    async fn define(&self, kind: &str, schema: Value) -> u32 {
        let body = draft(json!({"schema": schema}));
        let saved = self.engine.save_event_type(&self.space, &name(kind), body, Expect::Any, "ada").await;
        saved.expect("a good type").0.event_type.version
    }
}

#[tokio::test]
async fn an_event_of_a_built_in_type_is_completed() {
    let bench = Bench::start().await;
    let call = bench.engine.catalogue.get("call_missed").expect("is built in");
    let mut data = call.definition.example.clone().expect("an example");
    data.as_object_mut().expect("an object").remove("originatingNumber");
    let event = bench.publish(json!({"type": "call_missed", "data": data, "key": "k"})).await.expect("an event");
    assert_eq!(event.data.get("originatingNumber"), Some(&Value::Null));
    let kept = (event.space, event.source.as_str(), event.key.as_deref(), event.time);
    assert_eq!(kept, (bench.space.clone(), "/api", Some("k"), bench.now()));
}

#[tokio::test]
async fn what_cannot_be_published_says_why() {
    let bench = Bench::start().await;
    let refused = async |body: Value| problems(bench.publish(body).await);
    expect![[r#"
        type: there is no event type "order.paid" in this space: define it first (PUT …/event-types/order.paid), or publish one that GET …/event-types lists
    "#]]
    .assert_eq(&refused(json!({"type": "order.paid", "data": {}})).await);
    expect![[r#"
        data: the data of an event are a JSON object, not an array
        type: there is no event type "order.paid" in this space: define it first (PUT …/event-types/order.paid), or publish one that GET …/event-types lists
    "#]]
    .assert_eq(&refused(json!({"type": "order.paid", "data": []})).await);
    expect![[r#"
        type: event type "order paid" is not valid: use 1 to 128 letters, digits or underscores, in parts joined by single dots
    "#]]
    .assert_eq(&refused(json!({"type": "order paid", "data": {}})).await);
    expect![[r#"
        type: events of type "endpoint.paused" tell about deliveries: only the server publishes them
    "#]]
    .assert_eq(&refused(json!({"type": "endpoint.paused", "data": {}})).await);
    let wrong = refused(json!({"type": "call_missed", "data": {"callID": "no"}})).await;
    assert!(wrong.lines().any(|line| line.starts_with("/data/callID: ")), "{wrong}");
}

#[tokio::test]
async fn an_event_is_checked_against_the_present_version_of_its_type() {
    let bench = Bench::start().await;
    assert_eq!(bench.define("order.paid", json!({"required": ["amount"]})).await, 1);
    let event = json!({"type": "order.paid", "data": {"amount": "12"}});
    assert!(bench.publish(event.clone()).await.is_ok());
    assert_eq!(bench.define("order.paid", json!({"properties": {"amount": {"type": "number"}}})).await, 2);
    expect![[r#"
        /data/amount: the value is not of type "number"
    "#]]
    .assert_eq(&problems(bench.publish(event.clone()).await));
    let elsewhere = bench.engine.checked_event(&slug("other"), draft(event.clone()), "/api").await;
    assert!(problems(elsewhere).starts_with("type: there is no event type"), "types belong to their space");
    bench.engine.delete_event_type(&bench.space, &name("order.paid"), Expect::Any).await.expect("is there");
    assert!(problems(bench.publish(event.clone()).await).starts_with("type: there is no event type"));
    assert_eq!(bench.define("order.paid", json!({})).await, 3, "the versions of before keep their numbers");
    assert!(bench.publish(event).await.is_ok());
}

#[tokio::test]
async fn much_data_are_checked_all_the_same_and_kept() {
    let bench = Bench::start().await;
    let properties: Value = (0..100).map(|n| (format!("p{n}"), json!({"type": "string"}))).collect();
    let schema = json!({"properties": properties, "additionalProperties": {"items": {"type": "integer"}}});
    bench.define("bulk", schema.clone()).await;
    let mut numbers = vec![json!(1); 20_000];
    let event = bench.publish(json!({"type": "bulk", "data": {"numbers": numbers}})).await.expect("an event");
    assert_eq!(event.data["numbers"].as_array().map(Vec::len), Some(20_000));
    numbers[19_999] = json!("one");
    expect![[r#"
        /data/numbers/19999: the value is not of type "integer"
    "#]]
    .assert_eq(&problems(bench.publish(json!({"type": "bulk", "data": {"numbers": numbers}})).await));
}

#[tokio::test]
async fn of_two_who_define_a_version_at_once_one_is_refused() {
    let bench = Bench::start().await;
    let kind = name("order.paid");
    let save = |schema: Value| {
        let body = draft(json!({"schema": schema}));
        bench.engine.save_event_type(&bench.space, &kind, body, Expect::Any, "ada")
    };
    let (one, other) = tokio::join!(save(json!({"required": ["a"]})), save(json!({"required": ["b"]})));
    let refused = [&one, &other].into_iter().filter(|saved| matches!(saved, Err(EngineError::Changed { .. }))).count();
    let saved = one.or(other).expect("one is saved").0.event_type;
    assert!(refused <= 1, "never both");
    let kept = bench.engine.event_type(&bench.space, &kind, None).await.expect("is there").event_type;
    assert!(refused == 0 || kept == saved, "{kept:?}");
    let version = bench.engine.event_type(&bench.space, &kind, Some(1)).await.expect("is kept").event_type;
    assert_eq!((version.version, kept.version), (1, if refused == 1 { 1 } else { 2 }));
}
