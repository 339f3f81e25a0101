//! Composing the request of a call: which plugins shape it, and what the server adds at the end.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use url::Url;

use super::check::literal_origin;
use super::secrets::{fill, has_insertion, names_in_template};
use crate::model::{HeaderField, Method, PluginRef, Redacted, RequestSpec, Template, Webhook};

/// The header that is the same for every repeat of a call (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// Why no request can be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// The template gave another method than the five.
    #[error("the template set the method {method:?}; use GET, POST, PUT, PATCH or DELETE")]
    BadMethod {
        /// What it gave.
        method: String,
    },
    /// The template gave a URL that cannot be called.
    #[error("the template gave a URL that cannot be called: {reason}")]
    BadUrl {
        /// What is wrong.
        reason: String,
    },
    /// The template gave a header that cannot be sent.
    #[error("header {name:?} cannot be sent: {reason}")]
    BadHeader {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The definition names a secret that the space does not have.
    #[error("the webhook uses secret {name:?}, which the space does not have")]
    UnknownSecret {
        /// Its name.
        name: String,
    },
    /// A rendered header names a secret that the definition does not name.
    #[error("header {header:?} came out naming secret {name:?}, which no header of the webhook's definition names")]
    StraySecret {
        /// The header.
        header: String,
        /// The secret's name.
        name: String,
    },
    /// A plugin changed the host of a request that bears secrets.
    #[error("the request bears secrets, so it must go to {expected}; the template changed that to {found}")]
    Diverted {
        /// Scheme, host and port of the definition.
        expected: String,
        /// Scheme, host and port that came out.
        found: String,
    },
}

/// A request on its way through templates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// The headers.
    pub headers: Vec<HeaderField>,
    /// The body.
    pub body: Bytes,
}

/// A call of a template plugin. The steps of a [`plan`] run in order, each on the request that the one before gave.
#[derive(Clone, Debug, PartialEq)]
pub enum RenderStep {
    /// The built-in `text-template`, with this configuration.
    Text {
        /// `{text?, url, headers, format}`.
        config: Value,
    },
    /// A user's plugin.
    Plugin {
        /// Which.
        plugin: PluginRef,
        /// Its configuration at this place of use.
        config: Value,
    },
}

/// The names of the secrets that a definition names in its headers.
pub fn secret_names(request: &RequestSpec) -> BTreeSet<String> {
    request.headers.iter().flat_map(|field| names_in_template(&field.value)).collect()
}

/// What shapes the request: the request to begin with, and the plugin calls. `text-template` replaces the URL and adds
/// the headers of its configuration, so the request begins without headers where it runs.
pub fn plan(webhook: &Webhook) -> (Rendered, Vec<RenderStep>) {
    let spec = &webhook.request;
    let inserts = has_insertion(&spec.url) || spec.headers.iter().any(|field| has_insertion(&field.value));
    let base = |headers: Vec<HeaderField>| Rendered {
        method: spec.method.as_str().to_owned(),
        url: spec.url.clone(),
        headers,
        body: Bytes::new(),
    };
    match &spec.template {
        Template::Text { text } => (base(Vec::new()), vec![text_step(spec, Some(text))]),
        Template::Plugin { plugin, config } => {
            let step = RenderStep::Plugin { plugin: plugin.clone(), config: config.clone() };
            if inserts {
                (base(Vec::new()), vec![text_step(spec, None), step])
            } else {
                (base(spec.headers.clone()), vec![step])
            }
        }
    }
}

fn text_step(spec: &RequestSpec, text: Option<&str>) -> RenderStep {
    let mut config = json!({ "url": spec.url, "headers": spec.headers, "format": spec.format.word() });
    if let (Some(text), Some(members)) = (text, config.as_object_mut()) {
        members.insert("text".to_owned(), text.into());
    }
    RenderStep::Text { config }
}

