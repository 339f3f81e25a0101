//! `state`: the plugin's own values in the run's space, as the call first saw them, with what it wrote.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

use crate::model::{PluginState, StateChange, StateExpect, UniqueId};
use crate::plugin::Trouble;

use super::{About, Capabilities, parse, trouble};

/// Longest key, in bytes: it is part of a store key.
const KEY_BYTES_MAX: usize = 128;
/// Longest value, in bytes.
const VALUE_BYTES_MAX: usize = 64 << 10;
/// Values of one plugin in a space: a small store, not a database.
const ENTRIES_MAX: u64 = 10_000;
/// Bytes of all of them.
const BYTES_MAX: u64 = 64 << 20;

/// The values that a call has met.
#[derive(Default)]
pub(super) struct HeldStates(BTreeMap<String, Held>);

struct Held {
    /// As it was stored when the call met it.
    stored: Option<PluginState>,
    /// What the call made of it; `None` within: it deleted it.
    written: Option<Option<String>>,
}

impl Held {
    fn current(&self) -> Option<String> {
        match &self.written {
            Some(written) => written.clone(),
            None => self.stored.as_ref().map(|stored| stored.value.clone()),
        }
    }
}

impl HeldStates {
    /// What the call wrote, each value as it was left.
    pub(super) fn changes(&mut self, about: &About) -> Vec<StateChange> {
        let change = |(key, Held { stored, written }): (String, Held)| {
            let next = written?;
            let expect = stored.map_or(StateExpect::Absent, |stored| StateExpect::At(stored.version));
            if next.is_none() && expect == StateExpect::Absent {
                return None;
            }
            let next = next.map(|value| PluginState { value, version: new_version() });
            Some(StateChange { space: about.space.clone(), plugin: about.plugin.name.clone(), key, next, expect })
        };
        std::mem::take(&mut self.0).into_iter().filter_map(change).collect()
    }
}

/// A version that no value had before, by chance.
fn new_version() -> u64 {
    UniqueId::generate().as_bytes().last_chunk().copied().map_or(0, u64::from_be_bytes)
}

impl Capabilities {
    /// `state.get`.
    pub(super) async fn get_state(&self, key: &str) -> Result<Option<String>, Trouble> {
        self.allow_state()?;
        check_key(key)?;
        self.meet_state(key).await
    }

    /// `state.set`, and `state.delete`.
    pub(super) async fn put_state(&self, key: &str, value: Option<String>) -> Result<(), Trouble> {
        self.allow_state()?;
        check_key(key)?;
        self.refuse_secrets("the key", key)?;
        if let Some(value) = &value {
            check_value(value)?;
            self.refuse_secrets_in_json(&format!("the value of {key:?}"), value)?;
        }
        let former = self.meet_state(key).await?;
        if value.is_some() && former.is_none() {
            self.check_room().await?;
        }
        if let Some(held) = self.session().states.0.get_mut(key) {
            held.written = Some(value);
        }
        Ok(())
    }

    /// A value as this call sees it.
    async fn meet_state(&self, key: &str) -> Result<Option<String>, Trouble> {
        if let Some(held) = self.session().states.0.get(key) {
            return Ok(held.current());
        }
        let stored = self.engine.store.state(&self.about.space, &self.about.plugin.name, key).await;
        let stored = stored.map_err(|error| trouble(error.into()))?;
        let mut session = self.session();
        Ok(session.states.0.entry(key.to_owned()).or_insert(Held { stored, written: None }).current())
    }

    /// Refuses new values where there are too many.
    async fn check_room(&self) -> Result<(), Trouble> {
        let size = self.engine.store.state_size(&self.about.space, &self.about.plugin.name).await;
        let size = size.map_err(|error| trouble(error.into()))?;
        if size.entries < ENTRIES_MAX && size.bytes < BYTES_MAX {
            return Ok(());
        }
        let limit = format!("up to {ENTRIES_MAX} values with {BYTES_MAX} bytes are kept of a plugin in a space");
        Err(Trouble::Exhausted(format!("the plugin's state is full: {limit}")))
    }
}

fn check_key(key: &str) -> Result<(), Trouble> {
    if (1..=KEY_BYTES_MAX).contains(&key.len()) {
        return Ok(());
    }
    Err(Trouble::Invalid(format!("a key has 1 to {KEY_BYTES_MAX} bytes; this one has {}", key.len())))
}

fn check_value(value: &str) -> Result<(), Trouble> {
    if value.len() > VALUE_BYTES_MAX {
        let reason = format!("a value has up to {VALUE_BYTES_MAX} bytes; this one has {}", value.len());
        return Err(Trouble::Invalid(reason));
    }
    parse::<IgnoredAny>("the value is no JSON", value).map(drop)
}
