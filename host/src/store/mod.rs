//! The store: what must survive a crash. Its methods are domain commits and the reads that the engine and the API
//! need; there are no raw puts. `sled` is the embedded engine; another engine implements the same trait and passes
//! the same suite (`contract`).
//!
//! Promises of every engine:
//! - a commit that returned `Ok` is on stable storage, whole; one that returned `Err` changed nothing;
//! - expectations (revisions, absence, uniqueness, references) are checked inside the commit;
//! - a due run is claimed by one holder at a time; a holder's late commit fails with [`StoreError::Conflict`].

mod aging;
mod captures;
#[cfg(test)]
pub(crate) mod contract;
mod outbound;
mod page;
pub mod sled;
mod states;
mod typed;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

use crate::model::{
    DefinitionPath, Digest, JudgedCall, Kind, Record, RecordChange, RecordKey, Rejection, Run, RunStatus, Saved, Slug,
    StateChange, TaskEntry, Time, UniqueId,
};

pub use aging::{ByKind, Prunable, Pruned};
pub use captures::{CAPTURES_KEPT, CaptureDraft, Captures};
pub use outbound::{
    DeliveryFilter, DeliveryStep, DueDelivery, EventFilter, Lane, Leave, Order, Outbound, Publication, Published,
};
pub use page::{Page, Slice};
pub use states::States;
pub use typed::{Definitions, Shared, draft};

/// What a commit expects of the definition it replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Anything.
    Any,
    /// It does not exist.
    Absent,
    /// It has this revision.
    At(u64),
}

/// A definition to save.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Where.
    pub path: DefinitionPath,
    /// Its JSON.
    pub body: Vec<u8>,
    /// What is there now.
    pub expect: Expect,
    /// Definitions it refers to: each must exist (or be saved in the same commit), and none can be deleted while
    /// this one refers to it. Replaces the references of the former revision.
    pub uses: Vec<DefinitionPath>,
    /// Another unique name it is found by (a token, the hash of a key). Replaces the former one.
    pub alias: Option<String>,
}

/// A new run with all that is committed with it.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// The run: revision 1, not yet stepped (or already past its pure first steps).
    pub run: Run,
    /// The history of those first steps.
    pub entries: Vec<TaskEntry>,
    /// The record change of an inserting or updating trigger.
    pub record: Option<RecordChange>,
    /// Events to publish.
    pub events: Vec<Publication>,
    /// Recognises a repeat of the same call.
    pub repeat: Option<RepeatKey>,
}

/// The sender's name for one call: a second call with it, within the time, is a repeat.
#[derive(Clone, Debug)]
pub struct RepeatKey {
    /// What the name is unique within (a trigger, a workflow of the API).
    pub scope: String,
    /// The sender's `Idempotency-Key` or `webhook-id`.
    pub key: String,
    /// How long it is remembered.
    pub keep: Duration,
}

/// What became of an acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// The run is on disk and due.
    New,
    /// Nothing was committed: this run was accepted for the same call before.
    Repeat(UniqueId),
}

/// One step of a run: its whole next state and all that is committed with it.
#[derive(Clone, Debug)]
pub struct Advance {
    /// The run as it will be; its `revision` is one more than the stored one's.
    /// With `due` in the future the claim ends; with `due` `None` and a status that is not final it is kept.
    pub run: Run,
    /// History to append.
    pub entries: Vec<TaskEntry>,
    /// Record changes.
    pub records: Vec<RecordChange>,
    /// Changes of what plugins keep.
    pub states: Vec<StateChange>,
    /// Events to publish.
    pub events: Vec<Publication>,
}

/// Which runs to list.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Of this workflow only.
    pub workflow: Option<Slug>,
    /// With this status only.
    pub status: Option<RunStatus>,
}

/// The refused calls of a trigger.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rejections {
    /// How many there were since the trigger was made.
    pub total: u64,
    /// The newest ones, newest first.
    pub items: Vec<Rejection>,
}

