//! How a value is written: a fixed head that can be read without parsing JSON, then the body; a body that is too
//! long for one tree entry is cut into chunks that belong to the value's key.

use sled::IVec;

use super::keys;
use super::{Result, corrupt};

/// Longest tree entry, in bytes: above a quarter of a segment sled moves a page of 16 entries into a file of its
/// own that it does not sync, and the data is lost at a power cut.
pub(super) const ENTRY_BYTES_MAX: usize = 32 * 1024;

/// Bytes of the head before the label.
const HEAD_BYTES: usize = 30;
/// The body is in chunks.
const CHUNKED: u8 = 1;
/// Reads that meet a concurrent rewrite start again; so often that only damage can be the reason.
const READ_TRIES: usize = 100;

/// What can be read of a value without parsing its body.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Head<'a> {
    /// Counts writes, where the object does.
    pub revision: u64,
    /// When a run is due, in milliseconds since the Unix epoch; the status that a recorded request was answered with.
    pub due: u64,
    /// The status of a run.
    pub status: u8,
    /// The owner's own flags, any but the lowest bit.
    pub flags: u8,
    /// What listings filter by: the workflow of a run, the type of an event.
    pub label: &'a str,
}

/// A value ready to be written.
pub(super) struct Packed {
    main: IVec,
    chunks: Vec<IVec>,
}

impl Packed {
    /// A value with this head; `write` appends the body.
    pub(super) fn new(head: Head<'_>, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<Self> {
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(&head.revision.to_be_bytes());
        bytes.extend_from_slice(&head.due.to_be_bytes());
        bytes.extend_from_slice(&[head.status, head.flags & !CHUNKED]);
        bytes.extend_from_slice(&[0; 10]);
        let label = label_bytes(head.label);
        bytes.extend_from_slice(&u16::try_from(label.len()).unwrap_or(0).to_be_bytes());
        bytes.extend_from_slice(label);
        let start = bytes.len();
        write(&mut bytes)?;
        let length = u32::try_from(bytes.len() - start).map_err(|_| corrupt("a value above 4 GiB"))?;
        bytes[20..24].copy_from_slice(&length.to_be_bytes());
        if bytes.len() <= ENTRY_BYTES_MAX {
            return Ok(Self { main: bytes.into(), chunks: Vec::new() });
        }
        Self::cut(bytes, start)
    }

    /// A value whose body is JSON.
    pub(super) fn json(head: Head<'_>, body: &impl serde::Serialize) -> Result<Self> {
        Self::new(head, |bytes| Ok(serde_json::to_writer(bytes, body)?))
    }

    /// A value whose body is two parts, which [`split_pair`] tells apart.
    pub(super) fn pair(head: Head<'_>, first: &[u8], second: &[u8]) -> Result<Self> {
        let length = u32::try_from(first.len()).map_err(|_| corrupt("a part above 4 GiB"))?;
        Self::new(head, |bytes| {
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(first);
            bytes.extend_from_slice(second);
            Ok(())
        })
    }

    /// The same with a revision and a `due` that only the commit knows.
    pub(super) fn stamped(mut self, revision: u64, due: u64) -> Self {
        let head = self.main.as_mut();
        head[..8].copy_from_slice(&revision.to_be_bytes());
        head[8..16].copy_from_slice(&due.to_be_bytes());
        self
    }

    fn cut(mut bytes: Vec<u8>, start: usize) -> Result<Self> {
        let body = bytes.split_off(start);
        let chunks: Vec<IVec> = body.chunks(ENTRY_BYTES_MAX).map(IVec::from).collect();
        let count = u16::try_from(chunks.len()).map_err(|_| corrupt("a value above 2 GiB"))?;
        bytes[17] |= CHUNKED;
        bytes[18..20].copy_from_slice(&count.to_be_bytes());
        bytes[24..28].copy_from_slice(&crc32fast::hash(&body).to_be_bytes());
        Ok(Self { main: bytes.into(), chunks })
    }

    /// Bytes that it adds to a commit.
    pub(super) fn size(&self) -> usize {
        self.main.len() + self.chunks.iter().map(|chunk| chunk.len()).sum::<usize>()
    }

    /// The entry under the value's own key, and the chunks.
    pub(super) fn into_parts(self) -> (IVec, Vec<IVec>) {
        (self.main, self.chunks)
    }
}

