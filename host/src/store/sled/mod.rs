//! The embedded engine: sled 0.34.7, hardened.
//!
//! One thread writes (`writer`): it takes the commits that wait, checks each against what is there (`commit`),
//! applies all as one atomic batch, and syncs once before it answers. Reads go to the tree at once, and may see what
//! is not yet durable. Which runs and deliveries are due is kept in memory (`due`, `lanes`).

mod backup;
mod blobs;
mod captures;
mod commit;
mod definitions;
mod deliveries;
mod due;
mod events;
mod frame;
mod history;
mod keys;
mod lanes;
mod listing;
mod open;
mod outbound;
#[cfg(test)]
mod power_cut;
mod prune;
mod records;
mod repeats;
mod restore;
mod rings;
mod run_list;
mod runs;
mod states;
mod tap;
#[cfg(test)]
mod tests;
mod value;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

use self::due::{Claimed, DueIndex};
use self::lanes::Lanes;
use self::open::Folder;
use self::writer::{SyncHook, Writer};
use super::{
    Acceptance, Accepted, Advance, Draft, Expect, Load, Page, Prunable, Pruned, Publication, Rejections, Result,
    RunFilter, Slice, Store, StoreError,
};
use crate::clock::Clock;
use crate::model::{
    DefinitionPath, Digest, JudgedCall, Kind, Record, RecordChange, RecordKey, Rejection, Run, Saved, Slug, TaskEntry,
    Time, UniqueId,
};

pub use self::restore::{RestoreError, restore};

/// A claimed run that could not be read is due again after this long.
const UNREADABLE_PAUSE: std::time::Duration = std::time::Duration::from_secs(60);

/// What can be chosen.
#[derive(Clone)]
pub struct Options {
    /// Memory for pages, in bytes; sled takes up to twice as much.
    pub cache_bytes: u64,
    hook: SyncHook,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: 32 << 20, hook: SyncHook::default() }
    }
}

/// The store on sled.
pub struct Sled {
    open: RwLock<Option<Open>>,
    writer: Writer,
    thread: Mutex<Option<JoinHandle<()>>>,
    due: Arc<DueIndex>,
    lanes: Arc<Lanes>,
    clock: Arc<dyn Clock>,
    backup: tokio::sync::Mutex<()>,
}

/// What is let go of when the store is closed.
struct Open {
    db: sled::Db,
    folder: Folder,
}

impl Sled {
    /// Opens the store in `folder`, or makes an empty one there. Blocks the thread.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::NewerFormat`], or the disk or the data is at fault.
    pub fn open(folder: &Path, clock: Arc<dyn Clock>, options: Options) -> Result<Self> {
        let folder = Folder::lock(folder)?;
        let engine = folder.open(options.cache_bytes)?;
        let due = Arc::new(DueIndex::new(Arc::clone(&clock)));
        restore_due(&engine.db, &due)?;
        let lanes = Arc::new(Lanes::restore(&engine.db, Arc::clone(&clock))?);
        let db = engine.db.clone();
        let indexes = (Arc::clone(&due), Arc::clone(&lanes));
        let (writer, thread) = Writer::start(engine, indexes, Arc::clone(&clock), options.hook)?;
        Ok(Self {
            open: RwLock::new(Some(Open { db, folder })),
            writer,
            thread: Mutex::new(Some(thread)),
            due,
            lanes,
            clock,
            backup: tokio::sync::Mutex::default(),
        })
    }

    fn with_open<T>(&self, read: impl FnOnce(&Open) -> T) -> Result<T> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.as_ref().map(read).ok_or_else(|| StoreError::Unavailable("the store is closed".into()))
    }

    fn tree(&self) -> Result<sled::Tree> {
        self.with_open(|open| (*open.db).clone())
    }

    fn folder(&self) -> Result<PathBuf> {
        self.with_open(|open| open.folder.path().to_owned())
    }

    /// Reads that may take longer than a moment run where they hold nobody up.
    async fn read<T: Send + 'static>(&self, read: impl FnOnce(&sled::Tree) -> Result<T> + Send + 'static) -> Result<T> {
        let tree = self.tree()?;
        tokio::task::spawn_blocking(move || read(&tree)).await.map_err(joined)?
    }

    fn load_claimed(&self, claimed: Vec<Claimed>) -> Result<Vec<Run>> {
        let tree = self.tree()?;
        let mut runs = Vec::with_capacity(claimed.len());
        for Claimed { space, id, body } in claimed {
            let found = match body {
                Some(run) => Ok(Some(*run)),
                None => runs::get(&tree, &space, id),
            };
            match found {
                Ok(run) => runs.extend(run.filter(|run| !run.status.is_final())),
                Err(error) => {
                    tracing::error!(%id, error = &error as &dyn std::error::Error, "a due run cannot be read");
                    self.due.release(id, self.clock.now().after(UNREADABLE_PAUSE));
                }
            }
        }
        Ok(runs)
    }
}

