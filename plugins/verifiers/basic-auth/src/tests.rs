//! The examples of RFC 7617, and calls that are not what they claim.

use serde_json::{Value, json};
use tenterhook_verify::testing::{Judged, Trial, check_description, check_junk, check_signed};

use super::*;

/// RFC 7617 §2.
const ALADDIN: &str = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";

fn published() -> Trial {
    Trial::new("open sesame").config(json!({ "user": "Aladdin" })).header("Authorization", ALADDIN)
}

#[test]
fn the_published_examples_are_accepted() {
    check_signed::<BasicAuth>(&published(), &[HEADER]);
    assert_eq!(published().judge::<BasicAuth>(), Judged::Accepted(None, None));
    // RFC 7617 §2.1: user "test", password "123£", in UTF-8.
    let utf8 =
        Trial::new("123\u{a3}").config(json!({ "user": "test" })).header("Authorization", "Basic dGVzdDoxMjPCow==");
    assert!(utf8.judge::<BasicAuth>().is_accepted());
}

#[test]
fn the_scheme_has_no_case_and_may_have_spaces_behind() {
    let with = |value: &str| published().with("Authorization", value).judge::<BasicAuth>();
    for value in [ALADDIN.replace("Basic", "basic"), ALADDIN.replace("Basic", "BASIC "), format!("{ALADDIN} ")] {
        assert!(with(&value).is_accepted(), "{value}");
    }
    for value in
        ["Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "BasicQWxhZGRpbjpvcGVuIHNlc2FtZQ=="]
    {
        assert!(with(value).reason().contains("must begin with `Basic `"), "{value}");
    }
    for value in [
        "Basic",
        "Basic ",
        "Basic QWxh ZGRpbjpvcGVuIHNlc2FtZQ==",
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ",
        "Basic Aladdin:x",
    ] {
        let reason = with(value);
        assert!(reason.reason().contains("base64") || reason.reason().contains("not right"), "{value}");
    }
}

#[test]
fn user_and_password_must_both_be_right() {
    for (user, password) in [("Aladdin", "open"), ("aladdin", "open sesame"), ("", "open sesame"), ("Aladdin", "")] {
        let value = format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")));
        let judged = published().with("Authorization", &value).judge::<BasicAuth>();
        assert!(judged.reason().contains("not right"), "{user}:{password}");
    }
    let colon = Trial::new("a:b:c").config(json!({ "user": "u" }));
    let value = format!("Basic {}", BASE64_STANDARD.encode("u:a:b:c"));
    assert!(colon.header("Authorization", &value).judge::<BasicAuth>().is_accepted(), "a password may have colons");
}

#[test]
fn a_user_that_cannot_be_one_is_invalid() {
    for user in ["", "a:b", "a\n"] {
        let judged = published().config(json!({ "user": user })).judge::<BasicAuth>();
        assert!(matches!(judged, Judged::Invalid(reason) if reason.contains("RFC 7617")), "{user:?}");
    }
    let none = published().config(Value::Null).judge::<BasicAuth>();
    assert!(matches!(none, Judged::Invalid(reason) if reason.starts_with("config: ")));
}

#[test]
fn junk_is_refused() {
    check_junk::<BasicAuth>(&published(), &["authorization"], false);
}

#[test]
fn the_description_is_whole() {
    check_description::<BasicAuth>();
}
