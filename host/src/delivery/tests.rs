//! Tests of deliveries: definitions, forms, matching, what follows an attempt, secrets.

mod definitions;
mod forms;
mod matches;
mod parse_back;
mod policies;
mod rotation;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::{Endpoint, EndpointSecrets, Event, HeaderField, Redacted, Time, UniqueId};

/// The endpoint of a draft with these members besides URL and event types.
fn endpoint(members: Value) -> Endpoint {
    let mut body = json!({"url": "https://example.org/in", "event_types": ["*"]});
    let given = members.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(given);
    let draft: EndpointDraft = serde_json::from_value(body).expect("the shape of a draft");
    let checked = draft.check().expect("a good draft");
    checked.into_endpoint(slug("crm"), None, EndpointSecrets::default(), "admin", Time::from_millis(1))
}

fn slug(text: &str) -> crate::model::Slug {
    text.parse().expect("a slug")
}

/// An event of 2023-11-14 22:13:20.123 UTC.
fn event(kind: &str, data: Value) -> Event {
    Event {
        id: UniqueId::from_bytes([7; 16]),
        external_id: None,
        space: slug("acme"),
        kind: kind.to_owned(),
        time: Time::from_millis(1_700_000_000_123),
        source: "/workflows/lead-sms".to_owned(),
        subject: None,
        key: None,
        data,
        run: None,
    }
}

fn envelope() -> Redacted {
    Redacted::new("wh_0123456789abcdef".to_owned())
}

fn header<'a>(headers: &'a [HeaderField], name: &str) -> Option<&'a str> {
    headers.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value.as_str())
}

/// Any JSON, with names and texts of these patterns.
fn json_of(names: &'static str, texts: &'static str) -> impl Strategy<Value = Value> {
    let number = prop_oneof![any::<i64>().prop_map(Value::from), any::<i32>().prop_map(|n| json!(f64::from(n) / 8.0))];
    let scalar =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number, texts.prop_map(Value::from)];
    scalar.prop_recursive(4, 24, 4, move |inner| {
        let object = proptest::collection::vec((names, inner.clone()), 0..4);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}
