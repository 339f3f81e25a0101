//! Tests of decoding, checking and escaping.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{Format, check, decode, escape};

fn xml(text: &str) -> Value {
    decode(Format::Xml, text.as_bytes()).unwrap()
}

/// Line, column and reason.
fn refused(format: Format, body: impl AsRef<[u8]>) -> String {
    decode(format, body.as_ref()).unwrap_err().to_string()
}

fn unchecked(format: Format, text: &str) -> String {
    check(format, text).unwrap_err().to_string()
}

#[test]
fn json_is_decoded_and_an_error_names_line_and_column_in_characters() {
    assert_eq!(
        decode(Format::Json, b"\xEF\xBB\xBF{\"b\":1,\"a\":[null]}").unwrap().to_string(),
        r#"{"b":1,"a":[null]}"#
    );
    assert_eq!(refused(Format::Json, "{\n \"é\": x}"), "line 2, column 7: expected value");
    assert_eq!(refused(Format::Json, "{} {}"), "line 1, column 4: trailing characters");
    assert!(refused(Format::Json, "").starts_with("line 1, column 1: EOF"));
    assert!(refused(Format::Json, b"\"\xFF\"").contains("invalid unicode"));
}

#[test]
fn json_deeper_than_128_levels_is_refused() {
    let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
    assert!(decode(Format::Json, nested(127).as_bytes()).is_ok());
    assert!(refused(Format::Json, nested(100_000)).contains("recursion limit"));
    assert!(check(Format::Json, &nested(100_000)).is_err());
}

#[test]
fn a_form_is_an_object_of_strings_and_repeated_names_have_an_array() {
    let form = decode(Format::Form, b"name=Anna+L%C3%B6v&tag=a&tag=b&empty=&bare&x=%zz&tag=c").unwrap();
    let expected = json!({"name": "Anna Löv", "tag": ["a", "b", "c"], "empty": "", "bare": "", "x": "%zz"});
    assert_eq!(form, expected);
    assert_eq!(decode(Format::Form, b"").unwrap(), json!({}));
}

#[test]
fn xml_elements_become_strings_objects_and_arrays() {
    let text = r#"<?xml version="1.0" encoding="UTF-8"?>
        <!-- an answer --><ticket id="7" urgent="a &lt; b"> <number>T-1</number>
        <tag>a</tag><tag/><tag k="v">c</tag> note </ticket>"#;
    let tags = json!(["a", "", {"@k": "v", "#text": "c"}]);
    let ticket = json!({"@id": "7", "@urgent": "a < b", "number": "T-1", "tag": tags, "#text": "note"});
    assert_eq!(xml(text), json!({ "ticket": ticket }));
    assert_eq!(xml("<soap:a xmlns:soap='u'><soap:b/></soap:a>"), json!({"soap:a": {"@xmlns:soap": "u", "soap:b": ""}}));
}

#[test]
fn xml_text_is_trimmed_unless_it_is_cdata_or_a_reference() {
    assert_eq!(xml("<a>\n  b &amp;&#x20;c  \n</a>"), json!({"a": "b & c"}));
    assert_eq!(xml("<a> <![CDATA[ <b> ]]> </a>"), json!({"a": " <b> "}));
    assert_eq!(xml("<a>&#32;b </a>"), json!({"a": " b"}));
    assert_eq!(xml("<a>  </a>"), json!({"a": ""}));
    assert_eq!(xml("<a b='x\n&#10;y'/>"), json!({"a": {"@b": "x \ny"}}));
}

#[test]
fn xml_that_could_be_a_bomb_is_refused() {
    let bomb = "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;\">]><lolz>&lol2;</lolz>";
    assert_eq!(refused(Format::Xml, bomb), "line 1, column 1: a document type (DTD) is not allowed");
    assert!(refused(Format::Xml, "<a>&lol;</a>").contains("the entity &lol; is not defined"));
    assert!(refused(Format::Xml, "<a b='&lol;'/>").contains("the entity &lol; is not defined"));
    let nested = |depth| "<a>".repeat(depth) + &"</a>".repeat(depth);
    assert!(decode(Format::Xml, nested(64).as_bytes()).is_ok());
    assert_eq!(refused(Format::Xml, nested(65)), "line 1, column 193: more than 64 elements lie within each other");
}

#[test]
fn a_hundred_thousand_attributes_are_decoded_in_linear_time() {
    let attributes: String = (0..100_000).map(|n| format!(" a{n}=''")).collect();
    let decoded = xml(&format!("<a{attributes}/>"));
    assert_eq!(decoded["a"].as_object().unwrap().len(), 100_000);
}

