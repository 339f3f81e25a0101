//! Published vectors, and what the rules of all verifiers come to.

use sha1::Sha1;
use sha2::{Sha256, Sha512};
use tenterhook_plugin::{Field, InboundRequest, Secret};

use crate::mac::{Encoding, check, hex, hmac};
use crate::time::{Timed, Tolerance};
use crate::{Stop, body, secrets};

fn reason(stopped: Result<(), Stop>) -> String {
    match stopped {
        Err(Stop::Refused(reason)) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

/// RFC 4231 §4: key, data, HMAC-SHA-256, HMAC-SHA-512.
const RFC_4231: [(&[u8], &[u8], &str, &str); 6] = [
    (
        &[0x0b; 20],
        b"Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde\
         daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
         9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    ),
    (
        &[0xaa; 20],
        &[0xdd; 50],
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39\
         bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
    ),
    (
        &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25],
        &[0xcd; 50],
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db\
         a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
    ),
    (
        &[0xaa; 131],
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352\
         6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
    ),
    (
        &[0xaa; 131],
        b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be \
          hashed before being used by the HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944\
         b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58",
    ),
];

/// RFC 2202 §3: key, data, HMAC-SHA-1.
const RFC_2202: [(&[u8], &[u8], &str); 4] = [
    (&[0x0b; 20], b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
    (b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    (&[0xaa; 20], &[0xdd; 50], "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
    (
        &[0xaa; 80],
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "aa4ae5e15272d00e95705637ce8a3b55ed402112",
    ),
];

#[test]
fn the_hmacs_are_those_of_the_rfcs() {
    for (key, data, sha256, sha512) in RFC_4231 {
        assert_eq!(hex(&hmac::<Sha256>(key, &[data]).unwrap()), sha256);
        assert_eq!(hex(&hmac::<Sha512>(key, &[data]).unwrap()), sha512);
        let (head, tail) = data.split_at(3);
        assert_eq!(hmac::<Sha256>(key, &[head, b"", tail]).unwrap(), hmac::<Sha256>(key, &[data]).unwrap());
    }
    for (key, data, sha1) in RFC_2202 {
        assert_eq!(hex(&hmac::<Sha1>(key, &[data]).unwrap()), sha1);
    }
}

#[test]
fn one_good_signature_by_one_good_key_is_enough() {
    let parts: [&[u8]; 1] = [b"what do ya want for nothing?"];
    let good = RFC_4231[1].2;
    let upper = good.to_uppercase();
    let check = |keys: &[&str], given: &[&str]| check::<Sha256>(keys, Encoding::Hex, given, &parts);
    for given in [&[good] as &[_], &["", good], &[&upper], &["00", good, &good[1..]]] {
        assert!(check(&["Jefe"], given).is_ok() && check(&["other", "Jefe"], given).is_ok(), "{given:?}");
        assert!(check(&["other"], given).is_err() && check(&[], given).is_err());
    }
    let sixteen = [vec!["no"; 15], vec![good]].concat();
    assert!(check(&["Jefe"], &sixteen).is_ok());
    assert!(check(&["Jefe"], &[vec!["no"; 16], vec![good]].concat()).is_err(), "so many are not looked at");
    assert!(reason(check(&["other"], &[good])).contains("does not fit"));
    assert!(reason(check(&["Jefe"], &[&good[1..]])).contains("has 63 characters, it must have 64"));
    assert!(check(&["Jefe"], &[]).is_err());
}

#[test]
fn signatures_are_written_in_three_ways() {
    // The HMAC-SHA-256 of "data0" by "key" has all characters that tell the two alphabets apart.
    let parts: [&[u8]; 1] = [b"data0"];
    let check = |encoding, given| check::<Sha256>(&["key"], encoding, &[given], &parts).is_ok();
    let (hex, standard, url) = (
        "e76e98fbc62f1e4162a1fb37c405d1fe2763e995cb18e29ff8b4d82cf435fa18",
        "526Y+8YvHkFiofs3xAXR/idj6ZXLGOKf+LTYLPQ1+hg=",
        "526Y-8YvHkFiofs3xAXR_idj6ZXLGOKf-LTYLPQ1-hg=",
    );
    assert!(check(Encoding::Hex, hex) && check(Encoding::Base64, standard) && check(Encoding::Base64url, url));
    assert!(check(Encoding::Base64url, url.trim_end_matches('=')), "its padding may be left out");
    assert!(!check(Encoding::Base64, standard.trim_end_matches('=')) && !check(Encoding::Base64, url));
    assert!(!check(Encoding::Base64url, standard) && !check(Encoding::Hex, standard));
}

#[test]
fn a_timestamp_may_be_off_by_the_tolerance_either_way() {
    let check = |text: &str, now_s: u64| Tolerance::default().check_seconds(text, now_s * 1000);
    assert!([1_000_000, 1_000_300, 999_700].into_iter().all(|now| check("1000000", now).is_ok()));
    assert!(reason(check("1000000", 1_000_301)).contains("it is 301 s old"));
    assert!(reason(check("1000000", 999_699)).contains("it is 301 s in the future"));
    assert!(reason(check("1000000000", 1_000_000)).contains("unit"));
    assert!(Tolerance::default().check_millis("1000000999", 1_000_000_000).is_ok());
    for text in ["", "x", "-1", "1.5", "+1000000", "1000000 ", "99999999999999999999", "1e6", "１"] {
        assert!(reason(check(text, 1_000_000)).contains("not a number of seconds"), "{text:?}");
    }
}

#[test]
fn a_tolerance_is_a_second_to_a_day() {
    let read = |text: &str| serde_json::from_str::<Timed>(text).map(|timed| timed.tolerance_s);
    assert_eq!(read("{}").unwrap(), Tolerance::default());
    assert_eq!(read(r#"{"tolerance_s":60}"#).unwrap(), Tolerance::try_from(60).unwrap());
    for text in [r#"{"tolerance_s":0}"#, r#"{"tolerance_s":86401}"#, r#"{"tolerance_s":"60"}"#, r#"{"tolerance":60}"#] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn empty_secrets_prove_nothing() {
    let of = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, value)| Secret::new(*name, *value)).collect::<Vec<_>>();
    let two = of(&[("secret-2", "b"), ("secret", "a"), ("other", "c"), ("secret-3", "")]);
    assert_eq!((secrets::all(&two).unwrap(), secrets::first(&two).unwrap()), (vec!["b", "a"], "a"));
    assert_eq!(secrets::first(&of(&[("secret", ""), ("secret-2", "b")])).unwrap(), "b");
    for none in [of(&[]), of(&[("secret", "")]), of(&[("Secret", "a"), ("secrets", "b")])] {
        assert!(secrets::all(&none).is_err() && secrets::first(&none).is_err());
    }
    assert!(secrets::is_one_of(b"a", &["b", "a"]) && !secrets::is_one_of(b"", &["b", "a"]));
}

fn form(content_type: &str, body: &str) -> InboundRequest {
    let headers = vec![Field::new("Content-Type", content_type)];
    InboundRequest { method: "POST".into(), url: String::new(), headers, body: body.into() }
}

#[test]
fn a_form_gives_the_json_of_its_payload_or_all_its_fields() {
    let payload = |content_type, body| body::form_payload(&form(content_type, body)).map(|json| json.to_string());
    let of = |body| payload("application/x-www-form-urlencoded; charset=utf-8", body).unwrap();
    assert_eq!(of("payload=%7B%22a%22%3A1%7D&b=2"), r#"{"a":1}"#);
    assert_eq!(of("payload=no+json&b=2"), r#"{"payload":"no json","b":"2"}"#);
    assert_eq!(of("payload=1&payload=2"), r#"{"payload":["1","2"]}"#);
    assert_eq!(of(""), "{}");
    assert_eq!(payload("application/json", "{}"), None);
}

#[test]
fn an_id_is_short_text_or_a_number() {
    let body = br#"{"id":"a","data":{"id":7,"list":[{"id":"c"}],"none":null}}"#;
    let at = |pointer| body::at(body, pointer);
    assert_eq!((at("/id").as_deref(), at("/data/id").as_deref()), (Some("a"), Some("7")));
    assert_eq!((at("/data/list/0/id").as_deref(), at("/data/none"), at("/x"), at("id")), (Some("c"), None, None, None));
    assert_eq!((body::at(b"no JSON", ""), body::id(Some("")), body::id(None)), (None, None, None));
    assert_eq!((body::id(Some(&"i".repeat(256))).is_some(), body::id(Some(&"i".repeat(257)))), (true, None));
}
