//! Tells failures apart by the types in their chain of causes, never by their words.

use std::error::Error;
use std::io;
use std::time::Duration;

use super::resolver::Unresolved;
use super::{Forbidden, Phase, SendError};

/// What `error` means for an exchange that was in `phase` and had `limit` to be done.
pub(super) fn classify(error: &reqwest::Error, phase: Phase, limit: Duration) -> SendError {
    let causes = || causes(error);
    if let Some(forbidden) = causes().find_map(|cause| cause.downcast_ref::<Forbidden>()) {
        return SendError::Forbidden(forbidden.clone());
    }
    if let Some(Unresolved { host, reason }) = causes().find_map(|cause| cause.downcast_ref()) {
        return SendError::Dns { host: host.clone(), reason: reason.clone() };
    }
    if let Some(error) = causes().find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return SendError::Tls { reason: error.to_string() };
    }
    let phase = if error.is_connect() { Phase::Connect } else { phase };
    // The error itself would tell the whole URL, query included; its last cause tells what happened.
    let reason = causes().last().map_or_else(|| "unknown cause".to_owned(), ToString::to_string);
    if error.is_timeout() {
        SendError::Timeout { phase, limit }
    } else if error.is_builder() {
        SendError::BadUrl { url: String::new(), reason }
    } else if phase == Phase::Connect {
        SendError::Connect { reason }
    } else {
        SendError::Broken { phase, reason }
    }
}

/// The causes of `error`, outermost first. `io::Error` hides what it wraps from `source`, so it is opened here.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| match cause.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => cause.source(),
    })
}
