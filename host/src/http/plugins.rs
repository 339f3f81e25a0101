//! Plugins as a whole: which version is live, which one before it, which one is tried on a share of the calls.

use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::Api;
use super::answer::{Answer, Condition, Result};
use super::auth::Caller;
use super::body::Json;
use super::page::{At, Listing, PageQuery, Query};
use super::plugin_versions::PluginVersionAnswer;
use super::problem::ProblemUser;
use crate::engine::{PluginOverview, PluginSettings};
use crate::model::{Canary, Plugin, Slug, Time};
use crate::plugin::PluginCounts;

/// A plugin with its versions.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PluginAnswer {
    /// Its name.
    name: Slug,
    /// The version that is called where a reference names none.
    live: String,
    /// The one that was called before; a rollback puts it back.
    previous: Option<String>,
    /// The version that gets a share of the calls.
    canary: Option<Canary>,
    /// If the live version is quarantined, the previous one is called again, by itself.
    fall_back: bool,
    /// Crashes and timeouts in a row after which a version is quarantined; the server's number, if null.
    faults_max: Option<u32>,
    /// It comes with the server and cannot be changed.
    builtin: bool,
    /// Its versions, the newest first.
    versions: Vec<CountedVersion>,
    /// Who follows its live version.
    used_by: Vec<ProblemUser>,
    /// Who made it: the name of the API key.
    created_by: String,
    /// When it was made.
    created_at: Time,
    /// When it last changed.
    updated_at: Time,
}

/// A version, and what happened to its calls.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CountedVersion {
    /// The version.
    #[serde(flatten)]
    version: PluginVersionAnswer,
    /// Its calls in this space since the server started.
    counts: PluginCounts,
}

/// Which version.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoteBody {
    /// The version that is to be live.
    #[schema(value_type = String)]
    version: semver::Version,
}

/// Lists the plugin versions of a space, the built-in ones first.
#[utoipa::path(get, path = "", tag = "plugins", params(PageQuery), responses(
    (status = 200, description = "A page of plugin versions", body = Listing<PluginVersionAnswer>)))]
pub async fn list_plugins(
    State(api): State<Api>,
    At(space): At<Slug>,
    Query(query): Query<PageQuery>,
) -> Result<Answer<Listing<PluginVersionAnswer>>> {
    let slice = api.engine.plugins(&space, query.page()?).await?;
    Ok(Answer::ok(Listing::of(slice, PluginVersionAnswer::from)))
}

/// Shows a plugin: its versions, which of them is live, who follows it, and what happened to the calls of each.
#[utoipa::path(get, path = "", tag = "plugins", responses(
    (status = 200, description = "The plugin", body = PluginAnswer)))]
pub async fn get_plugin(State(api): State<Api>, At((space, name)): At<(Slug, Slug)>) -> Result<Answer<PluginAnswer>> {
    Ok(shown(api.engine.plugin(&space, &name).await?))
}

/// Sets a plugin: whether it falls back by itself, and when a version is quarantined. Takes `If-Match`.
#[utoipa::path(put, path = "", tag = "plugins", request_body = PluginSettings, responses(
    (status = 200, description = "The plugin", body = PluginAnswer)))]
pub async fn save_plugin(
    State(api): State<Api>,
    At((space, name)): At<(Slug, Slug)>,
    condition: Condition,
    Json(settings): Json<PluginSettings>,
) -> Result<Answer<PluginAnswer>> {
    let saved = api.engine.save_plugin(&space, &name, settings, condition.0).await;
    Ok(shown(saved.map_err(|error| condition.problem(error))?))
}

/// Deletes a plugin with all its versions, if nothing uses any of it. Takes `If-Match`.
#[utoipa::path(delete, path = "", tag = "plugins", responses((status = 204, description = "Deleted")))]
pub async fn delete_plugin(
    State(api): State<Api>,
    At((space, name)): At<(Slug, Slug)>,
    condition: Condition,
) -> Result<StatusCode> {
    let deleted = api.engine.delete_plugin(&space, &name, condition.0).await;
    deleted.map_err(|error| condition.problem(error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a version live: it is called from now on where a reference names no version. It must do what those need who
/// follow the plugin: export what they call and take their configurations. A canary ends; a version in quarantine is
/// released. Takes `If-Match`.
#[utoipa::path(post, path = "", tag = "plugins", request_body = PromoteBody, responses(
    (status = 200, description = "The plugin", body = PluginAnswer)))]
