//! What plugins keep: small values of their own, per space; all versions of a plugin share them.

use super::Slug;

/// Values that a plugin may keep in a space: a small store, not a database.
pub const STATE_ENTRIES_MAX: u64 = 10_000;
/// Bytes of all of them.
pub const STATE_BYTES_MAX: u64 = 64 << 20;

/// A value that a plugin keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginState {
    /// JSON text.
    pub value: String,
    /// Another one after each write, and never one that the key had before.
    pub version: u64,
}

/// What must be true of the stored value for a change to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateExpect {
    /// There is no value.
    Absent,
    /// The stored value has this version.
    At(u64),
}

/// A change of a value, computed from the one that `expect` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// The space.
    pub space: Slug,
    /// The plugin's name.
    pub plugin: Slug,
    /// The key: 1 to 128 bytes.
    pub key: String,
    /// The new value; `None` deletes.
    pub next: Option<PluginState>,
    /// The value that it was computed from.
    pub expect: StateExpect,
}

/// How much a plugin keeps in a space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateSize {
    /// How many values.
    pub entries: u64,
    /// Bytes of the values, as they are kept.
    pub bytes: u64,
}

impl StateSize {
    /// Whether it is within what a plugin may keep in a space.
    pub const fn fits(self) -> bool {
        self.entries <= STATE_ENTRIES_MAX && self.bytes <= STATE_BYTES_MAX
    }
}
