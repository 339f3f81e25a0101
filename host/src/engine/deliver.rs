//! The story of a delivery: take the lane of an endpoint, claim what is due, send it, commit what it came to.
//!
//! Each lane that has something due is worked on by a task of its own, so one slow endpoint delays nobody else. What
//! an attempt came to is committed before the delivery can be due again; so a crash repeats at most the attempts under
//! way, with the same `webhook-id`.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::model::{Delivery, DeliveryStatus, Endpoint};
use crate::store::{DeliveryStep, DueDelivery, Lane, Leave, StoreError};

use super::targets::Target;
use super::{Engine, Result};

/// Deliveries claimed at a time.
const CLAIM_MAX: usize = 32;
/// How long a lane or a delivery rests after trouble of ours.
const TROUBLE_REST: Duration = Duration::from_secs(5);
/// How long the loop rests after taking lanes failed.
const TAKE_REST: Duration = Duration::from_secs(1);
/// Longest time without permit or pace before a lane is looked at anew: its endpoint may have changed.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a look at a lane came to.
enum Look {
    /// There was work: look again.
    Again,
    /// There is none now.
    Leave(Leave),
}

impl Engine {
    /// The delivery loop: until `stop`, takes lanes that have something due and works on each in a task of `tasks`.
    pub async fn deliver(self: Arc<Self>, tasks: TaskTracker, stop: CancellationToken) {
        loop {
            let taken = tokio::select! {
                () = stop.cancelled() => return,
                taken = self.store.take_lanes() => taken,
            };
            match taken {
                Ok(lanes) => {
                    for lane in lanes {
                        tasks.spawn(Arc::clone(&self).work(lane, tasks.clone(), stop.clone()));
                    }
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "taking lanes failed");
                    tokio::time::sleep(TAKE_REST).await;
                }
            }
        }
    }

    /// Works on a lane until nothing is due in it, its endpoint is not active, or `stop`.
    async fn work(self: Arc<Self>, lane: Lane, tasks: TaskTracker, stop: CancellationToken) {
        let how = loop {
            if stop.is_cancelled() {
                break Leave::Open;
            }
            match self.look(&lane, &tasks, &stop).await {
                Ok(Look::Again) => {}
                Ok(Look::Leave(how)) => break how,
                Err(error) => {
                    let endpoint = lane.endpoint.as_str();
                    tracing::error!(endpoint, error = &error as &dyn std::error::Error, "delivering rests");
                    break Leave::Rest(self.clock.now().after(TROUBLE_REST));
                }
            }
        };
        self.store.leave_lane(&lane, how);
        self.targets.forget(&lane);
        // An endpoint that was resumed before its lane was left woke nobody.
        if how == Leave::Held && self.is_active(&lane).await {
            self.store.wake_lane(&lane);
        }
    }

    async fn is_active(&self, lane: &Lane) -> bool {
        let endpoint = self.definitions.shared::<Endpoint>(&lane.space, lane.endpoint.as_str()).await;
        endpoint.is_ok_and(|endpoint| endpoint.is_none_or(|endpoint| endpoint.status.is_active()))
    }

    /// Claims what is due in a lane, as far as its endpoint's limits allow, and sends it.
    async fn look(self: &Arc<Self>, lane: &Lane, tasks: &TaskTracker, stop: &CancellationToken) -> Result<Look> {
        let endpoint = self.definitions.shared::<Endpoint>(&lane.space, lane.endpoint.as_str()).await?;
        let Some(endpoint) = endpoint else { return self.cancel_due(lane).await };
        if !endpoint.status.is_active() {
            return Ok(Look::Leave(Leave::Held));
        }
        let target = self.target(lane, endpoint).await?;
        let Some(permits) = permits(&target, stop).await else { return Ok(Look::Again) };
        if let Err(pause) = target.take_pace() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause.min(PATIENCE)) => {}
            }
            return Ok(Look::Again);
        }
        let due = self.store.claim_deliveries(lane, permits.num_permits()).await?;
        if due.is_empty() {
            target.give_back_pace();
            return Ok(Look::Leave(Leave::Open));
        }
        // What stopped the endpoint while a permit was waited for was committed before what it made due.
        let stands = self.stands(&target).await;
        if !matches!(stands, Ok(true)) {
            target.give_back_pace();
            for DueDelivery { delivery, .. } in due {
                self.store.release_delivery(lane, delivery.id, delivery.due.unwrap_or(delivery.updated_at));
            }
            return stands.map(|_| Look::Again);
        }
        self.spawn_attempts(&target, due, permits, tasks);
        Ok(Look::Again)
    }

    /// Whether the endpoint is still the one that the target was made of.
    async fn stands(&self, Target { lane, endpoint, .. }: &Target) -> Result<bool> {
        let now = self.definitions.shared::<Endpoint>(&lane.space, lane.endpoint.as_str()).await?;
        Ok(now.is_some_and(|now| now.saved().revision == endpoint.saved().revision))
    }

    fn spawn_attempts(
        self: &Arc<Self>,
        target: &Arc<Target>,
        due: Vec<DueDelivery>,
        mut permits: OwnedSemaphorePermit,
        tasks: &TaskTracker,
    ) {
        for due in due {
            let (engine, target) = (Arc::clone(self), Arc::clone(target));
            // There are as many permits as deliveries, or more.
            let Some(permit) = permits.split(1) else { return };
            tasks.spawn(async move {
                let (lane, id) = (target.lane.clone(), due.delivery.id);
                if let Err(error) = engine.attempt(&target, due, permit).await {
                    tracing::error!(delivery = %id, error = &error as &dyn std::error::Error, "a delivery rests");
                    engine.store.release_delivery(&lane, id, engine.clock.now().after(TROUBLE_REST));
                }
                drop(target);
                engine.targets.forget(&lane);
            });
        }
    }

    /// Ends what is due in the lane of an endpoint that was deleted.
    async fn cancel_due(&self, lane: &Lane) -> Result<Look> {
        let due = self.store.claim_deliveries(lane, CLAIM_MAX).await?;
        if due.is_empty() {
            return Ok(Look::Leave(Leave::Open));
        }
        for DueDelivery { delivery, .. } in due {
            self.cancel(delivery).await?;
        }
        Ok(Look::Again)
    }

    /// Ends a delivery that has nowhere to go, or nothing to bring.
    pub(super) async fn cancel(&self, delivery: Delivery) -> Result<()> {
        let step = DeliveryStep::of(Delivery {
            status: DeliveryStatus::Cancelled,
            due: None,
            updated_at: self.clock.now(),
            revision: delivery.revision + 1,
            ..delivery
        });
        match self.store.advance_delivery(step).await {
            Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Waits for at least one permit of the endpoint and takes all that are free, up to [`CLAIM_MAX`]; one, if its rate is
/// limited. `None` if it is time to look anew.
async fn permits(target: &Target, stop: &CancellationToken) -> Option<OwnedSemaphorePermit> {
    let mut permits = tokio::select! {
        () = stop.cancelled() => return None,
        permit = Arc::clone(&target.permits).acquire_owned() => permit.ok()?,
        () = tokio::time::sleep(PATIENCE) => return None,
    };
    if target.endpoint.policy.rate_per_s.is_none() {
        let more = u32::try_from(target.permits.available_permits().min(CLAIM_MAX - 1)).unwrap_or(0);
        if let Ok(further) = Arc::clone(&target.permits).try_acquire_many_owned(more) {
            permits.merge(further);
        }
    }
    Some(permits)
}
