//! Other verifiers' published examples by configuration, and configurations and calls that are not right.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};
use tenterhook_verify::testing::{Judged, Trial, check_description, check_junk, check_signed, check_time};

use super::*;
use crate::template::{Part, parse};

/// GitHub's published example.
fn github() -> Trial {
    let config = json!({ "header": "x-hub-signature-256", "prefix": "sha256=", "id_header": "x-github-delivery" });
    let trial = Trial::new("It's a Secret to Everybody").config(config).header("X-GitHub-Delivery", "1");
    let signed = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    trial.header("X-Hub-Signature-256", signed).body("Hello, World!")
}

/// Vector A of the libraries of Standard Webhooks.
fn standard() -> Trial {
    let config = json!({
        "header": "webhook-signature", "prefix": "v1,", "encoding": "base64", "secret_encoding": "base64",
        "signed": "{id}.{timestamp}.{body}", "timestamp_header": "webhook-timestamp", "id_header": "webhook-id",
    });
    let trial = Trial::new("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").config(config).at(1_614_265_330);
    let trial = trial.header("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek").header("webhook-timestamp", "1614265330");
    let signed = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    trial.header("webhook-signature", signed).body("{\"test\": 2432232314}")
}

/// A call in the manner of Stripe, signed by stripe 23.1.0's generateTestHeaderString.
fn stripe() -> Trial {
    let config = json!({
        "header": "stripe-signature", "item": "v1", "signed": "{timestamp}.{body}", "id_pointer": "/id",
        "timestamp_header": "stripe-signature", "timestamp_item": "t",
    });
    let trial = Trial::new("whsec_test_secret").config(config).at(1_700_000_000);
    trial
        .header("stripe-signature", "t=1700000000,v1=248a374f50f943a28b0f6ab50faf9a7e7e29b710fa26df9fb1618b9bf8ea9c9a")
        .body("{\"id\":\"evt_1\"}")
}

/// A call whose config, headers and message are ours, by the algorithm that the HMAC of the RFCs is tested with.
fn ours(config: Value, message: &str, tag: impl Fn(&[u8], &[&[u8]]) -> Result<Vec<u8>, Failure>) -> Trial {
    let signed = mac::hex(&tag(b"a long secret", &[message.as_bytes()]).unwrap());
    Trial::new("a long secret").config(config).header("x-signature", &signed)
}

#[test]
fn published_examples_are_accepted_when_so_configured() {
    assert_eq!(github().judge::<Hmac>(), Judged::as_id("1"));
    check_signed::<Hmac>(&github(), &["x-hub-signature-256", "x-github-delivery"]);
    assert_eq!(standard().judge::<Hmac>(), Judged::as_id("msg_p5jXN8AQM9LWM0D4loKWxJek"));
    check_signed::<Hmac>(&standard(), &["webhook-id", "webhook-timestamp", "webhook-signature"]);
    check_time::<Hmac>(&standard(), 1_614_265_330, 300);
    assert_eq!(stripe().judge::<Hmac>(), Judged::as_id("evt_1"));
    check_signed::<Hmac>(&stripe(), &["stripe-signature"]);
    check_time::<Hmac>(&stripe(), 1_700_000_000, 300);
}

#[test]
fn all_algorithms_and_parts_can_be_signed() {
    let signed = "{{{method} {path} {url} {header:x-other}}}{body}";
    let message = "{PUT /in/t0ken?a=1 https://hooks.example/in/t0ken?a=1 z}text";
    let config = |algorithm: &str| json!({ "header": "x-signature", "algorithm": algorithm, "signed": signed });
    for trial in [
        ours(config("sha1"), message, mac::hmac::<Sha1>),
        ours(config("sha256"), message, mac::hmac::<Sha256>),
        ours(config("sha512"), message, mac::hmac::<Sha512>),
    ] {
        let trial = trial.to("PUT", "https://hooks.example/in/t0ken?a=1").header("X-Other", "z").body("text");
        assert_eq!(trial.judge::<Hmac>(), Judged::Accepted(None, None));
        check_signed::<Hmac>(&trial, &["x-signature", "x-other"]);
        for altered in [
            trial.clone().to("POST", "https://hooks.example/in/t0ken?a=1"),
            trial.clone().to("PUT", "https://hooks.example/in/t0ken?a=2"),
            trial.clone().with("x-other", "y"),
            trial.clone().body("test"),
        ] {
            assert!(altered.judge::<Hmac>().reason().contains("does not fit"));
        }
    }
}

#[test]
fn a_timestamp_may_count_milliseconds() {
    let config = json!({ "header": "x-signature", "signed": "{timestamp}{body}", "timestamp_header": "x-time",
                         "timestamp_unit": "ms", "tolerance_s": 20 });
    let trial = ours(config, "1700000000123text", mac::hmac::<Sha256>).header("x-time", "1700000000123").body("text");
    check_time::<Hmac>(&trial.at(1_700_000_000), 1_700_000_000, 20);
}

