//! Events: publish them, look at them.

use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::Api;
use super::answer::{Answer, Result};
use super::auth::Caller;
use super::body::{OneOrMany, repeat_key};
use super::page::{At, Listing, Query, page};
use super::problem::Problem;
use crate::engine::Receipt;
use crate::event::EventDraft;
use crate::model::{Event, Slug, Time, UniqueId};
use crate::store::{EventFilter, Order};

/// Which events.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Of this type only.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    kind: Option<String>,
    /// Accepted at this time (RFC 3339) or later.
    since: Option<Time>,
    /// Accepted before this time (RFC 3339).
    until: Option<Time>,
    /// With this text in the id, the publisher's id or the key.
    text: Option<String>,
    /// The `next` of the page before; leave it out for the first page.
    cursor: Option<String>,
    /// How many items at most: 1 to 200, by default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// A published event.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EventReceipt {
    /// Its id; that of the first, if it is a repeat.
    id: UniqueId,
    /// How many endpoints it goes to; 0 for a repeat.
    deliveries: usize,
    /// It was published before under the same `id` or `Idempotency-Key`, and is not published again.
    repeat: bool,
}

/// Published events, in the order in which they were sent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EventReceipts {
    /// One for each event.
    items: Vec<EventReceipt>,
}

/// One event, or up to 1,000.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it is the schema of the body, which is read by `OneOrMany`")]
pub enum EventsBody {
    /// One.
    One(EventDraft),
    /// Several: all are published, or none if one of them is not right.
    Many(Vec<EventDraft>),
}

/// The body of a call that publishes. Whatever is wrong with an event, from its shape to its schema, is a `bad-event`.
pub struct Drafts(OneOrMany<EventDraft>);

impl FromRequest<Api> for Drafts {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> std::result::Result<Self, Problem> {
        let read = OneOrMany::from_request(request, api).await;
        read.map(Self).map_err(|problem| if problem.code == "invalid" { problem.recast("bad-event") } else { problem })
    }
}

/// Publishes an event, or a list of up to 1,000. 202 once each is on disk with a delivery for every endpoint that takes
/// it. The same `id` again, or the same `Idempotency-Key`, is the same event again for 24 hours.
#[utoipa::path(post, path = "", tag = "events", request_body = EventsBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "Names the call, to recognise its repeats")),
    responses(
        (status = 202, description = "On disk; for a list `{\"items\": [...]}`", body = EventReceipt)))]
pub async fn publish_events(
    State(api): State<Api>,
    At(space): At<Slug>,
    caller: Caller,
    headers: HeaderMap,
    Drafts(drafts): Drafts,
) -> Result<Response> {
    let repeat = repeat_key(&headers)?;
    let source = format!("urn:tenterhook:key:{}", caller.name());
    let receipts = api.engine.publish(&space, drafts.items, repeat.as_deref(), &source).await?;
    let mut items: Vec<EventReceipt> = receipts.into_iter().map(EventReceipt::from).collect();
    match items.pop() {
        Some(only) if !drafts.is_list => Ok(Answer::accepted(only).into_response()),
        last => {
            items.extend(last);
            Ok(Answer::accepted(EventReceipts { items }).into_response())
        }
    }
}

impl From<Receipt> for EventReceipt {
    fn from(receipt: Receipt) -> Self {
        let Receipt { id, deliveries, is_repeat } = receipt;
        Self { id, deliveries, repeat: is_repeat }
    }
}

/// Lists the events of a space, newest first. A page may be short, even empty, and still have a `next`.
#[utoipa::path(get, path = "", tag = "events", params(EventsQuery), responses(
    (status = 200, description = "A page of events", body = Listing<Event>)))]
pub async fn list_events(
    State(api): State<Api>,
    At(space): At<Slug>,
    Query(query): Query<EventsQuery>,
) -> Result<Answer<Listing<Event>>> {
    let EventsQuery { kind, since, until, text, cursor, limit } = query;
    let filter = EventFilter { kind, since, until, text, order: Order::NewestFirst };
    let slice = api.engine.events(&space, &filter, page(cursor, limit)?).await?;
    Ok(Answer::ok(Listing::of(slice, |event| event)))
}

/// Shows an event.
#[utoipa::path(get, path = "", tag = "events", responses((status = 200, description = "The event", body = Event)))]
pub async fn get_event(State(api): State<Api>, At((space, id)): At<(Slug, UniqueId)>) -> Result<Answer<Event>> {
    Ok(Answer::ok(api.engine.event(&space, id).await?))
}
