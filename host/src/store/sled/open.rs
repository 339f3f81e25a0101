//! The data folder: one process, one format, and sled's files in a state that sled can open.
//!
//! ```text
//! lock        held while the store is open
//! format      the number of the on-disk format
//! creating    from before the engine is made until the folder is a whole store: what is there may be discarded
//! restoring   the same while a backup is being written back: what is there is not a store
//! engine/     sled: db (the log), conf, snap.* (rebuilt at each open), blobs/ (never used, see `value`)
//! ```

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Result, StoreError, corrupt};

/// The on-disk format that this version writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;

/// Bytes of a log segment: sled keeps pages above a quarter of it outside the log, in files that it does not sync.
const SEGMENT_BYTES: usize = 16 << 20;
/// A step frees up to 512 objects, of what is two epochs old; a write leaves some three.
const GARBAGE_WRITES: usize = 128;
const GARBAGE_EPOCHS: usize = 2;
/// sled lets go of its own lock a little after the last handle is gone, on another thread.
const ENGINE_LOCK_TRIES: u32 = 200;
const ENGINE_LOCK_PAUSE: Duration = Duration::from_millis(25);

/// Names in the data folder.
const LOCK: &str = "lock";
const FORMAT_FILE: &str = "format";
const CREATING: &str = "creating";
const RESTORING: &str = "restoring";
const ENGINE: &str = "engine";

/// An open data folder.
pub(super) struct Folder {
    path: PathBuf,
    /// Locked until dropped.
    _lock: File,
}

