//! What admins grant to plugin versions.

use axum::extract::State;
use http::StatusCode;

use super::Api;
use super::answer::{Answer, Condition, Result};
use super::auth::Caller;
use super::body::Json;
use super::page::At;
use super::plugin_versions::semver;
use crate::engine::GrantsDraft;
use crate::model::{Granted, Slug};

/// Shows what is granted to a plugin version.
#[utoipa::path(get, path = "", tag = "plugins", responses(
    (status = 200, description = "What is granted", body = Granted)))]
pub async fn get_grants(
    State(api): State<Api>,
    At((space, name, version)): At<(Slug, Slug, String)>,
) -> Result<Answer<Granted>> {
    let saved = api.engine.grants(&space, &name, &semver(&version)?).await?;
    Ok(Answer::ok(saved.value).at(saved.revision))
}

/// Grants capabilities to a plugin version, in place of what was granted before. Takes `If-Match` and
/// `If-None-Match: *`.
#[utoipa::path(put, path = "", tag = "plugins", request_body = GrantsDraft, responses(
    (status = 200, description = "Granted", body = Granted)))]
pub async fn save_grants(
    State(api): State<Api>,
    At((space, name, version)): At<(Slug, Slug, String)>,
    condition: Condition,
    caller: Caller,
    Json(draft): Json<GrantsDraft>,
) -> Result<Answer<Granted>> {
    let by = (condition.0, caller.name());
    let saved = api.engine.save_grants(&space, &name, &semver(&version)?, draft, by).await;
    let saved = saved.map_err(|error| condition.problem(error))?;
    let plugin = format_args!("{name}@{version}");
    tracing::info!(space = space.as_str(), %plugin, by = caller.name(), "capabilities were granted to a plugin");
    Ok(Answer::ok(saved.value).at(saved.revision))
}

/// Takes back all that is granted to a plugin version.
#[utoipa::path(delete, path = "", tag = "plugins", responses((status = 204, description = "Nothing is granted")))]
pub async fn delete_grants(
    State(api): State<Api>,
    At((space, name, version)): At<(Slug, Slug, String)>,
    condition: Condition,
) -> Result<StatusCode> {
    let deleted = api.engine.delete_grants(&space, &name, &semver(&version)?, condition.0).await;
    deleted.map_err(|error| condition.problem(error))?;
    Ok(StatusCode::NO_CONTENT)
}
