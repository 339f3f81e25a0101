//! Deliveries: one value each, an entry in the queue of their lane while they are due, and their attempts.
//!
//! Where an endpoint keeps order, the first delivery of a key is queued and marked; those behind it wait under a
//! prefix of their own, and the commit that ends the first queues the next.

use std::sync::Arc;

use super::commit::{Change, Transaction, conflict};
use super::definitions::Save;
use super::events::Publish;
use super::keys::{self, Key};
use super::lanes::LaneChange;
use super::listing::{self, Cursor, SCAN_MIN};
use super::value::{self, Head, Packed, View};
use super::{Result, corrupt};
use crate::model::{Attempt, Delivery, DeliveryStatus, EndpointHealth, Event, Slug, Time, UniqueId};
use crate::store::{DeliveryFilter, DeliveryStep, Lane, Page, Slice};

/// The stored number of a status.
const fn status_code(status: DeliveryStatus) -> u8 {
    match status {
        DeliveryStatus::Pending => 1,
        DeliveryStatus::Delivered => 2,
        DeliveryStatus::Failed => 3,
        DeliveryStatus::Dropped => 4,
        DeliveryStatus::Cancelled => 5,
    }
}

fn pack(delivery: &Delivery) -> Result<Packed> {
    let head = Head {
        revision: delivery.revision,
        due: delivery.due.map_or(0, Time::as_millis),
        status: status_code(delivery.status),
        label: delivery.endpoint.as_str(),
        ..Head::default()
    };
    Packed::json(head, delivery)
}

fn lane_of(delivery: &Delivery) -> Lane {
    Lane { space: delivery.space.clone(), endpoint: delivery.endpoint.clone() }
}

/// A new delivery as bytes.
pub(super) struct NewDelivery {
    delivery: Box<Delivery>,
    key: Key,
    packed: Packed,
}

impl NewDelivery {
    /// Prepares `delivery`.
    pub(super) fn new(delivery: Delivery) -> Result<Self> {
        let (key, packed) = (keys::delivery(&delivery.space, delivery.id), pack(&delivery)?);
        Ok(Self { delivery: Box::new(delivery), key, packed })
    }

    /// About how many bytes it writes.
    pub(super) fn size(&self) -> usize {
        2 * self.key.len() + self.packed.size() + 64
    }

    /// Writes it with its `event`, of `event_size` bytes: queued, or behind the others of its ordering key.
    pub(super) fn write(self, transaction: &mut Transaction<'_>, event: &Arc<Event>, event_size: usize) -> Result<()> {
        let Self { mut delivery, key, mut packed } = self;
        let (lane, id) = (lane_of(&delivery), delivery.id);
        if let Some(name) = delivery.chain().map(str::to_owned) {
            let chain = keys::chain(&lane, &name);
            if transaction.has(&chain)? {
                delivery.due = None;
                packed = pack(&delivery)?;
                transaction.put(keys::chained(&lane, &name, id), Vec::new());
            } else {
                transaction.put(chain, id.as_bytes());
            }
        }
        let size = packed.size() + event_size;
        transaction.put_value(key, None, packed);
        if let Some(due) = delivery.due {
            queue(transaction, lane, delivery, due, Some((Arc::clone(event), size)));
        }
        Ok(())
    }
}

fn queue(
    transaction: &mut Transaction<'_>,
    lane: Lane,
    delivery: Box<Delivery>,
    due: Time,
    event: Option<(Arc<Event>, usize)>,
) {
    transaction.put(keys::queued(&lane, due, delivery.id), Vec::new());
    let (event, size) = event.map_or((None, 0), |(event, size)| (Some(event), size));
    transaction.lane_effect(LaneChange::Queue { lane, delivery, due, event, size });
}

/// Commits one step of a delivery.
pub(super) struct Step {
    delivery: Box<Delivery>,
    packed: Packed,
    attempt: Option<(Key, Packed)>,
    health: Option<(Key, Packed)>,
    endpoint: Option<Save>,
    events: Publish,
}

impl Step {
    /// Prepares `step`.
    pub(super) fn new(step: DeliveryStep) -> Result<Self> {
        let DeliveryStep { delivery, attempt, health, endpoint, events } = step;
        let health = health.map(|health| {
            Packed::json(Head::default(), &health).map(|packed| (keys::health(&lane_of(&delivery)), packed))
        });
        let attempt = attempt.map(|attempt| {
            let packed = Packed::json(Head::default(), &attempt)?;
            Ok::<_, super::StoreError>((keys::attempt(delivery.id, attempt.number), packed))
        });
        Ok(Self {
            packed: pack(&delivery)?,
            attempt: attempt.transpose()?,
            health: health.transpose()?,
            endpoint: endpoint.map(|draft| Save::new(vec![draft])).transpose()?,
            events: Publish::new(events)?,
            delivery: Box::new(delivery),
        })
    }
}

impl Change for Step {
    type Output = ();

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<()> {
        let Self { delivery, packed, attempt, health, endpoint, events } = self;
        let (key, lane, id) = (keys::delivery(&delivery.space, delivery.id), lane_of(&delivery), delivery.id);
        let old = transaction.view(&key)?.filter(|old| old.revision().checked_add(1) == Some(delivery.revision));
        let Some(old) = old else { return Err(conflict(format_args!("delivery {id}"))) };
        if let Some(endpoint) = endpoint {
            endpoint.apply(transaction)?;
        }
        unqueue(transaction, &lane, &delivery, &old);
        transaction.put_value(key, Some(&old), packed);
        for (key, packed) in attempt.into_iter().chain(health) {
            let former = transaction.view(&key)?;
            transaction.put_value(key, former.as_ref(), packed);
        }
        if delivery.status.is_final() {
            release_next(transaction, &lane, &delivery)?;
        }
        if let Some(due) = delivery.due {
            queue(transaction, lane, delivery, due, None);
        }
        events.apply(transaction)?;
        Ok(())
    }