/// Counts for metrics and readiness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Runs that are not final.
    pub live_runs: u64,
    /// Of these, due now and unclaimed.
    pub due_runs: u64,
    /// Endpoints that have deliveries to make, now or later, and nobody at work on them.
    pub due_lanes: u64,
    /// Endpoints whose deliveries are held.
    pub held_lanes: u64,
    /// Bytes of what ages, as they were written.
    pub aging_bytes: ByKind<u64>,
    /// Bytes on disk.
    pub disk_bytes: u64,
}

/// Why the store did not do it. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something is not as the commit expected: read again and decide.
    #[error("{what} has changed meanwhile")]
    Conflict {
        /// What.
        what: String,
    },
    /// A definition is referred to by others.
    #[error("{path} is in use")]
    InUse {
        /// What cannot be deleted.
        path: DefinitionPath,
        /// Who refers to it.
        users: Vec<DefinitionPath>,
    },
    /// A draft refers to a definition that does not exist.
    #[error("{path} does not exist")]
    Missing {
        /// What is missing.
        path: DefinitionPath,
    },
    /// A cursor that this store did not give out.
    #[error("the cursor is not one that this server gave out")]
    BadCursor,
    /// A commit is larger than the store takes; nothing of it is kept.
    #[error("{size} bytes at once are more than the {limit} that the store takes")]
    TooLarge {
        /// Its size, in bytes.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The disk, the engine or the data is at fault; it is logged where it happens.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The data folder was written by a newer version.
    #[error("the data has format {found}; this version reads up to {known}. Use a newer tenterhook, or another folder")]
    NewerFormat {
        /// The format on disk.
        found: u32,
        /// The newest known.
        known: u32,
    },
    /// Another process has the data folder open.
    #[error("another process is using the data folder {folder}. Stop it, or choose another --data-dir")]
    Locked {
        /// The folder.
        folder: String,
    },
}

/// Result of a store call.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A durable store. See the module for what every engine promises.
#[async_trait]
pub trait Store: Outbound + Captures + States {
    /// Saves all drafts or none; answers their revisions in order.
    async fn save(&self, drafts: Vec<Draft>) -> Result<Vec<u64>>;

    /// Deletes a definition and its references and alias; `false` if there was none and none was expected.
    /// [`StoreError::InUse`] while another refers to it. With a trigger go its refused and judged calls; the requests
    /// of a bin are to be cleared then. With a plugin version goes what is granted to it.
    async fn delete(&self, path: DefinitionPath, expect: Expect) -> Result<bool> {
        self.delete_all(vec![path], expect).await
    }

    /// Deletes definitions as [`Self::delete`] does, all of them or none; each may be referred to by those before it.
    /// `false` if there is no first one, and `expect` is of that; others may be missing.
    async fn delete_all(&self, paths: Vec<DefinitionPath>, expect: Expect) -> Result<bool>;

    /// A number that differs once any definition differs from what a read saw: what was read at a number holds while
    /// it is the same. Changes before a save or a delete returns.
    fn definitions_epoch(&self) -> u64;

    /// One definition's JSON.
    async fn definition(&self, path: &DefinitionPath) -> Result<Option<Saved<Vec<u8>>>>;

    /// The definition with this alias.
    async fn by_alias(&self, kind: Kind, alias: &str) -> Result<Option<(DefinitionPath, Saved<Vec<u8>>)>>;

    /// Definitions of a kind in a space, by id. For [`Kind::Space`] the space argument is ignored.
    async fn definitions(&self, space: &Slug, kind: Kind, page: Page) -> Result<Slice<Saved<Vec<u8>>>>;

    /// Who refers to a definition, by path.
    async fn users(&self, path: &DefinitionPath) -> Result<Vec<DefinitionPath>>;

    /// Keeps `content` under its digest; durable when it returns; a second put of the same content changes nothing.
    async fn put_blob(&self, content: Bytes) -> Result<Digest>;

    /// Returns once everything that a read saw before is durable.
    async fn settle(&self) -> Result<()>;

    /// The content with this digest.
    async fn blob(&self, digest: Digest) -> Result<Option<Bytes>>;

