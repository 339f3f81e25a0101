//! What the built-in verifiers share, so that one convention holds for all of them:
//!
//! - **Secrets.** A verifier takes the secret named `secret`. While one replaces another, the trigger names several:
//!   `secret`, `secret-2`, `secret-old`; all of them are tried ([`secrets`]).
//! - **Signatures** compare in constant time, all secrets with all signatures ([`mac`]).
//! - **Timestamps** may be off by `tolerance_s` seconds either way, 300 unless configured ([`time`]).
//! - **Headers** that count must come exactly once.
//! - **Refusals** are sentences that say what to do. They tell nothing of a secret, and of the URL its host alone: a
//!   trigger's path is its key.

pub mod body;
pub mod mac;
pub mod secrets;
pub mod time;

#[cfg(feature = "testing")]
pub mod testing;
#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tenterhook_plugin::{Call, Description, Failure, Judgement};

/// Why a call is not accepted. `?` makes one of a sentence and of a [`Failure`].
#[derive(Debug)]
pub enum Stop {
    /// It is not the sender's, for this reason.
    Refused(String),
    /// The trigger is not set up for it.
    Failed(Failure),
}

impl Stop {
    /// Refused, for this reason.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::Refused(reason.into())
    }

    /// What the verifier gives.
    ///
    /// # Errors
    /// The failure, if that is why it stopped.
    pub fn settle(judged: Result<Judgement, Self>) -> Result<Judgement, Failure> {
        match judged {
            Ok(judgement) => Ok(judgement),
            Err(Self::Refused(reason)) => Ok(Judgement::Refused(reason)),
            Err(Self::Failed(failure)) => Err(failure),
        }
    }
}

impl From<String> for Stop {
    fn from(reason: String) -> Self {
        Self::Refused(reason)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The configuration of a verifier that needs none: `null` is the default.
///
/// # Errors
/// `Invalid`, with the reason, line and column.
pub fn config<T: DeserializeOwned + Default>(call: &Call) -> Result<T, Failure> {
    Ok(call.config::<Option<T>>()?.unwrap_or_default())
}

/// The configuration of a verifier that has nothing to configure: `null` or `{}`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A description: `text` is a JSON object with `summary`, `config_schema`, `example_config` and `example_input`.
pub fn describe(name: &str, version: &str, text: &str) -> Description {
    #[derive(Deserialize)]
    struct Parts {
        summary: String,
        config_schema: Value,
        example_config: Value,
        example_input: Value,
    }
    match serde_json::from_str::<Parts>(text) {
        Ok(of) => Description::new(name, version, &of.summary)
            .config(of.config_schema, of.example_config)
            .input(of.example_input),
        Err(error) => Description::new(name, version, &format!("describe.json: {error}")),
    }
}
