//! A client of a running server, for the subcommands that ask one.

use std::time::Duration;

use clap::Arg;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{RequestBuilder, Response, StatusCode};

use crate::model::Redacted;

/// A running server, and the key that opens it.
#[derive(Clone, Debug)]
pub struct ServerAt {
    /// Its URL.
    pub url: String,
    /// An API key.
    pub key: Redacted,
}

/// Why the server did not answer as asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    /// There is no connection.
    #[error("cannot reach {url}")]
    Unreachable {
        /// The server.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// It answers no.
    #[error("{url} answers {status}: {detail}")]
    Refused {
        /// The whole URL.
        url: String,
        /// The HTTP status.
        status: StatusCode,
        /// What its problem document says.
        detail: String,
    },
}

impl ClientError {
    /// Whether the same question may be answered later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => {
                status.is_server_error()
                    || matches!(*status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
            }
        }
    }
}

/// What all HTTP clients of the command line have in common.
pub(super) fn builder() -> reqwest::ClientBuilder {
    // Another part of this process may have installed it.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy()
}

/// A client of one server.
pub(super) struct Client {
    http: reqwest::Client,
    server: ServerAt,
}

impl Client {
    /// Of `server`, which may be silent for so long before an answer is given up.
    pub(super) fn new(server: &ServerAt, silence_max: Duration) -> reqwest::Result<Self> {
        let http = builder().read_timeout(silence_max).build()?;
        Ok(Self { http, server: server.clone() })
    }

    /// The answer to GET of a path of the server, if it is a success.
    pub(super) async fn get(&self, path_and_query: &str) -> Result<Response, ClientError> {
        let url = self.url(path_and_query);
        self.send(self.http.get(&url), url).await
    }

    /// The answer to PUT of a body of `length` bytes, if it is a success. The server need not finish its work first
    /// (`Prefer: respond-async`, RFC 7240 §4.1).
    pub(super) async fn put(
        &self,
        path: &str,
        media_type: &str,
        length: usize,
        body: reqwest::Body,
    ) -> Result<Response, ClientError> {
        let url = self.url(path);
        let request = self.http.put(&url).header(CONTENT_TYPE, media_type).header(CONTENT_LENGTH, length);
        self.send(request.header("prefer", "respond-async").body(body), url).await
    }

    fn url(&self, path_and_query: &str) -> String {
        format!("{}{path_and_query}", self.server.url.trim_end_matches('/'))
    }

    async fn send(&self, request: RequestBuilder, url: String) -> Result<Response, ClientError> {
        let ServerAt { url: base, key } = &self.server;
        let sent = request.bearer_auth(key.reveal()).send().await;
        let response = sent.map_err(|source| ClientError::Unreachable { url: base.clone(), source })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let detail = detail(&response.text().await.unwrap_or_default());
        Err(ClientError::Refused { url, status, detail })
    }
}

/// What a problem document says; the text itself if it is none.
fn detail(text: &str) -> String {
    let problem: Option<serde_json::Value> = serde_json::from_str(text).ok();
    problem.and_then(|problem| Some(problem["detail"].as_str()?.to_owned())).unwrap_or_else(|| text.to_owned())
}

/// The argument `--url`.
pub(super) fn url_argument() -> Arg {
    let url = Arg::new("url").long("url").value_name("URL").help("The server");
    url.env("TENTERHOOK_URL").default_value("http://127.0.0.1:8080")
}

/// The argument `--key`; `whose` says which role it takes.
pub(super) fn key_argument(whose: &str) -> Arg {
    let key = Arg::new("key").long("key").value_name("KEY").required(true);
    let help = format!("{whose} key; better given by the variable than as an argument");
    key.env("TENTERHOOK_KEY").hide_env_values(true).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_change_by_itself_is_asked_again() {
        for (status, may_pass) in [(401, false), (403, false), (404, false), (408, true), (429, true), (503, true)] {
            let status = StatusCode::from_u16(status).expect("a status");
            let refused = ClientError::Refused { url: String::new(), status, detail: String::new() };
            assert_eq!(refused.may_pass(), may_pass, "{status}");
        }
    }

    #[test]
    fn a_problem_document_is_told_by_its_detail() {
        assert_eq!(detail("{\"detail\": \"no such space\"}"), "no such space");
        for other in ["", "<html>", "{\"detail\": 1}", "[]"] {
            assert_eq!(detail(other), other);
        }
    }
}
