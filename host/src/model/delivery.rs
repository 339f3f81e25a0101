//! Deliveries: one event for one endpoint, and the attempts to bring it there.

use serde::{Deserialize, Serialize};

use super::{
    EndpointFormat, ErrorClass, Event, ExternalId, LogLine, Method, PluginRef, RequestParts, ResponseParts, Slug, Time,
    UniqueId,
};

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStatus {
    /// It is due, now or later; or held, while its endpoint is not active; or waits for an earlier one of its key.
    Pending,
    /// The receiver answered 2xx.
    Delivered,
    /// All attempts failed.
    Failed,
    /// The endpoint's template said not to send it.
    Dropped,
    /// Its endpoint was deleted, or its event has expired.
    Cancelled,
}

impl DeliveryStatus {
    /// Nothing will happen to it by itself any more.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Pending)
    }
}

/// One event for one endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Delivery {
    /// Its id.
    pub id: UniqueId,
    /// The space.
    pub space: Slug,
    /// The endpoint.
    pub endpoint: Slug,
    /// The event, by our id.
    pub event: UniqueId,
    /// The event by its publisher's id, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<ExternalId>,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The event's ordering key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// It waits for earlier ones of its key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ordered: bool,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// How many attempts were made.
    pub attempts: u32,
    /// How many of them were made before it was last retried by hand: the list of delays begins anew after them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts_before: u32,
    /// When its next attempt is due; none if it is final, or waits for an earlier one of its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Time>,
    /// The HTTP status of the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_status: Option<u16>,
    /// Why the last attempt got no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<ErrorClass>,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// Counts its commits, from 1.
    pub revision: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Delivery {
    /// A new delivery of `event` to `endpoint`, first due at `due`.
    pub fn new(event: &Event, endpoint: &Slug, ordered: bool, (now, due): (Time, Time)) -> Self {
        Self {
            id: UniqueId::generate(),
            space: event.space.clone(),
            endpoint: endpoint.clone(),
            event: event.id,
            external_id: event.external_id.clone(),
            kind: event.kind.clone(),
            key: event.key.clone(),
            ordered: ordered && event.key.is_some(),
            status: DeliveryStatus::Pending,
            attempts: 0,
            attempts_before: 0,
            due: Some(due),
            last_status: None,
            last_error: None,
            created_at: now,
            updated_at: now,
            revision: 1,
        }
    }

    /// It, due again at `now` whatever became of it; its list of delays begins anew.
    pub fn again(self, now: Time) -> Self {
        Self {
            status: DeliveryStatus::Pending,
            due: Some(now),
            attempts_before: self.attempts,
            updated_at: now,
            revision: self.revision + 1,
            ..self
        }
    }

    /// The key that it keeps its place by, if its endpoint keeps order.
    pub fn chain(&self) -> Option<&str> {
        self.key.as_deref().filter(|_| self.ordered)
    }
}

/// One try to bring a delivery to its endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Attempt {
    /// Which of its delivery, from 1.
    pub number: u32,
    /// When it began.
    pub started_at: Time,
    /// What was sent, secrets masked; none if no request could be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestParts>,
    /// How the body of `request` is made again from the event; it is not kept then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<AttemptForm>,
    /// What came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<ResponseParts>,
    /// Why nothing came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<AttemptError>,
    /// How long each part took.
    pub timing: AttemptTiming,
    /// The endpoint's template plugin, and which version of it was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginRef>,
    /// What the endpoint's template plugin logged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logs: Vec<LogLine>,
}

/// What the body of an attempt was made by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AttemptForm {
    /// The endpoint's format then.
    pub format: EndpointFormat,
    /// The endpoint's method then.
    pub method: Method,
}

/// Why an attempt got no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AttemptError {
    /// The kind of error.
    pub class: ErrorClass,
    /// What happened, in words.
    pub detail: String,
}

/// How long each part of an attempt took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AttemptTiming {
    /// From when it was due to its begin.
    pub queue_ms: f64,
    /// Resolving the name and connecting; none if a connection was open already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_ms: Option<f64>,
    /// From its begin to the head of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<f64>,
    /// From there to the end of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_ms: Option<f64>,
}
