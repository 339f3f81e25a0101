//! Tests that need no host.

use std::alloc::{GlobalAlloc, Layout};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::testing::{self, Event, Host};
use crate::webhooks::{Answer, Outcome};
use crate::{
    Bump, Call, Failure, Field, InboundRequest, Json, Judgement, Request, Response, Secret, Trouble, Verifier,
    constant_time_eq, events, log, records, secrets, state, webhooks,
};

fn call(config: &str) -> Call {
    Call { space: "default".into(), id: "1".into(), now: 0, config: config.into() }
}

fn request() -> Request {
    Request { method: "POST".into(), url: "https://a.example/".into(), headers: Vec::new(), body: Vec::new() }
}

#[derive(Debug, Deserialize)]
struct Config {
    channel: String,
}

#[test]
fn a_configuration_is_parsed_and_a_wrong_one_is_invalid_and_says_where() {
    assert_eq!(call(r##"{"channel":"#a"}"##).config::<Config>().unwrap().channel, "#a");
    let Err(Failure::Invalid(reason)) = call("null").config::<Config>() else { panic!("null is no Config") };
    assert!(reason.starts_with("config: ") && reason.contains("line 1 column 4"), "{reason}");
}

#[test]
fn an_input_that_is_no_json_is_invalid_and_names_the_input() {
    let failure = Json::named("input", "{\n\"a\": }".into()).decode::<serde_json::Value>().unwrap_err();
    assert!(matches!(&failure, Failure::Invalid(reason) if reason.starts_with("input: ") && reason.contains("line 2")));
}

#[test]
fn setting_a_header_replaces_all_of_that_name_whatever_their_case() {
    let mut request = request();
    request.headers = vec![Field::new("Content-Type", "text/plain"), Field::new("x-a", "1")];
    request.set_json(&json!({"a": 1}));
    assert_eq!((request.header("CONTENT-TYPE"), request.headers.len()), (Some("application/json"), 2));
    assert_eq!(request.body, br#"{"a":1}"#);
}

#[test]
fn a_response_tells_success_from_what_may_work_later() {
    let of = |status| Response { status, headers: Vec::new(), body: b"{\"id\":7}".to_vec() };
    assert!(of(204).is_success() && !of(301).is_success() && !of(204).is_temporary());
    assert!([408, 425, 429, 500, 599].into_iter().all(|status| of(status).is_temporary()));
    assert!(!of(404).is_temporary());
    assert_eq!(of(200).json::<serde_json::Value>().unwrap()["id"], 7);
}

#[test]
#[expect(unsafe_code, reason = "calls the allocator directly")]
fn the_bump_allocator_gives_aligned_blocks_apart_and_grows_the_last_in_place() {
    let bump = Bump::new();
    let layout = |size, align| Layout::from_size_align(size, align).unwrap();
    // SAFETY: the blocks are used with the layouts they were allocated with, inside their bounds, by one thread.
    unsafe {
        let a = bump.alloc(layout(3, 1));
        let b = bump.alloc(layout(64, 16));
        assert_eq!(b as usize % 16, 0);
        assert!(b as usize >= a as usize + 3);
        a.write_bytes(1, 3);
        b.write_bytes(2, 64);
        let grown = bump.realloc(b, layout(64, 16), 128);
        assert_eq!(grown, b, "the last block grows where it is");
        let moved = bump.realloc(a, layout(3, 1), 200);
        assert_ne!(moved, a, "another block moves");
        assert_eq!(std::slice::from_raw_parts(moved, 3), [1, 1, 1]);
        bump.dealloc(moved, layout(200, 1));
        let zeroed = bump.alloc_zeroed(layout(200, 1));
        assert_eq!(zeroed, moved, "the last block is used again once freed");
        assert!(std::slice::from_raw_parts(zeroed, 200).iter().all(|byte| *byte == 0));
        assert_eq!(std::slice::from_raw_parts(b, 64), [2; 64]);
        assert!(bump.alloc(layout(1 << 20, 1)).is_null(), "outside WebAssembly nothing can grow");
    }
}

fn inbound(headers: &[(&str, &str)]) -> InboundRequest {
    let headers = headers.iter().map(|(name, value)| Field::new(*name, *value)).collect();
    InboundRequest { method: "POST".into(), url: "https://a.example/in?a=1&b=%20#c".into(), headers, body: Vec::new() }
}

#[test]
fn a_header_that_came_twice_is_no_header_and_the_refusal_says_so() {
    let request = inbound(&[("X-Sig", "1"), ("x-other", "2"), ("x-sig", "3")]);
    assert_eq!((request.header("x-sig"), request.header("X-OTHER"), request.header("x-none")), (None, Some("2"), None));
    assert_eq!(request.header_values("x-SIG").collect::<Vec<_>>(), ["1", "3"]);
    assert!(request.sole_header("x-sig").unwrap_err().contains("came 2 times"));
    assert!(request.sole_header("x-none").unwrap_err().contains("is missing"));
    assert_eq!(request.query(), "a=1&b=%20");
}

#[test]
fn all_secrets_of_one_meaning_are_found_and_none_is_told() {
    let secrets =
        ["secret", "secrets", "secret-2", "token", "secret-old"].map(|name| Secret::new(name, format!("of {name}")));
    let all = |name| Secret::all(&secrets, name).collect::<Vec<_>>();
    assert_eq!(all("secret"), ["of secret", "of secret-2", "of secret-old"]);
    assert_eq!((all("token"), all("tok")), (vec!["of token"], vec![]));
    assert_eq!((Secret::find(&secrets, "secret-2"), Secret::find(&secrets, "sec")), (Some("of secret-2"), None));
    assert!(!format!("{secrets:?}").contains("of "));
}

#[test]
fn equal_bytes_are_equal_and_others_are_not() {
    for (a, b) in [("", "a"), ("a", "b"), ("ab", "a"), ("abc", "abd"), ("abc", "Abc")] {
        assert!(!constant_time_eq(a.as_bytes(), b.as_bytes()) && constant_time_eq(a.as_bytes(), a.as_bytes()));
    }
}

#[test]
fn the_testing_host_grants_what_it_was_told_and_nothing_else() {
    assert!(matches!(records::get::<Value>("leads", "a"), Err(Trouble::Denied(text)) if text.contains("install")));
    let host = Host::new().source("leads").event_type("lead.new").state().secret("key", "s3cr3t").install();
    for (granted, denied) in [
        (records::get::<Value>("leads", "a").err(), records::get::<Value>("orders", "a").err()),
        (events::emit("lead.new", &1, None).err(), events::emit("lead.old", &1, None).err()),
        (secrets::get("key").err(), secrets::get("other").err()),
    ] {
        assert!(granted.is_none() && matches!(denied, Some(Trouble::Denied(_))), "{granted:?} {denied:?}");
    }
    assert!(matches!(webhooks::call("sms", &1), Err(Trouble::Denied(_))));
    assert_eq!(host.events(), [Event { event_type: "lead.new".into(), data: json!(1), key: None }]);
    drop(host);
    assert!(matches!(state::get::<Value>("a"), Err(Trouble::Denied(_))));
}

#[test]
fn the_testing_host_keeps_records_and_state_and_asks_the_webhook() {
    let answer = |data: &Value| match data["to"].as_str() {
        Some(_) => Ok(Outcome::Accepted(Answer { status: 201, fields: Json::from_text(r#"{"id":7}"#) })),
        None => Ok(Outcome::Failed("no number".into())),
    };
    let host = Host::new().record("leads", "a", json!({"x": 1, "y": 1})).webhook("sms", answer).state().install();
    let all = records::upsert("leads", "a", &json!({"y": 2})).unwrap();
    assert_eq!((all.as_str(), host.record("leads", "a")), (r#"{"x":1,"y":2}"#, Some(json!({"x": 1, "y": 2}))));
    assert_eq!(records::get::<Value>("leads", "b").unwrap(), None);
    assert!(
        matches!(records::get::<u8>("leads", "a"), Err(Trouble::Invalid(text)) if text.starts_with("record \"a\""))
    );
    state::set("seen", &3).unwrap();
    assert_eq!((state::get("seen").unwrap(), host.state("seen")), (Some(3), Some(json!(3))));
    state::delete("seen").unwrap();
    assert_eq!(state::get::<u8>("seen").unwrap(), None);
    let answer = webhooks::call("sms", &json!({"to": "+1"})).unwrap().accepted().unwrap();
    assert_eq!((answer.status, answer.fields.as_str()), (201, r#"{"id":7}"#));
    assert_eq!(webhooks::call("sms", &json!({})).unwrap(), Outcome::Failed("no number".into()));
    assert_eq!(host.webhook_calls(), [("sms".into(), json!({"to": "+1"})), ("sms".into(), json!({}))]);
    log::warn("careful");
    assert_eq!(host.logs(), [(log::Level::Warn, "careful".to_owned())]);
}

#[test]
fn the_testing_host_ends_a_call_that_takes_too_much_and_the_next_one_begins_anew() {
    let host = Host::new().state().event_type("a").webhook("w", |_| Ok(Outcome::Failed(String::new()))).install();
    assert!((0..100).all(|_| state::get::<u8>("k").is_ok()) && (0..16).all(|_| webhooks::call("w", &1).is_ok()));
    assert!(matches!(state::get::<u8>("k"), Err(Trouble::Exhausted(text)) if text.contains("100")));
    assert!(matches!(webhooks::call("w", &1), Err(Trouble::Exhausted(text)) if text.contains("16")));
    let long = "x".repeat(70_000);
    assert!(matches!(events::emit("a", &"x".repeat(1 << 20), None), Err(Trouble::Exhausted(_))));
    host.next_call();
    assert!(matches!(state::set("k", &long), Err(Trouble::Invalid(_))));
    assert!(matches!(state::set(&long, &1), Err(Trouble::Invalid(_))));
}

#[test]
fn a_trouble_fails_the_action_as_it_should() {
    let failure = |trouble: Trouble| Failure::from(trouble);
    let text = || "source \"a\"".to_owned();
    assert!(matches!(failure(Trouble::Unavailable(text())), Failure::Unavailable(t) if t == text()));
    assert!(matches!(failure(Trouble::Invalid(text())), Failure::Invalid(t) if t == text()));
    assert!(matches!(failure(Trouble::Denied(text())), Failure::Rejected(t) if t == "not granted: source \"a\""));
    for trouble in [Trouble::Missing(text()), Trouble::Exhausted(text())] {
        assert!(matches!(failure(trouble), Failure::Rejected(_)));
    }
}

struct Echo;

impl Verifier for Echo {
    fn verify(call: &Call, request: InboundRequest, secrets: &[Secret]) -> Result<Judgement, Failure> {
        let said = format!("{} {} {:?} {}", request.method, request.url, request.header("a"), call.now);
        let said = format!("{said} {} {:?}", request.text()?, Secret::find(secrets, "s"));
        Ok(Judgement::Answered(Response::new(200, "text/plain", said)))
    }
}

#[test]
fn a_verifier_is_tried_with_an_example_input() {
    let input = json!({ "headers": { "A": "1" }, "body": "b", "secrets": { "s": "t" }, "now": 5 });
    let Ok(Judgement::Answered(response)) = testing::verify::<Echo>(&Value::Null, &input) else { panic!("answered") };
    assert_eq!(response.text().unwrap(), "POST https://hooks.example/ Some(\"1\") 5 b Some(\"t\")");
    for wrong in [json!({ "headers": { "a": 1 } }), json!({ "boddy": "" })] {
        assert!(matches!(testing::verify::<Echo>(&Value::Null, &wrong), Err(Failure::Invalid(_))), "{wrong}");
    }
}
