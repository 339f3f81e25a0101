//! The client: one pool of connections, one way to send.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use tokio::time::{Instant, timeout_at};

use super::check::{check_headers, check_url};
use super::failure::classify;
use super::resolver::GuardedResolver;
use super::{
    EgressError, EgressLimits, EgressPolicy, Lookup, Phase, REQUEST_BYTES_MAX, RESPONSE_HEADER_BYTES_MAX, Request,
    Response, SendError, SystemLookup, timed,
};
use crate::model::{HeaderField, Method};

/// Sent unless the request brings its own.
const USER_AGENT: &str = concat!("tenterhook/", env!("CARGO_PKG_VERSION"));
/// An HTTP/2 connection is shared by many exchanges, so a dead one must be found out: a ping after this silence.
const PING_INTERVAL: Duration = Duration::from_secs(15);
/// How long the answer to that ping may take.
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// Room made for a response body of unknown length, in bytes.
const BODY_ROOM: usize = 4 * 1024;

/// Sends requests. Cheap to share behind an `Arc`; the pool is inside.
pub struct Egress {
    client: reqwest::Client,
    policy: Arc<EgressPolicy>,
    response_bytes: usize,
    connect_timeout: Duration,
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Egress {
    /// A client that resolves by the operating system. Reads the system's root certificates (or those that
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR` name) once.
    ///
    /// # Errors
    /// A library refuses its configuration.
    pub fn new(policy: EgressPolicy, limits: EgressLimits) -> Result<Self, EgressError> {
        Self::with_lookup(policy, limits, Arc::new(SystemLookup))
    }

    /// A client with another resolver behind the guard.
    ///
    /// # Errors
    /// As [`Egress::new`].
    pub fn with_lookup(
        policy: EgressPolicy,
        limits: EgressLimits,
        lookup: Arc<dyn Lookup>,
    ) -> Result<Self, EgressError> {
        let policy = Arc::new(policy);
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls_config()?)
            .dns_resolver(GuardedResolver::new(Arc::clone(&policy), lookup))
            .connector_layer(timed::Timed)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .user_agent(USER_AGENT)
            .tcp_nodelay(true)
            .connect_timeout(limits.connect_timeout)
            .pool_max_idle_per_host(limits.idle_per_host)
            .pool_idle_timeout(limits.idle_timeout)
            .http2_max_header_list_size(u32::try_from(RESPONSE_HEADER_BYTES_MAX).unwrap_or(u32::MAX))
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .build()
            .map_err(EgressError::Client)?;
        let (response_bytes, connect_timeout) = (limits.response_bytes, limits.connect_timeout);
        Ok(Self { client, policy, response_bytes, connect_timeout })
    }

    /// Whether `url` can be called, as far as that is known without resolving its host.
    ///
    /// # Errors
    /// [`SendError::BadUrl`] or [`SendError::Forbidden`].
    pub fn check(&self, url: &str) -> Result<(), SendError> {
        check_url(&self.policy, url).map(|_| ())
    }

    /// Sends a request and reads its response, all within `request.timeout`. Every status is a response; a redirect
    /// is one too.
    ///
    /// # Errors
    /// There is no whole response; see [`SendError`].
    pub async fn send(&self, request: Request) -> Result<Response, SendError> {
        let (start, limit) = (Instant::now(), request.timeout);
        let deadline = start + limit;
        let request = self.prepare(request)?;
        let (head, connect) = timed::connecting(timeout_at(deadline, self.client.execute(request))).await;
        let headed = start.elapsed();
        let head = head
            .map_err(|_| SendError::Timeout { phase: Phase::Response, limit })?
            .map_err(|error| classify(&error, Phase::Response, limit.min(self.connect_timeout)))?;
        let (status, remote, headers) = (head.status().as_u16(), head.remote_addr(), fields(head.headers())?);
        let body = timeout_at(deadline, read_body(head, self.response_bytes)).await;
        let (body, cut) = body
            .map_err(|_| SendError::Timeout { phase: Phase::Body, limit })?
            .map_err(|error| classify(&error, Phase::Body, limit))?;
        Ok(Response { status, headers, body, cut, remote, elapsed: start.elapsed(), connect, head: headed })
    }

    fn prepare(&self, request: Request) -> Result<reqwest::Request, SendError> {
        if request.body.len() > REQUEST_BYTES_MAX {
            return Err(SendError::TooLarge { what: "request body", limit: REQUEST_BYTES_MAX });
        }
        let url = check_url(&self.policy, &request.url)?;
        let mut prepared = reqwest::Request::new(method(request.method), url);
        *prepared.headers_mut() = check_headers(&request.headers)?;
        if !request.body.is_empty() {
            *prepared.body_mut() = Some(request.body.into());
        }
        Ok(prepared)
    }
}

/// TLS 1.2 and 1.3 by ring, with the system's root certificates.
fn tls_config() -> Result<rustls::ClientConfig, EgressError> {
    let mut roots = rustls::RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, ignored) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::warn!(ignored, errors = ?found.errors, "no root certificates found: https calls will fail");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(EgressError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

const fn method(method: Method) -> http::Method {
    match method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Patch => http::Method::PATCH,
        Method::Delete => http::Method::DELETE,
    }
}

/// The headers as history and mappings see them.
fn fields(headers: &HeaderMap) -> Result<Vec<HeaderField>, SendError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > RESPONSE_HEADER_BYTES_MAX {
        return Err(SendError::TooLarge { what: "head of the response", limit: RESPONSE_HEADER_BYTES_MAX });
    }
    let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| HeaderField {
        name: name.as_str().to_owned(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
    };
    Ok(headers.iter().map(field).collect())
}

/// The body up to `limit` bytes, and whether there was more. What is beyond is not read: the connection is closed.
async fn read_body(mut response: reqwest::Response, limit: usize) -> Result<(Bytes, bool), reqwest::Error> {
    let Some(first) = response.chunk().await? else { return Ok((Bytes::new(), false)) };
    if first.len() > limit {
        return Ok((first.slice(..limit), true));
    }
    let Some(mut chunk) = response.chunk().await? else { return Ok((first, false)) };
    let expected = response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or(BODY_ROOM);
    let mut body = BytesMut::with_capacity(expected.min(limit).max(first.len()));
    body.extend_from_slice(&first);
    loop {
        let room = limit - body.len();
        if chunk.len() > room {
            body.extend_from_slice(&chunk[..room]);
            return Ok((body.freeze(), true));
        }
        body.extend_from_slice(&chunk);
        match response.chunk().await? {
            Some(next) => chunk = next,
            None => return Ok((body.freeze(), false)),
        }
    }
}
