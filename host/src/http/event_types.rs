//! The event catalogue: built-in types, and those that users define.

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;

use super::Api;
use super::answer::{Answer, Condition, Result};
use super::auth::Caller;
use super::body::Json;
use super::page::{At, Listing, PageQuery, Query};
use crate::engine::EventTypeView;
use crate::event::EventTypeDraft;
use crate::model::{EventName, EventType, Slug, Time};

/// An event type.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EventTypeAnswer {
    /// The version.
    #[serde(flatten)]
    event_type: EventType,
    /// It comes with the server and cannot be changed.
    builtin: bool,
    /// It tells about deliveries: only the server publishes it, and `*` does not take it.
    operational: bool,
}

/// An event type without its schema and example, for listings.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EventTypeItem {
    /// Its name.
    name: EventName,
    /// What happened when such an event is published.
    description: String,
    /// The version.
    version: u32,
    /// Still published, but no longer to be built upon.
    deprecated: bool,
    /// It comes with the server and cannot be changed.
    builtin: bool,
    /// It tells about deliveries: only the server publishes it, and `*` does not take it.
    operational: bool,
    /// Who defined it.
    created_by: String,
    /// When it was defined.
    created_at: Time,
}

impl From<EventTypeView> for EventTypeItem {
    fn from(view: EventTypeView) -> Self {
        let EventTypeView { event_type, builtin, operational, .. } = view;
        let EventType { name, description, version, deprecated, created_by, created_at, .. } = event_type;
        Self { name, description, version, deprecated, builtin, operational, created_by, created_at }
    }
}

/// Lists the event types of a space, without schemas; the first page begins with all built-in ones.
#[utoipa::path(get, path = "", tag = "event-types", params(PageQuery), responses(
    (status = 200, description = "A page of event types", body = Listing<EventTypeItem>)))]
pub async fn list_event_types(
    State(api): State<Api>,
    At(space): At<Slug>,
    Query(query): Query<PageQuery>,
) -> Result<Answer<Listing<EventTypeItem>>> {
    let slice = api.engine.event_types(&space, query.page()?).await?;
    Ok(Answer::ok(Listing::of(slice, EventTypeItem::from)))
}

/// Shows an event type with its schema and example.
#[utoipa::path(get, path = "", tag = "event-types", responses(
    (status = 200, description = "The event type", body = EventTypeAnswer)))]
pub async fn get_event_type(
    State(api): State<Api>,
    At((space, name)): At<(Slug, EventName)>,
) -> Result<Answer<EventTypeAnswer>> {
    Ok(shown(api.engine.event_type(&space, &name, None).await?, false))
}

/// Defines an event type, or changes it: another schema makes its next version, and events are checked against it from
/// then on. The same document again changes nothing. Takes `If-Match` and `If-None-Match: *`.
#[utoipa::path(put, path = "", tag = "event-types", request_body = EventTypeDraft, responses(
    (status = 201, description = "Defined", body = EventTypeAnswer),
    (status = 200, description = "Changed, or the same as before", body = EventTypeAnswer)))]
pub async fn save_event_type(
    State(api): State<Api>,
    At((space, name)): At<(Slug, EventName)>,
    condition: Condition,
    caller: Caller,
    Json(draft): Json<EventTypeDraft>,
) -> Result<Answer<EventTypeAnswer>> {
    let saved = api.engine.save_event_type(&space, &name, draft, condition.0, caller.name()).await;
    let (view, created) = saved.map_err(|error| condition.problem(error))?;
    Ok(shown(view, created))
}

/// Deletes an event type: no such event can be published any more. Its events stay, and so do its versions: a type of
/// the same name counts on after them.
#[utoipa::path(delete, path = "", tag = "event-types", responses((status = 204, description = "Deleted")))]
pub async fn delete_event_type(
    State(api): State<Api>,
    At((space, name)): At<(Slug, EventName)>,
    condition: Condition,
) -> Result<StatusCode> {
    let deleted = api.engine.delete_event_type(&space, &name, condition.0).await;
    deleted.map_err(|error| condition.problem(error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the versions of an event type, newest first, without schemas.
#[utoipa::path(get, path = "", tag = "event-types", params(PageQuery), responses(
    (status = 200, description = "A page of versions", body = Listing<EventTypeItem>)))]
pub async fn list_event_type_versions(
    State(api): State<Api>,
    At((space, name)): At<(Slug, EventName)>,
    Query(query): Query<PageQuery>,
) -> Result<Answer<Listing<EventTypeItem>>> {
    let slice = api.engine.event_type_versions(&space, &name, query.page()?).await?;
    Ok(Answer::ok(Listing::of(slice, EventTypeItem::from)))
}

/// Shows one version of an event type with its schema and example.
#[utoipa::path(get, path = "", tag = "event-types", responses(
    (status = 200, description = "The version", body = EventTypeAnswer)))]
pub async fn get_event_type_version(
    State(api): State<Api>,
    At((space, name, version)): At<(Slug, EventName, u32)>,
) -> Result<Answer<EventTypeAnswer>> {
    Ok(shown(api.engine.event_type(&space, &name, Some(version)).await?, false))
}

fn shown(view: EventTypeView, created: bool) -> Answer<EventTypeAnswer> {
    let EventTypeView { event_type, revision, builtin, operational } = view;
    let answer = Answer::saved(EventTypeAnswer { event_type, builtin, operational }, created);
    match revision {
        Some(revision) => answer.at(revision),
        None => answer,
    }
}
