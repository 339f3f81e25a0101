//! What is kept in memory of an endpoint that is being delivered to: opened keys, permits, pace, health.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::delivery;
use crate::model::{Endpoint, EndpointHealth, Redacted, Time};
use crate::signature::SigningKey;
use crate::store::{Lane, Shared};

use super::{Engine, Result};

/// An endpoint at one revision, ready to be delivered to.
pub(super) struct Target {
    pub(super) lane: Lane,
    pub(super) endpoint: Shared<Endpoint>,
    /// The keys that sign, the newest first, each with its end.
    keys: Vec<(SigningKey, Option<Time>)>,
    pub(super) envelope: Option<Redacted>,
    /// The secret values of its headers, by the name in lower case.
    pub(super) headers: BTreeMap<String, Redacted>,
    /// How many attempts may run at the same time.
    pub(super) permits: Arc<Semaphore>,
    pace: Arc<Mutex<Pace>>,
    health: Arc<Mutex<EndpointHealth>>,
}

/// An attempt that was counted.
#[derive(Clone, Copy)]
pub(super) struct Counted {
    /// How the endpoint fared before it.
    pub(super) former: EndpointHealth,
    /// Failures in a row, with it.
    pub(super) failures: u32,
}

/// All endpoints that are being delivered to.
#[derive(Default)]
pub(super) struct Targets(Mutex<HashMap<Lane, Arc<Target>>>);

/// When the next attempt may begin.
#[derive(Default)]
struct Pace {
    next: Option<Instant>,
}

impl Target {
    /// The keys that sign at `now`.
    pub(super) fn keys(&self, now: Time) -> impl Iterator<Item = &SigningKey> {
        let signs = move |until: &Option<Time>| until.is_none_or(|until| now < until);
        self.keys.iter().filter(move |(_, until)| signs(until)).map(|(key, _)| key)
    }

    /// Takes the next place in time of an endpoint with a rate limit; else how long until there is one.
    pub(super) fn take_pace(&self) -> Result<(), Duration> {
        let Some(rate) = self.endpoint.policy.rate_per_s else { return Ok(()) };
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match pace.next.filter(|next| *next > now) {
            Some(next) => Err(next - now),
            None => {
                pace.next = Some(pace.next.unwrap_or(now).max(now) + Duration::from_secs_f64(1.0 / rate));
                Ok(())
            }
        }
    }

    /// Gives back the place that was taken last: nothing was sent in it.
    pub(super) fn give_back_pace(&self) {
        let Some(rate) = self.endpoint.policy.rate_per_s else { return };
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.next = pace.next.and_then(|next| next.checked_sub(Duration::from_secs_f64(1.0 / rate)));
    }

    /// The next attempt may not begin yet.
    fn is_paced(&self) -> bool {
        let pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.next.is_some_and(|next| next > Instant::now())
    }

    /// How the endpoint fares.
    pub(super) fn health(&self) -> MutexGuard<'_, EndpointHealth> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an attempt; `None` does not count.
    pub(super) fn count(&self, is_success: Option<bool>) -> Counted {
        let mut health = self.health();
        let former = *health;
        match is_success {
            Some(true) => *health = EndpointHealth::default(),
            Some(false) => health.failures = self.counting(former).saturating_add(1),
            None => {}
        }
        Counted { former, failures: health.failures }
    }

    /// The failures in a row that count: an endpoint that was resumed after too many begins anew.
    fn counting(&self, health: EndpointHealth) -> u32 {
        let pause_after = self.endpoint.policy.pause_after;
        let was_paused = health.stopped_at.is_some() && pause_after > 0 && health.failures >= pause_after;
        if was_paused { 0 } else { health.failures }
    }

    /// Nobody was told what was counted: whether the endpoint was stopped is left for the next attempt to tell.
    pub(super) fn leave_untold(&self, counted: Counted) {
        let mut health = self.health();
        health.stopped_at = health.stopped_at.or(counted.former.stopped_at);
    }
}

impl Engine {
    /// The target of a lane; made anew when its endpoint has another revision. Permits, pace and health stay, unless
    /// the number of permits changed.
    pub(super) async fn target(&self, lane: &Lane, endpoint: Shared<Endpoint>) -> Result<Arc<Target>> {
        let former = self.targets.lock().get(lane).cloned();
        if let Some(former) = &former
            && former.endpoint.saved().revision == endpoint.saved().revision
        {
            return Ok(Arc::clone(former));
        }
        let now = self.clock.now();
        let ends = delivery::current_secrets(&endpoint.secrets.signing, now).map(|secret| secret.until);
        let keys = self.signing_keys(&lane.space, &endpoint, now)?.into_iter().zip(ends).collect();
        let envelope = self.envelope_secret(&lane.space, &endpoint)?;
        let headers = self.header_values(&lane.space, &endpoint)?;
        let concurrency = endpoint.policy.concurrency;
        let (permits, pace, health) = match former {
            Some(former) => {
                let same = former.endpoint.policy.concurrency == concurrency;
                let permits = if same { Arc::clone(&former.permits) } else { permits(concurrency) };
                (permits, Arc::clone(&former.pace), Arc::clone(&former.health))
            }
            None => {
                let health = self.store.health(lane).await?;
                (permits(concurrency), Arc::default(), Arc::new(Mutex::new(health)))
            }
        };
        let lane = lane.clone();
        let target = Arc::new(Target { lane, endpoint, keys, envelope, headers, permits, pace, health });
        self.targets.lock().insert(target.lane.clone(), Arc::clone(&target));
        Ok(target)
    }
}

impl Targets {
    /// Forgets the target of a lane that nobody works on.
    pub(super) fn forget(&self, lane: &Lane) {
        let mut targets = self.lock();
        let is_idle = |target: &Arc<Target>| Arc::strong_count(target) == 1 && !target.is_paced();
        if targets.get(lane).is_some_and(is_idle) {
            targets.remove(lane);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Lane, Arc<Target>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn permits(concurrency: u32) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(usize::try_from(concurrency).unwrap_or(1).max(1)))
}