/// Every live run is unclaimed after a start; one that was in progress is due at once.
fn restore_due(tree: &sled::Tree, due: &DueIndex) -> Result<()> {
    for entry in tree.scan_prefix(keys::all_live_runs()) {
        let (key, entry) = entry?;
        let (space, id) = keys::parse_live_run(&key).ok_or_else(|| corrupt("a live run without an id"))?;
        due.restore(space, id, Time::from_millis(value::View::new(entry)?.due()));
    }
    Ok(())
}

#[async_trait]
impl Store for Sled {
    async fn save(&self, drafts: Vec<Draft>) -> Result<Vec<u64>> {
        self.writer.commit(definitions::Save::new(drafts)?).await
    }

    async fn delete_all(&self, paths: Vec<DefinitionPath>, expect: Expect) -> Result<bool> {
        self.writer.commit(definitions::Delete { paths, expect }).await
    }

    fn definitions_epoch(&self) -> u64 {
        self.writer.definitions_epoch()
    }

    async fn definition(&self, path: &DefinitionPath) -> Result<Option<Saved<Vec<u8>>>> {
        definitions::get(&self.tree()?, path)
    }

    async fn by_alias(&self, kind: Kind, alias: &str) -> Result<Option<(DefinitionPath, Saved<Vec<u8>>)>> {
        definitions::by_alias(&self.tree()?, kind, alias)
    }

    async fn definitions(&self, space: &Slug, kind: Kind, page: Page) -> Result<Slice<Saved<Vec<u8>>>> {
        let space = space.clone();
        self.read(move |tree| definitions::list(tree, &space, kind, &page)).await
    }

    async fn users(&self, path: &DefinitionPath) -> Result<Vec<DefinitionPath>> {
        definitions::users(&self.tree()?, path)
    }

    async fn put_blob(&self, content: Bytes) -> Result<Digest> {
        blobs::put(&self.writer, &self.tree()?, content).await
    }

    async fn settle(&self) -> Result<()> {
        self.writer.commit(commit::Barrier).await
    }

    async fn blob(&self, digest: Digest) -> Result<Option<Bytes>> {
        self.read(move |tree| blobs::get(tree, digest)).await
    }

    async fn blobs(&self) -> Result<Vec<Digest>> {
        self.read(blobs::all).await
    }

    async fn remove_blob(&self, digest: Digest) -> Result<()> {
        self.writer.commit(blobs::Remove { digest }).await
    }

    async fn change_record(&self, change: RecordChange, events: Vec<Publication>) -> Result<()> {
        self.writer.commit(records::ChangeRecord::new(change, events)?).await
    }

    async fn delete_record(
        &self,
        space: &Slug,
        source: &Slug,
        key: &RecordKey,
        events: Vec<Publication>,
    ) -> Result<bool> {
        let (key, events) = (keys::record(space, source, key), events::Publish::new(events)?);
        self.writer.commit(records::DeleteRecord { key, events }).await
    }

    async fn record(&self, space: &Slug, source: &Slug, key: &RecordKey) -> Result<Option<Record>> {
        records::get(&self.tree()?, space, source, key)
    }

    async fn records(&self, space: &Slug, source: &Slug, page: Page) -> Result<Slice<Record>> {
        let (space, source) = (space.clone(), source.clone());
        self.read(move |tree| records::list(tree, &space, &source, &page)).await
    }

    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted> {
        if cfg!(feature = "bench-no-store") {
            self.due.apply(vec![runs::without_store(acceptance.run)]);
            return Ok(Accepted::New);
        }
        self.writer.commit(runs::Accept::new(acceptance)?).await
    }

    async fn repeat_of(&self, scope: &str, key: &str) -> Result<Option<UniqueId>> {
        let known = repeats::find(&self.tree()?, scope, key, self.clock.now())?;
        if known.is_some() {
            // The caller acknowledges it again, so it must be durable.
            self.settle().await?;
        }
        Ok(known)
    }

    async fn advance(&self, advance: Advance) -> Result<()> {
        if cfg!(feature = "bench-no-store") {
            self.due.apply(vec![runs::without_store(advance.run)]);
            return Ok(());
        }
        self.writer.commit(runs::Step::new(advance)?).await
    }

    async fn claim(&self, max: usize) -> Result<Vec<Run>> {
        loop {
            let claimed = self.due.claim(max.max(1)).await.ok_or_else(writer::stopped)?;
            let runs = self.load_claimed(claimed)?;
            if !runs.is_empty() {
                return Ok(runs);
            }
        }
    }

