//! A small store of the plugin's own, per space: `state::get`, `state::set`, `state::delete`.
//!
//! All versions of a plugin share it. Writes become durable with the task's result, exactly once, or not at all; a call
//! sees its own, and what it has read stays the same for it. If what it wrote was changed by others since it met it, the
//! action is called again, so a counter counts right; what it only read may have changed. Keys have 1 to 128 bytes,
//! values up to 64 KiB; at most 100 calls in one call of the action.

use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(target_arch = "wasm32")]
use crate::bindings::capabilities::tenterhook::plugin::state as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::state as host;
use crate::{Trouble, json};

/// The value of a key, as any type that serde can read; `None` if there is none.
///
/// # Errors
/// `Denied`: state is not granted. `Invalid`: the key is not 1 to 128 bytes long, or the value is not what `T` takes.
/// `Exhausted`: too many calls. `Unavailable`: it may work later.
pub fn get<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Trouble> {
    host::get(key)?.map(|value| json::read(format_args!("state {key:?}"), &value)).transpose()
}

/// Sets the value of a key.
///
/// # Errors
/// As [`get`]; `Invalid` also when the value has no JSON form or more than 64 KiB.
pub fn set<T: Serialize + ?Sized>(key: &str, value: &T) -> Result<(), Trouble> {
    host::set(key, &json::write(value)?)
}

/// Deletes a key; one that is not there is no error.
///
/// # Errors
/// As [`get`].
pub fn delete(key: &str) -> Result<(), Trouble> {
    host::delete(key)
}
