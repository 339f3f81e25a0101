//! Backup of a running store: a scan of all entries, then everything that was committed since the scan began. The
//! scan alone mixes states; with the later writes applied over it, it is the state at the end of the scan.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::open::FORMAT;
use super::tap::Tap;
use super::writer::Writer;
use super::{Result, frame, joined};

/// Bytes that are handed over at once.
const PART_BYTES: usize = 256 * 1024;
const REDO: &str = "backup-redo";

/// Where a backup goes, and the checksum of what went there.
struct Sink {
    sink: mpsc::Sender<Bytes>,
    buffer: Vec<u8>,
    hasher: Sha256,
    is_open: bool,
}

impl Sink {
    fn new(sink: mpsc::Sender<Bytes>) -> Self {
        Self { sink, buffer: Vec::with_capacity(PART_BYTES + 1024), hasher: Sha256::new(), is_open: true }
    }

    /// Hands over what is in the buffer, if it is enough; `false` once nobody takes it.
    fn pass(&mut self, least: usize) -> bool {
        if self.is_open && self.buffer.len() >= least {
            self.hasher.update(&self.buffer);
            self.hand_over();
        }
        self.is_open
    }

    fn hand_over(&mut self) {
        let part = std::mem::replace(&mut self.buffer, Vec::with_capacity(PART_BYTES + 1024));
        self.is_open = self.sink.blocking_send(part.into()).is_ok();
    }

    fn scan(mut self, tree: &sled::Tree) -> Result<Self> {
        self.buffer.extend_from_slice(&frame::header(FORMAT));
        for entry in tree.iter() {
            let (key, value) = entry?;
            frame::append(&mut self.buffer, &key, Some(&value));
            if !self.pass(PART_BYTES) {
                break;
            }
        }
        Ok(self)
    }

    fn redo(&mut self, mut redo: File) -> Result<()> {
        redo.seek(SeekFrom::Start(0))?;
        let mut redo = redo.take(u64::MAX);
        loop {
            redo.set_limit(PART_BYTES as u64);
            if redo.read_to_end(&mut self.buffer)? == 0 || !self.pass(PART_BYTES) {
                return Ok(());
            }
        }
    }

    fn finish(mut self) {
        if self.pass(1) || self.is_open {
            self.buffer.push(frame::END);
            self.hasher.update(&self.buffer);
            let sum = self.hasher.clone().finalize();
            self.buffer.extend_from_slice(&sum);
            self.hand_over();
        }
    }
}

/// Writes a backup of `tree` into `sink`; `folder` takes a temporary file.
pub(super) async fn write(writer: &Writer, tree: sled::Tree, folder: &Path, sink: mpsc::Sender<Bytes>) -> Result<()> {
    let redo = redo_file(folder)?;
    let wanted = Arc::new(());
    writer.tap(Tap::new(redo.try_clone()?, &wanted)).await?;
    let mut sink = tokio::task::spawn_blocking(move || Sink::new(sink).scan(&tree)).await.map_err(joined)??;
    writer.untap().await?;
    tokio::task::spawn_blocking(move || {
        sink.redo(redo)?;
        sink.finish();
        Ok(())
    })
    .await
    .map_err(joined)?
}

/// A file without a name: it is gone when closed, even after a crash.
fn redo_file(folder: &Path) -> Result<File> {
    let path = folder.join(REDO);
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    std::fs::remove_file(path)?;
    Ok(file)
}
