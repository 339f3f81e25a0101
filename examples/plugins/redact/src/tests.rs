//! Tests of places and searches.

use expect_test::expect;
use proptest::prelude::*;
use serde_json::{Value, json};
use tenterhook_plugin::{Action, Call, Describe, Description, Failure, Json, Request, Template};

use crate::Redact;

fn call(config: &Value) -> Call {
    Call { space: "default".into(), id: "1".into(), now: 0, config: config.to_string() }
}

fn render(config: &Value, input: &Value) -> Result<Value, Failure> {
    let url = "https://warehouse.example/events";
    let base = Request { method: "POST".into(), url: url.into(), headers: Vec::new(), body: Vec::new() };
    let request = Redact::render(&call(config), Json::from_text(input.to_string()), base)?.unwrap();
    Ok(serde_json::from_slice(&request.body).unwrap())
}

/// A text as it is after all searches.
fn text(text: &str) -> String {
    render(&json!({}), &json!(text)).unwrap().as_str().unwrap().to_owned()
}

#[test]
fn a_lead_is_sent_without_what_tells_who_it_is() {
    let description = Redact::describe();
    let mut config = description.example_config;
    config["send"] = json!("/data");
    let sent = render(&config, &description.example_input).unwrap();
    expect![[r#"
        {
          "id": "0198f3a2-6c1e-7b40-9d55-2f6a4c1b7e01",
          "email": "***@analytical.example",
          "company": "Analytical Engines Ltd",
          "notes": null,
          "phone": "***01",
          "linkedin_url": "***",
          "created_at": "2026-03-02T09:15:00Z",
          "updated_at": "2026-03-02T09:15:00Z",
          "first_name": "***",
          "last_name": "***",
          "icebreaker_2": null,
          "icebreaker_3": null,
          "icebreaker_4": null,
          "website_url": "https://analytical.example",
          "timezone": "Europe/London",
          "city": "London",
          "company_role": "Programmer",
          "twitter_name": null,
          "avatar_url": null,
          "email_bounce_score": 0.02,
          "twitter_company_name": null,
          "is_deleted": false,
          "is_deleted_at": null,
          "custom_fields_schema": {
            "plan": "text"
          },
          "order": 1,
          "contract_value": 12500,
          "is_tracked": false,
          "id_import_task": null,
          "id_linkedin_company": null,
          "id_linkedin": null,
          "id_space": "default",
          "id_twitter_company": null,
          "id_twitter": null
        }"#]]
    .assert_eq(&format!("{sent:#}"));
}

#[test]
fn an_action_does_the_same_with_rules_of_its_input() {
    let input = json!({
        "value": { "type": "lead.note.create", "data": { "id_lead": "0198f3a2-6c1e-7b40-9d55-2f6a4c1b7e01",
            "text": "Prefers ada@analytical.example or 020 7946 0101." } },
        "rules": { "drop": ["/data/id_author"] },
    });
    let output = Redact::run(&call(&Value::Null), Json::from_text(input.to_string())).unwrap();
    let output: Value = output.decode().unwrap();
    expect![[r#"
        {
          "type": "lead.note.create",
          "data": {
            "id_lead": "0198f3a2-6c1e-7b40-9d55-2f6a4c1b7e01",
            "text": "Prefers ***@analytical.example or ***01."
          }
        }"#]]
    .assert_eq(&format!("{output:#}"));
}

#[test]
fn an_action_with_a_configuration_takes_the_input_as_it_is() {
    let Description { example_config, example_input, .. } = Redact::describe();
    let output = Redact::run(&call(&example_config), Json::from_text(example_input.to_string())).unwrap();
    assert_eq!(output.decode::<Value>().unwrap(), render(&example_config, &example_input).unwrap());
}

#[test]
fn places_may_have_wildcards_and_escaped_names() {
    let value = json!({
        "attendees": [{ "name": "Ada", "email": "a" }, { "name": "Bob", "email": "b" }],
        "a/b": { "~": 1 },
        "list": [1, 2, 3],
        "deep": { "x": { "y": [true, null, 7] } },
    });
    let config = json!({
        "drop": ["/attendees/*/email", "/a~1b/~0", "/list/1", "/list/01", "/no/such"],
        "mask": ["/attendees/*/name", "/deep"],
    });
    let expected = json!({
        "attendees": [{ "name": "***" }, { "name": "***" }],
        "a/b": {},
        "list": [1, null, 3],
        "deep": { "x": { "y": [true, null, "***"] } },
    });
    assert_eq!(render(&config, &value).unwrap(), expected);
    assert_eq!(render(&json!({ "drop": ["/*"] }), &value).unwrap(), json!({}));
}

#[test]
fn what_looks_like_an_address_or_a_number_is_masked() {
    let cases = [
        ("ada@analytical.example", "***@analytical.example"),
        (
            "Write to <Ada.Byron+x@mail.analytical.example>, or bob@b.example.",
            "Write to <***@mail.analytical.example>, or ***@b.example.",
        ),
        ("åsa@malmö.example", "***@malmö.example"),
        ("mailto:ada@a.example?subject=x", "mailto:***@a.example?subject=x"),
        ("+442079460101", "***01"),
        ("Call +44 (0)20 7946-0101 or 020 7946 0101!", "Call ***01 or ***01!"),
        ("tel:(01865) 000 111, 030/5550100, 01.02.03.04.05", "tel:(***11, ***00, ***05"),
        ("4111111111111111", "***1111"),
        ("card 4111 1111 1111 1111 12/28", "card ***1111 12/28"),
        ("5555-5555-5555-4444; 378282246310005", "***4444; ***0005"),
        ("020 7946 0101 4111 1111 1111 1111", "***01 ***1111"),
        ("12 020 7946 0101", "12 ***01"),
    ];
    for (whole, expected) in cases {
        assert_eq!(text(whole), expected);
    }
}

#[test]
fn what_is_none_stays_as_it_is() {
    let cases = [
        "",
        "@ada",
        "ada@localhost",
        "a @ b.example",
        "4111111111111112",
        "1772442900000",
        "0198f3a2-6c1e-7b40-9d55-2f6a4c1b7e01",
        "2026-03-02T09:15:00Z",
        "2026-03-02 09:15:00",
        "02.03.2026 10:15",
        "https://linkedin.example/posts/0123456789",
        "build_0123456789",
        "SW1Y 4JH",
        "0 10 20 30 40 50",
        "£1,000,000.00",
        "version 1.2.3",
    ];
    for whole in cases {
        assert_eq!(text(whole), whole);
    }
}

#[test]
fn only_the_patterns_that_are_asked_for_are_searched() {
    let whole = "ada@a.example +442079460101 4111111111111111";
    let found = |patterns: Value| render(&json!({ "patterns": patterns }), &json!(whole)).unwrap();
    assert_eq!(found(json!([])), whole);
    assert_eq!(found(json!(["email"])), "***@a.example +442079460101 4111111111111111");
    assert_eq!(found(json!(["phone"])), "ada@a.example ***01 4111111111111111");
    assert_eq!(found(json!(["card"])), "ada@a.example +442079460101 ***1111");
}

#[test]
fn numbers_that_are_those_of_cards_are_masked_and_all_others_stay_numbers() {
    let value = json!([4_111_111_111_111_111_u64, 1_772_442_900, -4_111_111_111_111_111_i64, 0.02, 12500]);
    assert_eq!(
        render(&json!({}), &value).unwrap().to_string(),
        r#"["***1111",1772442900,-4111111111111111,0.02,12500]"#
    );
}

#[test]
fn wrong_rules_are_refused_with_the_reason() {
    let reason = |config: Value| match render(&config, &json!({})) {
        Err(Failure::Invalid(reason)) => reason,
        other => panic!("not invalid: {other:?}"),
    };
    expect![[r#"config: "email" does not begin with a slash at line 1 column 17"#]]
        .assert_eq(&reason(json!({ "drop": ["email"] })));
    expect!["config: unknown variant `iban`, expected one of `email`, `phone`, `card` at line 1 column 19"]
        .assert_eq(&reason(json!({ "patterns": ["iban"] })));
    expect![[r#"input: there is nothing at "/data", which is to be sent"#]]
        .assert_eq(&reason(json!({ "send": "/data" })));
}

/// A number with the check digit that makes it one of a card.
fn with_check_digit(digits: &str) -> String {
    let numbers = (0..10).map(|check| format!("{digits}{check}"));
    numbers.into_iter().find(|number| text(number) != *number).expect("one of ten check digits is right")
}

proptest! {
    #[test]
    fn no_card_survives_whatever_stands_around_it(
        digits in "4[0-9]{11,17}",
        before in "[a-z ,0-9]{0,20}[ ,:]",
        after in "[ ,;][a-z ,0-9]{0,20}",
    ) {
        let card = with_check_digit(&digits);
        let found = text(&format!("{before}{card}{after}"));
        prop_assert!(!found.contains(&card[..card.len() - 4]), "{found}");
    }

    #[test]
    fn any_text_can_be_searched_and_words_stay(whole in "[ -~é🙂\u{a0}]{0,60}") {
        let found = text(&whole);
        let is_suspicious = |c: char| c.is_ascii_digit() || c == '@';
        prop_assert!(whole.contains(is_suspicious) || found == whole);
        prop_assert_eq!(found.matches('@').count(), whole.matches('@').count());
    }
}
