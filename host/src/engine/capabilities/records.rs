//! `records`: those of the run's space, as the call first saw them, with what it wrote.

use std::collections::BTreeMap;

use crate::model::{Object, Record, RecordChange, RecordExpect, RecordKey, Slug, Source};
use crate::plugin::Trouble;
use crate::record;
use crate::store::Shared;

use super::super::EngineError;
use super::super::sources::RecordMode;
use super::{Capabilities, parse, trouble};

/// Bytes of records that a call may write, as they are kept: they are part of one commit.
const RECORDS_BYTES_MAX: usize = 1 << 20;

type At = (Slug, RecordKey);

/// The records that a call has met.
#[derive(Default)]
pub(super) struct HeldRecords(BTreeMap<At, Held>);

struct Held {
    /// As it was stored when the call met it.
    stored: Option<Record>,
    written: Option<Written>,
}

struct Written {
    record: Record,
    /// Bytes that it adds to the commit.
    bytes: usize,
}

impl Held {
    fn current(&self) -> Option<&Record> {
        self.written.as_ref().map(|written| &written.record).or(self.stored.as_ref())
    }
}

impl HeldRecords {
    /// What the call wrote, each record as it was left.
    pub(super) fn changes(&mut self, space: &Slug) -> Vec<RecordChange> {
        let change = |held: Held| {
            let record = held.written?.record;
            let expect = held.stored.map_or(RecordExpect::Absent, |stored| RecordExpect::At(stored.revision));
            Some(RecordChange { space: space.clone(), record, expect })
        };
        std::mem::take(&mut self.0).into_values().filter_map(change).collect()
    }

    /// Takes what was written. Several writes of a record are one change.
    fn write(&mut self, at: &At, mut record: Record, bytes: usize) -> Result<(), Trouble> {
        let others = self.0.iter().filter(|(other, _)| *other != at);
        let total = bytes + others.filter_map(|(_, held)| Some(held.written.as_ref()?.bytes)).sum::<usize>();
        if total > RECORDS_BYTES_MAX {
            let limit = format!("this call has used up the {RECORDS_BYTES_MAX} bytes of records that it may write");
            let counted = "a record counts with all its fields, and twice if its source publishes its changes";
            return Err(Trouble::Exhausted(format!("{limit}: {counted}")));
        }
        if let Some(held) = self.0.get_mut(at) {
            record.revision = held.stored.as_ref().map_or(1, |stored| stored.revision + 1);
            held.written = Some(Written { record, bytes });
        }
        Ok(())
    }
}

impl Capabilities {
    /// `records.get`.
    pub(super) async fn get_record(&self, source: &str, key: &str) -> Result<Option<String>, Trouble> {
        self.allow_records(source, false)?;
        let source = self.source(source).await?;
        let key = addressed(&source, &Object::new(), key)?;
        let record = self.meet(&source, &key).await?;
        Ok(record.map(|record| text(record.fields)))
    }

    /// `records.upsert`.
    pub(super) async fn put_record(&self, source: &str, key: &str, fields: &str) -> Result<String, Trouble> {
        self.allow_records(source, true)?;
        let fields: Object = parse("the fields are no JSON object", fields)?;
        let source = self.source(source).await?;
        let key = addressed(&source, &fields, key)?;
        self.refuse_secrets("the key", key.as_str())?;
        let former = self.meet(&source, &key).await?;
        let space = &self.about.space;
        let change = self.engine.planned(space, &source, &key, &fields, RecordMode::Upsert, former.as_ref());
        let record = change.map_err(trouble)?.record;
        let all = text(record.fields.clone());
        self.refuse_secrets("the record", &all)?;
        let times = if source.publishes.is_some() { 2 } else { 1 };
        self.session().records.write(&(source.id.clone(), key), record, all.len() * times)?;
        Ok(all)
    }

    async fn source(&self, id: &str) -> Result<Shared<Source>, Trouble> {
        let id: Slug = id.parse().map_err(|_| Trouble::Missing(EngineError::not_found("source", id).to_string()))?;
        self.engine.shared_source(&self.about.space, &id).await.map_err(trouble)
    }

    /// A record as this call sees it.
    async fn meet(&self, source: &Source, key: &RecordKey) -> Result<Option<Record>, Trouble> {
        let at = (source.id.clone(), key.clone());
        if let Some(held) = self.session().records.0.get(&at) {
            return Ok(held.current().cloned());
        }
        let stored = self.engine.store.record(&self.about.space, &source.id, key).await;
        let stored = stored.map_err(|error| trouble(error.into()))?;
        let mut session = self.session();
        let held = session.records.0.entry(at).or_insert(Held { stored, written: None });
        Ok(held.current().cloned())
    }
}

/// The key that a plugin means, in its canonical form.
fn addressed(source: &Source, fields: &Object, key: &str) -> Result<RecordKey, Trouble> {
    let key: RecordKey = key.parse().map_err(|error: crate::model::InvalidId| Trouble::Invalid(error.to_string()))?;
    record::key_of(source, fields, Some(&key)).map_err(|error| trouble(error.into()))
}

fn text(fields: Object) -> String {
    serde_json::Value::Object(fields).to_string()
}
