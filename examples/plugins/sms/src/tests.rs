//! Tests of numbers, segments and forms.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};
use tenterhook_plugin::{Call, Describe, Failure, Json, Request, Template};

use crate::segments::segments;
use crate::{Sms, e164};

fn render(config: &Value, input: &Value) -> Result<Option<String>, Failure> {
    let call = Call { space: "default".into(), id: "1".into(), now: 0, config: config.to_string() };
    let url = "https://sms.example/2010-04-01/Accounts/AC1/Messages.json";
    let base = Request { method: "POST".into(), url: url.into(), headers: Vec::new(), body: Vec::new() };
    let request = Sms::render(&call, Json::from_text(input.to_string()), base)?;
    Ok(request.map(|request| {
        assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
        String::from_utf8(request.body).unwrap()
    }))
}

fn data(to: &str, text: &str) -> Value {
    json!({ "data": { "to": to, "text": text } })
}

#[track_caller]
fn refused(config: &Value, input: &Value, expected: &Expect) {
    match render(config, input) {
        // A line for the place, one for the reason: they are long.
        Err(Failure::Invalid(reason)) => expected.assert_eq(&reason.replace(": ", ":\n")),
        other => panic!("not invalid: {other:?}"),
    }
}

#[test]
fn a_missed_call_is_answered() {
    let form = render(&Sms::describe().example_config, &Sms::describe().example_input).unwrap().unwrap();
    expect![
        "To=%2B442079460101&From=%2B442079460102&Body=Sorry+that+we+missed+your+call.+We+will+call+you+back+today."
    ]
    .assert_eq(&form);
}

#[test]
fn any_text_goes_into_the_form() {
    let form =
        render(&json!({ "from": "Acme" }), &data("+46 8 5550 1234", "Hej Åsa & Co = 100%\n+1 ~")).unwrap().unwrap();
    expect!["To=%2B46855501234&From=Acme&Body=Hej+%C3%85sa+%26+Co+%3D+100%25%0A%2B1+%7E"].assert_eq(&form);
    let service = format!("MG{}", "0".repeat(32));
    let form = render(&json!({ "from": service }), &data("+46855501234", "x")).unwrap().unwrap();
    assert!(form.contains(&format!("&MessagingServiceSid={service}&")), "{form}");
}

#[test]
fn a_withheld_number_gets_nothing() {
    assert_eq!(render(&json!({ "from": "Acme" }), &json!({ "data": { "to": null, "text": "x" } })).unwrap(), None);
}

#[test]
fn what_cannot_be_sent_is_refused_with_the_reason() {
    let config = json!({ "from": "Acme" });
    refused(
        &config,
        &data("020 7946 0101", "x"),
        &expect![[r#"
            input:
            /data/to:
            "020 7946 0101" is no E.164 number:
            it begins with + and the country code, such as +442079460101"#]],
    );
    refused(
        &config,
        &data("+44 (0)20 7946 0101", "x"),
        &expect![[r#"
            input:
            /data/to:
            "+44 (0)20 7946 0101" has a (0), which is dialled within the country only:
            leave it out"#]],
    );
    refused(
        &config,
        &json!({ "data": { "to": 442_079_460_101_u64, "text": "x" } }),
        &expect![[r#"
            input:
            /data/to:
            442079460101 is no text"#]],
    );
    refused(
        &config,
        &json!({ "data": {} }),
        &expect![[r#"
            input:
            there is nothing at /data/to, where the number should be"#]],
    );
    refused(
        &config,
        &data("+442079460101", " "),
        &expect!["there is no text, neither in the configuration nor at /data/text"],
    );
    refused(
        &config,
        &data("+442079460101", &"a".repeat(460)),
        &expect!["the text has 4 segments; the configuration allows 3"],
    );
    refused(
        &config,
        &data("+442079460101", &"a".repeat(100_000)),
        &expect!["the text has more than 1600 characters; the configuration allows 3"],
    );
}

#[test]
fn numbers_are_brought_into_the_form_of_e164() {
    let cases = [
        ("+442079460101", Ok("+442079460101")),
        ("0044 20 7946-0101", Ok("+442079460101")),
        ("+1 (212) 555.0100", Ok("+12125550100")),
        ("+49/30/5550100", Ok("+49305550100")),
        ("+123456789012345", Ok("+123456789012345")),
        ("+1234567890123456", Err("16 digits")),
        ("+123456", Err("6 digits")),
        ("+0441234567", Err("no E.164 number")),
        ("442079460101", Err("no E.164 number")),
        ("+44 20 7946 01O1", Err("no E.164 number")),
        ("+٤٤٢٠٧٩٤٦٠١٠١", Err("no E.164 number")),
        ("++442079460101", Err("no E.164 number")),
        ("", Err("no E.164 number")),
    ];
    for (number, expected) in cases {
        match (e164(number), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(reason), Err(words)) => assert!(reason.contains(words), "{reason}"),
            (found, _) => panic!("{number}: {found:?}"),
        }
    }
}

#[test]
fn segments_are_counted_as_providers_bill_them() {
    let cases = [
        (String::new(), 0),
        ("a".repeat(160), 1),
        ("a".repeat(161), 2),
        ("a".repeat(306), 2),
        ("a".repeat(307), 3),
        // The extension table takes two places each.
        ("€".repeat(80), 1),
        ("€".repeat(81), 2),
        // 153 is odd: the last place of each segment stays empty.
        ("€".repeat(153), 3),
        // In the alphabet: é, Ä, Ω. Not in it: ç, ê, the typographic quote.
        ("éÄΩ".repeat(50), 1),
        (format!("{}ç", "a".repeat(69)), 1),
        (format!("{}ç", "a".repeat(70)), 2),
        ("’".repeat(134), 2),
        ("’".repeat(135), 3),
        // Two units each, and 67 is odd.
        ("🙂".repeat(35), 1),
        ("🙂".repeat(36), 2),
        ("🙂".repeat(66), 2),
        ("🙂".repeat(67), 3),
    ];
    for (text, expected) in cases {
        assert_eq!(segments(&text), expected, "{} × {:?}", text.chars().count(), text.chars().next());
    }
}

proptest! {
    #[test]
    fn a_cut_text_has_no_more_segments_than_allowed_and_begins_as_the_whole(
        text in "[a-zé€ç🙂 ]{1,2000}",
        segments_max in 1_usize..4,
    ) {
        prop_assume!(!text.trim().is_empty());
        let config = json!({ "from": "Acme", "segments_max": segments_max, "too_long": "cut" });
        let form = render(&config, &data("+442079460101", &text)).unwrap().unwrap();
        let body = form.split("Body=").nth(1).unwrap().replace('+', " ");
        let mut bytes = Vec::new();
        let mut rest = body.bytes();
        while let Some(byte) = rest.next() {
            let hex: String = rest.by_ref().take(if byte == b'%' { 2 } else { 0 }).map(char::from).collect();
            bytes.push(u8::from_str_radix(&hex, 16).unwrap_or(byte));
        }
        let sent = String::from_utf8(bytes).unwrap();
        prop_assert!(segments(&sent) <= segments_max);
        let kept = sent.strip_suffix("...").unwrap_or(&sent);
        prop_assert!(text.starts_with(kept));
        prop_assert!(sent == text || segments(&text) > segments_max || text.chars().count() > 1_600);
    }
}
