//! Inbound: what comes to a trigger's URL, from raw request to mapped fields. Pure: no I/O, `now` is an argument.
//!
//! The landings are types: [`RawRequest`] (bounded, nothing checked) → [`VerifiedRequest`] (the sender has the key or
//! the signing secret) → payload (one JSON value) → fields. Statuses of HTTP are not known here; each refusal has a
//! stable code.

mod body;
mod fields;
mod request;
mod signature;
mod verify;

pub use body::{SUPPORTED_MEDIA_TYPES, decode_body};
pub use fields::same_named;
pub use request::{RawRequest, request_member};
pub use verify::{Judged, Refused, VerifiedBy, VerifiedRequest, accept, expect_enabled, verify};

use crate::expr::EvaluateError;
use crate::model::Slug;

/// Longest name of a call (`Idempotency-Key`, `webhook-id`), by which its repeats are recognised, in bytes.
pub const REPEAT_KEY_BYTES_MAX: usize = 256;

/// Why an inbound call is refused. None of these starts anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InboundError {
    /// No trigger has this URL.
    #[error("no trigger has this URL")]
    UnknownTrigger,
    /// The trigger is switched off.
    #[error("the trigger of workflow {workflow:?} is switched off", workflow = .workflow.as_str())]
    TriggerOff {
        /// Its workflow.
        workflow: Slug,
    },
    /// The call shows neither key nor signature.
    #[error("{0}")]
    NoKey(&'static str),
    /// The key is not the trigger's.
    #[error("{0}")]
    WrongKey(&'static str),
    /// The signature does not prove that the sender knows the secret.
    #[error("{0}")]
    WrongSignature(&'static str),
    /// The trigger's verifier does not believe the call.
    #[error("{0}")]
    NotVerified(String),
    /// The trigger's verifier gave no judgement.
    #[error("the verifier of the trigger failed: {0}")]
    VerifierFailed(String),
    /// Only a trigger with a verifier is called by this method.
    #[error("call this URL by POST or PUT, not by {method}")]
    MethodNotAllowed {
        /// The method.
        method: String,
    },
    /// The header `Idempotency-Key` cannot be used.
    #[error("the header Idempotency-Key {0}: send it once, as 1 to {REPEAT_KEY_BYTES_MAX} bytes of ASCII")]
    BadIdempotencyKey(&'static str),
    /// The body is larger than allowed.
    #[error("the body exceeds {limit} bytes")]
    BodyTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The body is of a media type or charset that is not understood.
    #[error("{found} is not understood; send {SUPPORTED_MEDIA_TYPES}, in UTF-8")]
    UnsupportedMediaType {
        /// What was sent.
        found: String,
    },
    /// The body is not what its media type says.
    #[error("the body is no valid {format}: line {line}, column {column}: {reason}")]
    BadBody {
        /// What it was taken for.
        format: tenterhook_decode::Format,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// An expression of the field mapping failed on this body.
    #[error("field {field:?} cannot be mapped: {reason}")]
    MappingFailed {
        /// The field.
        field: String,
        /// Why.
        reason: EvaluateError,
    },
}

impl InboundError {
    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownTrigger => "unknown-trigger",
            Self::TriggerOff { .. } => "trigger-off",
            Self::NoKey(_) => "no-key",
            Self::WrongKey(_) => "wrong-key",
            Self::WrongSignature(_) => "wrong-signature",
            Self::NotVerified(_) => "not-verified",
            Self::VerifierFailed(_) => "verifier-failed",
            Self::MethodNotAllowed { .. } => "method-not-allowed",
            Self::BadIdempotencyKey(_) => "bad-idempotency-key",
            Self::BodyTooLarge { .. } => "body-too-large",
            Self::UnsupportedMediaType { .. } => "unsupported-media-type",
            Self::BadBody { .. } => "bad-body",
            Self::MappingFailed { reason: EvaluateError::Unavailable(_), .. } => "mapping-unavailable",
            Self::MappingFailed { .. } => "mapping-failed",
        }
    }
}

#[cfg(test)]
mod tests;
