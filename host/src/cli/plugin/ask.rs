//! One call of a plugin, as asked for on the command line or by the plugin's own example.

use anyhow::{Context as _, bail};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::role::Role;
use crate::model::HeaderField;
use crate::plugin::{InboundResponse, OutboundRequest, Verdict};

/// The URL of a request that a template starts from, unless another is given.
const EXAMPLE_URL: &str = "https://receiver.example/";

/// What a plugin is called with, besides its configuration.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    Template { input: String, base: OutboundRequest },
    Mapping(InboundResponse),
    Action { input: String },
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
    /// Calls `role` with an input: JSON, or for a mapping the response's body.
    ///
    /// # Errors
    /// The input is no JSON where it must be, or a header no text.
    pub fn new(role: Role, input: Vec<u8>, around: Surroundings) -> anyhow::Result<Self> {
        let headers = around.headers()?;
        Ok(match role {
            Role::Template => {
                let method = around.method.unwrap_or_else(|| "POST".to_owned());
                let url = around.url.unwrap_or_else(|| EXAMPLE_URL.to_owned());
                Self::Template {
                    input: json_text(input)?,
                    base: OutboundRequest { method, url, headers, body: Bytes::new() },
                }
            }
            Role::Mapping => {
                let status = around.status.unwrap_or(200);
                Self::Mapping(InboundResponse { status, headers, body: input.into() })
            }
            Role::Action => Self::Action { input: json_text(input)? },
            Role::Verifier => bail!("this version cannot call verifiers"),
        })
    }

    /// Calls `role` with the example of `describe`: a text that is the example of a mapping is the body itself.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn example(role: Role, input: &Value) -> anyhow::Result<Self> {
        let (input, headers) = match (role, input) {
            (Role::Mapping, Value::String(body)) => (body.clone(), Map::new()),
            (Role::Mapping, _) => {
                (input.to_string(), Map::from_iter([("content-type".to_owned(), json!("application/json"))]))
            }
            _ => (input.to_string(), Map::new()),
        };
        Self::new(role, input.into_bytes(), Surroundings { headers, ..Surroundings::default() })
    }

    /// What is called.
    pub const fn role(&self) -> Role {
        match self {
            Self::Template { .. } => Role::Template,
            Self::Mapping(_) => Role::Mapping,
            Self::Action { .. } => Role::Action,
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

/// A request as JSON; a body that is no text is given in base64.
pub(super) fn request_json(request: &OutboundRequest) -> Value {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let field = |field: &HeaderField| json!({ "name": field.name, "value": field.value });
    let headers: Vec<Value> = request.headers.iter().map(field).collect();
    let mut value = json!({ "method": request.method, "url": request.url, "headers": headers });
    match std::str::from_utf8(&request.body) {
        Ok(text) => value["body"] = json!(text),
        Err(_) => value["body_base64"] = json!(BASE64_STANDARD.encode(&request.body)),
    }
    value
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
    fn an_example_of_a_mapping_is_a_body_and_of_the_others_json() {
        let body = |example: Value| match Ask::example(Role::Mapping, &example) {
            Ok(Ask::Mapping(response)) => {
                (response.headers.len(), String::from_utf8(response.body.to_vec()).expect("text"))
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(body(json!({ "id": 1 })), (1, "{\"id\":1}".to_owned()));
        assert_eq!(body(json!("<id>1</id>")), (0, "<id>1</id>".to_owned()));
        let Ok(Ask::Template { input, base }) = Ask::example(Role::Template, &json!("x")) else { panic!("a template") };
        assert_eq!((input.as_str(), base.method.as_str(), base.url.as_str()), ("\"x\"", "POST", EXAMPLE_URL));
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
        assert_eq!(request_json(&request)["body_base64"], "/wA=");
    }
}
