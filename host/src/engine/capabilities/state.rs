//! `state`: the plugin's own values in the run's space, as the call first saw them, with what it wrote.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

use crate::model::{PluginState, STATE_BYTES_MAX, STATE_ENTRIES_MAX, StateChange, StateExpect, StateSize, UniqueId};
use crate::plugin::Trouble;

use super::{About, Capabilities, parse, trouble};

/// Longest key, in bytes: it is part of a store key.
const KEY_BYTES_MAX: usize = 128;
/// Longest value, in bytes.
const VALUE_BYTES_MAX: usize = 64 << 10;
/// What a value may take besides its bytes: more than the store adds, so that it refuses nothing that fits here.
const ENTRY_BYTES: i64 = 64;

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

    /// What would be kept if this call ended now, where `size` is kept now; `key` being `value`.
    fn size_with(&self, size: StateSize, key: &str, value: &str) -> StateSize {
        let (mut entries, mut bytes) = (0, 0);
        for (held_key, held) in &self.0 {
            let written = held.written.as_ref().and_then(Option::as_deref);
            let next = if held_key == key { Some(value) } else { written };
            if held_key != key && held.written.is_none() {
                continue;
            }
            let former = held.stored.as_ref().map(|stored| stored.value.as_str());
            entries += i64::from(next.is_some()) - i64::from(former.is_some());
            bytes +=
                next.map_or(0, |next| next.len() as i64 + ENTRY_BYTES) - former.map_or(0, |text| text.len() as i64);
        }
        StateSize {
            entries: size.entries.saturating_add_signed(entries),
            bytes: size.bytes.saturating_add_signed(bytes),
        }
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
        if let Some(value) = &value
            && former.is_none_or(|former| former.len() < value.len())
        {
            self.check_room(key, value).await?;
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

    /// Refuses a value that there is no room for, with all that this call wrote. Calls at the same time do not see each
    /// other's: the store checks again.
    async fn check_room(&self, key: &str, value: &str) -> Result<(), Trouble> {
        let size = self.engine.store.state_size(&self.about.space, &self.about.plugin.name).await;
        let size = size.map_err(|error| trouble(error.into()))?;
        if self.session().states.size_with(size, key, value).fits() {
            return Ok(());
        }
        let limit =
            format!("up to {STATE_ENTRIES_MAX} values with {STATE_BYTES_MAX} bytes are kept of a plugin in a space");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_kept_counts_what_the_call_wrote() {
        let stored = |length: usize| Some(PluginState { value: "x".repeat(length), version: 1 });
        let mut held = HeldStates::default();
        for (key, stored, written) in [
            ("read", stored(500), None),
            ("new", None, Some(Some("x".repeat(100)))),
            ("grown", stored(10), Some(Some("x".repeat(30)))),
            ("deleted", stored(1000), Some(None)),
            ("made and deleted", None, Some(None)),
            ("asked", stored(40), None),
        ] {
            held.0.insert(key.to_owned(), Held { stored, written });
        }
        let size = StateSize { entries: 100, bytes: 10_000 };
        let with = |key: &str, value: &str| {
            let StateSize { entries, bytes } = held.size_with(size, key, value);
            (entries, bytes)
        };
        let (others, entry) = (10_000 + 100 + 20 - 1000, ENTRY_BYTES as u64);
        assert_eq!(with("asked", &"x".repeat(50)), (100, others + 10 + 3 * entry));
        assert_eq!(with("new", &"x".repeat(150)), (100, others + 50 + 2 * entry));
        assert_eq!(with("made and deleted", "x"), (101, others + 1 + 3 * entry));
    }
}
