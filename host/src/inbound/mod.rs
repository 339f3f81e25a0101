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
pub use fields::{FieldRule, map_fields, same_named};
pub use request::{RawRequest, request_member};
pub use signature::{TOLERANCE, sign};
pub use verify::{Refused, VerifiedBy, VerifiedRequest, verify};

use crate::model::{RecordKey, Slug};

/// Largest body of an inbound call, in bytes, unless configured.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

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
        reason: String,
    },
    /// The mapped fields make no record of the source.
    #[error("{reason}")]
    BadRecord {
        /// The field, if one is to blame.
        field: Option<String>,
        /// Why; it names the field.
        reason: String,
    },
    /// The trigger inserts, and the record exists.
    #[error("a record with key {:?} exists already, and the trigger does not upsert", .key.as_str())]
    RecordExists {
        /// Its key.
        key: RecordKey,
    },
    /// The trigger updates, and there is no such record.
    #[error("there is no record with key {:?}, and the trigger does not upsert", .key.as_str())]
    RecordMissing {
        /// Its key.
        key: RecordKey,
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
            Self::BodyTooLarge { .. } => "body-too-large",
            Self::UnsupportedMediaType { .. } => "unsupported-media-type",
            Self::BadBody { .. } => "bad-body",
            Self::MappingFailed { .. } => "mapping-failed",
            Self::BadRecord { .. } => "bad-record",
            Self::RecordExists { .. } => "record-exists",
            Self::RecordMissing { .. } => "record-missing",
        }
    }
}

#[cfg(test)]
mod tests;
