//! Headers that users set on outbound requests: how they write them, and which of them they may set.

use http::HeaderName;
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::{HeaderField, MASK, is_sensitive};

/// Most headers of a request.
pub const HEADERS_MAX: usize = 50;
/// Longest header value, in bytes.
pub const HEADER_VALUE_BYTES_MAX: usize = 8 * 1024;
/// Headers that are the server's business: framing (RFC 9110 §7.6, RFC 9112 §6) and the idempotency key.
const RESERVED: [&str; 12] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "idempotency-key",
    "proxy-authorization",
];

/// Headers: an object `{NAME: VALUE}` or a list `[{name, value}]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, utoipa::ToSchema)]
#[schema(value_type = Value, example = json!({"Authorization": "Bearer {{ secret.sms_key }}"}))]
pub struct HeadersDraft(pub Vec<HeaderField>);

impl<'de> Deserialize<'de> for HeadersDraft {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Null => Ok(Self::default()),
            Value::Object(members) => {
                let fields = members.into_iter().map(|(name, value)| match value {
                    Value::String(value) => Ok(HeaderField { name, value }),
                    _ => Err(de::Error::custom(format!("the value of header {name:?} must be a string"))),
                });
                fields.collect::<Result<_, _>>().map(Self)
            }
            list @ Value::Array(_) => serde_json::from_value(list).map(Self).map_err(de::Error::custom),
            _ => Err(de::Error::custom("headers must be an object {NAME: VALUE} or a list [{name, value}]")),
        }
    }
}

impl HeaderField {
    /// As answers show it: its value masked, if its name says that it is secret.
    #[must_use]
    pub fn masked(self) -> Self {
        if is_sensitive(&self.name) { Self { value: MASK.to_owned(), ..self } } else { self }
    }

    /// Why a user cannot set a header of this name.
    pub fn name_problem(&self) -> Option<&'static str> {
        let Ok(parsed) = HeaderName::from_bytes(self.name.as_bytes()) else {
            return Some("its name is not a token (RFC 9110 §5.1)");
        };
        let reserved = RESERVED.contains(&parsed.as_str()) || parsed.as_str().starts_with("webhook-");
        reserved.then_some("the server sets this header itself")
    }

    /// Why its value cannot be sent.
    pub fn value_problem(&self) -> Option<&'static str> {
        let broken = self.value.chars().any(|c| c.is_control() && c != '\t');
        broken.then_some("its value holds a line break or another control character")
    }

    /// What is wrong with a list of headers: for each problem the name of the header, if it is one's, and the reason.
    pub fn problems(headers: &[Self]) -> Vec<(Option<&str>, String)> {
        let mut problems = Vec::new();
        if headers.len() > HEADERS_MAX {
            problems.push((None, format!("there are {} headers; the limit is {HEADERS_MAX}", headers.len())));
        }
        for (index, field) in headers.iter().enumerate() {
            let mut add = |reason: String| problems.push((Some(field.name.as_str()), reason));
            if let Some(reason) = field.name_problem() {
                add(reason.to_owned());
            } else if headers[..index].iter().any(|earlier| earlier.name.eq_ignore_ascii_case(&field.name)) {
                add("the header is given twice".to_owned());
            }
            if field.value.len() > HEADER_VALUE_BYTES_MAX {
                add(format!("its value exceeds {HEADER_VALUE_BYTES_MAX} bytes"));
            }
            if let Some(reason) = field.value_problem() {
                add(reason.to_owned());
            }
        }
        problems
    }
}
