//! Plugin versions: uploaded once, never changed.

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};

use super::Api;
use super::answer::{Answer, Condition, Result};
use super::auth::Caller;
use super::body::{self, Json};
use super::page::{At, Listing, PageQuery, Query};
use super::problem::Problem;
use crate::engine::{GrantsDraft, PluginView};
use crate::model::{Granted, Slug};
use crate::store::Slice;

/// The media type of components.
const WASM: &str = "application/wasm";

/// Lists the plugin versions of a space, the built-in ones first.
#[utoipa::path(get, path = "", tag = "plugins", params(PageQuery), responses(
    (status = 200, description = "A page of plugin versions", body = Listing<PluginView>)))]
pub async fn list_plugins(
    State(api): State<Api>,
    At(space): At<Slug>,
    Query(query): Query<PageQuery>,
) -> Result<Answer<Listing<PluginView>>> {
    let Slice { items, next } = api.engine.plugins(&space, query.page()?).await?;
    let mut views = Vec::with_capacity(items.len());
    for plugin in items {
        views.push(api.engine.plugin_view(&space, plugin).await?);
    }
    Ok(Answer::ok(Listing::of(Slice { items: views, next }, |view| view)))
}

/// Shows a plugin version.
#[utoipa::path(get, path = "", tag = "plugins", responses(
    (status = 200, description = "The plugin version", body = PluginView)))]
pub async fn get_plugin(
    State(api): State<Api>,
    At((space, name, version)): At<(Slug, Slug, String)>,
) -> Result<Answer<PluginView>> {
    let plugin = api.engine.plugin(&space, &name, &semver(&version)?).await?;
    Ok(Answer::ok(api.engine.plugin_view(&space, plugin).await?))
}

/// Uploads a component as a version. The same component again is no change; another one under the same version is
/// refused.
#[utoipa::path(put, path = "", tag = "plugins",
    request_body(content = Vec<u8>, content_type = "application/wasm", description = "A component for wasm32-wasip2"),
    responses(
        (status = 201, description = "Uploaded, validated and compiled", body = PluginView),
        (status = 200, description = "It was there already", body = PluginView)))]
pub async fn upload_plugin(
    State(api): State<Api>,
    At((space, name, version)): At<(Slug, Slug, String)>,
    caller: Caller,
    request: Request,
) -> Result<Answer<PluginView>> {
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
    Ok(Answer::saved(api.engine.plugin_view(&space, plugin).await?, created))
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

/// Deletes a plugin version that nothing uses, with what is granted to it; with the last version of a plugin goes what
/// it kept.
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
