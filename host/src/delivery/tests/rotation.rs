//! Which secrets sign, and how one replaces another.

use std::time::Duration;

use super::*;
use crate::model::{Sealed, SigningSecret};
use crate::signature::Scheme;

fn secret(name: &str, until: Option<u64>) -> SigningSecret {
    SigningSecret {
        sealed: Sealed(name.to_owned()),
        public_key: None,
        created_at: Time::from_millis(0),
        until: until.map(Time::from_millis),
    }
}

fn names(secrets: &[SigningSecret]) -> Vec<(&str, Option<u64>)> {
    secrets.iter().map(|s| (s.sealed.0.as_str(), s.until.map(Time::as_millis))).collect()
}

fn signing(secrets: &[SigningSecret], now: u64) -> Vec<&str> {
    current_secrets(secrets, Time::from_millis(now)).map(|secret| secret.sealed.0.as_str()).collect()
}

#[test]
fn both_secrets_sign_until_the_overlap_ends() {
    let now = Time::from_millis(1_000);
    let secrets = rotated(&[secret("old", None)], secret("new", None), Duration::from_secs(60), now);
    assert_eq!(names(&secrets), [("new", None), ("old", Some(61_000))]);
    assert_eq!(signing(&secrets, 60_999), ["new", "old"]);
    assert_eq!(signing(&secrets, 61_000), ["new"]);
}

#[test]
fn an_earlier_end_stays_and_what_ended_is_gone() {
    let former = [secret("c", None), secret("b", Some(5_000)), secret("a", Some(900))];
    let secrets = rotated(&former, secret("d", Some(1)), Duration::from_secs(60), Time::from_millis(1_000));
    assert_eq!(names(&secrets), [("d", None), ("c", Some(61_000)), ("b", Some(5_000))]);
    let alone = rotated(&former, secret("d", None), Duration::ZERO, Time::from_millis(1_000));
    assert_eq!(names(&alone), [("d", None)]);
}

#[test]
fn the_overlap_and_the_number_of_secrets_have_bounds() {
    let mut secrets = vec![secret("0", None)];
    for n in 1..20_u64 {
        secrets = rotated(&secrets, secret(&n.to_string(), None), Duration::MAX, Time::from_millis(n));
    }
    assert_eq!(secrets.len(), SIGNING_SECRETS_MAX);
    assert_eq!(secrets[0].sealed.0, "19");
    let week = u64::try_from(OVERLAP_MAX.as_millis()).expect("small");
    assert_eq!(secrets[1].until, Some(Time::from_millis(19 + week)));
}

#[test]
fn a_rotation_is_checked() {
    let check = |body: Value| serde_json::from_value::<RotationDraft>(body).expect("the shape of a draft").check();
    let absent = check(json!({})).expect("good");
    assert_eq!((absent.key.is_none(), absent.scheme, absent.overlap), (true, None, OVERLAP_DEFAULT));
    let shared = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let given = check(json!({"secret": shared, "overlap_s": 0})).expect("good");
    assert_eq!((given.key.map(|key| key.scheme()), given.overlap), (Some(Scheme::V1), Duration::ZERO));
    let week = OVERLAP_MAX.as_secs();
    assert_eq!(check(json!({"overlap_s": week})).expect("good").overlap, OVERLAP_MAX);
    let problems = check(json!({"overlap_s": week + 1, "secret": shared, "scheme": "v1a"})).expect_err("refused");
    assert_eq!(problems.iter().map(|problem| problem.field.as_str()).collect::<Vec<_>>(), ["overlap_s", "scheme"]);
    let unknown = serde_json::from_value::<RotationDraft>(json!({"overlap": 1})).expect_err("unknown");
    assert!(unknown.to_string().contains("unknown field `overlap`"), "{unknown}");
}

#[test]
fn an_envelope_secret_is_wh_and_hex() {
    let (one, other) = (generate_envelope_secret().expect("random"), generate_envelope_secret().expect("random"));
    assert_ne!(one, other);
    assert_eq!(super::secrets::envelope_problem(one.reveal()), None);
    assert_eq!(one.reveal().len(), "wh_".len() + 64);
    let digits = |n: usize| format!("wh_{}", "a".repeat(n));
    for (text, fits) in [
        (digits(15), false),
        (digits(16), true),
        (digits(128), true),
        (digits(129), false),
        ("wh_0123456789ABCDEF".to_owned(), true),
        ("wh_0123456789abcdeg".to_owned(), false),
        ("0123456789abcdef".to_owned(), false),
        ("whsec_0123456789abcdef".to_owned(), false),
    ] {
        assert_eq!(super::secrets::envelope_problem(&text).is_none(), fits, "{text}");
    }
}
