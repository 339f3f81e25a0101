//! Calls signed by Stripe's library, and calls that are not what they claim. Stripe publishes no example.

use serde_json::json;
use tenterhook_verify::testing::{Judged, Trial, check_calls, check_description, check_junk, check_signed, check_time};

use super::*;

const SECRET: &str = "whsec_test_secret";
const SENT: u64 = 1_700_000_000;
const BODY: &str =
    "{\n  \"id\": \"evt_1NG8Du2eZvKYlo2CUI79vXWy\",\n  \"object\": \"event\",\n  \"type\": \"setup_intent.created\"\n}";
/// By stripe 23.1.0's webhooks.generateTestHeaderString (tests/providers).
const SIGNED: &str = "t=1700000000,v1=1f3ecb13c328cab68eb5b11a7107d63a9c046ae8e2901d1489e5fc1c0ae2f9a3";

fn good() -> Trial {
    Trial::new(SECRET).at(SENT).header("Stripe-Signature", SIGNED).body(BODY)
}

fn with(header: &str) -> Judged {
    good().with("Stripe-Signature", header).judge::<Stripe>()
}

#[test]
fn what_stripes_library_signs_is_accepted_under_the_events_id() {
    assert_eq!(good().judge::<Stripe>(), Judged::as_id("evt_1NG8Du2eZvKYlo2CUI79vXWy"));
    check_signed::<Stripe>(&good(), &[SIGNATURE]);
    check_time::<Stripe>(&good(), SENT, 300);
    check_time::<Stripe>(&good().config(json!({ "tolerance_s": 600 })), SENT, 600);
}

#[test]
fn several_signatures_come_while_a_secret_is_rolled() {
    let other = "0".repeat(64);
    let (time, signature) = SIGNED.split_once(",v1=").unwrap();
    for header in [
        format!("{time},v1={other},v1={signature},v0={other}"),
        format!("{time},v0={other},v1={signature}"),
        format!("v1={signature},{time},v1={other}"),
        format!("{time}, v1={signature}"),
    ] {
        assert!(with(&header).is_accepted(), "{header}");
    }
    assert!(with(&format!("{time},v0={signature}")).reason().contains("has no `v1=`"));
    assert!(with(&format!("{time},{time},v1={signature}")).reason().contains("must have one `t=`, it has 2"));
    assert!(with(&format!("v1={signature}")).reason().contains("must have one `t=`, it has 0"));
    assert!(with(&format!("t=1700000001,v1={signature}")).reason().contains("does not fit"));
    assert!(with(&format!("t=,v1={signature}")).reason().contains("not a number of seconds"));
}

#[test]
fn an_altered_body_is_refused() {
    for body in [BODY.replace("setup", "set_up"), BODY.replace('\n', ""), String::new()] {
        assert!(good().body(body.clone()).judge::<Stripe>().reason().contains("does not fit"), "{body}");
    }
}

#[test]
fn what_the_providers_library_signs_is_accepted() {
    check_calls::<Stripe>(env!("CARGO_PKG_NAME"), include_str!("../../../../tests/providers/calls.jsonl"));
}

#[test]
fn junk_is_refused() {
    check_junk::<Stripe>(&good(), &["stripe-signature"], true);
}

#[test]
fn the_description_is_whole() {
    check_description::<Stripe>();
}
