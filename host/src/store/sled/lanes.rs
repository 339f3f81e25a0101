//! Which deliveries are due, by endpoint, and who has claimed them: in memory, a window of each lane's queue on disk.
//!
//! A lane that is held keeps nothing here, and of a long queue only the next entries are: however long the queue of an
//! endpoint that does not answer, this index stays small, and a start reads one key per endpoint.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Result, corrupt, keys};
use crate::clock::Clock;
use crate::model::{Delivery, Event, Time, UniqueId};
use crate::store::{Lane, Leave};

/// Entries of one lane's queue in memory, at most.
const WINDOW_MAX: usize = 2_048;
/// Entries read from disk when the window is empty.
const WINDOW_LOAD: usize = 1_024;
/// Deliveries and events kept in memory until they are claimed, in bytes of their JSON: a claim of one of these reads
/// and parses nothing.
const HANDOVER_BYTES_MAX: usize = 8 << 20;
/// Larger ones are not kept.
const HANDOVER_ITEM_BYTES_MAX: usize = 64 << 10;
/// Only what is due this soon is kept.
const HANDOVER_WITHIN: Duration = Duration::from_secs(2);
/// Lanes handed out at a time.
const LANES_MAX: usize = 64;
/// Longest sleep before the clock is read again: a clock that was set forward is noticed this late.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// What a durable commit means for the index.
pub(super) enum LaneChange {
    /// The delivery has something to do at its `due`, and nobody has claimed it. `size` is that of it and its event.
    Queue { lane: Lane, delivery: Box<Delivery>, due: Time, event: Option<Arc<Event>>, size: usize },
    /// It is no longer queued at `due`.
    End { lane: Lane, id: UniqueId, due: Time },
}

/// A claimed delivery, and its event, if they were at hand.
pub(super) struct Claimed {
    pub id: UniqueId,
    pub body: Option<(Box<Delivery>, Arc<Event>)>,
}

/// The index.
pub(super) struct Lanes {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    changed: Notify,
    closed: AtomicBool,
}

#[derive(Default)]
struct State {
    lanes: HashMap<Lane, Slot>,
    /// Open lanes by the time when they have something to do.
    ready: BTreeSet<(Time, Lane)>,
    bodies: HashMap<UniqueId, (Box<Delivery>, Arc<Event>, usize)>,
    bodies_size: usize,
}

/// One lane.
#[derive(Default)]
struct Slot {
    holder: Holder,
    /// The next of its queue, but for what is claimed.
    window: BTreeSet<(Time, UniqueId)>,
    /// The queue on disk goes on behind the window, or was not looked at.
    beyond: bool,
    claimed: HashSet<UniqueId>,
    /// Nothing is done before then.
    not_before: Time,
    /// Where it stands in `ready`.
    listed: Option<Time>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Holder {
    #[default]
    Open,
    Taken,
    Held,
}

impl Slot {
    /// When it has something to do.
    fn next(&self) -> Option<Time> {
        let first = self.window.first().map(|(due, _)| *due);
        let next = if self.window.is_empty() && self.beyond { Some(Time::default()) } else { first };
        next.filter(|_| self.holder == Holder::Open).map(|due| due.max(self.not_before))
    }

    fn is_idle(&self) -> bool {
        self.holder == Holder::Open && !self.beyond && self.window.is_empty() && self.claimed.is_empty()
    }
}

impl Lanes {
    /// The lanes that have queues on disk.
    pub(super) fn restore(tree: &sled::Tree, clock: Arc<dyn Clock>) -> Result<Self> {
        let mut state = State::default();
        let mut from = keys::all_queued();
        let end = keys::after(&from);
        while let Some(key) = tree.range(from..end.clone()).keys().next().transpose()? {
            let (lane, _, _) = keys::parse_queued(&key).ok_or_else(|| corrupt("a queued delivery without an id"))?;
            from = keys::after(&keys::queue(&lane));
            state.lanes.insert(lane.clone(), Slot { beyond: true, ..Slot::default() });
            state.list(&lane);
        }
        Ok(Self { clock, state: Mutex::new(state), changed: Notify::new(), closed: AtomicBool::new(false) })
    }

