//! What is counted of a plugin version: calls by outcome, their times, their memory, faults in a row.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::Serialize;

use super::error::{PluginError, TrapKind};
use crate::telemetry::{PLUGIN_CALLS, PLUGIN_MEMORY, PLUGIN_SECONDS, SECONDS_BOUNDS};

/// What can become of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A result.
    Ok,
    /// The plugin said that its input or configuration is not what it takes.
    Invalid,
    /// The plugin said that it will never work.
    Rejected,
    /// The plugin said that it may work later.
    Unavailable,
    /// It panicked, aborted or left.
    Panic,
    /// It wanted more memory than it may have.
    Memory,
    /// Its calls nested too deeply.
    Stack,
    /// It crashed in another way.
    Trap,
    /// It was stopped at its time limit.
    Timeout,
    /// Its output was too large.
    OutputTooLarge,
    /// Its output was not usable.
    BadOutput,
    /// It was not called: too many calls waited.
    Busy,
    /// It was not called: it rests after faults.
    Quarantined,
    /// Our own fault, or its export was missing.
    Failed,
}

impl Outcome {
    const ALL: [Self; 14] = [
        Self::Ok,
        Self::Invalid,
        Self::Rejected,
        Self::Unavailable,
        Self::Panic,
        Self::Memory,
        Self::Stack,
        Self::Trap,
        Self::Timeout,
        Self::OutputTooLarge,
        Self::BadOutput,
        Self::Busy,
        Self::Quarantined,
        Self::Failed,
    ];

    /// The word for it in metrics and JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Invalid => "invalid",
            Self::Rejected => "rejected",
            Self::Unavailable => "unavailable",
            Self::Panic => "panic",
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::Trap => "trap",
            Self::Timeout => "timeout",
            Self::OutputTooLarge => "output-too-large",
            Self::BadOutput => "bad-output",
            Self::Busy => "busy",
            Self::Quarantined => "quarantined",
            Self::Failed => "failed",
        }
    }

    /// What `result` is.
    pub fn of<T>(result: &Result<T, PluginError>) -> Self {
        match result {
            Ok(_) => Self::Ok,
            Err(PluginError::Invalid { .. }) => Self::Invalid,
            Err(PluginError::Rejected { .. }) => Self::Rejected,
            Err(PluginError::Unavailable { .. }) => Self::Unavailable,
            Err(PluginError::Trapped { kind, .. }) => match kind {
                TrapKind::Panic => Self::Panic,
                TrapKind::Memory => Self::Memory,
                TrapKind::Stack => Self::Stack,
                TrapKind::Other => Self::Trap,
            },
            Err(PluginError::TimedOut { .. }) => Self::Timeout,
            Err(PluginError::OutputTooLarge { .. }) => Self::OutputTooLarge,
            Err(PluginError::BadOutput { .. }) => Self::BadOutput,
            Err(PluginError::Busy { .. }) => Self::Busy,
            Err(PluginError::Quarantined { .. }) => Self::Quarantined,
            Err(_) => Self::Failed,
        }
    }

    /// Whether the plugin ran and came to an end that it chose: so it is not broken.
    pub(super) const fn shows_health(self) -> bool {
        matches!(
            self,
            Self::Ok | Self::Invalid | Self::Rejected | Self::Unavailable | Self::OutputTooLarge | Self::BadOutput
        )
    }
}

/// Times up to some bound.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TimeCount {
    /// In seconds; none: longer than all others.
    pub up_to_s: Option<f64>,
    /// Calls that took as long, and longer than the bound before.
    pub calls: u64,
}

/// What happened to the calls of one plugin version since the server started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PluginCounts {
    /// Calls that ran, whatever came of them.
    pub calls: u64,
    /// Calls by what came of them: `ok`, `invalid`, `rejected`, `unavailable`, `panic`, `memory`, `stack`, `trap`,
    /// `timeout`, `output-too-large`, `bad-output`, `failed`, and those that did not run: `busy`, `quarantined`.
    /// What never happened is left out.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Crashes and timeouts in a row, up to now.
    pub faults_in_a_row: u32,
    /// Time spent in calls, in milliseconds.
    pub total_ms: f64,
    /// How long calls took; bounds that no call fell under are left out.
    pub times: Vec<TimeCount>,
    /// The most memory that a call had, in bytes.
    pub memory_peak_bytes: u64,
}

