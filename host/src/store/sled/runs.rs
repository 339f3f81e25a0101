//! Runs: live ones under one prefix, final ones under another, so that only the live are read at start.

use serde_json::Value;
use sled::IVec;

use super::commit::{Change, Transaction, conflict};
use super::due::DueChange;
use super::events::Publish;
use super::history;
use super::keys::{self, Key};
use super::records::Write;
use super::repeats::Repeat;
use super::states;
use super::value::{self, Head, Packed, View};
use super::{Result, corrupt};
use crate::model::{Run, RunStatus, Slug, TaskEntry, Time, UniqueId};
use crate::store::{Acceptance, Accepted, Advance};

/// An input above this weight is written once, under its own key, instead of with each step. Part of the format:
/// a run accepted under another bound still reads, as its flags tell where its input is.
const INPUT_WEIGHT_MAX: usize = 4 * 1024;
/// Last history up to this many bytes is kept with the final run: one entry less to write.
const TAIL_BYTES_MAX: usize = 8 * 1024;
/// Flag: the input is under its own key.
const INPUT_APART: u8 = 2;

/// The stored number of a status.
pub(super) const fn status_code(status: RunStatus) -> u8 {
    match status {
        RunStatus::Running => 1,
        RunStatus::Waiting => 2,
        RunStatus::Completed => 3,
        RunStatus::Faulted => 4,
        RunStatus::Cancelled => 5,
    }
}

/// A run and its new history as bytes.
struct Prepared {
    run: Box<Run>,
    live: Key,
    is_input_apart: bool,
    packed: Packed,
    history: Option<(Key, Packed)>,
}

impl Prepared {
    fn new(mut run: Box<Run>, entries: Vec<TaskEntry>) -> Result<Self> {
        let is_input_apart = weighs_more(&run.input, INPUT_WEIGHT_MAX);
        let json = history::encode(entries, &run.input)?;
        let is_tail = run.status.is_final() && json.len() <= TAIL_BYTES_MAX;
        let tail = if is_tail { &*json } else { b"" };
        let input = is_input_apart.then(|| std::mem::take(&mut run.input));
        let packed = pack(&run, is_input_apart, tail)?;
        if let Some(input) = input {
            run.input = input;
        }
        let history = if is_tail || json.is_empty() {
            None
        } else {
            let packed = Packed::new(Head::default(), |bytes| {
                bytes.extend_from_slice(&json);
                Ok(())
            })?;
            Some((keys::history_of(run.id, run.revision), packed))
        };
        let live = keys::live_run(&run.space, run.id);
        Ok(Self { run, live, is_input_apart, packed, history })
    }

    fn size(&self) -> usize {
        self.packed.size() + self.history.as_ref().map_or(0, |(key, packed)| key.len() + packed.size()) + 64
    }

    /// Writes it over `old`, the live revision, and queues what it means for the due index.
    fn write(self, transaction: &mut Transaction<'_>, old: Option<&View>) {
        let Self { run, live, packed, history, .. } = self;
        if let Some((key, packed)) = history {
            transaction.put_value(key, None, packed);
        }
        let size = packed.size();
        if run.status.is_final() {
            if let Some(old) = old {
                transaction.remove_value(live, old);
            }
            transaction.put_value(keys::final_run(&run.space, run.id), None, packed);
        } else {
            transaction.put_value(live, old, packed);
        }
        transaction.effect(due_change(run, size, old.is_none()));
    }
}

/// What a committed run means for the due index.
fn due_change(run: Box<Run>, size: usize, is_new: bool) -> DueChange {
    match run.due {
        _ if run.status.is_final() => DueChange::End { id: run.id },
        None if !is_new => DueChange::Hold { space: run.space.clone(), id: run.id },
        due => DueChange::Queue { at: due.unwrap_or(run.created_at), run, size },
    }
}

/// What a run means for the due index of a build that keeps nothing.
pub(super) fn without_store(run: Run) -> DueChange {
    let is_new = run.revision == 1;
    due_change(Box::new(run), 0, is_new)
}

