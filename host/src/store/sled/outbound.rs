//! The outbound half of the engine.

use std::sync::Arc;

use async_trait::async_trait;

use super::lanes::Claimed;
use super::{Sled, deliveries, events, writer};
use crate::model::{Attempt, Delivery, EndpointHealth, Event, Slug, Time, UniqueId};
use crate::store::{
    DeliveryFilter, DeliveryStep, DueDelivery, EventFilter, Lane, Leave, Outbound, Page, Publication, Published,
    Result, Slice,
};

impl Sled {
    fn load_delivery(&self, lane: &Lane, claimed: Claimed) -> Result<Option<DueDelivery>> {
        let Claimed { id, body } = claimed;
        if let Some((delivery, event)) = body {
            return Ok(Some(DueDelivery { delivery: *delivery, event: Some(event) }));
        }
        let tree = self.tree()?;
        let Some(delivery) = deliveries::get(&tree, &lane.space, id)?.filter(|delivery| !delivery.status.is_final())
        else {
            return Ok(None);
        };
        let event = events::get(&tree, &lane.space, delivery.event)?.map(Arc::new);
        Ok(Some(DueDelivery { delivery, event }))
    }
}

#[async_trait]
impl Outbound for Sled {
    async fn publish(&self, publications: Vec<Publication>) -> Result<Vec<Published>> {
        self.writer.commit(events::Publish::new(publications)?).await
    }

    async fn event(&self, space: &Slug, id: UniqueId) -> Result<Option<Event>> {
        events::get(&self.tree()?, space, id)
    }

    async fn events(&self, space: &Slug, filter: &EventFilter, page: Page) -> Result<Slice<Event>> {
        let (space, filter) = (space.clone(), filter.clone());
        self.read(move |tree| events::list(tree, &space, &filter, &page)).await
    }

    async fn take_lanes(&self) -> Result<Vec<Lane>> {
        self.lanes.take().await.ok_or_else(writer::stopped)
    }

    async fn claim_deliveries(&self, lane: &Lane, max: usize) -> Result<Vec<DueDelivery>> {
        let claimed = self.lanes.claim(&self.tree()?, lane, max)?;
        let mut due = Vec::with_capacity(claimed.len());
        for claimed in claimed {
            let id = claimed.id;
            match self.load_delivery(lane, claimed) {
                Ok(Some(found)) => due.push(found),
                Ok(None) => self.lanes.drop_claim(lane, id),
                Err(error) => {
                    tracing::error!(%id, error = &error as &dyn std::error::Error, "a due delivery cannot be read");
                    self.lanes.release(lane, id, self.clock.now().after(super::UNREADABLE_PAUSE));
                }
            }
        }
        Ok(due)
    }

    fn leave_lane(&self, lane: &Lane, how: Leave) {
        self.lanes.leave(lane, how);
    }

    fn wake_lane(&self, lane: &Lane) {
        self.lanes.wake(lane);
    }

    fn release_delivery(&self, lane: &Lane, id: UniqueId, due: Time) {
        self.lanes.release(lane, id, due);
    }

    async fn advance_delivery(&self, step: DeliveryStep) -> Result<()> {
        self.writer.commit(deliveries::Step::new(step)?).await
    }

    async fn health(&self, lane: &Lane) -> Result<EndpointHealth> {
        deliveries::health(&self.tree()?, lane)
    }

    async fn delivery(&self, space: &Slug, id: UniqueId) -> Result<Option<Delivery>> {
        deliveries::get(&self.tree()?, space, id)
    }

    async fn deliveries(&self, space: &Slug, filter: &DeliveryFilter, page: Page) -> Result<Slice<Delivery>> {
        let (space, filter) = (space.clone(), filter.clone());
        self.read(move |tree| deliveries::list(tree, &space, &filter, &page)).await
    }

    async fn attempts(&self, delivery: UniqueId) -> Result<Vec<Attempt>> {
        self.read(move |tree| deliveries::attempts(tree, delivery)).await
    }
}
