//! Which endpoints want an event.

use serde_json::{Value, json};

use crate::model::{Endpoint, Event};

/// The types of the events that the server raises about its own work. The data of those that are about an endpoint
/// have the member `endpoint` `{id, url}`.
pub const OPERATIONAL_TYPES: [&str; 6] = [
    "endpoint.paused",
    "endpoint.disabled",
    "endpoint.recovered",
    "delivery.failed",
    "plugin.quarantined",
    "plugin.recovered",
];

/// Whether events of this type are about the server's own work. A failed delivery of one must raise none, or two endpoints that
/// fail would tell each other of it for ever.
pub fn is_operational(kind: &str) -> bool {
    OPERATIONAL_TYPES.contains(&kind)
}

/// Whether `endpoint` takes `event`, as far as its event types say; [`passes`] is the filter's part. Whether it is
/// active does not matter: deliveries to one that is not are held.
///
/// `*` takes everything but operational events: these must be named, or taken by their prefix (`endpoint.*`). No
/// endpoint is told of itself.
pub fn wants(endpoint: &Endpoint, event: &Event) -> bool {
    endpoint.event_types.iter().any(|pattern| matches(pattern, &event.kind)) && !is_about(endpoint, event)
}

/// Whether a pattern takes a type: `lead.create` itself only, `lead.*` everything that begins with `lead.`, at any
/// depth.
fn matches(pattern: &str, kind: &str) -> bool {
    if pattern == "*" {
        return !is_operational(kind);
    }
    match pattern.strip_suffix('*').filter(|prefix| prefix.ends_with('.')) {
        Some(prefix) => kind.len() > prefix.len() && kind.starts_with(prefix),
        None => pattern == kind,
    }
}

fn is_about(endpoint: &Endpoint, event: &Event) -> bool {
    is_operational(&event.kind)
        && event.data.pointer("/endpoint/id").and_then(Value::as_str) == Some(endpoint.id.as_str())
}

/// What filters and plugins see of an event: `{id, type, timestamp, source, subject, data}`; `subject` may be null.
pub fn event_input(event: &Event) -> Value {
    json!({
        "id": event.id,
        "type": event.kind,
        "timestamp": event.time,
        "source": event.source,
        "subject": event.subject,
        "data": event.data,
    })
}

/// Whether the value that a filter gave lets the event pass: as in jq, all but false and null.
pub fn passes(verdict: &Value) -> bool {
    !matches!(verdict, Value::Null | Value::Bool(false))
}
