//! Errors as the caller sees them: RFC 9457 problems with stable codes. The only place that knows HTTP statuses.

use std::borrow::Cow;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::model::{DefinitionPath, LogLine};

/// The media type of problems (RFC 9457 §3).
pub const PROBLEM_JSON: &str = "application/problem+json";
/// What a caller waits before it repeats a call that failed for lack of something, in seconds.
const RETRY_AFTER_SECONDS: &str = "1";

/// A kind of problem: what is stable about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblemKind {
    /// Its stable code, the last part of `type`.
    pub code: &'static str,
    /// Its HTTP status.
    pub status: u16,
    /// The same call may succeed later.
    pub retriable: bool,
    /// The kind in words.
    pub title: &'static str,
}

const fn kind(code: &'static str, status: u16, retriable: bool, title: &'static str) -> ProblemKind {
    ProblemKind { code, status, retriable, title }
}

/// All kinds of problem.
pub const KINDS: &[ProblemKind] = &[
    // The request itself.
    kind("bad-request", 400, false, "A part of the path, a query parameter or a header is not valid"),
    kind("bad-idempotency-key", 400, false, "The header Idempotency-Key cannot be used"),
    kind("bad-body", 400, false, "The body cannot be read"),
    kind("bad-cursor", 400, false, "The cursor was not given out by this server"),
    kind("bad-event", 400, false, "An event cannot be published"),
    kind("method-not-allowed", 405, false, "The path does not take this method"),
    kind("body-too-slow", 408, true, "The body took too long to arrive"),
    kind("body-too-large", 413, false, "The body is too large"),
    kind("unsupported-media-type", 415, false, "The body is of a type that is not understood here"),
    kind("invalid", 422, false, "What was sent is not valid"),
    // Who asks.
    kind("no-key", 401, false, "The call bears no key"),
    kind("wrong-key", 401, false, "The key is not known"),
    kind("not-verified", 401, false, "The trigger's verifier does not believe the call"),
    kind("verifier-failed", 503, true, "The trigger's verifier gave no judgement"),
    kind("wrong-signature", 401, false, "The signature is not right"),
    kind("forbidden", 403, false, "The key does not allow this"),
    // The state of things.
    kind("not-found", 404, false, "There is no such thing"),
    kind("exists", 409, false, "It exists already"),
    kind("in-use", 409, false, "It is in use"),
    kind("refused", 409, false, "The present state forbids it"),
    kind("changed", 409, true, "It has changed meanwhile"),
    kind("precondition-failed", 412, false, "It is not as If-Match or If-None-Match expects"),
    // Records and inbound calls.
    kind("unknown-trigger", 404, false, "No trigger has this URL"),
    kind("trigger-off", 404, false, "The trigger is switched off"),
    kind("record-exists", 409, false, "A record with this key exists already"),
    kind("record-missing", 404, false, "There is no record with this key"),
    kind("bad-record", 422, false, "The fields make no record of this source"),
    kind("mapping-failed", 422, false, "A field cannot be mapped from the body"),
    kind("mapping-unavailable", 503, true, "A field cannot be mapped at the moment"),
    // Plugins and calls to the outside.
    kind("component-refused", 422, false, "The upload is no plugin that this server can use"),
    kind("plugin-failed", 422, false, "A plugin failed"),
    kind("plugin-unavailable", 503, true, "A plugin cannot be called at the moment"),
    kind("call-failed", 422, false, "The call to the outside failed"),
    // Ours.
    kind("busy", 503, true, "The server is too busy to do it at the moment"),
    kind("store-unavailable", 503, true, "The store is unavailable"),
    kind("not-ready", 503, true, "The server is not ready"),
    kind("internal", 500, false, "Something went wrong on our side"),
];

/// The kind with this code; `internal` if there is none.
pub fn kind_of(code: &str) -> &'static ProblemKind {
    let internal = const { &KINDS[KINDS.len() - 1] };
    KINDS.iter().find(|kind| kind.code == code).unwrap_or(internal)
}

