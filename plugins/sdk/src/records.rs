//! Records of the granted sources: `records::get`, `records::upsert`.
//!
//! Writes become durable with the task's result, exactly once, or not at all; a call sees its own, and what it has read
//! stays the same for it. If a record that it wrote was changed by others since it met it, the action is called again,
//! with the same `call.id`; what it only read may have changed. At most 100 calls, and 1 MiB of records, in one call of
//! the action.

use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(target_arch = "wasm32")]
use crate::bindings::capabilities::tenterhook::plugin::records as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::records as host;
use crate::{Json, Trouble, json};

/// The fields of a record, as any type that serde can read from a JSON object; `None` if there is no such record.
///
/// # Errors
/// `Denied`: the source is not granted. `Missing`: there is no such source. `Invalid`: the fields are not what `T`
/// takes. `Exhausted`: too many calls. `Unavailable`: it may work later.
pub fn get<T: DeserializeOwned>(source: &str, key: &str) -> Result<Option<T>, Trouble> {
    host::get(source, key)?.map(|fields| json::read(format_args!("record {key:?} of {source:?}"), &fields)).transpose()
}

/// Changes fields of a record, or inserts it; answers all its fields. `fields` is written as a JSON object; a field
/// that it does not name stays as it is.
///
/// # Errors
/// `Denied`: the source is not granted. `Missing`: there is no such source. `Invalid`: the fields have no JSON form, or
/// the source does not take them. `Exhausted`: too many calls or bytes. `Unavailable`: it may work later.
pub fn upsert<T: Serialize + ?Sized>(source: &str, key: &str, fields: &T) -> Result<Json, Trouble> {
    host::upsert(source, key, &json::write(fields)?).map(Json::from_text)
}
