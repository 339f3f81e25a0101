//! Tests of tickets, priorities and answers.

use expect_test::expect;
use serde_json::{Value, json};
use tenterhook_plugin::{Call, Describe, Failure, Json, Mapping, Request, Response, Template, Verdict};

use crate::SupportTicket;

fn call(config: &Value) -> Call {
    Call { space: "default".into(), id: "task-1".into(), now: 0, config: config.to_string() }
}

/// A ticket as JSON, the lines of its text as a list.
fn shown(mut ticket: Value) -> String {
    let body = ticket["ticket"]["comment"]["body"].take();
    ticket["ticket"]["comment"]["body"] = body.as_str().unwrap().split('\n').collect();
    format!("{ticket:#}")
}

fn render(config: &Value, input: &Value) -> Result<Value, Failure> {
    let url = "https://desk.example/api/v2/tickets.json";
    let base = Request { method: "POST".into(), url: url.into(), headers: Vec::new(), body: Vec::new() };
    let request = SupportTicket::render(&call(config), Json::from_text(input.to_string()), base)?.unwrap();
    Ok(serde_json::from_slice(&request.body).unwrap())
}

fn map(status: u16, body: &str) -> Verdict {
    let response = Response { status, headers: Vec::new(), body: body.into() };
    SupportTicket::map(&call(&SupportTicket::describe().example_config), response).unwrap()
}

