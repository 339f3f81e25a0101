//! Deliveries and their attempts.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Api;
use super::answer::{Answer, Result};
use super::body::OptionalJson;
use super::page::{At, Listing, Query, page};
use super::problem::Problem;
use crate::engine::{DeliveryView, TestSent};
use crate::model::{Attempt, Delivery, DeliveryStatus, Slug, Time, UniqueId};
use crate::store::{DeliveryFilter, Order};

/// Which deliveries.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveriesQuery {
    /// To this endpoint only.
    endpoint: Option<Slug>,
    /// Of this event, by the server's id of it.
    event: Option<UniqueId>,
    /// Of events of this type only.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    kind: Option<String>,
    /// That stand so.
    status: Option<DeliveryStatus>,
    /// Whose last answer had such a status: `2xx`, `3xx`, `4xx` or `5xx`.
    status_class: Option<String>,
    /// Made at this time (RFC 3339) or later.
    since: Option<Time>,
    /// Made before this time (RFC 3339).
    until: Option<Time>,
    /// With this text in the event's id, its publisher's id, or its key.
    text: Option<String>,
    /// The `next` of the page before; leave it out for the first page.
    cursor: Option<String>,
    /// How many items at most: 1 to 200, by default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// A delivery with its attempts.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeliveryAnswer {
    /// The delivery.
    #[serde(flatten)]
    delivery: Delivery,
    /// Its attempts, oldest first: what was sent, what came back, and how long each part took. Of a GET or DELETE the
    /// event is in the URL.
    history: Vec<Attempt>,
}

/// A test event.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestEventBody {
    /// Its type; the first that the endpoint names, if absent.
    #[serde(default, rename = "type")]
    kind: Option<String>,
    /// Its data; the example of the type, if absent.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
}

/// Lists the deliveries of a space, newest first. A page may be short, even empty, and still have a `next`.
#[utoipa::path(get, path = "", tag = "deliveries", params(DeliveriesQuery), responses(
    (status = 200, description = "A page of deliveries", body = Listing<Delivery>)))]
pub async fn list_deliveries(
    State(api): State<Api>,
    At(space): At<Slug>,
    Query(query): Query<DeliveriesQuery>,
) -> Result<Answer<Listing<Delivery>>> {
    let DeliveriesQuery { endpoint, event, kind, status, status_class, since, until, text, cursor, limit } = query;
    let status_class = status_class.as_deref().map(class).transpose()?;
    let order = Order::NewestFirst;
    let filter = DeliveryFilter { endpoint, event, kind, status, status_class, since, until, text, order };
    let slice = api.engine.deliveries(&space, &filter, page(cursor, limit)?).await?;
    Ok(Answer::ok(Listing::of(slice, |delivery| delivery)))
}

fn class(text: &str) -> Result<u16> {
    match text {
        "2xx" => Ok(2),
        "3xx" => Ok(3),
        "4xx" => Ok(4),
        "5xx" => Ok(5),
        _ => {
            let reason = "use 2xx, 3xx, 4xx or 5xx";
            Err(Problem::new("bad-request", format!("status_class: {reason}")).with_field("status_class", reason, None))
        }
    }
}

/// Shows a delivery with all its attempts.
#[utoipa::path(get, path = "", tag = "deliveries", responses(
    (status = 200, description = "The delivery", body = DeliveryAnswer)))]
pub async fn get_delivery(
    State(api): State<Api>,
    At((space, id)): At<(Slug, UniqueId)>,
) -> Result<Answer<DeliveryAnswer>> {
    let DeliveryView { delivery, attempts } = api.engine.delivery(&space, id).await?;
    Ok(Answer::ok(DeliveryAnswer { delivery, history: attempts }))
}

/// Sends a delivery again, now, whatever became of it before.
#[utoipa::path(post, path = "", tag = "deliveries", responses(
    (status = 202, description = "It is due", body = Delivery)))]
pub async fn retry_delivery(State(api): State<Api>, At((space, id)): At<(Slug, UniqueId)>) -> Result<Answer<Delivery>> {
    Ok(Answer::accepted(api.engine.retry_delivery(&space, id).await?))
}

/// Sends a test event to one endpoint, as any event is sent.
#[utoipa::path(post, path = "", tag = "endpoints", request_body = Option<TestEventBody>, responses(
    (status = 202, description = "It is due", body = TestSent)))]
pub async fn test_endpoint(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    OptionalJson(body): OptionalJson<TestEventBody>,
) -> Result<Answer<TestSent>> {
    let TestEventBody { kind, data } = body.unwrap_or_default();
    Ok(Answer::accepted(api.engine.test_endpoint(&space, &id, kind, data).await?))
}