/// The two parts of a body of [`Packed::pair`].
pub(super) fn split_pair(mut body: Vec<u8>) -> Result<(Vec<u8>, Vec<u8>)> {
    let length = body.first_chunk::<4>().map(|length| u32::from_be_bytes(*length) as usize);
    match length {
        Some(length) if body.len() >= 4 + length => {
            let second = body.split_off(4 + length);
            body.drain(..4);
            Ok((body, second))
        }
        _ => Err(corrupt("a value of two parts cut short")),
    }
}

/// The own entry of a body that is always in chunks of [`ENTRY_BYTES_MAX`], which the caller writes.
pub(super) fn outline(body: &[u8]) -> Result<IVec> {
    let count = u16::try_from(body.len().div_ceil(ENTRY_BYTES_MAX)).map_err(|_| corrupt("a value above 2 GiB"))?;
    let length = u32::try_from(body.len()).map_err(|_| corrupt("a value above 4 GiB"))?;
    let mut bytes = [0; HEAD_BYTES];
    bytes[17] = CHUNKED;
    bytes[18..20].copy_from_slice(&count.to_be_bytes());
    bytes[20..24].copy_from_slice(&length.to_be_bytes());
    bytes[24..28].copy_from_slice(&crc32fast::hash(body).to_be_bytes());
    Ok(IVec::from(&bytes))
}

/// The label, unless it does not fit into its length field.
fn label_bytes(label: &str) -> &[u8] {
    if label.len() <= usize::from(u16::MAX) && label.len() < ENTRY_BYTES_MAX / 2 { label.as_bytes() } else { b"" }
}

/// The entry under a value's own key.
#[derive(Clone, Debug)]
pub(super) struct View(IVec);

impl View {
    /// Reads the head of `entry`.
    pub(super) fn new(entry: IVec) -> Result<Self> {
        let view = Self(entry);
        let label = view.0.get(28..HEAD_BYTES).map(|length| u16::from_be_bytes([length[0], length[1]]));
        match label {
            Some(length) if view.0.len() >= HEAD_BYTES + usize::from(length) => Ok(view),
            _ => Err(corrupt("a value without a head")),
        }
    }

    /// Counts writes.
    pub(super) fn revision(&self) -> u64 {
        self.u64_at(0)
    }

    /// About how many bytes it takes on disk, chunks included.
    pub(super) fn stored_bytes(&self) -> u64 {
        let body = if self.chunk_count() > 0 { u64::from(self.u32_at(20)) } else { 0 };
        self.0.len() as u64 + body
    }

    /// When a run is due.
    pub(super) fn due(&self) -> u64 {
        self.u64_at(8)
    }

    /// The status of a run.
    pub(super) fn status(&self) -> u8 {
        self.0[16]
    }

    /// The owner's own flags.
    pub(super) fn flags(&self) -> u8 {
        self.0[17]
    }

    /// How many chunks hold the body; 0 if it is here.
    pub(super) fn chunk_count(&self) -> u16 {
        u16::from_be_bytes([self.0[18], self.0[19]])
    }

    /// What listings filter by.
    pub(super) fn label(&self) -> &[u8] {
        &self.0[HEAD_BYTES..self.body_start()]
    }

    fn body_start(&self) -> usize {
        HEAD_BYTES + usize::from(u16::from_be_bytes([self.0[28], self.0[29]]))
    }

    fn u64_at(&self, at: usize) -> u64 {
        self.0[at..].first_chunk().copied().map_or(0, u64::from_be_bytes)
    }

    fn u32_at(&self, at: usize) -> u32 {
        self.0[at..].first_chunk().copied().map_or(0, u32::from_be_bytes)
    }

