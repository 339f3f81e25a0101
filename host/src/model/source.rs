//! Data sources: tables of records with a key field and typed fields.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::{Definition, EventName, Kind, Slug, Time};

/// A table of records (recipients, leads, …).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Source {
    /// Its id in URLs.
    pub id: Slug,
    /// The name of the field whose value is a record's key.
    pub key: String,
    /// The fields by name. The key field is among them.
    pub fields: BTreeMap<String, Field>,
    /// Changes of its records are published as events `NAME.create`, `NAME.update` and `NAME.delete` of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publishes: Option<EventName>,
    /// When it was made.
    pub created_at: Time,
}

impl Definition for Source {
    const KIND: Kind = Kind::Source;
    fn id(&self) -> String {
        self.id.to_string()
    }
}

/// One field of a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// What values it takes.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// A record must have it, and it may not be null.
    #[serde(default)]
    pub required: bool,
    /// A custom field: added by the user to the standard ones.
    #[serde(default)]
    pub custom: bool,
    /// What it holds, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FieldType {
    /// Text.
    String,
    /// A JSON number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A date and time, RFC 3339, kept as written.
    DateTime,
    /// Any JSON value.
    Json,
}
