//! The story of an event: check it, find the endpoints that take it, commit it with a delivery for each.

use std::sync::Arc;

use crate::delivery;
use crate::event::EventDraft;
use crate::expr::EvaluateError;
use crate::model::{Delivery, Endpoint, Event, Slug, UniqueId};
use crate::store::{Lane, Publication, Published, RepeatKey, Shared, StoreError};
use crate::telemetry::{EVENTS_PUBLISHED, FILTER_ERRORS};

use super::runs::REPEAT_KEPT;
use super::{Engine, EngineError, FieldProblem, Happening, Result};

/// Most events in one call.
pub const BATCH_EVENTS_MAX: usize = 1_000;

/// What became of an event that was sent to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its id; that of the first, if it is a repeat.
    pub id: UniqueId,
    /// How many endpoints it goes to; none are told for a repeat.
    pub deliveries: usize,
    /// It was published before.
    pub is_repeat: bool,
}

/// An event that is being published, and how many deliveries it has.
type Told = (Arc<Event>, usize);

impl Engine {
    /// Publishes events: `Ok` once each of them is on disk with its deliveries, or was before. None is published if
    /// one of them is not right. `repeat` names the whole call.
    pub async fn publish(
        &self,
        space: &Slug,
        drafts: Vec<EventDraft>,
        repeat: Option<&str>,
        source: &str,
    ) -> Result<Vec<Receipt>> {
        self.space(space).await?;
        if !(1..=BATCH_EVENTS_MAX).contains(&drafts.len()) {
            let problem = FieldProblem::new("", format!("send 1 to {BATCH_EVENTS_MAX} events"));
            return Err(EngineError::BadEvent { problems: vec![problem] });
        }
        let is_batch = drafts.len() > 1;
        let (mut publications, mut problems) = (Vec::with_capacity(drafts.len()), Vec::new());
        for (number, draft) in drafts.into_iter().enumerate() {
            match self.checked_event(space, draft, source).await {
                Ok(event) => {
                    let named = repeat.map(|name| if is_batch { format!("{name}#{number}") } else { name.to_owned() });
                    let mut publication = self.publication(event).await?;
                    publication.repeat = repeat_key(&publication.event, named);
                    publications.push(publication);
                }
                Err(EngineError::Invalid { problems: found }) => problems.extend(found.into_iter().map(|problem| {
                    let field = if is_batch { format!("/{number}{}", pointer(&problem.field)) } else { problem.field };
                    FieldProblem { field, ..problem }
                })),
                Err(other) => return Err(other),
            }
        }
        if !problems.is_empty() {
            return Err(EngineError::BadEvent { problems });
        }
        self.commit_publications(publications).await
    }

    /// Commits publications; in several commits, if they are too large for one.
    pub(super) async fn commit_publications(&self, publications: Vec<Publication>) -> Result<Vec<Receipt>> {
        let mut receipts = Vec::with_capacity(publications.len());
        let mut parts = vec![publications];
        while let Some(mut part) = parts.pop() {
            let told: Vec<Told> = part.iter().map(|p| (Arc::clone(&p.event), p.deliveries.len())).collect();
            let halves = (part.len() > 1).then(|| part.clone());
            match (self.store.publish(std::mem::take(&mut part)).await, halves) {
                (Ok(published), _) => {
                    receipts.extend(told.into_iter().zip(published).map(|told| self.receipt(told)));
                }
                (Err(StoreError::TooLarge { .. }), Some(mut first)) => {
                    let second = first.split_off(first.len() / 2);
                    parts.extend([second, first]);
                }
                (Err(error), _) => return Err(error.into()),
            }
        }
        let new = receipts.iter().filter(|receipt| !receipt.is_repeat).count() as u64;
        metrics::counter!(EVENTS_PUBLISHED).increment(new);
        Ok(receipts)
    }

    fn receipt(&self, ((event, deliveries), published): (Told, Published)) -> Receipt {
        match published {
            Published::New => {
                let id = event.id;
                self.live.tell(|| Happening::Published(event));
                Receipt { id, deliveries, is_repeat: false }
            }
            Published::Repeat(id) => Receipt { id, deliveries: 0, is_repeat: true },
        }
    }

    /// An event with a delivery for each endpoint of its space that takes it.
    pub(super) async fn publication(&self, event: Event) -> Result<Publication> {
        let endpoints = self.definitions.all::<Endpoint>(&event.space).await?;
        let mut deliveries = Vec::new();
        let now = self.clock.now();
        for endpoint in endpoints.iter() {
            if delivery::wants(endpoint, &event) && self.passes_filter(endpoint, &event).await? {
                let due = delivery::first_attempt(&endpoint.policy, now, super::chance());
                deliveries.push(Delivery::new(&event, &endpoint.id, endpoint.policy.ordered.is_some(), (now, due)));
            }
        }
        Ok(Publication { event: Arc::new(event), deliveries, repeat: None })
    }

    /// As [`Self::publication`], of events that a run or the server itself publishes.
    pub(super) async fn publications(&self, events: Vec<Event>) -> Result<Vec<Publication>> {
        let mut publications = Vec::with_capacity(events.len());
        for event in events {
            publications.push(self.publication(event).await?);
        }
        Ok(publications)
    }

    /// Whether an endpoint's filter lets an event pass. One that fails on the event does not; trouble of ours is an
    /// error, so that no event is lost to it.
    pub(super) async fn passes_filter(&self, endpoint: &Shared<Endpoint>, event: &Event) -> Result<bool> {
        let Some(filter) = &endpoint.filter else { return Ok(true) };
        let owner = format!("{}/{}", event.space, endpoint.id);
        match self.evaluate(&owner, filter, &delivery::event_input(event)).await {
            Ok(verdict) => Ok(delivery::passes(&verdict)),
            Err(EvaluateError::Unavailable(reason)) => {
                Err(EngineError::Busy { what: format!("the filter of endpoint {:?}", endpoint.id.as_str()), reason })
            }
            Err(error) => {
                metrics::counter!(FILTER_ERRORS).increment(1);
                tracing::debug!(endpoint = %endpoint.id, %error, "a filter failed on an event, which is not delivered");
                Ok(false)
            }
        }
    }

    /// Publishes one event to one endpoint, whatever it subscribes to: its delivery's id.
    pub(super) async fn publish_to(&self, event: Event, endpoint: &Slug) -> Result<UniqueId> {
        let now = self.clock.now();
        let delivery = Delivery::new(&event, endpoint, false, (now, now));
        let id = delivery.id;
        let publication = Publication { event: Arc::new(event), deliveries: vec![delivery], repeat: None };
        self.commit_publications(vec![publication]).await?;
        Ok(id)
    }

    /// The lane of an endpoint is looked at again: it changed.
    pub(super) fn wake(&self, space: &Slug, endpoint: &Slug) {
        self.store.wake_lane(&Lane { space: space.clone(), endpoint: endpoint.clone() });
    }
}

/// What an event is recognised by: its publisher's id of it, else the name of the call.
fn repeat_key(event: &Event, call: Option<String>) -> Option<RepeatKey> {
    let scope = |kind: &str| format!("event-{kind}/{}", event.space);
    let (scope, key) = match (&event.external_id, call) {
        (Some(id), _) => (scope("id"), id.to_string()),
        (None, Some(call)) => (scope("call"), call),
        (None, None) => return None,
    };
    Some(RepeatKey { scope, key, keep: REPEAT_KEPT })
}

/// A field of a member as a JSON pointer.
fn pointer(field: &str) -> String {
    if field.is_empty() || field.starts_with('/') { field.to_owned() } else { format!("/{field}") }
}
