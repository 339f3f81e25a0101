//! Publishes events of the granted types: `events::emit`.
//!
//! They become durable with the task's result, exactly once, or not at all. At most 100 events, and 1 MiB of data, in
//! one call of the action.

use serde::Serialize;

#[cfg(target_arch = "wasm32")]
use crate::bindings::capabilities::tenterhook::plugin::events as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::events as host;
use crate::{Trouble, json};

/// Publishes an event; answers its id. `key` orders the deliveries of events that have the same.
///
/// # Errors
/// `Denied`: the type is not granted. `Invalid`: the data has no JSON form, or is not what the type's schema says.
/// `Exhausted`: too many events or bytes. `Unavailable`: it may work later.
pub fn emit<T: Serialize + ?Sized>(event_type: &str, data: &T, key: Option<&str>) -> Result<String, Trouble> {
    host::emit(event_type, &json::write(data)?, key)
}
