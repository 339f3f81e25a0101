//! Signed events and challenges, and that the one cannot be used to forge the other.

use serde_json::json;
use tenterhook_verify::testing::{Judged, Trial, check_description, check_junk, check_signed};

use super::*;

const SECRET: &str = "a consumer secret";
const BODY: &str = "{\"for_user_id\":\"2244994945\",\"tweet_create_events\":[]}";

fn sign(message: &str) -> String {
    let tag = mac::hmac::<Sha256>(SECRET.as_bytes(), &[message.as_bytes()]).unwrap();
    format!("sha256={}", Encoding::Base64.encode(&tag))
}

/// A call signed by `openssl dgst -sha256 -hmac 'a consumer secret' -binary | base64`.
fn event() -> Trial {
    Trial::new(SECRET).header(SIGNATURE, "sha256=72m1XIkN/huJFZH1sbsUE+FwgdGklbk7jhOBE/YLwEw=").body(BODY)
}

fn challenge(query: &str) -> Judged {
    Trial::new(SECRET).to("GET", &format!("https://hooks.example/in/t0ken?{query}")).judge::<X>()
}

#[test]
fn a_signed_event_is_accepted() {
    assert_eq!(event().judge::<X>(), Judged::Accepted(None, None));
    check_signed::<X>(&event(), &[SIGNATURE]);
    assert!(event().body(BODY.replace("2244994945", "2244994946")).judge::<X>().reason().contains("does not fit"));
    assert!(event().with(SIGNATURE, &sign(BODY)[7..]).judge::<X>().reason().contains("must begin with `sha256=`"));
}

#[test]
fn a_challenge_is_answered() {
    // Made by `openssl dgst -sha256 -hmac 'a consumer secret' -binary | base64` of the token.
    let expected = r#"{"response_token":"sha256=e/cOr5kKvTNAnJkCDuaO4EkxzZAsR33s/WSozUkuczk="}"#;
    let answered = Judged::Answered(200, "application/json".into(), expected.into());
    assert_eq!(challenge("crc_token=NTc3ZTQ4&nonce=OGZh"), answered);
    for query in ["", "crc_token=", "crc_token=a&crc_token=b", "nonce=a"] {
        challenge(query).reason();
    }
}

#[test]
fn a_challenge_gives_no_signature_of_a_body() {
    for body in [BODY, "{}", " {}", "\n{\"a\":1}"] {
        let encoded: String = body.bytes().map(|byte| format!("%{byte:02x}")).collect();
        assert!(challenge(&format!("crc_token={encoded}")).reason().contains("must have 1 to 256 letters"));
    }
    for token in ["abc", "1", "null", "NTc3ZTQ4", "a+b/c="] {
        let forged = event().body(token).with(SIGNATURE, &sign(token)).judge::<X>();
        assert!(forged.reason().contains("not a JSON object"), "{token}");
    }
    assert!(challenge(&format!("crc_token={}", "a".repeat(257))).reason().contains("1 to 256"));
}

#[test]
fn a_challenge_is_answered_with_the_newest_secret() {
    let call = Trial::default().to("GET", "https://hooks.example/?crc_token=NTc3ZTQ4");
    let rotated = call.clone().secret("secret-old", "another secret").secret("secret", SECRET).judge::<X>();
    assert_eq!(rotated, challenge("crc_token=NTc3ZTQ4"));
    assert!(matches!(call.judge::<X>(), Judged::Invalid(reason) if reason.contains("`secret`")));
}

#[test]
fn there_is_nothing_to_configure() {
    assert!(matches!(event().config(json!({ "a": 1 })).judge::<X>(), Judged::Invalid(_)));
}

#[test]
fn junk_is_refused() {
    check_junk::<X>(&event(), &["x-twitter-webhooks-signature"], true);
}

#[test]
fn the_description_is_whole() {
    check_description::<X>();
}
