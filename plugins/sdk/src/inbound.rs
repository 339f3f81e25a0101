//! Verifiers: who calls a trigger, and what it says.

use std::fmt;
use std::hint::black_box;

use serde::de::DeserializeOwned;

use crate::{Call, Failure, InboundRequest, Json, Response};

/// Says whether a call of a trigger comes from whom it claims, and what it says.
///
/// The example input of a verifier's [`Description`](crate::Description) is a whole call, a JSON object:
///
/// ```json
/// {
///   "method": "POST",
///   "url": "https://hooks.example/in/t0ken",
///   "headers": { "x-signature": "sha256=…" },
///   "body": "{\"id\":1}",
///   "secrets": { "secret": "It's a Secret" },
///   "now": 1700000000000
/// }
/// ```
///
/// `headers` and `secrets` have text values; `body` is text; `now` is `call.now`, in milliseconds since the Unix epoch.
/// `method` is `POST`, `url` is `https://hooks.example/`, `now` is 0 and the others are empty where they are missing.
/// An example is one that the verifier accepts or answers with the example configuration.
pub trait Verifier {
    /// `secrets`: those that the trigger names for its verifier. `call.now`: when the call came.
    ///
    /// # Errors
    /// A [`Failure`] refuses the call: `Invalid` and `Rejected` with 401, `Unavailable` with 503.
    fn verify(call: &Call, request: InboundRequest, secrets: &[Secret]) -> Result<Judgement, Failure>;
}

/// What a verifier makes of a call.
#[derive(Clone, Debug)]
pub enum Judgement {
    /// The sender is who it claims.
    Accepted(Acceptance),
    /// It is not, for this reason: the caller gets 401, and the reason is shown with the refused calls. It never tells
    /// anything of a secret.
    Refused(String),
    /// The call asks for an answer at once, such as a challenge; no run starts. Up to 64 KiB.
    Answered(Response),
}

impl Judgement {
    /// Accepted, and nothing more to say.
    pub fn accepted() -> Self {
        Self::Accepted(Acceptance::default())
    }

    /// Accepted, under the sender's name for the call.
    pub fn accepted_as(id: impl Into<String>) -> Self {
        Self::Accepted(Acceptance { id: Some(id.into()), payload: None })
    }

    /// Refused, for this reason.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::Refused(reason.into())
    }
}

/// A call that is what it claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acceptance {
    /// The sender's name for the call, the same for every repeat of it: a repeat does not start a second run.
    pub id: Option<String>,
    /// What the run gets in place of the decoded body.
    pub payload: Option<Json>,
}

/// A secret of the trigger, under the name that the trigger gives it. Its `Debug` does not tell the value.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({:?}, ***)", self.name)
    }
}

impl Secret {
    /// A secret.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }

    /// The value of the secret of exactly this name.
    pub fn find<'a>(secrets: &'a [Self], name: &str) -> Option<&'a str> {
        secrets.iter().find(|secret| secret.name == name).map(|secret| secret.value.as_str())
    }

    /// The values of all secrets of one meaning: `name` itself, and `name-` with anything behind it, such as
    /// `secret-2` or `secret-old`. So a secret is rotated: the verifier tries them all.
    pub fn all<'a>(secrets: &'a [Self], name: &str) -> impl Iterator<Item = &'a str> {
        let of = move |secret: &&Self| {
            secret.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        secrets.iter().filter(of).map(|secret| secret.value.as_str())
    }
}

impl InboundRequest {
    /// All values of a header, in the order received; names compare without case.
    pub fn header_values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value.as_str())
    }

    /// The value of a header that came exactly once; `None` if it came not or several times.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.sole_header(name).ok()
    }

    /// The value of a header that must come exactly once.
    ///
    /// # Errors
    /// A sentence for a refusal: the header is missing, or came several times.
    pub fn sole_header(&self, name: &str) -> Result<&str, String> {
        let mut values = self.header_values(name);
        match (values.next(), values.count()) {
            (Some(value), 0) => Ok(value),
            (Some(_), more) => Err(format!("the header `{name}` came {} times: send it once", more + 1)),
            (None, _) => Err(format!("the header `{name}` is missing: the sender must send it")),
        }
    }

    /// The query of the URL as sent, without `?`; empty if there is none.
    pub fn query(&self) -> &str {
        let url = self.url.split_once('#').map_or(self.url.as_str(), |(url, _)| url);
        url.split_once('?').map_or("", |(_, query)| query)
    }

    /// The body as text.
    ///
    /// # Errors
    /// `Invalid` when the body is not UTF-8.
    pub fn text(&self) -> Result<&str, Failure> {
        std::str::from_utf8(&self.body).map_err(|error| Failure::Invalid(format!("body: not UTF-8: {error}")))
    }

    /// The body, parsed as JSON. Parse it after the signature was verified.
    ///
    /// # Errors
    /// `Invalid`, with the reason, line and column.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        crate::json::decode("body", self.text()?)
    }
}

/// Whether both are equal, in a time that depends on their lengths only: for signatures and tokens, so that nobody can
/// find them byte by byte.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    black_box(a.iter().zip(b).fold(0_u8, |difference, (a, b)| black_box(difference | (a ^ b)))) == 0
}
