//! A guest that sends HTTP requests as it is told: for tests of the host. Not for users.
//!
//! The action's input is `{"requests": [{"method", "scheme", "authority", "path", "headers", "body", "secret"}, …]}`;
//! it answers `{"status", "headers", "body"}` or `{"error": "…"}` for each. `secret` names one that is sent as the
//! header `X-Secret`. It prints each answer's status, and reads the clocks and randomness that WASI has. With
//! `{"flood": TEXT}` it writes that to its standard output again and again, for ever.

#![cfg_attr(not(target_arch = "wasm32"), expect(dead_code, reason = "it sends from WebAssembly only"))]

#[cfg(target_arch = "wasm32")]
mod send;

use std::collections::BTreeMap;

use serde::Deserialize;

/// A request to send.
#[derive(Deserialize)]
struct Asked {
    #[serde(default = "get")]
    method: String,
    #[serde(default = "http")]
    scheme: String,
    authority: String,
    #[serde(default = "root")]
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    /// The body is so often what `body` is.
    #[serde(default = "once")]
    times: usize,
    secret: Option<String>,
}

#[derive(Deserialize)]
struct Input {
    requests: Vec<Asked>,
    #[serde(default)]
    flood: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

fn http() -> String {
    "http".to_owned()
}

fn root() -> String {
    "/".to_owned()
}

const fn once() -> usize {
    1
}

#[cfg(target_arch = "wasm32")]
mod plugin {
    use std::hash::{BuildHasher, RandomState};
    use std::time::{Instant, SystemTime, UNIX_EPOCH};

    use serde_json::{Value, json};
    use tenterhook_plugin::{Action, Call, Failure, Json, Request, Template, secrets};

    use super::{Asked, Input, send::flood, send::send};

    struct Fetcher;

    #[expect(clippy::print_stdout, reason = "what it prints becomes its log")]
    fn fetch(asked: &Asked) -> Value {
        let secret = match asked.secret.as_deref().map(secrets::get).transpose() {
            Ok(secret) => secret,
            Err(trouble) => return json!({ "error": format!("{trouble:?}") }),
        };
        match send(asked, secret) {
            Ok((status, headers, body)) => {
                println!("{} {}{}: {status}", asked.method, asked.authority, asked.path);
                json!({ "status": status, "headers": headers, "body": body })
            }
            Err(error) => json!({ "error": error }),
        }
    }

    impl Action for Fetcher {
        fn run(_: &Call, input: Json) -> Result<Json, Failure> {
            let input: Input = input.decode()?;
            if let Some(text) = input.flood {
                flood(text.as_bytes());
            }
            let answers: Vec<_> = input.requests.iter().map(fetch).collect();
            Json::encode(&answers)
        }
    }

    impl Template for Fetcher {
        /// Sends what `base` says itself, which only actions may; without headers it looks at clocks and randomness.
        #[expect(clippy::disallowed_methods, reason = "the deed is to look at the clock")]
        fn render(_: &Call, input: Json, mut base: Request) -> Result<Option<Request>, Failure> {
            let asked: Option<Asked> = input.decode()?;
            let body = match asked {
                Some(asked) => fetch(&asked),
                None => {
                    let start = Instant::now();
                    std::thread::sleep(std::time::Duration::from_secs(3600));
                    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
                    json!([unix, start.elapsed().as_nanos() as u64, RandomState::new().hash_one(0)])
                }
            };
            base.set_json(&body);
            Ok(Some(base))
        }
    }

    tenterhook_plugin::export!(Fetcher: template, action);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_needs_no_more_than_an_authority() {
        let input: Input = serde_json::from_str(r#"{"requests":[{"authority":"a.example"}]}"#).unwrap();
        let Asked { method, scheme, path, times, .. } = &input.requests[0];
        assert_eq!((method.as_str(), scheme.as_str(), path.as_str(), *times), ("GET", "http", "/", 1));
    }
}