    fn size(&self) -> usize {
        self.packed.size()
            + self.attempt.as_ref().map_or(0, |(key, packed)| key.len() + packed.size())
            + self.endpoint.as_ref().map_or(0, Save::size)
            + self.events.size()
            + 256
    }
}

/// Takes a delivery out of where its old state stood.
fn unqueue(transaction: &mut Transaction<'_>, lane: &Lane, delivery: &Delivery, old: &View) {
    let (id, due) = (delivery.id, Time::from_millis(old.due()));
    if old.due() > 0 {
        transaction.remove(keys::queued(lane, due, id));
    } else if let Some(name) = delivery.chain() {
        transaction.remove(keys::chained(lane, name, id));
    }
    transaction.lane_effect(LaneChange::End { lane: lane.clone(), id, due });
}

/// Queues the delivery behind the first of its ordering key, if it was that.
fn release_next(transaction: &mut Transaction<'_>, lane: &Lane, ended: &Delivery) -> Result<()> {
    let Some(name) = ended.chain() else { return Ok(()) };
    let chain = keys::chain(lane, name);
    if transaction.get(&chain)?.is_none_or(|first| first.as_ref() != ended.id.as_bytes()) {
        return Ok(());
    }
    let Some(waiting) = transaction.first_with_prefix(&keys::chained_behind(lane, name))? else {
        transaction.remove(chain);
        return Ok(());
    };
    let id = keys::parse_id(&waiting).ok_or_else(|| corrupt("a waiting delivery without an id"))?;
    transaction.remove(waiting);
    transaction.put(chain, id.as_bytes());
    let key = keys::delivery(&lane.space, id);
    let old = transaction.view(&key)?.ok_or_else(|| corrupt("a waiting delivery that is not there"))?;
    let mut next: Delivery = serde_json::from_slice(&transaction.body(&key, &old)?)?;
    let now = transaction.now();
    (next.due, next.updated_at, next.revision) = (Some(now), now, next.revision + 1);
    transaction.put_value(key, Some(&old), pack(&next)?);
    queue(transaction, lane.clone(), Box::new(next), now, None);
    Ok(())
}

/// Takes a delivery that is to be removed out of its queue, and out of its ordering key.
pub(super) fn forget(transaction: &mut Transaction<'_>, space: &Slug, key: &[u8], view: &View) -> Result<()> {
    if view.status() != status_code(DeliveryStatus::Pending) {
        return Ok(());
    }
    let delivery: Delivery = serde_json::from_slice(&transaction.body(key, view)?)?;
    let lane = Lane { space: space.clone(), endpoint: delivery.endpoint.clone() };
    unqueue(transaction, &lane, &delivery, view);
    release_next(transaction, &lane, &delivery)
}

/// One delivery.
pub(super) fn get(tree: &sled::Tree, space: &Slug, id: UniqueId) -> Result<Option<Delivery>> {
    let found = value::load(tree, &keys::delivery(space, id))?;
    Ok(found.map(|(_, body)| serde_json::from_slice(&body)).transpose()?)
}

/// How an endpoint fares.
pub(super) fn health(tree: &sled::Tree, lane: &Lane) -> Result<EndpointHealth> {
    let Some((_, body)) = value::load(tree, &keys::health(lane))? else { return Ok(EndpointHealth::default()) };
    Ok(serde_json::from_slice(&body)?)
}

/// The attempts of a delivery, oldest first.
pub(super) fn attempts(tree: &sled::Tree, delivery: UniqueId) -> Result<Vec<Attempt>> {
    let mut attempts = Vec::new();
    for entry in tree.scan_prefix(keys::attempts(delivery)) {
        let (key, entry) = entry?;
        if let Some((_, body)) = value::load_entry(tree, &key, entry)? {
            attempts.push(serde_json::from_slice(&body)?);
        }
    }
    Ok(attempts)
}

/// Deliveries of a space, newest first.
pub(super) fn list(tree: &sled::Tree, space: &Slug, filter: &DeliveryFilter, page: &Page) -> Result<Slice<Delivery>> {
    let within = (filter.since, filter.until);
    let range = listing::Range::new(keys::deliveries(space), within, (Cursor::Delivery, filter.order), page)?;
    range.page(tree, SCAN_MIN.max(page.limit), |key, entry| {
        let view = View::new(entry.clone())?;
        let may_match = filter.endpoint.as_ref().is_none_or(|endpoint| view.label() == endpoint.as_str().as_bytes())
            && filter.status.is_none_or(|status| view.status() == status_code(status));
        if !may_match {
            return Ok(None);
        }
        let Some((_, body)) = value::load_entry(tree, key, entry)? else { return Ok(None) };
        let delivery: Delivery = serde_json::from_slice(&body)?;
        Ok(matches(filter, &delivery).then_some(delivery))
    })
}

fn matches(filter: &DeliveryFilter, delivery: &Delivery) -> bool {
    let has = |text: &str| {
        delivery.event.to_string().contains(text)
            || delivery.external_id.as_ref().is_some_and(|id| id.as_str().contains(text))
            || delivery.key.as_deref().is_some_and(|key| key.contains(text))
    };
    let class = |class: u16| delivery.last_status.is_some_and(|status| status / 100 == class);
    filter.event.is_none_or(|event| event == delivery.event)
        && filter.kind.as_deref().is_none_or(|kind| kind == delivery.kind)
        && filter.status.is_none_or(|status| status == delivery.status)
        && filter.status_class.is_none_or(class)
        && filter.text.as_deref().is_none_or(has)
}
