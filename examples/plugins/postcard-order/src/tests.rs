//! Tests of addresses and orders.

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use tenterhook_plugin::{Call, Describe, Failure, Json, Request, Template};

use crate::PostcardOrder;

fn order(config: &Value, id: &str, input: &Value) -> Result<Value, Failure> {
    let call = Call { space: "default".into(), id: id.into(), now: 0, config: config.to_string() };
    let url = "https://cards.example/v1/postcards";
    let base = Request { method: "POST".into(), url: url.into(), headers: Vec::new(), body: Vec::new() };
    let request = PostcardOrder::render(&call, Json::from_text(input.to_string()), base)?.unwrap();
    assert_eq!((request.method.as_str(), request.header("content-type")), ("POST", Some("application/json")));
    Ok(serde_json::from_slice(&request.body).unwrap())
}

fn config() -> Value {
    json!({ "design": "d", "sender": "s", "posted_in": "GB", "address": {} })
}

fn reason(result: Result<Value, Failure>) -> String {
    match result {
        Err(Failure::Invalid(reason)) => reason,
        other => panic!("not invalid: {other:?}"),
    }
}

/// The lines of an address, or what is wrong with it.
#[track_caller]
fn check(address: Value, expected: &Expect) {
    let shown = match order(&config(), "1", &json!({ "data": address })) {
        Ok(order) => format!("{:#}", order["recipient"]),
        Err(Failure::Invalid(reason)) => reason.replace("; ", ";\n").replace("to: ", "to:\n"),
        Err(other) => panic!("{other:?}"),
    };
    expected.assert_eq(&shown);
}

#[test]
fn a_lead_gets_a_card() {
    let description = PostcardOrder::describe();
    let order = order(&description.example_config, "task-1", &description.example_input).unwrap();
    expect![[r#"
        {
          "idempotency_key": "welcome-card/0198f3a2-6c1e-7b40-9d55-2f6a4c1b7e01",
          "design": "welcome-card",
          "sender": "office-london",
          "recipient": {
            "lines": [
              "Ada Byron",
              "Analytical Engines Ltd",
              "12 St James's Square",
              "LONDON",
              "SW1Y 4JH"
            ],
            "country": "GB"
          },
          "variables": {
            "first_name": "Ada"
          }
        }"#]]
    .assert_eq(&format!("{order:#}"));
}

#[test]
fn an_address_is_printed_as_its_country_has_it() {
    let address = json!({ "first_name": "Anna", "last_name": "Berg", "company": "Nordlicht AB", "street": "Storgatan 1",
        "city": "Malmö", "postcode": "211 34", "country": "se" });
    check(
        address,
        &expect![[r#"
        {
          "lines": [
            "Anna Berg",
            "Nordlicht AB",
            "Storgatan 1",
            "211 34 Malmö",
            "SWEDEN"
          ],
          "country": "SE"
        }"#]],
    );
    let address = json!({ "company": "Acme", "street": "1 Main\n St", "city": "Springfield", "region": "IL",
        "postcode": 62701, "country": "US" });
    check(
        address,
        &expect![[r#"
        {
          "lines": [
            "Acme",
            "1 Main St",
            "SPRINGFIELD IL 62701",
            "UNITED STATES OF AMERICA"
          ],
          "country": "US"
        }"#]],
    );
}

#[test]
fn all_that_is_wrong_with_an_address_is_said_at_once() {
    check(
        json!({ "first_name": null, "city": "London" }),
        &expect![[r#"
        the address is not one that a card can be sent to:
        name or company is missing;
        street is missing;
        postcode is missing;
        country is missing"#]],
    );
    let street = "Long Street ".repeat(5);
    let misfit =
        json!({ "first_name": "Ada", "street": street, "city": "Berlin", "postcode": "1011", "country": "DE" });
    check(
        misfit,
        &expect![[r#"
        the address is not one that a card can be sent to:
        postcode "1011" is none of DE, which are like 99999;
        "Long Street Long Street Long Street Long Street Long Street" does not fit on a line of 40 characters"#]],
    );
    let unknown = json!({ "first_name": "Ada", "street": "1 A", "city": "B", "postcode": "1", "country": "XX" });
    check(
        unknown,
        &expect![[r#"
        the address is not one that a card can be sent to:
        country "XX" is none of AT, CH, DE, DK, FR, GB, NL, NO, SE, US"#]],
    );
    let no_region = json!({ "company": "A", "street": "1 A", "city": "B", "postcode": "62701-1234", "country": "US" });
    check(
        no_region,
        &expect![[r#"
        the address is not one that a card can be sent to:
        region is missing, and US needs it"#]],
    );
}

#[test]
fn british_postcodes_of_all_forms_are_known() {
    let is_known = |postcode: &str| {
        let data = json!({ "company": "A", "street": "1 A", "city": "B", "postcode": postcode, "country": "GB" });
        order(&config(), "1", &json!({ "data": data })).is_ok()
    };
    for postcode in ["M1 1AE", "B33 8TH", "CR2 6XH", "DN55 1PT", "W1A 0AX", "EC1A 1BB", "ec1a 1bb"] {
        assert!(is_known(postcode), "{postcode}");
    }
    for postcode in ["M11AE", "1M 1AE", "EC1A 1BBB", "ÉC1A 1BB"] {
        assert!(!is_known(postcode), "{postcode}");
    }
}

#[test]
fn a_repeat_has_the_same_key_and_so_has_another_task_for_the_same_lead() {
    let PostcardInput { mut config, input } = example();
    let key = |config: &Value, id: &str| order(config, id, &input).unwrap()["idempotency_key"].clone();
    assert_eq!(key(&config, "task-1"), key(&config, "task-2"));
    config.as_object_mut().unwrap().remove("once_per");
    assert_eq!((key(&config, "task-1"), key(&config, "task-2")), (json!("task-1"), json!("task-2")));
}

#[test]
fn a_key_that_cannot_be_made_is_refused() {
    let PostcardInput { config, mut input } = example();
    input["data"]["id"] = Value::Null;
    expect!["input: /data/id is empty: without it nobody can tell a second card"]
        .assert_eq(&reason(order(&config, "1", &input)));
    input["data"]["id"] = json!("x".repeat(300));
    expect!["input: /data/id makes a key of 313 bytes; 256 are possible"]
        .assert_eq(&reason(order(&config, "1", &input)));
}

struct PostcardInput {
    config: Value,
    input: Value,
}

fn example() -> PostcardInput {
    let description = PostcardOrder::describe();
    PostcardInput { config: description.example_config, input: description.example_input }
}
