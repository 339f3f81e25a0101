//! Performs the effects of a run.
//!
//! In two halves: [`Engine::perform`] does what reaches outside, once; [`Engine::settle`] computes what is committed
//! with the result, and can be done anew when a record changed meanwhile.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::event::KEY_BYTES_MAX;
use crate::model::{Event, Fault, Object, RecordChange, RecordKey, Run, Slug, StateChange, Time, UniqueId};
use crate::workflow::{Action, Effect, EffectResult, RecordAt};

use super::call::{CallSite, CallTrial};
use super::capabilities::{Writes, dropped};
use super::sources::RecordMode;
use super::{Engine, EngineError, Result, call, faults};

/// An effect whose outside part is done.
pub(super) enum Performed {
    /// Nothing but the result is committed.
    Done(EffectResult),
    /// A webhook call whose mapped fields go into a record.
    Mapped { result: EffectResult, record: RecordAt, fields: Object },
    /// A record is written, wholly at commit.
    Write { write: RecordWrite, started_at: Time },
    /// An event is published, wholly at commit.
    Emit { event: Event, started_at: Time },
    /// An action was called; what it wrote is committed as it was computed from what it read.
    Action { result: EffectResult, writes: Box<Writes> },
}

impl Performed {
    /// Whether anything of it was done outside of the store.
    pub(super) fn reaches_outside(&self) -> bool {
        match self {
            Self::Done(result) | Self::Mapped { result, .. } | Self::Action { result, .. } => {
                result.exchange.is_some() || !result.deeds.is_empty()
            }
            Self::Write { .. } | Self::Emit { .. } => false,
        }
    }

    /// What it did outside of the store, for the history of a run that does not take its result, for this reason.
    pub(super) fn unkept(self, fault: Fault, now: Time) -> EffectResult {
        let outcome = Err(fault);
        match self {
            Self::Done(result) | Self::Mapped { result, .. } | Self::Action { result, .. } => {
                EffectResult { outcome, deeds: dropped(result.deeds), ..result }
            }
            Self::Write { started_at, .. } | Self::Emit { started_at, .. } => plain(outcome, started_at, now),
        }
    }
}

/// A record write of a workflow.
pub(super) struct RecordWrite {
    source: Slug,
    key: Option<String>,
    fields: Object,
    mode: RecordMode,
}

/// What is committed with an effect's result.
pub(super) struct Settled {
    /// What the workflow gets.
    pub(super) result: EffectResult,
    /// Record changes.
    pub(super) records: Vec<RecordChange>,
    /// Changes of what plugins keep.
    pub(super) states: Vec<StateChange>,
    /// Events to publish.
    pub(super) events: Vec<Event>,
}

impl Engine {
    /// Does what an effect does outside the store. `Err` only for trouble of ours: the run rests and tries again.
    pub(super) async fn perform(self: &Arc<Self>, run: &Run, effect: &Effect) -> Result<Performed> {
        let started_at = self.clock.now();
        let write = |source: &Slug, key: Option<&String>, fields: &Object, mode| Performed::Write {
            write: RecordWrite { source: source.clone(), key: key.cloned(), fields: fields.clone(), mode },
            started_at,
        };
        Ok(match &effect.action {
            Action::CallWebhook { webhook, data, record } => {
                self.perform_webhook(run, effect, (webhook, data, record.as_ref())).await?
            }
            Action::CallPlugin { plugin, input, config } => {
                self.call_action(run, effect, plugin, (input, config)).await?
            }
            Action::RecordGet { source, key } => Performed::Done(self.get_record(run, source, key).await?),
            Action::RecordInsert { source, fields } => write(source, None, fields, RecordMode::Insert),
            Action::RecordUpdate { source, key, fields } => write(source, Some(key), fields, RecordMode::Update),
            Action::RecordUpsert { source, fields } => write(source, None, fields, RecordMode::Upsert),
            Action::Emit { kind, source, subject, data } => {
                let event = Event {
                    id: UniqueId::generate(),
                    external_id: None,
                    space: run.space.clone(),
                    kind: kind.clone(),
                    time: started_at,
                    source: source.clone(),
                    subject: subject.clone(),
                    key: subject.clone().filter(|subject| (1..=KEY_BYTES_MAX).contains(&subject.len())),
                    data: data.clone(),
                    run: Some(run.id),
                };
                match self.checked_emission(event).await {
                    Ok(event) => Performed::Emit { event, started_at },
                    Err(error) => Performed::Done(plain(Err(faults::of(error)?), started_at, self.clock.now())),
                }
            }
        })
    }

    pub(super) fn call_site<'a>(&self, run: &'a Run, effect: &'a Effect) -> CallSite<'a> {
        CallSite {
            space: &run.space,
            id: &effect.idempotency_key,
            now: run.created_at,
            secrets: &[],
            trial: CallTrial::None,
        }
    }

