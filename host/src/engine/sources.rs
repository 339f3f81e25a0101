//! Sources and their records.

use serde_json::Value;

use crate::event::KEY_BYTES_MAX;
use crate::model::{
    DefinitionPath, Event, Kind, Object, Record, RecordChange, RecordExpect, RecordKey, Saved, Slug, Source, UniqueId,
};
use crate::record::{self, SourceDraft, Target};
use crate::store::{Expect, Page, Shared, Slice, StoreError, draft};

use super::{Engine, EngineError, FieldProblem, Result, definition_error};

/// How often a record change is computed anew when others write the same record at the same time.
pub(super) const CHANGE_TRIES_MAX: usize = 64;

/// What a write expects of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordMode {
    /// It does not exist.
    Insert,
    /// It exists; other fields stay.
    Update,
    /// Insert or update.
    Upsert,
    /// Insert, or put these fields in place of all former ones.
    Replace,
}

impl Engine {
    /// Saves a source; `true` if it was made.
    pub async fn save_source(
        &self,
        space: &Slug,
        id: &Slug,
        given: SourceDraft,
        expect: Expect,
    ) -> Result<(Saved<Source>, bool)> {
        self.space(space).await?;
        let former = self.definitions.get::<Source>(space, id.as_str()).await?;
        let existing = former.as_ref().map(|saved| &saved.value);
        let source = given.check(id.clone(), existing, self.clock.now()).map_err(|problems| EngineError::Invalid {
            problems: problems.into_iter().map(|p| FieldProblem::new(p.field, p.reason)).collect(),
        })?;
        let mut draft = draft(space, &source, expect)?;
        draft.uses.push(DefinitionPath::new(space, Kind::Space, space.as_str()));
        let revision =
            self.definitions.commit(vec![draft]).await.map_err(|e| definition_error(e, "source", id.as_str()))?;
        Ok((Saved { revision, value: source }, former.is_none()))
    }

    /// One source.
    pub async fn source(&self, space: &Slug, id: &Slug) -> Result<Saved<Source>> {
        self.definitions.get(space, id.as_str()).await?.ok_or_else(|| EngineError::not_found("source", id))
    }

    /// One source, for a call that writes to it.
    pub(super) async fn shared_source(&self, space: &Slug, id: &Slug) -> Result<Shared<Source>> {
        self.definitions.shared(space, id.as_str()).await?.ok_or_else(|| EngineError::not_found("source", id))
    }

    /// The sources of a space.
    pub async fn sources(&self, space: &Slug, page: Page) -> Result<Slice<Saved<Source>>> {
        self.space(space).await?;
        Ok(self.definitions.list(space, page).await?)
    }

    /// Deletes a source without records that nothing uses.
    pub async fn delete_source(&self, space: &Slug, id: &Slug, expect: Expect) -> Result<()> {
        self.source(space, id).await?;
        let first = Page { cursor: None, limit: 1 };
        if !self.store.records(space, id, first).await?.items.is_empty() {
            let detail = "the source has records: delete them first".to_owned();
            return Err(EngineError::Refused { code: "source-has-records", detail });
        }
        self.remove::<Source>("source", space, id.as_str(), expect).await
    }

    /// Writes a record; `true` if it was inserted. `key`, where given, must agree with the key field.
    pub async fn write_record(
        &self,
        space: &Slug,
        source: &Slug,
        key: Option<&RecordKey>,
        fields: &Object,
        mode: RecordMode,
    ) -> Result<(Record, bool)> {
        let source = self.source(space, source).await?.value;
        for _ in 0..CHANGE_TRIES_MAX {
            let change = self.plan_record(space, &source, key, fields, mode).await?;
            let record = change.record.clone();
            let events = self.publications(self.record_events(&change, None).await?).await?;
            let published = super::live::events_of(&events);
            match self.store.change_record(change, events).await {
                Ok(()) => {
                    self.live.tell_published(published);
                    return Ok((record.clone(), record.revision == 1));
                }
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(EngineError::Changed { what: format!("record of source {:?}", source.id.as_str()) })
    }

    /// Computes a record change from what is stored now.
    pub(super) async fn plan_record(
        &self,
        space: &Slug,
        source: &Source,
        key: Option<&RecordKey>,
        fields: &Object,
        mode: RecordMode,
    ) -> Result<RecordChange> {
        let key = record::key_of(source, fields, key)?;
        let existing = self.store.record(space, &source.id, &key).await?;
        self.planned(space, source, &key, fields, mode, existing.as_ref())
    }

    /// Computes a record change from `existing`.
    pub(super) fn planned(
        &self,
        space: &Slug,
        source: &Source,
        key: &RecordKey,
        fields: &Object,
        mode: RecordMode,
        existing: Option<&Record>,
    ) -> Result<RecordChange> {
        let target = Target { space, source, now: self.clock.now() };
        let mut fields = fields.clone();
        fields.entry(source.key.clone()).or_insert_with(|| Value::from(key.as_str()));
        Ok(match mode {
            RecordMode::Insert => record::insert(&target, existing, fields)?,
            RecordMode::Update => record::update(&target, existing, key, fields)?,
            RecordMode::Upsert => record::upsert(&target, existing, fields)?,
            RecordMode::Replace => record::replace(&target, existing, key, fields)?,
        })
    }

    /// The event of a record change, if its source publishes such.
    pub(super) async fn record_events(&self, change: &RecordChange, run: Option<UniqueId>) -> Result<Vec<Event>> {
        let verb = if change.expect == RecordExpect::Absent { "create" } else { "update" };
        Ok(self.record_event(&change.space, &change.record, verb, run).await?.into_iter().collect())
    }

    async fn record_event(
        &self,
        space: &Slug,
        record: &Record,
        verb: &str,
        run: Option<UniqueId>,
    ) -> Result<Option<Event>> {
        let source = self.shared_source(space, &record.source).await?;
        let Some(name) = &source.publishes else { return Ok(None) };
        let (kind, mut data) = (format!("{name}.{verb}"), record.fields.clone());
        self.complete_data(&kind, &mut data);
        Ok(Some(Event {
            id: UniqueId::generate(),
            external_id: None,
            space: space.clone(),
            kind,
            time: self.clock.now(),
            source: format!("urn:tenterhook:source:{}", record.source),
            subject: Some(record.key.to_string()),
            key: Some(record.key.to_string()).filter(|key| key.len() <= KEY_BYTES_MAX),
            data: Value::Object(data),
            run,
        }))
    }

    /// One record.
    pub async fn record(&self, space: &Slug, source: &Slug, key: &RecordKey) -> Result<Record> {
        self.shared_source(space, source).await?;
        let record = self.store.record(space, source, key).await?;
        record.ok_or_else(|| EngineError::not_found("record", key))
    }

    /// The records of a source, by key.
    pub async fn records(&self, space: &Slug, source: &Slug, page: Page) -> Result<Slice<Record>> {
        self.source(space, source).await?;
        Ok(self.store.records(space, source, page).await?)
    }

    /// Deletes a record.
    pub async fn delete_record(&self, space: &Slug, source: &Slug, key: &RecordKey) -> Result<()> {
        let record = self.record(space, source, key).await?;
        let event = self.record_event(space, &record, "delete", None).await?;
        let events = self.publications(event.into_iter().collect()).await?;
        let published = super::live::events_of(&events);
        if self.store.delete_record(space, source, key, events).await? {
            self.live.tell_published(published);
            Ok(())
        } else {
            Err(EngineError::not_found("record", key))
        }
    }
}
