//! Refused calls: a total and the newest 100 of each trigger.

use super::commit::{Change, Transaction};
use super::keys::{self, Key};
use super::value::{self, Head, Packed};
use super::{Result, corrupt};
use crate::model::{Rejection, Slug};
use crate::store::Rejections;

/// How many are kept of each trigger.
const KEPT: u64 = 100;

/// A refused call as bytes.
pub(super) struct Reject {
    space: Slug,
    workflow: Slug,
    total: Key,
    packed: Packed,
}

impl Reject {
    /// Prepares `rejection`.
    pub(super) fn new(rejection: &Rejection) -> Result<Self> {
        let total = keys::rejection_total(&rejection.space, &rejection.workflow);
        let packed = Packed::json(Head::default(), rejection)?;
        Ok(Self { space: rejection.space.clone(), workflow: rejection.workflow.clone(), total, packed })
    }
}

impl Change for Reject {
    type Output = ();

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<()> {
        let total = parse_total(transaction.get(&self.total)?)?;
        let key = keys::rejection(&self.space, &self.workflow, slot(total));
        let old = transaction.view(&key)?;
        transaction.put_value(key, old.as_ref(), self.packed);
        transaction.put(self.total, &(total + 1).to_be_bytes());
        Ok(())
    }

    fn size(&self) -> usize {
        self.packed.size() + 256
    }
}

/// Forgets the refused calls of a trigger that is deleted.
pub(super) fn forget(transaction: &mut Transaction<'_>, space: &Slug, workflow: &str) -> Result<()> {
    let Ok(workflow) = workflow.parse::<Slug>() else { return Ok(()) };
    let total_key = keys::rejection_total(space, &workflow);
    let total = parse_total(transaction.get(&total_key)?)?;
    for number in total.saturating_sub(KEPT)..total {
        let key = keys::rejection(space, &workflow, slot(number));
        if let Some(old) = transaction.view(&key)? {
            transaction.remove_value(key, &old);
        }
    }
    transaction.remove(total_key);
    Ok(())
}

/// The refused calls of a trigger.
pub(super) fn list(tree: &sled::Tree, space: &Slug, workflow: &Slug) -> Result<Rejections> {
    let total = parse_total(tree.get(keys::rejection_total(space, workflow))?)?;
    let mut items = Vec::new();
    for number in (total.saturating_sub(KEPT)..total).rev() {
        let key = keys::rejection(space, workflow, slot(number));
        if let Some((_, body)) = value::load(tree, &key)? {
            items.push(parse(&body)?);
        }
    }
    // A call refused while this was read has taken the oldest place.
    items.sort_by_key(|rejection: &Rejection| std::cmp::Reverse((rejection.time, rejection.id)));
    Ok(Rejections { total, items })
}

fn parse(body: &[u8]) -> Result<Rejection> {
    Ok(serde_json::from_slice(body)?)
}

fn slot(number: u64) -> u8 {
    u8::try_from(number % KEPT).unwrap_or(0)
}

fn parse_total(entry: Option<sled::IVec>) -> Result<u64> {
    match entry {
        None => Ok(0),
        Some(entry) => entry.as_ref().try_into().map(u64::from_be_bytes).map_err(|_| corrupt("a total of 8 bytes")),
    }
}
