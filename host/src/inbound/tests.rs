//! Tests of inbound calls: signature vectors, credentials, bodies, what a run sees.

use bytes::Bytes;
use expect_test::{Expect, expect};
use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::{Key, Redacted, Sealed, Time, Trigger, TriggerKind};
use crate::signature::{SigningKey, sign};

/// Test vector of the official libraries (Standard Webhooks 1.0.0): secret, id, timestamp, body, signature.
const VECTOR_A: Vector = Vector {
    secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    seconds: 1_614_265_330,
    body: "{\"test\": 2432232314}",
    signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
};
/// Another of them.
const VECTOR_B: Vector = Vector {
    secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    id: "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
    seconds: 1_649_367_553,
    body: "{\"email\":\"test@example.com\",\"username\":\"test_user\"}",
    signature: "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
};
/// Vector A with an empty body.
const VECTOR_D: Vector = Vector { body: "", signature: "v1,v48jdbgvh29KJz2Qc+ghw8G6vG3nAKnujWBg8oM/62A=", ..VECTOR_A };

#[derive(Clone, Copy, Debug)]
struct Vector {
    secret: &'static str,
    id: &'static str,
    seconds: u64,
    body: &'static str,
    signature: &'static str,
}

impl Vector {
    fn request(&self) -> RawRequest {
        let seconds = self.seconds.to_string();
        request(
            &[("webhook-id", self.id), ("webhook-timestamp", &seconds), ("webhook-signature", self.signature)],
            self.body.as_bytes(),
        )
    }

    fn time(&self) -> Time {
        Time::from_millis(self.seconds * 1000)
    }

    fn verify(&self, raw: RawRequest) -> Result<VerifiedRequest, InboundError> {
        let secret = || Some(Redacted::new(self.secret.to_owned()));
        verify(raw, &trigger(), &secret, self.time()).map_err(|refused| refused.error)
    }
}

fn request(headers: &[(&str, &str)], body: &[u8]) -> RawRequest {
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| {
            let name: HeaderName = name.parse().expect("a header name");
            (name, HeaderValue::from_str(value).expect("a header value"))
        })
        .collect();
    RawRequest {
        method: "POST".to_owned(),
        path: "/in".to_owned(),
        query: None,
        headers,
        body: Bytes::copy_from_slice(body),
        remote: Some("192.0.2.1".to_owned()),
        received_at: Time::from_millis(0),
    }
}

fn trigger() -> Trigger {
    Trigger {
        workflow: "lead-sms".parse().expect("a slug"),
        token: "t".to_owned(),
        kind: TriggerKind::Trigger,
        source: None,
        fields: Default::default(),
        upsert: false,
        enabled: true,
        key_hash: Key::hash("the-key"),
        signing_secret: Sealed(String::new()),
        verifier: None,
        created_at: Time::from_millis(0),
    }
}

fn by(headers: &[(&str, &str)]) -> Result<VerifiedBy, (&'static str, String)> {
    let no_secret = || None;
    match verify(request(headers, b""), &trigger(), &no_secret, Time::from_millis(0)) {
        Ok(verified) => Ok(verified.by().clone()),
        Err(refused) => Err((refused.error.code(), refused.error.to_string())),
    }
}

fn refused(headers: &[(&str, &str)]) -> &'static str {
    by(headers).expect_err("refused").0
}

#[test]
fn the_published_signatures_verify() {
    for vector in [VECTOR_A, VECTOR_B, VECTOR_D] {
        let verified = vector.verify(vector.request()).expect("a good signature");
        assert_eq!(verified.by(), &VerifiedBy::Signature { id: vector.id.to_owned() });
        assert_eq!(verified.repeat_key(), Some(vector.id));
        let key = SigningKey::from_text(vector.secret).expect("a key");
        assert_eq!(sign([&key], vector.id, vector.time(), vector.body.as_bytes()), vector.signature);
    }
}

