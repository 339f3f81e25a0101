//! The one writer thread. It takes the commits that wait, evaluates them one after the other, applies all that
//! succeed as one atomic batch, syncs once, tells the due index, and answers. After an error of the disk or of the
//! engine it never acknowledges again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use sled::IVec;
use tokio::sync::{mpsc, oneshot};

use super::commit::{Change, Group, Transaction};
use super::due::DueIndex;
use super::keys::{self, Key};
use super::lanes::Lanes;
use super::open::Engine;
use super::tap::Tap;
use super::{Result, StoreError};
use crate::clock::Clock;
use crate::model::Time;
use crate::store::{ByKind, Prunable};

/// Commits that wait for the writer before callers have to wait for room.
const QUEUE_COMMITS_MAX: usize = 1024;
/// A group ends before either bound, but one commit may be larger. What sled writes for a group (about five times its bytes for large values) has
/// to stay well below a segment: sled reuses old segments on the assumption that full ones are on stable storage.
const GROUP_COMMITS_MAX: usize = 256;
const GROUP_BYTES_MAX: usize = 1 << 20;
/// After a group of this many, the next waits for more: the fewer groups, the less each commit costs. Callers that
/// are few never wait.
const GATHER_FROM: usize = 8;
const GATHER: Duration = Duration::from_micros(250);
/// Larger commits are refused, for the same reason.
pub(super) const COMMIT_BYTES_MAX: usize = 3 << 20;
/// Names of calls are forgotten up to this much later than asked, in whole steps of it: one list per group.
const EXPIRY_STEP_MILLIS: u64 = 60_000;

/// The callers' end.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    definitions_epoch: Arc<AtomicU64>,
    has_failed: Arc<AtomicBool>,
    /// The size of what ages.
    aging_bytes: Arc<Mutex<ByKind<u64>>>,
}

enum Message {
    Commit(Box<dyn Pending>),
    /// Writes of later groups go there too.
    Tap(Tap, oneshot::Sender<()>),
    /// Ends all taps; answers whether everything so far is durable.
    Untap(oneshot::Sender<Result<()>>),
    Close(oneshot::Sender<Result<()>>),
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(
        engine: Engine,
        (due, lanes): (Arc<DueIndex>, Arc<Lanes>),
        clock: Arc<dyn Clock>,
        synced: SyncHook,
    ) -> Result<(Self, JoinHandle<()>)> {
        let (queue, messages) = mpsc::channel(QUEUE_COMMITS_MAX);
        let (definitions_epoch, has_failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let aging_bytes = Arc::new(Mutex::new(stored_aging_bytes(&engine.db)?));
        let state = Thread {
            engine,
            due,
            lanes,
            clock,
            synced,
            messages,
            definitions_epoch: Arc::clone(&definitions_epoch),
            has_failed: Arc::clone(&has_failed),
            aging_bytes: Arc::clone(&aging_bytes),
            taps: Vec::new(),
            failed: None,
            groups: 0,
            last_group: 0,
        };
        let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || state.run())?;
        Ok((Self { queue, definitions_epoch, has_failed, aging_bytes }, thread))
    }

    /// Commits `change`; returns once it is durable or has failed. A caller that stops waiting does not stop it.
    pub(super) async fn commit<C: Change>(&self, change: C) -> Result<C::Output> {
        self.begin(change).await?.await.map_err(|_| stopped())?
    }

    /// Has a change made in a next group, and does not wait for it: nobody learns whether it was.
    pub(super) async fn post<C: Change>(&self, change: C) -> Result<()> {
        self.begin(change).await.map(drop)
    }

    async fn begin<C: Change>(&self, change: C) -> Result<oneshot::Receiver<Result<C::Output>>> {
        let size = change.size();
        if size > COMMIT_BYTES_MAX {
            return Err(StoreError::TooLarge { size, limit: COMMIT_BYTES_MAX });
        }
        let (reply, answer) = oneshot::channel();
        let job = Job { change: Some(change), output: None, reply };
        self.send(Message::Commit(Box::new(job))).await?;
        Ok(answer)
    }

    /// How many groups with definitions were applied.
    pub(super) fn definitions_epoch(&self) -> u64 {
        self.definitions_epoch.load(Ordering::Acquire)
    }

    /// Whether nothing is acknowledged any more.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// How many bytes of what ages there are.
    pub(super) fn aging_bytes(&self) -> ByKind<u64> {
        *self.aging_bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies the writes of all later groups.
    pub(super) async fn tap(&self, tap: Tap) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Tap(tap, reply)).await?;
        answer.await.map_err(|_| stopped())
    }

    /// Ends the taps, after the groups before this call.
    pub(super) async fn untap(&self) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Untap(reply)).await?;
        answer.await.map_err(|_| stopped())?
    }

    /// Finishes what waits, and stops; later commits fail.
    pub(super) async fn close(&self) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Close(reply)).await?;
        answer.await.map_err(|_| stopped())?
    }

    async fn send(&self, message: Message) -> Result<()> {
        self.queue.send(message).await.map_err(|_| stopped())
    }
}

