//! Tests of signatures: published vectors, the official libraries as counterparts, what must be refused.

use expect_test::{Expect, expect};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::*;
use crate::clock::{Clock as _, SystemClock};
use crate::model::Time;

/// A message with its one signature.
#[derive(Clone, Copy, Debug)]
struct Vector {
    signing: &'static str,
    verifying: &'static str,
    id: &'static str,
    seconds: u64,
    body: &'static str,
    signature: &'static str,
}

/// Of the official libraries' tests.
const A: Vector = Vector {
    signing: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    verifying: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    seconds: 1_614_265_330,
    body: "{\"test\": 2432232314}",
    signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
};
/// Another of them.
const B: Vector = Vector {
    signing: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    verifying: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    id: "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
    seconds: 1_649_367_553,
    body: "{\"email\":\"test@example.com\",\"username\":\"test_user\"}",
    signature: "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
};
/// The published one of ed25519, over A's message.
const C: Vector = Vector {
    signing: "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==",
    verifying: "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
    signature: "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
    ..A
};
/// A with an empty body.
const D: Vector = Vector { body: "", signature: "v1,v48jdbgvh29KJz2Qc+ghw8G6vG3nAKnujWBg8oM/62A=", ..A };

/// Signatures of other messages.
const WRONG_V1: &str = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
const WRONG_V1A: &str = "v1a,AAAAf9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";

impl Vector {
    fn time(&self) -> Time {
        Time::from_millis(self.seconds * 1000)
    }

    fn signing_key(&self) -> SigningKey {
        SigningKey::from_text(self.signing).expect("a signing key")
    }

    fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey::from_text(self.verifying).expect("a verifying key")
    }

    /// Verifies the message with this signature header.
    fn with(&self, signatures: &str) -> Result<(), SignatureError> {
        let seconds = self.seconds.to_string();
        let headers = SignedHeaders::check(Some(self.id), Some(&seconds), Some(signatures), self.time())?;
        headers.verify(&[self.verifying_key()], self.body.as_bytes())
    }
}

fn headers(id: &str, time: Time, signatures: &str) -> HeaderMap {
    let seconds = (time.as_millis() / 1000).to_string();
    let mut map = HeaderMap::new();
    for (name, value) in [(ID_HEADER, id), (TIMESTAMP_HEADER, &seconds), (SIGNATURE_HEADER, signatures)] {
        map.insert(name, HeaderValue::from_str(value).expect("a header value"));
    }
    map
}

#[test]
fn the_published_vectors_are_made_and_verified() {
    for vector in [A, B, C, D] {
        let ours = sign([&vector.signing_key()], vector.id, vector.time(), vector.body.as_bytes());
        assert_eq!(ours, vector.signature);
        assert_eq!(vector.with(vector.signature), Ok(()));
    }
}

#[test]
fn a_private_key_knows_its_public_one() {
    assert_eq!(C.signing_key().public_text().as_deref(), Some(C.verifying));
    assert_eq!(A.signing_key().public_text(), None);
    let headers = SignedHeaders::check(Some(C.id), Some("1614265330"), Some(C.signature), C.time()).expect("complete");
    assert_eq!(headers.verify(&[C.signing_key().verifying_key()], C.body.as_bytes()), Ok(()));
}

#[test]
fn both_keys_sign_while_one_replaces_the_other() {
    let both = sign([&B.signing_key(), &C.signing_key(), &A.signing_key()], A.id, A.time(), A.body.as_bytes());
    let versions: Vec<_> = both.split(' ').map(|signature| signature.split(',').next().unwrap_or("")).collect();
    assert_eq!(versions, ["v1", "v1a", "v1"]);
    for vector in [A, C, Vector { signing: B.signing, verifying: B.verifying, ..A }] {
        assert_eq!(vector.with(&both), Ok(()), "{}", vector.verifying);
    }
    assert_eq!(sign([], A.id, A.time(), b""), "");
}

#[test]
fn a_key_reads_back_from_its_text_and_stays_out_of_debug() {
    for scheme in [Scheme::V1, Scheme::V1a] {
        let key = SigningKey::generate(scheme).expect("randomness");
        let text = key.to_text();
        let again = SigningKey::from_text(text.reveal()).expect("reads back");
        assert_eq!((again.scheme(), again.to_text()), (scheme, text));
        assert_ne!(SigningKey::generate(scheme).expect("randomness").to_text(), key.to_text());
        assert_eq!(format!("{key:?}"), format!("SigningKey({}, ***)", scheme.version()));
        assert_eq!(format!("{:?}", key.verifying_key()), format!("VerifyingKey({}, ***)", scheme.version()));
    }
}

fn signing(text: &str, expected: &Expect) {
    let refused = SigningKey::from_text(text).expect_err(text);
    expected.assert_eq(&refused.to_string());
}

