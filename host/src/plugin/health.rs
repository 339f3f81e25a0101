//! How plugins are doing: counts for people, and rest for those that keep crashing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::error::PluginError;
use crate::model::Digest;

/// Uses of plugins that fail at the moment; beyond this many the longest rested ones are forgotten.
const STREAKS_MAX: usize = 10_000;

/// What happened to the calls of one plugin version since the server started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PluginCounts {
    /// Calls that ran, whatever came of them.
    pub calls: u64,
    /// Calls that gave a result.
    pub succeeded: u64,
    /// Calls for which the plugin itself gave a reason (`failure` in the WIT).
    pub declined: u64,
    /// Crashes.
    pub trapped: u64,
    /// Calls stopped at their time limit.
    pub timed_out: u64,
    /// Outputs that were too large or not usable.
    pub bad_output: u64,
    /// Calls refused while the plugin rested.
    pub quarantined: u64,
    /// Calls refused because too many were waiting.
    pub busy: u64,
    /// Time spent in calls, in microseconds.
    pub micros: u64,
}

/// The counters behind [`PluginCounts`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    calls: AtomicU64,
    succeeded: AtomicU64,
    declined: AtomicU64,
    trapped: AtomicU64,
    timed_out: AtomicU64,
    bad_output: AtomicU64,
    quarantined: AtomicU64,
    busy: AtomicU64,
    micros: AtomicU64,
}

impl Counters {
    /// Counts a call that ran.
    pub fn ran<T>(&self, result: &Result<T, PluginError>, elapsed: Duration) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        let counter = match result {
            Ok(_) => &self.succeeded,
            Err(PluginError::Trapped { .. }) => &self.trapped,
            Err(PluginError::TimedOut { .. }) => &self.timed_out,
            Err(PluginError::OutputTooLarge { .. } | PluginError::BadOutput { .. }) => &self.bad_output,
            Err(_) => &self.declined,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a call that was refused before it ran.
    pub fn refused(&self, error: &PluginError) {
        match error {
            PluginError::Quarantined { .. } => self.quarantined.fetch_add(1, Ordering::Relaxed),
            PluginError::Busy { .. } => self.busy.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
    }

    fn read(&self) -> PluginCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PluginCounts {
            calls: read(&self.calls),
            succeeded: read(&self.succeeded),
            declined: read(&self.declined),
            trapped: read(&self.trapped),
            timed_out: read(&self.timed_out),
            bad_output: read(&self.bad_output),
            quarantined: read(&self.quarantined),
            busy: read(&self.busy),
            micros: read(&self.micros),
        }
    }
}

/// Whose failures count together: a plugin in a space, or one configuration of a built-in plugin in a space.
pub(super) type Use = u64;

/// Watches all plugins.
pub(super) struct Health {
    faults_max: u32,
    rest: Duration,
    streaks: Mutex<HashMap<Use, Streak>>,
    /// How many there are, to leave the lock alone while all is well.
    failing: AtomicUsize,
    counters: Mutex<HashMap<Digest, (Arc<str>, Arc<Counters>)>>,
}

struct Streak {
    faults: u32,
    last: Arc<str>,
    until: Option<Instant>,
}

/// A use that rests.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resting {
    pub faults: u32,
    pub remaining: Duration,
    pub last: Arc<str>,
}

impl Health {
    pub fn new(faults_max: u32, rest: Duration) -> Self {
        Self { faults_max, rest, streaks: Mutex::default(), failing: AtomicUsize::new(0), counters: Mutex::default() }
    }

