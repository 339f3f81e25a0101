//! What the writer evaluates commits on: a transaction over the group it belongs to, over the tree. A commit sees
//! its own writes, those of the commits before it in the group, and the tree; if it fails, its writes are dropped.

use std::collections::BTreeMap;

use sled::{Batch, IVec};

use super::due::DueChange;
use super::keys::{self, Key};
use super::lanes::LaneChange;
use super::value::{Packed, View};
use super::{Result, StoreError};
use crate::model::Time;
use crate::store::{ByKind, Prunable};

/// Writes by key; `None` removes.
pub(super) type Writes = BTreeMap<IVec, Option<IVec>>;

/// A commit, prepared by its caller: all values are bytes already.
pub(super) trait Change: Send + 'static {
    /// What the caller learns.
    type Output: Send + 'static;

    /// Checks what it expects and writes; an error drops all it wrote.
    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Self::Output>;

    /// About how many bytes it writes.
    fn size(&self) -> usize;
}

/// Writes nothing: once it is committed, everything that a read saw before is durable.
pub(super) struct Barrier;

impl Change for Barrier {
    type Output = ();

    fn apply(self, _: &mut Transaction<'_>) -> Result<()> {
        Ok(())
    }

    fn size(&self) -> usize {
        0
    }
}

/// What the indexes in memory learn of commits, in order.
#[derive(Default)]
pub(super) struct Effects {
    /// About runs.
    pub runs: Vec<DueChange>,
    /// About deliveries.
    pub lanes: Vec<LaneChange>,
}

/// The commits that become durable together.
pub(super) struct Group<'t> {
    tree: &'t sled::Tree,
    now: Time,
    writes: Writes,
    effects: Effects,
    expiring: Vec<(Time, Key)>,
    definitions: bool,
    /// By how much it changes the size of what ages.
    bytes: ByKind<i64>,
}

impl<'t> Group<'t> {
    /// An empty group at `now`.
    pub(super) fn new(tree: &'t sled::Tree, now: Time) -> Self {
        Self {
            tree,
            now,
            writes: Writes::new(),
            effects: Effects::default(),
            expiring: Vec::new(),
            definitions: false,
            bytes: ByKind::default(),
        }
    }

    /// Evaluates one commit; if it fails nothing of it stays.
    pub(super) fn run<T>(&mut self, apply: impl FnOnce(&mut Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut transaction = Transaction {
            group: self,
            writes: Writes::new(),
            effects: Effects::default(),
            expiring: Vec::new(),
            definitions: false,
            bytes: ByKind::default(),
        };
        let output = apply(&mut transaction)?;
        let Transaction { writes, effects, expiring, definitions, bytes, .. } = transaction;
        self.writes.extend(writes);
        self.effects.runs.extend(effects.runs);
        self.effects.lanes.extend(effects.lanes);
        self.expiring.extend(expiring);
        self.definitions |= definitions;
        for kind in Prunable::ALL {
            self.bytes[kind] += bytes[kind];
        }
        Ok(output)
    }

    /// Names of calls that this group remembers, and until when.
    pub(super) fn take_expiring(&mut self) -> Vec<(Time, Key)> {
        std::mem::take(&mut self.expiring)
    }

    /// What the indexes learn once the group is durable.
    pub(super) fn take_effects(&mut self) -> Effects {
        std::mem::take(&mut self.effects)
    }

    /// Whether it changes definitions.
    pub(super) fn changes_definitions(&self) -> bool {
        self.definitions
    }

    /// By how many bytes it changes the size of what ages.
    pub(super) fn bytes(&self) -> ByKind<i64> {
        self.bytes
    }

    /// All writes so far.
    pub(super) fn writes(&self) -> &Writes {
        &self.writes
    }

    /// All writes as one atomic batch.
    pub(super) fn batch(&self) -> Batch {
        let mut batch = Batch::default();
        for (key, value) in &self.writes {
            match value {
                Some(value) => batch.insert(key.clone(), value.clone()),
                None => batch.remove(key.clone()),
            }
        }
        batch
    }

    fn get(&self, key: &[u8]) -> Result<Option<IVec>> {
        match self.writes.get(key) {
            Some(written) => Ok(written.clone()),
            None => Ok(self.tree.get(key)?),
        }
    }
}

/// One commit under evaluation.
pub(super) struct Transaction<'g> {
    group: &'g Group<'g>,
    writes: Writes,
    effects: Effects,
    expiring: Vec<(Time, Key)>,
    definitions: bool,
    /// By how much it changes the size of what ages.
    bytes: ByKind<i64>,
}