#[test]
fn xml_that_is_not_well_formed_is_refused_with_its_place() {
    let cases = [
        ("", "line 1, column 1: there is no element"),
        ("<a>\n<b></a>", "line 2, column 4: expected `</b>`, but `</a>` was found"),
        ("<a><b>", "line 1, column 7: <b> is not closed"),
        ("<a/><b/>", "line 1, column 5: there must be one root element only"),
        ("<a/>x", "line 1, column 5: text is not allowed outside the root element"),
        ("x<a/>", "line 1, column 1: text is not allowed outside the root element"),
        ("<a b='1' b='2'/>", "line 1, column 1: the attribute b is given twice"),
        ("<a b='<'/>", "line 1, column 1: the attribute b contains `<`: write `&lt;`"),
        ("<1/>", "line 1, column 1: \"1\" is not a name"),
        ("<a>]]></a>", "line 1, column 4: `]]>` is not allowed in text"),
        ("<a>\u{1}</a>", "line 1, column 4: the character '\\u{1}' is not allowed in XML"),
        ("<a>&#0;</a>", "line 1, column 4: the character reference &#0; is not allowed in XML"),
        (" <?xml version='1.0'?><a/>", "line 1, column 2: the XML declaration must come first"),
        (
            "<?xml version='1.0' encoding='latin1'?><a/>",
            "line 1, column 1: the encoding \"latin1\" is not supported: use UTF-8",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(Format::Xml, text), expected, "{text}");
    }
    assert!(refused(Format::Xml, "<a").contains("tag not closed"));
    assert!(refused(Format::Xml, "<a>a & b</a>").contains("not closed"));
    assert_eq!(refused(Format::Xml, b"<a>\n\xFF</a>"), "line 2, column 1: the text is not UTF-8");
}

#[test]
fn a_form_is_checked_strictly_with_the_place_of_the_error() {
    for text in ["", "  \n", "a=1", "a=1&b=2\n", "a=x+y%20z&b="] {
        assert_eq!(check(Format::Form, text), Ok(()), "{text:?}");
    }
    let cases = [
        ("a", "line 1, column 1: expected name=value: the `=` is missing"),
        ("a=1&&b=2", "line 1, column 5: a name=value pair is missing"),
        ("a=1&=2", "line 1, column 5: expected name=value: the name is empty"),
        ("a=1&\nb=100%", "line 1, column 5: the character '\\n' must be percent-encoded"),
        ("a=100%", "line 1, column 6: `%` must be followed by two hexadecimal digits; a percent sign is `%25`"),
        ("a=1&b=x y", "line 1, column 8: a space must be written `+` or `%20`"),
        ("a=é", "line 1, column 3: the character 'é' must be percent-encoded"),
    ];
    for (text, expected) in cases {
        assert_eq!(unchecked(Format::Form, text), expected, "{text:?}");
    }
}

fn escaped(escape: impl Fn(&str, &mut String) -> std::fmt::Result, text: &str) -> String {
    let mut out = String::new();
    escape(text, &mut out).unwrap();
    out
}

proptest! {
    #[test]
    fn no_bytes_make_decoding_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        for format in [Format::Json, Format::Form, Format::Xml] {
            let decoded = decode(format, &body);
            if let Err(error) = decoded {
                prop_assert!(error.line >= 1 && error.column >= 1 && !error.message.is_empty());
            }
        }
    }

    #[test]
    fn no_text_that_looks_like_xml_makes_decoding_panic(text in "(<|>|/|a|b|=|'|\"| |&|;|#|x|!|\\[|\\]|-|\\?|CDATA|é|\n){0,60}") {
        if let Ok(value) = decode(Format::Xml, text.as_bytes()) {
            prop_assert_eq!(value.as_object().unwrap().len(), 1);
        }
        let _checked = check(Format::Form, &text);
    }

    #[test]
    fn escaped_text_is_the_same_text_after_decoding(text in any::<String>()) {
        let json = format!("\"{}\"", escaped(escape::json_string, &text));
        prop_assert_eq!(decode(Format::Json, json.as_bytes()).unwrap(), Value::String(text.clone()));

        let form = format!("{0}={0}", escaped(escape::form, &text));
        prop_assert_eq!(check(Format::Form, &form).is_ok(), !text.is_empty());
        prop_assert_eq!(decode(Format::Form, form.as_bytes()).unwrap(), json!({ text.as_str(): text }));

        let url = format!("a={}", escaped(escape::url, &text));
        prop_assert_eq!(decode(Format::Form, url.as_bytes()).unwrap(), json!({ "a": text }));

        let allowed: String = text.chars().filter(|c| crate::xml::is_char(*c)).collect();
        let value = escaped(escape::xml, &text);
        prop_assert_eq!(&xml(&format!("<a b=\"{value}\"/>"))["a"]["@b"], &Value::String(allowed.clone()));
        let decoded = xml(&format!("<a><![CDATA[]]>{value}<![CDATA[]]></a>"));
        prop_assert_eq!(&decoded["a"], &Value::String(allowed));
    }
}
