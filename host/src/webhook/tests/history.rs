//! Tests of what history keeps.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

const SECRET: &str = "s3cr\"et/Value";

fn redactor() -> Redactor {
    Redactor::new(&[Redacted::new(SECRET.to_owned())], &["X-Signature".to_owned()])
}

fn body_of(redactor: &Redactor, body: &[u8]) -> (String, bool, bool) {
    let parts = redactor.response(200, &[], &Bytes::copy_from_slice(body), false);
    (parts.body, parts.body_base64, parts.body_cut)
}

#[test]
fn headers_that_hold_secrets_are_masked_whole() {
    let headers = [
        field("x-signature", "k=abc"),
        field("Authorization", "Bearer x"),
        field("proxy-authorization", "x"),
        field("Cookie", "a=b"),
        field("set-cookie", "a=b"),
        field("X-Api-Key", "x"),
        field("X-Auth-Token", "x"),
        field("Client-Secret", "x"),
        field("X-Echo", "you sent s3cr\"et/Value!"),
        field("Content-Type", "text/plain"),
    ];
    let parts = redactor().response(200, &headers, &Bytes::new(), false);
    let values: Vec<_> = parts.headers.iter().map(|field| field.value.as_str()).collect();
    assert_eq!(values, ["***", "***", "***", "***", "***", "***", "***", "***", "you sent ***!", "text/plain"]);
    let names: Vec<_> = parts.headers.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names[..2], ["x-signature", "Authorization"]);
}

#[test]
fn a_secret_is_masked_in_every_spelling() {
    let redactor = redactor();
    let spellings = [
        SECRET,
        r#"s3cr\"et/Value"#,
        r#"s3cr\"et\/Value"#,
        r"\u00733cr\u0022et/Value",
        r#"s3cr\\\"et/Value"#,
        "s3cr%22et%2FValue",
        "s3cr%22et%2fValue",
        "s3cr%22et/Value",
        "s3cr&quot;et/Value",
        "s3cr&#34;et/Value",
        "czNjciJldC9WYWx1ZQ==",
        "czNjciJldC9WYWx1ZQ%3D%3D",
    ];
    for spelling in spellings {
        assert_eq!(redactor.text(&format!("a {spelling} b {spelling}")), "a *** b ***", "{spelling}");
        assert!(redactor.finds_in(spelling), "{spelling}");
    }
    assert_eq!(redactor.text("s3cr"), "s3cr");
}

#[test]
fn a_secret_is_masked_as_the_languages_escape_it() {
    for (secret, spellings) in [
        ("p@ss_w-o.r~d", &["p%40ss_w-o.r~d", "p%40ss%5fw%2Do%2Er%7Ed"][..]),
        (
            "päss wörd",
            &[r"p\u00e4ss w\u00F6rd", "p%C3%A4ss+w%c3%b6rd", "p%C3%A4ss%20w%C3%B6rd", r"p\\u00e4ss w\\u00f6rd"],
        ),
        (" ab&c<d", &["+ab%26c%3Cd", "%20ab%26c%3cd", " ab&amp;c&lt;d", r"\u0020ab\u0026c\u003Cd"]),
        ("a/b\nc😀", &[r"a\/b\nc\ud83d\ude00", r"a\/b\u000ac😀"]),
    ] {
        let redactor = Redactor::new(&[Redacted::new(secret.to_owned())], &[]);
        for spelling in spellings {
            assert_eq!(redactor.text(&format!("<{spelling}>")), "<***>", "{secret}: {spelling}");
        }
    }
}

#[test]
fn of_secrets_that_begin_alike_the_longest_is_masked() {
    let secrets = ["abcd", "abcdefgh", "cdef"].map(|secret| Redacted::new(secret.to_owned()));
    let redactor = Redactor::new(&secrets, &[]);
    assert_eq!(redactor.text("abcdefghi abcdef xcdef"), "***i ***ef x***");
}

