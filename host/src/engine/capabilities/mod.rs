//! The capabilities of one call of an action: each function of the interface, behind what is granted.
//!
//! Reads go to the store, in the run's space only. Writes are kept here and become part of the commit that completes
//! the task. What a call has read of a record or value stays the same for it, and a write of it expects it to be so
//! still: if others changed it meanwhile, the commit fails, and the action is called again. What was only read may have
//! changed.

mod dry;
mod grants;
mod http;
mod journal;
mod outbound;
mod records;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::model::{
    Deed, Event, Granted, Grants, LogLine, PluginRef, RecordChange, Redacted, Slug, StateChange, Time, UniqueId,
};
use crate::plugin::{DeedEnd, Fetched, HttpRequest, Services, Trouble, WebhookCall};
use crate::store::Shared;
use crate::webhook::Redactor;

use super::{Engine, EngineError};

pub use self::dry::Answers;
use self::journal::Journal;
pub(super) use self::journal::{dropped, followed};
use self::records::HeldRecords;
use self::state::HeldStates;

/// What a call of an action is about.
pub(super) struct About {
    /// The space of the run.
    pub(super) space: Slug,
    /// The plugin version.
    pub(super) plugin: PluginRef,
    /// The idempotency key of the task.
    pub(super) key: String,
    /// The run.
    pub(super) run: UniqueId,
    /// The time that plugins see.
    pub(super) now: Time,
}

/// What is committed with the result of an action.
#[derive(Clone, Debug, Default)]
pub(super) struct Writes {
    /// Record changes.
    pub(super) records: Vec<RecordChange>,
    /// Changes of what the plugin keeps.
    pub(super) states: Vec<StateChange>,
    /// Events to publish.
    pub(super) events: Vec<Event>,
}

impl Writes {
    /// Whether nothing is to be committed.
    pub(super) const fn is_empty(&self) -> bool {
        self.records.is_empty() && self.states.is_empty() && self.events.is_empty()
    }
}

/// What a call did.
#[derive(Default)]
pub(super) struct Done {
    /// What is to be committed; nothing if it failed.
    pub(super) writes: Writes,
    /// What it did, for history.
    pub(super) deeds: Vec<Deed>,
    /// What plugins of the webhooks that it called logged.
    pub(super) logs: Vec<LogLine>,
}

/// The capabilities of one call.
pub(super) struct Capabilities {
    engine: Arc<Engine>,
    about: About,
    grants: Option<Shared<Grants>>,
    /// In a dry run: what is answered in place of those who are not asked.
    dry: Option<Answers>,
    session: Mutex<Session>,
}

/// What has happened in the call so far.
struct Session {
    records: HeldRecords,
    states: HeldStates,
    events: Vec<Event>,
    journal: Journal,
    logs: Vec<LogLine>,
    /// The secrets that it read, and what masks them.
    secrets: Vec<Redacted>,
    redactor: Arc<Redactor>,
}

impl Capabilities {
    /// With what is granted to the plugin version now. `dry`: a dry run, which sends and keeps nothing.
    pub(super) async fn new(engine: &Arc<Engine>, about: About, dry: Option<Answers>) -> super::Result<Arc<Self>> {
        let grants = engine.definitions.shared::<Grants>(&about.space, &about.plugin.to_string()).await?;
        let session = Session {
            records: HeldRecords::default(),
            states: HeldStates::default(),
            events: Vec::new(),
            journal: Journal::default(),
            logs: Vec::new(),
            secrets: Vec::new(),
            redactor: Arc::new(Redactor::new(&[], &[])),
        };
        Ok(Arc::new(Self { engine: Arc::clone(engine), about, grants, dry, session: Mutex::new(session) }))
    }

