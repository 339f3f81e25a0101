//! Events: something that happened, immutable.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Slug, Time, UniqueId};

/// Something that happened in a space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Event {
    /// Its id, stable over all deliveries.
    pub id: UniqueId,
    /// The space it happened in.
    pub space: Slug,
    /// Its type: names joined by dots, such as `lead.create`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub time: Time,
    /// Who says so: a URI reference, such as that of the workflow that emitted it.
    pub source: String,
    /// What it is about, if it names something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What happened; its shape depends on the type.
    pub data: Value,
    /// The run that emitted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<UniqueId>,
}