#[test]
fn a_missed_call_becomes_a_ticket() {
    let description = SupportTicket::describe();
    let ticket = render(&description.example_config, &description.example_input).unwrap();
    expect![[r#"
        {
          "ticket": {
            "subject": "Missed call from 020 7946 0101",
            "comment": {
              "body": [
                "object: event",
                "eventType: call_missed",
                "userID: 5f0b1c3e-0d8e-4f0a-9b1d-7a2f8d1c4e10",
                "callID: 5f0b1c3e-0d8e-4f0a-9b1d-7a2f8d1c4e11",
                "originatingNumberE164: +442079460101",
                "originatingNumber: 020 7946 0101",
                "dialledNumberE164: +442079460102",
                "dialledNumber: 020 7946 0102",
                "created: 1772442930"
              ]
            },
            "priority": "high",
            "tags": [
              "phone"
            ],
            "external_id": "task-1",
            "requester": {
              "phone": "+442079460101"
            }
          }
        }"#]]
    .assert_eq(&shown(ticket));
}

#[test]
fn an_e_mail_becomes_a_ticket_that_begins_with_its_text() {
    let email = json!({
        "id": "0198f3a2-6c1e-7b40-9d55-2f6a4c1b7a03", "type": "lead.email.new",
        "data": { "from": "ada@analytical.example", "to": ["sales@acme.example"], "subject": "Your offer",
            "text": "Let us talk\non Friday.", "created_at": "2026-03-07T17:00:00Z" },
    });
    let config = json!({
        "subject": "E-mail:", "about": ["/data/subject"], "text": "/data/text", "list": ["/data/created_at", "/data/a"],
        "requester": { "name": "/data/name", "email": "/data/from" },
    });
    let ticket = render(&config, &email).unwrap();
    expect![[r#"
        {
          "ticket": {
            "subject": "E-mail: Your offer",
            "comment": {
              "body": [
                "Let us talk",
                "on Friday.",
                "",
                "created_at: 2026-03-07T17:00:00Z"
              ]
            },
            "priority": "normal",
            "tags": [],
            "external_id": "task-1",
            "requester": {
              "email": "ada@analytical.example"
            }
          }
        }"#]]
    .assert_eq(&shown(ticket));
}

#[test]
fn a_ticket_about_nothing_has_a_text_too() {
    let ticket = render(&json!({ "subject": "Hello" }), &json!({ "data": {} })).unwrap();
    expect![[r#"
        {
          "ticket": {
            "subject": "Hello",
            "comment": {
              "body": [
                "Hello"
              ]
            },
            "priority": "normal",
            "tags": [],
            "external_id": "task-1"
          }
        }"#]]
    .assert_eq(&shown(ticket));
}

#[test]
fn the_first_rule_that_fits_gives_the_priority() {
    let rules = json!([
        { "priority": "urgent", "types": ["lead.update"], "at": "/data/contract_value", "at_least": 10_000 },
        { "priority": "high", "at": "/data/subject", "contains": "urgent" },
        { "priority": "low", "at": "/data/is_tracked", "is": false },
        { "priority": "low", "at": "/data/originatingNumber", "is": null, "types": ["call_missed"] },
    ]);
    let priority = |kind: &str, data: Value| {
        let config = json!({ "subject": "S", "priorities": rules });
        render(&config, &json!({ "type": kind, "data": data })).unwrap()["ticket"]["priority"].clone()
    };
    let cases = [
        ("lead.update", json!({ "contract_value": 10_000 }), "urgent"),
        ("lead.update", json!({ "contract_value": 9_999.5 }), "normal"),
        ("lead.update", json!({ "contract_value": "10000" }), "normal"),
        ("lead.create", json!({ "contract_value": 10_000 }), "normal"),
        ("lead.email.new", json!({ "subject": "URGENT: call me" }), "high"),
        ("lead.email.new", json!({ "subject": null, "is_tracked": false }), "low"),
        ("call_missed", json!({ "originatingNumber": null }), "low"),
        ("call_missed", json!({ "originatingNumber": "020 7946 0101" }), "normal"),
        ("call_ringing", json!({}), "normal"),
    ];
    for (kind, data, expected) in cases {
        assert_eq!(priority(kind, data.clone()), expected, "{kind} {data}");
    }
}

#[test]
fn a_long_subject_is_cut_and_has_one_line() {
    let event = json!({ "data": { "a": format!("x\ny{}", "é".repeat(300)) } });
    let ticket = render(&json!({ "subject": "S", "about": ["/data/a"] }), &event).unwrap();
    let subject = ticket["ticket"]["subject"].as_str().unwrap();
    assert!(subject.starts_with("S x yé") && subject.chars().count() == 150, "{subject}");
}

#[test]
fn a_wrong_configuration_is_refused_with_the_reason() {
    let reason = |config: Value| match render(&config, &json!({})) {
        Err(Failure::Invalid(reason)) => reason,
        other => panic!("not invalid: {other:?}"),
    };
    expect!["config: unknown variant `soon`, expected one of `low`, `normal`, `high`, `urgent` at line 1 column 47"]
        .assert_eq(&reason(json!({ "subject": "S", "priorities": [{ "priority": "soon" }] })));
    let unknown = reason(json!({ "subject": "S", "priority": "high" }));
    assert!(unknown.starts_with("config: unknown field `priority`, expected one of `subject`"), "{unknown}");
}

#[test]
fn the_number_of_the_ticket_is_read_whether_it_is_a_number_or_a_text() {
    let accepted = Verdict::Accepted(Json::from_text(r#"{"ticket":"35436"}"#));
    assert_eq!(map(201, r#"{"ticket":{"id":35436,"status":"new"}}"#), accepted);
    assert_eq!(map(200, r#"{"ticket":{"id":"35436"}}"#), accepted);
}

#[test]
fn a_busy_help_desk_is_asked_again_and_any_other_answer_fails_with_its_words() {
    let refused = r#"{"error":"RecordInvalid","description":"Record validation errors","details":{}}"#;
    let cases = [
        (429, "", "retry: the help desk answers 429"),
        (503, "<html>", "retry: the help desk answers 503"),
        (422, refused, "failed: the help desk answers 422: RecordInvalid: Record validation errors"),
        (200, "{}", "failed: the help desk answers 200: no ticket"),
        (401, r#"{"error":{"title":"Forbidden"}}"#, "failed: the help desk answers 401: no ticket"),
        (302, "", "failed: the help desk answers 302, and not what it should"),
    ];
    for (status, body, expected) in cases {
        let verdict = match map(status, body) {
            Verdict::Accepted(fields) => format!("accepted: {fields}"),
            Verdict::Retry(reason) => format!("retry: {reason}"),
            Verdict::Failed(reason) => format!("failed: {reason}"),
        };
        assert_eq!(verdict, expected);
    }
}
