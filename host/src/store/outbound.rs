//! The outbound half of a store: events, and their deliveries.
//!
//! Every endpoint has a *lane*: its deliveries in the order in which they are due. One holder works on a lane at a
//! time, so a slow endpoint is nobody else's business. What is due for a lane that is held costs no memory.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Draft, Page, RepeatKey, Result, Slice};
use crate::model::{Attempt, Delivery, DeliveryStatus, EndpointHealth, Event, Slug, Time, UniqueId};

/// An event with all its deliveries, committed together.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The event.
    pub event: Arc<Event>,
    /// One for each endpoint that takes it: revision 1.
    pub deliveries: Vec<Delivery>,
    /// Recognises a repeat of the same event.
    pub repeat: Option<RepeatKey>,
}

impl Publication {
    /// An event that nobody is subscribed to.
    pub fn unheard(event: Event) -> Self {
        Self { event: Arc::new(event), deliveries: Vec::new(), repeat: None }
    }
}

/// What became of a publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// It is on disk.
    New,
    /// Nothing of it was committed: this event was published for the same name before.
    Repeat(UniqueId),
}

/// The queue of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane {
    /// The space.
    pub space: Slug,
    /// The endpoint.
    pub endpoint: Slug,
}

/// How the holder of a lane leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// It is ready again when something is due.
    Open,
    /// It is not ready before then.
    Rest(Time),
    /// It is not ready before [`Outbound::wake_lane`].
    Held,
}

/// A delivery that is due, with its event; `None` if the event has expired.
#[derive(Clone, Debug)]
pub struct DueDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// Its event.
    pub event: Option<Arc<Event>>,
}

/// One step of a delivery: its whole next state and all that is committed with it.
#[derive(Clone, Debug)]
pub struct DeliveryStep {
    /// The delivery as it will be; its `revision` is one more than the stored one's. Its claim ends.
    pub delivery: Delivery,
    /// The attempt that led there.
    pub attempt: Option<Attempt>,
    /// How the endpoint fares, if that changed.
    pub health: Option<EndpointHealth>,
    /// The endpoint, if its status changes.
    pub endpoint: Option<Draft>,
    /// Events to publish.
    pub events: Vec<Publication>,
}

impl DeliveryStep {
    /// Nothing but the delivery.
    pub fn of(delivery: Delivery) -> Self {
        Self { delivery, attempt: None, health: None, endpoint: None, events: Vec::new() }
    }
}

/// In which order to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    NewestFirst,
    /// The oldest first.
    OldestFirst,
}

/// Which events to list.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Of this type only.
    pub kind: Option<String>,
    /// Accepted at this time or later.
    pub since: Option<Time>,
    /// Accepted before this time.
    pub until: Option<Time>,
    /// With this text in the id, the publisher's id or the key.
    pub text: Option<String>,
    /// In this order.
    pub order: Order,
}

/// Which deliveries to list.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// To this endpoint only.
    pub endpoint: Option<Slug>,
    /// Of this event, by our id.
    pub event: Option<UniqueId>,
    /// Of events of this type only.
    pub kind: Option<String>,
    /// That stand so.
    pub status: Option<DeliveryStatus>,
    /// Whose last answer had a status of this hundred: 4 for 400 to 499.
    pub status_class: Option<u16>,
    /// Made at this time or later.
    pub since: Option<Time>,
    /// Made before this time.
    pub until: Option<Time>,
    /// With this text in the event's id, its publisher's id, or its key.
    pub text: Option<String>,
    /// In this order.
    pub order: Order,
}

/// The outbound half of a durable store.
#[async_trait]
pub trait Outbound: Send + Sync + 'static {
    /// Publishes events, each with its deliveries or not at all; answers what became of each, in order.
    async fn publish(&self, publications: Vec<Publication>) -> Result<Vec<Published>>;

    /// The event that was published for the same name before, if it is still remembered.
    async fn event(&self, space: &Slug, id: UniqueId) -> Result<Option<Event>>;

    /// Events of a space. A page may be short, even empty, and still have a `next`.
    async fn events(&self, space: &Slug, filter: &EventFilter, page: Page) -> Result<Slice<Event>>;

    /// Waits until lanes that nobody holds have something due; the caller holds those it gets. Cancel-safe.
    /// After a restart nobody holds any. Fails once the store is closed.
    async fn take_lanes(&self) -> Result<Vec<Lane>>;

    /// Claims up to `max` deliveries of a held lane that are due now, oldest first; none if there are none.
    async fn claim_deliveries(&self, lane: &Lane, max: usize) -> Result<Vec<DueDelivery>>;

    /// Lets go of a lane. In memory only.
    fn leave_lane(&self, lane: &Lane, how: Leave);

    /// The lane of an endpoint that changed is looked at again. In memory only.
    fn wake_lane(&self, lane: &Lane);

    /// Gives claimed deliveries back, unchanged, to be due again at `due`. In memory only.
    fn release_delivery(&self, lane: &Lane, id: UniqueId, due: Time);

    /// Commits one step of a delivery. [`super::StoreError::Conflict`] if it, or the endpoint, is not as expected.
    async fn advance_delivery(&self, step: DeliveryStep) -> Result<()>;

    /// How an endpoint fares.
    async fn health(&self, lane: &Lane) -> Result<EndpointHealth>;

    /// One delivery.
    async fn delivery(&self, space: &Slug, id: UniqueId) -> Result<Option<Delivery>>;

    /// Deliveries of a space. A page may be short, even empty, and still have a `next`.
    async fn deliveries(&self, space: &Slug, filter: &DeliveryFilter, page: Page) -> Result<Slice<Delivery>>;

    /// The attempts of a delivery, oldest first.
    async fn attempts(&self, delivery: UniqueId) -> Result<Vec<Attempt>>;
}
