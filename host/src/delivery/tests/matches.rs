//! Which endpoints want an event.

use super::*;

fn wanted(patterns: Value, kind: &str) -> bool {
    wants(&endpoint(json!({"event_types": patterns})), &event(kind, json!({})))
}

#[test]
fn a_pattern_is_a_name_a_prefix_or_everything() {
    for (pattern, kind, expected) in [
        ("lead.create", "lead.create", true),
        ("lead.create", "lead.created", false),
        ("lead.create", "lead.create.x", false),
        ("lead.create", "Lead.create", false),
        ("lead.*", "lead.create", true),
        ("lead.*", "lead.status.update", true),
        ("lead.*", "lead", false),
        ("lead.*", "lead.", false),
        ("lead.*", "leads.create", false),
        ("lead.status.*", "lead.status.update", true),
        ("lead.status.*", "lead.create", false),
        ("*", "call_missed", true),
        ("*", "lead.status.update", true),
    ] {
        assert_eq!(wanted(json!([pattern]), kind), expected, "{pattern} {kind}");
    }
    assert!(wanted(json!(["call_missed", "lead.*"]), "lead.create"));
    assert!(!wanted(json!(["call_missed", "lead.*"]), "list.create"));
}

#[test]
fn operational_events_must_be_asked_for() {
    for kind in OPERATIONAL_TYPES {
        assert!(is_operational(kind));
        assert!(!wanted(json!(["*"]), kind), "{kind}");
        assert!(wanted(json!([kind]), kind), "{kind}");
    }
    assert!(wanted(json!(["endpoint.*"]), "endpoint.paused"));
    assert!(!wanted(json!(["endpoint.*"]), "delivery.failed"));
    assert!(wanted(json!(["*"]), "endpoint.custom"), "only those that we raise");
}

#[test]
fn no_endpoint_is_told_of_itself() {
    let endpoint = endpoint(json!({"event_types": ["endpoint.*", "lead.*"]}));
    let about = |kind: &str, id: &str| wants(&endpoint, &event(kind, json!({"endpoint": {"id": id}})));
    assert!(!about("endpoint.paused", "crm"));
    assert!(about("endpoint.paused", "other"));
    assert!(about("lead.create", "crm"), "data of other events means nothing");
}

#[test]
fn a_held_endpoint_wants_events_too() {
    let since = Time::from_millis(1);
    for status in [
        crate::model::EndpointStatus::Paused { since, reason: String::new() },
        crate::model::EndpointStatus::Disabled { since, reason: String::new() },
    ] {
        let held = Endpoint { status, ..endpoint(json!({})) };
        assert!(wants(&held, &event("lead.create", json!({}))) && !held.status.is_active());
    }
}

#[test]
fn a_filter_sees_the_event_and_judges_as_jq_does() {
    let input = event_input(&event("lead.create", json!({"a": 1})));
    let filter = |source: &str| {
        let expression = crate::expr::Expression::compile(source, &[]).expect("a filter");
        passes(&expression.evaluate(&input, &[], &crate::expr::NoSandbox).expect("a value"))
    };
    for source in [".data.a > 0", ".type == \"lead.create\"", "0", "\"\"", "[]", ".source | startswith(\"/\")"] {
        assert!(filter(source), "{source}");
    }
    for source in ["false", "null", ".data.b", ".subject", "empty", ".data.a > 1"] {
        assert!(!filter(source), "{source}");
    }
    expect_test::expect![[r#"{"id":"07070707-0707-0707-0707-070707070707","type":"lead.create","timestamp":"2023-11-14T22:13:20.123Z","source":"/workflows/lead-sms","subject":null,"data":{"a":1}}"#]]
        .assert_eq(&input.to_string());
}
