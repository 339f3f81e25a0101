//! Every format's body gives the event's data back, read by parsers that share nothing with what wrote it.

use percent_encoding::percent_decode_str;
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event as Xml;
use serde_json::Map;

use super::*;

/// Names that XML cannot hold, or that look like their own escapes.
const XML_NAMES: &str = "[ -~\\u{a0}-\\u{2ff}]{0,6}|_x[0-9A-F]{0,4}_|[Xx][Mm][Ll]";

fn built(members: Value, event: &Event) -> Form {
    build(&endpoint(members), event, Some(&envelope())).unwrap_or_else(|error| panic!("{error}"))
}

fn read_json(form: &Form) -> Value {
    serde_json::from_slice(&form.body).expect("JSON")
}

/// `application/x-www-form-urlencoded`, by hand.
fn read_form(text: &str) -> Vec<(String, String)> {
    let decoded = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8().expect("UTF-8").into_owned();
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (decoded(name), decoded(value))).expect("a pair");
    text.split('&').map(pair).collect()
}

/// An element that is not closed yet.
struct Open {
    name: String,
    kind: String,
    text: String,
    children: Vec<(String, Value)>,
}

impl Open {
    fn value(self) -> Value {
        match self.kind.as_str() {
            "number" | "boolean" => serde_json::from_str(&self.text).expect("a scalar"),
            "null" => Value::Null,
            "array" => self.children.into_iter().map(|(_, value)| value).collect(),
            "object" => json!({}),
            _ if self.children.is_empty() => self.text.into(),
            _ => Value::Object(self.children.into_iter().collect::<Map<_, _>>()),
        }
    }
}

/// The members of `<event>`, by a reader of XML and the documented convention.
fn read_xml(text: &str) -> Value {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Open> = Vec::new();
    loop {
        match reader.read_event().expect("well-formed") {
            Xml::Start(start) => {
                let kind = start.try_get_attribute("type").expect("attributes");
                open.push(Open {
                    name: decode_name(std::str::from_utf8(start.name().as_ref().as_ref()).expect("UTF-8")),
                    kind: kind.map_or_else(String::new, |kind| {
                        String::from_utf8_lossy(kind.value.as_ref().as_ref()).into_owned()
                    }),
                    text: String::new(),
                    children: Vec::new(),
                });
            }
            Xml::Text(text) if !open.is_empty() => open.last_mut().expect("open").text.push_str(&text.xml10_content()),
            Xml::GeneralRef(reference) => {
                let c = reference.resolve_char_ref().expect("a reference");
                let name: &str = &reference;
                let text =
                    c.map_or_else(|| resolve_predefined_entity(name).expect("predefined").to_owned(), String::from);
                open.last_mut().expect("open").text.push_str(&text);
            }
            Xml::End(_) => {
                let closed = open.pop().expect("open");
                let (name, value) = (closed.name.clone(), closed.value());
                match open.last_mut() {
                    Some(parent) => parent.children.push((name, value)),
                    None => return value,
                }
            }
            Xml::Eof => panic!("no end"),
            _ => {}
        }
    }
}

/// Undoes `_xHHHH_`.
fn decode_name(name: &str) -> String {
    if name == "_x_" {
        return String::new();
    }
    let mut out = String::new();
    let mut rest = name;
    while let Some(at) = rest.find("_x") {
        out.push_str(&rest[..at]);
        let (digits, after) = rest[at + 2..].split_once('_').expect("an escape");
        out.push(char::from_u32(u32::from_str_radix(digits, 16).expect("digits")).expect("a character"));
        rest = after;
    }
    out + rest
}

/// The leaves of `data`, in order.
fn leaves(data: &Value) -> Vec<&Value> {
    match data {
        Value::Object(members) if !members.is_empty() => members.values().flat_map(leaves).collect(),
        Value::Array(items) if !items.is_empty() => items.iter().flat_map(leaves).collect(),
        leaf => vec![leaf],
    }
}

fn as_flat(leaf: &Value) -> Value {
    if leaf.is_object() || leaf.is_array() { Value::Null } else { leaf.clone() }
}

