//! What a server would have for an action, from a file: its capabilities, without a server.
//!
//! Nothing leaves this machine: webhooks and HTTP requests are answered by the file, records, state and events are kept
//! for the one call. What the file does not name is not granted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::model::{Deed, HeaderField, Redacted};
use crate::plugin::{
    DeedEnd, Fetched, HttpFailure, HttpFailureKind, HttpRequest, InboundResponse, Services, Trouble, WebhookCall,
    WebhookOutcome,
};
use crate::webhook::Redactor;

type Fields = Map<String, Value>;

/// The file. Its secrets are not to be shown, so it has no `Debug`.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Setup {
    /// By source and key, the fields.
    records: BTreeMap<String, BTreeMap<String, Fields>>,
    /// The types of events that may be published.
    events: Vec<String>,
    /// By webhook, what comes of calling it.
    webhooks: BTreeMap<String, Answer>,
    /// The plugin's own values; absent, state is not granted.
    state: Option<BTreeMap<String, Value>>,
    secrets: BTreeMap<String, String>,
    http: Vec<Exchange>,
}

/// What comes of a call of a webhook.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Answer {
    /// The fields that its mapping makes.
    Accepted(Fields),
    /// Why it fails.
    Failed(String),
}

/// The answer to requests of one method to one URL.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    #[serde(default = "get")]
    method: String,
    url: String,
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// A text as it is, any other value as JSON.
    #[serde(default)]
    body: Value,
}

fn get() -> String {
    "GET".to_owned()
}

const fn ok() -> u16 {
    200
}

/// A server for one call.
pub(super) struct StandIn {
    setup: Mutex<Setup>,
    deeds: Mutex<Vec<Deed>>,
    redactor: Redactor,
}

impl StandIn {
    /// With what a file says.
    pub fn new(setup: Setup) -> Arc<Self> {
        let secrets: Vec<_> = setup.secrets.values().map(|text| Redacted::new(text.clone())).collect();
        let redactor = Redactor::new(&secrets, &[]);
        Arc::new(Self { setup: Mutex::new(setup), deeds: Mutex::default(), redactor })
    }

