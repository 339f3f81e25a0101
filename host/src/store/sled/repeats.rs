//! Names of calls: a second call with the name of a first one is a repeat, for a time.

use std::time::Duration;

use super::Result;
use super::commit::Transaction;
use super::keys::{self, Key};
use crate::model::{Time, UniqueId};
use crate::store::RepeatKey;

/// The name of a call, ready to be remembered.
pub(super) struct Repeat {
    key: Key,
    keep: Duration,
}

impl Repeat {
    /// Prepares `repeat`.
    pub(super) fn new(repeat: RepeatKey) -> Self {
        Self { key: keys::repeat(&repeat.scope, &repeat.key), keep: repeat.keep }
    }

    /// Remembers what the call with this name made; answers what it made the first time, if it is a repeat.
    pub(super) fn remember(self, transaction: &mut Transaction<'_>, made: UniqueId) -> Result<Option<UniqueId>> {
        let known = transaction.get(&self.key)?;
        if let Some(first) = known.and_then(|entry| first(&entry, transaction.now())) {
            return Ok(Some(first));
        }
        let until = transaction.now().after(self.keep);
        transaction.put(self.key.clone(), [&until.as_millis().to_be_bytes()[..], made.as_bytes()].concat());
        transaction.expire(until, self.key);
        Ok(None)
    }
}

/// What the first call with a name made, perhaps not durable yet.
pub(super) fn find(tree: &sled::Tree, scope: &str, key: &str, now: Time) -> Result<Option<UniqueId>> {
    Ok(tree.get(keys::repeat(scope, key))?.and_then(|entry| first(&entry, now)))
}

/// What is remembered, unless it has expired by `now`.
fn first(entry: &[u8], now: Time) -> Option<UniqueId> {
    until(entry).filter(|until| *until > now).and_then(|_| keys::parse_id(entry))
}

/// Until when a call is remembered.
pub(super) fn until(entry: &[u8]) -> Option<Time> {
    entry.first_chunk::<8>().map(|millis| Time::from_millis(u64::from_be_bytes(*millis)))
}
