//! Identifiers: what users choose (`Slug`, `RecordKey`), what we generate (`UniqueId`, `Key`), what content is (`Digest`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Time;

/// Longest slug, in bytes: ids appear in URLs, log lines and store keys.
const SLUG_BYTES_MAX: usize = 100;
/// Longest record key, in bytes: it is part of a store key.
const RECORD_KEY_BYTES_MAX: usize = 512;
/// Longest name of an event type, in bytes: it is part of a store key, and receivers route by it.
const EVENT_NAME_BYTES_MAX: usize = 128;
/// Longest id that a publisher may give an event, in bytes: it is the value of a header.
const EXTERNAL_ID_BYTES_MAX: usize = 255;

/// Why a text is no identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} is not valid: {rule}")]
pub struct InvalidId {
    /// What the text was meant to be ("id", "record key", …).
    pub what: &'static str,
    /// The text, cut to 100 characters.
    pub text: String,
    /// The rule it breaks.
    pub rule: &'static str,
}

impl InvalidId {
    fn new(what: &'static str, text: &str, rule: &'static str) -> Self {
        Self { what, text: text.chars().take(SLUG_BYTES_MAX).collect(), rule }
    }
}

/// An id chosen by a user: 1 to 100 of `A-Z a-z 0-9 . _ -`, starting with a letter or digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
pub struct Slug(String);

impl Slug {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        const RULE: &str =
            "use 1 to 100 letters, digits, dots, underscores or hyphens, starting with a letter or digit";
        let fits = (1..=SLUG_BYTES_MAX).contains(&text.len())
            && text.as_bytes()[0].is_ascii_alphanumeric()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidId::new("id", text, RULE)) }
    }
}

/// The key of a record: 1 to 512 bytes of any text without control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, min_length = 1, max_length = 512)]
pub struct RecordKey(String);

impl RecordKey {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RecordKey {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        const RULE: &str = "use 1 to 512 bytes without control characters";
        if (1..=RECORD_KEY_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::new("record key", text, RULE))
        }
    }
}

/// The name of an event type: parts of `A-Z a-z 0-9 _` joined by dots, 1 to 128 bytes (Standard Webhooks,
/// "Event types").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, max_length = 128, pattern = r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$")]
pub struct EventName(String);

impl EventName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EventName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        const RULE: &str = "use 1 to 128 letters, digits or underscores, in parts joined by single dots";
        let is_part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if text.len() <= EVENT_NAME_BYTES_MAX && text.split('.').all(is_part) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::new("event type", text, RULE))
        }
    }
}

/// The id that a publisher gave its event: 1 to 255 visible ASCII characters other than the dot, because receivers
/// get it as `webhook-id`, and what is signed is `id.timestamp.payload` (Standard Webhooks, "Signature scheme").
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, min_length = 1, max_length = 255, pattern = r"^[!-\-/-~]+$")]
pub struct ExternalId(String);

impl ExternalId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ExternalId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        const RULE: &str = "use 1 to 255 visible ASCII characters other than the dot";
        let fits = (1..=EXTERNAL_ID_BYTES_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_graphic() && b != b'.');
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidId::new("event id", text, RULE)) }
    }
}

/// A generated id (UUID version 7, RFC 9562 §5.7): ids sort by the time they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(value_type = String, format = "uuid")]
pub struct UniqueId(uuid::Uuid);

impl UniqueId {
    /// A new id: now and randomness.
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7())
    }

    /// Not an id of anything: those made at `time` or later sort behind it, those made before sort before it.
    pub fn first_at(time: Time) -> Self {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&time.as_millis().to_be_bytes()[2..]);
        bytes[6] = 0x70;
        Self::from_bytes(bytes)
    }

    /// The 16 bytes, which sort like the id.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// From its 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(uuid::Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for UniqueId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.parse().map(Self).map_err(|_| InvalidId::new("id", text, "use the UUID the server gave out"))
    }
}

/// The SHA-256 of some content, written `sha256:` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^sha256:[0-9a-f]{64}$")]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest that these bytes are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest of `content`.
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A digest in the making, of content that comes in pieces.
#[derive(Clone, Default)]
pub struct DigestOf(Sha256);

impl DigestOf {
    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest of all pieces.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut bytes = [0; 32];
        text.strip_prefix("sha256:")
            .and_then(|digits| hex::decode_to_slice(digits, &mut bytes).ok())
            .map(|()| Self(bytes))
            .ok_or_else(|| InvalidId::new("digest", text, "write sha256: and 64 hex digits"))
    }
}

/// A secret that we generate and show once: a prefix that names its use, and 256 random bits.
pub struct Key(String);

impl Key {
    /// A new key `{prefix}_{43 characters of base64url}`.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn generate(prefix: &str) -> Result<Self, getrandom::Error> {
        use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("{prefix}_{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))))
    }

    /// The whole secret text: show it once, then keep only [`Key::hash`].
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of a key. Keys are 256 random bits, so a plain SHA-256 cannot be searched.
    pub fn hash(text: &str) -> Digest {
        Digest::of(text.as_bytes())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

macro_rules! text_conversions {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> { text.parse() }
        }
        impl From<$name> for String {
            fn from(id: $name) -> Self { id.to_string() }
        }
    )*};
}
text_conversions!(Slug, RecordKey, EventName, ExternalId, Digest);

macro_rules! display_as_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
        }
    )*};
}
display_as_text!(Slug, RecordKey, EventName, ExternalId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_refuses_what_would_break_a_url() {
        for bad in ["", "-a", "a/b", "a b", "ä", &"x".repeat(101)] {
            assert!(bad.parse::<Slug>().is_err(), "{bad:?} must be refused");
        }
        assert_eq!("Lead.form_2-b".parse::<Slug>().expect("a good slug").as_str(), "Lead.form_2-b");
    }

    #[test]
    fn an_event_name_is_parts_joined_by_single_dots() {
        for bad in ["", ".", "a.", ".a", "a..b", "a-b", "a b", "lead.*", "ä", "a/b", "a\0b", &"x".repeat(129)] {
            assert!(bad.parse::<EventName>().is_err(), "{bad:?} must be refused");
        }
        for good in ["call_ringing", "lead.status.update", "A.1", "_", &"x".repeat(128)] {
            assert_eq!(good.parse::<EventName>().expect("a good name").as_str(), good);
        }
    }

    #[test]
    fn an_external_id_can_stand_in_a_header_and_before_a_dot() {
        for bad in ["", "a.b", "a b", "a\tb", "a\r\nb", "é", "\u{7f}", &"x".repeat(256)] {
            assert!(bad.parse::<ExternalId>().is_err(), "{bad:?} must be refused");
        }
        for good in ["order-17", "!~,;:/?", &"x".repeat(255)] {
            assert_eq!(good.parse::<ExternalId>().expect("a good id").as_str(), good);
        }
    }

    #[test]
    fn a_digest_reads_back_from_its_text() {
        let digest = Digest::of(b"abc");
        assert_eq!(digest.to_string().parse::<Digest>().expect("reads back"), digest);
        assert!("sha256:zz".parse::<Digest>().is_err());
    }

    #[test]
    fn a_key_never_shows_in_debug_output() {
        let key = Key::generate("th").expect("randomness");
        assert!(!format!("{key:?}").contains(key.reveal()));
    }
}
