//! Rings: what is kept of each trigger in a fixed number of places, with a total: the list of refused calls, and the
//! calls that its verifier judged.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::commit::{Change, Transaction};
use super::keys::{self, Key};
use super::value::{self, Head, Packed};
use super::{Result, corrupt};
use crate::model::Slug;

/// A kind of ring.
#[derive(Clone, Copy)]
pub(super) struct Ring {
    /// Its letter.
    letter: u8,
    /// How many are kept of each trigger.
    kept: u64,
}

/// The refused calls.
pub(super) const REJECTIONS: Ring = Ring { letter: keys::REJECTION, kept: 100 };
/// The calls that a verifier believed or answered.
pub(super) const JUDGED: Ring = Ring { letter: keys::JUDGED, kept: 50 };
/// The calls that a verifier refused.
pub(super) const REFUSED: Ring = Ring { letter: keys::REFUSED, kept: 50 };

/// A call as bytes, to be put into a ring.
pub(super) struct Append {
    ring: Ring,
    space: Slug,
    workflow: Slug,
    total: Key,
    packed: Packed,
}

impl Append {
    /// Prepares `item`.
    pub(super) fn new(ring: Ring, space: &Slug, workflow: &Slug, item: &impl Serialize) -> Result<Self> {
        let total = keys::ring_total(ring.letter, space, workflow);
        let packed = Packed::json(Head::default(), item)?;
        Ok(Self { ring, space: space.clone(), workflow: workflow.clone(), total, packed })
    }
}

impl Change for Append {
    type Output = ();

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<()> {
        let total = parse_total(transaction.get(&self.total)?)?;
        let key = self.ring.slot(&self.space, &self.workflow, total);
        let old = transaction.view(&key)?;
        transaction.put_value(key, old.as_ref(), self.packed);
        transaction.put(self.total, &(total + 1).to_be_bytes());
        Ok(())
    }

    fn size(&self) -> usize {
        self.packed.size() + 256
    }
}

impl Ring {
    fn slot(self, space: &Slug, workflow: &Slug, number: u64) -> Key {
        keys::ring_slot(self.letter, space, workflow, u8::try_from(number % self.kept).unwrap_or(0))
    }

    /// Forgets what is kept of a trigger that is deleted.
    pub(super) fn forget(self, transaction: &mut Transaction<'_>, space: &Slug, workflow: &str) -> Result<()> {
        let Ok(workflow) = workflow.parse::<Slug>() else { return Ok(()) };
        let total_key = keys::ring_total(self.letter, space, &workflow);
        let total = parse_total(transaction.get(&total_key)?)?;
        for number in total.saturating_sub(self.kept)..total {
            let key = self.slot(space, &workflow, number);
            if let Some(old) = transaction.view(&key)? {
                transaction.remove_value(key, &old);
            }
        }
        transaction.remove(total_key);
        Ok(())
    }

    /// How many there were, and those that are kept, newest first.
    pub(super) fn list<T: DeserializeOwned>(
        self,
        tree: &sled::Tree,
        space: &Slug,
        workflow: &Slug,
    ) -> Result<(u64, Vec<T>)> {
        let total = parse_total(tree.get(keys::ring_total(self.letter, space, workflow))?)?;
        let mut items = Vec::new();
        for number in (total.saturating_sub(self.kept)..total).rev() {
            if let Some((_, body)) = value::load(tree, &self.slot(space, workflow, number))? {
                items.push(serde_json::from_slice(&body)?);
            }
        }
        Ok((total, items))
    }
}

fn parse_total(entry: Option<sled::IVec>) -> Result<u64> {
    match entry {
        None => Ok(0),
        Some(entry) => entry.as_ref().try_into().map(u64::from_be_bytes).map_err(|_| corrupt("a total of 8 bytes")),
    }
}
