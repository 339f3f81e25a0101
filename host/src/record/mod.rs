//! Records: checked definitions of sources, typed field values, and changes computed from the stored state.
//! Pure: no I/O, `now` is an argument.
//!
//! Field values are typed strictly, with one kindness to forms and XML, which know only text: a text is taken for a
//! `number` field if it is a JSON number that is kept exactly, and `true` or `false` for a `boolean` field.

mod change;
mod source;
mod value;

pub use change::{Target, insert, key_of, replace, update, upsert};
pub use source::{FIELDS_MAX, SourceDraft, SourceProblem};
pub use value::check_value;

use crate::model::RecordKey;

/// Largest record, in bytes of JSON: records travel whole in runs, journals and templates.
pub const RECORD_BYTES_MAX: usize = 256 * 1024;

/// Why a record cannot be written. Every variant that concerns a field names it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The source has no such field.
    #[error("field {field:?} is unknown; the source has {known}")]
    UnknownField {
        /// The name that was given.
        field: String,
        /// The names that the source knows, joined by commas.
        known: String,
    },
    /// A required field is not there.
    #[error("field {field:?} is required")]
    MissingField {
        /// Its name.
        field: String,
    },
    /// A required field is null.
    #[error("field {field:?} is required, so it cannot be null")]
    NullField {
        /// Its name.
        field: String,
    },
    /// A value is not of the type of its field.
    #[error("field {field:?}: {reason}")]
    WrongType {
        /// Its name.
        field: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// The value of the key field makes no key.
    #[error("key field {field:?}: {reason}")]
    BadKey {
        /// Its name.
        field: String,
        /// What is wrong.
        reason: String,
    },
    /// The key field says another key than the one addressed.
    #[error("key field {field:?} holds {given:?}, but the record addressed is {addressed:?}")]
    KeyMismatch {
        /// Its name.
        field: String,
        /// The key that the fields hold.
        given: String,
        /// The key that was addressed.
        addressed: String,
    },
    /// The record would be too large.
    #[error("the record would have {bytes} bytes of JSON; the limit is {RECORD_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// An insert met a record with this key.
    #[error("a record with key {:?} exists already", key.as_str())]
    Exists {
        /// The key.
        key: RecordKey,
    },
    /// An update met no record with this key.
    #[error("there is no record with key {:?}", key.as_str())]
    Missing {
        /// The key.
        key: RecordKey,
    },
}

impl RecordError {
    /// The field it concerns.
    pub fn field(&self) -> Option<&str> {
        match self {
            Self::UnknownField { field, .. }
            | Self::MissingField { field }
            | Self::NullField { field }
            | Self::WrongType { field, .. }
            | Self::BadKey { field, .. }
            | Self::KeyMismatch { field, .. } => Some(field),
            Self::TooLarge { .. } | Self::Exists { .. } | Self::Missing { .. } => None,
        }
    }

    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownField { .. } => "unknown-field",
            Self::MissingField { .. } | Self::NullField { .. } => "missing-field",
            Self::WrongType { .. } => "wrong-type",
            Self::BadKey { .. } => "bad-key",
            Self::KeyMismatch { .. } => "key-mismatch",
            Self::TooLarge { .. } => "record-too-large",
            Self::Exists { .. } => "record-exists",
            Self::Missing { .. } => "record-missing",
        }
    }
}
