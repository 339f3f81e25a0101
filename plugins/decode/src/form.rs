//! `application/x-www-form-urlencoded` (URL standard §5).

use serde_json::map::Entry;
use serde_json::{Map, Value};

use crate::{DecodeError, position};

/// Any bytes are a form: what is not UTF-8 becomes U+FFFD, as the standard says.
pub(crate) fn decode(body: &[u8]) -> Value {
    let mut fields = Map::new();
    for (name, value) in form_urlencoded::parse(body) {
        let value = Value::String(value.into_owned());
        match fields.entry(name.into_owned()) {
            Entry::Vacant(entry) => {
                entry.insert(value);
            }
            Entry::Occupied(mut entry) => match entry.get_mut() {
                Value::Array(values) => values.push(value),
                first => *first = Value::Array(vec![first.take(), value]),
            },
        }
    }
    Value::Object(fields)
}

/// `name=value` pairs joined by `&`; names are not empty; no character that had to be encoded. White space around the
/// whole is no error, so that a template may end in a newline.
pub(crate) fn check(text: &str) -> Result<(), DecodeError> {
    let mut offset = text.len() - text.trim_start().len();
    let error = |at: usize, message: &str| Err(position::at(text.as_bytes(), at, message));
    if text.trim().is_empty() {
        return Ok(());
    }
    for pair in text.trim().split('&') {
        match pair.split_once('=') {
            None if pair.is_empty() => return error(offset, "a name=value pair is missing"),
            None => return error(offset, "expected name=value: the `=` is missing"),
            Some(("", _)) => return error(offset, "expected name=value: the name is empty"),
            Some(_) => {}
        }
        if let Some((at, message)) = wrong_character(pair) {
            return error(offset + at, &message);
        }
        offset += pair.len() + 1;
    }
    Ok(())
}

/// The first character that cannot stand in a pair, and why.
fn wrong_character(pair: &str) -> Option<(usize, String)> {
    pair.char_indices().find_map(|(at, c)| {
        let is_hex = |n: usize| pair.as_bytes().get(at + n).is_some_and(u8::is_ascii_hexdigit);
        match c {
            '%' if is_hex(1) && is_hex(2) => None,
            '%' => Some((at, "`%` must be followed by two hexadecimal digits; a percent sign is `%25`".into())),
            c if c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}') => None,
            ' ' => Some((at, "a space must be written `+` or `%20`".into())),
            c => Some((at, format!("the character {c:?} must be percent-encoded"))),
        }
    })
}
