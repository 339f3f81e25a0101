//! Checks of the parts of an endpoint.

use url::Url;

use super::secrets::envelope_problem;
use crate::expr::{Expression, SOURCE_BYTES_MAX};
use crate::model::{DeliveryPolicy, EndpointFormat, FieldProblem, HeaderField, Method, OnStuck, Redacted};
use crate::signature::{Scheme, SigningKey};

/// Longest URL of an endpoint, in bytes: room is left for a query of as much.
const ENDPOINT_URL_BYTES_MAX: usize = super::URL_BYTES_MAX / 2;
/// Most event types of an endpoint.
const EVENT_TYPES_MAX: usize = 200;
/// Longest event type or prefix, in bytes.
const EVENT_TYPE_BYTES_MAX: usize = 256;
/// What a message shows of a text that is no event type, in characters.
const SHOWN_CHARS: usize = 60;
/// Most attempts of a delivery.
const ATTEMPTS_MAX: usize = 50;
/// Longest delay before an attempt, in seconds: a week.
const DELAY_S_MAX: u32 = 7 * 24 * 3600;
/// Longest time of an attempt, in seconds (Standard Webhooks, "Timeouts", advises 15 to 30).
const TIMEOUT_S_MAX: u32 = 60;
/// Most attempts of one endpoint at the same time.
const CONCURRENCY_MAX: u32 = 64;
/// Lowest and highest rate, in attempts per second: one in about a quarter of an hour, and none that is felt.
const RATE_PER_S: std::ops::RangeInclusive<f64> = 0.001..=10_000.0;
/// Largest share of a delay that is left to chance.
const JITTER_MAX: f64 = 0.5;
/// Most failures before the pause.
const PAUSE_AFTER_MAX: u32 = 10_000;

/// The problems of one draft.
#[derive(Default)]
pub(super) struct Problems(Vec<FieldProblem>);

impl Problems {
    pub(super) fn add(&mut self, field: impl Into<String>, reason: impl Into<String>) {
        self.0.push(FieldProblem::new(field, reason));
    }

