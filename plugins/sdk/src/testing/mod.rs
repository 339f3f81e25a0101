//! For unit tests, which run natively: stands in for the host. Not there in WebAssembly.
//!
//! ```
//! use serde_json::json;
//! use tenterhook_plugin::{records, testing::Host};
//!
//! let host = Host::new().record("leads", "anna@acme.example", json!({ "score": 1 })).install();
//! records::upsert("leads", "anna@acme.example", &json!({ "score": 2 })).unwrap();
//! assert_eq!(host.record("leads", "anna@acme.example"), Some(json!({ "score": 2 })));
//! ```
//!
//! As with the real host, nothing is granted unless it is said. The real one also checks what a source's fields and an
//! event type's schema allow; this one does not.

mod capabilities;
mod plugins;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::marker::PhantomData;

pub(crate) use capabilities::{events, records, secrets, state, webhooks};
pub use plugins::{call, run, verify};
use serde_json::Value;

use crate::Trouble;
use crate::log::Level;
use crate::webhooks::Outcome;

/// What a webhook answers to data.
type Answering = Box<dyn FnMut(&Value) -> Result<Outcome, Trouble>>;

/// A host in memory: what is granted, and what is there.
#[derive(Default)]
pub struct Host {
    sources: BTreeMap<String, BTreeMap<String, Value>>,
    event_types: BTreeSet<String>,
    webhooks: HashMap<String, Answering>,
    state: Option<BTreeMap<String, Value>>,
    secrets: BTreeMap<String, String>,
    events: Vec<Event>,
    webhook_calls: Vec<(String, Value)>,
    logs: Vec<(Level, String)>,
    used: Used,
}

/// An event that was emitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The type.
    pub event_type: String,
    /// The data.
    pub data: Value,
    /// What orders its deliveries.
    pub key: Option<String>,
}

/// What a call of the action has used.
#[derive(Default)]
struct Used {
    records: usize,
    record_bytes: usize,
    events: usize,
    event_bytes: usize,
    webhooks: usize,
    state: usize,
}

thread_local! {
    static HOST: RefCell<Option<Host>> = const { RefCell::new(None) };
}

impl Host {
    /// A host that grants nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Grants the records of a source.
    #[must_use]
    pub fn source(mut self, source: &str) -> Self {
        self.sources.entry(source.into()).or_default();
        self
    }

    /// Grants the records of a source and puts one there. `fields`: a JSON object.
    #[must_use]
    pub fn record(mut self, source: &str, key: &str, fields: Value) -> Self {
        self.sources.entry(source.into()).or_default().insert(key.into(), fields);
        self
    }

    /// Grants an event type.
    #[must_use]
    pub fn event_type(mut self, event_type: &str) -> Self {
        self.event_types.insert(event_type.into());
        self
    }

    /// Grants a webhook, and says what it answers to the data it is called with.
    #[must_use]
    pub fn webhook(mut self, webhook: &str, answer: impl FnMut(&Value) -> Result<Outcome, Trouble> + 'static) -> Self {
        self.webhooks.insert(webhook.into(), Box::new(answer));
        self
    }

    /// Grants state.
    #[must_use]
    pub fn state(mut self) -> Self {
        self.state.get_or_insert_default();
        self
    }

    /// Grants state and sets a value.
    #[must_use]
    pub fn state_value(mut self, key: &str, value: Value) -> Self {
        self.state.get_or_insert_default().insert(key.into(), value);
        self
    }

    /// Grants a secret.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.insert(name.into(), value.into());
        self
    }

    /// Makes it the host of this thread, until what it gives is dropped.
    ///
    /// # Panics
    /// The thread has a host already.
    pub fn install(self) -> Installed {
        HOST.with_borrow_mut(|host| {
            assert!(host.is_none(), "this thread has a testing host already: drop it first");
            *host = Some(self);
        });
        Installed(PhantomData)
    }
}

/// The host of this thread. It goes when this is dropped.
#[must_use = "the host goes when this is dropped"]
pub struct Installed(PhantomData<*const ()>);

impl Installed {
    /// The fields of a record.
    pub fn record(&self, source: &str, key: &str) -> Option<Value> {
        self.with(|host| host.sources.get(source)?.get(key).cloned())
    }

    /// The value of a key in the plugin's state.
    pub fn state(&self, key: &str) -> Option<Value> {
        self.with(|host| host.state.as_ref()?.get(key).cloned())
    }

    /// The events that were emitted, in order.
    pub fn events(&self) -> Vec<Event> {
        self.with(|host| host.events.clone())
    }

    /// The webhooks that were called, and with what data, in order.
    pub fn webhook_calls(&self) -> Vec<(String, Value)> {
        self.with(|host| host.webhook_calls.clone())
    }

    /// The lines that were logged, in order.
    pub fn logs(&self) -> Vec<(Level, String)> {
        self.with(|host| host.logs.clone())
    }

    /// What follows is another call of the action: limits per call begin anew.
    pub fn next_call(&self) {
        self.with(|host| host.used = Used::default());
    }

    fn with<T>(&self, of: impl FnOnce(&mut Host) -> T) -> T {
        HOST.with_borrow_mut(|host| of(host.get_or_insert_default()))
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        HOST.set(None);
    }
}

/// Keeps a line of log.
pub(crate) fn logged(level: Level, message: &str) {
    HOST.with_borrow_mut(|host| {
        if let Some(host) = host {
            host.logs.push((level, message.into()));
        }
    });
}
