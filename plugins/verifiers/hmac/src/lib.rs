//! The built-in verifier `verify-hmac`: signatures by HMAC (RFC 2104) of any sender, as configured.
//!
//! ```json
//! {
//!   "header": "x-signature", "prefix": "sha256=", "algorithm": "sha256", "encoding": "hex",
//!   "signed": "{timestamp}.{body}", "timestamp_header": "x-timestamp", "id_header": "x-delivery"
//! }
//! ```
//!
//! - `header`: where the signature stands. With `item`, the header is a list such as `t=1492774577,v1=5257a8`, and the
//!   signatures are its items of that name. `prefix`: what stands before a signature.
//! - `algorithm`: `sha256` (default), `sha512` or `sha1`. `encoding`: `hex` (default), `base64` or `base64url`.
//! - `signed`: what is signed (see [`template`]); `{body}` unless configured.
//! - `timestamp_header`, `timestamp_item`, `timestamp_unit` (`s` or `ms`), `tolerance_s`: when the call was sent. It
//!   must be part of what is signed.
//! - `id_header`, or `id_pointer` (RFC 6901, into a JSON body): the sender's name for the call.
//! - `secret_encoding`: whether the secret is the key as `text` (default), or in `hex` or `base64`.

mod config;
mod template;
#[cfg(test)]
mod tests;

use config::{Algorithm, Config, SecretEncoding, TimestampUnit};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use template::Values;
use tenterhook_plugin::{
    Acceptance, Call, Describe, Description, Failure, InboundRequest, Judgement, Secret, Verifier,
};
use tenterhook_verify::body::ID_BYTES_MAX;
use tenterhook_verify::{Stop, body, mac, secrets};

struct Hmac;

fn judge(call: &Call, request: &InboundRequest, given: &[Secret]) -> Result<Judgement, Stop> {
    let config: Config = call.config()?;
    let template = config.check()?;
    let keys: Vec<_> =
        secrets::all(given)?.into_iter().map(|text| key(config.secret_encoding, text)).collect::<Result<_, _>>()?;
    let header = request.sole_header(&config.header)?;
    let signatures = signatures(&config, header)?;
    let time = time(&config, request, call.now)?;
    let id = config.id_header.as_deref().map(|name| id(request, name)).transpose()?;
    let message = template::message(&template, &Values { request, time, id })?;
    match config.algorithm {
        Algorithm::Sha1 => mac::check::<Sha1>(&keys, config.encoding, &signatures, &message),
        Algorithm::Sha256 => mac::check::<Sha256>(&keys, config.encoding, &signatures, &message),
        Algorithm::Sha512 => mac::check::<Sha512>(&keys, config.encoding, &signatures, &message),
    }?;
    let in_body = || config.id_pointer.as_deref().and_then(|pointer| body::at(&request.body, pointer));
    let id = id.map(str::to_owned).or_else(in_body);
    Ok(Judgement::Accepted(Acceptance { id: body::id(id.as_deref()), payload: None }))
}

/// The key that a secret stands for.
fn key(encoding: SecretEncoding, secret: &str) -> Result<Vec<u8>, Failure> {
    let key = match encoding {
        SecretEncoding::Text => Some(secret.as_bytes().to_vec()),
        SecretEncoding::Hex => config::bytes_of_hex(secret),
        SecretEncoding::Base64 => config::bytes_of_base64(secret),
    };
    let wrong = || format!("the secret is not {encoding}, as `secret_encoding` says");
    key.filter(|key| !key.is_empty()).ok_or_else(|| Failure::Invalid(wrong()))
}

/// The id in its header.
fn id<'a>(request: &'a InboundRequest, name: &str) -> Result<&'a str, Stop> {
    let id = request.sole_header(name)?;
    match (1..=ID_BYTES_MAX).contains(&id.len()) {
        true => Ok(id),
        false => Err(Stop::Refused(format!("the header `{name}` must have 1 to {ID_BYTES_MAX} bytes: it is the id"))),
    }
}

/// The signatures in their header, without the prefix.
fn signatures<'a>(config: &Config, header: &'a str) -> Result<Vec<&'a str>, Stop> {
    let (name, prefix) = (&config.header, config.prefix.as_str());
    let values = match &config.item {
        Some(item) => mac::items(header, item),
        None => vec![header],
    };
    if let (true, Some(item)) = (values.is_empty(), &config.item) {
        return Err(Stop::Refused(format!("the header `{name}` has no `{item}=`: send the signature there")));
    }
    let bare: Vec<_> = values.iter().filter_map(|value| value.strip_prefix(prefix)).collect();
    match bare.is_empty() {
        true => Err(Stop::Refused(format!("the signature in `{name}` must begin with `{prefix}`"))),
        false => Ok(bare),
    }
}

/// The timestamp as it was sent, if there is to be one; it is within the tolerance.
fn time<'a>(config: &Config, request: &'a InboundRequest, now: u64) -> Result<Option<&'a str>, Stop> {
    let Some(name) = &config.timestamp_header else { return Ok(None) };
    let header = request.sole_header(name)?;
    let time = match &config.timestamp_item {
        None => header,
        Some(item) => match mac::items(header, item)[..] {
            [time] => time,
            _ => return Err(Stop::Refused(format!("the header `{name}` must have one `{item}=`, the timestamp"))),
        },
    };
    match config.timestamp_unit {
        TimestampUnit::S => config.tolerance_s.check_seconds(time, now),
        TimestampUnit::Ms => config.tolerance_s.check_millis(time, now),
    }?;
    Ok(Some(time))
}

impl Verifier for Hmac {
    fn verify(call: &Call, request: InboundRequest, secrets: &[Secret]) -> Result<Judgement, Failure> {
        Stop::settle(judge(call, &request, secrets))
    }
}

impl Describe for Hmac {
    fn describe() -> Description {
        let text = include_str!("describe.json");
        tenterhook_verify::describe(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), text)
    }
}

tenterhook_plugin::export!(Hmac: verifier, describe);
tenterhook_plugin::bump_allocator!();
tenterhook_plugin::without_wasi_streams!();
