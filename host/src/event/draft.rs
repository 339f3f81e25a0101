//! What a publisher sends, and its check.

use std::io;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use serde_json::Value;

use super::{FieldProblem, KEY_BYTES_MAX};
use crate::model::{Event, EventName, ExternalId, Slug, Time, UniqueId, VALUE_DEPTH_MAX, is_date_time, nests_deeper};

/// How far the time of an event may be from now, either way: a year, and a day because some have one more.
const TIME_DISTANCE_MAX: Duration = Duration::from_hours(366 * 24);

/// One event as a publisher sends it: `{type, data, id?, key?, time?}`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventDraft {
    /// Its type, such as `lead.create`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened: an object, because forms, query parameters and envelopes need named members.
    #[schema(value_type = Object)]
    pub data: Value,
    /// The publisher's own id of it: 1 to 255 visible ASCII characters other than the dot. The same id again is the
    /// same event again; receivers get it as `webhook-id`.
    #[serde(default)]
    pub id: Option<String>,
    /// What it is ordered by, 1 to 255 bytes: see the ordered mode of endpoints.
    #[serde(default)]
    pub key: Option<String>,
    /// When it happened, RFC 3339, at most a year from now; now, if not given.
    #[serde(default)]
    #[schema(format = "date-time")]
    pub time: Option<String>,
}

/// What an event gets from where and when it is published.
#[derive(Clone, Copy, Debug)]
pub struct Publication<'a> {
    /// Our id for it.
    pub id: UniqueId,
    /// The space.
    pub space: &'a Slug,
    /// Who publishes it: a URI reference.
    pub source: &'a str,
    /// Now.
    pub now: Time,
    /// Largest event, in bytes of its JSON.
    pub bytes_max: usize,
}

impl EventDraft {
    /// Checks everything but the schema: the type need not be in the catalogue.
    ///
    /// # Errors
    /// All problems at once.
    pub fn check(self, at: &Publication<'_>) -> Result<Event, Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let mut keep = |field: &str, reason: String| problems.push(FieldProblem::new(field, reason));
        if let Err(invalid) = self.kind.parse::<EventName>() {
            keep("type", invalid.to_string());
        }
        if !self.data.is_object() {
            keep("data", format!("the data of an event are a JSON object, not {}", kind_of(&self.data)));
        }
        if nests_deeper(&self.data, VALUE_DEPTH_MAX) {
            keep("data", format!("it nests deeper than {VALUE_DEPTH_MAX} arrays and objects"));
        }
        let external_id = self.id.map(|id| id.parse::<ExternalId>()).transpose().unwrap_or_else(|invalid| {
            keep("id", invalid.to_string());
            None
        });
        if self.key.as_deref().is_some_and(|key| !(1..=KEY_BYTES_MAX).contains(&key.len())) {
            keep("key", format!("an ordering key has 1 to {KEY_BYTES_MAX} bytes; leave it out for none"));
        }
        let time = self.time.map_or(Ok(at.now), |text| time(&text, at.now)).unwrap_or_else(|reason| {
            keep("time", reason);
            at.now
        });
        let event = Event {
            id: at.id,
            external_id,
            space: at.space.clone(),
            kind: self.kind,
            time,
            source: at.source.to_owned(),
            subject: None,
            key: self.key,
            data: self.data,
            run: None,
        };
        if let Some(reason) = too_large(&event, at.bytes_max) {
            keep("data", reason);
        }
        if problems.is_empty() { Ok(event) } else { Err(problems) }
    }
}

fn too_large(event: &Event, bytes_max: usize) -> Option<String> {
    match json_bytes(event) {
        Ok(bytes) if bytes <= bytes_max => None,
        Ok(bytes) => Some(format!("the event has {bytes} bytes of JSON; the limit is {bytes_max}")),
        Err(error) => Some(format!("it cannot be kept as JSON: {error}")),
    }
}

/// The time that `text` writes, if it is near enough.
fn time(text: &str, now: Time) -> Result<Time, String> {
    if !is_date_time(text) {
        return Err("expected a date and time of RFC 3339, such as \"2026-01-31T12:00:00Z\"".to_owned());
    }
    let read = |text: &str| -> Result<Time, serde::de::value::Error> { Time::deserialize(text.into_deserializer()) };
    // What is left to fail is a time before 1970.
    let time = read(text).map_err(|_| far(now))?;
    let near = time.since(now) <= TIME_DISTANCE_MAX && now.since(time) <= TIME_DISTANCE_MAX;
    if near { Ok(time) } else { Err(far(now)) }
}

fn far(now: Time) -> String {
    format!("the time of an event is at most a year from now, which is {now}")
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// How many bytes of JSON `event` has, without making them.
fn json_bytes(event: &Event) -> serde_json::Result<usize> {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, event)?;
    Ok(count.0)
}

#[cfg(test)]
mod tests;
