//! What the engine answers when it does not do something. Statuses are the API's business (`http::problem`).

use crate::egress::{EgressError, SendError};
use crate::inbound::InboundError;
use crate::model::{DefinitionPath, FieldProblem};
use crate::plugin::{PluginError, Refused};
use crate::record::RecordError;
use crate::store::StoreError;
use crate::vault::VaultError;

/// Result of an engine call.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;

/// Why the engine did not do it; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is no such thing.
    #[error("there is no {what} {id:?}")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// There is such a thing already.
    #[error("{what} {id:?} exists already")]
    Exists {
        /// The kind of thing.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// What was sent is not valid.
    #[error("{}", first_problem(problems))]
    Invalid {
        /// All that is wrong.
        problems: Vec<FieldProblem>,
    },
    /// An event that was sent to be published is not valid.
    #[error("{}", first_problem(problems))]
    BadEvent {
        /// All that is wrong.
        problems: Vec<FieldProblem>,
    },
    /// It could not be done now.
    #[error("{what} could not be evaluated now: {reason}")]
    Busy {
        /// What.
        what: String,
        /// Why.
        reason: String,
    },
    /// It changed since it was read.
    #[error("{what} has changed meanwhile: read it again")]
    Changed {
        /// What.
        what: String,
    },
    /// Others refer to it.
    #[error("{what} {id:?} is in use")]
    InUse {
        /// The kind of thing.
        what: &'static str,
        /// Its id.
        id: String,
        /// Who refers to it.
        users: Vec<DefinitionPath>,
    },
    /// A plugin version does not do what those need who would call it.
    #[error("{detail}")]
    Unfit {
        /// Who they are.
        users: Vec<DefinitionPath>,
        /// What each of them needs.
        detail: String,
    },
    /// The state of things forbids it.
    #[error("{detail}")]
    Refused {
        /// A stable code.
        code: &'static str,
        /// Why, and what to do.
        detail: String,
    },
    /// An uploaded component was refused.
    #[error(transparent)]
    Component(#[from] Refused),
    /// A plugin failed.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// An inbound call was refused.
    #[error(transparent)]
    Inbound(#[from] InboundError),
    /// A record's field is not valid.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The outbound client could not be set up.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// A request could not be sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// A secret could not be sealed or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A defect of ours.
    #[error("internal error: {0}")]
    Internal(String),
}

impl EngineError {
    /// Its stable code, for problems, metrics and lists of refused calls.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { what, .. } => not_found_code(what),
            Self::Exists { .. } => "exists",
            Self::Invalid { .. } => "invalid",
            Self::BadEvent { .. } => "bad-event",
            Self::Busy { .. } => "busy",
            Self::Changed { .. } => "changed",
            Self::InUse { .. } => "in-use",
            Self::Unfit { .. } => "plugin-version-unfit",
            Self::Refused { code, .. } => code,
            Self::Component(_) => "component-refused",
            Self::Plugin(_) => "plugin-failed",
            Self::Inbound(error) => error.code(),
            Self::Record(RecordError::Exists { .. }) => "record-exists",
            Self::Record(RecordError::Missing { .. }) => "record-missing",
            Self::Record(_) => "bad-record",
            Self::Send(error) => error.code(),
            Self::Store(StoreError::BadCursor) => "bad-cursor",
            Self::Store(StoreError::Conflict { .. }) => "changed",
            Self::Store(StoreError::TooLarge { .. }) => "body-too-large",
            Self::Store(_) => "store-unavailable",
            Self::Egress(_) | Self::Vault(_) | Self::Internal(_) => "internal",
        }
    }

    /// Nothing of this kind has this id.
    pub fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound { what, id: id.to_string() }
    }

    /// One field is not valid.
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { problems: vec![FieldProblem::new(field, reason)] }
    }
}

fn not_found_code(what: &str) -> &'static str {
    match what {
        "space" => "space-not-found",
        "API key" => "key-not-found",
        "secret" => "secret-not-found",
        "source" => "source-not-found",
        "record" => "record-not-found",
        "plugin" => "plugin-not-found",
        "plugin version" => "plugin-version-not-found",
        "webhook" => "webhook-not-found",
        "workflow" => "workflow-not-found",
        "workflow version" => "workflow-version-not-found",
        "trigger" => "trigger-not-found",
        "run" => "run-not-found",
        "endpoint" => "endpoint-not-found",
        "event type" => "event-type-not-found",
        "event type version" => "event-type-version-not-found",
        "bin" => "bin-not-found",
        "request" => "request-not-found",
        _ => "not-found",
    }
}

fn first_problem(problems: &[FieldProblem]) -> String {
    match problems {
        [] => "the request is not valid".to_owned(),
        [one] => format!("{}: {}", one.field, one.reason),
        [first, rest @ ..] => format!("{}: {} (and {} more)", first.field, first.reason, rest.len()),
    }
}
