//! Twilio's published examples, and calls that are not what they claim.

use serde_json::{Value, json};
use tenterhook_verify::testing::{Judged, Trial, check_calls, check_description, check_junk, check_signed};

use super::*;

/// Of the tests of Twilio's libraries.
const TOKEN: &str = "12345";
const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
const FORM: &str = "Digits=1234&CallSid=CA1234567890ABCDE&To=%2B18005551212&From=%2B14158675309&Caller=%2B14158675309";
const SIGNED: &str = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
const JSON: &str = "{\"property\": \"value\", \"boolean\": true}";
const JSON_HASH: &str = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
const JSON_SIGNED: &str = "a9nBmqA0ju/hNViExpshrM61xv4=";

const FORM_TYPE: &str = "application/x-www-form-urlencoded; charset=UTF-8";

fn form(url: &str, body: &str, signature: &str) -> Trial {
    let trial = Trial::new(TOKEN).to("POST", url).header("Content-Type", FORM_TYPE);
    trial.header("X-Twilio-Signature", signature).body(body)
}

fn json_call() -> Trial {
    let url = format!("{URL}&bodySHA256={JSON_HASH}");
    let trial = Trial::new(TOKEN).to("POST", &url).header("Content-Type", "application/json");
    trial.header("X-Twilio-Signature", JSON_SIGNED).body(JSON)
}