    /// The body, its chunks read with `get`; `None` if they are not those of this entry (it is being rewritten).
    pub(super) fn body(&self, key: &[u8], get: impl Fn(&[u8]) -> Result<Option<IVec>>) -> Result<Option<Vec<u8>>> {
        let length = self.u32_at(20) as usize;
        if self.flags() & CHUNKED == 0 {
            let body = &self.0[self.body_start()..];
            return if body.len() == length { Ok(Some(body.to_vec())) } else { Err(corrupt("a value cut short")) };
        }
        let mut body = Vec::with_capacity(length);
        for index in 0..self.chunk_count() {
            match get(&keys::chunk(key, index))? {
                Some(chunk) => body.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
        Ok((body.len() == length && crc32fast::hash(&body) == self.u32_at(24)).then_some(body))
    }
}

/// Reads the value at `key` from a tree that is being written to.
pub(super) fn load(tree: &sled::Tree, key: &[u8]) -> Result<Option<(View, Vec<u8>)>> {
    for _ in 0..READ_TRIES {
        let Some(entry) = tree.get(key)? else { return Ok(None) };
        let view = View::new(entry)?;
        if let Some(body) = view.body(key, |chunk| Ok(tree.get(chunk)?))? {
            return Ok(Some((view, body)));
        }
    }
    Err(corrupt("a value whose chunks are damaged"))
}

/// Reads the value of an entry met in a scan; `None` if it has gone meanwhile.
pub(super) fn load_entry(tree: &sled::Tree, key: &[u8], entry: IVec) -> Result<Option<(View, Vec<u8>)>> {
    let view = View::new(entry)?;
    match view.body(key, |chunk| Ok(tree.get(chunk)?))? {
        Some(body) => Ok(Some((view, body))),
        None => load(tree, key),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn pack(body: &[u8]) -> Packed {
        let head = Head { revision: 7, due: 9, status: 3, flags: 2, label: "flow" };
        Packed::new(head, |bytes| {
            bytes.extend_from_slice(body);
            Ok(())
        })
        .expect("packs")
    }

    fn read_back(packed: Packed) -> (View, Option<Vec<u8>>) {
        let (main, chunks) = packed.into_parts();
        let entries: HashMap<Vec<u8>, IVec> =
            chunks.into_iter().enumerate().map(|(i, chunk)| (keys::chunk(b"k", i as u16), chunk)).collect();
        let view = View::new(main).expect("has a head");
        let body = view.body(b"k", |key| Ok(entries.get(key).cloned())).expect("reads");
        (view, body)
    }

    #[test]
    fn a_value_of_any_length_reads_back_with_its_head() {
        for length in [0, 1, ENTRY_BYTES_MAX - 34, ENTRY_BYTES_MAX - 33, ENTRY_BYTES_MAX, 1_000_000] {
            let content: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let packed = pack(&content);
            assert!(packed.main.len() <= ENTRY_BYTES_MAX);
            assert!(packed.chunks.iter().all(|chunk| chunk.len() <= ENTRY_BYTES_MAX));
            let (view, body) = read_back(packed);
            assert_eq!(body.as_deref(), Some(&*content), "{length} bytes");
            assert_eq!((view.revision(), view.due(), view.status(), view.flags() & 2), (7, 9, 3, 2));
            assert_eq!(view.label(), b"flow");
        }
    }

    #[test]
    fn two_parts_are_told_apart_and_a_stamp_changes_neither() {
        for (first, second) in [(&b""[..], &b""[..]), (b"{}", b""), (b"", b"xyz"), (b"{\"a\":1}", &[0xff; 100_000])] {
            let head = Head { label: "token", ..Head::default() };
            let (view, body) = read_back(Packed::pair(head, first, second).expect("packs").stamped(12, 503));
            let parts = split_pair(body.expect("is whole")).expect("has two parts");
            assert_eq!((&parts.0[..], &parts.1[..]), (first, second));
            assert_eq!((view.revision(), view.due(), view.label()), (12, 503, &b"token"[..]));
        }
        assert!(split_pair(vec![0, 0]).is_err() && split_pair(vec![0, 0, 0, 2, 1]).is_err());
    }

    #[test]
    fn chunks_of_another_write_are_not_taken_for_this_one() {
        let (main, mut chunks) = pack(&vec![1; 100_000]).into_parts();
        chunks[1] = vec![2; chunks[1].len()].into();
        let view = View::new(main).expect("has a head");
        let get = |key: &[u8]| Ok(Some(chunks[usize::from(key[key.len() - 1])].clone()));
        assert_eq!(view.body(b"k", get).expect("reads"), None);
    }

    #[test]
    fn an_entry_without_a_head_is_refused() {
        assert!(View::new(vec![0; 29].into()).is_err());
        let mut long_label = vec![0; 30];
        long_label[29] = 1;
        assert!(View::new(long_label.into()).is_err());
    }
}