/// One thing that is wrong with what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ProblemField {
    /// Which field.
    pub field: String,
    /// What is wrong and how to mend it.
    pub reason: String,
    /// The line in a document or template, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column in that line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

/// Something that refers to the object of the problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ProblemUser {
    /// What it is: `workflow`, `webhook`, …
    pub kind: Cow<'static, str>,
    /// Its id.
    pub id: String,
}

impl From<&DefinitionPath> for ProblemUser {
    fn from(path: &DefinitionPath) -> Self {
        Self { kind: path.kind.word().into(), id: path.id.clone() }
    }
}

/// A problem (RFC 9457).
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// `urn:tenterhook:problem:` and the code.
    #[serde(rename = "type")]
    pub uri: String,
    /// The kind in words.
    pub title: Cow<'static, str>,
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: Cow<'static, str>,
    /// What happened this time, and what to do about it.
    pub detail: String,
    /// The same call may succeed later.
    pub retriable: bool,
    /// All that is wrong with what was sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemField>,
    /// Who refers to what cannot be deleted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub used_by: Vec<ProblemUser>,
    /// What a plugin that failed had logged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<LogLine>,
    /// The methods that the path does take, for the header `Allow` (RFC 9110 §15.5.6), where not the router knows them.
    #[serde(skip)]
    pub allow: Option<&'static str>,
}

impl Problem {
    /// A problem of the kind `code`.
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        let kind = kind_of(code);
        Self {
            uri: uri(kind.code),
            title: Cow::Borrowed(kind.title),
            status: kind.status,
            code: Cow::Borrowed(kind.code),
            detail: detail.into(),
            retriable: kind.retriable,
            errors: Vec::new(),
            used_by: Vec::new(),
            logs: Vec::new(),
            allow: None,
        }
    }

    /// The same problem under a narrower code, such as `webhook-not-found` for `not-found`.
    #[must_use]
    pub fn narrowed(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = code.into();
        self.uri = uri(&self.code);
        self
    }

    /// The same fault as a problem of the kind `code`.
    #[must_use]
    pub fn recast(self, code: &'static str) -> Self {
        Self { errors: self.errors, ..Self::new(code, self.detail) }
    }

    /// The same problem with one more field at fault.
    #[must_use]
    pub fn with_field(mut self, field: &str, reason: impl Into<String>, position: Option<(usize, usize)>) -> Self {
        let (line, column) = position.unzip();
        self.errors.push(ProblemField { field: field.to_owned(), reason: reason.into(), line, column });
        self
    }

    /// The body is larger than `limit` bytes.
    pub fn body_too_large(limit: usize) -> Self {
        Self::new("body-too-large", format!("the body exceeds {limit} bytes"))
    }

    /// The body did not arrive in time.
    pub fn body_too_slow(limit: Duration) -> Self {
        Self::new("body-too-slow", format!("the body did not arrive within {} s", limit.as_secs()))
    }

    /// The body cannot be read; `position` is line and column.
    pub fn bad_body(reason: String, position: Option<(usize, usize)>) -> Self {
        let Some((line, column)) = position else { return Self::new("bad-body", reason) };
        let problem = Self::new("bad-body", format!("line {line}, column {column}: {reason}"));
        problem.with_field(".", reason, position)
    }

    /// The body is JSON, but a field is not what it should be.
    pub fn invalid_field(field: &str, reason: String, position: (usize, usize)) -> Self {
        let at = if field == "." { String::new() } else { format!("{field}: ") };
        let detail = format!("line {}, column {}: {at}{reason}", position.0, position.1);
        Self::new("invalid", detail).with_field(field, reason, Some(position))
    }

    /// The body is `found` where `wanted` is understood.
    pub fn unsupported_media_type(found: &str, wanted: &str) -> Self {
        Self::new("unsupported-media-type", format!("the body is {found:?}; send {wanted}, and say so in Content-Type"))
    }
}

fn uri(code: &str) -> String {
    format!("urn:tenterhook:problem:{code}")
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"tenterhook\""));
        }
        if let Some(methods) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(methods));
        }
        if self.retriable {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        response
    }
}