impl Transaction<'_> {
    /// When the group is committed.
    pub(super) fn now(&self) -> Time {
        self.group.now
    }

    /// The entry at `key`.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<IVec>> {
        match self.writes.get(key) {
            Some(written) => Ok(written.clone()),
            None => self.group.get(key),
        }
    }

    /// Whether there is an entry at `key`.
    pub(super) fn has(&self, key: &[u8]) -> Result<bool> {
        Ok(self.get(key)?.is_some())
    }

    /// The head of the value at `key`.
    pub(super) fn view(&self, key: &[u8]) -> Result<Option<View>> {
        self.get(key)?.map(View::new).transpose()
    }

    /// The body of a value met with [`Self::view`].
    pub(super) fn body(&self, key: &[u8], view: &View) -> Result<Vec<u8>> {
        view.body(key, |chunk| self.get(chunk))?.ok_or_else(|| super::corrupt("a value whose chunks are damaged"))
    }

    /// The keys with a prefix.
    pub(super) fn keys_with_prefix(&self, prefix: &[u8]) -> Result<Vec<IVec>> {
        let mut found = BTreeMap::new();
        for key in self.group.tree.scan_prefix(prefix).keys() {
            found.insert(key?, true);
        }
        for writes in [&self.group.writes, &self.writes] {
            for (key, value) in writes.range(IVec::from(prefix)..).take_while(|(key, _)| key.starts_with(prefix)) {
                found.insert(key.clone(), value.is_some());
            }
        }
        Ok(found.into_iter().filter_map(|(key, present)| present.then_some(key)).collect())
    }

    /// Writes one entry.
    pub(super) fn put(&mut self, key: Key, entry: impl Into<IVec>) {
        self.writes.insert(key.into(), Some(entry.into()));
    }

    /// Removes one entry.
    pub(super) fn remove(&mut self, key: impl Into<IVec>) {
        self.writes.insert(key.into(), None);
    }

    /// Writes a value over `old`, what is there now.
    pub(super) fn put_value(&mut self, key: Key, old: Option<&View>, packed: Packed) {
        self.count(&key, packed.size() as i64 - old.map_or(0, View::stored_bytes) as i64);
        let (main, chunks) = packed.into_parts();
        let kept = u16::try_from(chunks.len()).unwrap_or(u16::MAX);
        for index in kept..old.map_or(0, View::chunk_count) {
            self.remove(keys::chunk(&key, index));
        }
        for (index, chunk) in (0_u16..).zip(chunks) {
            self.put(keys::chunk(&key, index), chunk);
        }
        self.put(key, main);
    }

    /// Removes a value and its chunks.
    pub(super) fn remove_value(&mut self, key: Key, old: &View) {
        self.count(&key, -(old.stored_bytes() as i64));
        for index in 0..old.chunk_count() {
            self.remove(keys::chunk(&key, index));
        }
        self.remove(key);
    }

    /// The first keys from `start` up to `end`, at most `max` of them; those of this group's own writes may be left out.
    pub(super) fn keys_between(&self, start: &[u8], end: &[u8], max: usize) -> Result<Vec<IVec>> {
        let mut found = Vec::new();
        if start >= end {
            return Ok(found);
        }
        for key in self.group.tree.range(start..end).keys() {
            let key = key?;
            if self.has(&key)? {
                found.push(key);
            }
            if found.len() == max {
                break;
            }
        }
        Ok(found)
    }

    /// The first key with a prefix.
    pub(super) fn first_with_prefix(&self, prefix: &[u8]) -> Result<Option<IVec>> {
        let mut first = None;
        for key in self.group.tree.scan_prefix(prefix).keys() {
            let key = key?;
            if self.has(&key)? {
                first = Some(key);
                break;
            }
        }
        for writes in [&self.group.writes, &self.writes] {
            let written = writes.range(IVec::from(prefix)..).map(|(key, _)| key);
            for key in written.take_while(|key| key.starts_with(prefix)) {
                if first.as_ref().is_none_or(|first| key < first) && self.has(key)? {
                    first = Some(key.clone());
                }
            }
        }
        Ok(first)
    }

    fn count(&mut self, key: &[u8], bytes: i64) {
        if let Some(kind) = keys::ages(key) {
            self.bytes[kind] += bytes;
        }
    }

    /// Tells the index of due runs, once this is durable.
    pub(super) fn effect(&mut self, change: DueChange) {
        self.effects.runs.push(change);
    }

    /// Tells the index of lanes, once this is durable.
    pub(super) fn lane_effect(&mut self, change: LaneChange) {
        self.effects.lanes.push(change);
    }

    /// Says that what was read of definitions holds no more, once this is applied.
    pub(super) fn change_definitions(&mut self) {
        self.definitions = true;
    }

    /// Forgets the name of a call at `key` some time after `at`.
    pub(super) fn expire(&mut self, at: Time, key: Key) {
        self.expiring.push((at, key));
    }
}

/// The error of an expectation that failed.
pub(super) fn conflict(what: impl std::fmt::Display) -> StoreError {
    StoreError::Conflict { what: what.to_string() }
}
