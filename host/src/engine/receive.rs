//! The story of an inbound call: find the trigger, verify, decode, map, plan the record, commit, answer.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use crate::inbound::{self, InboundError, RawRequest, VerifiedRequest};
use crate::model::{Object, RecordChange, Rejection, Slug, StartedBy, Time, Trigger, TriggerKind, UniqueId};
use crate::plugin::InboundResponse;
use crate::store::{Acceptance, Shared, StoreError};

use super::judge::Judgement;
use super::sources::{CHANGE_TRIES_MAX, RecordMode};
use super::{Engine, EngineError, Result, triggers};

/// A call of a trigger's URL, its body already read and bounded.
#[derive(Clone, Debug)]
pub struct InboundCall {
    /// The unguessable part of the URL.
    pub token: String,
    /// The HTTP method.
    pub method: String,
    /// The URL as the sender called it: absolute, with its query.
    pub url: String,
    /// The query, without `?`.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Where it came from.
    pub remote: Option<String>,
}

/// A call that was not refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// It started this run.
    Run(UniqueId),
    /// The trigger's verifier answers it; nothing was started.
    Answered(InboundResponse),
}

impl InboundCall {
    pub(super) fn into_raw(self, received_at: Time) -> RawRequest {
        let Self { method, query, headers, body, remote, .. } = self;
        RawRequest { method, path: "/in".to_owned(), query, headers, body, remote, received_at }
    }
}

impl Engine {
    /// Receives a call: `Ok` once its run, and the record it writes, are on disk. A refused call starts nothing and
    /// is listed with its reason.
    pub async fn receive(&self, call: InboundCall) -> Result<Received> {
        let trigger = self.find_trigger(&call.token).await?;
        let space = trigger.space();
        let note = Note::of(&call);
        match self.admit(space, &trigger, call).await {
            Ok(received) => Ok(received),
            Err(error) => {
                self.note_rejection(space, &trigger, note, &error).await;
                Err(error)
            }
        }
    }

    /// Whether calls with this token have a trigger.
    pub async fn expect_trigger(&self, token: &str) -> Result<()> {
        self.find_trigger(token).await.map(drop)
    }

    async fn find_trigger(&self, token: &str) -> Result<Shared<Trigger>> {
        let found = self.definitions.find_shared::<Trigger>(token).await?;
        Ok(found.ok_or(InboundError::UnknownTrigger)?)
    }

    async fn admit(&self, space: &Slug, trigger: &Trigger, call: InboundCall) -> Result<Received> {
        let request = match &trigger.verifier {
            None => self.verify(space, trigger, call)?,
            Some(_) if !matches!(call.method.as_str(), "POST" | "PUT" | "GET") => {
                return Err(InboundError::MethodNotAllowed { method: call.method }.into());
            }
            Some(verifier) => match self.judge(space, trigger, verifier, call).await? {
                Judgement::Verified(request) => *request,
                Judgement::Answered(response) => return Ok(Received::Answered(response)),
            },
        };
        for _ in 0..CHANGE_TRIES_MAX {
            match self.accept_call(space, trigger, &request).await {
                Err(EngineError::Store(StoreError::Conflict { .. })) => {}
                done => return done.map(Received::Run),
            }
        }
        Err(EngineError::Changed { what: format!("a record that trigger {:?} writes", trigger.workflow.as_str()) })
    }

    fn verify(&self, space: &Slug, trigger: &Trigger, call: InboundCall) -> Result<VerifiedRequest> {
        if !matches!(call.method.as_str(), "POST" | "PUT") {
            return Err(InboundError::MethodNotAllowed { method: call.method }.into());
        }
        let raw = call.into_raw(self.clock.now());
        let place = triggers::signing_place(space, &trigger.workflow);
        let secret = || self.vault.unseal(&place, &trigger.signing_secret).ok();
        let now = raw.received_at;
        Ok(inbound::verify(raw, trigger, &secret, now).map_err(|refused| refused.error)?)
    }

    /// The values of the mapped fields, those that are null left out; `None` if the trigger has no mapping.
    async fn map_fields(&self, space: &Slug, trigger: &Trigger, payload: &Value) -> Result<Option<Object>> {
        if trigger.fields.is_empty() {
            return Ok(None);
        }
        let owner = format!("{space}/{}", trigger.workflow);
        let mut fields = Object::new();
        for (field, source) in &trigger.fields {
            let value = self.evaluate(&owner, source, payload).await;
            let value = value.map_err(|reason| InboundError::MappingFailed { field: field.clone(), reason })?;
            if !value.is_null() {
                fields.insert(field.clone(), value);
            }
        }
        Ok(Some(fields))
    }

