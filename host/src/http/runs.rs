//! Runs: durable executions of a workflow.

use axum::extract::State;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Api;
use super::answer::{Answer, Result};
use super::auth::Caller;
use super::body::{Json, repeat_key};
use super::page::{At, Listing, Query, page};
use crate::engine::RunView;
use crate::model::{Fault, Run, RunStatus, Slug, StartedBy, TaskEntry, Time, UniqueId};
use crate::store::RunFilter;

/// A run to start.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartBody {
    /// The workflow's input.
    #[serde(default)]
    input: Value,
}

/// A run that was started.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct StartedAnswer {
    /// Its id.
    id: UniqueId,
}

/// A run without its input and history, for listings.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RunItem {
    /// Its id.
    id: UniqueId,
    /// The workflow.
    workflow: Slug,
    /// The version of the workflow.
    version: u32,
    /// Where it stands.
    status: RunStatus,
    /// What started it.
    started_by: StartedBy,
    /// Why it failed; null unless it did.
    error: Option<Fault>,
    /// When it was accepted.
    created_at: Time,
    /// When it last changed.
    updated_at: Time,
    /// When it goes on by itself; null once it ended.
    due: Option<Time>,
}

impl From<Run> for RunItem {
    fn from(run: Run) -> Self {
        let Run { id, workflow, version, status, started_by, error, created_at, updated_at, due, .. } = run;
        Self { id, workflow, version, status, started_by, error, created_at, updated_at, due }
    }
}

/// A run with its history.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RunAnswer {
    /// The run.
    #[serde(flatten)]
    run: RunItem,
    /// The input, as given.
    input: Value,
    /// The result; null unless it completed.
    output: Option<Value>,
    /// Every attempt at every task, oldest first.
    tasks: Vec<TaskEntry>,
}

/// Which runs.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RunsQuery {
    /// Of this workflow only.
    workflow: Option<Slug>,
    /// With this status only.
    #[param(inline)]
    status: Option<RunStatus>,
    /// The `next` of the page before; leave it out for the first page.
    cursor: Option<String>,
    /// How many items at most: 1 to 200, by default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// Starts a run by hand. With `Idempotency-Key`, a second call with the same key answers the run of the first.
#[utoipa::path(post, path = "", tag = "runs", request_body = StartBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "The caller's name for this call")),
    responses((status = 202, description = "The run is on disk", body = StartedAnswer)))]
pub async fn start_run(
    State(api): State<Api>,
    At((space, workflow)): At<(Slug, Slug)>,
    caller: Caller,
    headers: HeaderMap,
    Json(body): Json<StartBody>,
) -> Result<Answer<StartedAnswer>> {
    let repeat = repeat_key(&headers)?;
    let id = api.engine.start_run(&space, &workflow, body.input, repeat, caller.name()).await?;
    Ok(started(&space, id))
}

/// Lists the runs of a space, newest first. A page may be short, even empty, and still have a `next`.
#[utoipa::path(get, path = "", tag = "runs", params(RunsQuery), responses(
    (status = 200, description = "A page of runs", body = Listing<RunItem>)))]
pub async fn list_runs(
    State(api): State<Api>,
    At(space): At<Slug>,
    Query(query): Query<RunsQuery>,
) -> Result<Answer<Listing<RunItem>>> {
    let RunsQuery { workflow, status, cursor, limit } = query;
    let slice = api.engine.runs(&space, &RunFilter { workflow, status }, page(cursor, limit)?).await?;
    Ok(Answer::ok(Listing::of(slice, Into::into)))
}

/// Shows a run with every attempt at every task.
#[utoipa::path(get, path = "", tag = "runs", responses((status = 200, description = "The run", body = RunAnswer)))]
pub async fn get_run(State(api): State<Api>, At((space, id)): At<(Slug, UniqueId)>) -> Result<Answer<RunAnswer>> {
    let RunView { run, tasks } = api.engine.run(&space, id).await?;
    let (input, output) = (run.input.clone(), run.output.clone());
    Ok(Answer::ok(RunAnswer { input, output, tasks, run: run.into() }))
}

/// Cancels a run: what is under way is not awaited, and its result is dropped.
#[utoipa::path(post, path = "", tag = "runs", responses((status = 200, description = "The run", body = RunItem)))]
pub async fn cancel_run(State(api): State<Api>, At((space, id)): At<(Slug, UniqueId)>) -> Result<Answer<RunItem>> {
    Ok(Answer::ok(api.engine.cancel_run(&space, id).await?.into()))
}

/// Starts a new run with the input of an earlier one and the present version of its workflow.
#[utoipa::path(post, path = "", tag = "runs", responses(
    (status = 202, description = "The new run is on disk", body = StartedAnswer)))]
pub async fn rerun(State(api): State<Api>, At((space, id)): At<(Slug, UniqueId)>) -> Result<Answer<StartedAnswer>> {
    let id = api.engine.rerun(&space, id).await?;
    Ok(started(&space, id))
}

fn started(space: &Slug, id: UniqueId) -> Answer<StartedAnswer> {
    Answer::accepted(StartedAnswer { id }).located(format!("/api/v1/spaces/{space}/runs/{id}"))
}
