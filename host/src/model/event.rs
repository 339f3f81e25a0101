//! Events: something that happened, immutable.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ExternalId, Slug, Time, UniqueId};

/// Something that happened in a space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Event {
    /// Its id in this server: events are kept and listed by it, so in the order of their acceptance.
    pub id: UniqueId,
    /// The id that its publisher gave it, if any: repeats are recognised by it, and receivers get it as `webhook-id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
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
    /// What it is ordered by: where an endpoint keeps order, events of one key arrive one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What happened; its shape depends on the type.
    pub data: Value,
    /// The run that emitted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<UniqueId>,
}

impl Event {
    /// What receivers deduplicate by, the same over all deliveries and attempts: the publisher's own id, else ours
    /// (Standard Webhooks, "Webhook metadata": it holds no dot).
    pub fn webhook_id(&self) -> String {
        self.external_id.as_ref().map_or_else(|| self.id.to_string(), ToString::to_string)
    }
}