#[test]
fn what_the_official_signer_signs_verifies() {
    let signer = standardwebhooks::Webhook::new(VECTOR_A.secret).expect("a signer");
    let seconds = i64::try_from(VECTOR_A.seconds).expect("in range");
    for body in ["", "{}", "a=1&b=ü", "line\nbreak"] {
        let signature = signer.sign("msg_1", seconds, body.as_bytes()).expect("signed");
        let seconds = VECTOR_A.seconds.to_string();
        let headers = [("webhook-id", "msg_1"), ("webhook-timestamp", &seconds), ("webhook-signature", &signature)];
        VECTOR_A.verify(request(&headers, body.as_bytes())).expect("a good signature");
    }
}

#[test]
fn what_we_sign_is_accepted_by_the_official_verifier() {
    use crate::clock::Clock as _;
    let now = crate::clock::SystemClock.now(); // the verifier reads the clock itself
    let key = SigningKey::from_text(VECTOR_A.secret).expect("a key");
    let signature = sign([&key], "msg_1", now, b"{}");
    let seconds = (now.as_millis() / 1000).to_string();
    let raw =
        request(&[("webhook-id", "msg_1"), ("webhook-timestamp", &seconds), ("webhook-signature", &signature)], b"");
    let verifier = standardwebhooks::Webhook::new(VECTOR_A.secret).expect("a verifier");
    verifier.verify(b"{}", &raw.headers).expect("a good signature");
}

#[test]
fn the_older_header_names_are_understood() {
    let seconds = VECTOR_A.seconds.to_string();
    let headers = [("svix-id", VECTOR_A.id), ("svix-timestamp", &seconds), ("svix-signature", VECTOR_A.signature)];
    VECTOR_A.verify(request(&headers, VECTOR_A.body.as_bytes())).expect("a good signature");
}

/// Vector A with one header replaced.
fn with(name: &'static str, value: &str) -> Result<VerifiedRequest, InboundError> {
    let mut raw = VECTOR_A.request();
    raw.headers.insert(name, HeaderValue::from_str(value).expect("a header value"));
    VECTOR_A.verify(raw)
}

#[test]
fn a_good_signature_among_others_is_enough() {
    let (good, bogus) = (VECTOR_A.signature, "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=");
    for list in [
        format!("{bogus} {good}"),
        format!("{good} {bogus}"),
        format!("v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= {bogus} {good}"),
        format!("v1a,AAAA {good}"),
        format!("nonsense  {good}"),
    ] {
        assert!(with("webhook-signature", &list).is_ok(), "{list}");
    }
}

#[test]
fn a_signature_that_proves_nothing_is_refused() {
    let a = VECTOR_A.signature;
    for signature in [
        "v1,",
        "v1",
        ",",
        "v1,R3PTzyfHASBKHH98a7yexTwaJ4yNIcGhFQc1yuN+BPU=",
        &a[..8],
        &a[..a.len() - 1],
        &a[3..],
        &format!("v2,{}", &a[3..]),
        &format!("V1,{}", &a[3..]),
        &format!("{a}{}", &a[3..]),
        "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ] {
        let error = with("webhook-signature", signature).expect_err("refused");
        assert_eq!(error.code(), "wrong-signature", "{signature}");
    }
    assert_eq!(with("webhook-id", "msg_other").expect_err("refused").code(), "wrong-signature");
    let mut altered = VECTOR_A.request();
    altered.body = Bytes::from_static(b"{\"test\": 2432232315}");
    assert_eq!(VECTOR_A.verify(altered).expect_err("refused").code(), "wrong-signature");
}

#[test]
fn each_signature_header_is_needed_once() {
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut missing = VECTOR_A.request();
        missing.headers.remove(name);
        assert_eq!(VECTOR_A.verify(missing).expect_err("refused").code(), "wrong-signature", "{name} missing");
        assert!(with(name, "").is_err(), "{name} empty");
        let mut twice = VECTOR_A.request();
        let value = twice.headers[name].clone();
        twice.headers.append(name, value);
        assert!(VECTOR_A.verify(twice).is_err(), "{name} twice");
    }
}

