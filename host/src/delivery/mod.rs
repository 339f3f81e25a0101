//! Delivery: everything about pushing an event to an endpoint that is no I/O. A definition is checked
//! ([`EndpointDraft`]), an event finds its endpoints ([`wants`]), becomes a request ([`build`], or [`base`] and
//! [`from_plugin`]), is signed anew for each attempt ([`Form::signed`]), and what an attempt came to decides what is
//! next ([`decide`]).

mod check;
mod cloudevents;
mod draft;
mod flat;
mod form;
mod matching;
mod policy;
mod retry_after;
mod rotation;
mod secrets;
mod xml;

pub use draft::{CheckedEndpoint, EndpointDraft, PolicyDraft};
pub use flat::flat_fields;
pub use form::{Form, FormError, base, body_of, build, from_plugin};
pub use matching::{OPERATIONAL_TYPES, event_input, is_operational, passes, wants};
pub use policy::{Attempt, Decision, EndpointEffect, Next, Outcome, decide, first_attempt};
pub use retry_after::{RETRY_AFTER_MAX, RETRY_AFTER_MIN};
pub use rotation::{Rotation, RotationDraft};
pub use secrets::{
    ENVELOPE_PREFIX, OVERLAP_DEFAULT, OVERLAP_MAX, SIGNING_SECRETS_MAX, current_secrets, generate_envelope_secret,
    rotated,
};

/// Largest body of a delivery, in bytes.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest URL that is sent, query included, in bytes: what servers commonly take.
pub const URL_BYTES_MAX: usize = 8 * 1024;

#[cfg(test)]
mod tests;
