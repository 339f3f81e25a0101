//! Triggers: the inbound webhook of a workflow.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Definition, Digest, Kind, PluginRef, Sealed, Slug, Time, UniqueId};

/// What a call does besides starting the workflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TriggerKind {
    /// Nothing else.
    Trigger,
    /// Inserts a record first.
    Insert,
    /// Updates a record first.
    Update,
}

/// A plugin that says whether a call comes from whom it claims, in place of key and signature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TriggerVerifier {
    /// Which; it exports `verifier`.
    pub plugin: PluginRef,
    /// Its configuration here.
    #[serde(default)]
    pub config: Value,
    /// The plugin's name of a secret → the space's secret. The built-in verifiers want one named `secret`.
    #[serde(default)]
    pub secrets: BTreeMap<String, Slug>,
}

/// The inbound webhook of one workflow. A workflow has at most one; its definition id is the workflow's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// The workflow it starts.
    pub workflow: Slug,
    /// The unguessable part of its URL: `/in/{token}`.
    pub token: String,
    /// What a call does.
    #[serde(rename = "type")]
    pub kind: TriggerKind,
    /// The source it writes to (types `insert` and `update`).
    pub source: Option<Slug>,
    /// Field name → jq expression over the decoded body.
    pub fields: BTreeMap<String, String>,
    /// `insert` of an existing key updates, `update` of a missing one inserts.
    pub upsert: bool,
    /// Off refuses every call.
    pub enabled: bool,
    /// [`Key::hash`](super::Key::hash) of its API key.
    pub key_hash: Digest,
    /// The Standard Webhooks secret (`whsec_…`) of callers that sign instead of sending the key.
    pub signing_secret: Sealed,
    /// Says who calls, in place of key and signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verifier: Option<TriggerVerifier>,
    /// When it was made.
    pub created_at: Time,
}

impl Definition for Trigger {
    const KIND: Kind = Kind::Trigger;
    fn id(&self) -> String {
        self.workflow.to_string()
    }
}

/// An inbound call that the verifier of a trigger judged, kept so that another version can be tried on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgedCall {
    /// Its id: the verifier's `call.id`.
    pub id: UniqueId,
    /// The space of the trigger.
    pub space: Slug,
    /// The workflow of the trigger.
    pub workflow: Slug,
    /// When it came.
    pub time: Time,
    /// It was refused.
    pub is_refused: bool,
    /// The call and what the verifier said of it, as JSON: signatures and tokens are in it.
    pub sealed: Sealed,
}

/// An inbound call that was refused. The newest ones of each trigger are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Rejection {
    /// Its id.
    pub id: UniqueId,
    /// The space of the trigger.
    pub space: Slug,
    /// The workflow of the trigger.
    pub workflow: Slug,
    /// When the call came.
    pub time: Time,
    /// The stable code of the problem, such as `wrong-key`.
    pub code: String,
    /// The reason in words.
    pub detail: String,
    /// Where the call came from.
    pub remote: Option<String>,
    /// The media type of its body, as sent.
    pub content_type: Option<String>,
    /// The length of its body, as far as it was read.
    pub body_bytes: u64,
}
