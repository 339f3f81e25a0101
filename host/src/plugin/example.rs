//! What the one example input of `describe` means for each export.

use bytes::Bytes;
use serde_json::Value;

use super::types::{InboundRequest, InboundResponse, OutboundRequest};
use crate::model::{HeaderField, Redacted};

/// The URL of requests in examples: a name that never is anybody's (RFC 2606 §2).
const URL: &str = "https://receiver.example/";

/// The request that a template starts from: an empty POST.
pub fn base() -> OutboundRequest {
    OutboundRequest { method: "POST".to_owned(), url: URL.to_owned(), headers: Vec::new(), body: Bytes::new() }
}

/// The response that a mapping reads: its body is the example, as it is if it is a text, else as JSON.
pub fn response(example: &Value) -> InboundResponse {
    let (media, body) = match example {
        Value::String(text) => ("text/plain", text.clone()),
        other => ("application/json", other.to_string()),
    };
    let headers = vec![HeaderField { name: "content-type".to_owned(), value: media.to_owned() }];
    InboundResponse { status: 200, headers, body: body.into() }
}

/// The call and the secrets that a verifier gets: an object `{method, url, headers, body, secrets}`, of which any may be
/// absent. What is no text counts as its JSON.
pub fn received(example: &Value) -> (InboundRequest, Vec<(String, Redacted)>) {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let member = |name: &str| example.get(name).filter(|value| !value.is_null());
    let pairs = |name: &str| member(name).and_then(Value::as_object).into_iter().flatten();
    let headers = pairs("headers").map(|(name, value)| HeaderField { name: name.clone(), value: text(value) });
    let request = InboundRequest {
        method: member("method").map_or_else(|| "POST".to_owned(), text),
        url: member("url").map_or_else(|| URL.to_owned(), text),
        headers: headers.collect(),
        body: member("body").map_or_else(Bytes::new, |body| text(body).into()),
    };
    (request, pairs("secrets").map(|(name, value)| (name.clone(), Redacted::new(text(value)))).collect())
}