    /// What the action did so far, in its order.
    pub fn deeds(&self) -> Vec<Deed> {
        locked(&self.deeds).clone()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn denied(what: &str, name: &str) -> Trouble {
    Trouble::Denied(format!("the {what} {name:?} is not in the file of --server"))
}

fn json<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T, Trouble> {
    serde_json::from_str(text).map_err(|error| Trouble::Invalid(format!("{what}: {error}")))
}

#[async_trait]
impl Services for StandIn {
    async fn record(&self, source: String, key: String) -> Result<Option<String>, Trouble> {
        let setup = locked(&self.setup);
        let records = setup.records.get(&source).ok_or_else(|| denied("source", &source))?;
        Ok(records.get(&key).map(|fields| Value::from(fields.clone()).to_string()))
    }

    async fn upsert_record(&self, source: String, key: String, fields: String) -> Result<String, Trouble> {
        let changed: Fields = json("fields", &fields)?;
        let mut setup = locked(&self.setup);
        let records = setup.records.get_mut(&source).ok_or_else(|| denied("source", &source))?;
        let record = records.entry(key).or_default();
        record.extend(changed);
        Ok(Value::from(record.clone()).to_string())
    }

    async fn emit(&self, event_type: String, data: String, _: Option<String>) -> Result<String, Trouble> {
        json::<serde::de::IgnoredAny>("data", &data)?;
        let is_granted = locked(&self.setup).events.contains(&event_type);
        let number = locked(&self.deeds).len();
        if is_granted { Ok(format!("event-{number}")) } else { Err(denied("event type", &event_type)) }
    }

    async fn call_webhook(&self, webhook: String, data: String, _: u32) -> Result<WebhookCall, Trouble> {
        json::<serde::de::IgnoredAny>("data", &data)?;
        let outcome = match locked(&self.setup).webhooks.get(&webhook) {
            Some(Answer::Accepted(fields)) => {
                WebhookOutcome::Accepted { status: 200, fields: Value::from(fields.clone()).to_string() }
            }
            Some(Answer::Failed(reason)) => WebhookOutcome::Failed(reason.clone()),
            None => return Err(denied("webhook", &webhook)),
        };
        Ok(WebhookCall { outcome, exchange: None })
    }

    async fn state(&self, key: String) -> Result<Option<String>, Trouble> {
        let setup = locked(&self.setup);
        let values = setup.state.as_ref().ok_or_else(|| denied("member", "state"))?;
        Ok(values.get(&key).map(ToString::to_string))
    }

    async fn set_state(&self, key: String, value: Option<String>) -> Result<(), Trouble> {
        let value = value.map(|text| json::<Value>("value", &text)).transpose()?;
        let mut setup = locked(&self.setup);
        let values = setup.state.as_mut().ok_or_else(|| denied("member", "state"))?;
        match value {
            Some(value) => drop(values.insert(key, value)),
            None => drop(values.remove(&key)),
        }
        Ok(())
    }

    async fn secret(&self, name: String) -> Result<String, Trouble> {
        locked(&self.setup).secrets.get(&name).cloned().ok_or_else(|| denied("secret", &name))
    }

    async fn http(&self, request: HttpRequest) -> Fetched {
        let setup = locked(&self.setup);
        let found = setup.http.iter().find(|answer| answer.method == request.method && answer.url == request.url);
        let outcome = found.map(Exchange::response).ok_or_else(|| HttpFailure {
            kind: HttpFailureKind::Denied,
            reason: format!("{} {} is not in the file of --server", request.method, request.url),
        });
        Fetched { outcome, exchange: None }
    }

    fn note(&self, deed: Deed) -> usize {
        let mut deeds = locked(&self.deeds);
        deeds.push(Deed { detail: deed.detail.map(|text| self.redactor.text(&text)), ..deed });
        deeds.len() - 1
    }

    fn end(&self, number: usize, end: DeedEnd) {
        if let Some(deed) = locked(&self.deeds).get_mut(number) {
            deed.outcome = end.outcome;
            deed.detail = end.reason.or(deed.detail.take());
        }
    }

    fn mask(&self, text: &str) -> String {
        self.redactor.text(text)
    }
}

impl Exchange {
    fn response(&self) -> InboundResponse {
        let field = |(name, value): (&String, &String)| HeaderField { name: name.clone(), value: value.clone() };
        let body = match &self.body {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        InboundResponse { status: self.status, headers: self.headers.iter().map(field).collect(), body: body.into() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stand_in(file: Value) -> Arc<StandIn> {
        StandIn::new(serde_json::from_value(file).expect("a file"))
    }

    #[tokio::test]
    async fn what_the_file_does_not_name_is_denied() {
        let server = stand_in(json!({}));
        let text = String::from;
        let troubles = [
            server.record(text("leads"), text("1")).await.err(),
            server.upsert_record(text("leads"), text("1"), text("{}")).await.err(),
            server.emit(text("lead.won"), text("{}"), None).await.err(),
            server.call_webhook(text("crm"), text("{}"), 1).await.err(),
            server.state(text("n")).await.err(),
            server.set_state(text("n"), None).await.err(),
            server.secret(text("token")).await.err(),
        ];
        for trouble in troubles {
            assert!(matches!(&trouble, Some(Trouble::Denied(reason)) if reason.contains("--server")), "{trouble:?}");
        }
        let request = HttpRequest {
            method: text("GET"),
            url: text("https://a.example/"),
            headers: Vec::new(),
            body: bytes::Bytes::new(),
            timeout: None,
        };
        assert!(server.http(request).await.outcome.is_err_and(|failure| failure.kind == HttpFailureKind::Denied));
    }

    #[tokio::test]
    async fn a_call_sees_what_it_wrote() {
        let server = stand_in(json!({ "records": { "leads": { "1": { "a": 1 } } }, "state": { "n": 1 } }));
        let text = String::from;
        let merged = server.upsert_record(text("leads"), text("1"), text("{\"b\":2}")).await;
        assert_eq!(merged, Ok(text("{\"a\":1,\"b\":2}")));
        assert_eq!(server.record(text("leads"), text("1")).await, Ok(Some(text("{\"a\":1,\"b\":2}"))));
        server.set_state(text("n"), Some(text("2"))).await.expect("it is granted");
        assert_eq!(server.state(text("n")).await, Ok(Some(text("2"))));
        server.set_state(text("n"), None).await.expect("it is granted");
        assert_eq!(server.state(text("n")).await, Ok(None));
        assert!(serde_json::from_value::<Setup>(json!({ "record": {} })).is_err(), "a misspelt member is told");
    }
}
