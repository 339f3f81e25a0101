//! Plugin versions: uploaded once, never changed.

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};

use super::Api;
use super::answer::{Answer, Result};
use super::auth::Caller;
use super::body::{self, Json};
use super::page::{At, Listing, PageQuery, Query};
use super::problem::Problem;
use crate::engine::{DryRun, DryRunDraft, TimeTravel, TimeTravelDraft};
use crate::model::{PluginVersion, Slug};

/// The media type of components.
const WASM: &str = "application/wasm";

/// Lists the plugin versions of a space, the built-in ones first.
#[utoipa::path(get, path = "", tag = "plugins", params(PageQuery), responses(
    (status = 200, description = "A page of plugin versions", body = Listing<PluginVersion>)))]
pub async fn list_plugins(
    State(api): State<Api>,
    At(space): At<Slug>,
    Query(query): Query<PageQuery>,
) -> Result<Answer<Listing<PluginVersion>>> {
    let slice = api.engine.plugins(&space, query.page()?).await?;
    Ok(Answer::ok(Listing::of(slice, |plugin| plugin)))
}

/// Shows a plugin version.
#[utoipa::path(get, path = "", tag = "plugins", responses(
    (status = 200, description = "The plugin version", body = PluginVersion)))]
pub async fn get_plugin(
    State(api): State<Api>,
    At((space, name, version)): At<(Slug, Slug, String)>,
) -> Result<Answer<PluginVersion>> {
    Ok(Answer::ok(api.engine.plugin(&space, &name, &semver(&version)?).await?))
}

/// Uploads a component as a version. The same component again is no change; another one under the same version is
/// refused.
#[utoipa::path(put, path = "", tag = "plugins",
    request_body(content = Vec<u8>, content_type = "application/wasm", description = "A component for wasm32-wasip2"),
    responses(
        (status = 201, description = "Uploaded, validated and compiled", body = PluginVersion),
        (status = 200, description = "It was there already", body = PluginVersion)))]
pub async fn upload_plugin(
    State(api): State<Api>,
    At((space, name, version)): At<(Slug, Slug, String)>,
    caller: Caller,
    request: Request,
) -> Result<Answer<PluginVersion>> {
    let version = semver(&version)?;
    let (parts, content) = request.into_parts();
    let media = body::media_type(&parts.headers).unwrap_or_default();
    if media != WASM {
        return Err(Problem::unsupported_media_type(&media, WASM));
    }
    let component = body::read(&parts.headers, content, api.limits.plugin_bytes_max).await?;
    let (plugin, created) = api.engine.upload_plugin(&space, &name, version, component, caller.name()).await?;
    if created {
        tracing::info!(space = space.as_str(), plugin = %format_args!("{name}@{}", plugin.version), "a plugin was uploaded");
    }
    Ok(Answer::saved(plugin, created))
}

/// Answers the component of a plugin version.
#[utoipa::path(get, path = "", tag = "plugins", responses(
    (status = 200, description = "The component", body = Vec<u8>, content_type = "application/wasm")))]
pub async fn get_component(
    State(api): State<Api>,
    At((space, name, version)): At<(Slug, Slug, String)>,
) -> Result<Response> {
    let component = api.engine.plugin_component(&space, &name, &semver(&version)?).await?;
    Ok(([(header::CONTENT_TYPE, WASM)], component).into_response())
}

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

/// Deletes a plugin version that nothing uses.
#[utoipa::path(delete, path = "", tag = "plugins", responses((status = 204, description = "Deleted")))]
pub async fn delete_plugin(
    State(api): State<Api>,
    At((space, name, version)): At<(Slug, Slug, String)>,
) -> Result<StatusCode> {
    api.engine.delete_plugin(&space, &name, &semver(&version)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn semver(text: &str) -> Result<semver::Version> {
    let bad = |error| Problem::new("bad-request", format!("{text:?} is no version: {error}; write one like 1.2.0"));
    text.parse().map_err(bad)
}
