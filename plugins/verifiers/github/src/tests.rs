//! GitHub's published example, and calls that are not what they claim.

use serde_json::json;
use tenterhook_verify::testing::{Judged, Trial, check_calls, check_description, check_junk, check_signed};

use super::*;

/// GitHub's documentation, "Validating webhook deliveries", "Testing the webhook payload validation".
const SECRET: &str = "It's a Secret to Everybody";
const BODY: &str = "Hello, World!";
const SIGNED: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

fn published() -> Trial {
    Trial::new(SECRET).header("X-Hub-Signature-256", SIGNED).header("X-GitHub-Delivery", "72d3162e").body(BODY)
}

#[test]
fn the_published_example_is_accepted_and_an_altered_one_is_not() {
    assert_eq!(published().judge::<Github>(), Judged::as_id("72d3162e"));
    assert_eq!(published().without("x-github-delivery").judge::<Github>(), Judged::Accepted(None, None));
    for body in ["Hello, World", "Hello, World!\n", "hello, World!", ""] {
        assert!(published().body(body).judge::<Github>().reason().contains("does not fit"), "{body:?}");
    }
    check_signed::<Github>(&published(), &[SIGNATURE]);
}

#[test]
fn a_signature_of_another_kind_is_refused() {
    let with = |value: &str| published().with("X-Hub-Signature-256", value).judge::<Github>();
    assert!(with(&SIGNED[7..]).reason().contains("must begin with `sha256=`"));
    assert!(with("sha1=757107ea0eb2509fc211221cce984b8a37570b6d").reason().contains("must begin"));
    assert!(with(&SIGNED[..70]).reason().contains("63 characters"));
    assert!(with(&SIGNED.replace("757", "758")).reason().contains("does not fit"));
    assert_eq!(with(&SIGNED.to_uppercase().replace("SHA", "sha")), Judged::as_id("72d3162e"), "RFC 4648 §8");
}

#[test]
fn a_ping_is_answered_if_it_is_githubs() {
    let ping = published().header("X-GitHub-Event", "ping");
    assert_eq!(ping.judge::<Github>(), Judged::Answered(200, "text/plain".into(), "pong".into()));
    assert!(ping.body("{}").judge::<Github>().reason().contains("does not fit"));
}

#[test]
fn a_form_gives_the_json_in_its_payload() {
    let body = "payload=%7B%22zen%22%3A%22Design+for+failure.%22%7D";
    let signed = format!("sha256={}", mac::hex(&mac::hmac::<Sha256>(SECRET.as_bytes(), &[body.as_bytes()]).unwrap()));
    let form = published().with("X-Hub-Signature-256", &signed).body(body);
    let form = form.header("Content-Type", "application/x-www-form-urlencoded");
    let payload = json!({ "zen": "Design for failure." });
    assert_eq!(form.judge::<Github>(), Judged::Accepted(Some("72d3162e".into()), Some(payload)));
}

#[test]
fn there_is_nothing_to_configure() {
    assert!(published().config(json!({})).judge::<Github>().is_accepted());
    let unknown = published().config(json!({ "secret": "a" })).judge::<Github>();
    assert!(matches!(unknown, Judged::Invalid(reason) if reason.starts_with("config: unknown field")));
}

#[test]
fn what_the_providers_library_signs_is_accepted() {
    check_calls::<Github>(env!("CARGO_PKG_NAME"), include_str!("../../../../tests/providers/calls.jsonl"));
}

#[test]
fn junk_is_refused() {
    check_junk::<Github>(&published(), &["x-hub-signature-256", "x-github-delivery", "content-type"], true);
}

#[test]
fn the_description_is_whole() {
    check_description::<Github>();
}