    /// The digests of all that [`Self::put_blob`] keeps.
    async fn blobs(&self) -> Result<Vec<Digest>>;

    /// Removes the content with this digest, if there is any. Nobody may put the same at the same time.
    async fn remove_blob(&self, digest: Digest) -> Result<()>;

    /// Commits a record change made outside a run; [`StoreError::Conflict`] if its expectation fails.
    async fn change_record(&self, change: RecordChange, events: Vec<Publication>) -> Result<()>;

    /// Deletes a record and publishes `events`; `false`, and nothing is published, if there was none.
    async fn delete_record(
        &self,
        space: &Slug,
        source: &Slug,
        key: &RecordKey,
        events: Vec<Publication>,
    ) -> Result<bool>;

    /// One record.
    async fn record(&self, space: &Slug, source: &Slug, key: &RecordKey) -> Result<Option<Record>>;

    /// Records of a source, by key.
    async fn records(&self, space: &Slug, source: &Slug, page: Page) -> Result<Slice<Record>>;

    /// Accepts a run with its record change and events: the commit behind every 202.
    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted>;

    /// The run that was accepted for the same call before, if it is still remembered.
    async fn repeat_of(&self, scope: &str, key: &str) -> Result<Option<UniqueId>>;

    /// Commits one step of a run. [`StoreError::Conflict`] if the run, a record or a value of a plugin is not
    /// as expected. A step with a
    /// `due` makes the run claimable again from then on, whoever holds it; a final one ends the claim.
    async fn advance(&self, advance: Advance) -> Result<()>;

    /// Waits until a run is due and unclaimed, then claims up to `max` of them, oldest first. Cancel-safe.
    /// After a restart every live run is unclaimed again. Fails once the store is closed.
    async fn claim(&self, max: usize) -> Result<Vec<Run>>;

    /// Gives a claimed run back, unchanged, to be due again at `due`. In memory only.
    async fn release(&self, run: UniqueId, due: Time);

    /// One run.
    async fn run(&self, space: &Slug, id: UniqueId) -> Result<Option<Run>>;

    /// Runs of a space, newest first. A page may be short, even empty, and still have a `next`.
    async fn runs(&self, space: &Slug, filter: &RunFilter, page: Page) -> Result<Slice<Run>>;

    /// The history of a run, oldest first.
    async fn entries(&self, space: &Slug, run: UniqueId) -> Result<Vec<TaskEntry>>;

    /// Adds to the history of a run that was ended from outside (a last step brings its own); `false` if there is no
    /// final run of that id.
    async fn add_entries(&self, space: &Slug, run: UniqueId, entries: Vec<TaskEntry>) -> Result<bool>;

    /// Notes a refused call; counts it and keeps the newest of each trigger.
    async fn reject(&self, rejection: Rejection) -> Result<()>;

    /// Keeps a call that the verifier of a trigger judged; of each trigger the newest 50 stay, and the newest 50 refused
    /// ones, which anybody can make. Returns before it is durable: it is part of no promise.
    async fn keep_judged(&self, call: JudgedCall) -> Result<()>;

    /// The judged calls of a workflow's trigger that are kept, newest first.
    async fn judged(&self, space: &Slug, workflow: &Slug) -> Result<Vec<JudgedCall>>;

    /// The refused calls of a workflow's trigger.
    async fn rejections(&self, space: &Slug, workflow: &Slug) -> Result<Rejections>;

    /// Counts for metrics and readiness.
    async fn load(&self) -> Result<Load>;

    /// Removes the oldest objects of a kind that were made before a time, at most `max` of them.
    async fn prune(&self, space: &Slug, kind: Prunable, before: Time, max: usize) -> Result<Pruned>;

    /// Writes a consistent copy of everything into `sink` while the store keeps working; ends when `sink` is closed
    /// or all is written. One backup at a time: another waits.
    async fn backup(&self, sink: mpsc::Sender<Bytes>) -> Result<()>;

    /// Finishes what is under way and closes; later commits fail.
    async fn close(&self) -> Result<()>;
}