#[test]
fn a_timestamp_may_be_off_by_five_minutes_either_way() {
    let at = |offset: i64| {
        let seconds = VECTOR_A.seconds.checked_add_signed(offset).expect("in range");
        let secret = || Some(Redacted::new(VECTOR_A.secret.to_owned()));
        verify(VECTOR_A.request(), &trigger(), &secret, Time::from_millis(seconds * 1000)).is_ok()
    };
    assert!(at(0) && at(300) && at(-300));
    assert!(!at(301) && !at(-301));
    for text in ["", "x", "-1", "1.5", "+1614265330", "1614265330 ", "99999999999999999999", "1614265330000"] {
        assert_eq!(with("webhook-timestamp", text).expect_err("refused").code(), "wrong-signature", "{text:?}");
    }
}

#[test]
fn a_secret_without_bytes_verifies_nothing() {
    for secret in [None, Some(""), Some("whsec_"), Some("whsec_!!!")] {
        let secret = || secret.map(|text| Redacted::new(text.to_owned()));
        let refused = verify(VECTOR_D.request(), &trigger(), &secret, VECTOR_D.time()).expect_err("refused");
        assert_eq!(refused.error.code(), "wrong-signature");
    }
}

#[test]
fn the_key_opens_by_its_own_header_or_as_bearer() {
    assert_eq!(by(&[("x-api-key", "the-key")]), Ok(VerifiedBy::ApiKey));
    for value in ["Bearer the-key", "bearer the-key", "BEARER  the-key"] {
        assert_eq!(by(&[("authorization", value)]), Ok(VerifiedBy::Bearer), "{value}");
    }
}

#[test]
fn a_missing_key_and_a_wrong_one_are_told_apart() {
    assert_eq!(refused(&[]), "no-key");
    assert_eq!(refused(&[("authorization", "Basic dGhlLWtleQ==")]), "no-key");
    assert_eq!(refused(&[("authorization", "the-key")]), "no-key");
    for headers in [
        &[("x-api-key", "")][..],
        &[("x-api-key", "the-key ")],
        &[("x-api-key", "The-Key")],
        &[("x-api-key", "the-key"), ("x-api-key", "the-key")],
        &[("authorization", "Bearer")],
        &[("authorization", "Bearer ")],
        &[("authorization", "Bearer other")],
    ] {
        let code = refused(headers);
        assert!(matches!((code, headers[0].1), ("wrong-key", _) | ("no-key", "Bearer")), "{headers:?}: {code}");
    }
}

#[test]
fn a_wrong_credential_is_never_made_good_by_another() {
    assert_eq!(refused(&[("x-api-key", "wrong"), ("authorization", "Bearer the-key")]), "wrong-key");
    let mut raw = VECTOR_A.request();
    raw.headers.insert("authorization", HeaderValue::from_static("Bearer wrong"));
    assert_eq!(VECTOR_A.verify(raw).expect_err("refused").code(), "wrong-key");
}

#[test]
fn a_trigger_that_is_off_refuses_even_the_right_key() {
    let off = Trigger { enabled: false, ..trigger() };
    let no_secret = || None;
    let refused = verify(request(&[("x-api-key", "the-key")], b"x"), &off, &no_secret, Time::from_millis(0));
    let refused = refused.expect_err("off");
    assert_eq!(refused.error.to_string(), "the trigger of workflow \"lead-sms\" is switched off");
    assert_eq!((refused.error.code(), refused.raw.body.len()), ("trigger-off", 1));
}

#[test]
fn a_caller_with_the_key_names_repeats_by_idempotency_key() {
    let repeat = |headers: &[(&str, &str)]| {
        let no_secret = || None;
        let verified = verify(request(headers, b""), &trigger(), &no_secret, Time::from_millis(0)).expect("the key");
        verified.repeat_key().map(str::to_owned)
    };
    let key = ("x-api-key", "the-key");
    assert_eq!(repeat(&[key, ("idempotency-key", "order-7")]), Some("order-7".to_owned()));
    assert_eq!(repeat(&[key]), None);
    assert_eq!(repeat(&[key, ("webhook-id", "msg_1")]), None, "an unsigned id proves nothing");
    let longest = "k".repeat(REPEAT_KEY_BYTES_MAX);
    assert_eq!(repeat(&[key, ("idempotency-key", &longest)]), Some(longest.clone()));
}

