//! Tests of the mapping.

use serde_json::{Value, json};
use tenterhook_plugin::{Describe, Failure, Response, Verdict};

use crate::{Config, FieldMapping, map};

fn response(status: u16, body: &str) -> Response {
    Response { status, headers: Vec::new(), body: body.as_bytes().to_vec() }
}

fn mapped(config: Value, response: &Response) -> Result<Verdict, Failure> {
    map(&serde_json::from_value::<Config>(config).unwrap(), response)
}

/// The fields of an accepted response.
fn accepted(config: Value, body: &str) -> Value {
    match mapped(config, &response(200, body)) {
        Ok(Verdict::Accepted(fields)) => fields.decode().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn failed(config: Value, body: &str) -> String {
    match mapped(config, &response(200, body)) {
        Ok(Verdict::Failed(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_description_is_true_of_the_plugin() {
    let described = FieldMapping::describe();
    let fields = accepted(described.example_config, &described.example_input.to_string());
    assert_eq!(fields, json!({ "sms_id": "m-1", "sms_status": "queued" }));
}

#[test]
fn null_makes_a_field_null_and_no_output_leaves_it_out() {
    let rules = json!({ "rules": [
        { "from": ".missing.deeper", "to": "a" },
        { "from": ".list[] | select(. > 5)", "to": "b" },
        { "from": ".list[] | select(. > 1)", "to": "c" },
        { "from": ".", "to": "all" },
    ] });
    let body = json!({ "list": [1, 2, 3] });
    assert_eq!(accepted(rules, &body.to_string()), json!({ "a": null, "c": 2, "all": body }));
}

#[test]
fn xml_and_form_responses_are_read_by_the_same_rules() {
    let xml = json!({ "format": "xml", "rules": [{ "from": ".answer.ticket.\"@no\" | tonumber", "to": "ticket" }] });
    assert_eq!(accepted(xml, "<?xml version=\"1.0\"?><answer><ticket no='42'/></answer>"), json!({ "ticket": 42 }));
    let form = json!({ "format": "form", "rules": [{ "from": ".id", "to": "id" }] });
    assert_eq!(accepted(form, "id=a%20b&status=ok"), json!({ "id": "a b" }));
}

#[test]
fn the_status_decides_between_accepted_retry_and_failed() {
    let verdict = |status| mapped(json!({ "accept": "2xx,404" }), &response(status, "")).unwrap();
    assert!(matches!(verdict(204), Verdict::Accepted(fields) if fields.as_str() == "{}"));
    assert!(matches!(verdict(404), Verdict::Accepted(_)));
    for status in [408, 425, 429, 500, 503] {
        assert_eq!(verdict(status), Verdict::Retry(format!("status {status}")));
    }
    for status in [301, 400, 401, 403, 410] {
        assert_eq!(verdict(status), Verdict::Failed(format!("status {status}")));
    }
    assert!(
        serde_json::from_value::<Config>(json!({ "accept": "all" }))
            .unwrap_err()
            .to_string()
            .contains("names no statuses")
    );
}

#[test]
fn what_cannot_be_read_fails_with_the_reason() {
    let rules = json!({ "rules": [{ "from": ".a.b", "to": "x" }] });
    assert_eq!(failed(rules.clone(), "<html>"), "the response is not JSON: line 1, column 1: expected value");
    assert_eq!(failed(rules, "{\"a\": [1]}"), "rule for \"x\": cannot index [1] with \"b\"");
    let xml = json!({ "format": "xml", "rules": [] });
    assert!(failed(xml, "<!DOCTYPE a><a/>").starts_with("the response is not XML: line 1, column 1: a document type"));
}

#[test]
fn a_rule_that_is_no_jq_is_a_fault_of_the_configuration() {
    let rules = json!({ "rules": [{ "from": ".a", "to": "ok" }, { "from": ".a |", "to": "bad" }] });
    let Err(Failure::Invalid(reason)) = mapped(rules, &response(200, "{}")) else { panic!("accepted") };
    assert!(reason.starts_with("rule for \"bad\": line 1, column 5: expected term"), "{reason}");
    let rules = json!({ "rules": [{ "from": "now", "to": "t" }] });
    assert!(
        matches!(mapped(rules, &response(200, "{}")), Err(Failure::Invalid(reason)) if reason.contains("not available"))
    );
}
