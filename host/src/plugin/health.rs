//! How plugins are doing: counts for people, and rest for those that keep crashing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::counts::{Counters, PluginCounts, Tag};
use super::error::PluginError;

/// Uses of plugins that fail at the moment; beyond this many the longest rested ones are forgotten.
const STREAKS_MAX: usize = 10_000;

/// Whose failures count together: a plugin in a space, or one configuration of a built-in plugin in a space.
pub(super) type Use = u64;

/// The counters of each version, by space.
type Counted = HashMap<Arc<str>, HashMap<Box<str>, Arc<Counters>>>;

/// Watches all plugins.
pub(super) struct Health {
    faults_max: u32,
    rest: Duration,
    streaks: Mutex<HashMap<Use, Streak>>,
    /// How many there are, to leave the lock alone while all is well.
    failing: AtomicUsize,
    /// By name, then by space: each space counts its own.
    counted: Mutex<Counted>,
}

struct Streak {
    faults: u32,
    last: Arc<str>,
    until: Option<Instant>,
}

impl Streak {
    fn check(&self, now: Instant) -> Result<(), Resting> {
        match self.until {
            Some(until) if now < until => {
                Err(Resting { faults: self.faults, remaining: until.duration_since(now), last: Arc::clone(&self.last) })
            }
            _ => Ok(()),
        }
    }
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
        Self { faults_max, rest, streaks: Mutex::default(), failing: AtomicUsize::new(0), counted: Mutex::default() }
    }

    /// The counters of a plugin version (`name@version`) of a space; of the server's own, if that is empty.
    pub fn tag(&self, space: &str, name: &str) -> Tag {
        let mut counted = self.counted();
        let name = counted.get_key_value(name).map_or_else(|| Arc::from(name), |(name, _)| Arc::clone(name));
        let of_name = counted.entry(Arc::clone(&name)).or_default();
        if !of_name.contains_key(space) {
            let counters = of_name.values().next().map_or_else(Counters::default, |others| Counters::beside(others));
            of_name.insert(space.into(), Arc::new(counters));
        }
        Tag { counters: Arc::clone(&of_name[space]), name }
    }

    /// Drops the counters of a plugin version that was deleted.
    pub fn forget(&self, space: &str, name: &str) {
        if let Some(of_name) = self.counted().get_mut(name) {
            of_name.remove(space);
        }
    }

    /// What is counted of a plugin version of a space, if it was called since the server started.
    pub fn counts(&self, space: &str, name: &str) -> Option<PluginCounts> {
        self.counted().get(name)?.get(space).map(|counters| counters.read())
    }

    /// All plugin versions that were loaded since the server started, by name, with their counts in each space.
    pub fn snapshot(&self) -> Vec<(Arc<str>, PluginCounts)> {
        let counted = self.counted();
        let each = |(name, spaces): (&Arc<str>, &HashMap<Box<str>, Arc<Counters>>)| {
            spaces.values().map(|counters| (Arc::clone(name), counters.read())).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = counted.iter().flat_map(each).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// The faults of a use are forgiven: it is called again at once.
    pub fn forgive(&self, user: Use) {
        let mut streaks = self.streaks();
        streaks.remove(&user);
        self.failing.store(streaks.len(), Ordering::Release);
    }

    /// A use is known to be broken, from before the server started: one call at a time is let through, as after a rest.
    pub fn suspect(&self, user: Use, faults: u32, last: &str, now: Instant) {
        let mut streaks = self.streaks();
        streaks.entry(user).or_insert_with(|| Streak { faults, last: last.into(), until: Some(now) });
        self.failing.store(streaks.len(), Ordering::Release);
    }

    fn streaks(&self) -> MutexGuard<'_, HashMap<Use, Streak>> {
        self.streaks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether `user` rests at `now`: to refuse its calls before they wait for a thread.
    pub fn check(&self, user: Use, now: Instant) -> Result<(), Resting> {
        if self.failing.load(Ordering::Acquire) == 0 {
            return Ok(());
        }
        self.streaks().get(&user).map_or(Ok(()), |streak| streak.check(now))
    }

    /// Whether the last call of `user` was a crash or a timeout.
    pub fn is_failing(&self, user: Use) -> bool {
        self.failing.load(Ordering::Acquire) > 0 && self.streaks().contains_key(&user)
    }

    /// Whether `user` may be called now. After its rest one call is let through to see; the others wait on.
    pub fn admit(&self, user: Use, now: Instant) -> Result<(), Resting> {
        if self.failing.load(Ordering::Acquire) == 0 {
            return Ok(());
        }
        let mut streaks = self.streaks();
        let Some(streak) = streaks.get_mut(&user) else { return Ok(()) };
        streak.check(now)?;
        if streak.until.is_some() {
            streak.until = Some(now + self.rest);
        }
        Ok(())
    }

    /// Learns how a call of `user` went. Crashes and timeouts count; anything else shows that the plugin works. After
    /// `faults_max` faults in a row it rests; after as many as the server says, if that is none.
    pub fn learn<T>(&self, user: Use, faults_max: Option<u32>, result: &Result<T, PluginError>, now: Instant) {
        let fault = result.as_ref().err().filter(|error| error.is_fault());
        if fault.is_none() && self.failing.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut streaks = self.streaks();
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
                    if streak.faults >= faults_max.unwrap_or(self.faults_max) {
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
        Err(PluginError::TimedOut {
            plugin: "p@1.0.0".into(),
            limit: Duration::from_millis(50),
            is_waiting: false,
            logs: Vec::new(),
        })
    }

    #[test]
    fn a_plugin_rests_after_faults_in_a_row_and_one_call_probes_it_afterwards() {
        let health = Health::new(3, Duration::from_secs(60));
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(health.admit(1, start), Ok(()));
            health.learn(1, None, &crash(), start);
        }
        let resting = health.admit(1, start + Duration::from_secs(20)).expect_err("it rests");
        assert_eq!((resting.faults, resting.remaining), (3, Duration::from_secs(40)));
        assert!(resting.last.contains("p@1.0.0"));
        assert_eq!(health.admit(2, start), Ok(()), "others are not concerned");

        let later = start + Duration::from_secs(61);
        assert_eq!(health.admit(1, later), Ok(()), "one call probes it");
        health.admit(1, later).expect_err("while it is probed, the others wait");
        health.learn(1, None, &crash(), later);
        health.admit(1, later + Duration::from_secs(59)).expect_err("the probe failed: it rests again");

        let much_later = later + Duration::from_secs(61);
        assert_eq!(health.admit(1, much_later), Ok(()));
        health.learn(1, None, &Ok(()), much_later);
        assert_eq!(health.admit(1, much_later), Ok(()), "the probe worked: all is forgotten");
    }

    #[test]
    fn a_use_that_is_suspect_is_probed_by_one_call() {
        let health = Health::new(3, Duration::from_secs(60));
        let now = Instant::now();
        health.suspect(1, 20, "it crashed", now);
        assert_eq!((health.check(1, now), health.admit(1, now)), (Ok(()), Ok(())), "one call probes it");
        let resting = health.admit(1, now).expect_err("the others wait");
        assert_eq!((resting.faults, &*resting.last), (20, "it crashed"));
        health.learn(1, None, &Ok(()), now);
        assert_eq!(health.admit(1, now), Ok(()), "it works again");
    }

    #[test]
    fn a_success_or_a_declined_call_ends_a_streak() {
        let health = Health::new(2, Duration::from_secs(60));
        let now = Instant::now();
        let declined: Result<(), _> =
            Err(PluginError::Rejected { plugin: "p@1.0.0".into(), reason: "no".into(), logs: Vec::new() });
        for result in [Ok(()), declined] {
            health.learn(1, None, &crash(), now);
            health.learn(1, None, &result, now);
            health.learn(1, None, &crash(), now);
            assert!(health.is_failing(1) && !health.is_failing(2));
            assert_eq!(health.admit(1, now), Ok(()));
            health.learn(1, None, &Ok(()), now);
            assert!(!health.is_failing(1));
        }
    }
}