#[test]
fn an_idempotency_key_that_cannot_be_used_is_refused_not_ignored() {
    let key = ("x-api-key", "the-key");
    let name = "idempotency-key";
    let long = "k".repeat(REPEAT_KEY_BYTES_MAX + 1);
    for (headers, why) in [
        (vec![key, (name, "")], "is empty"),
        (vec![key, (name, long.as_str())], "is too long"),
        (vec![key, (name, "a"), (name, "a")], "came more than once"),
        (vec![key, (name, "ü")], "is no ASCII text"),
    ] {
        let (code, text) = by(&headers).expect_err("refused");
        assert_eq!(code, "bad-idempotency-key", "{why}");
        let expected = format!("the header Idempotency-Key {why}: send it once, as 1 to 256 bytes of ASCII");
        assert_eq!(text, expected);
    }
    assert_eq!(refused(&[("x-api-key", "wrong"), (name, "")]), "wrong-key", "a stranger learns nothing of it");
    let mut signed = VECTOR_A.request();
    signed.headers.insert(name, HeaderValue::from_str(&long).expect("a header value"));
    assert_eq!(VECTOR_A.verify(signed).expect("signed").repeat_key(), Some(VECTOR_A.id));
}

fn verified(headers: &[(&str, &str)], body: &[u8]) -> VerifiedRequest {
    let mut raw = request(headers, body);
    raw.headers.insert("x-api-key", HeaderValue::from_static("the-key"));
    let no_secret = || None;
    verify(raw, &trigger(), &no_secret, Time::from_millis(0)).expect("the key")
}

fn payload(content_type: &str, body: &str, expected: &Expect) {
    let headers: Vec<_> = (!content_type.is_empty()).then_some(("content-type", content_type)).into_iter().collect();
    let found = match decode_body(&verified(&headers, body.as_bytes())) {
        Ok(value) => value.to_string(),
        Err(error) => format!("{}: {error}", error.code()),
    };
    expected.assert_eq(&found);
}