    /// Ends the call; `kept`: what it wrote is to be committed, unless this is a dry run.
    pub(super) fn finish(&self, kept: bool) -> Done {
        let mut session = self.session();
        let mut deeds = session.journal.take(kept);
        if self.dry.is_some() {
            deeds = dry::pretended(deeds);
        }
        let logs = std::mem::take(&mut session.logs);
        if !kept || self.dry.is_some() {
            return Done { writes: Writes::default(), deeds, logs };
        }
        let writes = Writes {
            records: session.records.changes(&self.about.space),
            states: session.states.changes(&self.about),
            events: std::mem::take(&mut session.events),
        };
        Done { writes, deeds, logs }
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn granted(&self) -> &Granted {
        static NOTHING: Granted = Granted {
            records: Vec::new(),
            events: Vec::new(),
            webhooks: Vec::new(),
            state: false,
            secrets: Vec::new(),
            http: Vec::new(),
        };
        self.grants.as_ref().map_or(&NOTHING, |grants| &grants.granted)
    }

    fn redactor(&self) -> Arc<Redactor> {
        Arc::clone(&self.session().redactor)
    }

    /// Refuses to keep a secret in clear.
    fn refuse_secrets(&self, what: &str, text: &str) -> Result<(), Trouble> {
        if !self.redactor().finds_in(text) {
            return Ok(());
        }
        Err(Trouble::Invalid(format!("{what} holds a secret that this call read: secrets are not kept in clear")))
    }

    /// As [`Self::refuse_secrets`], of a JSON text that is kept as it is: also in what it means.
    fn refuse_secrets_in_json(&self, what: &str, json: &str) -> Result<(), Trouble> {
        if self.redactor().is_idle() {
            return Ok(());
        }
        self.refuse_secrets(what, json)?;
        let value: serde_json::Value = parse(&format!("{what} cannot be searched for secrets"), json)?;
        self.refuse_secrets(what, &value.to_string())
    }
}

/// What an error of ours is to a plugin.
fn trouble(error: EngineError) -> Trouble {
    let text = error.to_string();
    match error {
        EngineError::NotFound { .. } => Trouble::Missing(text),
        EngineError::Invalid { .. }
        | EngineError::BadEvent { .. }
        | EngineError::Record(_)
        | EngineError::Exists { .. } => Trouble::Invalid(text),
        EngineError::Busy { .. } | EngineError::Plugin(_) => Trouble::Unavailable(text),
        error => {
            tracing::error!(error = &error as &dyn std::error::Error, "a capability failed");
            Trouble::Unavailable("the server could not do it now".to_owned())
        }
    }
}

/// JSON text of a plugin.
fn parse<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T, Trouble> {
    serde_json::from_str(text).map_err(|error| Trouble::Invalid(format!("{what}: {error}")))
}

#[async_trait]
impl Services for Capabilities {
    async fn record(&self, source: String, key: String) -> Result<Option<String>, Trouble> {
        self.get_record(&source, &key).await
    }

    async fn upsert_record(&self, source: String, key: String, fields: String) -> Result<String, Trouble> {
        self.put_record(&source, &key, &fields).await
    }

    async fn emit(&self, event_type: String, data: String, key: Option<String>) -> Result<String, Trouble> {
        self.emit_event(event_type, &data, key).await
    }

    async fn call_webhook(&self, webhook: String, data: String, number: u32) -> Result<WebhookCall, Trouble> {
        self.make_call(&webhook, &data, number).await
    }

    async fn state(&self, key: String) -> Result<Option<String>, Trouble> {
        self.get_state(&key).await
    }

    async fn set_state(&self, key: String, value: Option<String>) -> Result<(), Trouble> {
        self.put_state(&key, value).await
    }

    async fn secret(&self, name: String) -> Result<String, Trouble> {
        self.read_secret(&name).await
    }

    async fn http(&self, request: HttpRequest) -> Fetched {
        self.fetch(request).await
    }

    fn note(&self, deed: Deed) -> usize {
        let mut session = self.session();
        let redactor = Arc::clone(&session.redactor);
        session.journal.note(deed, &redactor)
    }

    fn end(&self, number: usize, end: DeedEnd) {
        let mut session = self.session();
        let redactor = Arc::clone(&session.redactor);
        session.journal.end(number, end, &redactor);
    }

    fn mask(&self, text: &str) -> String {
        self.redactor().text(text)
    }
}
