//! Pages of a listing: cursors, and scans that look at a bounded number of entries.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use sled::IVec;

use super::Result;
use super::keys::{self, Key};
use crate::model::{Time, UniqueId};
use crate::store::{Order, Page, Slice, StoreError};

/// Entries that a page looks at, at least: a filter that few match then still finds them in few pages.
pub(super) const SCAN_MIN: usize = 2_000;

/// Which listing a cursor is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cursor {
    Definition = b'd' as isize,
    Record = b'r' as isize,
    Run = b'u' as isize,
    Event = b'e' as isize,
    Delivery = b'v' as isize,
    Capture = b'c' as isize,
}

impl Cursor {
    /// The cursor behind the entry whose key ends in `last`.
    pub(super) fn encode(self, last: &[u8]) -> String {
        let mut bytes = vec![self as u8];
        bytes.extend_from_slice(last);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The end of the key that [`Self::encode`] was given.
    pub(super) fn decode(self, cursor: &str) -> Result<Vec<u8>> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| StoreError::BadCursor)?;
        match bytes.split_first() {
            Some((&letter, last)) if letter == self as u8 => Ok(last.to_vec()),
            _ => Err(StoreError::BadCursor),
        }
    }

    /// The id in a cursor of a listing by id.
    pub(super) fn decode_id(self, cursor: &str) -> Result<[u8; 16]> {
        self.decode(cursor)?.try_into().map_err(|_| StoreError::BadCursor)
    }
}

/// A listing of all entries with a prefix, in the order of their keys.
pub(super) struct Scan {
    prefix: Key,
    cursor: Cursor,
}

impl Scan {
    /// Of the entries with `prefix`.
    pub(super) fn new(prefix: Key, cursor: Cursor) -> Self {
        Self { prefix, cursor }
    }

    /// One page; `read` answers `None` for an entry that has gone meanwhile.
    pub(super) fn page<T>(
        &self,
        tree: &sled::Tree,
        page: &Page,
        read: impl Fn(&[u8], IVec) -> Result<Option<T>>,
    ) -> Result<Slice<T>> {
        let mut start = self.prefix.clone();
        if let Some(cursor) = &page.cursor {
            start.extend_from_slice(&self.cursor.decode(cursor)?);
            start.push(0);
        }
        let limit = page.limit.max(1);
        let mut items = Vec::with_capacity(limit.min(SCAN_MIN));
        let mut last: Option<IVec> = None;
        for entry in tree.range(start..keys::after(&self.prefix)) {
            let (key, entry) = entry?;
            if items.len() == limit {
                let next = last.map(|last| self.cursor.encode(&last[self.prefix.len()..]));
                return Ok(Slice { items, next });
            }
            items.extend(read(&key, entry)?);
            last = Some(key);
        }
        Ok(Slice { items, next: None })
    }
}

/// Entries of a prefix whose keys end in an id or a number, the last first, each met once, at most `max` of them.
/// The flag tells whether there are more.
pub(super) fn newest(
    tree: &sled::Tree,
    prefix: &[u8],
    before: Option<&[u8]>,
    max: usize,
) -> Result<(Vec<(IVec, IVec)>, bool)> {
    let end = match before {
        Some(last) => [prefix, last].concat(),
        None => keys::after(prefix),
    };
    let mut found = Vec::new();
    for entry in tree.range(prefix.to_vec()..end).rev() {
        if found.len() == max {
            return Ok((found, true));
        }
        found.push(entry?);
    }
    Ok((found, false))
}

/// Entries of a prefix whose keys end in an id, made within a time.
pub(super) struct Range {
    start: Key,
    end: Key,
    cursor: Cursor,
    order: Order,
    limit: usize,
}

impl Range {
    /// Of the entries with `prefix` made at `since` or later and before `until`, behind the page's cursor.
    pub(super) fn new(
        prefix: Key,
        (since, until): (Option<Time>, Option<Time>),
        (cursor, order): (Cursor, Order),
        page: &Page,
    ) -> Result<Self> {
        let at = |time: Time| [&prefix[..], UniqueId::first_at(time).as_bytes()].concat();
        let mut start = since.map_or_else(|| prefix.clone(), at);
        let mut end = until.map_or_else(|| keys::after(&prefix), at);
        if let Some(behind) = page.cursor.as_deref().map(|text| cursor.decode_id(text)).transpose()? {
            match order {
                Order::NewestFirst => end = end.min([&prefix[..], &behind].concat()),
                Order::OldestFirst => start = start.max([&prefix[..], &behind, &[0]].concat()),
            }
        }
        Ok(Self { start, end, cursor, order, limit: page.limit.max(1) })
    }

    /// One page of what `read` takes, of at most `scan_max` entries looked at.
    pub(super) fn page<T>(
        &self,
        tree: &sled::Tree,
        scan_max: usize,
        read: impl Fn(&[u8], IVec) -> Result<Option<T>>,
    ) -> Result<Slice<T>> {
        let mut items = Vec::new();
        let mut last = None;
        if self.start >= self.end {
            return Ok(Slice { items, next: None });
        }
        let mut range = tree.range(self.start.clone()..self.end.clone());
        let mut next_entry = || if self.order == Order::NewestFirst { range.next_back() } else { range.next() };
        for looked_at in 0.. {
            let Some(entry) = next_entry() else { break };
            if looked_at == scan_max || items.len() == self.limit {
                let next = last.map(|id: UniqueId| self.cursor.encode(id.as_bytes()));
                return Ok(Slice { items, next });
            }
            let (key, entry) = entry?;
            last = keys::parse_id(&key);
            items.extend(read(&key, entry)?);
        }
        Ok(Slice { items, next: None })
    }
}
