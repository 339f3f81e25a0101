//! Triggers: the inbound webhook of a workflow.

use std::collections::BTreeMap;

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;

use super::Api;
use super::answer::{Answer, Result};
use super::body::Json;
use super::page::At;
use crate::engine::{TriggerDraft, TriggerView};
use crate::model::{Rejection, Slug, Time, TriggerKind, TriggerVerifier};

/// A trigger.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TriggerAnswer {
    /// The URL that outside systems call.
    url: String,
    /// The API key of the URL: only when it was just made or rotated.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<String>,
    /// The Standard Webhooks secret, for callers that sign: only when it was just made or rotated.
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_secret: Option<String>,
    /// Off refuses every call.
    enabled: bool,
    /// What a call does besides starting the workflow.
    #[serde(rename = "type")]
    kind: TriggerKind,
    /// The source it writes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Slug>,
    /// Field name → jq expression over the decoded body.
    fields: BTreeMap<String, String>,
    /// `insert` of an existing key updates, `update` of a missing one inserts.
    upsert: bool,
    /// Says who calls, in place of key and signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    verifier: Option<TriggerVerifier>,
    /// The workflow it starts.
    workflow: Slug,
    /// When it was made.
    created_at: Time,
}

/// The refused calls of a trigger.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RejectionsAnswer {
    /// How many there were since the trigger was made.
    total: u64,
    /// The newest ones, newest first.
    items: Vec<Rejection>,
}

/// Shows the trigger of a workflow.
#[utoipa::path(get, path = "", tag = "triggers", responses(
    (status = 200, description = "The trigger", body = TriggerAnswer)))]
pub async fn get_trigger(State(api): State<Api>, At((space, id)): At<(Slug, Slug)>) -> Result<Answer<TriggerAnswer>> {
    Ok(Answer::ok(shown(&api, api.engine.trigger(&space, &id).await?)))
}

/// Makes or changes the trigger of a workflow. The API key is shown when the trigger is made.
#[utoipa::path(put, path = "", tag = "triggers", request_body = TriggerDraft, responses(
    (status = 201, description = "Made; `api_key` and `signing_secret` are shown only here", body = TriggerAnswer),
    (status = 200, description = "Changed", body = TriggerAnswer)))]
pub async fn save_trigger(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    Json(draft): Json<TriggerDraft>,
) -> Result<Answer<TriggerAnswer>> {
    let (view, created) = api.engine.save_trigger(&space, &id, draft).await?;
    Ok(Answer::saved(shown(&api, view), created))
}

/// Deletes the trigger of a workflow: its URL and key never work again.
#[utoipa::path(delete, path = "", tag = "triggers", responses((status = 204, description = "Deleted")))]
pub async fn delete_trigger(State(api): State<Api>, At((space, id)): At<(Slug, Slug)>) -> Result<StatusCode> {
    api.engine.delete_trigger(&space, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives the trigger a new API key and signing secret; the former ones stop working at once.
#[utoipa::path(post, path = "", tag = "triggers", responses(
    (status = 200, description = "`api_key` and `signing_secret` are shown only here", body = TriggerAnswer)))]
pub async fn rotate_trigger(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
) -> Result<Answer<TriggerAnswer>> {
    let view = api.engine.rotate_trigger_key(&space, &id).await?;
    tracing::info!(space = space.as_str(), workflow = id.as_str(), "the key of a trigger was rotated");
    Ok(Answer::ok(shown(&api, view)))
}

/// Lists the refused calls of the trigger, newest first.
#[utoipa::path(get, path = "", tag = "triggers", responses(
    (status = 200, description = "The refused calls", body = RejectionsAnswer)))]
pub async fn list_rejections(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
) -> Result<Answer<RejectionsAnswer>> {
    let rejections = api.engine.rejections(&space, &id).await?;
    Ok(Answer::ok(RejectionsAnswer { total: rejections.total, items: rejections.items }))
}

fn shown(api: &Api, view: TriggerView) -> TriggerAnswer {
    let TriggerView { trigger, path, api_key, signing_secret } = view;
    TriggerAnswer {
        url: format!("{}{path}", api.public_url),
        api_key: api_key.map(|key| key.reveal().to_owned()),
        signing_secret: signing_secret.map(|secret| secret.reveal().to_owned()),
        enabled: trigger.enabled,
        kind: trigger.kind,
        source: trigger.source,
        fields: trigger.fields,
        upsert: trigger.upsert,
        verifier: trigger.verifier,
        workflow: trigger.workflow,
        created_at: trigger.created_at,
    }
}
