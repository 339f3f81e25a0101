//! The built-in verifier `verify-basic-auth`: user and password by HTTP Basic (RFC 7617).
//!
//! `Authorization: Basic` and base64 of user, colon and password, in UTF-8. The password is the secret; it proves who
//! calls, but not what is said: let callers use HTTPS.
//!
//! Configuration: `{"user": "anna"}`.

#[cfg(test)]
mod tests;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Deserialize;
use tenterhook_plugin::{Call, Describe, Description, Failure, InboundRequest, Judgement, Secret, Verifier};
use tenterhook_verify::{Stop, secrets};

struct BasicAuth;

const HEADER: &str = "authorization";

/// The configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The user that calls.
    user: String,
}

fn judge(call: &Call, request: &InboundRequest, given: &[Secret]) -> Result<Judgement, Stop> {
    let Config { user } = call.config()?;
    if user.is_empty() || user.contains(|c: char| c == ':' || c.is_control()) {
        let reason = "config: user: it must not be empty, nor have a colon or a control character (RFC 7617 §2)";
        return Err(Stop::Failed(Failure::Invalid(reason.into())));
    }
    let passwords = secrets::all(given)?;
    let expected: Vec<_> = passwords.iter().map(|password| format!("{user}:{password}")).collect();
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    let credentials = credentials(request.sole_header(HEADER)?)?;
    match secrets::is_one_of(&credentials, &expected) {
        true => Ok(Judgement::accepted()),
        false => Err(Stop::refused("user or password is not right: give the sender those of the trigger")),
    }
}

/// User, colon and password.
fn credentials(header: &str) -> Result<Vec<u8>, Stop> {
    let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(Stop::Refused(format!("the header `{HEADER}` must begin with `Basic `: use HTTP Basic")));
    }
    let decoded = BASE64_STANDARD.decode(rest.trim_matches(' '));
    decoded
        .map_err(|_| Stop::Refused(format!("the header `{HEADER}` must have base64 of user:password after `Basic `")))
}

impl Verifier for BasicAuth {
    fn verify(call: &Call, request: InboundRequest, secrets: &[Secret]) -> Result<Judgement, Failure> {
        Stop::settle(judge(call, &request, secrets))
    }
}

impl Describe for BasicAuth {
    fn describe() -> Description {
        let text = include_str!("describe.json");
        tenterhook_verify::describe(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), text)
    }
}

tenterhook_plugin::export!(BasicAuth: verifier, describe);
tenterhook_plugin::bump_allocator!();
tenterhook_plugin::without_wasi_streams!();
