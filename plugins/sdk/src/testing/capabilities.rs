//! The imports of the capabilities, answered by the host of this thread: same functions, same shapes.

use serde_json::{Map, Value};

use super::{Event, HOST, Host};
use crate::Trouble;

/// Calls of `records`, and of `state`, in one call of the action.
const CALLS_MAX: usize = 100;
/// Events in one call of the action.
const EVENTS_MAX: usize = 100;
/// Calls of webhooks in one call of the action.
const WEBHOOKS_MAX: usize = 16;
/// Bytes of fields, and of event data, in one call of the action.
const BYTES_MAX: usize = 1 << 20;
/// Bytes of a key in the state.
const KEY_BYTES_MAX: usize = 128;
/// Bytes of a value in the state.
const VALUE_BYTES_MAX: usize = 64 << 10;

/// Does something with the host of this thread; without one nothing is granted.
fn with<T>(of: impl FnOnce(&mut Host) -> Result<T, Trouble>) -> Result<T, Trouble> {
    let none = || Trouble::Denied("there is no testing host: install one by `testing::Host::install`".into());
    HOST.with_borrow_mut(|host| of(host.as_mut().ok_or_else(none)?))
}

/// Counts `more` of what is limited.
fn count(used: &mut usize, more: usize, max: usize, what: &str) -> Result<(), Trouble> {
    *used += more;
    if *used > max {
        return Err(Trouble::Exhausted(format!("at most {max} {what} in one call of the action")));
    }
    Ok(())
}

fn parse(what: &str, text: &str) -> Result<Value, Trouble> {
    serde_json::from_str(text).map_err(|error| Trouble::Invalid(format!("{what}: {error}")))
}

/// `records`.
pub mod records {
    use super::{BYTES_MAX, CALLS_MAX, Host, Map, Trouble, Value, count, parse, with};

    type Records = std::collections::BTreeMap<String, Value>;

    fn source<'a>(host: &'a mut Host, source: &str) -> Result<&'a mut Records, Trouble> {
        count(&mut host.used.records, 1, CALLS_MAX, "calls of records")?;
        let denied = || Trouble::Denied(format!("records of the source {source:?}"));
        host.sources.get_mut(source).ok_or_else(denied)
    }

    /// As `records.get`.
    pub fn get(name: &str, key: &str) -> Result<Option<String>, Trouble> {
        with(|host| Ok(source(host, name)?.get(key).map(Value::to_string)))
    }

    /// As `records.upsert`.
    pub fn upsert(name: &str, key: &str, fields: &str) -> Result<String, Trouble> {
        with(|host| {
            count(&mut host.used.record_bytes, fields.len(), BYTES_MAX, "bytes of fields")?;
            let Value::Object(fields) = parse("fields", fields)? else {
                return Err(Trouble::Invalid("fields: not a JSON object".into()));
            };
            let record = source(host, name)?.entry(key.into()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(all) = record {
                all.extend(fields);
            }
            Ok(record.to_string())
        })
    }
}

/// `events`.
pub mod events {
    use super::{BYTES_MAX, EVENTS_MAX, Event, Trouble, count, parse, with};

    /// As `events.emit`; the ids are `evt_1`, `evt_2`, ….
    pub fn emit(event_type: &str, data: &str, key: Option<&str>) -> Result<String, Trouble> {
        with(|host| {
            if !host.event_types.contains(event_type) {
                return Err(Trouble::Denied(format!("events of the type {event_type:?}")));
            }
            count(&mut host.used.events, 1, EVENTS_MAX, "events")?;
            count(&mut host.used.event_bytes, data.len(), BYTES_MAX, "bytes of event data")?;
            let data = parse("data", data)?;
            host.events.push(Event { event_type: event_type.into(), data, key: key.map(str::to_owned) });
            Ok(format!("evt_{}", host.events.len()))
        })
    }
}

/// `webhooks`.
pub mod webhooks {
    use super::{Trouble, WEBHOOKS_MAX, count, parse, with};
    use crate::bindings::capabilities::tenterhook::plugin::webhooks::{Answer, Outcome};
    use crate::webhooks;

    /// As `webhooks.call`.
    pub fn call(webhook: &str, data: &str) -> Result<Outcome, Trouble> {
        with(|host| {
            let denied = || Trouble::Denied(format!("the webhook {webhook:?}"));
            let answering = host.webhooks.get_mut(webhook).ok_or_else(denied)?;
            count(&mut host.used.webhooks, 1, WEBHOOKS_MAX, "calls of webhooks")?;
            let data = parse("data", data)?;
            host.webhook_calls.push((webhook.into(), data.clone()));
            Ok(match answering(&data)? {
                webhooks::Outcome::Accepted(webhooks::Answer { status, fields }) => {
                    Outcome::Accepted(Answer { status, fields: fields.into_text() })
                }
                webhooks::Outcome::Failed(reason) => Outcome::Failed(reason),
            })
        })
    }
}

/// `state`.
pub mod state {
    use super::{CALLS_MAX, Host, KEY_BYTES_MAX, Trouble, VALUE_BYTES_MAX, Value, count, parse, with};

    type State = std::collections::BTreeMap<String, Value>;

    fn state<'a>(host: &'a mut Host, key: &str) -> Result<&'a mut State, Trouble> {
        count(&mut host.used.state, 1, CALLS_MAX, "calls of state")?;
        if !(1..=KEY_BYTES_MAX).contains(&key.len()) {
            return Err(Trouble::Invalid(format!("a key has 1 to {KEY_BYTES_MAX} bytes, this one {}", key.len())));
        }
        host.state.as_mut().ok_or_else(|| Trouble::Denied("state".into()))
    }

    /// As `state.get`.
    pub fn get(key: &str) -> Result<Option<String>, Trouble> {
        with(|host| Ok(state(host, key)?.get(key).map(Value::to_string)))
    }

    /// As `state.set`.
    pub fn set(key: &str, value: &str) -> Result<(), Trouble> {
        with(|host| {
            if value.len() > VALUE_BYTES_MAX {
                return Err(Trouble::Invalid(format!(
                    "a value has at most {VALUE_BYTES_MAX} bytes, this one {}",
                    value.len()
                )));
            }
            let value = parse("value", value)?;
            state(host, key)?.insert(key.into(), value);
            Ok(())
        })
    }

    /// As `state.delete`.
    pub fn delete(key: &str) -> Result<(), Trouble> {
        with(|host| {
            state(host, key)?.remove(key);
            Ok(())
        })
    }
}

/// `secrets`.
pub mod secrets {
    use super::{Trouble, with};

    /// As `secrets.get`.
    pub fn get(name: &str) -> Result<String, Trouble> {
        with(|host| host.secrets.get(name).cloned().ok_or_else(|| Trouble::Denied(format!("the secret {name:?}"))))
    }
}
