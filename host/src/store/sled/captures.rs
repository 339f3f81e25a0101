//! Recorded requests: one value each, under the number that the commit gives it, and a count for each bin.
//!
//! A value is in its space by its id, so by its time; the numbers of a bin lead to the keys of its values. A value's
//! head has the token of the bin as label, its number as revision and its status as `due`.

use async_trait::async_trait;
use sled::IVec;

use super::commit::{Change, Transaction, conflict};
use super::keys::{self, Key};
use super::listing::{self, Cursor};
use super::value::{self, Head, Packed, View};
use super::{Result, Sled, StoreError, corrupt};
use crate::model::{Bin, Capture, DefinitionPath, Kind, Slug, UniqueId};
use crate::store::{CAPTURES_KEPT, CaptureDraft, Captures, Page, Pruned, Shared, Slice};

#[async_trait]
impl Captures for Sled {
    async fn capture(&self, draft: CaptureDraft) -> Result<Capture> {
        let CaptureDraft { bin, capture } = draft;
        let (number, status) = self.writer.commit(Keep::new(bin, &capture)?).await?;
        Ok(Capture { number, status, ..capture })
    }

    async fn captured(&self, space: &Slug, token: &str, id: UniqueId) -> Result<Option<Capture>> {
        let found = value::load(&self.tree()?, &keys::capture(space, id))?;
        found.filter(|(view, _)| view.label() == token.as_bytes()).map(parse).transpose()
    }

    async fn captures(&self, token: &str, page: Page) -> Result<Slice<Capture>> {
        let token = token.to_owned();
        self.read(move |tree| list(tree, &token, &page)).await
    }

    async fn clear_captures(&self, token: &str, max: usize) -> Result<Pruned> {
        self.writer.commit(Clear { token: token.to_owned(), max }).await
    }
}

/// How many requests a bin has recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    /// In all: the number of the newest.
    total: u64,
    /// Since it was last saved or cleared.
    round: u64,
    /// The revision of the bin that `round` is of.
    revision: u64,
}

impl Count {
    fn parse(entry: Option<IVec>) -> Result<Self> {
        let Some(entry) = entry else { return Ok(Self::default()) };
        let bytes: &[u8; 24] = entry.as_ref().try_into().map_err(|_| corrupt("a count of 24 bytes"))?;
        let number = |at: usize| bytes[at..].first_chunk().copied().map_or(0, u64::from_be_bytes);
        Ok(Self { total: number(0), round: number(8), revision: number(16) })
    }

    fn bytes(self) -> Vec<u8> {
        [self.total, self.round, self.revision].iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    /// With one more, that came to `revision` of the bin.
    fn next(self, revision: u64) -> Self {
        let round = if self.revision == revision { self.round } else { 0 };
        Self { total: self.total + 1, round: round + 1, revision }
    }
}

/// A request as bytes.
struct Keep {
    bin: Shared<Bin>,
    key: Key,
    packed: Packed,
}

impl Keep {
    fn new(bin: Shared<Bin>, capture: &Capture) -> Result<Self> {
        let key = keys::capture(bin.space(), capture.id);
        let head = Head { label: &bin.token, ..Head::default() };
        let packed = Packed::pair(head, &serde_json::to_vec(capture)?, &capture.body)?;
        Ok(Self { bin, key, packed })
    }

