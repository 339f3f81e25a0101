//! One call of a plugin, as asked for on the command line or by the plugin's own example.

use anyhow::{Context as _, bail};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::role::Role;
use crate::model::{BodyText, HeaderField, Redacted};
use crate::plugin::{Acceptance, InboundRequest, InboundResponse, Judgement, OutboundRequest, Verdict, example};

/// What a plugin is called with, besides its configuration.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    Template { input: String, base: OutboundRequest },
    Mapping(InboundResponse),
    Action { input: String },
    Verifier { request: InboundRequest, secrets: Vec<(String, Redacted)> },
}

/// What surrounds an input: the request that a template starts from, or status and headers of a response.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Surroundings {
    method: Option<String>,
    url: Option<String>,
    status: Option<u16>,
    headers: Map<String, Value>,
}

impl Ask {
    /// Calls `role` with an input: JSON, for a mapping the response's body, for a verifier the call and the secrets as
    /// its example has them.
    ///
    /// # Errors
    /// The input is no JSON where it must be, or a header no text.
    pub fn new(role: Role, input: Vec<u8>, around: Surroundings) -> anyhow::Result<Self> {
        let headers = around.headers()?;
        Ok(match role {
            Role::Template => {
                let OutboundRequest { method, url, body, .. } = example::base();
                let (method, url) = (around.method.unwrap_or(method), around.url.unwrap_or(url));
                Self::Template { input: json_text(input)?, base: OutboundRequest { method, url, headers, body } }
            }
            Role::Mapping => {
                let status = around.status.unwrap_or(200);
                Self::Mapping(InboundResponse { status, headers, body: input.into() })
            }
            Role::Action => Self::Action { input: json_text(input)? },
            Role::Verifier => {
                let call = serde_json::from_slice(&input).context("the input is no JSON")?;
                let (request, secrets) = example::received(&call);
                Self::Verifier { request, secrets }
            }
        })
    }

    /// Calls `role` with the example of `describe`.
    pub fn example(role: Role, input: &Value) -> Self {
        match role {
            Role::Template => Self::Template { input: input.to_string(), base: example::base() },
            Role::Mapping => Self::Mapping(example::response(input)),
            Role::Action => Self::Action { input: input.to_string() },
            Role::Verifier => {
                let (request, secrets) = example::received(input);
                Self::Verifier { request, secrets }
            }
        }
    }

    /// What is called.
    pub const fn role(&self) -> Role {
        match self {
            Self::Template { .. } => Role::Template,
            Self::Mapping(_) => Role::Mapping,
            Self::Action { .. } => Role::Action,
            Self::Verifier { .. } => Role::Verifier,
        }
    }
}

impl Surroundings {
    fn headers(&self) -> anyhow::Result<Vec<HeaderField>> {
        let field = |(name, value): (&String, &Value)| match value {
            Value::String(value) => Ok(HeaderField { name: name.clone(), value: value.clone() }),
            _ => bail!("the header {name:?} is no text"),
        };
        self.headers.iter().map(field).collect()
    }
}

/// The input as JSON text.
fn json_text(input: Vec<u8>) -> anyhow::Result<String> {
    let text = String::from_utf8(input).context("the input is not UTF-8")?;
    serde_json::from_str::<serde::de::IgnoredAny>(&text).context("the input is no JSON")?;
    Ok(text)
}

/// A request as JSON, as the server's history has it: a body that is no text is in base64.
pub(super) fn request_json(request: &OutboundRequest) -> Value {
    let OutboundRequest { method, url, headers, body } = request;
    with_body(json!({ "method": method, "url": url, "headers": headers }), body)
}

fn with_body(mut message: Value, body: &Bytes) -> Value {
    let BodyText { text, base64 } = BodyText::of(body, false);
    message["body"] = json!(text);
    if base64 {
        message["body_base64"] = json!(true);
    }
    message
}

/// A judgement as JSON: an object of one member, named as the judgement.
pub(super) fn judgement_json(judgement: &Judgement) -> Value {
    match judgement {
        Judgement::Accepted(Acceptance { id, payload }) => {
            let payload = payload.as_deref().map(|text| serde_json::from_str::<Value>(text).unwrap_or_default());
            json!({ "accepted": { "id": id, "payload": payload } })
        }
        Judgement::Refused(reason) => json!({ "refused": reason }),
        Judgement::Answered(InboundResponse { status, headers, body }) => {
            json!({ "answered": with_body(json!({ "status": status, "headers": headers }), body) })
        }
    }
}

/// A verdict as JSON: an object of one member, named as the verdict.
pub(super) fn verdict_json(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Accepted(fields) => json!({ "accepted": serde_json::from_str::<Value>(fields).unwrap_or_default() }),
        Verdict::Retry(reason) => json!({ "retry": reason }),
        Verdict::Failed(reason) => json!({ "failed": reason }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_means_what_an_upload_takes_it_for() {
        let body = |example: Value| match Ask::example(Role::Mapping, &example) {
            Ask::Mapping(response) => String::from_utf8(response.body.to_vec()).expect("text"),
            other => panic!("{other:?}"),
        };
        assert_eq!(body(json!({ "id": 1 })), "{\"id\":1}");
        assert_eq!(body(json!("<id>1</id>")), "<id>1</id>");
        let Ask::Template { input, base } = Ask::example(Role::Template, &json!("x")) else { panic!("a template") };
        assert_eq!((input.as_str(), base.method.as_str()), ("\"x\"", "POST"));
        let call = json!({ "headers": { "x-token": "t" }, "body": { "a": 1 }, "secrets": { "token": "t" } });
        let Ask::Verifier { request, secrets } = Ask::example(Role::Verifier, &call) else { panic!("a verifier") };
        assert_eq!((request.method.as_str(), &request.body[..]), ("POST", &br#"{"a":1}"#[..]));
        assert_eq!((request.headers[0].value.as_str(), secrets[0].1.reveal()), ("t", "t"));
        assert!(!format!("{secrets:?}").contains("\"t\")"), "a secret's value is not shown");
    }

    #[test]
    fn what_cannot_be_asked_is_refused_with_the_reason() {
        let around = |json: Value| serde_json::from_value::<Surroundings>(json);
        let text = |ask: anyhow::Result<Ask>| format!("{:#}", ask.expect_err("it cannot be asked"));
        assert!(
            text(Ask::new(Role::Action, b"{".to_vec(), Surroundings::default())).starts_with("the input is no JSON")
        );
        let numbered = around(json!({ "headers": { "x-a": 1 } })).expect("an object");
        assert_eq!(text(Ask::new(Role::Action, b"1".to_vec(), numbered)), "the header \"x-a\" is no text");
        assert!(around(json!({ "header": {} })).is_err(), "a misspelt member is told");
    }

    #[test]
    fn a_body_that_is_no_text_is_shown_in_base64() {
        let mut request =
            OutboundRequest { method: "PUT".into(), url: "https://a".into(), headers: Vec::new(), body: "é".into() };
        assert_eq!(request_json(&request)["body"], "é");
        request.body = Bytes::from_static(&[0xff, 0]);
        let shown = request_json(&request);
        assert_eq!((&shown["body"], &shown["body_base64"]), (&json!("/wA="), &json!(true)));
    }
}
