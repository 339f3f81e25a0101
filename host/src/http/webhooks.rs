//! "Call Webhook" definitions.

use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Api;
use super::answer::{Answer, Condition, Result};
use super::auth::Caller;
use super::body::{Json, OptionalJson};
use super::page::{At, Listing, PageQuery, Query};
use crate::engine::{TestReport, WebhookView};
use crate::model::{Slug, Webhook};
use crate::webhook::WebhookDraft;

/// A webhook with who uses it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookAnswer {
    /// The definition.
    #[serde(flatten)]
    webhook: Webhook,
    /// The ids of the workflows that call it.
    used_by: Vec<Slug>,
}

/// A test call.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestBody {
    /// What the template sees, such as `{"record": {…}}`.
    #[serde(default)]
    data: Value,
}

/// Where a clone goes.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloneBody {
    /// The id of the clone; one is made up if it is absent.
    #[serde(default)]
    id: Option<Slug>,
}

/// Lists the webhooks of a space.
#[utoipa::path(get, path = "", tag = "webhooks", params(PageQuery), responses(
    (status = 200, description = "A page of webhooks", body = Listing<WebhookAnswer>)))]
pub async fn list_webhooks(
    State(api): State<Api>,
    At(space): At<Slug>,
    Query(query): Query<PageQuery>,
) -> Result<Answer<Listing<WebhookAnswer>>> {
    let slice = api.engine.webhooks(&space, query.page()?).await?;
    Ok(Answer::ok(Listing::of(slice, |view| WebhookAnswer { webhook: view.webhook, used_by: view.used_by })))
}

/// Shows a webhook.
#[utoipa::path(get, path = "", tag = "webhooks", responses(
    (status = 200, description = "The webhook", body = WebhookAnswer)))]
pub async fn get_webhook(State(api): State<Api>, At((space, id)): At<(Slug, Slug)>) -> Result<Answer<WebhookAnswer>> {
    Ok(shown(api.engine.webhook(&space, &id).await?, false))
}

/// Makes or changes a webhook. Takes `If-Match` and `If-None-Match: *`.
#[utoipa::path(put, path = "", tag = "webhooks", request_body = WebhookDraft, responses(
    (status = 201, description = "Made", body = WebhookAnswer),
    (status = 200, description = "Changed", body = WebhookAnswer)))]
pub async fn save_webhook(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    condition: Condition,
    caller: Caller,
    Json(draft): Json<WebhookDraft>,
) -> Result<Answer<WebhookAnswer>> {
    let saved = api.engine.save_webhook(&space, &id, draft, condition.0, caller.name()).await;
    let (view, created) = saved.map_err(|error| condition.problem(error))?;
    Ok(shown(view, created))
}

/// Deletes a webhook that no workflow uses.
#[utoipa::path(delete, path = "", tag = "webhooks", responses((status = 204, description = "Deleted")))]
pub async fn delete_webhook(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    condition: Condition,
) -> Result<StatusCode> {
    let deleted = api.engine.delete_webhook(&space, &id, condition.0).await;
    deleted.map_err(|error| condition.problem(error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Calls the webhook with sample data and shows everything; no record is touched.
#[utoipa::path(post, path = "", tag = "webhooks", request_body = TestBody, responses(
    (status = 200, description = "What was sent, what came back, what was mapped", body = TestReport)))]
pub async fn test_webhook(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    Json(body): Json<TestBody>,
) -> Result<Answer<TestReport>> {
    Ok(Answer::ok(api.engine.test_webhook(&space, &id, &body.data).await?))
}

/// Copies a webhook; " - Clone" is added to its name.
#[utoipa::path(post, path = "", tag = "webhooks", request_body = Option<CloneBody>, responses(
    (status = 201, description = "The clone", body = WebhookAnswer)))]
pub async fn clone_webhook(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    caller: Caller,
    OptionalJson(body): OptionalJson<CloneBody>,
) -> Result<Answer<WebhookAnswer>> {
    let copy = body.unwrap_or_default().id;
    let view = api.engine.clone_webhook(&space, &id, copy, caller.name()).await?;
    let location = format!("/api/v1/spaces/{space}/webhooks/{}", view.webhook.id);
    Ok(shown(view, true).located(location))
}

fn shown(view: WebhookView, created: bool) -> Answer<WebhookAnswer> {
    let answer = WebhookAnswer { webhook: view.webhook, used_by: view.used_by };
    Answer::saved(answer, created).at(view.revision)
}