    /// Fails unless the bin is still the one that was read.
    fn check(&self, transaction: &Transaction<'_>) -> Result<()> {
        let path = DefinitionPath::new(self.bin.space(), Kind::Bin, self.bin.id.as_str());
        let owner = transaction.get(&keys::alias(Kind::Bin, &self.bin.token))?;
        let stored = transaction.view(&keys::definition(&path))?;
        let is_owner = owner.is_some_and(|owner| owner.as_ref() == keys::path_bytes(&path));
        let is_same = stored.is_some_and(|stored| stored.revision() == self.bin.saved().revision);
        if is_owner && is_same { Ok(()) } else { Err(conflict(path)) }
    }
}

impl Change for Keep {
    type Output = (u64, u16);

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<(u64, u16)> {
        self.check(transaction)?;
        let Self { bin, key, packed } = self;
        let count_key = keys::capture_count(&bin.token);
        let count = Count::parse(transaction.get(&count_key)?)?.next(bin.saved().revision);
        if let Some(beyond) = count.total.checked_sub(CAPTURES_KEPT) {
            forget(transaction, keys::number(&bin.token, beyond))?;
        }
        let status = bin.status_of(count.round);
        transaction.put(keys::number(&bin.token, count.total), key.clone());
        transaction.put_value(key, None, packed.stamped(count.total, u64::from(status)));
        transaction.put(count_key, count.bytes());
        Ok((count.total, status))
    }

    fn size(&self) -> usize {
        2 * self.key.len() + self.packed.size() + 512
    }
}

/// Removes the request with a number, if it is there; how many bytes it took.
fn forget(transaction: &mut Transaction<'_>, number: Key) -> Result<u64> {
    let Some(key) = transaction.get(&number)? else { return Ok(0) };
    transaction.remove(number);
    let Some(view) = transaction.view(&key)? else { return Ok(0) };
    transaction.remove_value(key.to_vec(), &view);
    Ok(view.stored_bytes())
}

/// Removes the number of a request that is to be removed.
pub(super) fn forget_number(transaction: &mut Transaction<'_>, view: &View) {
    if let Ok(token) = std::str::from_utf8(view.label()) {
        transaction.remove(keys::number(token, view.revision()));
    }
}

/// Removes the count of a bin that is deleted.
pub(super) fn forget_count(transaction: &mut Transaction<'_>, token: &str) {
    transaction.remove(keys::capture_count(token));
}

/// Removes the oldest requests of a bin.
struct Clear {
    token: String,
    max: usize,
}

impl Change for Clear {
    type Output = Pruned;

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<Pruned> {
        let prefix = keys::numbered(&self.token);
        let found = transaction.keys_between(&prefix, &keys::after(&prefix), self.max)?;
        let mut pruned = Pruned { items: found.len() as u64, bytes: 0, more: found.len() == self.max };
        for number in found {
            pruned.bytes += forget(transaction, number.to_vec())?;
        }
        let count_key = keys::capture_count(&self.token);
        if let Some(entry) = transaction.get(&count_key)? {
            let count = Count { round: 0, ..Count::parse(Some(entry))? };
            transaction.put(count_key, count.bytes());
        }
        Ok(pruned)
    }

    fn size(&self) -> usize {
        self.max * 512
    }
}

/// The requests of a bin, newest first.
fn list(tree: &sled::Tree, token: &str, page: &Page) -> Result<Slice<Capture>> {
    let before = page.cursor.as_deref().map(|cursor| Cursor::Capture.decode(cursor)).transpose()?;
    if before.as_ref().is_some_and(|number| number.len() != size_of::<u64>()) {
        return Err(StoreError::BadCursor);
    }
    let (found, more) = listing::newest(tree, &keys::numbered(token), before.as_deref(), page.limit.max(1))?;
    let mut items = Vec::with_capacity(found.len());
    for (_, key) in &found {
        // One at a time: bodies may be long.
        if let Some(whole) = value::load(tree, key)? {
            items.push(parse(whole)?.excerpt());
        }
    }
    let last = found.last().filter(|_| more).and_then(|(number, _)| number.last_chunk::<8>());
    Ok(Slice { items, next: last.map(|number| Cursor::Capture.encode(number)) })
}

fn parse((view, body): (View, Vec<u8>)) -> Result<Capture> {
    let (json, body) = value::split_pair(body)?;
    let capture: Capture = serde_json::from_slice(&json)?;
    let status = u16::try_from(view.due()).map_err(|_| corrupt("a status of two bytes"))?;
    Ok(Capture { number: view.revision(), status, body: body.into(), ..capture })
}