#[test]
fn what_is_no_signing_key_is_refused_with_the_reason() {
    signing("", &expect!["a signing key begins with whsec_ (shared secret) or whsk_ (ed25519 private key)"]);
    signing(
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        &expect!["a signing key begins with whsec_ (shared secret) or whsk_ (ed25519 private key)"],
    );
    signing("whsec_", &expect!["the secret has 0 bytes; use 24 to 64"]);
    signing("whsec_!", &expect!["what follows the prefix is not base64 (RFC 4648 §4, with padding)"]);
    signing(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        &expect!["what follows the prefix is not base64 (RFC 4648 §4, with padding)"],
    );
    signing("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLQ==", &expect!["the secret has 22 bytes; use 24 to 64"]);
    signing(&format!("whsec_{}AA==", "A".repeat(88)), &expect!["the secret has 67 bytes; use 24 to 64"]);
    signing(C.verifying, &expect!["whpk_ is a public key; to sign, give the private one, which begins with whsk_"]);
    signing(
        "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc=",
        &expect!["the private key has 32 bytes; it must be 64, the seed and the public key"],
    );
    signing(
        &C.signing[..C.signing.len() - 4],
        &expect!["the private key has 63 bytes; it must be 64, the seed and the public key"],
    );
    let altered = expect!["the public half of the private key does not belong to its seed: the key was altered"];
    for (from, to) in [("Kvg==", "Lvg=="), ("fVKIDij2", "fVKIDij3"), ("whsk_6Xb/", "whsk_7Xb/")] {
        signing(&C.signing.replace(from, to), &altered);
    }
}

#[test]
fn the_lengths_of_secrets_have_both_bounds() {
    for (bytes, fits) in [(23, false), (24, true), (64, true), (65, false)] {
        use base64::prelude::{BASE64_STANDARD, Engine as _};
        let text = format!("whsec_{}", BASE64_STANDARD.encode(vec![7; bytes]));
        assert_eq!(SigningKey::from_text(&text).is_ok(), fits, "{bytes}");
        assert!(VerifyingKey::from_text(&text).is_ok(), "who verifies takes what the sender has");
    }
}

#[test]
fn what_is_no_verifying_key_is_refused() {
    for (text, expected) in [
        ("", KeyError::Empty),
        ("whsec_", KeyError::Empty),
        ("whsec_!!!", KeyError::NotBase64),
        (C.signing, KeyError::Private),
        ("whpk_", KeyError::BadPublic),
        ("whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOiw==", KeyError::BadPublic),
        // No point of the curve, and a point of small order.
        ("whpk_AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", KeyError::BadPublic),
        ("whpk_AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", KeyError::BadPublic),
    ] {
        assert_eq!(VerifyingKey::from_text(text).expect_err(text), expected, "{text}");
    }
    assert!(VerifyingKey::from_text("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").is_ok(), "the libraries need no prefix");
}

#[test]
fn a_good_signature_among_others_is_enough() {
    for vector in [A, C] {
        let good = vector.signature;
        for list in [
            format!("{WRONG_V1} {WRONG_V1A} {good}"),
            format!("{good} {WRONG_V1}"),
            format!("v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= {good} v1a, v1,"),
            format!("nonsense  , {good}"),
        ] {
            assert_eq!(vector.with(&list), Ok(()), "{list}");
        }
        assert_eq!(vector.with(&format!("{}{good}", "v1,x ".repeat(15))), Ok(()));
        assert!(vector.with(&format!("{}{good}", "v1,x ".repeat(16))).is_err(), "so many are not looked at");
    }
}

#[test]
fn a_signature_that_proves_nothing_is_refused() {
    for vector in [A, C] {
        let good = vector.signature;
        let (version, bare) = good.split_once(',').expect("a version");
        let mismatches = [
            format!("{version},"),
            format!("{version},R3PTzyfHASBKHH98a7yexTwaJ4yNIcGhFQc1yuN+BPU="),
            good[..8].to_owned(),
            good[..good.len() - 1].to_owned(),
            format!("{good}{bare}"),
            format!("{version},{}=", "A".repeat(43)),
            format!("{version},{}==", "A".repeat(86)),
            format!("{WRONG_V1} {WRONG_V1A}"),
        ];
        for signature in mismatches {
            assert_eq!(vector.with(&signature), Err(SignatureError::Mismatch), "{signature}");
        }
        let other = if version == "v1" { "v1a" } else { "v1" };
        for signature in
            [version, bare, ",", " ", &format!("v2,{bare}"), &format!("V1,{bare}"), &format!("{other},{bare}")]
        {
            assert_eq!(vector.with(signature), Err(SignatureError::NoVersion), "{signature}");
        }
        for altered in [Vector { id: "msg_other", ..vector }, Vector { body: "{\"test\": 2432232315}", ..vector }] {
            assert_eq!(altered.with(good), Err(SignatureError::Mismatch));
        }
        let late = Vector { seconds: vector.seconds + 1, ..vector };
        assert_eq!(late.with(good), Err(SignatureError::Mismatch));
    }
    let headers = SignedHeaders::check(Some(A.id), Some("1614265330"), Some(A.signature), A.time()).expect("complete");
    assert_eq!(headers.verify(&[], A.body.as_bytes()), Err(SignatureError::NoVersion));
}

