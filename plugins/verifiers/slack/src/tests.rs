//! Slack's published example, and calls that are not what they claim.

use serde_json::json;
use tenterhook_verify::testing::{Judged, Trial, check_description, check_junk, check_signed, check_time};

use super::*;

/// Slack's documentation, "Verifying requests from Slack".
const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const SENT: u64 = 1_531_420_618;
const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V\
                    &channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=\
                    &response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554\
                    %2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
const SIGNED: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

const FORM: &str = "application/x-www-form-urlencoded";

fn published() -> Trial {
    let trial = Trial::new(SECRET).at(SENT).header("X-Slack-Request-Timestamp", &SENT.to_string());
    trial.header("X-Slack-Signature", SIGNED).header("Content-Type", FORM).body(BODY)
}

/// A call of ours with this body.
fn signed(content_type: &str, body: &str) -> Trial {
    let tag = mac::hmac::<Sha256>(SECRET.as_bytes(), &[format!("v0:{SENT}:{body}").as_bytes()]).unwrap();
    let signed = format!("v0={}", mac::hex(&tag));
    published().with("X-Slack-Signature", &signed).with("Content-Type", content_type).body(body)
}

#[test]
fn the_published_example_is_accepted_with_its_fields() {
    let Judged::Accepted(None, Some(payload)) = published().judge::<Slack>() else { panic!("accepted") };
    assert_eq!((&payload["command"], &payload["text"]), (&json!("/webhook-collect"), &json!("")));
    check_signed::<Slack>(&published(), &[SIGNATURE, TIMESTAMP]);
    check_time::<Slack>(&published(), SENT, 300);
    check_time::<Slack>(&published().config(json!({ "tolerance_s": 5 })), SENT, 5);
}

#[test]
fn an_altered_call_is_refused() {
    assert!(published().body(BODY.replace("foobar", "foobaz")).judge::<Slack>().reason().contains("does not fit"));
    let later = published().with("X-Slack-Request-Timestamp", &(SENT + 1).to_string()).judge::<Slack>();
    assert!(later.reason().contains("does not fit"), "the timestamp is signed");
    let v1 = published().with("X-Slack-Signature", &SIGNED.replace("v0", "v1")).judge::<Slack>();
    assert!(v1.reason().contains("must begin with `v0=`"));
}

#[test]
fn an_event_has_its_id() {
    let event = r#"{"type":"event_callback","event_id":"Ev08MFMKH6","event":{"type":"message"}}"#;
    assert_eq!(signed("application/json", event).judge::<Slack>(), Judged::as_id("Ev08MFMKH6"));
    for other in ["{}", "[1]", "no JSON", "", r#"{"type":1,"event_id":{}}"#, r#"{"type":"url_verification"}"#] {
        assert_eq!(signed("application/json", other).judge::<Slack>(), Judged::Accepted(None, None), "{other}");
    }
}

#[test]
fn an_interaction_gives_the_json_in_its_payload() {
    let of = signed(FORM, "payload=%7B%22type%22%3A%22block_actions%22%7D").judge::<Slack>();
    assert_eq!(of, Judged::Accepted(None, Some(json!({ "type": "block_actions" }))));
}

#[test]
fn a_challenge_is_answered_if_it_is_slacks() {
    // Slack's documentation, "url_verification".
    let challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P";
    let body = json!({ "token": "Jhj5dZrVaK7ZwHHjRyZWjbDl", "challenge": challenge, "type": "url_verification" });
    let call = signed("application/json", &body.to_string());
    assert_eq!(call.judge::<Slack>(), Judged::Answered(200, "text/plain".into(), challenge.into()));
    let forged = call.with("X-Slack-Signature", SIGNED).judge::<Slack>();
    assert!(forged.reason().contains("does not fit"), "nobody else gets an answer");
}

#[test]
fn junk_is_refused() {
    check_junk::<Slack>(&published(), &["x-slack-signature", "x-slack-request-timestamp", "content-type"], true);
    check_junk::<Slack>(&signed("application/json", "{}"), &["x-slack-signature"], true);
}

#[test]
fn the_description_is_whole() {
    check_description::<Slack>();
}
