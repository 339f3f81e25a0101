//! An action plugin: an alert when many e-mails to one domain bounce within some time (CR5).
//!
//! A sliding window for each domain: the times of the last bounces, in the plugin's state. One alert a window: while
//! it goes on bouncing, nobody wants to be told again and again.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tenterhook_plugin::{Action, Call, Describe, Description, Failure, Json, log, state};

struct BounceAlert;

/// The input: the task's `with`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The bounced e-mail's id, the same for every repeat.
    id: String,
    /// The address that it went to.
    address: String,
    /// How many bounces are an alert, 1 to 500.
    threshold: usize,
    /// Within how many seconds.
    window_s: u64,
}

/// What the plugin knows of a domain. Times are milliseconds since the Unix epoch.
#[derive(Default, Deserialize, Serialize)]
struct Window {
    /// When each e-mail bounced, and its id; oldest first.
    bounces: Vec<(u64, String)>,
    alerted_at: Option<u64>,
}

/// The output.
#[derive(Debug, PartialEq, Serialize)]
struct Output {
    domain: String,
    /// The bounces in the window, this one included; at most 500 are counted.
    count: usize,
    /// There is one if the threshold is reached and was not in the window before.
    alert: Option<Alert>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Alert {
    domain: String,
    count: usize,
    window_s: u64,
    /// The first and the last bounce of the window.
    first_at: u64,
    last_at: u64,
    /// For people.
    text: String,
}

/// Most bounces that are remembered: with ids of 100 bytes they fit into the 64 KiB of a value.
const BOUNCES_MAX: usize = 500;
/// Longest id, in bytes.
const ID_BYTES_MAX: usize = 100;
/// Longest part of a domain that is told apart: a key has at most 128 bytes.
const DOMAIN_BYTES_MAX: usize = 120;

impl Window {
    /// Counts a bounce; whether it is an alert.
    fn count(&mut self, id: &str, now: u64, input: &Input) -> bool {
        let window = input.window_s.saturating_mul(1_000);
        // Runs may overtake each other; the window goes back for none of them.
        let now = self.bounces.last().map_or(now, |(last, _)| now.max(*last));
        let is_in = |at: u64| now - at.min(now) < window;
        self.bounces.retain(|(at, _)| is_in(*at));
        if !self.bounces.iter().any(|(_, known)| known == id) {
            self.bounces.push((now, id.to_owned()));
        }
        let surplus = self.bounces.len().saturating_sub(BOUNCES_MAX);
        self.bounces.drain(..surplus);
        let alert = self.bounces.len() >= input.threshold && !self.alerted_at.is_some_and(is_in);
        if alert {
            self.alerted_at = Some(now);
        }
        alert
    }
}

/// The domain of an address, such as `Ada <ada@mail.example>`, in lower case.
fn domain(address: &str) -> Result<String, Failure> {
    let host = address.rsplit_once('@').map(|(_, host)| host.trim_end_matches(['>', ' ', '.'])).unwrap_or_default();
    let is_host = |c: char| c.is_alphanumeric() || c == '-' || c == '.';
    if host.is_empty() || !host.chars().all(is_host) {
        return Err(Failure::Invalid(format!("input: address: {address:?} is no e-mail address")));
    }
    let mut host = host.to_lowercase();
    host.truncate(host.floor_char_boundary(DOMAIN_BYTES_MAX));
    Ok(host)
}

fn alert(domain: &str, window: &Window, input: &Input) -> Option<Alert> {
    let (first_at, last_at) = (window.bounces.first()?.0, window.bounces.last()?.0);
    let count = window.bounces.len();
    let minutes = input.window_s.div_ceil(60);
    let text = format!("{count} e-mails to {domain} bounced within {minutes} minutes");
    Some(Alert { domain: domain.to_owned(), count, window_s: input.window_s, first_at, last_at, text })
}

impl Action for BounceAlert {
    fn run(call: &Call, input: Json) -> Result<Json, Failure> {
        let input: Input = input.decode()?;
        if !(1..=BOUNCES_MAX).contains(&input.threshold) || input.window_s == 0 {
            let reason = format!("input: threshold must be 1 to {BOUNCES_MAX}, and window_s at least 1");
            return Err(Failure::Invalid(reason));
        }
        if input.id.len() > ID_BYTES_MAX {
            return Err(Failure::Invalid(format!("input: id has more than {ID_BYTES_MAX} bytes")));
        }
        let domain = domain(&input.address)?;
        let key = format!("domain/{domain}");
        let mut window: Window = state::get(&key)?.unwrap_or_default();
        let is_alert = window.count(&input.id, call.now, &input);
        state::set(&key, &window)?;
        let alert = alert(&domain, &window, &input).filter(|_| is_alert);
        if let Some(alert) = &alert {
            log::warn(&alert.text);
        }
        Json::encode(&Output { domain, count: window.bounces.len(), alert })
    }
}

impl Describe for BounceAlert {
    fn describe() -> Description {
        let summary = "An alert when many e-mails to one domain bounce within some time.";
        Description::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), summary)
            .config(json!({ "type": "null" }), Value::Null)
            .capabilities(["state"])
            .input(json!({
                "id": "0198f3a2-6c1e-7b40-9d55-2f6a4c1b7f11",
                "address": "ada@analytical.example",
                "threshold": 20,
                "window_s": 3600,
            }))
    }
}

tenterhook_plugin::export!(BounceAlert: action, describe);
tenterhook_plugin::bump_allocator!();

#[cfg(test)]
mod tests;