    async fn release(&self, run: UniqueId, due: Time) {
        self.due.release(run, due);
    }

    async fn run(&self, space: &Slug, id: UniqueId) -> Result<Option<Run>> {
        runs::get(&self.tree()?, space, id)
    }

    async fn runs(&self, space: &Slug, filter: &RunFilter, page: Page) -> Result<Slice<Run>> {
        let (space, filter) = (space.clone(), filter.clone());
        self.read(move |tree| run_list::list(tree, &space, &filter, &page)).await
    }

    async fn entries(&self, space: &Slug, run: UniqueId) -> Result<Vec<TaskEntry>> {
        let space = space.clone();
        self.read(move |tree| runs::entries(tree, &space, run)).await
    }

    async fn add_entries(&self, space: &Slug, run: UniqueId, entries: Vec<TaskEntry>) -> Result<bool> {
        self.writer.commit(runs::Addendum::new(space, run, entries)?).await
    }

    async fn reject(&self, rejection: Rejection) -> Result<()> {
        let Rejection { space, workflow, .. } = &rejection;
        self.writer.commit(rings::Append::new(rings::REJECTIONS, space, workflow, &rejection)?).await
    }

    async fn rejections(&self, space: &Slug, workflow: &Slug) -> Result<Rejections> {
        let (space, workflow) = (space.clone(), workflow.clone());
        let (total, mut items) = self.read(move |tree| rings::REJECTIONS.list(tree, &space, &workflow)).await?;
        // A call refused while this was read has taken the oldest place.
        items.sort_by_key(|rejection: &Rejection| std::cmp::Reverse((rejection.time, rejection.id)));
        Ok(Rejections { total, items })
    }

    async fn keep_judged(&self, call: JudgedCall) -> Result<()> {
        let JudgedCall { space, workflow, is_refused, .. } = &call;
        let ring = if *is_refused { rings::REFUSED } else { rings::JUDGED };
        self.writer.post(rings::Append::new(ring, space, workflow, &call)?).await
    }

    async fn judged(&self, space: &Slug, workflow: &Slug) -> Result<Vec<JudgedCall>> {
        let (space, workflow) = (space.clone(), workflow.clone());
        // What was posted before this is there.
        self.settle().await?;
        let list = move |tree: &sled::Tree| {
            let (_, mut items) = rings::JUDGED.list(tree, &space, &workflow)?;
            items.extend(rings::REFUSED.list::<JudgedCall>(tree, &space, &workflow)?.1);
            Ok(items)
        };
        let mut items: Vec<JudgedCall> = self.read(list).await?;
        items.sort_by_key(|call| std::cmp::Reverse((call.time, call.id)));
        Ok(items)
    }

    async fn load(&self) -> Result<Load> {
        if self.writer.has_failed() {
            return Err(StoreError::Unavailable("the disk failed: restart when it is sound".into()));
        }
        let disk_bytes = self.with_open(|open| open.folder.log_bytes())??;
        let (live, due) = self.due.counts();
        let (ready, held) = self.lanes.counts();
        Ok(Load {
            live_runs: live as u64,
            due_runs: due as u64,
            due_lanes: ready as u64,
            held_lanes: held as u64,
            aging_bytes: self.writer.aging_bytes(),
            disk_bytes,
        })
    }

    async fn prune(&self, space: &Slug, kind: Prunable, before: Time, max: usize) -> Result<Pruned> {
        let prune = prune::Prune { space: space.clone(), kind, before, max };
        // Mostly there is nothing to do, and nobody waits for the writer.
        if prune.is_idle(&self.tree()?)? { Ok(Pruned::default()) } else { self.writer.commit(prune).await }
    }

    async fn backup(&self, sink: mpsc::Sender<Bytes>) -> Result<()> {
        let _one_at_a_time = self.backup.lock().await;
        backup::write(&self.writer, self.tree()?, &self.folder()?, sink).await
    }

    async fn close(&self) -> Result<()> {
        self.due.close();
        self.lanes.close();
        let closed = self.writer.close().await;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            tokio::task::spawn_blocking(move || thread.join()).await.map_err(joined)?.map_err(|_| panicked())?;
        }
        self.open.write().unwrap_or_else(PoisonError::into_inner).take();
        closed
    }
}

impl From<sled::Error> for StoreError {
    fn from(error: sled::Error) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

/// The stored data is not as this version writes it.
fn corrupt(what: &'static str) -> StoreError {
    StoreError::Unavailable(format!("the stored data is damaged: {what}").into())
}

fn joined(error: tokio::task::JoinError) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

fn panicked() -> StoreError {
    StoreError::Unavailable("the writer of the store panicked".into())
}
