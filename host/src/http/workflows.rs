//! Workflows: versioned documents.

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};

use super::Api;
use super::answer::{Answer, Condition, Result};
use super::auth::Caller;
use super::body::{self, Json};
use super::page::{At, Listing, PageQuery, Query};
use super::problem::Problem;
use crate::engine::WorkflowView;
use crate::model::{Digest, DocumentMedia, Slug, Time, Workflow};
use crate::workflow::OutlineItem;

/// A workflow version.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WorkflowAnswer {
    /// The version.
    #[serde(flatten)]
    workflow: Workflow,
    /// Its tasks in order.
    outline: Vec<OutlineItem>,
    /// It owns a trigger.
    trigger: bool,
}

/// A workflow version without its document, for listings.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WorkflowItem {
    /// Its id.
    id: Slug,
    /// The version.
    version: u32,
    /// How the document is written.
    media: DocumentMedia,
    /// The hash of the document.
    digest: Digest,
    /// Ids of the webhooks it calls.
    webhooks: Vec<Slug>,
    /// The plugin versions it calls.
    plugins: Vec<String>,
    /// Ids of the sources it reads or writes.
    sources: Vec<Slug>,
    /// Who saved this version.
    created_by: String,
    /// When this version was saved.
    created_at: Time,
}

impl From<Workflow> for WorkflowItem {
    fn from(workflow: Workflow) -> Self {
        let Workflow { id, version, media, digest, webhooks, plugins, sources, created_by, created_at, .. } = workflow;
        Self { id, version, media, digest, webhooks, plugins, sources, created_by, created_at }
    }
}

/// Which version.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VersionQuery {
    /// The version; the newest one if it is absent.
    version: Option<u32>,
}

/// Where a duplicate goes.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DuplicateBody {
    /// The id of the duplicate.
    id: Slug,
}

/// Lists the workflows of a space.
#[utoipa::path(get, path = "", tag = "workflows", params(PageQuery), responses(
    (status = 200, description = "A page of workflows", body = Listing<WorkflowItem>)))]
pub async fn list_workflows(
    State(api): State<Api>,
    At(space): At<Slug>,
    Query(query): Query<PageQuery>,
) -> Result<Answer<Listing<WorkflowItem>>> {
    let slice = api.engine.workflows(&space, query.page()?).await?;
    Ok(Answer::ok(Listing::of(slice, |saved| saved.value.into())))
}

/// Shows a workflow.
#[utoipa::path(get, path = "", tag = "workflows", params(VersionQuery), responses(
    (status = 200, description = "The workflow", body = WorkflowAnswer)))]
pub async fn get_workflow(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    Query(query): Query<VersionQuery>,
) -> Result<Answer<WorkflowAnswer>> {
    Ok(shown(api.engine.workflow(&space, &id, query.version).await?, false))
}

/// Answers the document of a workflow as it was given.
#[utoipa::path(get, path = "", tag = "workflows", params(VersionQuery), responses(
    (status = 200, description = "The document", body = String, content_type = "application/yaml")))]
pub async fn get_document(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    Query(query): Query<VersionQuery>,
) -> Result<Response> {
    let workflow = api.engine.workflow(&space, &id, query.version).await?.workflow;
    let media = match workflow.media {
        DocumentMedia::Yaml => "application/yaml",
        DocumentMedia::Json => "application/json",
    };
    Ok(([(header::CONTENT_TYPE, media)], workflow.document).into_response())
}

/// Makes a workflow, or its next version. The same document again changes nothing. Takes `If-Match` and
/// `If-None-Match: *`.
#[utoipa::path(put, path = "", tag = "workflows",
    request_body(content(
        (String = "application/yaml"),
        (Object = "application/json")), description = "A workflow document (Open Workflow Specification 1.0.3)"),
    responses(
        (status = 201, description = "Made", body = WorkflowAnswer),
        (status = 200, description = "Changed, or the same as before", body = WorkflowAnswer)))]
pub async fn save_workflow(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    condition: Condition,
    caller: Caller,
    request: Request,
) -> Result<Answer<WorkflowAnswer>> {
    let (parts, content) = request.into_parts();
    let media = document_media(&parts.headers)?;
    let bytes = body::read(&parts.headers, content, api.limits.body_bytes_max).await?;
    let document = String::from_utf8(bytes.into())
        .map_err(|error| Problem::bad_body(format!("the document is no UTF-8: {}", error.utf8_error()), None))?;
    let saved = api.engine.save_workflow(&space, &id, (document, media), condition.0, caller.name()).await;
    let (view, created) = saved.map_err(|error| condition.problem(error))?;
    Ok(shown(view, created))
}

/// Deletes a workflow. Its runs stay.
#[utoipa::path(delete, path = "", tag = "workflows", responses((status = 204, description = "Deleted")))]
pub async fn delete_workflow(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    condition: Condition,
) -> Result<StatusCode> {
    let deleted = api.engine.delete_workflow(&space, &id, condition.0).await;
    deleted.map_err(|error| condition.problem(error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the versions of a workflow, newest first.
#[utoipa::path(get, path = "", tag = "workflows", params(PageQuery), responses(
    (status = 200, description = "A page of versions", body = Listing<WorkflowItem>)))]
pub async fn list_workflow_versions(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    Query(query): Query<PageQuery>,
) -> Result<Answer<Listing<WorkflowItem>>> {
    let slice = api.engine.workflow_versions_page(&space, &id, query.page()?).await?;
    Ok(Answer::ok(Listing::of(slice, WorkflowItem::from)))
}

/// Shows one version of a workflow.
#[utoipa::path(get, path = "", tag = "workflows", responses(
    (status = 200, description = "The version", body = WorkflowAnswer)))]
pub async fn get_workflow_version(
    State(api): State<Api>,
    At((space, id, version)): At<(Slug, Slug, u32)>,
) -> Result<Answer<WorkflowAnswer>> {
    Ok(shown(api.engine.workflow(&space, &id, Some(version)).await?, false))
}

/// Copies a workflow under another id. The trigger is never copied.
#[utoipa::path(post, path = "", tag = "workflows", request_body = DuplicateBody, responses(
    (status = 201, description = "The duplicate", body = WorkflowAnswer)))]
pub async fn duplicate_workflow(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    caller: Caller,
    Json(body): Json<DuplicateBody>,
) -> Result<Answer<WorkflowAnswer>> {
    let view = api.engine.duplicate_workflow(&space, &id, &body.id, caller.name()).await?;
    Ok(shown(view, true).located(format!("/api/v1/spaces/{space}/workflows/{}", body.id)))
}

fn shown(view: WorkflowView, created: bool) -> Answer<WorkflowAnswer> {
    let answer = WorkflowAnswer { workflow: view.workflow, outline: view.outline, trigger: view.trigger };
    Answer::saved(answer, created).at(view.revision)
}

/// How the document of a request is written, by its `Content-Type`.
fn document_media(headers: &HeaderMap) -> Result<DocumentMedia> {
    let media = body::media_type(headers).unwrap_or_default();
    match media.as_str() {
        "application/yaml" | "application/x-yaml" | "text/yaml" | "text/x-yaml" => Ok(DocumentMedia::Yaml),
        "application/json" => Ok(DocumentMedia::Json),
        _ => Err(Problem::unsupported_media_type(&media, "application/yaml or application/json")),
    }
}
