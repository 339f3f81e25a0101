//! The granted secrets of the space: `secrets::get`.
//!
//! What a plugin logs or answers is searched for the secrets that it read, and masked. A verifier needs none of this:
//! it gets its trigger's secrets as an argument.

use crate::Trouble;
#[cfg(target_arch = "wasm32")]
use crate::bindings::capabilities::tenterhook::plugin::secrets as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::testing::secrets as host;

/// The value of a secret.
///
/// # Errors
/// `Denied`: the secret is not granted. `Missing`: there is no such secret. `Unavailable`: it may work later.
pub fn get(name: &str) -> Result<String, Trouble> {
    host::get(name)
}
