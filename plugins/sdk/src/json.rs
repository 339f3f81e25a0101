//! JSON text as it crosses the boundary.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Call, Failure, Trouble};

/// UTF-8 JSON text, not yet parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json {
    what: &'static str,
    text: String,
}

impl Json {
    /// Text that is known to be JSON.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self::named("JSON", text.into())
    }

    /// Text that errors call `what`.
    pub(crate) fn named(what: &'static str, text: String) -> Self {
        Self { what, text }
    }

    /// Writes a value as JSON.
    ///
    /// # Errors
    /// `Rejected` when the value has no JSON form (a map with keys that are no strings).
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self, Failure> {
        match serde_json::to_string(value) {
            Ok(text) => Ok(Self::from_text(text)),
            Err(error) => Err(Failure::Rejected(format!("the result cannot be written as JSON: {error}"))),
        }
    }

    /// Parses the text.
    ///
    /// # Errors
    /// `Invalid`, naming what was parsed, the reason, line and column.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        decode(self.what, &self.text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text, owned.
    pub fn into_text(self) -> String {
        self.text
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Call {
    /// Parses the configuration at this place of use.
    ///
    /// # Errors
    /// `Invalid`, with the reason, line and column.
    pub fn config<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        decode("config", &self.config)
    }
}

/// Parses JSON; errors call it `what`.
pub(crate) fn decode<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::Invalid(format!("{what}: {error}")))
}

/// Parses JSON that the host gave; errors call it `what`.
pub(crate) fn read<T: DeserializeOwned>(what: fmt::Arguments<'_>, text: &str) -> Result<T, Trouble> {
    serde_json::from_str(text).map_err(|error| Trouble::Invalid(format!("{what}: {error}")))
}

/// Writes JSON for the host.
pub(crate) fn write<T: Serialize + ?Sized>(value: &T) -> Result<String, Trouble> {
    serde_json::to_string(value).map_err(|error| Trouble::Invalid(format!("it cannot be written as JSON: {error}")))
}
