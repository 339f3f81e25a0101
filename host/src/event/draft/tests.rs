//! Drafts of events: what is taken, what is refused.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// 2026-01-31T12:00:00Z.
const NOW: Time = Time::from_millis(1_769_860_800_000);

fn check(body: Value, bytes_max: usize) -> Result<Event, Vec<FieldProblem>> {
    let draft: EventDraft = serde_json::from_value(body).expect("the shape of a draft");
    let space = "acme".parse().expect("a slug");
    let id = UniqueId::from_bytes([7; 16]);
    draft.check(&Publication { id, space: &space, source: "urn:test", now: NOW, bytes_max })
}

fn kept(body: Value, expected: &Expect) {
    let event = check(body, crate::event::EVENT_BYTES_MAX).expect("a good draft");
    expected.assert_eq(&serde_json::to_string_pretty(&event).expect("serialises"));
}

fn refused(body: Value, expected: &Expect) {
    let problems = check(body, crate::event::EVENT_BYTES_MAX).expect_err("a refusal");
    expected.assert_eq(&problems.iter().map(|problem| format!("{problem}\n")).collect::<String>());
}

#[test]
fn a_type_and_data_are_enough() {
    kept(
        json!({"type": "lead.create", "data": {}}),
        &expect![[r#"
            {
              "id": "07070707-0707-0707-0707-070707070707",
              "space": "acme",
              "type": "lead.create",
              "time": "2026-01-31T12:00:00.000Z",
              "source": "urn:test",
              "data": {}
            }"#]],
    );
}

#[test]
fn all_that_is_given_is_kept() {
    let body = json!({
        "type": "lead.create",
        "data": {"b": 1, "a": [null]},
        "id": "order-17",
        "key": "customer 4",
        "time": "2025-12-31T23:59:59.5+01:00"
    });
    kept(
        body,
        &expect![[r#"
            {
              "id": "07070707-0707-0707-0707-070707070707",
              "external_id": "order-17",
              "space": "acme",
              "type": "lead.create",
              "time": "2025-12-31T22:59:59.500Z",
              "source": "urn:test",
              "key": "customer 4",
              "data": {
                "b": 1,
                "a": [
                  null
                ]
              }
            }"#]],
    );
}

#[test]
fn receivers_see_the_publishers_id_or_ours() {
    let id = |body| check(body, 1000).expect("a good draft").webhook_id();
    assert_eq!(id(json!({"type": "a", "data": {}, "id": "order-17"})), "order-17");
    assert_eq!(id(json!({"type": "a", "data": {}})), UniqueId::from_bytes([7; 16]).to_string());
}

#[test]
fn every_problem_is_told_at_once() {
    let body = json!({"type": "lead..create", "data": [], "id": "a.b", "key": "", "time": "now"});
    refused(
        body,
        &expect![[r#"
            type: event type "lead..create" is not valid: use 1 to 128 letters, digits or underscores, in parts joined by single dots
            data: the data of an event are a JSON object, not an array
            id: event id "a.b" is not valid: use 1 to 255 visible ASCII characters other than the dot
            key: an ordering key has 1 to 255 bytes; leave it out for none
            time: expected a date and time of RFC 3339, such as "2026-01-31T12:00:00Z"
        "#]],
    );
}

#[test]
fn data_are_an_object() {
    for data in [json!(null), json!(true), json!(1), json!("a"), json!([{}])] {
        let problems = check(json!({"type": "a", "data": data}), 1000).expect_err("a refusal");
        assert_eq!(problems[0].field, "data", "{data}");
    }
}

#[test]
fn a_time_is_within_a_year() {
    for (time, good) in [
        ("2026-01-31T12:00:00Z", true),
        ("2026-01-31t12:00:00.123456789z", true),
        ("2025-01-31T12:00:00Z", true),
        ("2027-01-31T12:00:00+01:00", true),
        ("2025-01-30T11:59:59Z", false),
        ("2027-02-01T12:00:01Z", false),
        ("1969-12-31T23:59:59Z", false),
        ("9999-12-31T23:59:59Z", false),
        ("2026-02-30T12:00:00Z", false),
        ("2026-01-31", false),
        ("2026-01-31 12:00:00Z", false),
        ("2026-01-31T12:00:00", false),
        ("1769860800", false),
        ("", false),
    ] {
        let checked = check(json!({"type": "a", "data": {}, "time": time}), 1000);
        assert_eq!(checked.is_ok(), good, "{time}: {checked:?}");
    }
}

#[test]
fn an_event_has_a_largest_size() {
    let body = |length: usize| json!({"type": "a", "data": {"text": "é\n".repeat(length)}});
    let bytes = serde_json::to_vec(&check(body(100), 10_000).expect("small")).expect("serialises").len();
    assert!(check(body(100), bytes).is_ok());
    let problems = check(body(100), bytes - 1).expect_err("one byte too many");
    let reason = format!("the event has {bytes} bytes of JSON; the limit is {}", bytes - 1);
    assert_eq!(problems, [FieldProblem::new("data", reason)]);
}

#[test]
fn data_nest_as_deep_as_can_be_read_again() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |inside, _| json!({"a": inside}));
    assert!(check(json!({"type": "a", "data": nested(VALUE_DEPTH_MAX)}), 10_000).is_ok());
    let problems = check(json!({"type": "a", "data": nested(VALUE_DEPTH_MAX + 1)}), 10_000).expect_err("too deep");
    assert_eq!(problems, [FieldProblem::new("data", "it nests deeper than 96 arrays and objects")]);
}

#[test]
fn an_unknown_member_is_refused() {
    let wrong = serde_json::from_value::<EventDraft>(json!({"type": "a", "data": {}, "kind": "b"}));
    assert!(wrong.expect_err("unknown").to_string().contains("unknown field `kind`"));
}

proptest! {
    #[test]
    fn what_is_kept_can_be_sent_and_signed(id in "[ -~é.]{0,6}", key in "\\PC{0,300}", kind in "[a-z.*]{0,6}") {
        let body = json!({"type": kind, "data": {}, "id": id, "key": key});
        if let Ok(event) = check(body, 2000) {
            let id = event.webhook_id();
            prop_assert!(http::HeaderValue::from_str(&id).is_ok() && !id.contains('.') && !id.contains(' '));
            prop_assert!(event.key.is_some_and(|key| (1..=255).contains(&key.len())));
            prop_assert!(!event.kind.split('.').any(str::is_empty));
        }
    }
}