    /// The counters of a plugin version.
    pub fn counters(&self, digest: Digest, name: &Arc<str>) -> Arc<Counters> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, counters) = counters.entry(digest).or_insert_with(|| (Arc::clone(name), Arc::default()));
        Arc::clone(counters)
    }

    /// Drops the counters of a plugin version that was deleted.
    pub fn forget(&self, digest: Digest) {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest);
    }

    /// All plugin versions that were loaded since the server started, by name, with their counts.
    pub fn snapshot(&self) -> Vec<(Arc<str>, PluginCounts)> {
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = counters.values().map(|(name, counters)| (Arc::clone(name), counters.read())).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// Whether `user` may be called at `now`. After its rest one call is let through to see; the others wait on.
    pub fn admit(&self, user: Use, now: Instant) -> Result<(), Resting> {
        if self.failing.load(Ordering::Acquire) == 0 {
            return Ok(());
        }
        let mut streaks = self.streaks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(streak) = streaks.get_mut(&user) else { return Ok(()) };
        let Some(until) = streak.until else { return Ok(()) };
        if now < until {
            let remaining = until.duration_since(now);
            return Err(Resting { faults: streak.faults, remaining, last: Arc::clone(&streak.last) });
        }
        streak.until = Some(now + self.rest);
        Ok(())
    }

    /// Learns how a call of `user` went. Crashes and timeouts count; anything else shows that the plugin works.
    pub fn learn<T>(&self, user: Use, result: &Result<T, PluginError>, now: Instant) {
        let fault = match result {
            Err(error @ (PluginError::Trapped { .. } | PluginError::TimedOut { .. })) => Some(error),
            _ => None,
        };
        if fault.is_none() && self.failing.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut streaks = self.streaks.lock().unwrap_or_else(PoisonError::into_inner);
        match fault {
            None => {
                streaks.remove(&user);
            }
            Some(error) => {
                if streaks.len() >= STREAKS_MAX {
                    streaks.retain(|_, streak| streak.until.is_some_and(|until| now < until));
                }
                if streaks.len() < STREAKS_MAX || streaks.contains_key(&user) {
                    let last: Arc<str> = error.to_string().into();
                    let streak = streaks.entry(user).or_insert_with(|| Streak {
                        faults: 0,
                        last: Arc::clone(&last),
                        until: None,
                    });
                    streak.faults = streak.faults.saturating_add(1);
                    streak.last = last;
                    if streak.faults >= self.faults_max {
                        streak.until = Some(now + self.rest);
                    }
                }
            }
        }
        self.failing.store(streaks.len(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crash() -> Result<(), PluginError> {
        Err(PluginError::TimedOut { plugin: "p@1.0.0".into(), limit: Duration::from_millis(50), logs: Vec::new() })
    }

    #[test]
    fn a_plugin_rests_after_faults_in_a_row_and_one_call_probes_it_afterwards() {
        let health = Health::new(3, Duration::from_secs(60));
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(health.admit(1, start), Ok(()));
            health.learn(1, &crash(), start);
        }
        let resting = health.admit(1, start + Duration::from_secs(20)).expect_err("it rests");
        assert_eq!((resting.faults, resting.remaining), (3, Duration::from_secs(40)));
        assert!(resting.last.contains("p@1.0.0"));
        assert_eq!(health.admit(2, start), Ok(()), "others are not concerned");

        let later = start + Duration::from_secs(61);
        assert_eq!(health.admit(1, later), Ok(()), "one call probes it");
        health.admit(1, later).expect_err("while it is probed, the others wait");
        health.learn(1, &crash(), later);
        health.admit(1, later + Duration::from_secs(59)).expect_err("the probe failed: it rests again");

        let much_later = later + Duration::from_secs(61);
        assert_eq!(health.admit(1, much_later), Ok(()));
        health.learn(1, &Ok(()), much_later);
        assert_eq!(health.admit(1, much_later), Ok(()), "the probe worked: all is forgotten");
    }

    #[test]
    fn a_success_or_a_declined_call_ends_a_streak() {
        let health = Health::new(2, Duration::from_secs(60));
        let now = Instant::now();
        let declined: Result<(), _> =
            Err(PluginError::Rejected { plugin: "p@1.0.0".into(), reason: "no".into(), logs: Vec::new() });
        for result in [Ok(()), declined] {
            health.learn(1, &crash(), now);
            health.learn(1, &result, now);
            health.learn(1, &crash(), now);
            assert_eq!(health.admit(1, now), Ok(()));
            health.learn(1, &Ok(()), now);
        }
    }
}