impl PluginCounts {
    /// How many calls came to this.
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(outcome.word()).copied().unwrap_or(0)
    }
}

/// A plugin version's name and what is counted of it, in one space. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tag {
    pub(super) name: Arc<str>,
    pub(super) counters: Arc<Counters>,
}

impl Tag {
    /// From now on, so many faults in a row put the version in quarantine; and whether it is there already. `true` if
    /// that is news.
    pub fn watch(&self, faults_max: u32, quarantined: bool) -> bool {
        self.counters.faults_max.store(faults_max.max(1), Ordering::Relaxed);
        !self.counters.quarantined.swap(quarantined, Ordering::Relaxed) && quarantined
    }
}

/// The counters behind [`PluginCounts`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    outcomes: [AtomicU64; Outcome::ALL.len()],
    times: [AtomicU64; SECONDS_BOUNDS.len() + 1],
    micros: AtomicU64,
    memory_peak: AtomicU64,
    /// What the gauge of it says, which is one for all spaces.
    memory_shown: Arc<AtomicU64>,
    faults: AtomicU32,
    /// Zero: never asked for.
    faults_max: AtomicU32,
    quarantined: AtomicBool,
    /// The metrics, found once: by their names and labels they are found anew each time.
    calls_metric: [OnceLock<metrics::Counter>; Outcome::ALL.len()],
    seconds_metric: OnceLock<metrics::Histogram>,
}

impl Counters {
    /// Those of the same version in another space.
    pub fn beside(others: &Self) -> Self {
        Self { memory_shown: Arc::clone(&others.memory_shown), ..Self::default() }
    }

    /// Counts a call of `plugin` that ran.
    pub fn ran<T>(&self, plugin: &Arc<str>, result: &Result<T, PluginError>, elapsed: Duration) {
        let outcome = self.count(plugin, Outcome::of(result));
        let seconds = elapsed.as_secs_f64();
        let bucket = SECONDS_BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(SECONDS_BOUNDS.len());
        self.times[bucket].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        let seconds_metric = || metrics::histogram!(PLUGIN_SECONDS, "plugin" => Arc::clone(plugin));
        self.seconds_metric.get_or_init(seconds_metric).record(seconds);
        let memory = self.memory_peak.load(Ordering::Relaxed);
        if self.memory_shown.fetch_max(memory, Ordering::Relaxed) < memory {
            #[expect(clippy::cast_precision_loss, reason = "memory of a call stays far below 2^53 bytes")]
            metrics::gauge!(PLUGIN_MEMORY, "plugin" => Arc::clone(plugin)).set(memory as f64);
        }
        let is_fault = result.as_ref().is_err_and(PluginError::is_fault);
        if is_fault {
            self.faults.fetch_add(1, Ordering::Relaxed);
        } else if outcome.shows_health() && self.faults.load(Ordering::Relaxed) > 0 {
            self.faults.store(0, Ordering::Relaxed);
        }
    }

    /// Counts a call that was refused before it ran.
    pub fn refused(&self, plugin: &Arc<str>, error: &PluginError) {
        match error {
            PluginError::Quarantined { .. } => self.count(plugin, Outcome::Quarantined),
            PluginError::Busy { .. } => self.count(plugin, Outcome::Busy),
            _ => Outcome::Failed,
        };
    }

    fn count(&self, plugin: &Arc<str>, outcome: Outcome) -> Outcome {
        self.outcomes[outcome as usize].fetch_add(1, Ordering::Relaxed);
        let metric = || metrics::counter!(PLUGIN_CALLS, "plugin" => Arc::clone(plugin), "outcome" => outcome.word());
        self.calls_metric[outcome as usize].get_or_init(metric).increment(1);
        outcome
    }

