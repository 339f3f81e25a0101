//! Checks of what plugins return: size, JSON, requests that can be sent. Inside are only checked values.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::types::{Acceptance, Judgement, OutboundRequest, Verdict};
use crate::model::{HeaderField, Object};

/// What is wrong with an output.
pub(super) enum Bad {
    TooLarge { limit: usize },
    Unusable(String),
}

/// The methods that a request may have.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
/// Headers of one request or answer.
const HEADERS_MAX: usize = 256;
/// Body of a verifier's own answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// A verifier's name of a call, in bytes: as long as an `Idempotency-Key`.
const ID_BYTES_MAX: usize = 256;

fn fits(size: usize, limit: usize) -> Result<(), Bad> {
    if size <= limit { Ok(()) } else { Err(Bad::TooLarge { limit }) }
}

/// A request that can be sent: method, URL scheme, header names and values are well-formed.
pub(super) fn request(request: OutboundRequest, limit: usize) -> Result<OutboundRequest, Bad> {
    let sizes: usize = request.headers.iter().map(|field| field.name.len() + field.value.len()).sum();
    fits(request.body.len() + request.url.len() + sizes, limit)?;
    let bad = |reason: String| Err(Bad::Unusable(reason));
    if !METHODS.contains(&request.method.as_str()) {
        return bad(format!("method {:?} is none of {}", cut(&request.method), METHODS.join(", ")));
    }
    let absolute = request.url.starts_with("https://") || request.url.starts_with("http://");
    if !absolute || request.url.chars().any(|c| c.is_control() || c == ' ') {
        return bad(format!("URL {:?} is not an absolute http or https URL", cut(&request.url)));
    }
    headers(&request.headers)?;
    Ok(request)
}

fn headers(headers: &[HeaderField]) -> Result<(), Bad> {
    let bad = |reason: String| Err(Bad::Unusable(reason));
    if headers.len() > HEADERS_MAX {
        return bad(format!("{} headers; up to {HEADERS_MAX} are sent", headers.len()));
    }
    for HeaderField { name, value } in headers {
        if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
            return bad(format!("header name {:?} has characters that are not allowed", cut(name)));
        }
        if http::HeaderValue::from_bytes(value.as_bytes()).is_err() {
            return bad(format!("the value of header {:?} has control characters", cut(name)));
        }
    }
    Ok(())
}

/// A verdict whose fields are a JSON object.
pub(super) fn verdict(verdict: Verdict, limit: usize) -> Result<Verdict, Bad> {
    match &verdict {
        Verdict::Accepted(json) => {
            fits(json.len(), limit)?;
            serde_json::from_str::<Object>(json)
                .map_err(|error| Bad::Unusable(format!("the accepted fields are no JSON object: {error}")))?;
        }
        Verdict::Retry(reason) | Verdict::Failed(reason) => fits(reason.len(), limit)?,
    }
    Ok(verdict)
}

/// A judgement whose payload is JSON, and whose answer can be sent.
pub(super) fn judgement(judgement: Judgement, limit: usize) -> Result<Judgement, Bad> {
    match &judgement {
        Judgement::Accepted(Acceptance { id, payload }) => {
            let id = id.as_deref().unwrap_or("");
            if id.len() > ID_BYTES_MAX {
                return Err(Bad::Unusable(format!(
                    "the call's id has {} bytes; up to {ID_BYTES_MAX} are taken",
                    id.len()
                )));
            }
            if let Some(payload) = payload {
                json(payload.clone(), limit)?;
            }
        }
        Judgement::Refused(reason) => fits(reason.len(), limit)?,
        Judgement::Answered(response) => {
            fits(response.body.len(), ANSWER_BYTES_MAX)?;
            if !(200..600).contains(&response.status) {
                return Err(Bad::Unusable(format!("status {} is none of an answer", response.status)));
            }
            headers(&response.headers)?;
        }
    }
    Ok(judgement)
}

/// A JSON text.
pub(super) fn json(text: String, limit: usize) -> Result<String, Bad> {
    fits(text.len(), limit)?;
    serde_json::from_str::<IgnoredAny>(&text)
        .map_err(|error| Bad::Unusable(format!("the result is no JSON: {error}")))?;
    Ok(text)
}

/// JSON of which no text holds a secret, whatever its author escaped. A number that is one becomes a text.
pub(super) fn masked(json: &str, mask: &dyn Fn(&str) -> String) -> Result<String, Bad> {
    let value = serde_json::from_str(json)
        .map_err(|error| Bad::Unusable(format!("the result cannot be searched for secrets: {error}")))?;
    Ok(masked_value(value, mask).to_string())
}

