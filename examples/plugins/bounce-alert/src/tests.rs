//! Tests against the SDK's stand-in for the host.

use expect_test::expect;
use proptest::prelude::*;
use serde_json::{Value, json};
use tenterhook_plugin::testing::{Host, Installed};
use tenterhook_plugin::{Action, Call, Describe, Failure, Json, testing};

use crate::{BounceAlert, DOMAIN_BYTES_MAX, Input, Window, domain};

/// 2026-03-02T08:31:00Z.
const START: u64 = 1_772_440_260_000;
const MINUTE: u64 = 60_000;

fn host() -> Installed {
    Host::new().state().install()
}

/// The output for a bounce: three in an hour are an alert.
fn bounced(host: &Installed, now: u64, id: &str, address: &str) -> Value {
    let call = Call { now, ..testing::call(&Value::Null) };
    let input = json!({ "id": id, "address": address, "threshold": 3, "window_s": 3600 });
    host.next_call();
    BounceAlert::run(&call, Json::from_text(input.to_string())).unwrap().decode().unwrap()
}

fn failed(input: &Value) -> Failure {
    let _host = host();
    testing::run::<BounceAlert>(&Value::Null, input).unwrap_err()
}

#[test]
fn the_bounce_that_reaches_the_threshold_is_an_alert_and_no_other_in_the_window() {
    let host = host();
    let mut alerts = Vec::new();
    for n in 0..6 {
        let output = bounced(&host, START + n * MINUTE, &n.to_string(), "ada@analytical.example");
        assert_eq!(output["count"], n + 1);
        alerts.extend(output["alert"].as_object().map(|alert| json!({ "at": n, "alert": alert })));
    }
    expect![[r#"
        [
          {
            "at": 2,
            "alert": {
              "domain": "analytical.example",
              "count": 3,
              "window_s": 3600,
              "first_at": 1772440260000,
              "last_at": 1772440380000,
              "text": "3 e-mails to analytical.example bounced within 60 minutes"
            }
          }
        ]"#]]
    .assert_eq(&format!("{:#}", json!(alerts)));
    assert_eq!(host.logs().len(), 1);
}

#[test]
fn domains_are_counted_apart_whatever_their_case() {
    let host = host();
    for (n, address) in ["a@a.example", "B@A.EXAMPLE.", "a@b.example"].iter().enumerate() {
        assert_eq!(bounced(&host, START, &n.to_string(), address)["alert"], Value::Null);
    }
    let output = bounced(&host, START, "4", "Ada <c@a.example>");
    assert_eq!((&output["domain"], &output["alert"]["count"]), (&json!("a.example"), &json!(3)));
}

#[test]
fn old_bounces_leave_the_window_and_after_it_there_is_an_alert_again() {
    let host = host();
    let at = |minute: u64, id: &str| bounced(&host, START + minute * MINUTE, id, "a@a.example");
    let is_alert = |output: &Value| output["alert"].is_object();
    assert!(!is_alert(&at(0, "1")) && !is_alert(&at(30, "2")));
    assert_eq!(at(60, "3")["count"], 2, "the first is out");
    assert!(is_alert(&at(61, "4")));
    assert!(!is_alert(&at(62, "5")));
    assert!(!is_alert(&at(120, "6")), "59 minutes after the alert");
    assert!(is_alert(&at(121, "7")), "60 minutes after the alert: 61 is out, 62, 120 and 121 are in");
}

#[test]
fn a_repeat_is_not_counted_again() {
    let host = host();
    for _ in 0..5 {
        assert_eq!(bounced(&host, START, "1", "a@a.example")["count"], 1);
    }
}

#[test]
fn wrong_input_is_refused_with_the_reason() {
    let example = BounceAlert::describe().example_input;
    let reason = |name: &str, value: Value| {
        let mut input = example.clone();
        input[name] = value;
        match failed(&input) {
            Failure::Invalid(reason) => reason,
            other => panic!("not invalid: {other:?}"),
        }
    };
    expect![[r#"input: address: "ada" is no e-mail address"#]].assert_eq(&reason("address", json!("ada")));
    expect![[r#"input: address: "a@b/c.example" is no e-mail address"#]]
        .assert_eq(&reason("address", json!("a@b/c.example")));
    assert_eq!(reason("id", json!("x".repeat(101))), "input: id has more than 100 bytes");
    expect!["input: threshold must be 1 to 500, and window_s at least 1"].assert_eq(&reason("threshold", json!(501)));
    expect!["input: threshold must be 1 to 500, and window_s at least 1"].assert_eq(&reason("window_s", json!(0)));
    expect![[r#"input: invalid type: string "1 h", expected u64 at line 1 column 111"#]]
        .assert_eq(&reason("window_s", json!("1 h")));
}

#[test]
fn without_the_grant_it_fails_and_says_what_is_missing() {
    let _host = Host::new().install();
    let failure = testing::run::<BounceAlert>(&Value::Null, &BounceAlert::describe().example_input).unwrap_err();
    let Failure::Rejected(reason) = failure else { panic!("{failure:?}") };
    expect!["not granted: state"].assert_eq(&reason);
}

#[test]
fn a_domain_of_any_length_is_a_key() {
    let long = format!("a@{}.example", "ä".repeat(300));
    assert!(domain(&long).unwrap().len() <= DOMAIN_BYTES_MAX);
    let host = host();
    assert_eq!(bounced(&host, START, "1", &long)["count"], 1);
}

#[test]
fn a_full_window_fits_into_the_state() {
    let host = host();
    for n in 0..510_u64 {
        bounced(&host, START + n, &format!("{n:0>100}"), "a@a.example");
    }
    let window = host.state("domain/a.example").unwrap();
    assert_eq!(window["bounces"].as_array().unwrap().len(), 500);
}

proptest! {
    #[test]
    fn alerts_are_a_window_apart_and_only_where_the_threshold_is_reached(
        steps in prop::collection::vec(0_u64..20, 1..80),
        threshold in 1_usize..8,
    ) {
        let input = Input { id: String::new(), address: String::new(), threshold, window_s: 30 };
        let (mut window, mut now, mut times, mut alerts) = (Window::default(), START, Vec::new(), Vec::<u64>::new());
        for (n, step) in steps.iter().enumerate() {
            now += step * 1_000;
            times.push(now);
            let in_window = times.iter().filter(|at| now - **at < 30_000).count();
            let due = in_window >= threshold && alerts.last().is_none_or(|last| now - last >= 30_000);
            prop_assert_eq!(window.count(&n.to_string(), now, &input), due);
            if due {
                alerts.push(now);
            }
        }
    }
}
