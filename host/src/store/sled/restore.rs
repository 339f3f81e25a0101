//! Writes a backup back, into an empty folder.

use std::io::Read;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::StoreError;
use super::frame::{END, MAGIC, PART_BYTES_MAX, PUT, REMOVE, VERSION};
use super::open::{Engine, FORMAT, Folder};

/// Bytes written between syncs; what sled writes for them has to stay well below a segment (see `writer`).
const SYNC_BYTES: usize = 1 << 20;
const CACHE_BYTES: u64 = 16 << 20;

/// Why a backup was not restored. The folder is as empty as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is something in the folder.
    #[error("{folder} is not empty; restore into an empty or new folder")]
    NotEmpty {
        /// The folder.
        folder: String,
    },
    /// The file does not begin like a backup.
    #[error("this is not a tenterhook backup")]
    NotABackup,
    /// A newer version made it.
    #[error("a newer tenterhook made this backup (format {found}; this version reads up to {known}); use that version")]
    Newer {
        /// What is in the file.
        found: u32,
        /// The newest known.
        known: u32,
    },
    /// The file ends before the backup does.
    #[error("the backup is cut short")]
    Truncated,
    /// The file is not what was written.
    #[error("the backup is damaged: {0}")]
    Damaged(&'static str),
    /// The file cannot be read.
    #[error("the backup cannot be read")]
    Read(#[source] std::io::Error),
    /// The folder cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Restores the backup that `reader` yields into `folder`, which must be empty or missing. Blocks the thread.
///
/// # Errors
/// See [`RestoreError`]; after any of them the folder is empty again, unless the disk failed.
pub fn restore(reader: impl Read, folder: &Path) -> Result<(), RestoreError> {
    let mut input = Input { reader, hasher: Sha256::new() };
    input.header()?;
    let target = Folder::lock(folder)?;
    if !target.is_empty()? {
        return Err(RestoreError::NotEmpty { folder: folder.display().to_string() });
    }
    let written = target.open_for_restore(CACHE_BYTES).map_err(RestoreError::from).and_then(|engine| {
        write(&mut input, &engine)?;
        Ok(engine.sync()?)
    });
    match written {
        Ok(()) => Ok(target.finish_restore()?),
        Err(error) => {
            target.undo_restore()?;
            Err(error)
        }
    }
}

fn write(input: &mut Input<impl Read>, engine: &Engine) -> Result<(), RestoreError> {
    let mut unsynced = 0;
    while let Some((key, value)) = input.frame()? {
        unsynced += key.len() + value.as_ref().map_or(0, Vec::len);
        match value {
            Some(value) => engine.db.insert(key, value),
            None => engine.db.remove(key),
        }
        .map_err(StoreError::from)?;
        if unsynced >= SYNC_BYTES {
            engine.sync()?;
            unsynced = 0;
        }
    }
    Ok(())
}

/// The backup, hashed while it is read.
struct Input<R> {
    reader: R,
    hasher: Sha256,
}

impl<R: Read> Input<R> {
    fn header(&mut self) -> Result<(), RestoreError> {
        let magic: [u8; MAGIC.len()] = self.array().map_err(|error| match error {
            RestoreError::Truncated => RestoreError::NotABackup,
            other => other,
        })?;
        if magic != *MAGIC {
            return Err(RestoreError::NotABackup);
        }
        for known in [VERSION, FORMAT] {
            let found = u32::from_be_bytes(self.array()?);
            if found > known {
                return Err(RestoreError::Newer { found, known });
            }
        }
        Ok(())
    }

    /// The next write, or `None` at the end, once the checksum has been found right.
    #[expect(clippy::type_complexity, reason = "a key, and its value unless it is removed")]
    fn frame(&mut self) -> Result<Option<(Vec<u8>, Option<Vec<u8>>)>, RestoreError> {
        let [kind] = self.array()?;
        if kind == END {
            return self.end().map(|()| None);
        }
        let key_length = u32::from_be_bytes(self.array()?) as usize;
        let value_length = u32::from_be_bytes(self.array()?) as usize;
        if !matches!(kind, PUT | REMOVE) || key_length > PART_BYTES_MAX || value_length > PART_BYTES_MAX {
            return Err(RestoreError::Damaged("a frame makes no sense"));
        }
        let key = self.bytes(key_length)?;
        let value = self.bytes(value_length)?;
        Ok(Some((key, (kind == PUT).then_some(value))))
    }

    fn end(&mut self) -> Result<(), RestoreError> {
        let expected = self.hasher.clone().finalize();
        let mut sum = [0; 32];
        self.fill(&mut sum)?;
        if sum != expected[..] {
            return Err(RestoreError::Damaged("the checksum is wrong"));
        }
        match self.reader.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(RestoreError::Damaged("something follows its end")),
            Err(error) => Err(RestoreError::Read(error)),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RestoreError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        self.hasher.update(bytes);
        Ok(bytes)
    }

    fn bytes(&mut self, length: usize) -> Result<Vec<u8>, RestoreError> {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        self.hasher.update(&bytes);
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), RestoreError> {
        self.reader.read_exact(bytes).map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => RestoreError::Truncated,
            _ => RestoreError::Read(error),
        })
    }
}
