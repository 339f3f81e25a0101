//! Blobs: written in several commits; there only once the last one, the entry under the digest, is.

use bytes::Bytes;
use sled::IVec;

use super::commit::{Barrier, Change, Transaction};
use super::keys::{self, Key};
use super::value::{self, ENTRY_BYTES_MAX};
use super::writer::Writer;
use super::{Result, corrupt};
use crate::model::Digest;

/// Chunks per commit: a group should not be long in the way of others.
const COMMIT_CHUNKS: usize = 16;

/// Some of the chunks of a blob, or at last its own entry.
struct Put {
    entries: Vec<(Key, IVec)>,
}

impl Change for Put {
    type Output = ();

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<()> {
        for (key, entry) in self.entries {
            transaction.put(key, entry);
        }
        Ok(())
    }

    fn size(&self) -> usize {
        self.entries.iter().map(|(key, entry)| key.len() + entry.len()).sum()
    }
}

/// Keeps `content` under its digest. What an interrupted call leaves is written again by the next one.
pub(super) async fn put(writer: &Writer, tree: &sled::Tree, content: Bytes) -> Result<Digest> {
    let hashed = content.clone();
    let outlined = tokio::task::spawn_blocking(move || (Digest::of(&hashed), value::outline(&hashed)));
    let (digest, outline) = outlined.await.map_err(super::joined)?;
    let outline = outline?;
    let key = keys::blob(&digest);
    if tree.contains_key(&key)? {
        writer.commit(Barrier).await?;
        return Ok(digest);
    }
    let mut index = 0..=u16::MAX;
    for part in content.chunks(COMMIT_CHUNKS * ENTRY_BYTES_MAX) {
        let chunks = part.chunks(ENTRY_BYTES_MAX).map(IVec::from);
        let entries = index.by_ref().map(|index| keys::chunk(&key, index)).zip(chunks);
        writer.commit(Put { entries: entries.take(COMMIT_CHUNKS).collect() }).await?;
    }
    writer.commit(Put { entries: vec![(key, outline)] }).await?;
    Ok(digest)
}

/// The digests of all blobs.
pub(super) fn all(tree: &sled::Tree) -> Result<Vec<Digest>> {
    let keys = tree.scan_prefix(keys::blobs()).keys();
    keys.map(|key| keys::parse_blob(&key?).ok_or_else(|| corrupt("a blob without a digest"))).collect()
}

/// Removes a blob.
pub(super) struct Remove {
    /// Which.
    pub digest: Digest,
}

impl Change for Remove {
    type Output = ();

    fn apply(self, transaction: &mut Transaction<'_>) -> Result<()> {
        let key = keys::blob(&self.digest);
        if let Some(old) = transaction.view(&key)? {
            transaction.remove_value(key, &old);
        }
        Ok(())
    }

    /// Keys of chunks: those of the largest component are some thousand.
    fn size(&self) -> usize {
        256 << 10
    }
}

/// The content with a digest.
pub(super) fn get(tree: &sled::Tree, digest: Digest) -> Result<Option<Bytes>> {
    Ok(value::load(tree, &keys::blob(&digest))?.map(|(_, body)| body.into()))
}