fn as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn json_formats_hold_the_data(data in json_of("\\PC{0,6}", ".{0,12}")) {
        let event = event("lead.create", data.clone());
        for (format, member) in [
            (json!({"type": "event"}), "data"),
            (json!({"type": "lead"}), "payload"),
            (json!({"type": "cloudevents", "mode": "structured"}), "data"),
        ] {
            prop_assert_eq!(&read_json(&built(json!({"format": format}), &event))[member], &data);
        }
        let binary = built(json!({"format": {"type": "cloudevents", "mode": "binary"}}), &event);
        prop_assert_eq!(read_json(&binary), data);
    }

    #[test]
    fn xml_holds_the_data(data in json_of(XML_NAMES, "[ -~\\n\\t\\r\\u{a0}-\\u{2ff}]{0,12}")) {
        let event = event("lead.create", data.clone());
        let form = built(json!({"format": {"type": "xml"}}), &event);
        let text = std::str::from_utf8(&form.body).expect("UTF-8");
        let read = read_xml(text);
        prop_assert_eq!(&read["data"], &data);
        prop_assert_eq!(&read["id"], &json!(event.id.to_string()));
        prop_assert!(tenterhook_decode::check(tenterhook_decode::Format::Xml, text).is_ok(), "{}", text);
    }

    #[test]
    fn xml_stays_well_formed_whatever_the_names_and_texts(data in json_of("\\PC{0,6}", "(?s).{0,12}")) {
        let form = built(json!({"format": {"type": "xml"}}), &event("x", data));
        let text = std::str::from_utf8(&form.body).expect("UTF-8");
        prop_assert!(tenterhook_decode::check(tenterhook_decode::Format::Xml, text).is_ok(), "{}", text);
    }

    #[test]
    fn flat_fields_lie_where_their_names_say(data in json_of("[a-z]{1,4}", ".{0,12}")) {
        let wrapped = if data.is_object() { data.clone() } else { json!({"data": data.clone()}) };
        let event = event("lead.create", data);
        let flat = read_json(&built(json!({"format": {"type": "flat"}}), &event));
        let mut fields = flat.as_object().expect("an object").clone();
        let created = json!(1_700_000_000);
        for (name, value) in [("object", json!("event")), ("eventType", json!("lead.create")), ("created", created)] {
            prop_assert_eq!(fields.shift_remove(name), Some(value));
        }
        let expected = if wrapped == json!({}) { 0 } else { leaves(&wrapped).len() };
        prop_assert_eq!(fields.len(), expected);
        for (name, value) in &fields {
            let found = wrapped.pointer(&format!("/{}", name.replace('_', "/")));
            prop_assert_eq!(found.map(as_flat), Some(value.clone()), "{}", name);
        }
    }

    #[test]
    fn flat_fields_lose_nothing_whatever_the_names(data in json_of("[ab_12]{0,3}|object|created", "[ab]{0,2}")) {
        let flat = flat_fields(&event("lead.create", data.clone())).expect("it fits");
        let held: Vec<_> = flat.values().collect();
        for leaf in leaves(&data).into_iter().map(as_flat).filter(|_| data != json!({})) {
            prop_assert!(held.contains(&&leaf), "{} of {:?}", leaf, held);
        }
    }

    #[test]
    fn forms_and_queries_are_the_flat_fields(data in json_of("\\PC{0,6}", ".{0,12}")) {
        let event = event("lead.create", data);
        let fields = flat_fields(&event).expect("it fits");
        let expected: Vec<_> = fields.iter().map(|(name, value)| (name.clone(), as_text(value))).collect();
        let body = built(json!({"format": {"type": "form"}}), &event).body;
        prop_assert_eq!(&read_form(std::str::from_utf8(&body).expect("ASCII")), &expected);
        for method in ["GET", "DELETE"] {
            let form = built(json!({"method": method}), &event);
            let url = url::Url::parse(&form.url).expect("a URL");
            prop_assert_eq!(&read_form(url.query().expect("a query")), &expected);
            prop_assert!(form.body.is_empty());
        }
    }

    #[test]
    fn binary_headers_decode_to_the_attributes(kind in "[ -~]{1,20}", source in "\\PC{1,20}", subject in "\\PC{1,20}") {
        let event = Event { source, subject: Some(subject), ..event(&kind, json!(null)) };
        let form = built(json!({"format": {"type": "cloudevents", "mode": "binary"}}), &event);
        let read = |name: &str| {
            let value = header(&form.headers, name).expect("a header");
            assert!(value.bytes().all(|b| (0x21..=0x7e).contains(&b) && b != b'"'), "{value}");
            percent_decode_str(value).decode_utf8().expect("UTF-8").into_owned()
        };
        prop_assert_eq!(read("ce-type"), event.kind.as_str());
        prop_assert_eq!(read("ce-source"), event.source.as_str());
        prop_assert_eq!(Some(read("ce-subject")), event.subject.clone());
    }
}
