//! Calls that Shopify's library validates, and calls that are not what they claim. Shopify publishes no example.

use serde_json::json;
use tenterhook_verify::testing::{Judged, Trial, check_calls, check_description, check_junk, check_signed};

use super::*;

const SECRET: &str = "hush, a client secret";
const BODY: &str = "{\"id\":820982911946154508,\"email\":\"jon@example.com\",\"note\":\"Zo\u{eb} \\/ \\u2603\"}";

/// Validated by @shopify/shopify-api 12.0.0's webhooks.validate (tests/providers).
fn good() -> Trial {
    let trial = Trial::new(SECRET).header("X-Shopify-Hmac-Sha256", "sxrHTrnz7bNgBhx01bqIuhjy8zMBCfQtlHvlTr03csc=");
    trial.header("X-Shopify-Webhook-Id", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043").body(BODY)
}

#[test]
fn a_call_that_shopifys_library_validates_is_accepted() {
    assert_eq!(good().judge::<Shopify>(), Judged::as_id("b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"));
    check_signed::<Shopify>(&good(), &[SIGNATURE]);
    assert_eq!(good().without("x-shopify-webhook-id").judge::<Shopify>(), Judged::Accepted(None, None));
    let twice = good().header("X-Shopify-Webhook-Id", "2").judge::<Shopify>();
    assert_eq!(twice, Judged::Accepted(None, None), "two ids are none");
}

#[test]
fn an_altered_call_is_refused() {
    for body in [BODY.replace("jon@", "joe@"), BODY.replace("\\/", "/"), format!("{BODY}\n"), String::new()] {
        assert!(good().body(body.clone()).judge::<Shopify>().reason().contains("does not fit"), "{body}");
    }
    let in_hex = mac::hex(&mac::hmac::<Sha256>(SECRET.as_bytes(), &[BODY.as_bytes()]).unwrap());
    assert!(good().with(SIGNATURE, &in_hex).judge::<Shopify>().reason().contains("64 characters, it must have 44"));
}

#[test]
fn there_is_nothing_to_configure() {
    assert!(matches!(good().config(json!({ "tolerance_s": 1 })).judge::<Shopify>(), Judged::Invalid(_)));
}

#[test]
fn what_the_providers_library_signs_is_accepted() {
    check_calls::<Shopify>(env!("CARGO_PKG_NAME"), include_str!("../../../../tests/providers/calls.jsonl"));
}

#[test]
fn junk_is_refused() {
    check_junk::<Shopify>(&good(), &["x-shopify-hmac-sha256", "x-shopify-webhook-id"], true);
}

#[test]
fn the_description_is_whole() {
    check_description::<Shopify>();
}