    /// Takes in what a durable group did.
    pub(super) fn apply(&self, changes: Vec<LaneChange>) {
        if changes.is_empty() {
            return;
        }
        let soon = self.clock.now().after(HANDOVER_WITHIN);
        let mut state = self.lock();
        for change in changes {
            match change {
                LaneChange::Queue { lane, delivery, due, event, size } => {
                    let id = delivery.id;
                    if state.queue(lane, due, id)
                        && due <= soon
                        && let Some(event) = event
                    {
                        state.keep(id, delivery, event, size);
                    }
                }
                LaneChange::End { lane, id, due } => state.end(&lane, due, id),
            }
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Waits for lanes that nobody holds and that have something to do, and takes them; `None` once it is closed.
    pub(super) async fn take(&self) -> Option<Vec<Lane>> {
        loop {
            let changed = self.changed.notified();
            if self.closed.load(Ordering::Acquire) {
                return None;
            }
            let sleep = {
                let now = self.clock.now();
                let mut state = self.lock();
                let taken = state.take(now);
                if !taken.is_empty() {
                    return Some(taken);
                }
                let next = state.ready.first().map(|(due, _)| due.since(now));
                next.map_or(SLEEP_MAX, |next| next.clamp(Duration::from_millis(1), SLEEP_MAX))
            };
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    /// Claims what is due in a lane, up to `max`.
    pub(super) fn claim(&self, tree: &sled::Tree, lane: &Lane, max: usize) -> Result<Vec<Claimed>> {
        let now = self.clock.now();
        let mut state = self.lock();
        let State { lanes, bodies, bodies_size, .. } = &mut *state;
        let slot = lanes.entry(lane.clone()).or_default();
        if slot.window.is_empty() && slot.beyond {
            load(tree, lane, slot)?;
        }
        let mut claimed = Vec::new();
        while claimed.len() < max
            && let Some(&(due, id)) = slot.window.first().filter(|(due, _)| *due <= now)
        {
            slot.window.remove(&(due, id));
            slot.claimed.insert(id);
            let body = bodies.remove(&id).map(|(delivery, event, size)| {
                *bodies_size -= size;
                (delivery, event)
            });
            claimed.push(Claimed { id, body });
        }
        Ok(claimed)
    }

    /// Lets go of a lane.
    pub(super) fn leave(&self, lane: &Lane, how: Leave) {
        let mut state = self.lock();
        let State { lanes, bodies, bodies_size, .. } = &mut *state;
        let Some(slot) = lanes.get_mut(lane) else { return };
        slot.holder = if how == Leave::Held { Holder::Held } else { Holder::Open };
        slot.not_before = if let Leave::Rest(until) = how { until } else { Time::default() };
        if how == Leave::Held {
            for (_, id) in std::mem::take(&mut slot.window) {
                *bodies_size -= bodies.remove(&id).map_or(0, |(_, _, size)| size);
            }
            slot.beyond = true;
        }
        state.list(lane);
        drop(state);
        self.changed.notify_one();
    }

    /// A lane that is held, or rests, is open again.
    pub(super) fn wake(&self, lane: &Lane) {
        let mut state = self.lock();
        let Some(slot) = state.lanes.get_mut(lane).filter(|slot| slot.holder != Holder::Taken) else { return };
        (slot.holder, slot.not_before) = (Holder::Open, Time::default());
        state.list(lane);
        drop(state);
        self.changed.notify_one();
    }

    /// Gives a claimed delivery back.
    pub(super) fn release(&self, lane: &Lane, id: UniqueId, due: Time) {
        let mut state = self.lock();
        if state.lanes.get_mut(lane).is_some_and(|slot| slot.claimed.remove(&id)) {
            state.queue(lane.clone(), due, id);
            drop(state);
            self.changed.notify_one();
        }
    }

    /// Forgets a claimed delivery that has ended, or is not there.
    pub(super) fn drop_claim(&self, lane: &Lane, id: UniqueId) {
        let mut state = self.lock();
        if state.lanes.get_mut(lane).is_some_and(|slot| slot.claimed.remove(&id)) {
            state.list(lane);
        }
    }

    /// Ends all waiting.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.changed.notify_waiters();
        self.changed.notify_one();
    }

    /// Lanes that have something to do, and those that are held.
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.lock();
        let held = state.lanes.values().filter(|slot| slot.holder == Holder::Held).count();
        (state.ready.len(), held)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every update of the state is complete before anything can panic, so a poisoned lock is still sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fills an empty window from the disk. Held back meanwhile: whoever changes the queue, so nothing is missed.
fn load(tree: &sled::Tree, lane: &Lane, slot: &mut Slot) -> Result<()> {
    slot.beyond = false;
    for key in tree.scan_prefix(keys::queue(lane)).keys() {
        let (_, due, id) = keys::parse_queued(&key?).ok_or_else(|| corrupt("a queued delivery without an id"))?;
        if slot.claimed.contains(&id) {
            continue;
        }
        if slot.window.len() == WINDOW_LOAD {
            slot.beyond = true;
            break;
        }
        slot.window.insert((due, id));
    }
    Ok(())
}

impl State {
    /// Puts a delivery into its lane's window; `false` if it stays on disk only.
    fn queue(&mut self, lane: Lane, due: Time, id: UniqueId) -> bool {
        self.drop_body(id);
        let slot = self.lanes.entry(lane.clone()).or_default();
        slot.claimed.remove(&id);
        let is_kept =
            slot.holder != Holder::Held && (!slot.beyond || slot.window.last().is_some_and(|last| (due, id) < *last));
        if is_kept {
            slot.window.insert((due, id));
        } else {
            slot.beyond = true;
        }
        let farthest = if slot.window.len() > WINDOW_MAX { slot.window.pop_last() } else { None };
        if let Some((_, farthest)) = farthest {
            slot.beyond = true;
            self.drop_body(farthest);
        }
        self.list(&lane);
        is_kept && farthest.is_none_or(|(_, farthest)| farthest != id)
    }

    fn end(&mut self, lane: &Lane, due: Time, id: UniqueId) {
        self.drop_body(id);
        if let Some(slot) = self.lanes.get_mut(lane) {
            slot.claimed.remove(&id);
            slot.window.remove(&(due, id));
            self.list(lane);
        }
    }

    /// Corrects where a lane stands in `ready`; forgets one that has nothing.
    fn list(&mut self, lane: &Lane) {
        let Some(slot) = self.lanes.get_mut(lane) else { return };
        let next = slot.next();
        if next != slot.listed {
            if let Some(former) = std::mem::replace(&mut slot.listed, next) {
                self.ready.remove(&(former, lane.clone()));
            }
            if let Some(next) = next {
                self.ready.insert((next, lane.clone()));
            }
        }
        if slot.is_idle() {
            self.lanes.remove(lane);
        }
    }

    fn take(&mut self, now: Time) -> Vec<Lane> {
        let mut taken = Vec::new();
        while taken.len() < LANES_MAX
            && let Some((_, lane)) = self.ready.first().filter(|(due, _)| *due <= now).cloned()
        {
            if let Some(slot) = self.lanes.get_mut(&lane) {
                slot.holder = Holder::Taken;
            }
            self.list(&lane);
            taken.push(lane);
        }
        taken
    }

    fn keep(&mut self, id: UniqueId, delivery: Box<Delivery>, event: Arc<Event>, size: usize) {
        if size <= HANDOVER_ITEM_BYTES_MAX && self.bodies_size + size <= HANDOVER_BYTES_MAX {
            self.bodies.insert(id, (delivery, event, size));
            self.bodies_size += size;
        }
    }

    fn drop_body(&mut self, id: UniqueId) {
        if let Some((_, _, size)) = self.bodies.remove(&id) {
            self.bodies_size -= size;
        }
    }
}