pub async fn promote_plugin(
    State(api): State<Api>,
    At((space, name)): At<(Slug, Slug)>,
    condition: Condition,
    caller: Caller,
    Json(PromoteBody { version }): Json<PromoteBody>,
) -> Result<Answer<PluginAnswer>> {
    let moved = api.engine.promote_plugin(&space, &name, &version, (condition.0, caller.name())).await;
    let view = moved.map_err(|error| condition.problem(error))?;
    tell(&space, &view.plugin, &caller, "a plugin version was promoted");
    Ok(shown(view))
}

/// Puts the version back that was live before; the present one is the previous one then, so that the same call takes
/// the rollback back. Takes `If-Match`.
#[utoipa::path(post, path = "", tag = "plugins", responses(
    (status = 200, description = "The plugin", body = PluginAnswer)))]
pub async fn roll_back_plugin(
    State(api): State<Api>,
    At((space, name)): At<(Slug, Slug)>,
    condition: Condition,
    caller: Caller,
) -> Result<Answer<PluginAnswer>> {
    let moved = api.engine.roll_back_plugin(&space, &name, (condition.0, caller.name())).await;
    let view = moved.map_err(|error| condition.problem(error))?;
    tell(&space, &view.plugin, &caller, "a plugin was rolled back");
    Ok(shown(view))
}

/// Tries a version on a share of the calls of those who follow the plugin. Which calls these are depends on the id of
/// the delivery or task alone, so a repeat meets the same version. The version must do what a live one must. Takes
/// `If-Match`.
#[utoipa::path(put, path = "", tag = "plugins", request_body = Canary, responses(
    (status = 200, description = "The plugin", body = PluginAnswer)))]
pub async fn set_canary(
    State(api): State<Api>,
    At((space, name)): At<(Slug, Slug)>,
    condition: Condition,
    caller: Caller,
    Json(canary): Json<Canary>,
) -> Result<Answer<PluginAnswer>> {
    let moved = api.engine.set_canary(&space, &name, canary, (condition.0, caller.name())).await;
    let view = moved.map_err(|error| condition.problem(error))?;
    tell(&space, &view.plugin, &caller, "a plugin version is tried on a share of the calls");
    Ok(shown(view))
}

/// Ends the canary: all calls go to the live version. Takes `If-Match`.
#[utoipa::path(delete, path = "", tag = "plugins", responses(
    (status = 200, description = "The plugin", body = PluginAnswer)))]
pub async fn end_canary(
    State(api): State<Api>,
    At((space, name)): At<(Slug, Slug)>,
    condition: Condition,
) -> Result<Answer<PluginAnswer>> {
    let ended = api.engine.end_canary(&space, &name, condition.0).await;
    Ok(shown(ended.map_err(|error| condition.problem(error))?))
}

/// Logs who moved a plugin's pointer.
fn tell(space: &Slug, plugin: &Plugin, caller: &Caller, what: &'static str) {
    let canary = plugin.canary.as_ref().map(|canary| (canary.version.to_string(), canary.percent));
    tracing::info!(
        space = space.as_str(),
        plugin = plugin.name.as_str(),
        live = %plugin.live,
        ?canary,
        by = caller.name(),
        "{what}"
    );
}

/// The answer of a plugin.
pub(super) fn shown(view: PluginOverview) -> Answer<PluginAnswer> {
    let PluginOverview { plugin, revision, versions, used_by } = view;
    let answer = Answer::ok(PluginAnswer {
        name: plugin.name,
        live: plugin.live.to_string(),
        previous: plugin.previous.map(|version| version.to_string()),
        canary: plugin.canary,
        fall_back: plugin.fall_back,
        faults_max: plugin.faults_max,
        builtin: revision.is_none(),
        versions: versions
            .into_iter()
            .map(|(version, counts)| CountedVersion { version: version.into(), counts })
            .collect(),
        used_by: used_by.iter().map(ProblemUser::from).collect(),
        created_by: plugin.created_by,
        created_at: plugin.created_at,
        updated_at: plugin.updated_at,
    });
    match revision {
        Some(revision) => answer.at(revision),
        None => answer,
    }
}
