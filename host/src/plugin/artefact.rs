//! Compiled plugins on disk. Machine code that somebody else could have written must never run, so each file carries a
//! keyed hash of its content, its component and this engine, and the very bytes that were checked are the ones loaded.
//!
//! `FOLDER/{engine}/{component}.cwasm` = 32 bytes HMAC-SHA256, then the code as wasmtime serialises it. Everything here
//! is a cache: a file that is missing, damaged, forged or of another engine is compiled anew.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::model::Digest;

/// Length of the keyed hash at the head of a file.
const TAG_BYTES: usize = 32;
/// What the keyed hash begins with, so that the key may serve other purposes too.
const PURPOSE: &[u8] = b"tenterhook compiled component 1\0";

/// Where compiled plugins are kept on disk, and the key that tells ours from others.
#[derive(Clone)]
pub struct ArtefactCache {
    /// A folder of our own; made if it is missing.
    pub folder: PathBuf,
    /// 32 random bytes that only the server knows.
    pub key: [u8; 32],
}

impl std::fmt::Debug for ArtefactCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArtefactCache").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// The compiled plugins of one engine on disk.
pub(super) struct Artefacts {
    folder: PathBuf,
    key: [u8; 32],
    engine_hash: u64,
}

impl Artefacts {
    /// Makes the folder, and removes what other versions of the engine left there.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(cache: ArtefactCache, engine: &Engine) -> std::io::Result<Self> {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        env!("CARGO_PKG_VERSION").hash(&mut hasher);
        let engine_hash = hasher.finish();
        let name = format!("{engine_hash:016x}");
        let folder = cache.folder.join(&name);
        fs::create_dir_all(&folder)?;
        for entry in fs::read_dir(&cache.folder)?.flatten() {
            if is_engine_folder(&entry.path()) && entry.file_name() != name.as_str() {
                report("remove the artefacts of another version", &entry.path(), fs::remove_dir_all(entry.path()));
            }
        }
        Ok(Self { folder, key: cache.key, engine_hash })
    }

    /// The compiled form of `digest`, if a file of ours has it.
    pub fn load(&self, engine: &Engine, digest: Digest) -> Option<Component> {
        let path = self.path(digest);
        let bytes = fs::read(&path).ok()?;
        let Some((tag, code)) = bytes.split_at_checked(TAG_BYTES) else {
            tracing::warn!(path = %path.display(), "a compiled plugin is damaged; compiling it anew");
            return None;
        };
        if self.mac(digest, code).verify_slice(tag).is_err() {
            tracing::warn!(path = %path.display(), "a compiled plugin is damaged or not ours; compiling it anew");
            return None;
        }
        #[expect(unsafe_code, reason = "machine code that this server wrote: authenticated above, the same bytes")]
        // SAFETY: `code` bears a keyed hash that only this server can make, over code that it serialised itself for
        // this component and this engine. It is a private copy in memory, so nobody can change it after the check.
        let component = unsafe { Component::deserialize(engine, code) };
        component.inspect_err(|error| tracing::warn!(%error, "a compiled plugin does not load; compiling it anew")).ok()
    }

    /// Keeps the compiled form of `digest`. A failure is logged: the next start compiles anew.
    pub fn store(&self, digest: Digest, component: &Component) {
        let path = self.path(digest);
        let written = component.serialize().map_err(std::io::Error::other).and_then(|code| {
            let tag = self.mac(digest, &code).finalize().into_bytes();
            write_whole(&path, &[&tag, &code])
        });
        report("keep a compiled plugin", &path, written);
    }

    /// Removes the compiled form of `digest`.
    pub fn remove(&self, digest: Digest) {
        let path = self.path(digest);
        if path.exists() {
            report("remove a compiled plugin", &path, fs::remove_file(&path));
        }
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.folder.join(format!("{}.cwasm", hex::encode(digest.as_bytes())))
    }

    fn mac(&self, digest: Digest, code: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(PURPOSE);
        mac.update(&self.engine_hash.to_be_bytes());
        mac.update(digest.as_bytes());
        mac.update(code);
        mac
    }
}

/// Whether `path` is a folder that [`Artefacts::open`] made.
fn is_engine_folder(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    path.is_dir() && name.len() == 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Writes a file that is there whole or not at all.
fn write_whole(path: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let temporary = path.with_extension(format!("{:x}.tmp", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    fs::rename(&temporary, path)
}

fn report(what: &str, path: &Path, result: std::io::Result<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, path = %path.display(), "could not {what}");
    }
}