#[test]
fn the_beginning_of_a_text_is_masked_before_it_is_cut() {
    let redactor = redactor();
    assert_eq!(redactor.beginning("short", 10), "short");
    assert_eq!(redactor.beginning(&format!("x{SECRET}x"), 5), "x***…");
    assert_eq!(redactor.beginning(&format!("x{SECRET}"), 5), "x***");
    assert_eq!(redactor.beginning("ää", 3), "ä…");
    for before in 0..60 {
        for spelling in [SECRET, "\\u00733cr\\u0022et/Value", "czNjciJldC9WYWx1ZQ=="] {
            let text = format!("{}{}", "x".repeat(before), spelling.repeat(1000));
            let shown = redactor.beginning(&text, 50);
            let xs = shown.bytes().take_while(|byte| *byte == b'x').count();
            assert_eq!(
                (xs, shown.trim_start_matches('x').trim_start_matches("***")),
                (before.min(50), "…"),
                "{before}"
            );
        }
    }
}

#[test]
fn short_secrets_are_not_looked_for_in_texts() {
    let redactor = Redactor::new(&[Redacted::new("a".to_owned()), Redacted::new(String::new())], &[]);
    assert_eq!(redactor.text("banana"), "banana");
}

#[test]
fn a_request_is_masked_as_a_whole() {
    let definition = webhook(super::body());
    let rendered = Rendered {
        method: "POST".to_owned(),
        url: "https://sms.example/v1?echo=s3cr%22et%2FValue".to_owned(),
        headers: vec![field("X-Campaign", "{{ secret.sms_key }}")],
        body: Bytes::from(format!("{{\"a\": \"{SECRET}\"}}")),
    };
    let composed = finish(&definition, rendered, &secrets, "k").expect("composed");
    let parts = Redactor::for_request(&composed).request(&composed);
    assert_eq!((parts.url.as_str(), parts.body.as_str()), ("https://sms.example/v1?echo=***", "{\"a\": \"***\"}"));
    assert_eq!(parts.headers[0], field("X-Campaign", "***"));
    assert_eq!(parts.headers[2], field("Idempotency-Key", "k"));
}

#[test]
fn bodies_are_cut_at_the_kept_length_and_between_characters() {
    let redactor = Redactor::new(&[], &[]);
    let whole = "x".repeat(BODY_BYTES_KEPT);
    assert_eq!(body_of(&redactor, whole.as_bytes()), (whole.clone(), false, false));
    assert_eq!(body_of(&redactor, format!("{whole}y").as_bytes()), (whole.clone(), false, true));
    let across = format!("{}ü", &whole[1..]);
    assert_eq!(body_of(&redactor, across.as_bytes()), (whole[1..].to_owned(), false, true));
}

#[test]
fn a_body_that_is_no_text_is_base64() {
    let redactor = Redactor::new(&[], &[]);
    assert_eq!(body_of(&redactor, b"\xff\x00"), ("/wA=".to_owned(), true, false));
    assert_eq!(body_of(&redactor, b"half \xc3"), ("aGFsZiDD".to_owned(), true, false));
    let cut = redactor.response(200, &[], &Bytes::from_static(b"half \xc3"), true);
    assert_eq!((cut.body.as_str(), cut.body_base64, cut.body_cut), ("half ", false, true));
}

#[test]
fn a_secret_across_the_cut_is_not_shown_in_part() {
    for before in BODY_BYTES_KEPT - SECRET.len()..=BODY_BYTES_KEPT {
        let (kept, _, cut) =
            body_of(&redactor(), format!("{}{SECRET}{}", "x".repeat(before), "y".repeat(100)).as_bytes());
        assert!(cut && !kept.contains("s3"), "{before}");
    }
}

proptest! {
    #[test]
    fn no_text_shows_a_secret(secret in "[a-c]{4,6}", text in "[a-c]{0,60}") {
        let redactor = Redactor::new(&[Redacted::new(secret.clone())], &[]);
        prop_assert!(!redactor.text(&text).contains(&secret));
        prop_assert!(!body_of(&redactor, text.as_bytes()).0.contains(&secret));
    }

    #[test]
    fn every_body_is_kept_within_its_limit(body in proptest::collection::vec(any::<u8>(), 0..64), times in 1..600usize) {
        let body = body.repeat(times);
        let (kept, base64, cut) = body_of(&Redactor::new(&[], &[]), &body);
        prop_assert!(kept.len() <= BODY_BYTES_KEPT.div_ceil(3) * 4);
        prop_assert_eq!(cut, body.len() > BODY_BYTES_KEPT);
        if !base64 && !cut {
            prop_assert_eq!(kept.as_bytes(), body.as_slice());
        }
    }
}
