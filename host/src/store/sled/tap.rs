//! What is committed while a backup scans: kept in a file, so that a slow reader of the backup costs no memory.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::sync::{Arc, Weak};

use super::Result;
use super::commit::Writes;
use super::frame;

/// The writer's end of a redo file.
pub(super) struct Tap {
    file: BufWriter<File>,
    owner: Weak<()>,
    failed: Option<std::io::Error>,
}

impl Tap {
    /// Writes to `file` as long as `owner` lives.
    pub(super) fn new(file: File, owner: &Arc<()>) -> Self {
        Self { file: BufWriter::with_capacity(256 * 1024, file), owner: Arc::downgrade(owner), failed: None }
    }

    /// Whether somebody still wants it.
    pub(super) fn is_wanted(&self) -> bool {
        self.owner.strong_count() > 0
    }

    /// Adds the writes of a durable group. A failure spoils the backup, not the store.
    pub(super) fn append(&mut self, writes: &Writes) {
        for (key, value) in writes {
            if self.failed.is_none() {
                let frame = frame::entry(key, value.as_deref());
                self.failed = self.file.write_all(&frame).err();
            }
        }
    }

    /// All of it is in the file.
    pub(super) fn finish(mut self) -> Result<()> {
        match self.failed {
            Some(error) => Err(error.into()),
            None => Ok(self.file.flush()?),
        }
    }
}