    async fn perform_webhook(
        &self,
        run: &Run,
        effect: &Effect,
        (webhook, data, record): (&Slug, &Value, Option<&RecordAt>),
    ) -> Result<Performed> {
        let site = self.call_site(run, effect);
        let started_at = self.clock.now();
        let found = match record {
            None => Ok(None),
            Some(at) => self.find_record(&run.space, &at.source, &at.key).await.map(Some),
        };
        let called = match found {
            Ok(found) => self.call_webhook(&site, webhook, data, found.as_ref()).await?,
            Err(error) => call::Called::failed(faults::of(error)?),
        };
        let fields = called.outcome.as_ref().ok().map(|answer| answer.fields.clone());
        let result = EffectResult {
            outcome: called.outcome.map(|answer| answer.output),
            exchange: called.exchange,
            unsent: called.unsent,
            logs: called.logs,
            deeds: Vec::new(),
            started_at,
            finished_at: self.clock.now(),
        };
        Ok(match (record, fields) {
            (Some(record), Some(fields)) if !fields.is_empty() => {
                Performed::Mapped { result, record: record.clone(), fields }
            }
            _ => Performed::Done(result),
        })
    }

    async fn find_record(&self, space: &Slug, source: &Slug, key: &str) -> Result<crate::model::Record> {
        let key: RecordKey = key.parse().map_err(|_| EngineError::not_found("record", key))?;
        self.record(space, source, &key).await
    }

    async fn get_record(&self, run: &Run, source: &Slug, key: &str) -> Result<EffectResult> {
        let started_at = self.clock.now();
        let outcome = match self.find_record(&run.space, source, key).await {
            Ok(record) => Ok(json!(record)),
            Err(error) => Err(faults::of(error)?),
        };
        Ok(plain(outcome, started_at, self.clock.now()))
    }

    /// Computes what is committed with a performed effect, from what is stored now.
    pub(super) async fn settle(&self, run: &Run, performed: &Performed) -> Result<Settled> {
        let mut settled = self.settle_result(run, performed).await?;
        for change in &settled.records {
            settled.events.extend(self.record_events(change, Some(run.id)).await?);
        }
        Ok(settled)
    }

    async fn settle_result(&self, run: &Run, performed: &Performed) -> Result<Settled> {
        match performed {
            Performed::Done(result) => Ok(Settled::of(result.clone())),
            Performed::Action { result, writes } => {
                let Writes { records, states, events } = writes.as_ref().clone();
                Ok(Settled { result: result.clone(), records, states, events })
            }
            Performed::Emit { event, started_at } => {
                let result = plain(Ok(json!(event)), *started_at, self.clock.now());
                Ok(Settled { events: vec![event.clone()], ..Settled::of(result) })
            }
            Performed::Write { write, started_at } => self.settle_write(run, write, *started_at).await,
            Performed::Mapped { result, record, fields } => {
                let write = RecordWrite {
                    source: record.source.clone(),
                    key: Some(record.key.clone()),
                    fields: fields.clone(),
                    mode: RecordMode::Update,
                };
                match self.plan_write(run, &write).await {
                    Ok(change) => Ok(Settled { records: vec![change], ..Settled::of(result.clone()) }),
                    Err(error) => Ok(Settled::of(EffectResult { outcome: Err(faults::of(error)?), ..result.clone() })),
                }
            }
        }
    }

    async fn settle_write(&self, run: &Run, write: &RecordWrite, started_at: Time) -> Result<Settled> {
        let (outcome, records) = match self.plan_write(run, write).await {
            Ok(change) => (Ok(json!(change.record)), vec![change]),
            Err(error) => (Err(faults::of(error)?), Vec::new()),
        };
        Ok(Settled { records, ..Settled::of(plain(outcome, started_at, self.clock.now())) })
    }

    async fn plan_write(&self, run: &Run, write: &RecordWrite) -> Result<RecordChange> {
        let source = self.shared_source(&run.space, &write.source).await?;
        let key = write.key.as_deref().map(str::parse::<RecordKey>).transpose();
        let key = key.map_err(|error| EngineError::invalid("key", error.to_string()))?;
        self.plan_record(&run.space, &source, key.as_ref(), &write.fields, write.mode).await
    }
}

impl Settled {
    fn of(result: EffectResult) -> Self {
        Self { result, records: Vec::new(), states: Vec::new(), events: Vec::new() }
    }
}

fn plain(outcome: Result<Value, Fault>, started_at: Time, finished_at: Time) -> EffectResult {
    let (logs, deeds) = (Vec::new(), Vec::new());
    EffectResult { outcome, exchange: None, unsent: None, logs, deeds, started_at, finished_at }
}
