//! `events`, `webhooks` and `secrets`.

use serde_json::Value;

use crate::event::{EVENT_BYTES_MAX, KEY_BYTES_MAX};
use crate::model::{
    Digest, Event, EventName, Fault, LogLine, MASK, Slug, UniqueId, VALUE_DEPTH_MAX, Webhook, nests_deeper,
};
use crate::plugin::{Trouble, WebhookCall, WebhookOutcome};
use crate::webhook::{Answer, Redactor};

use super::super::call::{CallSite, CallTrial};
use super::super::{EngineError, faults};
use super::dry::Pretended;
use super::{Capabilities, parse, trouble};

impl Capabilities {
    /// `events.emit`.
    pub(super) async fn emit_event(
        &self,
        event_type: String,
        data: &str,
        key: Option<String>,
    ) -> Result<String, Trouble> {
        self.allow_event(&event_type)?;
        event_type.parse::<EventName>().map_err(|error| Trouble::Invalid(error.to_string()))?;
        if data.len() > EVENT_BYTES_MAX {
            let reason = format!("the data has {} bytes; an event has up to {EVENT_BYTES_MAX}", data.len());
            return Err(Trouble::Invalid(reason));
        }
        if key.as_ref().is_some_and(|key| !(1..=KEY_BYTES_MAX).contains(&key.len())) {
            return Err(Trouble::Invalid(format!("a key has 1 to {KEY_BYTES_MAX} bytes")));
        }
        self.refuse_secrets("the type", &event_type)?;
        self.refuse_secrets("the key", key.as_deref().unwrap_or(""))?;
        let data = shallow("the data", data)?;
        self.refuse_secrets("the data", &data.to_string())?;
        let event = Event {
            id: UniqueId::generate(),
            external_id: None,
            space: self.about.space.clone(),
            kind: event_type,
            time: self.engine.clock.now(),
            source: format!("urn:tenterhook:plugin:{}", self.about.plugin.name),
            subject: None,
            key,
            data,
            run: Some(self.about.run),
        };
        let event = self.engine.checked_emission(event).await.map_err(trouble)?;
        let id = event.id.to_string();
        self.session().events.push(event);
        Ok(id)
    }

    /// `webhooks.call`.
    pub(super) async fn make_call(&self, webhook: &str, data: &str, number: u32) -> Result<WebhookCall, Trouble> {
        self.allow_webhook(webhook)?;
        let missing = || trouble(EngineError::not_found("webhook", webhook));
        let id: Slug = webhook.parse().map_err(|_| missing())?;
        let space = &self.about.space;
        let found = self.engine.definitions.shared::<Webhook>(space, id.as_str()).await;
        let webhook = found.map_err(|error| trouble(error.into()))?.ok_or_else(missing)?;
        let data: Value = shallow("the data", data)?;
        let key = call_key(&self.about.key, number, &id, &data);
        let secrets = self.session().secrets.clone();
        let trial = if self.dry.is_some() { CallTrial::Own } else { CallTrial::None };
        let site = CallSite { space, id: &key, now: self.about.now, secrets: &secrets, trial };
        let (outcome, exchange, logs) = match &self.dry {
            Some(answers) => {
                let Pretended { outcome, exchange, logs } = self.pretend_call(&site, &webhook, &data, answers).await?;
                (outcome, exchange, logs)
            }
            None => {
                let called = self.engine.call_webhook(&site, &id, &data, None).await.map_err(trouble)?;
                (outcome_of(called.outcome), called.exchange, called.logs)
            }
        };
        let redactor = self.redactor();
        let masked = |line: LogLine| LogLine { message: redactor.text(&line.message), ..line };
        self.session().logs.extend(logs.into_iter().map(masked));
        Ok(WebhookCall { outcome, exchange })
    }

    /// `secrets.get`.
    pub(super) async fn read_secret(&self, name: &str) -> Result<String, Trouble> {
        self.allow_secret(name)?;
        let secret = self.engine.secret(&self.about.space, name).await.map_err(trouble)?;
        let secret = secret.ok_or_else(|| trouble(EngineError::not_found("secret", name)))?;
        let mut session = self.session();
        if !session.secrets.contains(&secret) && secret.reveal() != MASK {
            session.secrets.push(secret.clone());
            session.redactor = std::sync::Arc::new(Redactor::new(&session.secrets, &[]));
        }
        Ok(secret.reveal().to_owned())
    }
}

/// What came of a call, as the plugin is told.
pub(super) fn outcome_of(outcome: Result<Answer, Fault>) -> WebhookOutcome {
    match outcome {
        Ok(answer) => {
            let status = answer.output["status"].as_u64().and_then(|status| u16::try_from(status).ok());
            let fields = Value::Object(answer.fields).to_string();
            WebhookOutcome::Accepted { status: status.unwrap_or(0), fields }
        }
        Err(fault) => WebhookOutcome::Failed(faults::reason(&fault).to_owned()),
    }
}

/// The idempotency key of a webhook call: the same for a repeat, where an action that is called again does the same;
/// another one where it does something else in its place.
fn call_key(task: &str, number: u32, webhook: &Slug, data: &Value) -> String {
    let hash = Digest::of(format!("{webhook}\0{data}").as_bytes());
    format!("{task}-{number}-{}", hex::encode(&hash.as_bytes()[..8]))
}

/// A JSON value that can be kept.
fn shallow(what: &str, text: &str) -> Result<Value, Trouble> {
    let value: Value = parse(&format!("{what} is no JSON"), text)?;
    if nests_deeper(&value, VALUE_DEPTH_MAX) {
        return Err(Trouble::Invalid(format!("{what} nests deeper than {VALUE_DEPTH_MAX} arrays and objects")));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_webhook_call_has_a_key_by_its_place_and_what_it_says() {
        let key =
            |number, webhook: &str, data: Value| call_key("task", number, &webhook.parse().expect("an id"), &data);
        let first = key(1, "tell", json!({ "n": 5 }));
        assert_eq!(first, key(1, "tell", json!({ "n": 5 })));
        assert!(first.starts_with("task-1-") && first.len() == "task-1-".len() + 16, "{first}");
        for other in [
            key(1, "tell", json!({ "n": 6 })),
            key(2, "tell", json!({ "n": 5 })),
            key(1, "other", json!({ "n": 5 })),
            key(1, "tell", json!({ "n": "5" })),
        ] {
            assert_ne!(first, other);
        }
    }
}