impl Folder {
    /// Creates the folder if it is missing and locks it.
    pub(super) fn lock(path: &Path) -> Result<Self> {
        // Others on this machine need not read it; a folder that exists keeps its mode.
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let lock = File::options().create(true).append(true).open(path.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(fs::TryLockError::WouldBlock) => Err(StoreError::Locked { folder: path.display().to_string() }),
            Err(fs::TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the log.
    pub(super) fn log_bytes(&self) -> Result<u64> {
        Ok(fs::metadata(self.engine_path().join("db"))?.len())
    }

    /// Opens what is there, or an empty store.
    pub(super) fn open(&self, cache_bytes: u64) -> Result<Engine> {
        if self.path.join(RESTORING).exists() {
            return Err(StoreError::Unavailable(
                format!("a restore into {} did not finish: empty the folder and restore again", self.path.display())
                    .into(),
            ));
        }
        match self.format()? {
            Some(_) if self.path.join(CREATING).exists() => {
                fs::remove_file(self.path.join(CREATING))?;
                self.open(cache_bytes)
            }
            Some(found) if found > FORMAT => Err(StoreError::NewerFormat { found, known: FORMAT }),
            Some(_) => Engine::open(&self.engine_path(), cache_bytes),
            None => self.create(cache_bytes),
        }
    }

    fn create(&self, cache_bytes: u64) -> Result<Engine> {
        if self.path.join(CREATING).exists() {
            self.remove_engine()?;
        } else if self.engine_path().exists() {
            return Err(StoreError::Unavailable(
                format!("{} holds data but its file `format` is missing; restore a backup", self.path.display()).into(),
            ));
        }
        self.mark(CREATING)?;
        let engine = Engine::open(&self.engine_path(), cache_bytes)?;
        self.finish(CREATING)?;
        Ok(engine)
    }

    /// Whether there is nothing but the lock in it.
    pub(super) fn is_empty(&self) -> Result<bool> {
        for entry in fs::read_dir(&self.path)? {
            if entry?.file_name() != LOCK {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Opens an empty engine to restore into; [`Self::finish_restore`] makes it a store.
    pub(super) fn open_for_restore(&self, cache_bytes: u64) -> Result<Engine> {
        self.mark(RESTORING)?;
        Engine::open(&self.engine_path(), cache_bytes)
    }

    /// What was restored is complete.
    pub(super) fn finish_restore(&self) -> Result<()> {
        self.finish(RESTORING)
    }

    /// What was being restored is not usable.
    pub(super) fn undo_restore(&self) -> Result<()> {
        self.remove_engine()?;
        fs::remove_file(self.path.join(RESTORING))?;
        sync_folder(&self.path)
    }

    fn engine_path(&self) -> PathBuf {
        self.path.join(ENGINE)
    }

    fn remove_engine(&self) -> Result<()> {
        match fs::remove_dir_all(self.engine_path()) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn mark(&self, name: &str) -> Result<()> {
        write_synced(&self.path.join(name), b"")?;
        sync_folder(&self.path)
    }

    /// Makes the folder a store, once all else in it is on stable storage.
    fn finish(&self, mark: &str) -> Result<()> {
        let new = self.path.join("format.new");
        write_synced(&new, format!("{FORMAT}\n").as_bytes())?;
        fs::rename(new, self.path.join(FORMAT_FILE))?;
        sync_folder(&self.path)?;
        fs::remove_file(self.path.join(mark))?;
        sync_folder(&self.path)?;
        self.path.parent().map_or(Ok(()), sync_folder)
    }

    fn format(&self) -> Result<Option<u32>> {
        match fs::read_to_string(self.path.join(FORMAT_FILE)) {
            Ok(text) => text.trim().parse().map(Some).map_err(|_| corrupt("the file `format` holds no number")),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// sled, and the file whose syncs make its commits durable.
pub(super) struct Engine {
    /// The tree that holds everything.
    pub db: sled::Db,
    /// sled's log.
    pub log: File,
}

impl Engine {
    fn open(path: &Path, cache_bytes: u64) -> Result<Self> {
        fs::create_dir_all(path)?;
        drop_bad_snapshots(path)?;
        let db = open_sled(path, cache_bytes)?;
        let log = File::options().read(true).write(true).open(path.join("db"))?;
        // sled syncs neither the folder nor `conf`, nor the length of its log.
        log.sync_all()?;
        File::open(path.join("conf"))?.sync_all()?;
        sync_folder(&path.join("blobs"))?;
        sync_folder(path)?;
        Ok(Self { db, log })
    }

    /// Makes everything applied so far durable: sled's own flush does not make the file's length and extents so.
    pub(super) fn sync(&self) -> Result<()> {
        self.db.flush()?;
        self.log.sync_data()?;
        Ok(())
    }

    /// Frees what `writes` writes left behind: each copies the leaf that it changes, and the epochs that sled frees the
    /// old one by take 512 of them in 128 operations, but a batch is one operation. Without this a load of batches
    /// grows by kilobytes a write until the load ends.
    pub(super) fn free_garbage(writes: usize) {
        for _ in 0..writes / GARBAGE_WRITES + GARBAGE_EPOCHS {
            crossbeam_epoch::pin().flush();
        }
    }
}

fn open_sled(path: &Path, cache_bytes: u64) -> Result<sled::Db> {
    let mut tries = 0;
    loop {
        let opened = sled::Config::new()
            .path(path)
            .mode(sled::Mode::HighThroughput)
            .segment_size(SEGMENT_BYTES)
            .cache_capacity(cache_bytes)
            .flush_every_ms(None)
            .open();
        match opened {
            Err(sled::Error::Io(error)) if error.kind() == ErrorKind::Other && tries < ENGINE_LOCK_TRIES => {
                tries += 1;
                std::thread::sleep(ENGINE_LOCK_PAUSE);
            }
            other => return Ok(other?),
        }
    }
}

/// Removes snapshots that sled would stumble over: it takes the last `snap.*` by name, even one whose writing was
/// interrupted, and does not open if that is damaged. Without any it reads the whole log instead.
fn drop_bad_snapshots(path: &Path) -> Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_snapshot = name.to_string_lossy().starts_with("snap.");
        if is_snapshot && !is_sound_snapshot(&entry.path())? {
            tracing::warn!(file = %entry.path().display(), "removing an unfinished engine snapshot");
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// sled ends a snapshot with 8 bytes of length and a CRC-32 of what is before them.
fn is_sound_snapshot(path: &Path) -> Result<bool> {
    if path.extension().is_some_and(|extension| extension == "generating") {
        return Ok(false);
    }
    let bytes = fs::read(path)?;
    let Some((rest, crc)) = bytes.split_last_chunk::<4>() else { return Ok(false) };
    let Some((content, _length)) = rest.split_last_chunk::<8>() else { return Ok(false) };
    Ok(!content.is_empty() && crc32fast::hash(content) == u32::from_le_bytes(*crc))
}

fn write_synced(path: &Path, content: &[u8]) -> Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    Ok(file.sync_all()?)
}

fn sync_folder(path: &Path) -> Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    Ok(File::open(path)?.sync_all()?)
}
