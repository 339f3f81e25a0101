//! Verifying a message: what the official libraries accept is accepted, what they refuse is refused.

use std::time::Duration;

use super::{Scheme, VerifyingKey};
use crate::model::Time;

/// How far the sender's clock may be off, either way.
pub const TOLERANCE: Duration = Duration::from_secs(300);
/// Most signatures looked at in one header: a sender that rotates its key sends two.
const SIGNATURES_MAX: usize = 16;
/// Longest message id, in bytes.
const ID_BYTES_MAX: usize = 256;

/// Why a message is not known to be its sender's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.reason())]
pub enum SignatureError {
    /// No message id.
    NoId,
    /// No timestamp.
    NoTimestamp,
    /// No signature header.
    NoSignature,
    /// The message id is longer than 256 bytes.
    LongId,
    /// The timestamp is no number.
    BadTimestamp,
    /// The timestamp is too old.
    TooOld,
    /// The timestamp is too far in the future.
    TooNew,
    /// No signature is of a version that a key verifies.
    NoVersion,
    /// No signature is good.
    Mismatch,
}

impl SignatureError {
    /// It in words.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoId => "the message id header (webhook-id) is missing, empty or repeated",
            Self::NoTimestamp => "the timestamp header (webhook-timestamp) is missing, empty or repeated",
            Self::NoSignature => "the signature header (webhook-signature) is missing, empty or repeated",
            Self::LongId => "the message id is longer than 256 bytes",
            Self::BadTimestamp => "the timestamp is not a number of seconds since 1970",
            Self::TooOld => "the timestamp is more than 5 minutes in the past",
            Self::TooNew => "the timestamp is more than 5 minutes in the future",
            Self::NoVersion => "there is no signature of the key's version (v1 or v1a)",
            Self::Mismatch => "no signature matches: is the key the sender's, and the body unaltered?",
        }
    }
}

/// The three headers of a message, complete and of this time, but not verified. Only [`SignedHeaders::check`] makes
/// one.
#[derive(Clone, Copy, Debug)]
pub struct SignedHeaders<'a> {
    id: &'a str,
    timestamp: &'a str,
    signatures: &'a str,
}

impl<'a> SignedHeaders<'a> {
    /// Checks that the headers are there, not empty, and that the timestamp is within [`TOLERANCE`] of `now`. Give
    /// `None` for a header that is missing, repeated, or no text.
    ///
    /// # Errors
    /// What is missing, or the timestamp.
    pub fn check(
        id: Option<&'a str>,
        timestamp: Option<&'a str>,
        signatures: Option<&'a str>,
        now: Time,
    ) -> Result<Self, SignatureError> {
        let present = |header: Option<&'a str>| header.filter(|value| !value.is_empty());
        let id = present(id).ok_or(SignatureError::NoId)?;
        let timestamp = present(timestamp).ok_or(SignatureError::NoTimestamp)?;
        let signatures = present(signatures).ok_or(SignatureError::NoSignature)?;
        if id.len() > ID_BYTES_MAX {
            return Err(SignatureError::LongId);
        }
        check_timestamp(timestamp, now)?;
        Ok(Self { id, timestamp, signatures })
    }

    /// The message id.
    pub const fn id(&self) -> &'a str {
        self.id
    }

    /// Checks that one of the signatures is by one of `keys`. Signatures of unknown versions are passed over.
    ///
    /// # Errors
    /// None is.
    pub fn verify(&self, keys: &[VerifyingKey], body: &[u8]) -> Result<(), SignatureError> {
        let parts = [self.id.as_bytes(), b".", self.timestamp.as_bytes(), b".", body];
        let known = keys.iter().any(|key| self.of(key.scheme()).next().is_some());
        let good = keys.iter().any(|key| key.matches(self.of(key.scheme()), &parts));
        match (good, known) {
            (true, _) => Ok(()),
            (false, true) => Err(SignatureError::Mismatch),
            (false, false) => Err(SignatureError::NoVersion),
        }
    }

    /// The signatures of a version, without it.
    fn of(&self, scheme: Scheme) -> impl Iterator<Item = &'a str> {
        let signatures = self.signatures.split(' ').take(SIGNATURES_MAX).filter_map(|text| text.split_once(','));
        signatures.filter(move |(version, _)| *version == scheme.version()).map(|(_, signature)| signature)
    }
}

fn check_timestamp(text: &str, now: Time) -> Result<(), SignatureError> {
    let digits = text.len() <= 15 && text.bytes().all(|b| b.is_ascii_digit());
    let seconds = text.parse::<u64>().ok().filter(|_| digits).ok_or(SignatureError::BadTimestamp)?;
    let now = now.as_millis() / 1000;
    if seconds + TOLERANCE.as_secs() < now {
        Err(SignatureError::TooOld)
    } else if seconds > now + TOLERANCE.as_secs() {
        Err(SignatureError::TooNew)
    } else {
        Ok(())
    }
}