fn accepted(trial: &Trial) -> Option<Value> {
    match trial.judge::<Twilio>() {
        Judged::Accepted(None, payload) => payload,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_published_examples_are_accepted_with_their_fields() {
    let payload = accepted(&form(URL, FORM, SIGNED));
    let expected = json!({ "Digits": "1234", "CallSid": "CA1234567890ABCDE", "To": "+18005551212",
                           "From": "+14158675309", "Caller": "+14158675309" });
    assert_eq!(payload, Some(expected));
    // Of Twilio's documentation, "Validating requests".
    let documented = FORM.replace("5309", "5310");
    assert!(
        accepted(&form("https://example.com/myapp.php?foo=1&bar=2", &documented, "L/OH5YylLD5NRKLltdqwSvS0BnU="))
            .is_some()
    );
    // Of the tests of twilio-csharp: the case of the host counts as it was called.
    assert!(
        accepted(&form("https://MyCompany.com/myapp.php?foo=1&bar=2", FORM, "g9IN/x4Cft2g517EjYvEvM/W7LU=")).is_some()
    );
    // Of the tests of twilio-go: one name begins with another.
    let names = format!("{FORM}&ReasonConferenceEnded=test&Reason=Participant");
    assert!(accepted(&form(URL, &names, "vOEb5UThFn24KEfnOFLQY2AE5FY=")).is_some());
    // Of the tests of twilio-python: a value that comes twice counts once, and values are in order.
    let repeated = "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234";
    let payload = accepted(&form(URL, repeated, "IK+Dwps556ElfBT0I3Rgjkr1wJU="));
    assert_eq!(payload.unwrap()["Digits"], json!(["5678", "1234", "1234"]));
    check_signed::<Twilio>(&form(URL, FORM, SIGNED), &[SIGNATURE]);
    check_signed::<Twilio>(&json_call(), &[SIGNATURE]);
}

#[test]
fn a_body_that_is_no_form_is_covered_by_its_hash() {
    assert_eq!(accepted(&json_call()), None);
    assert_eq!(accepted(&json_call().without("content-type")), None);
    assert!(json_call().body("{}").judge::<Twilio>().reason().contains("not that of `bodySHA256`"));
    assert!(json_call().body(Vec::new()).judge::<Twilio>().reason().contains("not that of `bodySHA256`"));
    let other = json_call().to("POST", &format!("{URL}&bodySHA256={}", "0".repeat(64))).judge::<Twilio>();
    assert!(other.reason().contains("does not fit"), "the URL is signed");
    let uncovered = form(URL, FORM, SIGNED).with("Content-Type", "text/plain").judge::<Twilio>();
    assert!(uncovered.reason().contains("no signature covers the body"));
}

#[test]
fn a_call_without_a_body_is_covered_by_its_url() {
    // Made by twilio 6.2.0's getExpectedTwilioSignature.
    let get = Trial::new(TOKEN).to("GET", URL).header("X-Twilio-Signature", "zYQTYrRWXE7LtzbG4PfP7/bkkGo=");
    assert_eq!(accepted(&get), None);
    let with_fields = get.header("Content-Type", FORM_TYPE).body("a=1").judge::<Twilio>();
    assert!(with_fields.reason().contains("does not fit"));
}

#[test]
fn the_url_counts_with_and_without_its_port() {
    for url in [URL.replace(".com", ".com:443"), URL.replace(".com", ".com:1234")] {
        assert!(accepted(&form(&url, FORM, SIGNED)).is_some(), "signed without the port: {url}");
    }
    // Made by twilio 6.2.0's getExpectedTwilioSignature: signed with a port, called without and with it.
    let (standard, own) = ("kvajT1Ptam85bY51eRf/AJRuM3w=", "CYn1h0gLBdNxDGkKJg6hYohgeD8=");
    assert!(accepted(&form(URL, FORM, standard)).is_some());
    assert!(accepted(&form(&URL.replace(".com", ".com:1234"), FORM, own)).is_some());
    assert!(form(URL, FORM, own).judge::<Twilio>().reason().contains("does not fit"));
}

#[test]
fn a_url_is_split_as_it_stands() {
    for (url, variants) in [
        ("https://a.example", ["https://a.example", "https://a.example:443"]),
        ("HTTP://A.example?b=c:d", ["HTTP://A.example?b=c:d", "HTTP://A.example:80?b=c:d"]),
        ("https://[::1]/a", ["https://[::1]/a", "https://[::1]:443/a"]),
        ("https://[::1]:8/a:b", ["https://[::1]/a:b", "https://[::1]:8/a:b"]),
        ("http://a.example:8080#x", ["http://a.example#x", "http://a.example:8080#x"]),
        ("none", ["none", "none"]),
    ] {
        assert_eq!(url::variants(url), variants);
    }
}

#[test]
fn an_altered_call_is_refused_and_told_the_host_alone() {
    let altered = form(URL, &FORM.replace("1234&", "9999&"), SIGNED).judge::<Twilio>();
    assert!(altered.reason().ends_with("Twilio must call https://mycompany.com/…, in just that spelling."));
    for url in [URL.replace("foo=1", "foo=2"), URL.replace("https", "http"), format!("{URL}&"), URL.replace('?', "/?")]
    {
        assert!(form(&url, FORM, SIGNED).judge::<Twilio>().reason().contains("does not fit"), "{url}");
    }
    assert!(form(URL, &format!("{FORM}&a="), SIGNED).judge::<Twilio>().reason().contains("does not fit"));
    assert!(form(URL, FORM, &SIGNED[1..]).judge::<Twilio>().reason().contains("27 characters, it must have 28"));
}

#[test]
fn the_id_is_the_idempotency_token() {
    let call = form(URL, FORM, SIGNED).header("I-Twilio-Idempotency-Token", "0fa01bed");
    assert!(matches!(call.judge::<Twilio>(), Judged::Accepted(Some(id), _) if id == "0fa01bed"));
}

#[test]
fn what_the_providers_library_signs_is_accepted() {
    check_calls::<Twilio>(env!("CARGO_PKG_NAME"), include_str!("../../../../tests/providers/calls.jsonl"));
}

#[test]
fn junk_is_refused() {
    // A form can be written in several ways, so an altered one may say the same.
    check_junk::<Twilio>(&form(URL, FORM, SIGNED), &["x-twilio-signature", "content-type"], false);
    check_junk::<Twilio>(&json_call(), &["x-twilio-signature", "content-type"], true);
}

#[test]
fn the_description_is_whole() {
    check_description::<Twilio>();
}
