//! Events: what workflows emitted.

use axum::extract::State;
use serde::Deserialize;

use super::Api;
use super::answer::{Answer, Result};
use super::page::{At, Listing, Query, page};
use crate::model::{Event, Slug};

/// Which events.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Of this type only.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    kind: Option<String>,
    /// The `next` of the page before; leave it out for the first page.
    cursor: Option<String>,
    /// How many items at most: 1 to 200, by default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// Lists the events of a space, newest first.
#[utoipa::path(get, path = "", tag = "events", params(EventsQuery), responses(
    (status = 200, description = "A page of events", body = Listing<Event>)))]
pub async fn list_events(
    State(api): State<Api>,
    At(space): At<Slug>,
    Query(query): Query<EventsQuery>,
) -> Result<Answer<Listing<Event>>> {
    let EventsQuery { kind, cursor, limit } = query;
    let slice = api.engine.events(&space, kind.as_deref(), page(cursor, limit)?).await?;
    Ok(Answer::ok(Listing::of(slice, |event| event)))
}
