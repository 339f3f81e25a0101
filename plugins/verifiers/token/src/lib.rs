//! The built-in verifier `verify-token`: a fixed token in a header or in the query.
//!
//! Configuration: `{"header": "x-token"}`, `{"header": "authorization", "prefix": "Bearer "}`, or
//! `{"parameter": "token"}`. The token is the secret; it proves who calls, but not what is said: let callers use HTTPS,
//! and prefer a header, since URLs are often logged.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::Deserialize;
use tenterhook_plugin::{Call, Describe, Description, Failure, InboundRequest, Judgement, Secret, Verifier};
use tenterhook_verify::{Stop, body, secrets};

struct Token;

/// The configuration: one of `header` and `parameter`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The header that has the token.
    header: Option<String>,
    /// The parameter of the query that has the token.
    parameter: Option<String>,
    /// What stands before the token.
    #[serde(default)]
    prefix: String,
}

fn judge(call: &Call, request: &InboundRequest, given: &[Secret]) -> Result<Judgement, Stop> {
    let config: Config = call.config()?;
    let (value, place) = match (&config.header, &config.parameter) {
        (Some(name), None) if !name.is_empty() => {
            (Cow::Borrowed(request.sole_header(name)?), format!("the header `{name}`"))
        }
        (None, Some(name)) if !name.is_empty() => {
            let value = body::parameter(request.query().as_bytes(), name);
            let missing = || format!("the parameter `{name}` must be in the query once: the sender must add it");
            (value.ok_or_else(missing)?, format!("the parameter `{name}`"))
        }
        _ => return Err(Stop::Failed(Failure::Invalid("config: give one of header and parameter".into()))),
    };
    let secrets = secrets::all(given)?;
    let token = value
        .strip_prefix(config.prefix.as_str())
        .ok_or_else(|| Stop::Refused(format!("{place} must begin with `{}`", config.prefix)))?;
    match secrets::is_one_of(token.as_bytes(), &secrets) {
        true => Ok(Judgement::accepted()),
        false => Err(Stop::Refused(format!("the token in {place} is not right: give the sender that of the trigger"))),
    }
}

impl Verifier for Token {
    fn verify(call: &Call, request: InboundRequest, secrets: &[Secret]) -> Result<Judgement, Failure> {
        Stop::settle(judge(call, &request, secrets))
    }
}

impl Describe for Token {
    fn describe() -> Description {
        let text = include_str!("describe.json");
        tenterhook_verify::describe(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), text)
    }
}

tenterhook_plugin::export!(Token: verifier, describe);
tenterhook_plugin::bump_allocator!();
tenterhook_plugin::without_wasi_streams!();
