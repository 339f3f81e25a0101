//! Which runs are due, and who has claimed them: in memory, rebuilt from the live runs at start.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::Clock;
use crate::model::{Run, Slug, Time, UniqueId};

/// Runs kept in memory until they are claimed, counted in bytes of their JSON: a claim of one of these reads and
/// parses nothing. With a larger backlog the rest is read when claimed.
const HANDOVER_BYTES_MAX: usize = 4 << 20;
/// Larger runs are not kept.
const HANDOVER_RUN_BYTES_MAX: usize = 64 << 10;
/// Only what is due this soon is kept.
const HANDOVER_WITHIN: Duration = Duration::from_secs(2);
/// Longest sleep before the clock is read again: a clock that was set forward is noticed this late.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// What a durable commit means for the index.
pub(super) enum DueChange {
    /// The run has something to do at `at`, and nobody holds it. `size` is that of its JSON.
    Queue { run: Box<Run>, at: Time, size: usize },
    /// Whoever committed goes on with it.
    Hold { space: Slug, id: UniqueId },
    /// The run is final.
    End { id: UniqueId },
}

/// A claimed run: its body if it was at hand.
pub(super) struct Claimed {
    pub space: Arc<Slug>,
    pub id: UniqueId,
    pub body: Option<Box<Run>>,
}

/// The index.
pub(super) struct DueIndex {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    changed: Notify,
    closed: AtomicBool,
}

#[derive(Default)]
struct State {
    live: HashMap<UniqueId, Slot>,
    /// Unclaimed and known to be due.
    ready: BTreeSet<(Time, UniqueId)>,
    /// Unclaimed and due later, as far as was looked.
    later: BTreeSet<(Time, UniqueId)>,
    bodies: HashMap<UniqueId, (Box<Run>, usize)>,
    bodies_size: usize,
    spaces: HashSet<Arc<Slug>>,
}

struct Slot {
    space: Arc<Slug>,
    /// `None` while claimed.
    due: Option<Time>,
}

impl DueIndex {
    /// An empty index.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default(), changed: Notify::new(), closed: AtomicBool::new(false) }
    }

    /// Adds a live run found at start.
    pub(super) fn restore(&self, space: Slug, id: UniqueId, due: Time) {
        self.lock().queue(space, id, due);
    }

    /// Takes in what a durable group did.
    pub(super) fn apply(&self, changes: Vec<DueChange>) {
        if changes.is_empty() {
            return;
        }
        let now = self.clock.now();
        let mut state = self.lock();
        for change in changes {
            state.apply(change, now);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Gives a claimed run back.
    pub(super) fn release(&self, id: UniqueId, due: Time) {
        let mut state = self.lock();
        if state.live.get(&id).is_some_and(|slot| slot.due.is_none()) {
            state.set_due(id, Some(due));
            drop(state);
            self.changed.notify_one();
        }
    }

    /// Ends all waiting for due runs.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.changed.notify_waiters();
    }

    /// Waits for due runs and claims up to `max`, oldest first; `None` once it is closed.
    /// Cancel-safe: nothing is claimed before it returns.
    pub(super) async fn claim(&self, max: usize) -> Option<Vec<Claimed>> {
        loop {
            let changed = self.changed.notified();
            if self.closed.load(Ordering::Acquire) {
                return None;
            }
            let sleep = {
                let mut state = self.lock();
                let now = self.clock.now();
                let claimed = state.claim(now, max);
                if !claimed.is_empty() {
                    if state.is_due_before(now.after(SLEEP_MAX)) {
                        self.changed.notify_one();
                    }
                    return Some(claimed);
                }
                let next = state.later.first().map(|(due, _)| due.since(now));
                next.map_or(SLEEP_MAX, |next| next.clamp(Duration::from_millis(1), SLEEP_MAX))
            };
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    /// Live runs, and those of them that are due and unclaimed.
    pub(super) fn counts(&self) -> (usize, usize) {
        let mut state = self.lock();
        state.ripen(self.clock.now());
        (state.live.len(), state.ready.len())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every update of the state is complete before anything can panic, so a poisoned lock is still sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn apply(&mut self, change: DueChange, now: Time) {
        match change {
            DueChange::Queue { run, at, size } => {
                let (space, id) = (run.space.clone(), run.id);
                self.queue(space, id, at);
                if at <= now.after(HANDOVER_WITHIN) && size <= HANDOVER_RUN_BYTES_MAX {
                    self.keep(id, run, size);
                }
            }
            DueChange::Hold { space, id } => {
                self.queue(space, id, Time::default());
                self.set_due(id, None);
            }
            DueChange::End { id } => {
                self.set_due(id, None);
                self.live.remove(&id);
            }
        }
    }

    fn queue(&mut self, space: Slug, id: UniqueId, due: Time) {
        if !self.live.contains_key(&id) {
            let space = self.intern(space);
            self.live.insert(id, Slot { space, due: None });
        }
        self.set_due(id, Some(due));
    }

    /// Changes when a live run is due (`None`: claimed) and drops its body, which is no longer current.
    fn set_due(&mut self, id: UniqueId, due: Option<Time>) {
        if let Some((_, size)) = self.bodies.remove(&id) {
            self.bodies_size -= size;
        }
        let Some(slot) = self.live.get_mut(&id) else { return };
        if let Some(old) = std::mem::replace(&mut slot.due, due)
            && !self.later.remove(&(old, id))
        {
            self.ready.remove(&(old, id));
        }
        if let Some(due) = due {
            self.later.insert((due, id));
        }
    }

    fn keep(&mut self, id: UniqueId, run: Box<Run>, size: usize) {
        if self.bodies_size + size <= HANDOVER_BYTES_MAX {
            self.bodies.insert(id, (run, size));
            self.bodies_size += size;
        }
    }

    fn intern(&mut self, space: Slug) -> Arc<Slug> {
        if let Some(known) = self.spaces.get(&space) {
            return Arc::clone(known);
        }
        let space = Arc::new(space);
        self.spaces.insert(Arc::clone(&space));
        space
    }

    /// Whether another waiting claimer must look.
    fn is_due_before(&self, time: Time) -> bool {
        !self.ready.is_empty() || self.later.first().is_some_and(|(due, _)| *due < time)
    }

    /// Moves what has become due.
    fn ripen(&mut self, now: Time) {
        while let Some(first) = self.later.first().copied().filter(|(due, _)| *due <= now) {
            self.later.remove(&first);
            self.ready.insert(first);
        }
    }

    fn claim(&mut self, now: Time, max: usize) -> Vec<Claimed> {
        self.ripen(now);
        let mut claimed = Vec::with_capacity(max.min(self.ready.len()));
        while claimed.len() < max
            && let Some((_, id)) = self.ready.pop_first()
        {
            let body = self.bodies.remove(&id).map(|(run, size)| {
                self.bodies_size -= size;
                run
            });
            if let Some(slot) = self.live.get_mut(&id) {
                slot.due = None;
                claimed.push(Claimed { space: Arc::clone(&slot.space), id, body });
            }
        }
        claimed
    }
}
