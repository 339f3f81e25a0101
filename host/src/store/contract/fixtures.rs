//! What the tests commit.

use std::time::Duration;

use serde_json::{Value, json};

use crate::model::{
    DefinitionPath, Event, Kind, Object, PluginState, Record, RecordChange, RecordExpect, RecordKey, Rejection, Run,
    RunStatus, Slug, StartedBy, StateChange, StateExpect, TaskEntry, TaskStatus, Time, UniqueId,
};
use crate::store::{
    Acceptance, Advance, Draft, EventFilter, Expect, Page, Publication, RepeatKey, Slice, Store, StoreError,
};

pub(crate) const START: Time = Time::from_millis(1_700_000_000_000);

pub(crate) fn slug(text: &str) -> Slug {
    text.parse().expect("a slug")
}

pub(crate) fn space() -> Slug {
    slug("acme")
}

pub(crate) fn path(kind: Kind, id: &str) -> DefinitionPath {
    DefinitionPath::new(&space(), kind, id)
}

pub(crate) fn draft(kind: Kind, id: &str) -> Draft {
    Draft {
        path: path(kind, id),
        body: format!("{{\"id\":{id:?}}}").into_bytes(),
        expect: Expect::Any,
        uses: Vec::new(),
        alias: None,
    }
}

pub(crate) fn page(limit: usize) -> Page {
    Page { cursor: None, limit }
}

pub(crate) fn id(number: u32) -> UniqueId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    UniqueId::from_bytes(bytes)
}

pub(crate) fn run(number: u32) -> Run {
    Run {
        id: id(number),
        space: space(),
        workflow: slug("flow"),
        version: 1,
        status: RunStatus::Running,
        started_by: StartedBy::Trigger,
        input: json!({ "number": number }),
        state: None,
        output: None,
        error: None,
        created_at: START,
        updated_at: START,
        due: Some(START),
        revision: 1,
        entries: 0,
    }
}

pub(crate) fn acceptance(run: Run) -> Acceptance {
    Acceptance { run, entries: Vec::new(), record: None, events: Vec::new(), repeat: None }
}

pub(crate) fn repeat(key: &str) -> Option<RepeatKey> {
    Some(RepeatKey { scope: "trigger".to_owned(), key: key.to_owned(), keep: Duration::from_secs(3600) })
}

/// The next revision of `run`, in progress.
pub(crate) fn step(run: &Run) -> Advance {
    let run = Run { revision: run.revision + 1, due: None, state: Some(json!({ "at": run.revision })), ..run.clone() };
    Advance { run, entries: Vec::new(), records: Vec::new(), states: Vec::new(), events: Vec::new() }
}

/// The end of `run`.
pub(crate) fn end(run: &Run, status: RunStatus) -> Advance {
    let mut end = step(run);
    end.run.status = status;
    end.run.state = None;
    end.run.output = Some(json!("done"));
    end
}

pub(crate) fn entry(name: &str, input: Value) -> TaskEntry {
    TaskEntry {
        reference: format!("/do/0/{name}"),
        name: name.to_owned(),
        kind: "set".to_owned(),
        attempt: 1,
        status: TaskStatus::Completed,
        input,
        output: None,
        error: None,
        started_at: START,
        finished_at: START,
        idempotency_key: None,
        exchange: None,
        unsent: None,
        logs: Vec::new(),
        deeds: Vec::new(),
        until: None,
    }
}

pub(crate) fn event(number: u32, kind: &str) -> Event {
    Event {
        id: id(number),
        external_id: number.is_multiple_of(3).then(|| format!("order-{number}").parse().expect("an id")),
        space: space(),
        kind: kind.to_owned(),
        time: START,
        source: "test".to_owned(),
        subject: None,
        key: number.is_multiple_of(2).then(|| "customer".to_owned()),
        data: json!({ "number": number }),
        run: None,
    }
}

pub(crate) fn record_key(text: &str) -> RecordKey {
    text.parse().expect("a record key")
}

/// The record `key` of source `leads` at `revision`, from the revision before it.
pub(crate) fn change(key: &str, revision: u64, value: &str) -> RecordChange {
    let mut fields = Object::new();
    fields.insert("value".to_owned(), json!(value));
    let record =
        Record { source: slug("leads"), key: record_key(key), fields, created_at: START, updated_at: START, revision };
    let expect = if revision == 1 { RecordExpect::Absent } else { RecordExpect::At(revision - 1) };
    RecordChange { space: space(), record, expect }
}

/// A change of a value of plugin `score` to a version and a text, or its deletion.
pub(crate) fn state(key: &str, expect: StateExpect, next: Option<(u64, &str)>) -> StateChange {
    let next = next.map(|(version, value)| PluginState { value: value.to_owned(), version });
    StateChange { space: space(), plugin: slug("score"), key: key.to_owned(), next, expect }
}

pub(crate) async fn record(store: &dyn Store, key: &str) -> Option<Record> {
    store.record(&space(), &slug("leads"), &record_key(key)).await.expect("reads")
}

pub(crate) fn rejection(number: u32) -> Rejection {
    Rejection {
        id: id(number),
        space: space(),
        workflow: slug("flow"),
        time: Time::from_millis(START.as_millis() + u64::from(number)),
        code: "wrong-key".to_owned(),
        detail: "the key is wrong".to_owned(),
        remote: None,
        content_type: None,
        body_bytes: 0,
    }
}

/// All items of a listing, page after page; no page may be longer than its limit.
pub(crate) async fn all<T, F>(limit: usize, list: impl Fn(Page) -> F) -> Vec<T>
where
    F: Future<Output = Result<Slice<T>, StoreError>>,
{
    let mut items = Vec::new();
    let mut next = page(limit);
    loop {
        let slice = list(next).await.expect("lists");
        assert!(slice.items.len() <= limit, "a page of {} items, {limit} asked for", slice.items.len());
        items.extend(slice.items);
        match slice.next {
            Some(cursor) => next = Page { cursor: Some(cursor), limit },
            None => return items,
        }
    }
}

pub(crate) fn assert_conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Conflict { .. })), "a conflict, not {result:?}");
}

/// Publishes events that nobody is subscribed to.
pub(crate) async fn publish(store: &dyn Store, events: impl Iterator<Item = Event>) {
    store.publish(events.map(Publication::unheard).collect()).await.expect("publishes");
}

/// The newest events.
pub(crate) async fn events(store: &dyn Store) -> Vec<Event> {
    store.events(&space(), &EventFilter::default(), page(100)).await.expect("lists").items
}

/// The publication of [`event`] `number`, to nobody.
pub(crate) fn publication(number: u32, kind: &str) -> Publication {
    Publication::unheard(event(number, kind))
}
