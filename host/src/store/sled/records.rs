//! Records.

use super::Result;
use super::commit::{Change, Transaction, conflict};
use super::events::Publish;
use super::keys::{self, Key};
use super::listing::{Cursor, Scan};
use super::value::{self, Head, Packed, View};
use crate::model::{Record, RecordChange, RecordExpect, RecordKey, Slug};
use crate::store::{Page, Publication, Slice};

/// A record change as bytes.
pub(super) struct Write {
    key: Key,
    name: RecordKey,
    expect: RecordExpect,
    packed: Packed,
}

impl Write {
    /// Prepares `change`.
    pub(super) fn new(change: RecordChange) -> Result<Self> {
        let RecordChange { space, record, expect } = change;
        let key = keys::record(&space, &record.source, &record.key);
        let packed = Packed::json(Head { revision: record.revision, ..Head::default() }, &record)?;
        Ok(Self { key, name: record.key, expect, packed })
    }

    /// Checks and writes it, as part of a commit.
    pub(super) fn apply(self, transaction: &mut Transaction<'_>) -> Result<()> {
        let old = transaction.view(&self.key)?;
        let holds = match self.expect {
            RecordExpect::Absent => old.is_none(),
            RecordExpect::At(revision) => old.as_ref().is_some_and(|old| old.revision() == revision),
        };
        if !holds {
            return Err(conflict(format_args!("record {:?}", self.name.as_str())));
        }
        transaction.put_value(self.key, old.as_ref(), self.packed);
        Ok(())
    }

    /// About how many bytes it writes.
    pub(super) fn size(&self) -> usize {
        self.key.len() + self.packed.size()
    }
}

/// A record change made outside a run.
pub(super) struct ChangeRecord {
    write: Write,
    events: Publish,
}

impl ChangeRecord {
    /// Prepares `change` with its events.
    pub(super) fn new(change: RecordChange, events: Vec<Publication>) -> Result<Self> {
        Ok(Self { write: Write::new(change)?, events: Publish::new(events)? })
    }
}

impl Change for ChangeRecord {
    type Output = ();

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<()> {
        self.write.apply(transaction)?;
        self.events.apply(transaction)?;
        Ok(())
    }

    fn size(&self) -> usize {
        self.write.size() + self.events.size()
    }
}

/// Deletes a record.
pub(super) struct DeleteRecord {
    /// Which.
    pub key: Key,
    /// What is published with it.
    pub events: Publish,
}

impl Change for DeleteRecord {
    type Output = bool;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<bool> {
        let Some(old) = transaction.view(&self.key)? else { return Ok(false) };
        transaction.remove_value(self.key, &old);
        self.events.apply(transaction)?;
        Ok(true)
    }

    fn size(&self) -> usize {
        self.key.len() + self.events.size()
    }
}

/// One record.
pub(super) fn get(tree: &sled::Tree, space: &Slug, source: &Slug, key: &RecordKey) -> Result<Option<Record>> {
    value::load(tree, &keys::record(space, source, key))?.map(parse).transpose()
}

/// Records of a source, by key.
pub(super) fn list(tree: &sled::Tree, space: &Slug, source: &Slug, page: &Page) -> Result<Slice<Record>> {
    let scan = Scan::new(keys::records(space, source), Cursor::Record);
    scan.page(tree, page, |key, entry| value::load_entry(tree, key, entry)?.map(parse).transpose())
}

fn parse((_, body): (View, Vec<u8>)) -> Result<Record> {
    Ok(serde_json::from_slice(&body)?)
}