/// A body is the length of the run's JSON (4 bytes), that JSON, and the JSON of the last history, if it is here.
fn pack(run: &Run, is_input_apart: bool, tail: &[u8]) -> Result<Packed> {
    let head = Head {
        revision: run.revision,
        due: run.due.map_or(0, Time::as_millis),
        status: status_code(run.status),
        flags: if is_input_apart { INPUT_APART } else { 0 },
        label: run.workflow.as_str(),
    };
    Packed::new(head, |bytes| {
        let start = bytes.len();
        bytes.extend_from_slice(&[0; 4]);
        serde_json::to_writer(&mut *bytes, run)?;
        let length = u32::try_from(bytes.len() - start - 4).map_err(|_| corrupt("a run above 4 GiB"))?;
        bytes[start..start + 4].copy_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(tail);
        Ok(())
    })
}

/// Whether `value` has more than `limit` bytes of text, numbers counted as 8; does not look further than that.
fn weighs_more(value: &Value, limit: usize) -> bool {
    fn weigh(value: &Value, left: usize) -> Option<usize> {
        let left = left.checked_sub(8)?;
        match value {
            Value::String(text) => left.checked_sub(text.len()),
            Value::Array(items) => items.iter().try_fold(left, |left, item| weigh(item, left)),
            Value::Object(members) => {
                members.iter().try_fold(left, |left, (name, item)| weigh(item, left.checked_sub(name.len())?))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Some(left),
        }
    }
    weigh(value, limit).is_none()
}

/// Accepts a run.
pub(super) struct Accept {
    run: Prepared,
    input: Option<Packed>,
    record: Option<Write>,
    events: Publish,
    repeat: Option<Repeat>,
}

impl Accept {
    /// Prepares `acceptance`.
    pub(super) fn new(acceptance: Acceptance) -> Result<Self> {
        let Acceptance { run, entries, record, events, repeat } = acceptance;
        let run = Prepared::new(Box::new(run), entries)?;
        let input = run.is_input_apart.then(|| Packed::json(Head::default(), &run.run.input)).transpose()?;
        let record = record.map(Write::new).transpose()?;
        Ok(Self { run, input, record, events: Publish::new(events)?, repeat: repeat.map(Repeat::new) })
    }
}

impl Change for Accept {
    type Output = Accepted;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Accepted> {
        let Self { run, input, record, events, repeat } = self;
        let id = run.run.id;
        if let Some(repeat) = repeat
            && let Some(first) = repeat.remember(transaction, id)?
        {
            return Ok(Accepted::Repeat(first));
        }
        if transaction.has(&run.live)? || transaction.has(&keys::final_run(&run.run.space, id))? {
            return Err(conflict(format_args!("run {id}")));
        }
        if let Some(record) = record {
            record.apply(transaction)?;
        }
        events.apply(transaction)?;
        if let Some(input) = input {
            transaction.put_value(keys::input(id), None, input);
        }
        run.write(transaction, None);
        Ok(Accepted::New)
    }

    fn size(&self) -> usize {
        self.run.size()
            + self.input.as_ref().map_or(0, Packed::size)
            + self.record.as_ref().map_or(0, Write::size)
            + self.events.size()
    }
}

/// Commits one step of a run.
pub(super) struct Step {
    run: Prepared,
    records: Vec<Write>,
    states: Vec<states::Write>,
    events: Publish,
}

impl Step {
    /// Prepares `advance`.
    pub(super) fn new(advance: Advance) -> Result<Self> {
        let Advance { run, entries, records, states, events } = advance;
        let run = Prepared::new(Box::new(run), entries)?;
        let records = records.into_iter().map(Write::new).collect::<Result<_>>()?;
        let states = states.into_iter().map(states::Write::new).collect::<Result<_>>()?;
        Ok(Self { run, records, states, events: Publish::new(events)? })
    }
}

impl Change for Step {
    type Output = ();

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<()> {
        let Self { run, records, states, events } = self;
        let old = transaction.view(&run.live)?.filter(|old| old.revision().checked_add(1) == Some(run.run.revision));
        let Some(old) = old else { return Err(conflict(format_args!("run {}", run.run.id))) };
        for record in records {
            record.apply(transaction)?;
        }
        states::Write::apply_all(states, transaction)?;
        events.apply(transaction)?;
        if run.is_input_apart && old.flags() & INPUT_APART == 0 {
            // Accepted when the bound was another one.
            let input = Packed::json(Head::default(), &run.run.input)?;
            transaction.put_value(keys::input(run.run.id), None, input);
        }
        run.write(transaction, Some(&old));
        Ok(())
    }

    fn size(&self) -> usize {
        let records = self.records.iter().map(Write::size).sum::<usize>();
        self.run.size() + records + self.states.iter().map(states::Write::size).sum::<usize>() + self.events.size()
    }
}

/// More history of a final run.
pub(super) struct Addendum {
    run: Key,
    id: UniqueId,
    count: u32,
    history: Packed,
}

impl Addendum {
    /// Prepares `entries`.
    pub(super) fn new(space: &Slug, id: UniqueId, entries: Vec<TaskEntry>) -> Result<Self> {
        let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        // The run's input is not at hand, so none is taken for it.
        let json = history::encode(entries, &Value::Null)?;
        let history = Packed::new(Head::default(), |bytes| {
            bytes.extend_from_slice(&json);
            Ok(())
        })?;
        Ok(Self { run: keys::final_run(space, id), id, count, history })
    }
}

impl Change for Addendum {
    type Output = bool;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<bool> {
        let Some(old) = transaction.view(&self.run)? else { return Ok(false) };
        let body = transaction.body(&self.run, &old)?;
        let (json, tail) = split(&body)?;
        let mut run: Run = serde_json::from_slice(json)?;
        run.entries = run.entries.saturating_add(self.count);
        let packed = pack(&run, old.flags() & INPUT_APART != 0, tail)?;
        transaction.put_value(self.run, Some(&old), packed);
        let key = keys::history_of(self.id, run.revision + 1);
        let former = transaction.view(&key)?;
        transaction.put_value(key, former.as_ref(), self.history);
        Ok(true)
    }

    fn size(&self) -> usize {
        self.history.size() + 1024
    }
}

/// One run.
pub(super) fn get(tree: &sled::Tree, space: &Slug, id: UniqueId) -> Result<Option<Run>> {
    find(tree, space, id)?.map(|(view, body)| parse(tree, &view, &body)).transpose()
}

/// The value of a run: live first, as it goes from there to final but never back.
fn find(tree: &sled::Tree, space: &Slug, id: UniqueId) -> Result<Option<(View, Vec<u8>)>> {
    match value::load(tree, &keys::live_run(space, id))? {
        Some(found) => Ok(Some(found)),
        None => value::load(tree, &keys::final_run(space, id)),
    }
}

/// The run in an entry met in a scan, or what has become of it.
pub(super) fn get_entry(tree: &sled::Tree, space: &Slug, key: &[u8], entry: IVec) -> Result<Option<Run>> {
    match value::load_entry(tree, key, entry)? {
        Some((view, body)) => parse(tree, &view, &body).map(Some),
        None => keys::parse_id(key).map_or(Ok(None), |id| get(tree, space, id)),
    }
}

fn parse(tree: &sled::Tree, view: &View, body: &[u8]) -> Result<Run> {
    let mut run: Run = serde_json::from_slice(split(body)?.0)?;
    if view.flags() & INPUT_APART != 0 {
        let (_, input) = value::load(tree, &keys::input(run.id))?.ok_or_else(|| corrupt("a run without its input"))?;
        run.input = serde_json::from_slice(&input)?;
    }
    Ok(run)
}

fn split(body: &[u8]) -> Result<(&[u8], &[u8])> {
    body.split_first_chunk::<4>()
        .and_then(|(length, rest)| rest.split_at_checked(u32::from_be_bytes(*length) as usize))
        .ok_or_else(|| corrupt("a run cut short"))
}

/// The history of a run of this space, oldest first.
pub(super) fn entries(tree: &sled::Tree, space: &Slug, id: UniqueId) -> Result<Vec<TaskEntry>> {
    let Some((view, body)) = find(tree, space, id)? else { return Ok(Vec::new()) };
    let input = || Ok(parse(tree, &view, &body)?.input);
    let mut entries: Vec<TaskEntry> = Vec::new();
    for entry in tree.scan_prefix(keys::history(id)) {
        let (key, entry) = entry?;
        if let Some((_, json)) = value::load_entry(tree, &key, entry)? {
            entries.append(&mut history::decode(&json, input)?);
        }
    }
    let (_, tail) = split(&body)?;
    entries.append(&mut history::decode(tail, input)?);
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_input_is_weighed_no_further_than_its_bound() {
        assert!(!weighs_more(&json!({"a": "b"}), 32));
        assert!(weighs_more(&json!({"a": "b".repeat(32)}), 32));
        assert!(weighs_more(&json!([1, 2, 3, 4]), 32));
        assert!(!weighs_more(&Value::Null, 8));
    }
}
