//! Endpoints: outbound subscriptions to events.

use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::Api;
use super::answer::{Answer, Condition, Result};
use super::auth::Caller;
use super::body::{Json, OptionalJson};
use super::page::{At, Listing, PageQuery, Query};
use crate::delivery::{EndpointDraft, RotationDraft};
use crate::engine::{EndpointView, KeyView};
use crate::model::{DeliveryPolicy, EndpointFormat, EndpointStatus, HeaderField, Method, Redacted, Slug, Time};

/// An endpoint.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EndpointAnswer {
    /// Its id.
    id: Slug,
    /// What it is for, for people.
    description: String,
    /// Where events are sent.
    url: String,
    /// The event types it takes: names, prefixes as `lead.*`, or `*`.
    event_types: Vec<String>,
    /// A jq condition on the event; only events for which it is neither false nor null are sent.
    filter: Option<String>,
    /// The HTTP method.
    method: Method,
    /// Further headers; `***` is the value of those whose names say that it is secret.
    headers: Vec<HeaderField>,
    /// What a request looks like.
    format: EndpointFormat,
    /// When and how often.
    policy: DeliveryPolicy,
    /// Whether deliveries are sent or held.
    status: EndpointStatus,
    /// The keys that sign now, the newest first, without their secrets.
    signing_keys: Vec<KeyView>,
    /// The signing secret: only in the answer to what made or gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// The envelope secret: only in the answer to what made or gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    envelope_secret: Option<String>,
    /// Who made it: the name of the API key.
    created_by: String,
    /// When it was made.
    created_at: Time,
    /// When its settings were last saved, or its key rotated.
    updated_at: Time,
}

/// Why deliveries are to be held.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonBody {
    /// Why, for people: at most 500 characters. Who did it, if absent.
    #[serde(default)]
    reason: Option<String>,
}

/// The public keys of an endpoint.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PublicKeysAnswer {
    /// The keys that verify now, the newest first; none if the endpoint signs by a shared secret.
    keys: Vec<KeyView>,
}

/// Lists the endpoints of a space.
#[utoipa::path(get, path = "", tag = "endpoints", params(PageQuery), responses(
    (status = 200, description = "A page of endpoints, without secrets", body = Listing<EndpointAnswer>)))]
pub async fn list_endpoints(
    State(api): State<Api>,
    At(space): At<Slug>,
    Query(query): Query<PageQuery>,
) -> Result<Answer<Listing<EndpointAnswer>>> {
    let slice = api.engine.endpoints(&space, query.page()?).await?;
    Ok(Answer::ok(Listing::of(slice, EndpointAnswer::from)))
}

/// Shows an endpoint, without its secrets.
#[utoipa::path(get, path = "", tag = "endpoints", responses(
    (status = 200, description = "The endpoint", body = EndpointAnswer)))]
pub async fn get_endpoint(State(api): State<Api>, At((space, id)): At<(Slug, Slug)>) -> Result<Answer<EndpointAnswer>> {
    Ok(shown(api.engine.endpoint(&space, &id).await?, false))
}

/// Makes or changes an endpoint. Its status stays, and so do secrets that are not given; a signing secret other than
/// the present one replaces all former ones at once. Takes `If-Match` and `If-None-Match: *`.
#[utoipa::path(put, path = "", tag = "endpoints", request_body = EndpointDraft, responses(
    (status = 201, description = "Made; `secret` and `envelope_secret` are shown only here", body = EndpointAnswer),
    (status = 200, description = "Changed; secrets that are new are shown only here", body = EndpointAnswer)))]
pub async fn save_endpoint(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    condition: Condition,
    caller: Caller,
    Json(draft): Json<EndpointDraft>,
) -> Result<Answer<EndpointAnswer>> {
    let saved = api.engine.save_endpoint(&space, &id, draft, condition.0, caller.name()).await;
    let (view, created) = saved.map_err(|error| condition.problem(error))?;
    Ok(shown(view, created))
}

/// Deletes an endpoint: nothing more is sent to it.
#[utoipa::path(delete, path = "", tag = "endpoints", responses((status = 204, description = "Deleted")))]
pub async fn delete_endpoint(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    condition: Condition,
) -> Result<StatusCode> {
    let deleted = api.engine.delete_endpoint(&space, &id, condition.0).await;
    deleted.map_err(|error| condition.problem(error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Pauses an endpoint: what is due is held until it is resumed.
#[utoipa::path(post, path = "", tag = "endpoints", request_body = Option<ReasonBody>, responses(
    (status = 200, description = "The endpoint, paused", body = EndpointAnswer)))]
