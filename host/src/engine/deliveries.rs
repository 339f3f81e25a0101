//! Deliveries as users see them: look, send again, try out.

use serde_json::{Value, json};

use crate::delivery;
use crate::model::{Attempt, AttemptForm, Delivery, DeliveryStatus, Endpoint, EndpointHealth, Event, Slug, UniqueId};
use crate::store::{DeliveryFilter, DeliveryStep, EventFilter, Lane, Page, Slice, StoreError};
use crate::webhook::Redactor;

use super::{Engine, EngineError, Result};

/// How often sending again is tried while the delivery moves on.
const RETRY_TRIES_MAX: usize = 20;
/// The type of test events where the endpoint names none whose example could be sent.
const TEST_TYPE: &str = "endpoint.test";

/// A delivery with all its attempts.
#[derive(Clone, Debug)]
pub struct DeliveryView {
    /// The delivery.
    pub delivery: Delivery,
    /// Its attempts, oldest first, each with the body that was sent.
    pub attempts: Vec<Attempt>,
}

/// A test event on its way.
#[derive(Clone, Copy, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct TestSent {
    /// The event.
    pub event: UniqueId,
    /// Its delivery.
    pub delivery: UniqueId,
}

impl Engine {
    /// Events of a space, newest first.
    pub async fn events(&self, space: &Slug, filter: &EventFilter, page: Page) -> Result<Slice<Event>> {
        self.space(space).await?;
        Ok(self.store.events(space, filter, page).await?)
    }

    /// One event.
    pub async fn event(&self, space: &Slug, id: UniqueId) -> Result<Event> {
        self.store.event(space, id).await?.ok_or_else(|| EngineError::not_found("event", id))
    }

    /// Deliveries of a space, newest first.
    pub async fn deliveries(&self, space: &Slug, filter: &DeliveryFilter, page: Page) -> Result<Slice<Delivery>> {
        self.space(space).await?;
        Ok(self.store.deliveries(space, filter, page).await?)
    }

    /// One delivery with its attempts.
    pub async fn delivery(&self, space: &Slug, id: UniqueId) -> Result<DeliveryView> {
        let delivery = self.bare_delivery(space, id).await?;
        let mut attempts = self.store.attempts(id).await?;
        let event = self.store.event(space, delivery.event).await?;
        for attempt in &mut attempts {
            fill_body(attempt, event.as_ref());
        }
        Ok(DeliveryView { delivery, attempts })
    }

    async fn bare_delivery(&self, space: &Slug, id: UniqueId) -> Result<Delivery> {
        self.store.delivery(space, id).await?.ok_or_else(|| EngineError::not_found("delivery", id))
    }

    /// How an endpoint fares.
    pub async fn endpoint_health(&self, space: &Slug, endpoint: &Slug) -> Result<EndpointHealth> {
        Ok(self.store.health(&Lane { space: space.clone(), endpoint: endpoint.clone() }).await?)
    }

    /// Has a delivery sent now, whatever became of it before. Its list of delays begins anew.
    pub async fn retry_delivery(&self, space: &Slug, id: UniqueId) -> Result<Delivery> {
        for _ in 0..RETRY_TRIES_MAX {
            let delivery = self.bare_delivery(space, id).await?;
            if let Some(detail) = self.cannot_retry(&delivery).await? {
                return Err(EngineError::Refused { code: "not-retriable", detail });
            }
            let again = delivery.again(self.clock.now());
            match self.store.advance_delivery(DeliveryStep::of(again.clone())).await {
                Ok(()) => return Ok(again),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::Changed { what: format!("delivery {id}") })
    }

    async fn cannot_retry(&self, delivery: &Delivery) -> Result<Option<String>> {
        if delivery.status == DeliveryStatus::Pending && delivery.due.is_none() {
            return Ok(Some("it waits for an earlier delivery of its key: retry that one".to_owned()));
        }
        if self.definitions.shared::<Endpoint>(&delivery.space, delivery.endpoint.as_str()).await?.is_none() {
            return Ok(Some(format!("its endpoint {:?} was deleted", delivery.endpoint.as_str())));
        }
        let event = self.store.event(&delivery.space, delivery.event).await?;
        Ok(event.is_none().then(|| "its event has expired".to_owned()))
    }

    /// Sends an event to one endpoint, as it would be sent: of the given type and data, else the example of the first
    /// type that the endpoint names.
    pub async fn test_endpoint(
        &self,
        space: &Slug,
        endpoint: &Slug,
        kind: Option<String>,
        data: Option<Value>,
    ) -> Result<TestSent> {
        let target = self.definitions.shared::<Endpoint>(space, endpoint.as_str()).await?;
        let target = target.ok_or_else(|| EngineError::not_found("endpoint", endpoint))?;
        let named = kind.or_else(|| target.event_types.iter().find(|pattern| !pattern.ends_with('*')).cloned());
        let kind = named.unwrap_or_else(|| TEST_TYPE.to_owned());
        let data = match data {
            Some(data) if data.is_object() => data,
            Some(_) => return Err(EngineError::invalid("data", "the data of an event are a JSON object")),
            None => self.example(space, &kind).await?.unwrap_or_else(|| json!({ "test": true })),
        };
        let event = Event {
            id: UniqueId::generate(),
            external_id: None,
            space: space.clone(),
            kind,
            time: self.clock.now(),
            source: "urn:tenterhook:test".to_owned(),
            subject: None,
            key: None,
            data,
            run: None,
        };
        let id = event.id;
        Ok(TestSent { event: id, delivery: self.publish_to(event, endpoint).await? })
    }
}

/// Makes the body of an attempt again from its event, as it was made then.
fn fill_body(attempt: &mut Attempt, event: Option<&Event>) {
    let Some(AttemptForm { format, method }) = attempt.form.take() else { return };
    let (Some(request), Some(event)) = (attempt.request.as_mut(), event) else { return };
    if let Some(body) = delivery::body_of(&format, method, event) {
        let sent = Redactor::new(&[], &[]).sent(method, "", &[], &body);
        (request.body, request.body_base64, request.body_cut) = (sent.body, sent.body_base64, sent.body_cut);
    }
}
