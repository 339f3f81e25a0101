//! CloudEvents 1.0.2 over HTTP.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use serde_json::Value;

use crate::model::{Event, HeaderField, Time};

/// The version of the specification (§"specversion").
const SPECVERSION: &str = "1.0";
/// Media type of the structured mode (HTTP binding §3.2.1).
pub(super) const STRUCTURED_MEDIA_TYPE: &str = "application/cloudevents+json";
/// Media type of the data.
pub(super) const DATA_MEDIA_TYPE: &str = "application/json";
/// What is percent-encoded in header values: besides this, everything beyond ASCII (HTTP binding §3.1.3.2).
const HEADER_SET: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// An event in the JSON format (JSON format §2).
#[derive(Serialize)]
pub(super) struct Structured<'a> {
    specversion: &'static str,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    time: Time,
    datacontenttype: &'static str,
    data: &'a Value,
}

pub(super) fn structured(event: &Event) -> Structured<'_> {
    Structured {
        specversion: SPECVERSION,
        id: event.id.to_string(),
        source: source(event),
        kind: &event.kind,
        subject: subject(event),
        time: event.time,
        datacontenttype: DATA_MEDIA_TYPE,
        data: &event.data,
    }
}

/// The attributes as headers (HTTP binding §3.1.3); `datacontenttype` is `Content-Type`.
pub(super) fn binary_headers(event: &Event) -> Vec<HeaderField> {
    let field = |name: &str, value: &str| HeaderField {
        name: name.to_owned(),
        value: utf8_percent_encode(value, HEADER_SET).to_string(),
    };
    let mut headers = vec![
        field("ce-specversion", SPECVERSION),
        field("ce-id", &event.id.to_string()),
        field("ce-source", &source(event)),
        field("ce-type", &event.kind),
        field("ce-time", &event.time.to_string()),
    ];
    headers.extend(subject(event).map(|subject| field("ce-subject", subject)));
    headers
}

/// A source must not be empty: without one it is the space.
fn source(event: &Event) -> String {
    if event.source.is_empty() { format!("/spaces/{}", event.space) } else { event.source.clone() }
}

/// A subject must not be empty.
fn subject(event: &Event) -> Option<&str> {
    event.subject.as_deref().filter(|subject| !subject.is_empty())
}
