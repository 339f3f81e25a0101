//! Values of plugins: one entry each, with its version as revision, and the size of all that a plugin keeps.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sled::IVec;

use super::commit::{Change, Transaction, conflict};
use super::keys::{self, Key};
use super::value::{self, Head, Packed, View};
use super::{Result, Sled, corrupt};
use crate::model::{PluginState, Slug, StateChange, StateExpect, StateSize};
use crate::store::{Pruned, States};

#[async_trait]
impl States for Sled {
    async fn state(&self, space: &Slug, plugin: &Slug, key: &str) -> Result<Option<PluginState>> {
        value::load(&self.tree()?, &keys::state(space, plugin, key))?.map(parse).transpose()
    }

    async fn state_size(&self, space: &Slug, plugin: &Slug) -> Result<StateSize> {
        read_size(self.tree()?.get(keys::state_size(space, plugin))?)
    }

    async fn clear_states(&self, space: &Slug, plugin: &Slug, max: usize) -> Result<Pruned> {
        let (prefix, size) = (keys::states(space, plugin), keys::state_size(space, plugin));
        self.writer.commit(Clear { prefix, size, max }).await
    }
}

/// A change as bytes.
pub(super) struct Write {
    key: Key,
    size_key: Key,
    name: String,
    expect: StateExpect,
    next: Option<Packed>,
}

impl Write {
    /// Prepares `change`.
    pub(super) fn new(change: StateChange) -> Result<Self> {
        let StateChange { space, plugin, key, next, expect } = change;
        let pack = |next: PluginState| {
            Packed::new(Head { revision: next.version, ..Head::default() }, |bytes| {
                bytes.extend_from_slice(next.value.as_bytes());
                Ok(())
            })
        };
        Ok(Self {
            key: keys::state(&space, &plugin, &key),
            size_key: keys::state_size(&space, &plugin),
            name: format!("{plugin}/{key}"),
            expect,
            next: next.map(pack).transpose()?,
        })
    }

    /// Checks and writes all, as part of a commit. Where they grow beyond what a plugin may keep, others have written
    /// meanwhile: a conflict, so that the action is called again and sees it.
    pub(super) fn apply_all(writes: Vec<Self>, transaction: &mut Transaction<'_>) -> Result<()> {
        let mut sizes: BTreeMap<Key, StateSize> = BTreeMap::new();
        for write in writes {
            if !sizes.contains_key(&write.size_key) {
                sizes.insert(write.size_key.clone(), read_size(transaction.get(&write.size_key)?)?);
            }
            write.apply(transaction)?;
        }
        for (key, before) in sizes {
            let after = read_size(transaction.get(&key)?)?;
            if !after.fits() && (after.entries > before.entries || after.bytes > before.bytes) {
                return Err(conflict("how much the plugin keeps"));
            }
        }
        Ok(())
    }

    /// Checks and writes it.
    fn apply(self, transaction: &mut Transaction<'_>) -> Result<()> {
        let old = transaction.view(&self.key)?;
        let holds = match self.expect {
            StateExpect::Absent => old.is_none(),
            StateExpect::At(version) => old.as_ref().is_some_and(|old| old.revision() == version),
        };
        if !holds {
            return Err(conflict(format_args!("the state {:?}", self.name)));
        }
        let mut size = read_size(transaction.get(&self.size_key)?)?;
        if let Some(old) = &old {
            size = without(size, old);
        }
        match (self.next, &old) {
            (Some(next), old) => {
                size = StateSize { entries: size.entries + 1, bytes: size.bytes + next.size() as u64 };
                transaction.put_value(self.key, old.as_ref(), next);
            }
            (None, Some(old)) => transaction.remove_value(self.key, old),
            (None, None) => {}
        }
        write_size(transaction, self.size_key, size);
        Ok(())
    }

    /// About how many bytes it writes.
    pub(super) fn size(&self) -> usize {
        self.key.len() + self.size_key.len() + self.next.as_ref().map_or(0, Packed::size) + 64
    }
}

/// Removes values of a plugin.
struct Clear {
    prefix: Key,
    size: Key,
    max: usize,
}

impl Change for Clear {
    type Output = Pruned;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Pruned> {
        let found = transaction.keys_between(&self.prefix, &keys::after(&self.prefix), self.max)?;
        let mut pruned = Pruned { items: found.len() as u64, bytes: 0, more: found.len() == self.max };
        let mut size = read_size(transaction.get(&self.size)?)?;
        for key in found {
            let Some(old) = transaction.view(&key)? else { continue };
            pruned.bytes += old.stored_bytes();
            size = without(size, &old);
            transaction.remove_value(key.to_vec(), &old);
        }
        write_size(transaction, self.size, size);
        Ok(pruned)
    }

    fn size(&self) -> usize {
        self.max * 256
    }
}

fn without(size: StateSize, old: &View) -> StateSize {
    StateSize { entries: size.entries.saturating_sub(1), bytes: size.bytes.saturating_sub(old.stored_bytes()) }
}

fn read_size(entry: Option<IVec>) -> Result<StateSize> {
    let Some(entry) = entry else { return Ok(StateSize::default()) };
    let bytes: &[u8; 16] = entry.as_ref().try_into().map_err(|_| corrupt("the size of a plugin's state"))?;
    let number = |at: usize| bytes[at..].first_chunk().copied().map_or(0, u64::from_be_bytes);
    Ok(StateSize { entries: number(0), bytes: number(8) })
}

fn write_size(transaction: &mut Transaction<'_>, key: Key, size: StateSize) {
    if size.entries == 0 {
        transaction.remove(key);
        return;
    }
    let bytes: Vec<u8> = [size.entries, size.bytes].iter().flat_map(|number| number.to_be_bytes()).collect();
    transaction.put(key, bytes);
}

fn parse((view, body): (View, Vec<u8>)) -> Result<PluginState> {
    let value = String::from_utf8(body).map_err(|_| corrupt("a value of a plugin that is no text"))?;
    Ok(PluginState { value, version: view.revision() })
}