pub async fn pause_endpoint(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    caller: Caller,
    OptionalJson(body): OptionalJson<ReasonBody>,
) -> Result<Answer<EndpointAnswer>> {
    let reason = body.unwrap_or_default().reason;
    let view = api.engine.pause_endpoint(&space, &id, reason, caller.name()).await?;
    tracing::info!(space = space.as_str(), endpoint = id.as_str(), by = caller.name(), "an endpoint was paused");
    Ok(shown(view, false))
}

/// Disables an endpoint, as a receiver does that answers 410: what is due is held until it is resumed.
#[utoipa::path(post, path = "", tag = "endpoints", request_body = Option<ReasonBody>, responses(
    (status = 200, description = "The endpoint, disabled", body = EndpointAnswer)))]
pub async fn disable_endpoint(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    caller: Caller,
    OptionalJson(body): OptionalJson<ReasonBody>,
) -> Result<Answer<EndpointAnswer>> {
    let reason = body.unwrap_or_default().reason;
    let view = api.engine.disable_endpoint(&space, &id, reason, caller.name()).await?;
    tracing::info!(space = space.as_str(), endpoint = id.as_str(), by = caller.name(), "an endpoint was disabled");
    Ok(shown(view, false))
}

/// Makes a paused or disabled endpoint active again: what was held is sent.
#[utoipa::path(post, path = "", tag = "endpoints", responses(
    (status = 200, description = "The endpoint, active", body = EndpointAnswer)))]
pub async fn resume_endpoint(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    caller: Caller,
) -> Result<Answer<EndpointAnswer>> {
    let view = api.engine.resume_endpoint(&space, &id).await?;
    tracing::info!(space = space.as_str(), endpoint = id.as_str(), by = caller.name(), "an endpoint was resumed");
    Ok(shown(view, false))
}

/// Gives an endpoint another signing key. The former ones go on signing next to it for `overlap_s` seconds, so that
/// receivers can change over. The envelope secret stays: the envelope has room for one only.
#[utoipa::path(post, path = "", tag = "endpoints", request_body = Option<RotationDraft>, responses(
    (status = 200, description = "The endpoint; `secret` is shown only here", body = EndpointAnswer)))]
pub async fn rotate_endpoint(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    caller: Caller,
    OptionalJson(body): OptionalJson<RotationDraft>,
) -> Result<Answer<EndpointAnswer>> {
    let view = api.engine.rotate_endpoint(&space, &id, body.unwrap_or_default()).await?;
    tracing::info!(space = space.as_str(), endpoint = id.as_str(), by = caller.name(), "a signing key was rotated");
    Ok(shown(view, false))
}

/// Lists the public keys (`whpk_…`) that verify the signatures of an endpoint now (Standard Webhooks, `v1a`).
#[utoipa::path(get, path = "", tag = "endpoints", responses(
    (status = 200, description = "The keys", body = PublicKeysAnswer)))]
pub async fn list_public_keys(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
) -> Result<Answer<PublicKeysAnswer>> {
    Ok(Answer::ok(PublicKeysAnswer { keys: api.engine.public_keys(&space, &id).await? }))
}

fn shown(view: EndpointView, created: bool) -> Answer<EndpointAnswer> {
    let revision = view.revision;
    Answer::saved(view.into(), created).at(revision)
}

impl From<EndpointView> for EndpointAnswer {
    fn from(view: EndpointView) -> Self {
        let EndpointView { endpoint, signing_keys, secret, envelope_secret, revision: _ } = view;
        let revealed = |secret: Redacted| secret.reveal().to_owned();
        Self {
            id: endpoint.id,
            description: endpoint.description,
            url: endpoint.url,
            event_types: endpoint.event_types,
            filter: endpoint.filter,
            method: endpoint.method,
            headers: endpoint.headers,
            format: endpoint.format,
            policy: endpoint.policy,
            status: endpoint.status,
            signing_keys,
            secret: secret.map(revealed),
            envelope_secret: envelope_secret.map(revealed),
            created_by: endpoint.created_by,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        }
    }
}