/// The store is closed.
pub(super) fn stopped() -> StoreError {
    StoreError::Unavailable("the store is closed".into())
}

/// Called around each sync: lets a test see what is durable. `Err` stands for a failed disk.
#[derive(Clone, Default)]
pub(super) struct SyncHook {
    /// Before the sync, after the writes.
    #[cfg(test)]
    pub before: Option<Arc<dyn Fn() -> std::io::Result<()> + Send + Sync>>,
    /// After the sync, before anything is acknowledged.
    #[cfg(test)]
    pub after: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl SyncHook {
    fn sync(&self, engine: &Engine) -> Result<()> {
        #[cfg(test)]
        if let Some(before) = &self.before {
            engine.db.flush()?;
            before()?;
        }
        engine.sync()?;
        #[cfg(test)]
        if let Some(after) = &self.after {
            after();
        }
        Ok(())
    }
}

/// A commit with its caller's type erased.
trait Pending: Send {
    /// Evaluates it; its answer is kept until the group is durable.
    fn apply(&mut self, group: &mut Group<'_>);
    /// About how many bytes it writes.
    fn size(&self) -> usize;
    /// Answers: with what it evaluated to, or with why the group is not durable.
    fn finish(self: Box<Self>, failure: Option<&Failure>);
}

struct Job<C: Change> {
    change: Option<C>,
    output: Option<Result<C::Output>>,
    reply: oneshot::Sender<Result<C::Output>>,
}

impl<C: Change> Pending for Job<C> {
    fn apply(&mut self, group: &mut Group<'_>) {
        if let Some(change) = self.change.take() {
            self.output = Some(group.run(|transaction: &mut Transaction<'_>| change.apply(transaction)));
        }
    }

    fn size(&self) -> usize {
        self.change.as_ref().map_or(0, Change::size)
    }

    fn finish(self: Box<Self>, failure: Option<&Failure>) {
        let answer = match (failure, self.output) {
            (None, Some(output)) => output,
            (Some(failure), _) => Err(failure.error()),
            (None, None) => Err(stopped()),
        };
        // A caller that has gone needs no answer.
        self.reply.send(answer).ok();
    }
}

/// Why nothing is acknowledged any more.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the store stopped after an error: {1}")]
struct Failure(#[source] Arc<StoreError>, String);

impl Failure {
    fn new(error: StoreError) -> Self {
        let text = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source())
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(": ");
        Self(Arc::new(error), text)
    }

    fn error(&self) -> StoreError {
        StoreError::Unavailable(Box::new(self.clone()))
    }
}

/// What the thread owns.
struct Thread {
    engine: Engine,
    due: Arc<DueIndex>,
    lanes: Arc<Lanes>,
    clock: Arc<dyn Clock>,
    synced: SyncHook,
    messages: mpsc::Receiver<Message>,
    definitions_epoch: Arc<AtomicU64>,
    has_failed: Arc<AtomicBool>,
    aging_bytes: Arc<Mutex<ByKind<u64>>>,
    taps: Vec<Tap>,
    failed: Option<Failure>,
    groups: u64,
    /// How many commits the last group had.
    last_group: usize,
}

impl Thread {
    fn run(mut self) {
        let mut next = self.messages.blocking_recv();
        while let Some(message) = next.take() {
            match message {
                Message::Commit(first) => next = self.commit_group(first),
                Message::Tap(tap, reply) => {
                    self.taps.push(tap);
                    reply.send(()).ok();
                }
                Message::Untap(reply) => {
                    let ended = std::mem::take(&mut self.taps).into_iter().try_for_each(Tap::finish);
                    reply.send(self.failed.as_ref().map_or(ended, |failure| Err(failure.error()))).ok();
                }
                Message::Close(reply) => {
                    self.messages.close();
                    let synced = self.engine.sync();
                    // Lets go of the files before the caller learns that they are closed.
                    let failed = self.failed.clone();
                    drop(self);
                    reply.send(failed.map_or(synced, |failure| Err(failure.error()))).ok();
                    return;
                }
            }
            if next.is_none() {
                next = self.messages.blocking_recv();
            }
        }
    }

    /// Commits `first` and what waits behind it; answers the first message that does not belong to the group.
    fn commit_group(&mut self, first: Box<dyn Pending>) -> Option<Message> {
        let mut jobs = Vec::with_capacity(16);
        let next = if self.failed.is_some() {
            jobs.push(first);
            None
        } else {
            let engine = self.engine.db.clone();
            if self.last_group >= GATHER_FROM {
                std::thread::sleep(GATHER);
            }
            let mut group = Group::new(&engine, self.clock.now());
            let next = self.collect(first, &mut group, &mut jobs);
            self.last_group = jobs.len();
            let committed = self.commit(group);
            if let Err(error) = committed {
                let failure = Failure::new(error);
                tracing::error!(error = %failure, "the store acknowledges nothing any more; restart when the disk is sound");
                self.failed = Some(failure);
                self.has_failed.store(true, Ordering::Release);
                // What is done now could not be kept: nothing is claimed until the next start.
                self.due.close();
                self.lanes.close();
            }
            next
        };
        for job in jobs {
            job.finish(self.failed.as_ref());
        }
        next
    }

    fn collect(
        &mut self,
        first: Box<dyn Pending>,
        group: &mut Group<'_>,
        jobs: &mut Vec<Box<dyn Pending>>,
    ) -> Option<Message> {
        let mut size = 0;
        let mut job = first;
        loop {
            size += job.size();
            job.apply(group);
            jobs.push(job);
            if jobs.len() == GROUP_COMMITS_MAX || size >= GROUP_BYTES_MAX {
                return None;
            }
            match self.messages.try_recv() {
                Ok(Message::Commit(next)) if size + next.size() > GROUP_BYTES_MAX => {
                    return Some(Message::Commit(next));
                }
                Ok(Message::Commit(next)) => job = next,
                Ok(other) => return Some(other),
                Err(_) => return None,
            }
        }
    }

    fn commit(&mut self, mut group: Group<'_>) -> Result<()> {
        self.remember_expiries(&mut group)?;
        let mut aging = *self.aging_bytes.lock().unwrap_or_else(PoisonError::into_inner);
        if group.bytes() != ByKind::default() {
            let value = Prunable::ALL.map(|kind| {
                aging[kind] = aging[kind].saturating_add_signed(group.bytes()[kind]);
                aging[kind].to_be_bytes()
            });
            group.run(|transaction| {
                transaction.put(keys::aging_bytes(), value.as_flattened());
                Ok(())
            })?;
        }
        if !group.writes().is_empty() {
            self.groups += 1;
            self.engine.db.apply_batch(group.batch())?;
            Engine::free_garbage(group.writes().len());
            self.definitions_epoch.fetch_add(u64::from(group.changes_definitions()), Ordering::Release);
            self.synced.sync(&self.engine)?;
            self.taps.retain(Tap::is_wanted);
            for tap in &mut self.taps {
                tap.append(group.writes());
            }
        }
        *self.aging_bytes.lock().unwrap_or_else(PoisonError::into_inner) = aging;
        let effects = group.take_effects();
        self.due.apply(effects.runs);
        self.lanes.apply(effects.lanes);
        Ok(())
    }

    /// Writes one list per minute of the names that this group remembers, and forgets one list that has expired.
    fn remember_expiries(&self, group: &mut Group<'_>) -> Result<()> {
        let mut lists: BTreeMap<Time, Vec<Key>> = BTreeMap::new();
        for (at, key) in group.take_expiring() {
            let step = at.as_millis().div_ceil(EXPIRY_STEP_MILLIS).saturating_mul(EXPIRY_STEP_MILLIS);
            lists.entry(Time::from_millis(step)).or_default().push(key);
        }
        if lists.is_empty() {
            return Ok(());
        }
        let number = self.groups ^ (self.clock.now().as_millis() << 20);
        group.run(|transaction| {
            for (at, names) in lists {
                transaction.put(keys::expiry(at, number), encode_names(&names));
            }
            Ok(())
        })?;
        self.forget_expired(group)
    }

    fn forget_expired(&self, group: &mut Group<'_>) -> Result<()> {
        let (start, end) = keys::expired(self.clock.now());
        let Some(entry) = self.engine.db.range(start..end).next() else { return Ok(()) };
        let (list, names) = entry?;
        group.run(|transaction| {
            let now = transaction.now();
            for name in decode_names(&names) {
                let expires = transaction.get(name)?.and_then(|value| super::repeats::until(&value));
                if expires.is_some_and(|expires| expires <= now) {
                    transaction.remove(name);
                }
            }
            transaction.remove(list);
            Ok(())
        })
    }
}

/// A number for each kind, in the order of [`Prunable::ALL`].
fn stored_aging_bytes(tree: &sled::Tree) -> Result<ByKind<u64>> {
    let mut bytes = ByKind::default();
    let entry = tree.get(keys::aging_bytes())?.unwrap_or_default();
    for (kind, number) in Prunable::ALL.into_iter().zip(entry.as_chunks().0) {
        bytes[kind] = u64::from_be_bytes(*number);
    }
    Ok(bytes)
}

/// Names of calls all have the same length.
const NAME_BYTES: usize = 25;

fn encode_names(names: &[Key]) -> IVec {
    names.concat().into()
}

fn decode_names(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.chunks_exact(NAME_BYTES)
}
