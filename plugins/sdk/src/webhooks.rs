//! Calls the granted webhooks, at once: `webhooks::call`.
//!
//! Where the action is called again, so is the webhook; under the same `Idempotency-Key` if it is the same call in its
//! order, of the same webhook with the same data. At most 16 calls in one call of the action; waiting counts against its
//! time.

use serde::Serialize;

#[cfg(target_arch = "wasm32")]
use crate::bindings::capabilities::tenterhook::plugin::webhooks as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::webhooks as host;
use crate::{Json, Trouble, json};

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It worked.
    Accepted(Answer),
    /// It failed, for this reason.
    Failed(String),
}

/// The answer of a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// What the response mapping made of it: a JSON object.
    pub fields: Json,
}

impl Outcome {
    /// The answer of a call that worked.
    ///
    /// # Errors
    /// The reason of one that failed.
    pub fn accepted(self) -> Result<Answer, String> {
        match self {
            Self::Accepted(answer) => Ok(answer),
            Self::Failed(reason) => Err(reason),
        }
    }
}

/// Calls a webhook and waits for what comes of it. `data` is what its template gets.
///
/// # Errors
/// `Denied`: the webhook is not granted. `Missing`: there is no such webhook. `Invalid`: the data has no JSON form.
/// `Exhausted`: too many calls. `Unavailable`: it may work later.
pub fn call<T: Serialize + ?Sized>(webhook: &str, data: &T) -> Result<Outcome, Trouble> {
    use crate::bindings::capabilities::tenterhook::plugin::webhooks::Outcome as Imported;
    Ok(match host::call(webhook, &json::write(data)?)? {
        Imported::Accepted(answer) => {
            Outcome::Accepted(Answer { status: answer.status, fields: Json::from_text(answer.fields) })
        }
        Imported::Failed(reason) => Outcome::Failed(reason),
    })
}
