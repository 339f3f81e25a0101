//! From the `with` of a task to an effect, and the other values that tasks compute.

use std::time::Duration;

use serde_json::Value;

use crate::model::{Fault, Object};

use super::duration;
use super::effect::{Action, RecordAt};
use super::fault::FaultKind;
use super::model::{Call, Emit, RaisedError};
use super::scope::{Given, Scope};
use super::value::{Delay, Template};

impl Scope<'_> {
    /// What `call` asks for.
    pub(super) fn call(&self, call: &Call, input: &Value, given: Given<'_>) -> Result<Action, Fault> {
        let or_input = |template: &Option<Template>| match template {
            Some(template) => self.fill(template, input, given),
            None => Ok(input.clone()),
        };
        let fields = |template| or_input(template).and_then(|value| object(value, "fields"));
        let key = |template: &Template| self.fill(template, input, given).and_then(|value| key_text(&value));
        Ok(match call {
            Call::Webhook { webhook, data, record } => {
                let record = match record {
                    Some((source, template)) => Some(RecordAt { source: source.clone(), key: key(template)? }),
                    None => None,
                };
                Action::CallWebhook { webhook: webhook.clone(), data: or_input(data)?, record }
            }
            Call::RecordInsert { source, fields: template } => {
                Action::RecordInsert { source: source.clone(), fields: fields(template)? }
            }
            Call::RecordUpdate { source, key: template, fields: changes } => {
                Action::RecordUpdate { source: source.clone(), key: key(template)?, fields: fields(changes)? }
            }
            Call::RecordUpsert { source, fields: template } => {
                Action::RecordUpsert { source: source.clone(), fields: fields(template)? }
            }
            Call::RecordGet { source, key: template } => {
                Action::RecordGet { source: source.clone(), key: key(template)? }
            }
            Call::Plugin { plugin, input: template, config } => {
                let config = match config {
                    Some(template) => self.fill(template, input, given)?,
                    None => Value::Null,
                };
                Action::CallPlugin { plugin: plugin.clone(), input: or_input(template)?, config }
            }
        })
    }

    /// The event of an `emit`. Without a source it is this workflow's.
    pub(super) fn emit(&self, emit: &Emit, input: &Value, given: Given<'_>) -> Result<Action, Fault> {
        let text = |template: &Template, what| self.fill(template, input, given).and_then(|value| text(value, what));
        let kind = text(&emit.kind, "the event's type")?;
        if kind.is_empty() {
            return Err(FaultKind::Validation.fault("the event's type is empty"));
        }
        let source = match &emit.source {
            Some(source) => text(source, "the event's source")?,
            None => format!("urn:tenterhook:workflow:{}", self.context.workflow),
        };
        let subject = match &emit.subject {
            Some(subject) => match self.fill(subject, input, given)? {
                Value::Null => None,
                value => Some(self::text(value, "the event's subject")?),
            },
            None => None,
        };
        let data = match &emit.data {
            Some(data) => self.fill(data, input, given)?,
            None => input.clone(),
        };
        Ok(Action::Emit { kind, source, subject, data })
    }

    /// The fault of a `raise`.
    pub(super) fn raised(&self, error: &RaisedError, input: &Value, given: Given<'_>) -> Result<Fault, Fault> {
        let optional = |template: &Option<Template>, what| match template {
            None => Ok(None),
            Some(template) => match self.fill(template, input, given)? {
                Value::Null => Ok(None),
                value => text(value, what).map(Some),
            },
        };
        let kind = text(self.fill(&error.kind, input, given)?, "the error's type")?;
        let status = self.fill(&error.status, input, given)?;
        let Some(status) = status.as_u64().and_then(|status| u16::try_from(status).ok()) else {
            return Err(FaultKind::Validation.fault(format!("the error's status is no HTTP status: {status}")));
        };
        let title = optional(&error.title, "the error's title")?.unwrap_or_else(|| kind.clone());
        let detail = optional(&error.detail, "the error's detail")?;
        let instance = optional(&error.instance, "the error's instance")?;
        Ok(Fault { kind, status, title, detail, instance })
    }

    /// How long to wait.
    pub(super) fn delay(&self, delay: &Delay, input: &Value, given: Given<'_>) -> Result<Duration, Fault> {
        match delay {
            Delay::Fixed(duration) => Ok(*duration),
            Delay::Computed(expression) => {
                let value = text(self.evaluate(expression, input, given)?, "the time to wait")?;
                duration::parse_iso(&value).map_err(|reason| FaultKind::Validation.fault(reason))
            }
        }
    }
}

fn text(value: Value, what: &str) -> Result<String, Fault> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(FaultKind::Validation.fault(format!("{what} must be a text, but is {}", kind(&other)))),
    }
}

fn object(value: Value, what: &str) -> Result<Object, Fault> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(FaultKind::Validation.fault(format!("{what} must be an object, but is {}", kind(&other)))),
    }
}

/// Keys are texts; numbers are taken as they are written.
fn key_text(value: &Value) -> Result<String, Fault> {
    match value {
        Value::String(key) if !key.is_empty() => Ok(key.clone()),
        Value::Number(key) => Ok(key.to_string()),
        Value::String(_) => Err(FaultKind::Validation.fault("the record's key is empty")),
        other => Err(FaultKind::Validation.fault(format!("the record's key must be a text, but is {}", kind(other)))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
