//! The XML form of an event.
//!
//! ```xml
//! <event><id>…</id><type>lead.create</type><timestamp>…</timestamp><data><email>a@b.c</email></data></event>
//! ```
//!
//! - A member of an object is an element of its name. Elements of an array are `<item>`.
//! - The attribute `type` says what the text alone does not: `number`, `boolean`, `null`, `array`, and `object` if it
//!   is empty. Without it, an element is a string, or an object if it has elements.
//! - Characters that an XML name cannot hold are written `_xHHHH_`, as SQL/XML does (ISO 9075-14 §9.1): `first name`
//!   is `<first_x0020_name>`. So are an `_` before an `x`, the first letter of a name that begins with `xml`, and `:`;
//!   an empty name is `_x_`.
//! - Characters that XML 1.0 (§2.2) cannot hold at all, such as NUL, are left out of texts.

use std::fmt::Write as _;

use serde_json::Value;
use tenterhook_decode::escape;

use super::{BODY_BYTES_MAX, FormError};
use crate::model::Event;

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// The document.
///
/// # Errors
/// It exceeds [`BODY_BYTES_MAX`].
pub(super) fn document(event: &Event) -> Result<String, FormError> {
    let mut out = String::from(DECLARATION);
    out.push_str("<event>");
    element(&mut out, "id", &event.id.to_string().into())?;
    element(&mut out, "type", &event.kind.as_str().into())?;
    element(&mut out, "timestamp", &event.time.to_string().into())?;
    element(&mut out, "data", &event.data)?;
    out.push_str("</event>\n");
    Ok(out)
}

fn element(out: &mut String, name: &str, value: &Value) -> Result<(), FormError> {
    let name = element_name(name);
    out.push('<');
    out.push_str(&name);
    if let Some(kind) = type_attribute(value) {
        out.push_str(" type=\"");
        out.push_str(kind);
        out.push('"');
    }
    out.push('>');
    match value {
        Value::Null => {}
        // Writing to a string does not fail.
        Value::String(text) => escape::xml(text, out).unwrap_or_default(),
        Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        Value::Array(items) => items.iter().try_for_each(|item| element(out, "item", item))?,
        Value::Object(members) => members.iter().try_for_each(|(name, value)| element(out, name, value))?,
    }
    out.push_str("</");
    out.push_str(&name);
    out.push('>');
    if out.len() > BODY_BYTES_MAX {
        return Err(FormError::TooLarge { what: "body", limit: BODY_BYTES_MAX });
    }
    Ok(())
}

fn type_attribute(value: &Value) -> Option<&'static str> {
    match value {
        Value::String(_) => None,
        Value::Number(_) => Some("number"),
        Value::Bool(_) => Some("boolean"),
        Value::Null => Some("null"),
        Value::Array(_) => Some("array"),
        Value::Object(members) => members.is_empty().then_some("object"),
    }
}

/// `name` as the name of an element; each name has its own.
fn element_name(name: &str) -> String {
    if name.is_empty() {
        return "_x_".to_owned();
    }
    let reserved = name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("xml"));
    let mut out = String::with_capacity(name.len());
    let mut chars = name.chars().peekable();
    let mut first = true;
    while let Some(c) = chars.next() {
        let literal = match c {
            '_' => chars.peek() != Some(&'x'),
            c if first => is_name_start(c) && !reserved,
            c => is_name_char(c),
        };
        if literal {
            out.push(c);
        } else {
            // Writing to a string does not fail.
            write!(out, "_x{:04X}_", u32::from(c)).unwrap_or_default();
        }
        first = false;
    }
    out
}

/// `NameStartChar` of XML 1.0 (§2.3), without the colon of namespaces.
fn is_name_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

/// `NameChar` of XML 1.0 (§2.3), without the colon of namespaces.
fn is_name_char(c: char) -> bool {
    is_name_start(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}
