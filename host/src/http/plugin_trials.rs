//! Trying a plugin version before it goes live: on a given input, or on what was recorded.

use axum::extract::State;

use super::Api;
use super::answer::{Answer, Result};
use super::body::Json;
use super::page::At;
use super::plugin_versions::semver;
use crate::engine::{DryRun, DryRunDraft, TimeTravel, TimeTravelDraft};
use crate::model::Slug;

/// Runs a plugin version on a given input: nothing is sent, written or published.
#[utoipa::path(post, path = "", tag = "plugins", request_body = DryRunDraft, responses(
    (status = 200, description = "What came of it; a failure of the plugin is an outcome too", body = DryRun)))]
pub async fn dry_run(
    State(api): State<Api>,
    At((space, name, version)): At<(Slug, Slug, String)>,
    Json(draft): Json<DryRunDraft>,
) -> Result<Answer<DryRun>> {
    Ok(Answer::ok(api.engine.dry_run(&space, &name, &semver(&version)?, draft).await?))
}

/// Tries a plugin version on what an endpoint, a webhook or a trigger recorded, and tells what would have been
/// different. Nothing is sent.
#[utoipa::path(post, path = "", tag = "plugins", request_body = TimeTravelDraft, responses(
    (status = 200, description = "The differences", body = TimeTravel)))]
pub async fn time_travel(
    State(api): State<Api>,
    At((space, name, version)): At<(Slug, Slug, String)>,
    Json(draft): Json<TimeTravelDraft>,
) -> Result<Answer<TimeTravel>> {
    Ok(Answer::ok(api.engine.time_travel(&space, &name, &semver(&version)?, draft).await?))
}
