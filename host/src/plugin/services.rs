//! What actions may ask of the server. The engine answers, for one call each; the plugin host counts and notes.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::types::InboundResponse;
use crate::model::{Deed, DeedOutcome, Exchange, HeaderField};

/// Why a capability did not do what was asked (`trouble` in the WIT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It was not granted; the text names what would have to be.
    Denied(String),
    /// What is asked for is not there.
    Missing(String),
    /// The arguments are not right.
    Invalid(String),
    /// The call has used up what it may.
    Exhausted(String),
    /// It may work later.
    Unavailable(String),
}

impl Trouble {
    /// As history has it.
    pub const fn outcome(&self) -> DeedOutcome {
        match self {
            Self::Denied(_) => DeedOutcome::Denied,
            Self::Missing(_) => DeedOutcome::Missing,
            Self::Invalid(_) => DeedOutcome::Invalid,
            Self::Exhausted(_) => DeedOutcome::Exhausted,
            Self::Unavailable(_) => DeedOutcome::Unavailable,
        }
    }

    /// What happened, in words.
    pub fn text(&self) -> &str {
        match self {
            Self::Denied(text)
            | Self::Missing(text)
            | Self::Invalid(text)
            | Self::Exhausted(text)
            | Self::Unavailable(text) => text,
        }
    }
}

/// What came of a webhook call (`outcome` in the WIT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookOutcome {
    /// It worked.
    Accepted {
        /// The HTTP status.
        status: u16,
        /// The text of a JSON object: what the response mapping made of it.
        fields: String,
    },
    /// It failed, for this reason.
    Failed(String),
    /// It was not made: this is a dry run. The plugin is told that it failed, for this reason.
    Pretended(String),
}

/// A webhook call, as it went.
#[derive(Clone, Debug)]
pub struct WebhookCall {
    /// What came of it.
    pub outcome: WebhookOutcome,
    /// The exchange, for history.
    pub exchange: Option<Exchange>,
}

/// A request of `wasi:http`.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// The method, as the plugin wrote it.
    pub method: String,
    /// The absolute URL.
    pub url: String,
    /// The headers; none that frames the message.
    pub headers: Vec<HeaderField>,
    /// The body.
    pub body: Bytes,
    /// How long the plugin would wait.
    pub timeout: Option<Duration>,
}

/// What kind of failure kept a request of `wasi:http` from being answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpFailureKind {
    /// It was not granted.
    Denied,
    /// The call has used up what it may.
    Exhausted,
    /// The method or URL is not one that can be called.
    Invalid,
    /// The guard refuses the address.
    Forbidden,
    /// The host has no address.
    Dns,
    /// There was no connection.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// There was no answer in time.
    Timeout,
    /// The request is larger than its limit.
    RequestTooLarge,
    /// The response is larger than its limit.
    ResponseTooLarge,
    /// The exchange broke, or is otherwise not possible.
    Broken,
    /// It was not sent: this is a dry run.
    Pretended,
}

impl HttpFailureKind {
    /// As history has it.
    pub const fn outcome(self) -> DeedOutcome {
        match self {
            Self::Denied => DeedOutcome::Denied,
            Self::Exhausted => DeedOutcome::Exhausted,
            Self::Invalid => DeedOutcome::Invalid,
            Self::Pretended => DeedOutcome::Pretended,
            _ => DeedOutcome::Failed,
        }
    }
}

/// Why a request of `wasi:http` was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpFailure {
    /// What kind of failure.
    pub kind: HttpFailureKind,
    /// What happened, in words.
    pub reason: String,
}

/// A request of `wasi:http`, as it went.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The whole response, or why there is none.
    pub outcome: Result<InboundResponse, HttpFailure>,
    /// The exchange, for history.
    pub exchange: Option<Exchange>,
}

/// How a use of a capability ended.
#[derive(Clone, Debug)]
pub struct DeedEnd {
    /// What became of it.
    pub outcome: DeedOutcome,
    /// Why it was not done.
    pub reason: Option<String>,
    /// What was sent and came back.
    pub exchange: Option<Exchange>,
}

/// The capabilities of one call of an action: the functions of `wit/tenterhook.wit` behind their grants. What is
/// written is kept until the call ends. Calls come one after the other, but for [`Self::http`]. Dropping a call's future
/// must stop it.
#[async_trait]
pub trait Services: Send + Sync + 'static {
    /// `records.get`: the fields of a record, a JSON object.
    async fn record(&self, source: String, key: String) -> Result<Option<String>, Trouble>;

    /// `records.upsert`: all fields of the record that was written.
    async fn upsert_record(&self, source: String, key: String, fields: String) -> Result<String, Trouble>;

    /// `events.emit`: the event's id.
    async fn emit(&self, event_type: String, data: String, key: Option<String>) -> Result<String, Trouble>;

    /// `webhooks.call`. `number`: which call of a webhook it is in this call of the action, from 1.
    async fn call_webhook(&self, webhook: String, data: String, number: u32) -> Result<WebhookCall, Trouble>;

    /// `state.get`.
    async fn state(&self, key: String) -> Result<Option<String>, Trouble>;

    /// `state.set`; without a value `state.delete`.
    async fn set_state(&self, key: String, value: Option<String>) -> Result<(), Trouble>;

    /// `secrets.get`.
    async fn secret(&self, name: String) -> Result<String, Trouble>;

    /// A request of `wasi:http`. Redirects are not followed.
    async fn http(&self, request: HttpRequest) -> Fetched;

    /// Notes that a capability is used; its outcome is `unfinished` until [`Self::end`] says otherwise. Answers the
    /// number of the note.
    fn note(&self, deed: Deed) -> usize;

    /// Notes how a use ended.
    fn end(&self, number: usize, end: DeedEnd);

    /// A text without the secrets that were read.
    fn mask(&self, text: &str) -> String;
}
