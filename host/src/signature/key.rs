//! Keys: `whsec_` (shared), `whsk_` (private) and `whpk_` (public), each followed by base64.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ed25519_dalek::ed25519::signature::MultipartSigner as _;
use ed25519_dalek::{KEYPAIR_LENGTH, SECRET_KEY_LENGTH};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::model::Redacted;

/// What a shared secret begins with.
const SHARED_PREFIX: &str = "whsec_";
/// What a private key begins with.
const PRIVATE_PREFIX: &str = "whsk_";
/// What a public key begins with.
const PUBLIC_PREFIX: &str = "whpk_";
/// How long a shared secret may be, in bytes (specification, "Signature scheme").
const SHARED_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Length of a generated shared secret, in bytes: that of the hash.
const GENERATED_BYTES: usize = 32;
/// Length of an HMAC-SHA256, in bytes.
const MAC_BYTES: usize = 32;

/// Why a text is no key. It tells nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It begins with none of the prefixes.
    #[error("a signing key begins with whsec_ (shared secret) or whsk_ (ed25519 private key)")]
    UnknownPrefix,
    /// A public key in place of a private one.
    #[error("whpk_ is a public key; to sign, give the private one, which begins with whsk_")]
    Public,
    /// A private key in place of a public one.
    #[error("whsk_ is a private key; to verify, give the public one, which begins with whpk_")]
    Private,
    /// What follows the prefix is no base64.
    #[error("what follows the prefix is not base64 (RFC 4648 §4, with padding)")]
    NotBase64,
    /// A shared secret of no bytes proves nothing.
    #[error("the secret is empty")]
    Empty,
    /// A shared secret that is too short or too long.
    #[error("the secret has {bytes} bytes; use 24 to 64")]
    SharedLength {
        /// Its length.
        bytes: usize,
    },
    /// A private key of another length than seed and public key together.
    #[error("the private key has {bytes} bytes; it must be 64, the seed and the public key")]
    PrivateLength {
        /// Its length.
        bytes: usize,
    },
    /// The public half of a private key is not that of its seed.
    #[error("the public half of the private key does not belong to its seed: the key was altered")]
    AlteredPair,
    /// A public key that is no safe point of the curve, or has not 32 bytes.
    #[error("the public key is not a valid ed25519 key")]
    BadPublic,
}

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// HMAC-SHA256 with a shared secret.
    V1,
    /// ed25519: the receiver has the public key only.
    V1a,
}

impl Scheme {
    /// What a signature of it begins with, up to the comma.
    pub const fn version(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1a => "v1a",
        }
    }
}

/// A key that signs. Its `Debug` tells its scheme only.
#[derive(Clone)]
pub struct SigningKey(Signer);

#[derive(Clone)]
enum Signer {
    Shared(Vec<u8>),
    Pair(Box<ed25519_dalek::SigningKey>),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, ***)", self.scheme().version())
    }
}