#[test]
fn each_header_is_needed() {
    let check = |id, timestamp, signatures| SignedHeaders::check(id, timestamp, signatures, A.time()).err();
    let (id, timestamp, signatures) = (Some(A.id), Some("1614265330"), Some(A.signature));
    assert_eq!(check(id, timestamp, signatures), None);
    for missing in [None, Some("")] {
        assert_eq!(check(missing, timestamp, signatures), Some(SignatureError::NoId));
        assert_eq!(check(id, missing, signatures), Some(SignatureError::NoTimestamp));
        assert_eq!(check(id, timestamp, missing), Some(SignatureError::NoSignature));
    }
    let (fits, long) = ("i".repeat(256), "i".repeat(257));
    assert_eq!(check(Some(&fits), timestamp, signatures), None);
    assert_eq!(check(Some(&long), timestamp, signatures), Some(SignatureError::LongId));
}

#[test]
fn a_timestamp_may_be_off_by_five_minutes_either_way() {
    let at = |now: u64| SignedHeaders::check(Some(A.id), Some("1614265330"), Some("v1,"), Time::from_millis(now)).err();
    let millis = A.seconds * 1000;
    for now in [millis, millis + 300_999, millis - 300_000] {
        assert_eq!(at(now), None, "{now}");
    }
    assert_eq!(at(millis + 301_000), Some(SignatureError::TooOld));
    assert_eq!(at(millis - 301_000), Some(SignatureError::TooNew));
    for text in ["x", "-1", "1.5", "+1614265330", "1614265330 ", "99999999999999999999", "1614265330x"] {
        let refused = SignedHeaders::check(Some(A.id), Some(text), Some("v1,"), A.time()).expect_err(text);
        assert_eq!(refused, SignatureError::BadTimestamp, "{text}");
    }
    let in_millis = SignedHeaders::check(Some(A.id), Some("1614265330000"), Some("v1,"), A.time()).err();
    assert_eq!(in_millis, Some(SignatureError::TooNew));
}

/// Whether the two official libraries and we accept B's message with these headers.
fn verdicts(id: Option<&str>, timestamp: Option<&str>, signatures: Option<&str>) -> [bool; 3] {
    let mut map = HeaderMap::new();
    for (name, value) in [(ID_HEADER, id), (TIMESTAMP_HEADER, timestamp), (SIGNATURE_HEADER, signatures)] {
        if let Some(value) = value {
            map.insert(name, HeaderValue::from_str(value).expect("a value"));
        }
    }
    let standard = standardwebhooks::Webhook::new(B.verifying).expect("a verifier");
    let svix = svix::webhooks::Webhook::new(B.verifying).expect("a verifier");
    let ours = SignedHeaders::check(id, timestamp, signatures, SystemClock.now())
        .and_then(|headers| headers.verify(&[B.verifying_key()], B.body.as_bytes()));
    [standard.verify(B.body.as_bytes(), &map).is_ok(), svix.verify(B.body.as_bytes(), &map).is_ok(), ours.is_ok()]
}

