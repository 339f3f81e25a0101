//! The vectors of the official libraries and of the specification, and calls that are not what they claim.

use serde_json::json;
use tenterhook_verify::testing::{Judged, Trial, check_calls, check_description, check_junk, check_signed, check_time};

use super::*;

/// A message with its one signature.
struct Vector {
    secret: &'static str,
    id: &'static str,
    sent: u64,
    body: &'static str,
    signature: &'static str,
}

/// Of the official libraries' tests.
const A: Vector = Vector {
    secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
    sent: 1_614_265_330,
    body: "{\"test\": 2432232314}",
    signature: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
};
/// Another of them.
const B: Vector = Vector {
    secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    id: "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
    sent: 1_649_367_553,
    body: "{\"email\":\"test@example.com\",\"username\":\"test_user\"}",
    signature: "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
};
/// The published one of ed25519, over A's message.
const C: Vector = Vector {
    secret: "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
    signature: "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==",
    ..A
};
/// A with an empty body.
const D: Vector = Vector { body: "", signature: "v1,v48jdbgvh29KJz2Qc+ghw8G6vG3nAKnujWBg8oM/62A=", ..A };

/// Signatures of other messages.
const WRONG_V1: &str = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
const WRONG_V1A: &str = "v1a,AAAAf9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";

const HEADERS: [&str; 3] = FAMILIES[0];

impl Vector {
    fn call(&self) -> Trial {
        let values = [self.id, &self.sent.to_string(), self.signature];
        let trial = Trial::new(self.secret).at(self.sent).body(self.body);
        HEADERS.iter().zip(values).fold(trial, |trial, (name, value)| trial.header(name, value))
    }

    fn with(&self, signatures: &str) -> Judged {
        self.call().with("webhook-signature", signatures).judge::<StandardWebhooks>()
    }
}

#[test]
fn the_published_vectors_are_accepted() {
    for vector in [A, B, C, D] {
        assert_eq!(vector.call().judge::<StandardWebhooks>(), Judged::as_id(vector.id));
        check_time::<StandardWebhooks>(&vector.call(), vector.sent, 300);
    }
    for vector in [A, B, D] {
        check_signed::<StandardWebhooks>(&vector.call(), &HEADERS);
    }
    check_time::<StandardWebhooks>(&A.call().config(json!({ "tolerance_s": 10 })), A.sent, 10);
}

#[test]
fn the_older_header_names_are_understood_but_not_mixed() {
    let svix = FAMILIES[1].iter().zip([A.id, "1614265330", A.signature]);
    let call =
        svix.fold(Trial::new(A.secret).at(A.sent).body(A.body), |trial, (name, value)| trial.header(name, value));
    assert_eq!(call.judge::<StandardWebhooks>(), Judged::as_id(A.id));
    let mixed = call.header("webhook-id", A.id).judge::<StandardWebhooks>();
    assert!(mixed.reason().contains("`webhook-timestamp` is missing"), "{mixed:?}");
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
            format!("{}{good}", "v1,x ".repeat(15)),
        ] {
            assert_eq!(vector.with(&list), Judged::as_id(A.id), "{list}");
        }
        vector.with(&format!("{}{good}", "v1,x ".repeat(16))).reason();
    }
}

#[test]
fn a_signature_that_proves_nothing_is_refused() {
    for vector in [A, C] {
        let good = vector.signature;
        let (version, bare) = good.split_once(',').unwrap();
        for signature in [
            format!("{version},"),
            format!("{version},R3PTzyfHASBKHH98a7yexTwaJ4yNIcGhFQc1yuN+BPU="),
            good[..8].to_owned(),
            good[..good.len() - 1].to_owned(),
            format!("{good}{bare}"),
            format!("{version},{}==", "A".repeat(86)),
            format!("{WRONG_V1} {WRONG_V1A}"),
        ] {
            let reason = vector.with(&signature);
            let reason = reason.reason();
            assert!(reason.contains("does not fit") || reason.contains("characters"), "{signature}: {reason}");
        }
        let other = if version == "v1" { "v1a" } else { "v1" };
        for signature in
            [version, bare, ",", " ", &format!("v2,{bare}"), &format!("V1,{bare}"), &format!("{other},{bare}")]
        {
            assert!(vector.with(signature).reason().contains("of the secret's kind"), "{signature}");
        }
        for altered in [vector.call().with("webhook-id", "msg_other"), vector.call().body("{\"test\": 2432232315}")] {
            assert!(altered.judge::<StandardWebhooks>().reason().contains("does not fit"));
        }
        let later = vector.call().with("webhook-timestamp", "1614265331").judge::<StandardWebhooks>();
        assert!(later.reason().contains("does not fit"));
    }
}

#[test]
fn both_kinds_of_secrets_hold_while_one_replaces_the_other() {
    let both = format!("{} {}", A.signature, C.signature);
    for vector in [A, C, Vector { secret: B.secret, ..A }] {
        let with = |secrets: [&str; 2]| {
            let call = vector.call().no_secrets().secret("secret", secrets[0]).secret("secret-2", secrets[1]);
            call.with("webhook-signature", &both).judge::<StandardWebhooks>()
        };
        assert_eq!(
            (with([A.secret, B.secret]), with([B.secret, C.secret])),
            (Judged::as_id(A.id), Judged::as_id(A.id))
        );
    }
}

#[test]
fn what_is_no_key_is_invalid_and_is_not_told() {
    for (secret, reason) in [
        ("whsec_", "must be `whsec_` and base64"),
        ("whsec_!!!not base64!!!", "must be `whsec_` and base64"),
        ("whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKk", "private key"),
        ("whpk_", "public ed25519 key"),
        ("whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOiw==", "public ed25519 key"),
        // No point of the curve, and a point of small order.
        ("whpk_AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "public ed25519 key"),
        ("whpk_AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "public ed25519 key"),
    ] {
        let judged = A.call().no_secrets().secret("secret", secret).judge::<StandardWebhooks>();
        assert!(matches!(&judged, Judged::Invalid(text) if text.contains(reason)), "{secret}: {judged:?}");
    }
    let bare = A.call().no_secrets().secret("secret", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    assert_eq!(bare.judge::<StandardWebhooks>(), Judged::as_id(A.id), "the official libraries need no prefix");
}

#[test]
fn a_message_id_has_at_most_256_bytes() {
    let long = A.call().with("webhook-id", &"i".repeat(257)).judge::<StandardWebhooks>();
    assert!(long.reason().contains("1 to 256 bytes"));
}

#[test]
fn what_the_providers_library_signs_is_accepted() {
    check_calls::<StandardWebhooks>(env!("CARGO_PKG_NAME"), include_str!("../../../../tests/providers/calls.jsonl"));
}

#[test]
fn junk_is_refused() {
    check_junk::<StandardWebhooks>(&A.call(), &HEADERS, true);
    check_junk::<StandardWebhooks>(&C.call(), &HEADERS, true);
}

#[test]
fn the_description_is_whole() {
    check_description::<StandardWebhooks>();
}
