//! Events: appended, never changed.

use super::Result;
use super::commit::{Change, Transaction};
use super::keys::{self, Key};
use super::listing::{self, Cursor, SCAN_MIN};
use super::value::{self, Head, Packed, View};
use crate::model::{Event, Slug};
use crate::store::{Page, Slice};

/// Events as bytes.
pub(super) struct Publish {
    entries: Vec<(Key, Packed)>,
}

impl Publish {
    /// Prepares `events`.
    pub(super) fn new(events: &[Event]) -> Result<Self> {
        let pack = |event: &Event| {
            let packed = Packed::json(Head { label: &event.kind, ..Head::default() }, event)?;
            Ok((keys::event(&event.space, event.id), packed))
        };
        Ok(Self { entries: events.iter().map(pack).collect::<Result<_>>()? })
    }
}

impl Change for Publish {
    type Output = ();

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<()> {
        for (key, packed) in self.entries {
            // The same id again is the same event again: the first one stays.
            if !transaction.has(&key)? {
                transaction.put_value(key, None, packed);
            }
        }
        Ok(())
    }

    fn size(&self) -> usize {
        self.entries.iter().map(|(key, packed)| key.len() + packed.size()).sum()
    }
}

/// Events of a space, newest first, of one type if named.
pub(super) fn list(tree: &sled::Tree, space: &Slug, kind: Option<&str>, page: &Page) -> Result<Slice<Event>> {
    let before = page.cursor.as_deref().map(|cursor| Cursor::Event.decode_id(cursor)).transpose()?;
    let limit = page.limit.max(1);
    let max = if kind.is_some() { SCAN_MIN.max(limit) } else { limit };
    let (found, mut more) = listing::newest(tree, &keys::events(space), before, max)?;
    let mut items = Vec::with_capacity(limit.min(found.len()));
    let mut last = None;
    for (key, entry) in found {
        if items.len() == limit {
            more = true;
            break;
        }
        last = keys::parse_id(&key);
        let view = View::new(entry.clone())?;
        // A type too long for the head has an empty label there.
        let may_match = kind.is_none_or(|kind| view.label() == kind.as_bytes() || view.label().is_empty());
        if may_match && let Some((_, body)) = value::load_entry(tree, &key, entry)? {
            let event: Event = serde_json::from_slice(&body)?;
            if kind.is_none_or(|kind| kind == event.kind) {
                items.push(event);
            }
        }
    }
    let next = last.filter(|_| more).map(|id| Cursor::Event.encode(id.as_bytes()));
    Ok(Slice { items, next })
}
