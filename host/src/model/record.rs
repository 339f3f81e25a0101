//! Records: rows of a source, and changes to them.

use serde::{Deserialize, Serialize};

use super::{Object, RecordKey, Slug, Time};

/// One row of a source. Unset fields are absent; a field set to null is kept as null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Record {
    /// The source it belongs to.
    pub source: Slug,
    /// Its key: the text of the source's key field.
    pub key: RecordKey,
    /// Its field values.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub fields: Object,
    /// When it was inserted.
    pub created_at: Time,
    /// When it was last written.
    pub updated_at: Time,
    /// 1 when inserted, one more at each write.
    pub revision: u64,
}

/// What must be true of the stored record for a change to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordExpect {
    /// There is no record with this key.
    Absent,
    /// The stored record has this revision.
    At(u64),
}

/// A whole new state of a record, computed from the one that `expect` names.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordChange {
    /// The space of the source.
    pub space: Slug,
    /// The record as it will be, its `revision` included.
    pub record: Record,
    /// The state that it was computed from.
    pub expect: RecordExpect,
}