#[test]
fn a_body_is_decoded_by_its_media_type() {
    payload("application/json", r#"{"a": [1, null]}"#, &expect![[r#"{"a":[1,null]}"#]]);
    payload("application/vnd.lead+json; charset=\"UTF-8\"", "7", &expect!["7"]);
    payload("application/x-www-form-urlencoded", "a=1&b=x+y&a=%C3%BC", &expect![[r#"{"a":["1","ü"],"b":"x y"}"#]]);
    payload(
        "text/xml; charset=utf-8",
        "<call id=\"7\"><from>+44</from></call>",
        &expect![[r#"{"call":{"@id":"7","from":"+44"}}"#]],
    );
    payload("APPLICATION/SOAP+XML", "<a/>", &expect![[r#"{"a":""}"#]]);
}

#[test]
fn a_body_without_media_type_is_nothing_or_json() {
    payload("", "", &expect!["null"]);
    payload("", "{\"a\": 1}", &expect![[r#"{"a":1}"#]]);
    payload(
        "",
        "a=1",
        &expect![
            "unsupported-media-type: a body without Content-Type is not understood; send application/json (or +json), application/x-www-form-urlencoded, or application/xml (or text/xml, +xml), in UTF-8"
        ],
    );
}

#[test]
fn a_body_of_another_kind_is_refused_with_what_is_understood() {
    for content_type in [
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "json",
        "application/jsonx",
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-16",
    ] {
        let error = decode_body(&verified(&[("content-type", content_type)], b"{}")).expect_err("refused");
        assert_eq!(error.code(), "unsupported-media-type", "{content_type}");
        assert!(error.to_string().contains(SUPPORTED_MEDIA_TYPES), "{error}");
    }
    let gzip = verified(&[("content-type", "application/json"), ("content-encoding", "gzip")], b"{}");
    assert_eq!(decode_body(&gzip).expect_err("refused").code(), "unsupported-media-type");
    let identity = verified(&[("content-type", "application/json"), ("content-encoding", "identity")], b"{}");
    assert_eq!(decode_body(&identity), Ok(json!({})));
    let twice = verified(&[("content-type", "application/json"), ("content-type", "text/xml")], b"{}");
    assert_eq!(decode_body(&twice).expect_err("refused").code(), "unsupported-media-type");
}

#[test]
fn a_malformed_body_is_refused_with_line_and_column() {
    for (content_type, body) in [
        ("application/json", "{\n  \"a\": }"),
        ("application/json", ""),
        ("application/json", "{\"a\":\"\u{0}\"}"),
        ("application/xml", "<a>\n  <b></a>"),
        ("application/xml", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"),
    ] {
        let error = decode_body(&verified(&[("content-type", content_type)], body.as_bytes())).expect_err("malformed");
        match error {
            InboundError::BadBody { line, column, .. } => assert!(line >= 1 && column >= 1, "{body}"),
            other => panic!("{body}: {other}"),
        }
    }
    let error =
        decode_body(&verified(&[("content-type", "application/json")], b"{\n  \"a\": }")).expect_err("malformed");
    assert!(error.to_string().starts_with("the body is no valid JSON: line 2, column 8: "), "{error}");
}

#[test]
fn a_run_sees_the_request_without_what_proves_the_sender() {
    let mut verified = verified(
        &[
            ("Content-Type", "application/json"),
            ("Authorization", "Basic eA=="),
            ("Proxy-Authorization", "Basic eA=="),
            ("Cookie", "a=b"),
            ("X-Gitlab-Token", "hush"),
            ("X-Client-Secret", "hush"),
            ("Idempotency-Key", "k"),
            ("webhook-signature", "v1,x"),
            ("svix-id", "x"),
            ("X-Tag", "a"),
            ("x-tag", "b"),
        ],
        b"{}",
    );
    expect![[r#"
        {
          "method": "POST",
          "path": "/in",
          "query": {},
          "headers": {
            "content-type": "application/json",
            "x-tag": "a, b"
          },
          "content_type": "application/json",
          "remote": "192.0.2.1",
          "received_at": "1970-01-01T00:00:00.000Z"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&request_member(&verified)).expect("JSON"));
    let mut raw = verified.raw().clone();
    raw.query = Some("a=1&b=x+y&a=2&c".to_owned());
    let no_secret = || None;
    verified = verify(raw, &trigger(), &no_secret, Time::from_millis(0)).expect("the key");
    assert_eq!(request_member(&verified)["query"], json!({"a": ["1", "2"], "b": "x y", "c": ""}));
}

#[test]
fn a_run_sees_that_a_sensitive_parameter_came_but_not_its_value() {
    let mut raw = verified(&[], b"").raw().clone();
    raw.query = Some("api_key=hush&Access%5FToken=hush&password=hush&password=hush&page=1".to_owned());
    let no_secret = || None;
    let verified = verify(raw, &trigger(), &no_secret, Time::from_millis(0)).expect("the key");
    let seen = json!({"api_key": "***", "Access_Token": "***", "password": ["***", "***"], "page": "1"});
    assert_eq!(request_member(&verified)["query"], seen);
}

#[test]
fn without_rules_members_of_the_same_name_are_taken() {
    let names = ["email", "phone", "age"];
    let fields = same_named(&json!({"age": null, "email": "a@b.c", "other": 1}), names.into_iter());
    assert_eq!(Value::Object(fields), json!({"email": "a@b.c", "age": null}));
    assert!(same_named(&json!([1]), names.into_iter()).is_empty());
}

proptest! {
    #[test]
    fn no_header_makes_an_altered_body_pass(name in 0..4usize, value in "[ -~]{0,80}", body in proptest::collection::vec(any::<u8>(), 0..40)) {
        let name = ["webhook-id", "webhook-timestamp", "webhook-signature", "authorization"][name];
        let mut raw = VECTOR_A.request();
        raw.headers.insert(name, HeaderValue::from_str(&value).expect("printable"));
        raw.body = body.into();
        prop_assert!(VECTOR_A.verify(raw).is_err()); // the body is another one
    }

    #[test]
    fn no_body_makes_the_decoder_panic(content_type in "[a-z/+;= -]{0,40}", body in proptest::collection::vec(any::<u8>(), 0..200)) {
        for content_type in ["application/json", "application/xml", "application/x-www-form-urlencoded", &content_type] {
            let decoded = decode_body(&verified(&[("content-type", content_type)], &body));
            prop_assert!(decoded.is_ok() || decoded.is_err_and(|error| matches!(error.code(), "bad-body" | "unsupported-media-type")));
        }
    }
}
