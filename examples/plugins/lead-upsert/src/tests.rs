//! Tests of requests and answers.

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use tenterhook_plugin::{Call, Describe, Failure, Json, Mapping, Request, Response, Template, Verdict};

use crate::LeadUpsert;

fn hubspot() -> Value {
    LeadUpsert::describe().example_config
}

fn salesforce() -> Value {
    json!({
        "service": "salesforce",
        "id": "/data/id",
        "id_field": "Lead_Id__c",
        "fields": { "Email": "/data/email", "LastName": "/data/last_name", "Rating__c": "/data/contract_value",
            "Title": "/data/notes", "Lead_Id__c": "/data/id" },
    })
}

fn lead(changes: Value) -> Value {
    let mut event = LeadUpsert::describe().example_input;
    let data = event["data"].as_object_mut().unwrap();
    data.extend(changes.as_object().unwrap().clone());
    event
}

fn call(config: &Value) -> Call {
    Call { space: "default".into(), id: "1".into(), now: 0, config: config.to_string() }
}

fn render(config: &Value, url: &str, input: &Value) -> Result<Option<Request>, Failure> {
    let base = Request { method: "POST".into(), url: url.into(), headers: Vec::new(), body: Vec::new() };
    LeadUpsert::render(&call(config), Json::from_text(input.to_string()), base)
}

#[track_caller]
fn check(config: &Value, url: &str, input: &Value, expected: &Expect) {
    let request = render(config, url, input).unwrap().unwrap();
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    expected.assert_eq(&format!("{} {}\n{body:#}", request.method, request.url));
}

fn reason(result: Result<Option<Request>, Failure>) -> String {
    match result {
        Err(Failure::Invalid(reason)) => reason,
        other => panic!("not invalid: {other:?}"),
    }
}

fn map(config: &Value, status: u16, body: &str) -> Verdict {
    LeadUpsert::map(&call(config), Response { status, headers: Vec::new(), body: body.into() }).unwrap()
}

#[test]
fn a_batch_upsert_has_texts_only_and_leaves_out_what_is_null() {
    let url = "https://crm.example/crm/v3/objects/contacts";
    check(
        &hubspot(),
        url,
        &lead(json!({ "phone": null })),
        &expect![[r#"
        POST https://crm.example/crm/v3/objects/contacts/batch/upsert
        {
          "inputs": [
            {
              "idProperty": "email",
              "id": "ada@analytical.example",
              "properties": {
                "amount": "12500",
                "company": "Analytical Engines Ltd",
                "firstname": "Ada",
                "jobtitle": "Programmer",
                "lastname": "Byron"
              }
            }
          ]
        }"#]],
    );
}

#[test]
fn an_upsert_by_external_id_has_it_escaped_in_the_path_only() {
    let url = "https://crm.example/services/data/v62.0/sobjects/Lead/";
    check(
        &salesforce(),
        url,
        &lead(json!({ "id": "a/ü?" })),
        &expect![[r#"
        PATCH https://crm.example/services/data/v62.0/sobjects/Lead/Lead_Id__c/a%2F%C3%BC%3F
        {
          "Email": "ada@analytical.example",
          "LastName": "Byron",
          "Rating__c": 12500
        }"#]],
    );
}

#[test]
fn what_is_null_clears_the_crms_value_if_so_configured() {
    let url = "https://crm.example/contacts";
    let body = |mut config: Value| {
        config["empty"] = json!("clear");
        let request = render(&config, url, &lead(json!({ "phone": null }))).unwrap().unwrap();
        serde_json::from_slice::<Value>(&request.body).unwrap()
    };
    assert_eq!(body(hubspot())["inputs"][0]["properties"]["phone"], "");
    assert_eq!(body(salesforce())["Title"], Value::Null);
}

#[test]
fn nothing_is_sent_of_a_deleted_lead() {
    let deleted = lead(json!({ "is_deleted": true }));
    assert!(render(&hubspot(), "https://crm.example/contacts", &deleted).unwrap().is_none());
}

#[test]
fn what_cannot_be_sent_is_refused_with_the_place() {
    let url = "https://crm.example/contacts";
    let no_id = reason(render(&hubspot(), url, &lead(json!({ "email": null }))));
    expect!["input: /data/email is empty, and the CRM knows the lead by it"].assert_eq(&no_id);
    let nested = reason(render(&hubspot(), url, &lead(json!({ "company": { "name": "A" } }))));
    expect!["input: /data/company, for company, is no text, number or boolean"].assert_eq(&nested);
    let query = reason(render(&hubspot(), "https://crm.example/contacts?a=1", &lead(json!({}))));
    expect!["the URL must end with the path of the CRM's objects"].assert_eq(&query);
    let mut config = hubspot();
    config.as_object_mut().unwrap().remove("fields");
    expect!["config: missing field `fields` at line 1 column 59"].assert_eq(&reason(render(
        &config,
        url,
        &lead(json!({})),
    )));
}

#[test]
fn the_id_of_the_lead_is_read_back() {
    let created = r#"{"status":"COMPLETE","results":[{"id":"512","properties":{},"new":true}]}"#;
    assert_eq!(map(&hubspot(), 201, created), Verdict::Accepted(Json::from_text(r#"{"crm_id":"512"}"#)));
    let mut config = salesforce();
    config["keep_id_in"] = json!("sf_id");
    let created = r#"{"id":"00Q1","success":true,"errors":[],"created":true}"#;
    assert_eq!(map(&config, 201, created), Verdict::Accepted(Json::from_text(r#"{"sf_id":"00Q1"}"#)));
    assert_eq!(map(&config, 204, ""), Verdict::Accepted(Json::from_text("{}")));
}

#[test]
fn an_answer_that_may_change_is_asked_for_again_and_any_other_fails_with_the_crms_words() {
    let busy = r#"[{"message":"unable to obtain exclusive access","errorCode":"UNABLE_TO_LOCK_ROW"}]"#;
    let partly = r#"{"status":"COMPLETE","results":[],"numErrors":1,"errors":[{"message":"phone is not valid"}]}"#;
    let refused = r#"{"status":"error","message":"Property \"amount\" does not exist","category":"VALIDATION_ERROR"}"#;
    let wrong = r#"[{"message":"Required fields are missing: [Company]","errorCode":"REQUIRED_FIELD_MISSING"}]"#;
    let cases = [
        (hubspot(), 429, "", "retry: the CRM answers 429"),
        (salesforce(), 503, "<html>", "retry: the CRM answers 503"),
        (salesforce(), 400, busy, "retry: UNABLE_TO_LOCK_ROW: unable to obtain exclusive access"),
        (hubspot(), 207, partly, "failed: the CRM answers 207: phone is not valid"),
        (hubspot(), 400, refused, "failed: the CRM answers 400: Property \"amount\" does not exist"),
        (hubspot(), 200, "{}", "failed: the CRM answers 200: no lead"),
        (
            salesforce(),
            400,
            wrong,
            "failed: the CRM answers 400: REQUIRED_FIELD_MISSING: Required fields are missing: [Company]",
        ),
        (salesforce(), 300, "[]", "failed: the CRM answers 300: several leads have this id"),
        (salesforce(), 404, "<html>", "failed: the CRM answers 404: something else than expected"),
    ];
    for (config, status, body, expected) in cases {
        let verdict = match map(&config, status, body) {
            Verdict::Accepted(fields) => format!("accepted: {fields}"),
            Verdict::Retry(reason) => format!("retry: {reason}"),
            Verdict::Failed(reason) => format!("failed: {reason}"),
        };
        assert_eq!(verdict, expected);
    }
}
