//! Egress: the only way out. One pooled HTTP client behind a guard that vets every address before a connection.
//!
//! - The guard ([`EgressPolicy`]) refuses private, local and other special addresses unless they are allowed. Names
//!   are resolved once, all addresses are vetted, and the connection goes to exactly those: DNS that changes its mind
//!   has no second chance.
//! - One deadline covers the whole exchange: resolving, connecting, sending, the head and the body of the response.
//! - Bodies are capped, redirects are not followed, proxies from the environment are not used, cookies are not kept,
//!   and content codings are neither asked for nor undone.

mod address;
mod check;
mod client;
mod failure;
mod policy;
mod resolver;
mod timed;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use crate::model::{HeaderField, Method};

pub use client::Egress;
pub use policy::EgressPolicy;
pub use resolver::{Lookup, SystemLookup};

/// Largest response body that is read, in bytes, unless configured: mappings work on it in memory.
pub const RESPONSE_BYTES_MAX: usize = 1024 * 1024;
/// Largest head of a response (header names and values), in bytes.
pub const RESPONSE_HEADER_BYTES_MAX: usize = 64 * 1024;
/// Largest request body, in bytes.
pub const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest URL, in bytes: what servers commonly take.
pub const URL_BYTES_MAX: usize = 8 * 1024;
/// Longest wait for resolving and connecting, TLS included, unless configured.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Sizes and times that hold for every exchange.
#[derive(Clone, Copy, Debug)]
pub struct EgressLimits {
    /// What is read of a response body, in bytes; the rest is cut off.
    pub response_bytes: usize,
    /// Longest wait for resolving and connecting, TLS included.
    pub connect_timeout: Duration,
    /// Idle connections kept per scheme, host and port.
    pub idle_per_host: usize,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
}

impl Default for EgressLimits {
    fn default() -> Self {
        Self {
            response_bytes: RESPONSE_BYTES_MAX,
            connect_timeout: CONNECT_TIMEOUT,
            idle_per_host: 256,
            idle_timeout: Duration::from_secs(30),
        }
    }
}

/// An HTTP request to send.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The absolute URL, `http` or `https`.
    pub url: String,
    /// The headers, `Idempotency-Key` and signatures included. `Host` and framing are the client's business.
    pub headers: Vec<HeaderField>,
    /// The body; empty means none.
    pub body: Bytes,
    /// The deadline of the whole exchange, from now on.
    pub timeout: Duration,
}

/// A response that arrived.
#[derive(Clone, Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case. Bytes of values that are no UTF-8 are replaced.
    pub headers: Vec<HeaderField>,
    /// The body, up to the cap.
    pub body: Bytes,
    /// The body was longer than the cap; the rest was not read.
    pub cut: bool,
    /// The address that answered.
    pub remote: Option<SocketAddr>,
    /// From the start of sending to the end of the body.
    pub elapsed: Duration,
    /// Resolving and connecting, TLS included; none if a connection was open already.
    pub connect: Option<Duration>,
    /// From the start of sending to the head of the response.
    pub head: Duration,
}

/// What an exchange was doing when its time was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Resolving the host and connecting, TLS included.
    Connect,
    /// Sending the request and waiting for the head of the response.
    Response,
    /// Reading the body of the response.
    Body,
}

impl Phase {
    const fn words(self) -> &'static str {
        match self {
            Self::Connect => "connecting",
            Self::Response => "waiting for the response",
            Self::Body => "reading the response body",
        }
    }
}

/// Why the guard refuses a target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{target} is refused: {address} is {why}; an allow rule in the egress configuration can permit it")]
pub struct Forbidden {
    /// The host as the URL names it.
    pub target: String,
    /// The address that is not allowed.
    pub address: IpAddr,
    /// What kind of address it is, such as `a private network (RFC 1918)`.
    pub why: &'static str,
}

/// Why there is no response. The causes are told apart by type.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The URL cannot be called.
    #[error("the URL {url:?} cannot be called: {reason}")]
    BadUrl {
        /// The URL, without its query.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// A header cannot be sent.
    #[error("header {name:?} cannot be sent: {reason}")]
    BadHeader {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The guard refuses the target.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The host name has no address.
    #[error("the host {host:?} cannot be resolved: {reason}")]
    Dns {
        /// The host.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// No connection could be made.
    #[error("no connection: {reason}")]
    Connect {
        /// What the operating system said.
        reason: String,
    },
    /// The TLS handshake failed.
    #[error("TLS failed: {reason}")]
    Tls {
        /// What the TLS library said.
        reason: String,
    },
    /// The time was over.
    #[error("no answer within {limit:?}: the time ran out {phase}", phase = phase.words())]
    Timeout {
        /// What the exchange was doing.
        phase: Phase,
        /// The deadline that was missed.
        limit: Duration,
    },
    /// The request or the head of the response is larger than its limit.
    #[error("the {what} exceeds {limit} bytes")]
    TooLarge {
        /// What.
        what: &'static str,
        /// Its limit, in bytes.
        limit: usize,
    },
    /// The connection broke, or what came was no HTTP.
    #[error("the exchange broke {phase}: {reason}", phase = phase.words())]
    Broken {
        /// What the exchange was doing.
        phase: Phase,
        /// What the HTTP library said.
        reason: String,
    },
}

impl SendError {
    /// Whether a later try may work.
    pub const fn is_retriable(&self) -> bool {
        match self {
            Self::Dns { .. } | Self::Connect { .. } | Self::Tls { .. } | Self::Timeout { .. } | Self::Broken { .. } => {
                true
            }
            Self::BadUrl { .. } | Self::BadHeader { .. } | Self::Forbidden(_) | Self::TooLarge { .. } => false,
        }
    }

    /// Its stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BadUrl { .. } => "bad-url",
            Self::BadHeader { .. } => "bad-header",
            Self::Forbidden(_) => "forbidden-target",
            Self::Dns { .. } => "dns-failed",
            Self::Connect { .. } => "connect-failed",
            Self::Tls { .. } => "tls-failed",
            Self::Timeout { .. } => "timed-out",
            Self::TooLarge { .. } => "too-large",
            Self::Broken { .. } => "broken-exchange",
        }
    }
}

/// Why the client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// The TLS library refuses its configuration.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The HTTP library refuses its configuration.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}

#[cfg(test)]
mod tests;
