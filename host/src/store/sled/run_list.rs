//! Runs of a space, newest first, live and final ones merged.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use sled::IVec;

use super::Result;
use super::keys;
use super::listing::{self, Cursor, SCAN_MIN};
use super::runs;
use super::value::View;
use crate::model::{Run, Slug, UniqueId};
use crate::store::{Page, RunFilter, Slice};

/// Entries of both kinds, newest first; below `floor` there may be more than these.
struct Found {
    entries: BTreeMap<Reverse<UniqueId>, (IVec, IVec)>,
    floor: Option<UniqueId>,
}

/// One page.
pub(super) fn list(tree: &sled::Tree, space: &Slug, filter: &RunFilter, page: &Page) -> Result<Slice<Run>> {
    let before = page.cursor.as_deref().map(|cursor| Cursor::Run.decode_id(cursor)).transpose()?;
    let limit = page.limit.max(1);
    let is_filtered = filter.workflow.is_some() || filter.status.is_some();
    let max = if is_filtered { SCAN_MIN.max(limit) } else { limit };
    let Found { entries, floor } = find(tree, space, filter, before, max)?;
    let mut items = Vec::with_capacity(limit.min(entries.len()));
    let mut last = None;
    for (Reverse(id), (key, entry)) in entries {
        if floor.is_some_and(|floor| id < floor) {
            break;
        }
        if items.len() == limit {
            return Ok(Slice { items, next: last.map(encode) });
        }
        last = Some(id);
        if may_match(filter, &entry)?
            && let Some(run) = runs::get_entry(tree, space, &key, entry)?
            && matches(filter, &run)
        {
            items.push(run);
        }
    }
    Ok(Slice { items, next: floor.map(encode) })
}

/// Live ones first: a run that becomes final meanwhile is then met twice rather than never.
fn find(tree: &sled::Tree, space: &Slug, filter: &RunFilter, before: Option<[u8; 16]>, max: usize) -> Result<Found> {
    let mut found = Found { entries: BTreeMap::new(), floor: None };
    let wants = |is_final: bool| filter.status.is_none_or(|status| status.is_final() == is_final);
    for (is_final, prefix) in [(false, keys::live_runs(space)), (true, keys::final_runs(space))] {
        if !wants(is_final) {
            continue;
        }
        let (entries, more) = listing::newest(tree, &prefix, before.as_ref().map(|id| &id[..]), max)?;
        let lowest = entries.last().and_then(|(key, _)| keys::parse_id(key));
        if more {
            found.floor = found.floor.max(lowest);
        }
        for (key, entry) in entries {
            if let Some(id) = keys::parse_id(&key) {
                found.entries.insert(Reverse(id), (key, entry));
            }
        }
    }
    Ok(found)
}

fn may_match(filter: &RunFilter, entry: &IVec) -> Result<bool> {
    let view = View::new(entry.clone())?;
    Ok(filter.workflow.as_ref().is_none_or(|workflow| view.label() == workflow.as_str().as_bytes())
        && filter.status.is_none_or(|status| view.status() == runs::status_code(status)))
}

/// The run may have changed since its entry was read.
fn matches(filter: &RunFilter, run: &Run) -> bool {
    filter.workflow.as_ref().is_none_or(|workflow| run.workflow == *workflow)
        && filter.status.is_none_or(|status| run.status == status)
}

fn encode(id: UniqueId) -> String {
    Cursor::Run.encode(id.as_bytes())
}