#[test]
fn a_secret_can_be_written_in_hex() {
    let config = json!({ "header": "x-signature", "secret_encoding": "hex" });
    let trial = ours(config, "text", mac::hmac::<Sha256>).body("text");
    let with = |secret: &str| trial.clone().no_secrets().secret("secret", secret).judge::<Hmac>();
    assert!(with("61206c6f6e6720736563726574").is_accepted() && with("61206C6F6E6720736563726574").is_accepted());
    for wrong in ["61206c6f6e672073656372657", "a long secret", "6120é"] {
        assert_eq!(with(wrong), Judged::Invalid("the secret is not hex, as `secret_encoding` says".into()), "{wrong}");
    }
}

#[test]
fn a_refusal_says_what_is_expected_where() {
    let reason = |trial: Trial| trial.judge::<Hmac>().reason().to_owned();
    let no_prefix = reason(github().with("x-hub-signature-256", "757107"));
    assert_eq!(no_prefix, "the signature in `x-hub-signature-256` must begin with `sha256=`");
    let no_item = reason(stripe().with("stripe-signature", "t=1700000000,v0=5257"));
    assert_eq!(no_item, "the header `stripe-signature` has no `v1=`: send the signature there");
    for times in ["v1=5257", "t=1700000000,t=1700000000,v1=5257"] {
        let reason = reason(stripe().with("stripe-signature", times));
        assert_eq!(reason, "the header `stripe-signature` must have one `t=`, the timestamp");
    }
}

fn invalid(config: &Value, expected: &Expect) {
    match github().config(config.clone()).judge::<Hmac>() {
        Judged::Invalid(reason) => expected.assert_eq(&reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_configuration_that_would_prove_nothing_is_invalid() {
    invalid(&json!({ "header": "" }), &expect!["config: header: name the header that has the signature"]);
    invalid(
        &json!({ "header": "a", "signed": "{url}" }),
        &expect!["config: signed: it has no {body}, so nothing would prove the body"],
    );
    invalid(
        &json!({ "header": "a", "timestamp_header": "b" }),
        &expect!["config: signed: it has no {timestamp}, so nothing would prove the timestamp"],
    );
    invalid(
        &json!({ "header": "a", "signed": "{timestamp}{body}" }),
        &expect!["config: timestamp_header: name the header that has the timestamp"],
    );
    invalid(
        &json!({ "header": "a", "timestamp_item": "t" }),
        &expect!["config: timestamp_header: name the header that has the timestamp"],
    );
    invalid(
        &json!({ "header": "a", "signed": "{id}{body}" }),
        &expect!["config: id_header: name the header that has the id, which is {id} in what is signed"],
    );
    invalid(
        &json!({ "header": "a", "id_header": "b", "id_pointer": "/id" }),
        &expect!["config: id_header, id_pointer: give one of them"],
    );
    invalid(
        &json!({ "header": "a", "id_pointer": "id" }),
        &expect!["config: id_pointer: it begins with `/`, such as `/event/id`"],
    );
}

#[test]
fn a_template_that_cannot_be_read_is_invalid() {
    for (signed, reason) in [
        ("{body", "a brace stands alone: write it twice"),
        ("{body}}", "a brace stands alone: write it twice"),
        ("}{body}", "a brace stands alone: write it twice"),
        ("{bodi}", "{bodi} is not known: use body, timestamp, id, header:NAME, method, url or path"),
        ("{header:}", "{header:} is not known: use body, timestamp, id, header:NAME, method, url or path"),
    ] {
        let Err(Failure::Invalid(text)) = parse(signed) else { panic!("{signed} is no template") };
        assert_eq!(text, format!("config: signed: {reason}"));
    }
    let parts = parse("v0:{timestamp}:{{{body}").unwrap();
    let expected = [Part::Text("v0:"), Part::Timestamp, Part::Text(":"), Part::Text("{"), Part::Body];
    assert_eq!(parts, expected);
}

proptest! {
    #[test]
    fn a_template_is_read_or_refused(template in "[{}a-z: ]{0,20}|\\PC{0,20}|([{]body[}]|[{][{]|x){0,6}") {
        if let Ok(parts) = parse(&template) {
            let text = |part: &Part<'_>| match part {
                Part::Text(text) => text.replace('{', "{{").replace('}', "}}"),
                Part::Header(name) => format!("{{header:{name}}}"),
                other => format!("{{{}}}", format!("{other:?}").to_lowercase()),
            };
            prop_assert_eq!(parts.iter().map(text).collect::<String>(), template);
        }
    }
}

#[test]
fn junk_is_refused() {
    check_junk::<Hmac>(&github(), &["x-hub-signature-256", "x-github-delivery"], true);
    check_junk::<Hmac>(&standard(), &["webhook-id", "webhook-timestamp", "webhook-signature"], true);
    check_junk::<Hmac>(&stripe(), &["stripe-signature"], true);
}

#[test]
fn the_description_is_whole() {
    check_description::<Hmac>();
}
