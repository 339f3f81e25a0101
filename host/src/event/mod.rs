//! The event catalogue, all of it that is no I/O: names of event types and patterns over them ([`Pattern`]), the
//! built-in types ([`Catalogue`]), types that users define ([`EventTypeDraft`]), schemas ([`Validator`]) and the same in
//! TypeScript ([`event_data_types`]), and what a publisher sends ([`EventDraft`]). Pure: `now` and new ids are arguments.

mod catalogue;
mod definition;
mod draft;
mod name;
mod typescript;
mod validate;

pub use crate::model::FieldProblem;
pub use catalogue::{BuiltIn, Catalogue, CatalogueError};
pub use definition::{CheckedType, EventTypeDraft};
pub use draft::{EventDraft, Publication};
pub use name::{InvalidPattern, Pattern, any_matches};
pub use typescript::event_data_types;
pub use validate::{FINDINGS_MAX, Finding, SCHEMA_BYTES_MAX, SchemaProblem, Validator};

/// Largest event as it is kept, in bytes of JSON, unless the configuration says otherwise: it travels whole in
/// commits and deliveries.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;
/// Longest description of an event type, in bytes.
pub const DESCRIPTION_BYTES_MAX: usize = 4 * 1024;
/// Longest ordering key, in bytes: it is part of store keys.
pub const KEY_BYTES_MAX: usize = 255;

impl From<Finding> for FieldProblem {
    /// A finding in the data of an event.
    fn from(finding: Finding) -> Self {
        Self::new(format!("/data{}", finding.pointer), finding.reason)
    }
}
