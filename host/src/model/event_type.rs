//! Event types: the entries of the catalogue.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Definition, EventName, Kind, Time, version_id};

/// A kind of event: what it means, and what its data look like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EventType {
    /// Its name, such as `lead.create`; also its id.
    pub name: EventName,
    /// What happened when such an event is published, for people.
    pub description: String,
    /// 1 when defined, one more with each other schema that is saved.
    pub version: u32,
    /// What the data of its events must be like: JSON Schema 2020-12. Without one, any object will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// The data of an example. They fit the schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<Value>,
    /// Still published, but no longer to be built upon.
    pub deprecated: bool,
    /// When it was defined.
    pub created_at: Time,
    /// Who defined it: the name of the API key.
    pub created_by: String,
}

impl Definition for EventType {
    const KIND: Kind = Kind::EventType;
    fn id(&self) -> String {
        self.name.to_string()
    }
}

/// The same, as each version of it is kept: who wrote a receiver for an older one still finds its schema. Its id is
/// `name@number`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventTypeVersion(pub EventType);

impl Definition for EventTypeVersion {
    const KIND: Kind = Kind::EventTypeVersion;
    fn id(&self) -> String {
        version_id(&self.0.name, self.0.version)
    }
}