/// A judgement of which no text holds a secret, but for an answer to the caller.
pub(super) fn masked_judgement(judgement: Judgement, mask: &dyn Fn(&str) -> String) -> Result<Judgement, Bad> {
    Ok(match judgement {
        Judgement::Accepted(Acceptance { id, payload }) => Judgement::Accepted(Acceptance {
            id: id.map(|id| mask(&id)),
            payload: payload.map(|payload| masked(&payload, mask)).transpose()?,
        }),
        Judgement::Refused(reason) => Judgement::Refused(mask(&reason)),
        answered @ Judgement::Answered(_) => answered,
    })
}

fn masked_value(value: Value, mask: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => mask(&text).into(),
        Value::Array(items) => items.into_iter().map(|item| masked_value(item, mask)).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, item)| (mask(&name), masked_value(item, mask))).collect()
        }
        other => {
            let text = other.to_string();
            let masked = mask(&text);
            if masked == text { other } else { masked.into() }
        }
    }
}

/// Whether the plugin handed over more bytes at once than it may. The error's type is private to wasmtime, its name is
/// not; a test fails should it change, and then the output counts as unusable instead of too large.
pub(super) fn is_fuel_exhausted(error: &wasmtime::Error) -> bool {
    format!("{:?}", error.root_cause()) == "HostcallFuelExhausted"
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(200.min(text.len()))]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request_of(method: &str, url: &str, header: (&str, &str)) -> OutboundRequest {
        let headers = vec![HeaderField { name: header.0.into(), value: header.1.into() }];
        OutboundRequest { method: method.into(), url: url.into(), headers, body: "body".into() }
    }

    fn reason(request_: OutboundRequest) -> String {
        match request(request_, 1000) {
            Err(Bad::Unusable(reason)) => reason,
            Err(Bad::TooLarge { .. }) => "too large".into(),
            Ok(_) => "ok".into(),
        }
    }

    #[test]
    fn a_request_that_could_not_be_sent_is_refused_with_the_reason() {
        assert_eq!(reason(request_of("POST", "https://a.example/x", ("X-A", "ü"))), "ok");
        assert_eq!(
            reason(request_of("TRACE", "https://a.example", ("X", "1"))),
            "method \"TRACE\" is none of GET, POST, PUT, PATCH, DELETE"
        );
        for url in ["file:///etc/passwd", "/relative", "https://a.example/\r\nx", "https://a b"] {
            assert!(
                reason(request_of("GET", url, ("X", "1"))).ends_with("is not an absolute http or https URL"),
                "{url}"
            );
        }
        assert!(reason(request_of("GET", "http://a", ("X A", "1"))).contains("header name"));
        assert!(reason(request_of("GET", "http://a", ("X", "1\r\nY: 2"))).contains("control characters"));
        assert_eq!(reason(request_of("GET", "http://a", ("X", &"a".repeat(1000)))), "too large");
    }

    #[test]
    fn masked_json_stays_json_wherever_the_secret_was() {
        let mask = |text: &str| text.replace("4711", "***");
        let masked = |json: &str| masked(json, &mask).unwrap_or_else(|_| "refused".to_owned());
        assert_eq!(masked(r#"{"a":"x4711y","4711":[4711,1.5,null]}"#), r#"{"a":"x***y","***":["***",1.5,null]}"#);
        assert_eq!(masked(r#"{"a": "x\u00e4"}"#), r#"{"a":"xä"}"#);
        assert_eq!(masked(r#"{"\u0034711": ["47\u00311"]}"#), r#"{"***":["***"]}"#, "whatever is escaped");
        assert_eq!(masked(r#"{"a": "4711", "a": 1}"#), r#"{"a":1}"#, "a member that another one covers");
        assert_eq!(masked("4711"), "\"***\"");
        assert_eq!(masked(&format!("{}\"4711\"{}", "[".repeat(200), "]".repeat(200))), "refused", "too deep to search");
    }

    #[test]
    fn accepted_fields_must_be_an_object_and_results_must_be_json() {
        assert!(verdict(Verdict::Accepted("{\"a\":1}".into()), 10).is_ok());
        assert!(matches!(verdict(Verdict::Accepted("[1]".into()), 10), Err(Bad::Unusable(_))));
        assert!(matches!(verdict(Verdict::Failed("x".repeat(11)), 10), Err(Bad::TooLarge { limit: 10 })));
        assert!(json("null".into(), 10).is_ok());
        assert!(matches!(json("{".into(), 10), Err(Bad::Unusable(_))));
    }
}
