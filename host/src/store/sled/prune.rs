//! Clean-up: what is older than a time goes, a bounded number of objects per commit.

use sled::IVec;

use super::Result;
use super::commit::{Change, Transaction};
use super::keys::{self, Key};
use super::value::View;
use super::{captures, deliveries};
use crate::model::{Slug, Time, UniqueId};
use crate::store::{Prunable, Pruned};

/// Removes the oldest objects of a kind.
pub(super) struct Prune {
    /// In this space.
    pub space: Slug,
    /// Of this kind.
    pub kind: Prunable,
    /// Made before this time.
    pub before: Time,
    /// At most so many.
    pub max: usize,
}

impl Prune {
    /// Whether there is nothing to remove.
    pub(super) fn is_idle(&self, tree: &sled::Tree) -> Result<bool> {
        let (start, end) = self.range();
        Ok(start >= end || tree.range(start..end).keys().next().transpose()?.is_none())
    }

    fn range(&self) -> (Key, Key) {
        let prefix = match self.kind {
            Prunable::Events => keys::events(&self.space),
            Prunable::Deliveries => keys::deliveries(&self.space),
            Prunable::Runs => keys::final_runs(&self.space),
            Prunable::Captures => keys::captures(&self.space),
        };
        let end = [&prefix[..], UniqueId::first_at(self.before).as_bytes()].concat();
        (prefix, end)
    }
}

impl Change for Prune {
    type Output = Pruned;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Pruned> {
        let (start, end) = self.range();
        let found = transaction.keys_between(&start, &end, self.max)?;
        let mut pruned = Pruned { items: 0, bytes: 0, more: found.len() == self.max };
        for key in found {
            let Some(view) = transaction.view(&key)? else { continue };
            pruned.items += 1;
            pruned.bytes += remove(transaction, &self.space, self.kind, key, &view)?;
        }
        Ok(pruned)
    }

    fn size(&self) -> usize {
        self.max * 512
    }
}

/// Removes one object with all that belongs to it; how many bytes that was.
fn remove(transaction: &mut Transaction<'_>, space: &Slug, kind: Prunable, key: IVec, view: &View) -> Result<u64> {
    let mut bytes = view.stored_bytes();
    let id = keys::parse_id(&key);
    match (kind, id) {
        (Prunable::Deliveries, Some(id)) => {
            deliveries::forget(transaction, space, &key, view)?;
            bytes += remove_all(transaction, &keys::attempts(id))?;
        }
        (Prunable::Runs, Some(id)) => {
            bytes += remove_all(transaction, &keys::history(id))? + remove_all(transaction, &keys::input(id))?;
        }
        (Prunable::Captures, _) => captures::forget_number(transaction, view),
        _ => {}
    }
    transaction.remove_value(key.to_vec(), view);
    Ok(bytes)
}

fn remove_all(transaction: &mut Transaction<'_>, prefix: &Key) -> Result<u64> {
    let mut bytes = 0;
    for key in transaction.keys_with_prefix(prefix)? {
        if let Some(view) = transaction.view(&key)? {
            bytes += view.stored_bytes();
            transaction.remove_value(key.to_vec(), &view);
        }
    }
    Ok(bytes)
}
