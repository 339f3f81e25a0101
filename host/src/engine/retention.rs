//! Retention: what is older than its time goes, and the oldest where all of it takes too much room; a bounded piece of
//! work at a time, so that nobody notices.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::model::{Slug, Space, Time};
use crate::store::{ByKind, Prunable, Pruned};
use crate::telemetry::PRUNED;

use super::{Engine, Result};

/// How often it is looked for something to remove.
const TICK: Duration = Duration::from_secs(1);
/// Objects removed in one commit: few, as other commits wait for it.
const COMMIT_ITEMS: usize = 100;
/// Objects removed per tick and kind: four times as many as come at a thousand a second.
const TICK_ITEMS: usize = 4_000;

/// How long and how much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// How long.
    pub age: ByKind<Duration>,
    /// How much, in bytes as they were written; none for no limit.
    pub bytes_max: ByKind<Option<u64>>,
}

impl Default for Retention {
    fn default() -> Self {
        let (week, month) = (Duration::from_hours(7 * 24), Duration::from_hours(30 * 24));
        let age = ByKind { events: month, deliveries: month, runs: month, captures: week };
        Self { age, bytes_max: ByKind::default() }
    }
}

impl Engine {
    /// The clean-up loop, until `stop`. At its start it removes components that no plugin version is.
    pub async fn clean_up(self: Arc<Self>, stop: CancellationToken) {
        if let Err(error) = self.sweep_components().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "components that are not used were not removed");
        }
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.clean_once(&stop).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a clean-up failed; it will be tried again");
            }
        }
    }

    async fn clean_once(&self, stop: &CancellationToken) -> Result<()> {
        for space in self.definitions.all::<Space>(&self.home).await?.iter() {
            for kind in Prunable::ALL {
                let before = before(self.clock.now(), self.options.retention.age[kind]);
                self.prune(&space.id, kind, before, stop).await?;
            }
        }
        for kind in Prunable::ALL {
            if let Some(limit) = self.options.retention.bytes_max[kind] {
                self.shrink(kind, limit, stop).await?;
            }
        }
        Ok(())
    }

    /// Removes the oldest of a kind, of each space, while there is too much of it.
    async fn shrink(&self, kind: Prunable, limit: u64, stop: &CancellationToken) -> Result<()> {
        let mut left = TICK_ITEMS;
        while self.store.load().await?.aging_bytes[kind] > limit && left > 0 && !stop.is_cancelled() {
            let mut removed = 0;
            for space in self.definitions.all::<Space>(&self.home).await?.iter() {
                removed += self.prune_once(&space.id, kind, self.clock.now()).await?.items;
            }
            if removed == 0 {
                break;
            }
            left = left.saturating_sub(COMMIT_ITEMS);
        }
        Ok(())
    }

    async fn prune(&self, space: &Slug, kind: Prunable, before: Time, stop: &CancellationToken) -> Result<()> {
        for _ in 0..TICK_ITEMS / COMMIT_ITEMS {
            if stop.is_cancelled() || !self.prune_once(space, kind, before).await?.more {
                break;
            }
        }
        Ok(())
    }

    async fn prune_once(&self, space: &Slug, kind: Prunable, before: Time) -> Result<Pruned> {
        let pruned = self.store.prune(space, kind, before, COMMIT_ITEMS).await?;
        metrics::counter!(PRUNED, "kind" => kind.word()).increment(pruned.items);
        Ok(pruned)
    }
}

fn before(now: Time, kept: Duration) -> Time {
    let kept = u64::try_from(kept.as_millis()).unwrap_or(u64::MAX);
    Time::from_millis(now.as_millis().saturating_sub(kept))
}
