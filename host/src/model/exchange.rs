//! What was sent and what came back, as history keeps it: secrets masked, bodies capped.

use serde::{Deserialize, Serialize};

use super::Time;

/// One header line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HeaderField {
    /// Its name, as sent.
    pub name: String,
    /// Its value; `***` where it held a secret.
    pub value: String,
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
}

/// A line that a plugin logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LogLine {
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// The text, capped.
    pub message: String,
}
