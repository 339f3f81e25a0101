//! Receives webhooks: verifies the signature, answers, and recognises repeats.
//!
//!     WEBHOOK_SECRET=whsec_… cargo run -p webhook-receiver -- 9090
#![expect(clippy::print_stdout, reason = "what came in is shown to whoever runs the example")]

use std::collections::{HashSet, VecDeque};
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::net::TcpListener;

/// The port when none is given; 0 takes a free one.
const PORT: u16 = 9090;
/// How many ids are remembered. Repeats come within days: a real receiver keeps ids in its database.
const IDS_MAX: usize = 10_000;
/// Shortest secret: base64 of 24 bytes. The library takes an empty one, with which anybody could sign.
const SECRET_CHARS_MIN: usize = 32;

struct Receiver {
    webhook: Webhook,
    seen: Mutex<Seen>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).map_or(Ok(PORT), |port| port.parse())?;
    let secret = std::env::var("WEBHOOK_SECRET").unwrap_or_default();
    if secret.trim_start_matches("whsec_").len() < SECRET_CHARS_MIN {
        return Err("set WEBHOOK_SECRET to the endpoint's secret, whsec_…".into());
    }
    let receiver = Receiver { webhook: Webhook::new(&secret)?, seen: Mutex::default() };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, post(receive).with_state(Arc::new(receiver))).await?;
    Ok(())
}

/// Answers one delivery, on any path. axum refuses bodies above 2 MB by itself.
async fn receive(
    State(receiver): State<Arc<Receiver>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, (StatusCode, String)> {
    // The signature covers the bytes as they came, so nothing is parsed before. The sender's log shows the reason.
    let refused = |reason: String| (StatusCode::UNAUTHORIZED, reason);
    receiver.webhook.verify(&body, &headers).map_err(|error| refused(error.to_string()))?;
    let id = headers.get(standardwebhooks::HEADER_WEBHOOK_ID).and_then(|id| id.to_str().ok());
    let id = id.ok_or_else(|| refused("no id".to_owned()))?;

    let is_new = receiver.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    if is_new {
        keep(id, &body);
    } else {
        println!("{id} repeated");
    }
    // A repeat is acknowledged too: the sender did not get the first answer, and asks no more after this one.
    Ok(StatusCode::NO_CONTENT)
}

/// Your code. Store the event and its id in one transaction, answer, and do the work afterwards: the sender waits for
/// seconds only, and what is acknowledged but not stored is lost with the process.
fn keep(id: &str, body: &[u8]) {
    let event: Value = serde_json::from_slice(body).unwrap_or_default();
    println!("{id} {}", event["type"].as_str().unwrap_or("-"));
}

/// The ids of the latest messages.
#[derive(Default)]
struct Seen {
    ids: HashSet<String>,
    oldest_first: VecDeque<String>,
}

impl Seen {
    /// Remembers an id; answers whether it is new.
    fn insert(&mut self, id: &str) -> bool {
        if !self.ids.insert(id.to_owned()) {
            return false;
        }
        self.oldest_first.push_back(id.to_owned());
        if self.oldest_first.len() > IDS_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}
