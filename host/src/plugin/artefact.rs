//! Compiled plugins on disk. Machine code that somebody else could have written must never run, so each file is
//! authenticated, under a key of its component and this engine, and the very bytes that were checked are the ones loaded.
//!
//! `FOLDER/{engine}/{component}.cwasm` = a nonce of 24 random bytes, the tag of 16 bytes that XChaCha20-Poly1305 gives
//! with the code as associated data and nothing to encrypt, then the code as wasmtime serialises it. (A processor
//! without instructions for SHA-256 takes seventeen times as long for an HMAC, most of the first call of a plugin.)
//! Everything here is a cache: a file that is missing, damaged, forged or of another engine is compiled anew.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::model::Digest;

/// Length of the nonce at the head of a file.
const NONCE_BYTES: usize = 24;
/// Length of the tag behind it.
const TAG_BYTES: usize = 16;
/// What keys are derived from first of all, so that the server's key may serve other purposes too.
const PURPOSE: &[u8] = b"tenterhook compiled component 2\0";

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
        let Some(code) = self.authentic(digest, &bytes) else {
            tracing::warn!(path = %path.display(), "a compiled plugin is damaged or not ours; compiling it anew");
            return None;
        };
        #[expect(unsafe_code, reason = "machine code that this server wrote: authenticated above, the same bytes")]
        // SAFETY: `code` bears a tag that only this server can make, of code that it serialised itself for this
        // component and this engine. It is a private copy in memory, so nobody can change it after the check.
        let component = unsafe { Component::deserialize(engine, code) };
        component.inspect_err(|error| tracing::warn!(%error, "a compiled plugin does not load; compiling it anew")).ok()
    }

    /// Keeps the compiled form of `digest`. A failure is logged: the next start compiles anew.
    pub fn store(&self, digest: Digest, component: &Component) {
        let path = self.path(digest);
        let written = component.serialize().map_err(std::io::Error::other).and_then(|code| {
            let mut nonce = [0; NONCE_BYTES];
            getrandom::fill(&mut nonce)?;
            let payload = Payload { msg: &[], aad: &code };
            let tag = self.cipher(digest).encrypt(&XNonce::from(nonce), payload).map_err(std::io::Error::other)?;
            write_whole(&path, &[&nonce, &tag, &code])
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

    /// The code in the content of a file, if it is ours and whole.
    fn authentic<'a>(&self, digest: Digest, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let (nonce, rest) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let (tag, code) = rest.split_at_checked(TAG_BYTES)?;
        let payload = Payload { msg: tag, aad: code };
        self.cipher(digest).decrypt(&XNonce::from(*nonce), payload).is_ok().then_some(code)
    }

    /// What authenticates the code of a component for this engine: its key is the HMAC-SHA256 of both.
    fn cipher(&self, digest: Digest) -> XChaCha20Poly1305 {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(PURPOSE);
        mac.update(&self.engine_hash.to_be_bytes());
        mac.update(digest.as_bytes());
        XChaCha20Poly1305::new(&mac.finalize().into_bytes())
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