#[test]
fn we_judge_as_the_official_libraries_do() {
    let now = SystemClock.now().as_millis() / 1000; // they read the clock themselves
    let signed_at = |seconds: u64| {
        let time = Time::from_millis(seconds * 1000);
        (seconds.to_string(), sign([&B.signing_key()], B.id, time, B.body.as_bytes()))
    };
    let (timestamp, good) = signed_at(now);
    let bare = good.strip_prefix("v1,").expect("v1");
    let (id, at) = (Some(B.id), Some(timestamp.as_str()));
    for (offset, accepted) in [(-310, false), (-290, true), (290, true), (310, false)] {
        let (timestamp, signature) = signed_at(now.checked_add_signed(offset).expect("in range"));
        assert_eq!(verdicts(id, Some(&timestamp), Some(&signature)), [accepted; 3], "{offset}");
    }
    for signatures in
        [good.clone(), format!("{WRONG_V1} v2,{bare} {good}"), format!("{good} {WRONG_V1A}"), format!(" {good}")]
    {
        assert_eq!(verdicts(id, at, Some(&signatures)), [true; 3], "{signatures}");
    }
    let nothing = ["", "v1,", "v1", bare, &good[..8], &good[..good.len() - 1], WRONG_V1, WRONG_V1A];
    let other_versions = [format!("v2,{bare}"), format!("v1a,{bare}"), format!("V1,{bare}"), format!("{good},")];
    for signatures in nothing.into_iter().chain(other_versions.iter().map(String::as_str)) {
        assert_eq!(verdicts(id, at, Some(signatures)), [false; 3], "{signatures}");
    }
    for (id, at, signatures) in [
        (None, at, Some(good.as_str())),
        (id, None, Some(&good)),
        (id, at, None),
        (id, Some("now"), Some(&good)),
        (id, Some(""), Some(&good)),
        (Some("msg_other"), at, Some(&good)),
    ] {
        assert_eq!(verdicts(id, at, signatures), [false; 3], "{id:?} {at:?} {signatures:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_official_libraries_accept_what_we_sign(
        secret in proptest::collection::vec(any::<u8>(), 24..=64),
        id in "[a-zA-Z0-9_-]{1,60}",
        body in ".{0,200}",
    ) {
        use base64::prelude::{BASE64_STANDARD, Engine as _};
        let text = format!("whsec_{}", BASE64_STANDARD.encode(secret));
        let now = SystemClock.now(); // they read the clock themselves
        let keys = [B.signing_key(), SigningKey::from_text(&text).expect("a key")];
        let headers = headers(&id, now, &sign(&keys, &id, now, body.as_bytes()));
        let standard = standardwebhooks::Webhook::new(&text).expect("a verifier");
        let svix = svix::webhooks::Webhook::new(&text).expect("a verifier");
        prop_assert!(standard.verify(body.as_bytes(), &headers).is_ok());
        prop_assert!(svix.verify(body.as_bytes(), &headers).is_ok());
        let altered = format!("{body} ");
        prop_assert!(standard.verify(altered.as_bytes(), &headers).is_err());
        prop_assert!(svix.verify(altered.as_bytes(), &headers).is_err());
    }

    #[test]
    fn we_accept_what_the_official_libraries_sign(id in "[a-zA-Z0-9_-]{1,60}", body in ".{0,200}") {
        let seconds = i64::try_from(A.seconds).expect("in range");
        let standard = standardwebhooks::Webhook::new(A.verifying).expect("a signer");
        let svix = svix::webhooks::Webhook::new(A.verifying).expect("a signer");
        let by_standard = standard.sign(&id, seconds, body.as_bytes()).expect("signed");
        let by_svix = svix.sign(&id, seconds, body.as_bytes()).expect("signed");
        for signature in [by_standard, by_svix] {
            let headers = SignedHeaders::check(Some(&id), Some("1614265330"), Some(&signature), A.time());
            prop_assert_eq!(headers.and_then(|headers| headers.verify(&[A.verifying_key()], body.as_bytes())), Ok(()));
        }
    }

    /// No published library verifies `v1a`; the ed25519 of the TLS library does it by itself.
    #[test]
    fn another_ed25519_accepts_what_we_sign(id in "[a-zA-Z0-9_-]{1,60}", body in ".{0,200}") {
        use base64::prelude::{BASE64_STANDARD, Engine as _};
        let key = SigningKey::generate(Scheme::V1a).expect("randomness");
        let header = sign([&key], &id, A.time(), body.as_bytes());
        let signature = BASE64_STANDARD.decode(header.strip_prefix("v1a,").expect("v1a")).expect("base64");
        let public = key.public_text().expect("a public key");
        let public = BASE64_STANDARD.decode(public.strip_prefix("whpk_").expect("whpk_")).expect("base64");
        let verifier = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, public);
        let verifies = |seconds: u64| verifier.verify(format!("{id}.{seconds}.{body}").as_bytes(), &signature).is_ok();
        prop_assert_eq!((verifies(A.seconds), verifies(A.seconds + 1)), (true, false));
    }

    #[test]
    fn no_header_and_no_key_make_it_panic(
        id in ".{0,20}", timestamp in "[0-9]{0,20}", list in ".{0,200}", key in ".{0,100}",
    ) {
        for key in [key.clone(), format!("whsec_{key}"), format!("whsk_{key}"), format!("whpk_{key}")] {
            prop_assert!(SigningKey::from_text(&key).is_err());
            prop_assert!(VerifyingKey::from_text(&key).is_err() || !key.starts_with("whpk_"));
        }
        let checked = SignedHeaders::check(Some(&id), Some(&timestamp), Some(&list), A.time());
        let keys = [A.verifying_key(), C.verifying_key()];
        let verified = checked.and_then(|headers| headers.verify(&keys, b""));
        prop_assert!(verified.is_err());
    }
}
