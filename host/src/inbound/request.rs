//! The request as it came, and the part of it that a run sees.

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use serde_json::Value;

use super::VerifiedRequest;
use crate::model::{MASK, Object, Time, is_sensitive};

/// Headers that a run does not see, besides those with sensitive names: they are for [`super::verify`] alone. The
/// prefixes are those of Standard Webhooks and its namesake.
const HIDDEN_PREFIXES: [&str; 3] = ["idempotency-key", "webhook-", "svix-"];

/// An inbound call as it came, its body bounded; nothing is checked.
#[derive(Clone, Debug)]
pub struct RawRequest {
    /// The HTTP method.
    pub method: String,
    /// The path of the URL, without the token.
    pub path: String,
    /// The query of the URL, still encoded.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The address it came from.
    pub remote: Option<String>,
    /// When it came.
    pub received_at: Time,
}

impl RawRequest {
    /// The media type of the body, as sent. Several such headers, or bytes that are no text, count as none.
    pub fn content_type(&self) -> Option<&str> {
        self.sole_header("content-type")
    }

    /// The value of a header that came once, as text.
    pub(super) fn sole_header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => value.to_str().ok(),
            _ => None,
        }
    }

    /// How often a header came.
    pub(super) fn header_count(&self, name: &str) -> usize {
        self.headers.get_all(name).iter().count()
    }
}

/// The member `request` of a run's input: `{method, path, query, headers, content_type, remote, received_at}`. Query
/// and headers are objects of strings; a name that came several times has an array (query) or the values joined by
/// commas (headers, RFC 9110 §5.3). Header names are in lower case. Keys, cookies, signatures and other headers with
/// [sensitive](is_sensitive) names are left out; parameters with such names have [`MASK`] for their values.
pub fn request_member(verified: &VerifiedRequest) -> Value {
    let raw = verified.raw();
    let members: [(&str, Value); 7] = [
        ("method", raw.method.as_str().into()),
        ("path", raw.path.as_str().into()),
        ("query", query_object(raw.query.as_deref().unwrap_or_default()).into()),
        ("headers", headers_object(&raw.headers).into()),
        ("content_type", raw.content_type().into()),
        ("remote", raw.remote.as_deref().into()),
        ("received_at", raw.received_at.to_string().into()),
    ];
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn query_object(query: &str) -> Object {
    let mut object = Object::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = if is_sensitive(&name) { Value::from(MASK) } else { Value::from(value.into_owned()) };
        match object.get_mut(name.as_ref()) {
            None => {
                object.insert(name.into_owned(), value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    object
}

fn headers_object(headers: &HeaderMap) -> Object {
    let hidden = |name: &HeaderName| {
        is_sensitive(name.as_str()) || HIDDEN_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix))
    };
    let joined = |name: &HeaderName| {
        let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        values.collect::<Vec<_>>().join(", ")
    };
    headers.keys().filter(|name| !hidden(name)).map(|name| (name.as_str().to_owned(), joined(name).into())).collect()
}
