//! Jobs: many deliveries sent again.

use axum::extract::State;
use serde::Deserialize;

use super::Api;
use super::answer::{Answer, Result};
use super::auth::Caller;
use super::body::{Json, OptionalJson};
use super::page::{At, Listing, PageQuery, Query};
use crate::model::{Job, JobTask, Slug, Time, UniqueId};

/// Which failed deliveries are sent again.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryFailedBody {
    /// Those made at this time (RFC 3339) or later; all, if absent.
    #[serde(default)]
    since: Option<Time>,
}

/// Which events are sent to the endpoint.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayBody {
    /// Those accepted at this time (RFC 3339) or later.
    since: Time,
    /// Those accepted before this time; before now, if absent.
    #[serde(default)]
    until: Option<Time>,
    /// Of this type only.
    #[serde(default, rename = "type")]
    kind: Option<String>,
}

/// Sends all failed deliveries of an endpoint again, as a job.
#[utoipa::path(post, path = "", tag = "endpoints", request_body = Option<RetryFailedBody>, responses(
    (status = 202, description = "The job goes on by itself", body = Job)))]
pub async fn retry_failed(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    caller: Caller,
    OptionalJson(body): OptionalJson<RetryFailedBody>,
) -> Result<Answer<Job>> {
    let task = JobTask::RetryFailed { since: body.unwrap_or_default().since };
    start(&api, &space, &id, task, &caller).await
}

/// Sends the events of a time range to an endpoint, if it takes them, whether it got them before or not, as a job. The
/// receiver recognises repeats by `webhook-id`.
#[utoipa::path(post, path = "", tag = "endpoints", request_body = ReplayBody, responses(
    (status = 202, description = "The job goes on by itself", body = Job)))]
pub async fn replay(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    caller: Caller,
    Json(body): Json<ReplayBody>,
) -> Result<Answer<Job>> {
    let ReplayBody { since, until, kind } = body;
    let task = JobTask::Replay { since, until: until.unwrap_or_else(|| api.engine.now()), kind };
    start(&api, &space, &id, task, &caller).await
}

async fn start(api: &Api, space: &Slug, endpoint: &Slug, task: JobTask, caller: &Caller) -> Result<Answer<Job>> {
    let job = api.engine.start_job(space, endpoint, task, caller.name()).await?;
    let location = format!("/api/v1/spaces/{space}/jobs/{}", job.id);
    Ok(Answer::accepted(job).located(location))
}

/// Lists the jobs of a space, oldest first.
#[utoipa::path(get, path = "", tag = "jobs", params(PageQuery), responses(
    (status = 200, description = "A page of jobs", body = Listing<Job>)))]
pub async fn list_jobs(
    State(api): State<Api>,
    At(space): At<Slug>,
    Query(query): Query<PageQuery>,
) -> Result<Answer<Listing<Job>>> {
    let slice = api.engine.jobs(&space, query.page()?).await?;
    Ok(Answer::ok(Listing::of(slice, |saved| saved.value)))
}

/// Shows a job and its progress.
#[utoipa::path(get, path = "", tag = "jobs", responses((status = 200, description = "The job", body = Job)))]
pub async fn get_job(State(api): State<Api>, At((space, id)): At<(Slug, UniqueId)>) -> Result<Answer<Job>> {
    Ok(Answer::ok(api.engine.job(&space, id).await?))
}

/// Ends a job. What it made due stays due.
#[utoipa::path(post, path = "", tag = "jobs", responses((status = 200, description = "The job", body = Job)))]
pub async fn cancel_job(State(api): State<Api>, At((space, id)): At<(Slug, UniqueId)>) -> Result<Answer<Job>> {
    Ok(Answer::ok(api.engine.cancel_job(&space, id).await?))
}
