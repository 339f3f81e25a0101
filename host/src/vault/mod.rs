//! The vault: seals secrets at rest with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) under one key of the
//! server, and derives further keys from it.
//!
//! A sealed text is bound to its place: moved to another space, kind or id it does not open. Nonces are 192 random
//! bits, so their number needs no bookkeeping. The key lies in a file that only its owner can read, or is given.

mod key_file;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::model::{Kind, Redacted, Sealed, Slug};

/// Length of the vault's key and of derived keys, in bytes.
pub const KEY_BYTES: usize = 32;
/// Length of a nonce of XChaCha20, in bytes.
const NONCE_BYTES: usize = 24;

/// Why the vault cannot be opened, or a text not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key file cannot be read or made.
    #[error("key file {path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The key file can be read by others.
    #[error("key file {path} can be read by others (mode {mode:o}); run: chmod 600 {path}", path = path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The key is not 64 hex digits.
    #[error("the key from {origin} is damaged: it must be 64 hex digits")]
    BadKey {
        /// The file or option it came from.
        origin: String,
    },
    /// The operating system has no randomness to give.
    #[error("no randomness")]
    Randomness(#[source] getrandom::Error),
    /// The text is not what was sealed here: altered, sealed elsewhere, or with another key.
    #[error("the sealed text of {place} does not open: altered, moved, or sealed with another key")]
    Damaged {
        /// The place it was read from.
        place: String,
    },
}

/// Where a secret lives. Sealing binds the text to it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The space.
    pub space: &'a Slug,
    /// The kind of definition that holds the secret.
    pub kind: Kind,
    /// The id of that definition.
    pub id: &'a str,
}

impl Place<'_> {
    /// The associated data: each part after its length, so that no two places share it.
    fn associated_data(&self) -> Vec<u8> {
        let mut data = Vec::new();
        for part in [self.space.as_str(), self.kind.word(), self.id] {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part.as_bytes());
        }
        data
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} in space {:?}", self.kind.word(), self.id, self.space.as_str())
    }
}

/// Seals, opens and derives. Its `Debug` shows nothing of the key.
pub struct Vault {
    master: [u8; KEY_BYTES],
    cipher: XChaCha20Poly1305,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(***)")
    }
}

impl Vault {
    /// A vault with this key.
    pub fn with_key(master: [u8; KEY_BYTES]) -> Self {
        let cipher = XChaCha20Poly1305::new(&derive(&master, "seal").into());
        Self { master, cipher }
    }

    /// A vault with the key that `text` writes in 64 hex digits; `origin` names where it came from, for errors.
    ///
    /// # Errors
    /// The text is no key.
    pub fn from_text(text: &str, origin: &str) -> Result<Self, VaultError> {
        let mut key = [0; KEY_BYTES];
        hex::decode_to_slice(text.trim(), &mut key)
            .map(|()| Self::with_key(key))
            .map_err(|_| VaultError::BadKey { origin: origin.to_owned() })
    }

    /// A vault with the key in the file `path`. If there is no such file, it is made with a new key, mode 0600, and
    /// is on disk before this returns. Blocks.
    ///
    /// # Errors
    /// The file cannot be read or made, others can read it, or it holds no key.
    pub fn open(path: &Path) -> Result<Self, VaultError> {
        let text = match key_file::read(path)? {
            Some(text) => text,
            None => key_file::create(path)?,
        };
        Self::from_text(text.reveal(), &path.display().to_string())
    }

    /// Seals `text` for `place`.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn seal(&self, place: &Place<'_>, text: &str) -> Result<Sealed, VaultError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(VaultError::Randomness)?;
        let payload = Payload { msg: text.as_bytes(), aad: &place.associated_data() };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| VaultError::Damaged { place: place.to_string() })?;
        Ok(Sealed(BASE64_STANDARD.encode([&nonce[..], &sealed].concat())))
    }

    /// Opens what was sealed for `place`.
    ///
    /// # Errors
    /// It was altered, sealed for another place, or with another key.
    pub fn unseal(&self, place: &Place<'_>, sealed: &Sealed) -> Result<Redacted, VaultError> {
        self.unsealed(place, sealed).ok_or_else(|| VaultError::Damaged { place: place.to_string() })
    }

    fn unsealed(&self, place: &Place<'_>, sealed: &Sealed) -> Option<Redacted> {
        let bytes = BASE64_STANDARD.decode(&sealed.0).ok()?;
        let (nonce, message) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: message, aad: &place.associated_data() };
        let text = self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()?;
        String::from_utf8(text).ok().map(Redacted::new)
    }

    /// A key for another purpose, such as authenticating the plugin cache: the same for the same label and vault.
    /// Nothing can be learnt from it about the vault's key or about keys of other labels.
    pub fn derive(&self, label: &str) -> [u8; KEY_BYTES] {
        derive(&self.master, &format!("derived:{label}"))
    }

    /// A public name of the key, to tell early that another key was used for the stored data: 16 hex digits.
    pub fn fingerprint(&self) -> String {
        hex::encode(&derive(&self.master, "fingerprint")[..8])
    }
}

/// HKDF-Expand (RFC 5869 §2.3) with one block; the vault's key is uniformly random, so it needs no extraction.
fn derive(master: &[u8; KEY_BYTES], label: &str) -> [u8; KEY_BYTES] {
    let mut mac = Hmac::<Sha256>::new_from_slice(master).expect("HMAC takes keys of any length (RFC 2104 §3)");
    mac.update(b"tenterhook/vault/");
    mac.update(label.as_bytes());
    mac.update(&[1]);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
