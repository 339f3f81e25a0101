//! The request that carries an event to an endpoint: the same for all attempts, but for time and signature.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use url::Url;

use super::flat::{flat_fields, text};
use super::{BODY_BYTES_MAX, URL_BYTES_MAX, cloudevents, xml};
use crate::model::{
    BodyFormat, CloudEventsMode, Endpoint, EndpointFormat, Event, HeaderField, MASK, Method, Redacted, Time,
};
use crate::signature::{ID_HEADER, SIGNATURE_HEADER, SigningKey, TIMESTAMP_HEADER, sign};

/// Why there is no request. None of these goes away by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The endpoint's format is a plugin: see [`base`] and [`from_plugin`].
    #[error("the format is a plugin, which makes the request itself")]
    IsPlugin,
    /// Format `lead` without its secret.
    #[error("the endpoint has no envelope secret, which format \"lead\" needs")]
    NoEnvelopeSecret,
    /// The body or the URL came out too large.
    #[error("the {what} exceeds {limit} bytes")]
    TooLarge {
        /// What.
        what: &'static str,
        /// Its limit, in bytes.
        limit: usize,
    },
    /// The plugin gave another method than the five.
    #[error("the plugin gave the method {method:?}; use GET, POST, PUT, PATCH or DELETE")]
    BadMethod {
        /// What it gave.
        method: String,
    },
    /// The plugin gave a URL that is not the endpoint's, but for path and query.
    #[error("the request must go to {expected}; the plugin changed that")]
    Diverted {
        /// Scheme, host and port of the endpoint.
        expected: String,
    },
    /// The plugin gave a header that cannot be sent.
    #[error("header {name:?} cannot be sent: {reason}")]
    BadHeader {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The data cannot be written as JSON.
    #[error("the event cannot be written as JSON: {reason}")]
    BadData {
        /// Why.
        reason: String,
    },
}

/// A request without signature. It has no `Debug`: its body may hold the envelope secret.
#[derive(Clone, PartialEq)]
pub struct Form {
    /// The method.
    pub method: Method,
    /// The absolute URL.
    pub url: String,
    /// The headers, but those of the signature.
    pub headers: Vec<HeaderField>,
    /// The body; empty means none.
    pub body: Bytes,
    /// The secrets in the body, to be masked in history.
    pub secrets: Vec<Redacted>,
}

impl Form {
    /// With the secret values of the endpoint's headers, by the name in lower case, in place of their masks. What made
    /// the form, such as a plugin, does not see them.
    #[must_use]
    pub fn unmasked(mut self, values: &BTreeMap<String, Redacted>) -> Self {
        for field in self.headers.iter_mut().filter(|field| field.value == MASK) {
            if let Some(value) = values.get(&field.name.to_ascii_lowercase()) {
                value.reveal().clone_into(&mut field.value);
                self.secrets.push(value.clone());
            }
        }
        self
    }

    /// The headers of an attempt at `now`: those of the form, and `webhook-id`, `webhook-timestamp` and
    /// `webhook-signature` with a signature of the body by each of `keys` (Standard Webhooks, "Webhook headers"). `id`
    /// is the event's, so that receivers recognise a repeat.
    pub fn signed<'k>(&self, keys: impl IntoIterator<Item = &'k SigningKey>, id: &str, now: Time) -> Vec<HeaderField> {
        let signature = [
            (ID_HEADER, id.to_owned()),
            (TIMESTAMP_HEADER, (now.as_millis() / 1000).to_string()),
            (SIGNATURE_HEADER, sign(keys, id, now, &self.body)),
        ];
        let signature = signature.map(|(name, value)| HeaderField { name: name.to_owned(), value });
        self.headers.iter().cloned().chain(signature).collect()
    }
}

/// What the format makes of an event.
struct Content {
    media_type: &'static str,
    headers: Vec<HeaderField>,
    body: Vec<u8>,
    secrets: Vec<Redacted>,
}

impl Content {
    fn new(media_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { media_type, headers: Vec::new(), body: body.into(), secrets: Vec::new() }
    }
}

/// The request that carries `event` to `endpoint`; not if its format is a plugin. GET and DELETE carry the flat
/// fields in the query and have no body, whatever the format. A `Content-Type` among the endpoint's headers wins over
/// the format's. `envelope` is the endpoint's envelope secret.
///
/// # Errors
/// See [`FormError`].
pub fn build(endpoint: &Endpoint, event: &Event, envelope: Option<&Redacted>) -> Result<Form, FormError> {
    if matches!(endpoint.format, EndpointFormat::Plugin { .. }) {
        return Err(FormError::IsPlugin);
    }
    if matches!(endpoint.method, Method::Get | Method::Delete) {
        let url = with_query(&endpoint.url, &encoded(event)?);
        return checked(Form { url, ..base(endpoint) });
    }
    let content = content(&endpoint.format, event, envelope)?;
    let mut headers = Vec::with_capacity(content.headers.len() + endpoint.headers.len() + 1);
    if !endpoint.headers.iter().any(|field| field.name.eq_ignore_ascii_case("content-type")) {
        headers.push(HeaderField { name: "Content-Type".to_owned(), value: content.media_type.to_owned() });
    }
    headers.extend(content.headers);
    headers.extend(endpoint.headers.iter().cloned());
    checked(Form {
        method: endpoint.method,
        url: endpoint.url.clone(),
        headers,
        body: content.body.into(),
        secrets: content.secrets,
    })
}

