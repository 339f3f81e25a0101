//! Plugin versions: uploaded once, never changed, deleted when nothing uses them.

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

use super::Api;
use super::answer::{Answer, Condition, Result};
use super::auth::Caller;
use super::body;
use super::page::At;
use super::plugins::{PluginAnswer, shown};
use super::problem::Problem;
use crate::engine::{Access, PluginVersionView, UploadStarted};
use crate::model::{Job, PluginVersion, Quarantine, Slug, Standing};

/// The media type of components.
const WASM: &str = "application/wasm";
/// A caller prefers not to wait (RFC 7240 §4.1).
const RESPOND_ASYNC: &str = "respond-async";

/// A plugin version with what it is to its plugin.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PluginVersionAnswer {
    /// The version.
    #[serde(flatten)]
    version: PluginVersion,
    /// What it is to its plugin: the first version is `live` at once, later ones are `staged` until they are promoted.
    state: Standing,
    /// Why it is in quarantine, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantine: Option<Quarantine>,
    /// What it imports, and what of that is granted.
    #[serde(flatten)]
    access: Access,
}

impl From<PluginVersionView> for PluginVersionAnswer {
    fn from(view: PluginVersionView) -> Self {
        let PluginVersionView { version, standing, quarantine, access } = view;
        Self { version, state: standing, quarantine, access }
    }
}

/// Shows a plugin version.
#[utoipa::path(get, path = "", tag = "plugins", responses(
    (status = 200, description = "The plugin version", body = PluginVersionAnswer)))]
pub async fn get_plugin_version(
    State(api): State<Api>,
    At((space, name, version)): At<(Slug, Slug, String)>,
) -> Result<Answer<PluginVersionAnswer>> {
    Ok(Answer::ok(api.engine.plugin_version(&space, &name, &semver(&version)?).await?.into()))
}

/// Uploads a component as a version: it is validated, compiled, and tried with its own example. The first version of a
/// plugin is live at once, later ones are staged. The same component again is no change; another one under the same
/// version is refused. With `Prefer: respond-async` the answer comes once all of it is here, and a job shows how far
/// it is; the job ends with the server's process.
#[utoipa::path(put, path = "", tag = "plugins",
    request_body(content = Vec<u8>, content_type = "application/wasm", description = "A component for wasm32-wasip2"),
    params(("Prefer" = Option<String>, Header, description = "`respond-async`: do not wait (RFC 7240)")),
    responses(
        (status = 201, description = "Uploaded, validated, compiled and tried", body = PluginVersionAnswer),
        (status = 202, description = "Received; the job shows what becomes of it", body = Job),
        (status = 200, description = "It was there already", body = PluginVersionAnswer)))]
pub async fn upload_plugin(
    State(api): State<Api>,
    At((space, name, version)): At<(Slug, Slug, String)>,
    caller: Caller,
    request: Request,
) -> Result<Response> {
    let version = semver(&version)?;
    let (parts, content) = request.into_parts();
    let media = body::media_type(&parts.headers).unwrap_or_default();
    if media != WASM {
        return Err(Problem::unsupported_media_type(&media, WASM));
    }
    let turn = api.engine.upload_turn(&space, &name).await?;
    let (component, digest) = body::read_upload(&parts.headers, content, api.limits.plugin_bytes_max).await?;
    let upload = turn.received(component, digest);
    let at = (&name, &version);
    if prefers_async(&parts.headers) {
        return match api.engine.start_upload(&space, at, upload, caller.name()).await? {
            UploadStarted::Known(known) => Ok(Answer::ok(PluginVersionAnswer::from(*known)).into_response()),
            UploadStarted::Job(started) => {
                let location = format!("/api/v1/spaces/{space}/jobs/{}", started.job.id);
                let mut response = Answer::accepted(started.job.clone()).located(location).into_response();
                response.headers_mut().insert("preference-applied", HeaderValue::from_static(RESPOND_ASYNC));
                let engine = std::sync::Arc::clone(&api.engine);
                api.tasks.spawn("plugin-upload", async move { engine.finish_upload(*started).await });
                Ok(response)
            }
        };
    }
    let (view, created) = api.engine.upload_plugin(&space, at, upload, caller.name()).await?;
    if created {
        tracing::info!(space = space.as_str(), plugin = %view.version, by = caller.name(), "a plugin was uploaded");
    }
    Ok(Answer::saved(PluginVersionAnswer::from(view), created).into_response())
}

/// Whether one of the preferences (RFC 7240 §2) is not to wait.
fn prefers_async(headers: &HeaderMap) -> bool {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split(','));
    preferences.any(|preference| preference.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case(RESPOND_ASYNC))
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

/// Deletes a plugin version that nothing uses: no definition, no run that has not ended, and it is neither live nor the
/// previous one nor the canary. The last version takes the plugin with it.
#[utoipa::path(delete, path = "", tag = "plugins", responses((status = 204, description = "Deleted")))]
pub async fn delete_plugin_version(
    State(api): State<Api>,
    At((space, name, version)): At<(Slug, Slug, String)>,
) -> Result<StatusCode> {
    api.engine.delete_plugin_version(&space, &name, &semver(&version)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Releases a version from quarantine: it is called again at once. Takes `If-Match`.
#[utoipa::path(post, path = "", tag = "plugins", responses(
    (status = 200, description = "The plugin", body = PluginAnswer)))]
pub async fn release_plugin_version(
    State(api): State<Api>,
    At((space, name, version)): At<(Slug, Slug, String)>,
    condition: Condition,
    caller: Caller,
) -> Result<Answer<PluginAnswer>> {
    let released = api.engine.release_plugin(&space, &name, &semver(&version)?, (condition.0, caller.name())).await;
    let view = released.map_err(|error| condition.problem(error))?;
    tracing::info!(space = space.as_str(), plugin = %name, version, by = caller.name(), "a plugin version was released");
    Ok(shown(view))
}

pub(super) fn semver(text: &str) -> Result<semver::Version> {
    let bad = |error| Problem::new("bad-request", format!("{text:?} is no version: {error}; write one like 1.2.0"));
    text.parse().map_err(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_that_prefers_not_to_wait_may_say_more_besides() {
        for (values, expected) in [
            (vec![], false),
            (vec!["respond-async"], true),
            (vec!["Respond-Async"], true),
            (vec!["wait=10, respond-async; foo=bar"], true),
            (vec!["return=minimal", "respond-async"], true),
            (vec!["wait=10"], false),
            (vec!["not-respond-async"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in &values {
                headers.append("prefer", HeaderValue::from_static(value));
            }
            assert_eq!(prefers_async(&headers), expected, "{values:?}");
        }
    }
}