    /// Notes what memory a call had.
    pub fn memory(&self, bytes: usize) {
        // Mostly it is what it was: then no other thread's copy of it needs to be fetched anew.
        if self.memory_peak.load(Ordering::Relaxed) < bytes as u64 {
            self.memory_peak.fetch_max(bytes as u64, Ordering::Relaxed);
        }
    }

    /// Faults in a row after which it rests; `None`: as many as the server says.
    pub fn faults_max(&self) -> Option<u32> {
        Some(self.faults_max.load(Ordering::Relaxed)).filter(|max| *max > 0)
    }

    /// Crashes and timeouts in a row.
    pub fn faults(&self) -> u32 {
        self.faults.load(Ordering::Relaxed)
    }

    /// Its faults are forgiven.
    pub fn forgive(&self) {
        self.faults.store(0, Ordering::Relaxed);
    }

    /// Whether it was said to be in quarantine.
    pub fn is_quarantined(&self) -> bool {
        self.quarantined.load(Ordering::Relaxed)
    }

    /// All counts.
    pub fn read(&self) -> PluginCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let outcomes = Outcome::ALL.map(|outcome| (outcome.word(), read(&self.outcomes[outcome as usize])));
        let bounds = SECONDS_BOUNDS.iter().copied().map(Some).chain([None]);
        let times = bounds.zip(&self.times).map(|(up_to_s, calls)| TimeCount { up_to_s, calls: read(calls) });
        let times: Vec<TimeCount> = times.filter(|time| time.calls > 0).collect();
        #[expect(clippy::cast_precision_loss, reason = "microseconds of centuries stay below 2^53")]
        let total_ms = read(&self.micros) as f64 / 1e3;
        PluginCounts {
            calls: times.iter().map(|time| time.calls).sum(),
            outcomes: outcomes.into_iter().filter(|(_, calls)| *calls > 0).collect(),
            faults_in_a_row: self.faults(),
            total_ms,
            times,
            memory_peak_bytes: read(&self.memory_peak),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> Arc<str> {
        "counted@1.0.0".into()
    }

    fn crash() -> Result<(), PluginError> {
        Err(PluginError::TimedOut {
            plugin: name(),
            limit: Duration::from_millis(50),
            is_waiting: false,
            logs: Vec::new(),
        })
    }

    #[test]
    fn every_outcome_has_its_place() {
        for (index, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index, "{outcome:?}");
        }
    }

    #[test]
    fn calls_are_counted_by_what_came_of_them_and_by_how_long_they_took() {
        let counters = Counters::default();
        for (result, micros) in [(Ok(()), 15), (Ok(()), 40), (crash(), 50_000), (Ok(()), 40_000_000)] {
            counters.ran(&name(), &result, Duration::from_micros(micros));
        }
        counters.refused(&name(), &PluginError::Busy { plugin: name() });
        counters.memory(2 << 20);
        counters.memory(1 << 20);
        let counts = counters.read();
        assert_eq!(counts.outcomes, BTreeMap::from([("ok", 3), ("timeout", 1), ("busy", 1)]));
        assert_eq!((counts.calls, counts.memory_peak_bytes), (4, 2 << 20));
        assert_eq!(counts.times.first(), Some(&TimeCount { up_to_s: Some(0.000_02), calls: 1 }));
        assert_eq!(counts.times.last(), Some(&TimeCount { up_to_s: None, calls: 1 }));
        assert!((counts.total_ms - 40_050.055).abs() < 1e-6, "{}", counts.total_ms);
    }

    #[test]
    fn a_call_that_comes_to_an_end_ends_the_row_of_faults_and_one_that_never_ran_does_not() {
        let counters = Counters::default();
        let ran = |result: Result<(), PluginError>| counters.ran(&name(), &result, Duration::ZERO);
        (0..3).for_each(|_| ran(crash()));
        counters.refused(&name(), &PluginError::Busy { plugin: name() });
        ran(Err(PluginError::Busy { plugin: name() }));
        assert_eq!(counters.faults(), 3);
        ran(Err(PluginError::Rejected { plugin: name(), reason: "no".into(), logs: Vec::new() }));
        assert_eq!(counters.faults(), 0);
    }
}