fn content(format: &EndpointFormat, event: &Event, envelope: Option<&Redacted>) -> Result<Content, FormError> {
    let json_type = BodyFormat::Json.media_type();
    Ok(match format {
        EndpointFormat::Plugin { .. } => return Err(FormError::IsPlugin),
        EndpointFormat::Event {} => Content::new(json_type, json(&EventModel::of(event))?),
        EndpointFormat::Lead {} => {
            let secret = envelope.ok_or(FormError::NoEnvelopeSecret)?;
            let content = Content::new(json_type, json(&Envelope::of(event, secret))?);
            Content { secrets: vec![secret.clone()], ..content }
        }
        EndpointFormat::Flat {} => Content::new(json_type, json(&flat_fields(event)?)?),
        EndpointFormat::Form {} => Content::new(BodyFormat::Form.media_type(), encoded(event)?),
        EndpointFormat::Xml {} => Content::new(BodyFormat::Xml.media_type(), xml::document(event)?),
        EndpointFormat::CloudEvents { mode: CloudEventsMode::Structured } => {
            Content::new(cloudevents::STRUCTURED_MEDIA_TYPE, json(&cloudevents::structured(event))?)
        }
        EndpointFormat::CloudEvents { mode: CloudEventsMode::Binary } => {
            let content = Content::new(cloudevents::DATA_MEDIA_TYPE, json(&event.data)?);
            Content { headers: cloudevents::binary_headers(event), ..content }
        }
    })
}

/// The event model (Standard Webhooks, "Payload structure").
#[derive(Serialize)]
struct EventModel<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: Time,
    data: &'a Value,
}

impl<'a> EventModel<'a> {
    fn of(event: &'a Event) -> Self {
        Self { kind: &event.kind, timestamp: event.time, data: &event.data }
    }
}

/// The envelope of format `lead`.
#[derive(Serialize)]
struct Envelope<'a> {
    id_space: &'a str,
    event: &'a str,
    secret: &'a str,
    payload: &'a Value,
}

impl<'a> Envelope<'a> {
    fn of(event: &'a Event, secret: &'a Redacted) -> Self {
        let Event { space, kind, data, .. } = event;
        Self { id_space: space.as_str(), event: kind, secret: secret.reveal(), payload: data }
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, FormError> {
    serde_json::to_vec(value).map_err(|error| FormError::BadData { reason: error.to_string() })
}

/// The flat fields, `application/x-www-form-urlencoded` (URL Standard §5.2).
fn encoded(event: &Event) -> Result<String, FormError> {
    let fields = flat_fields(event)?;
    let mut out = form_urlencoded::Serializer::new(String::new());
    for (name, value) in &fields {
        out.append_pair(name, &text(value));
    }
    Ok(out.finish())
}

fn with_query(url: &str, query: &str) -> String {
    let separator = match url.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, given)) if given.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{url}{separator}{query}")
}

fn checked(form: Form) -> Result<Form, FormError> {
    if form.body.len() > BODY_BYTES_MAX {
        return Err(FormError::TooLarge { what: "body", limit: BODY_BYTES_MAX });
    }
    if form.url.len() > URL_BYTES_MAX {
        return Err(FormError::TooLarge { what: "URL", limit: URL_BYTES_MAX });
    }
    Ok(form)
}

/// The body that [`build`] made of `event` for an endpoint of this format and method, its secrets
/// masked. None for a plugin's.
pub fn body_of(format: &EndpointFormat, method: Method, event: &Event) -> Option<Bytes> {
    if matches!(method, Method::Get | Method::Delete) {
        return Some(Bytes::new());
    }
    let masked = Redacted::new(MASK.to_owned());
    content(format, event, Some(&masked)).ok().map(|content| content.body.into())
}

/// The request that a plugin begins with: the endpoint's, without a body.
pub fn base(endpoint: &Endpoint) -> Form {
    Form {
        method: endpoint.method,
        url: endpoint.url.clone(),
        headers: endpoint.headers.clone(),
        body: Bytes::new(),
        secrets: Vec::new(),
    }
}

/// The request that a plugin made. It goes to the endpoint's scheme, host and port, whatever the plugin says, and
/// has no header that is the server's.
///
/// # Errors
/// See [`FormError`].
pub fn from_plugin(
    endpoint: &Endpoint,
    method: &str,
    url: &str,
    headers: Vec<HeaderField>,
    body: Bytes,
) -> Result<Form, FormError> {
    let all = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete];
    let bad_method = || FormError::BadMethod { method: method.chars().take(40).collect() };
    let method = all.into_iter().find(|known| known.as_str() == method).ok_or_else(bad_method)?;
    refuse_diversion(&endpoint.url, url)?;
    for field in &headers {
        if let Some(reason) = field.name_problem().or_else(|| field.value_problem()) {
            return Err(FormError::BadHeader { name: field.name.chars().take(100).collect(), reason });
        }
    }
    checked(Form { method, url: url.to_owned(), headers, body, secrets: Vec::new() })
}

fn refuse_diversion(defined: &str, given: &str) -> Result<(), FormError> {
    let defined = Url::parse(defined).ok();
    let expected = || defined.as_ref().map(|url| url.origin().ascii_serialization()).unwrap_or_default();
    let same = match (&defined, Url::parse(given)) {
        (Some(defined), Ok(given)) => {
            defined.origin() == given.origin() && given.username().is_empty() && given.password().is_none()
        }
        _ => false,
    };
    if same { Ok(()) } else { Err(FormError::Diverted { expected: expected() }) }
}
