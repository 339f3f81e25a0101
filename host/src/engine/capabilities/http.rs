//! `wasi:http`: one request, if its method and host are granted, through the guard of `egress`.

use std::time::Duration;

use url::{Host, Url};

use crate::egress::{self, SendError};
use crate::model::{Exchange, Method, Scheme};
use crate::plugin::{Fetched, HttpFailure, HttpFailureKind, HttpRequest, InboundResponse, Trouble};

use super::Capabilities;

/// Longest wait for a whole response; the call's own time limit is shorter mostly.
const TIMEOUT_MAX: Duration = Duration::from_secs(60);

/// A request that may be sent.
struct Target {
    method: Method,
    url: Url,
}

impl Capabilities {
    /// Sends a request. A redirect is a response like any other: the plugin may follow it if that is granted too.
    pub(super) async fn fetch(&self, request: HttpRequest) -> Fetched {
        match self.target(&request) {
            Ok(target) => match &self.dry {
                Some(answers) => self.pretend_request(target.method, target.url.as_str(), &request, answers),
                None => self.send(target, request).await,
            },
            Err(failure) => Fetched { outcome: Err(failure), exchange: None },
        }
    }

    /// What is to be called. The grant is checked on the very URL that is sent: parsed, so that every notation of an
    /// address is one, and every name is as DNS has it.
    fn target(&self, request: &HttpRequest) -> Result<Target, HttpFailure> {
        let invalid = |reason: String| HttpFailure { kind: HttpFailureKind::Invalid, reason };
        let all = [Method::Get, Method::Post, Method::Put, Method::Patch, Method::Delete];
        let method = all.into_iter().find(|method| method.as_str() == request.method).ok_or_else(|| {
            invalid(format!("the method {:?} is none of GET, POST, PUT, PATCH, DELETE", request.method))
        })?;
        let url = Url::parse(&request.url).map_err(|error| invalid(format!("the URL cannot be called: {error}")))?;
        let scheme = match url.scheme() {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return Err(invalid("only http and https can be called".to_owned())),
        };
        let denied = |reason: String| HttpFailure { kind: HttpFailureKind::Denied, reason };
        let host = match url.host() {
            Some(Host::Domain(name)) => name.strip_suffix('.').unwrap_or(name).to_owned(),
            Some(address) => {
                return Err(denied(format!("{address} is an address: hosts are granted by name, never by address")));
            }
            None => return Err(invalid("the URL names no host".to_owned())),
        };
        let port = url.port().unwrap_or(scheme.port());
        self.allow_http(method, scheme, &host, port).map_err(|trouble: Trouble| denied(trouble.text().to_owned()))?;
        Ok(Target { method, url })
    }

    async fn send(&self, Target { method, url }: Target, request: HttpRequest) -> Fetched {
        let redactor = self.redactor();
        let started_at = self.engine.clock.now();
        let timeout = request.timeout.map_or(TIMEOUT_MAX, |timeout| timeout.min(TIMEOUT_MAX));
        let outgoing = egress::Request {
            method,
            url: url.to_string(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            timeout,
        };
        let sent = self.engine.egress.send(outgoing).await;
        let outcome = sent.as_ref().map_or_else(SendError::code, |_| "answered");
        metrics::counter!("tenterhook_egress_total", "outcome" => outcome).increment(1);
        let response = sent.as_ref().ok();
        let elapsed = response.map_or_else(|| self.engine.clock.now().since(started_at), |response| response.elapsed);
        let exchange = Exchange {
            request: redactor.sent(method, url.as_str(), &request.headers, &request.body),
            response: response.map(|r| redactor.response(r.status, &r.headers, &r.body, r.cut)),
            error: sent.as_ref().err().map(|error| redactor.text(&error.to_string())),
            started_at,
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            plugins: None,
        };
        let outcome = sent.map_err(|error| failure(&error)).and_then(whole);
        Fetched { outcome, exchange: Some(exchange) }
    }
}

/// The response, unless it was longer than is read.
fn whole(response: egress::Response) -> Result<InboundResponse, HttpFailure> {
    let egress::Response { status, headers, body, cut, .. } = response;
    if cut {
        let reason = format!("the response is larger than {} bytes", body.len());
        return Err(HttpFailure { kind: HttpFailureKind::ResponseTooLarge, reason });
    }
    Ok(InboundResponse { status, headers, body })
}

fn failure(error: &SendError) -> HttpFailure {
    let kind = match error {
        SendError::BadUrl { .. } | SendError::BadHeader { .. } => HttpFailureKind::Invalid,
        SendError::Forbidden(_) => HttpFailureKind::Forbidden,
        SendError::Dns { .. } => HttpFailureKind::Dns,
        SendError::Connect { .. } => HttpFailureKind::Connect,
        SendError::Tls { .. } => HttpFailureKind::Tls,
        SendError::Timeout { .. } => HttpFailureKind::Timeout,
        SendError::TooLarge { .. } => HttpFailureKind::RequestTooLarge,
        SendError::Broken { .. } => HttpFailureKind::Broken,
    };
    HttpFailure { kind, reason: error.to_string() }
}
