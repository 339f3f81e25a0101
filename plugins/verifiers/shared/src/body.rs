//! Bodies and queries, once the signature is known to be good.

use std::borrow::Cow;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use tenterhook_decode::{Format, decode};
use tenterhook_plugin::{InboundRequest, Json};

/// Longest id of a call, in bytes. A longer one is none.
pub const ID_BYTES_MAX: usize = 256;

/// An id if it can be one: 1 to 256 bytes.
pub fn id(text: Option<&str>) -> Option<String> {
    text.filter(|text| (1..=ID_BYTES_MAX).contains(&text.len())).map(str::to_owned)
}

/// The text or number at a JSON pointer (RFC 6901) in the body, as text, if the body is JSON and has it.
pub fn at(body: &[u8], pointer: &str) -> Option<String> {
    match serde_json::from_slice::<Value>(body).ok()?.pointer(pointer)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether the content type says that the body is a form.
pub fn is_form(request: &InboundRequest) -> bool {
    let media_type = request.header("content-type").and_then(|value| value.split(';').next()).unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The fields of a form, as a JSON object: text, or an array of texts where a name comes several times.
pub fn form(body: &[u8]) -> Option<Json> {
    decode(Format::Form, body).ok().map(|fields| Json::from_text(fields.to_string()))
}

/// What a form says: the JSON in its field `payload` if it has one, else all its fields. `None`: the body is no form.
pub fn form_payload(request: &InboundRequest) -> Option<Json> {
    if !is_form(request) {
        return None;
    }
    let payload = parameter(&request.body, "payload");
    let json = payload.filter(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    json.map(|text| Json::from_text(text.into_owned())).or_else(|| form(&request.body))
}

/// The value of a name that comes exactly once in a form or a query.
pub fn parameter<'a>(form: &'a [u8], name: &str) -> Option<Cow<'a, str>> {
    let mut values = form_urlencoded::parse(form).filter(|(other, _)| other == name).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (value, None) => value,
        _ => None,
    }
}

/// Those fields of a JSON object that `T` asks for. A body that is something else gives the default.
pub fn fields<T: DeserializeOwned + Default>(body: &[u8]) -> T {
    serde_json::from_slice(body).unwrap_or_default()
}
