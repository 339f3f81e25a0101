//! Answers and their `ETag`; `If-Match` and `If-None-Match` as the expectation of a commit (RFC 9110 §13.1).

use axum::Json;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use super::problem::Problem;
use crate::engine::EngineError;
use crate::store::Expect;

/// What a handler answers.
pub type Result<T> = std::result::Result<T, Problem>;

/// A JSON answer.
pub struct Answer<T> {
    status: StatusCode,
    revision: Option<u64>,
    location: Option<String>,
    value: T,
}

impl<T: Serialize> Answer<T> {
    /// 200.
    pub const fn ok(value: T) -> Self {
        Self::with_status(StatusCode::OK, value)
    }

    /// 202: it is on disk and will be done.
    pub const fn accepted(value: T) -> Self {
        Self::with_status(StatusCode::ACCEPTED, value)
    }

    /// 201 if it was made, 200 if it was there.
    pub const fn saved(value: T, created: bool) -> Self {
        Self::with_status(if created { StatusCode::CREATED } else { StatusCode::OK }, value)
    }

    const fn with_status(status: StatusCode, value: T) -> Self {
        Self { status, revision: None, location: None, value }
    }

    /// With the revision as `ETag`.
    pub const fn at(mut self, revision: u64) -> Self {
        self.revision = Some(revision);
        self
    }

    /// With the path of what was made.
    pub fn located(mut self, path: String) -> Self {
        self.location = Some(path);
        self
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.value)).into_response();
        let mut set = |name: HeaderName, text: String| {
            if let Ok(value) = HeaderValue::try_from(text) {
                response.headers_mut().insert(name, value);
            }
        };
        if let Some(revision) = self.revision {
            set(header::ETAG, format!("\"{revision}\""));
        }
        if let Some(location) = self.location {
            set(header::LOCATION, location);
        }
        response
    }
}

/// What the request's conditional headers expect of the definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition(pub Expect);

impl<S: Send + Sync> FromRequestParts<S> for Condition {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::of(&parts.headers)
    }
}

impl Condition {
    /// Reads `If-Match: "7"` and `If-None-Match: *`.
    ///
    /// # Errors
    /// A problem `bad-request` for anything else in these headers.
    pub fn of(headers: &HeaderMap) -> Result<Self> {
        let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
        let expect = match (text(header::IF_MATCH), text(header::IF_NONE_MATCH)) {
            (None, None) => Expect::Any,
            (None, Some("*")) => Expect::Absent,
            (Some(tag), None) => Expect::At(revision(tag).ok_or_else(|| {
                Problem::new("bad-request", "If-Match takes one ETag that this server gave out, such as \"7\"")
            })?),
            _ => return Err(Problem::new("bad-request", "use either If-Match: \"…\" or If-None-Match: *")),
        };
        Ok(Self(expect))
    }

    /// The problem for `error`: what changed meanwhile is 412 if the caller stated a condition, else 409.
    pub fn problem(self, error: EngineError) -> Problem {
        match error {
            EngineError::Changed { .. } if self.0 != Expect::Any => {
                Problem::new("precondition-failed", error.to_string())
            }
            other => other.into(),
        }
    }
}

fn revision(tag: &str) -> Option<u64> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}
