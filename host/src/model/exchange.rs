//! What was sent and what came back, as history keeps it: secrets masked, bodies capped.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Slug, Time};

/// One header line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HeaderField {
    /// Its name, as sent.
    pub name: String,
    /// Its value; `***` where it held a secret.
    pub value: String,
}

/// A body as people read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyText {
    /// The body: text, or base64 if it is no UTF-8.
    pub text: String,
    /// It is base64.
    pub base64: bool,
}

impl BodyText {
    /// Of `body`. If it is only the beginning of one (`cut`), a character that the cut goes through is left out.
    pub fn of(body: &[u8], cut: bool) -> Self {
        match std::str::from_utf8(body) {
            Ok(text) => Self { text: text.to_owned(), base64: false },
            Err(error) if cut && error.error_len().is_none() => {
                let text = String::from_utf8_lossy(&body[..error.valid_up_to()]).into_owned();
                Self { text, base64: false }
            }
            Err(_) => Self { text: BASE64_STANDARD.encode(body), base64: true },
        }
    }
}

/// A request, as history keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RequestParts {
    /// The HTTP method.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Its headers.
    pub headers: Vec<HeaderField>,
    /// The body: text, or base64 if it is no UTF-8 (see `body_base64`).
    pub body: String,
    /// The body above is base64.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub body_base64: bool,
    /// The body above was cut to the kept length.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub body_cut: bool,
}

/// A response, as history keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ResponseParts {
    /// The HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<HeaderField>,
    /// The body: text, or base64 if it is no UTF-8 (see `body_base64`).
    pub body: String,
    /// The body above is base64.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub body_base64: bool,
    /// The body above was cut to the kept length.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub body_cut: bool,
}

/// One HTTP exchange: the request, and the response or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Exchange {
    /// What was sent.
    pub request: RequestParts,
    /// What came back.
    pub response: Option<ResponseParts>,
    /// Why nothing came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When sending began.
    pub started_at: Time,
    /// From then to the end of the response body, in milliseconds.
    pub elapsed_ms: u64,
    /// What plugins had to do with it, if it is a webhook's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugins: Option<PluginTrace>,
}

/// What the plugins of a webhook call got and gave, so that another version can be tried on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PluginTrace {
    /// The webhook.
    pub webhook: Slug,
    /// The id that they were called with.
    pub id: String,
    /// The time that they saw.
    pub now: Time,
    /// What the template got; absent if it is larger than 64 KiB, or an action made the call that knows secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// What the mapping made of the response; absent if there was none to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<TracedVerdict>,
}

/// What a response mapping said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TracedVerdict {
    /// The call worked, with these fields.
    Accepted(Value),
    /// It may work later, for this reason.
    Retry(String),
    /// It failed, for this reason.
    Failed(String),
}

/// A line that a plugin logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LogLine {
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// The text, capped.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_text_if_it_can_be_and_base64_if_not() {
        for (body, cut, text, base64) in [
            (&b""[..], false, "", false),
            ("gr\u{fc}n".as_bytes(), false, "gr\u{fc}n", false),
            (b"a\xc3", true, "a", false),
            (b"a\xc3", false, "YcM=", true),
            (b"\xff\x00", false, "/wA=", true),
            (b"\xffab", true, "/2Fi", true),
        ] {
            assert_eq!(BodyText::of(body, cut), BodyText { text: text.to_owned(), base64 }, "{body:?} {cut}");
        }
    }
}