    async fn accept_call(&self, space: &Slug, trigger: &Trigger, request: &VerifiedRequest) -> Result<UniqueId> {
        let payload = inbound::decode_body(request)?;
        let fields = self.map_fields(space, trigger, &payload).await?;
        let change = self.plan_call(space, trigger, &payload, fields.as_ref()).await;
        let change = match (change, request.repeat_key()) {
            // The record of a repeated call exists because the first call inserted it.
            (Err(error), Some(_)) => match self.earlier_run(trigger, request).await? {
                Some(run) => return Ok(run),
                None => return Err(error),
            },
            (change, _) => change?,
        };
        let workflow = self.current_workflow(space, &trigger.workflow).await?;
        let input = run_input(payload, change.as_ref(), request)?;
        let run = self.new_run(space, &workflow, StartedBy::Trigger, input);
        let repeat = request.repeat_key().map(|key| super::runs::repeat_key(repeat_scope(trigger), key.to_owned()));
        let events = match &change {
            Some(change) => self.publications(self.record_events(change, Some(run.id)).await?).await?,
            None => Vec::new(),
        };
        let entries = Vec::new();
        self.accept(Acceptance { run, entries, record: change, events, repeat: repeat.transpose()? }).await
    }

    async fn earlier_run(&self, trigger: &Trigger, request: &VerifiedRequest) -> Result<Option<UniqueId>> {
        let Some(key) = request.repeat_key() else { return Ok(None) };
        Ok(self.store.repeat_of(&repeat_scope(trigger), key).await?)
    }

    async fn plan_call(
        &self,
        space: &Slug,
        trigger: &Trigger,
        payload: &Value,
        fields: Option<&Object>,
    ) -> Result<Option<RecordChange>> {
        let mode = match (trigger.kind, trigger.upsert) {
            (TriggerKind::Trigger, _) => return Ok(None),
            (_, true) => RecordMode::Upsert,
            (TriggerKind::Insert, false) => RecordMode::Insert,
            (TriggerKind::Update, false) => RecordMode::Update,
        };
        let source =
            trigger.source.as_ref().ok_or_else(|| EngineError::Internal("a trigger lost its source".into()))?;
        let source = self.shared_source(space, source).await?;
        let own;
        let fields = match fields {
            Some(fields) => fields,
            None => {
                own = inbound::same_named(payload, source.fields.keys().map(String::as_str));
                &own
            }
        };
        self.plan_record(space, &source, None, fields, mode).await.map(Some)
    }

    /// Lists a call that was refused before it could be read, such as one with too large a body.
    pub async fn reject(&self, call: &InboundCall, error: &EngineError) {
        if let Ok(trigger) = self.find_trigger(&call.token).await {
            self.note_rejection(trigger.space(), &trigger, Note::of(call), error).await;
        }
    }

    async fn note_rejection(&self, space: &Slug, trigger: &Trigger, note: Note, error: &EngineError) {
        let code = error.code();
        metrics::counter!("tenterhook_inbound_rejected_total", "code" => code).increment(1);
        let rejection = Rejection {
            id: UniqueId::generate(),
            space: space.clone(),
            workflow: trigger.workflow.clone(),
            time: self.clock.now(),
            code: code.to_owned(),
            detail: error.to_string(),
            remote: note.remote,
            content_type: note.content_type,
            body_bytes: note.body_bytes,
        };
        if let Err(error) = self.store.reject(rejection).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a refused call could not be listed");
        }
    }
}

/// What a rejection keeps of its call.
struct Note {
    remote: Option<String>,
    content_type: Option<String>,
    body_bytes: u64,
}

impl Note {
    fn of(call: &InboundCall) -> Self {
        let content_type = call.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Self {
            remote: call.remote.clone(),
            content_type: content_type.map(|text| text.chars().take(200).collect()),
            body_bytes: call.body.len() as u64,
        }
    }
}

/// `{payload, record, request}`; `record` is null if the call writes none.
fn run_input(payload: Value, change: Option<&RecordChange>, request: &VerifiedRequest) -> Result<Value> {
    let record = change.map_or(Ok(Value::Null), |change| serde_json::to_value(&change.record));
    let record = record.map_err(|error| super::defect(&error))?;
    let members = [("payload", payload), ("record", record), ("request", inbound::request_member(request))];
    Ok(Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}

fn repeat_scope(trigger: &Trigger) -> String {
    format!("in/{}", trigger.token)
}