    pub(super) fn into_result<T>(self, value: T) -> Result<T, Vec<FieldProblem>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }

    pub(super) fn check_url(&mut self, text: &str) {
        if let Some(reason) = url_problem(text) {
            self.add("url", reason);
        }
    }

    pub(super) fn check_event_types(&mut self, patterns: &[String]) {
        const PLACE: &str = "event_types";
        if patterns.is_empty() {
            self.add(PLACE, "name the event types that it takes, or give [\"*\"] for all");
        }
        if patterns.len() > EVENT_TYPES_MAX {
            self.add(PLACE, format!("there are {}; the limit is {EVENT_TYPES_MAX}", patterns.len()));
        }
        for (index, pattern) in patterns.iter().enumerate().filter(|(_, pattern)| !is_pattern(pattern)) {
            let shown: String = pattern.chars().take(SHOWN_CHARS).collect();
            let reason = format!(
                "{shown:?} is no event type: write lead.create, lead.* or *, of letters, digits, _ and -, joined by \
                 dots, at most {EVENT_TYPE_BYTES_MAX} bytes"
            );
            self.add(format!("{PLACE}[{index}]"), reason);
        }
    }

    /// What is too long or too deep to be parsed here is left to the sandbox.
    pub(super) fn check_filter(&mut self, filter: Option<&str>) {
        let Some(filter) = filter else { return };
        if filter.trim().is_empty() || filter.len() > SOURCE_BYTES_MAX {
            self.add("filter", format!("give a jq condition of 1 to {SOURCE_BYTES_MAX} bytes, or leave it out"));
        } else if let Err(error) = Expression::compile(filter, &[]) {
            self.add("filter", error.to_string());
        }
    }

    pub(super) fn check_headers(&mut self, headers: &[HeaderField], format: &EndpointFormat) {
        for (name, reason) in HeaderField::problems(headers) {
            self.add(name.map_or_else(|| "headers".to_owned(), header_place), reason);
        }
        for field in headers {
            if field.value.contains("{{") {
                self.add(header_place(&field.name), "values cannot be inserted into the headers of an endpoint");
            }
            let name = field.name.to_ascii_lowercase();
            if matches!(format, EndpointFormat::CloudEvents { .. })
                && (name == "content-type" || name.starts_with("ce-"))
            {
                self.add(header_place(&field.name), "format \"cloudevents\" sets this header itself");
            }
        }
    }

    pub(super) fn check_format(&mut self, format: &EndpointFormat, method: Method) {
        let word = match format {
            EndpointFormat::Lead {} => "lead",
            EndpointFormat::Xml {} => "xml",
            EndpointFormat::CloudEvents { .. } => "cloudevents",
            _ => return,
        };
        if matches!(method, Method::Get | Method::Delete) {
            let reason = format!(
                "{method} has no body, so it cannot carry {word:?}: use \"flat\", whose fields become query parameters"
            );
            self.add("format", reason);
        }
    }

    pub(super) fn check_policy(&mut self, policy: &DeliveryPolicy) {
        let attempts = policy.retry_delays_s.len();
        if !(1..=ATTEMPTS_MAX).contains(&attempts) {
            let reason = format!("give 1 to {ATTEMPTS_MAX} delays; the first is the one before the first attempt");
            self.add("policy.retry_delays_s", reason);
        }
        for (index, delay) in policy.retry_delays_s.iter().enumerate().filter(|(_, delay)| **delay > DELAY_S_MAX) {
            let reason = format!("{delay} seconds are more than a week ({DELAY_S_MAX})");
            self.add(format!("policy.retry_delays_s[{index}]"), reason);
        }
        self.check_range("policy.timeout_s", policy.timeout_s, 1..=TIMEOUT_S_MAX);
        self.check_range("policy.concurrency", policy.concurrency, 1..=CONCURRENCY_MAX);
        self.check_range("policy.pause_after", policy.pause_after, 0..=PAUSE_AFTER_MAX);
        self.check_range("policy.jitter", policy.jitter, 0.0..=JITTER_MAX);
        if let Some(rate) = policy.rate_per_s {
            self.check_range("policy.rate_per_s", rate, RATE_PER_S);
        }
        if let Some(OnStuck::SkipAfter(skip)) = policy.ordered.map(|ordered| ordered.on_stuck) {
            let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
            self.check_range("policy.ordered.on_stuck.skip_after", skip, 1..=attempts.max(1));
        }
    }

    pub(super) fn check_range<N: PartialOrd + std::fmt::Display>(
        &mut self,
        field: &str,
        number: N,
        range: std::ops::RangeInclusive<N>,
    ) {
        if !range.contains(&number) {
            self.add(field, format!("{number} is not within {} to {}", range.start(), range.end()));
        }
    }

    /// The given key, if there is a good one.
    pub(super) fn check_secret(&mut self, secret: Option<&Redacted>, scheme: Option<Scheme>) -> Option<SigningKey> {
        match SigningKey::from_text(secret?.reveal()) {
            Ok(key) if scheme.is_some_and(|scheme| scheme != key.scheme()) => {
                self.add("scheme", format!("the given secret is one of {}: leave this out", key.scheme().version()));
                None
            }
            Ok(key) => Some(key),
            Err(error) => {
                self.add("secret", error.to_string());
                None
            }
        }
    }

    pub(super) fn check_envelope_secret(&mut self, secret: Option<&Redacted>, format: &EndpointFormat) {
        let Some(secret) = secret else { return };
        if let Some(reason) = envelope_problem(secret.reveal()) {
            self.add("envelope_secret", reason);
        } else if !matches!(format, EndpointFormat::Lead {}) {
            self.add("envelope_secret", "only format \"lead\" has an envelope secret");
        }
    }
}

fn header_place(name: &str) -> String {
    format!("headers.{name}")
}

fn url_problem(text: &str) -> Option<String> {
    if text.len() > ENDPOINT_URL_BYTES_MAX {
        return Some(format!("it has {} bytes; the limit is {ENDPOINT_URL_BYTES_MAX}", text.len()));
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Some("it holds a control character, a space or a backslash".to_owned());
    }
    if text.contains("{{") {
        return Some("values cannot be inserted into the URL of an endpoint; use a plugin".to_owned());
    }
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return Some(error.to_string()),
    };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        Some("it must begin with http:// or https:// and a host".to_owned())
    } else if !url.username().is_empty() || url.password().is_some() {
        Some("it holds a user name or password; send an Authorization header instead".to_owned())
    } else if url.fragment().is_some() {
        Some("it holds a fragment (#…), which is never sent".to_owned())
    } else {
        None
    }
}

/// `*`, or names joined by dots, the last of which may be `*`.
fn is_pattern(text: &str) -> bool {
    let name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let names = text.strip_suffix(".*").unwrap_or(text);
    text == "*" || (text.len() <= EVENT_TYPE_BYTES_MAX && names.split('.').all(name))
}
