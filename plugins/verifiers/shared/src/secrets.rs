//! The secrets that a trigger gives its verifier.

use tenterhook_plugin::{Failure, Secret, constant_time_eq};

/// The name of the secret of every built-in verifier.
pub const NAME: &str = "secret";

/// The values of `secret`, `secret-2`, … that are not empty: an empty one proves nothing.
///
/// # Errors
/// `Invalid`: there is none.
pub fn all(secrets: &[Secret]) -> Result<Vec<&str>, Failure> {
    let all: Vec<_> = Secret::all(secrets, NAME).filter(|value| !value.is_empty()).collect();
    match all.is_empty() {
        true => Err(Failure::Invalid(format!("there is no secret `{NAME}`: give the trigger's verifier one"))),
        false => Ok(all),
    }
}

/// The value that answers are made with: that of `secret`, else the first of the others.
///
/// # Errors
/// `Invalid`: there is none.
pub fn first(secrets: &[Secret]) -> Result<&str, Failure> {
    let all = all(secrets)?;
    Ok(Secret::find(secrets, NAME).filter(|value| !value.is_empty()).unwrap_or(all[0]))
}

/// Whether `given` is one of `secrets`; every one of them is compared, in constant time.
pub fn is_one_of(given: &[u8], secrets: &[&str]) -> bool {
    secrets.iter().fold(false, |found, secret| found | constant_time_eq(given, secret.as_bytes()))
}
