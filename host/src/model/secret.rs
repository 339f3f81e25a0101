//! Secrets: sealed at rest, redacted in every output.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Definition, Kind, Slug, Time};

/// Bytes encrypted with the server's key: nonce and XChaCha20-Poly1305 ciphertext, base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed(pub String);

/// A named secret of a space, usable in webhook headers as `{{ secret.NAME }}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Secret {
    /// Its name.
    pub id: Slug,
    /// Its value, sealed.
    pub value: Sealed,
    /// When it was last set.
    pub updated_at: Time,
}

impl Definition for Secret {
    const KIND: Kind = Kind::Secret;
    fn id(&self) -> String {
        self.id.to_string()
    }
}

/// A secret text in memory: it has no `Display`, and its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Redacted(String);

impl Redacted {
    /// Wraps a secret text.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
