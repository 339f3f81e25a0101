//! Okta's published exchange, and calls that are not what they claim.

use serde_json::{Value, json};
use tenterhook_verify::testing::{Judged, Trial, check_description, check_junk, check_signed};

use super::*;

fn event() -> Trial {
    let body =
        r#"{"eventType":"com.okta.event_hook","eventId":"b5a188b9-5ece-4636-b041-482ffda96311","data":{"events":[]}}"#;
    Trial::new("my-shared-secret").header("Authorization", "my-shared-secret").body(body)
}

/// Of Okta's documentation, "One-time verification request".
fn verification() -> Trial {
    let trial = event().to("GET", "https://example.com/event-hook/").body("");
    trial.header("X-Okta-Verification-Challenge", "Me_rShK8JHsTnbyYrWXCEoMGbM_zsZ6k0hLPZ_Pg")
}

#[test]
fn the_published_verification_is_answered() {
    let answer = r#"{"verification":"Me_rShK8JHsTnbyYrWXCEoMGbM_zsZ6k0hLPZ_Pg"}"#;
    assert_eq!(verification().judge::<Okta>(), Judged::Answered(200, "application/json".into(), answer.into()));
    assert!(verification().with("authorization", "other").judge::<Okta>().reason().contains("is not right"));
    let none = verification().without("x-okta-verification-challenge").judge::<Okta>();
    assert!(none.reason().contains("is missing"));
    let long = verification().with("x-okta-verification-challenge", &"a".repeat(1025)).judge::<Okta>();
    assert!(long.reason().contains("at most 1024 bytes"));
    let quoted = verification().with("x-okta-verification-challenge", "\"}<b>").judge::<Okta>();
    assert!(matches!(quoted, Judged::Answered(_, _, body) if body == r#"{"verification":"\"}<b>"}"#));
}

#[test]
fn an_event_with_the_secret_is_accepted_under_its_id() {
    assert_eq!(event().judge::<Okta>(), Judged::as_id("b5a188b9-5ece-4636-b041-482ffda96311"));
    check_signed::<Okta>(&event(), &["authorization"]);
    for body in ["{}", "no JSON", "{\"eventId\":1}"] {
        assert_eq!(event().body(body).judge::<Okta>(), Judged::Accepted(None, None), "{body}");
    }
}

#[test]
fn the_secret_may_stand_in_another_header() {
    let other = event().config(json!({ "header": "x-any-key" })).header("X-Any-Key", "my-shared-secret");
    assert!(other.judge::<Okta>().is_accepted());
    assert!(other.with("x-any-key", "").judge::<Okta>().reason().contains("`x-any-key` is not right"));
    for config in [json!({}), Value::Null] {
        assert!(event().config(config).judge::<Okta>().is_accepted());
    }
    assert!(matches!(event().config(json!({ "name": "a" })).judge::<Okta>(), Judged::Invalid(_)));
}

#[test]
fn junk_is_refused() {
    check_junk::<Okta>(&event(), &["authorization", "x-okta-verification-challenge"], false);
}

#[test]
fn the_description_is_whole() {
    check_description::<Okta>();
}