impl SigningKey {
    /// A new key: 32 random bytes.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn generate(scheme: Scheme) -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; GENERATED_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(match scheme {
            Scheme::V1 => Signer::Shared(bytes.to_vec()),
            Scheme::V1a => Signer::Pair(Box::new(ed25519_dalek::SigningKey::from_bytes(&bytes))),
        }))
    }

    /// Reads `whsec_` and base64 of 24 to 64 bytes, or `whsk_` and base64 of seed and public key (64 bytes).
    ///
    /// # Errors
    /// It is neither, or the two halves of a private key do not belong together.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        if let Some(secret) = text.strip_prefix(SHARED_PREFIX) {
            let secret = decode(secret)?;
            let fits = SHARED_BYTES.contains(&secret.len());
            return if fits {
                Ok(Self(Signer::Shared(secret)))
            } else {
                Err(KeyError::SharedLength { bytes: secret.len() })
            };
        }
        let Some(pair) = text.strip_prefix(PRIVATE_PREFIX) else {
            let public = text.starts_with(PUBLIC_PREFIX);
            return Err(if public { KeyError::Public } else { KeyError::UnknownPrefix });
        };
        let pair = decode(pair)?;
        let pair: [u8; KEYPAIR_LENGTH] =
            pair.as_slice().try_into().map_err(|_| KeyError::PrivateLength { bytes: pair.len() })?;
        let pair = ed25519_dalek::SigningKey::from_keypair_bytes(&pair).map_err(|_| KeyError::AlteredPair)?;
        Ok(Self(Signer::Pair(Box::new(pair))))
    }

    /// The text that [`SigningKey::from_text`] reads.
    pub fn to_text(&self) -> Redacted {
        Redacted::new(match &self.0 {
            Signer::Shared(secret) => format!("{SHARED_PREFIX}{}", BASE64_STANDARD.encode(secret)),
            Signer::Pair(pair) => format!("{PRIVATE_PREFIX}{}", BASE64_STANDARD.encode(pair.to_keypair_bytes())),
        })
    }

    /// The public key as text (`whpk_…`); none of a shared secret.
    pub fn public_text(&self) -> Option<String> {
        match &self.0 {
            Signer::Shared(_) => None,
            Signer::Pair(pair) => {
                Some(format!("{PUBLIC_PREFIX}{}", BASE64_STANDARD.encode(pair.verifying_key().as_bytes())))
            }
        }
    }

    /// The key that verifies what this one signs.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(match &self.0 {
            Signer::Shared(secret) => Verifier::Shared(secret.clone()),
            Signer::Pair(pair) => Verifier::Public(pair.verifying_key()),
        })
    }

    /// How it signs.
    pub const fn scheme(&self) -> Scheme {
        match self.0 {
            Signer::Shared(_) => Scheme::V1,
            Signer::Pair(_) => Scheme::V1a,
        }
    }

    /// The signature of the message that consists of `parts`, in base64.
    pub(super) fn signature(&self, parts: &[&[u8]]) -> String {
        match &self.0 {
            Signer::Shared(secret) => BASE64_STANDARD.encode(mac(secret, parts)),
            Signer::Pair(pair) => BASE64_STANDARD.encode(pair.multipart_sign(parts).to_bytes()),
        }
    }
}

/// A key that verifies. Its `Debug` tells its scheme only.
#[derive(Clone)]
pub struct VerifyingKey(Verifier);

#[derive(Clone)]
enum Verifier {
    Shared(Vec<u8>),
    Public(ed25519_dalek::VerifyingKey),
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({}, ***)", self.scheme().version())
    }
}

impl VerifyingKey {
    /// Reads `whpk_` and base64 of a public key, or a shared secret as the official libraries take it: base64 of any
    /// bytes, with or without `whsec_`.
    ///
    /// # Errors
    /// It is neither, or the secret is empty.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        if text.starts_with(PRIVATE_PREFIX) {
            return Err(KeyError::Private);
        }
        let Some(public) = text.strip_prefix(PUBLIC_PREFIX) else {
            let secret = decode(text.strip_prefix(SHARED_PREFIX).unwrap_or(text))?;
            return if secret.is_empty() { Err(KeyError::Empty) } else { Ok(Self(Verifier::Shared(secret))) };
        };
        let bytes: [u8; SECRET_KEY_LENGTH] = decode(public)?.try_into().map_err(|_| KeyError::BadPublic)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::BadPublic)?;
        if key.is_weak() { Err(KeyError::BadPublic) } else { Ok(Self(Verifier::Public(key))) }
    }

    /// What it verifies.
    pub const fn scheme(&self) -> Scheme {
        match self.0 {
            Verifier::Shared(_) => Scheme::V1,
            Verifier::Public(_) => Scheme::V1a,
        }
    }

    /// Whether one of `signatures` (base64, of this key's version) is the message's. Shared secrets compare in
    /// constant time; a public key has nothing to hide.
    pub(super) fn matches<'s>(&self, signatures: impl Iterator<Item = &'s str>, parts: &[&[u8]]) -> bool {
        match &self.0 {
            Verifier::Shared(secret) => {
                let expected = mac(secret, parts);
                let mut found = subtle::Choice::from(0);
                for signature in signatures {
                    // Zeros match nothing but by a chance of 2^-256.
                    let given: [u8; MAC_BYTES] = decode(signature).unwrap_or_default().try_into().unwrap_or_default();
                    found |= expected.ct_eq(&given);
                }
                found.into()
            }
            Verifier::Public(key) => {
                let message = parts.concat();
                let mut given =
                    signatures.filter_map(|text| ed25519_dalek::Signature::from_slice(&decode(text).ok()?).ok());
                given.any(|signature| key.verify_strict(&message, &signature).is_ok())
            }
        }
    }
}

fn decode(text: &str) -> Result<Vec<u8>, KeyError> {
    BASE64_STANDARD.decode(text).map_err(|_| KeyError::NotBase64)
}

fn mac(secret: &[u8], parts: &[&[u8]]) -> [u8; MAC_BYTES] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length (RFC 2104 §3)");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
