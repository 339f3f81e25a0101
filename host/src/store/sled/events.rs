//! Events: appended, never changed; each commits with its deliveries.

use std::sync::Arc;

use super::Result;
use super::commit::{Change, Transaction};
use super::deliveries::NewDelivery;
use super::keys::{self, Key};
use super::listing::{self, Cursor, SCAN_MIN};
use super::repeats::Repeat;
use super::value::{self, Head, Packed, View};
use crate::model::{Event, Slug, UniqueId};
use crate::store::{EventFilter, Page, Publication, Published, Slice};

/// Publications as bytes.
pub(super) struct Publish {
    items: Vec<Item>,
}

struct Item {
    event: Arc<Event>,
    key: Key,
    packed: Packed,
    deliveries: Vec<NewDelivery>,
    repeat: Option<Repeat>,
}

impl Publish {
    /// Prepares `publications`.
    pub(super) fn new(publications: Vec<Publication>) -> Result<Self> {
        Ok(Self { items: publications.into_iter().map(Item::new).collect::<Result<_>>()? })
    }
}

impl Item {
    fn new(publication: Publication) -> Result<Self> {
        let Publication { event, deliveries, repeat } = publication;
        let packed = Packed::json(Head { label: &event.kind, ..Head::default() }, &*event)?;
        let deliveries = deliveries.into_iter().map(NewDelivery::new).collect::<Result<_>>()?;
        let key = keys::event(&event.space, event.id);
        Ok(Self { event, key, packed, deliveries, repeat: repeat.map(Repeat::new) })
    }

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Published> {
        let Self { event, key, packed, deliveries, repeat } = self;
        if let Some(repeat) = repeat
            && let Some(first) = repeat.remember(transaction, event.id)?
        {
            return Ok(Published::Repeat(first));
        }
        let size = packed.size();
        transaction.put_value(key, None, packed);
        for delivery in deliveries {
            delivery.write(transaction, &event, size)?;
        }
        Ok(Published::New)
    }
}

impl Change for Publish {
    type Output = Vec<Published>;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Vec<Published>> {
        self.items.into_iter().map(|item| item.apply(transaction)).collect()
    }

    fn size(&self) -> usize {
        let size = |item: &Item| {
            item.key.len() + item.packed.size() + item.deliveries.iter().map(NewDelivery::size).sum::<usize>()
        };
        self.items.iter().map(size).sum()
    }
}

/// One event.
pub(super) fn get(tree: &sled::Tree, space: &Slug, id: UniqueId) -> Result<Option<Event>> {
    let found = value::load(tree, &keys::event(space, id))?;
    Ok(found.map(|(_, body)| serde_json::from_slice(&body)).transpose()?)
}

/// Events of a space, newest first.
pub(super) fn list(tree: &sled::Tree, space: &Slug, filter: &EventFilter, page: &Page) -> Result<Slice<Event>> {
    let within = (filter.since, filter.until);
    let range = listing::Range::new(keys::events(space), within, (Cursor::Event, filter.order), page)?;
    let is_filtered = filter.kind.is_some() || filter.text.is_some();
    let max = if is_filtered { SCAN_MIN.max(page.limit) } else { page.limit.max(1) };
    range.page(tree, max, |key, entry| {
        let view = View::new(entry.clone())?;
        // A type too long for the head has an empty label there.
        let may_match =
            filter.kind.as_deref().is_none_or(|kind| view.label() == kind.as_bytes() || view.label().is_empty());
        if !may_match {
            return Ok(None);
        }
        let Some((_, body)) = value::load_entry(tree, key, entry)? else { return Ok(None) };
        let event: Event = serde_json::from_slice(&body)?;
        Ok(matches(filter, &event).then_some(event))
    })
}

fn matches(filter: &EventFilter, event: &Event) -> bool {
    let has = |text: &str| {
        event.id.to_string().contains(text)
            || event.external_id.as_ref().is_some_and(|id| id.as_str().contains(text))
            || event.key.as_deref().is_some_and(|key| key.contains(text))
    };
    filter.kind.as_deref().is_none_or(|kind| kind == event.kind) && filter.text.as_deref().is_none_or(has)
}