/// A request that can be sent, secrets filled in. Only [`finish`] makes one.
#[derive(Clone)]
pub struct ComposedRequest {
    /// The method.
    pub method: Method,
    /// The absolute URL.
    pub url: String,
    /// The headers.
    pub headers: Vec<HeaderField>,
    /// The body; empty means none.
    pub body: Bytes,
    /// The deadline of the whole exchange.
    pub timeout: Duration,
    /// The secrets that were filled in.
    pub secrets: Vec<Redacted>,
    /// The names of the headers that they were filled into.
    pub secret_headers: Vec<String>,
}

/// Checks what the templates gave, fills in secrets and adds what every request bears: `Idempotency-Key`, and
/// `Content-Type` by the definition's format if there is a body and nobody set it.
///
/// # Errors
/// The request cannot or must not be sent.
pub fn finish(
    webhook: &Webhook,
    rendered: Rendered,
    secrets: &dyn Fn(&str) -> Option<Redacted>,
    idempotency_key: &str,
) -> Result<ComposedRequest, ComposeError> {
    let method = method(&rendered.method)?;
    let url = check_url(&rendered.url)?;
    let named = secret_names(&webhook.request);
    let mut composed = ComposedRequest {
        method,
        url: rendered.url,
        headers: Vec::with_capacity(rendered.headers.len() + 2),
        body: rendered.body,
        timeout: Duration::from_millis(webhook.timeout_ms),
        secrets: Vec::new(),
        secret_headers: Vec::new(),
    };
    for field in rendered.headers {
        let header = checked_header(field, &named, secrets, &mut composed)?;
        composed.headers.push(header);
    }
    if !composed.secrets.is_empty() {
        refuse_diversion(&webhook.request.url, &url)?;
    }
    let typed = composed.headers.iter().any(|field| field.name.eq_ignore_ascii_case("content-type"));
    if !typed && !composed.body.is_empty() {
        let value = webhook.request.format.media_type().to_owned();
        composed.headers.push(HeaderField { name: "Content-Type".to_owned(), value });
    }
    let (name, value) = (IDEMPOTENCY_KEY.to_owned(), idempotency_key.to_owned());
    composed.headers.push(HeaderField { name, value });
    Ok(composed)
}

fn method(text: &str) -> Result<Method, ComposeError> {
    let all = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete];
    let bad = || ComposeError::BadMethod { method: text.chars().take(40).collect() };
    all.into_iter().find(|method| method.as_str() == text).ok_or_else(bad)
}

fn check_url(text: &str) -> Result<Url, ComposeError> {
    let bad = |reason: Cow<'static, str>| ComposeError::BadUrl { reason: reason.into_owned() };
    if literal_origin(text).is_none() {
        return Err(bad("it must begin with http:// or https:// and a host".into()));
    }
    Url::parse(text).map_err(|error| bad(error.to_string().into()))
}

fn checked_header(
    field: HeaderField,
    named: &BTreeSet<String>,
    secrets: &dyn Fn(&str) -> Option<Redacted>,
    composed: &mut ComposedRequest,
) -> Result<HeaderField, ComposeError> {
    if let Some(reason) = field.name_problem() {
        return Err(ComposeError::BadHeader { name: field.name, reason });
    }
    let filled = fill(&field.name, &field.value, named, secrets)?;
    let header = HeaderField { name: field.name, value: filled.value };
    if let Some(reason) = header.value_problem() {
        return Err(ComposeError::BadHeader { name: header.name, reason });
    }
    if !filled.used.is_empty() {
        composed.secret_headers.push(header.name.clone());
        composed.secrets.extend(filled.used);
    }
    Ok(header)
}

/// Secrets go to the host that the definition names, whatever a plugin makes of the URL.
fn refuse_diversion(defined: &str, url: &Url) -> Result<(), ComposeError> {
    let expected = literal_origin(defined).unwrap_or_default();
    let found = url.origin().ascii_serialization();
    match Url::parse(expected) {
        Ok(defined) if defined.origin() == url.origin() => Ok(()),
        _ => Err(ComposeError::Diverted { expected: expected.to_owned(), found }),
    }
}
