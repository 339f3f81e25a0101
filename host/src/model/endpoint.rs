//! Endpoints: outbound subscriptions. Events are pushed to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Definition, HeaderField, Kind, Method, PluginRef, Sealed, Slug, Time};

/// Delays before the attempts of one delivery, in seconds, unless the endpoint says otherwise: about 75 hours in all
/// (Standard Webhooks 1.0.0, "Deliverability and reliability").
pub const RETRY_DELAYS_S: [u32; 10] = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// A subscription to events: where they are sent, which, in what form, and what happens when that fails. How many
/// attempts failed in a row is not part of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id in URLs.
    pub id: Slug,
    /// What it is for, for people.
    pub description: String,
    /// Where events are sent.
    pub url: String,
    /// The event types it takes: names, prefixes as `lead.*`, or `*`.
    pub event_types: Vec<String>,
    /// A jq condition on the event; only events for which it is neither false nor null are sent.
    pub filter: Option<String>,
    /// The HTTP method. GET and DELETE carry the event as query parameters.
    pub method: Method,
    /// Further headers; the values of those with sensitive names are masked here and sealed among the secrets.
    pub headers: Vec<HeaderField>,
    /// What a request looks like.
    pub format: EndpointFormat,
    /// When and how often.
    pub policy: DeliveryPolicy,
    /// Its secrets, sealed.
    pub secrets: EndpointSecrets,
    /// Whether deliveries are sent or held.
    pub status: EndpointStatus,
    /// Who made it: the name of the API key.
    pub created_by: String,
    /// When it was made.
    pub created_at: Time,
    /// When it was last saved.
    pub updated_at: Time,
}

impl Definition for Endpoint {
    const KIND: Kind = Kind::Endpoint;
    fn id(&self) -> String {
        self.id.to_string()
    }
}

/// What a delivery looks like. `{"type": "event"}`, `{"type": "cloudevents", "mode": "binary"}`, …
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum EndpointFormat {
    /// JSON `{type, timestamp, data}` (Standard Webhooks, "Payload structure").
    Event {},
    /// JSON `{id_space, event, secret, payload}`; `secret` is the endpoint's envelope secret.
    Lead {},
    /// One flat JSON object: `{object, eventType, …, created}`.
    Flat {},
    /// The same fields as `application/x-www-form-urlencoded`.
    Form {},
    /// An XML document `<event>`.
    Xml {},
    /// CloudEvents 1.0 over HTTP.
    CloudEvents {
        /// In the body, or in headers.
        mode: CloudEventsMode,
    },
    /// A plugin that exports `template` makes the request, or drops the delivery.
    Plugin {
        /// Which.
        plugin: PluginRef,
        /// Its configuration at this place of use.
        #[serde(default)]
        config: Value,
    },
}

/// How a CloudEvent travels (CloudEvents HTTP Protocol Binding 1.0.2 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CloudEventsMode {
    /// Attributes and data in the body, `application/cloudevents+json` (§3.2).
    Structured,
    /// Attributes in `ce-` headers, the body is the data (§3.1).
    Binary,
}

/// When deliveries are sent, and what happens when that fails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeliveryPolicy {
    /// The delay before each attempt, in seconds; as many attempts as there are delays. The first counts from the
    /// event, the others from the end of the attempt before.
    pub retry_delays_s: Vec<u32>,
    /// The share of a delay that chance adds or takes away: 0.2 makes 80 to 120 seconds of 100.
    pub jitter: f64,
    /// Each attempt, headers and body, may take this long, in seconds.
    pub timeout_s: u32,
    /// How many attempts run at the same time.
    pub concurrency: u32,
    /// How many attempts begin per second at most.
    pub rate_per_s: Option<f64>,
    /// After so many attempts that failed in a row the endpoint is paused; 0: never.
    pub pause_after: u32,
    /// Events of the same key are delivered one after the other, in order.
    pub ordered: Option<Ordered>,
}

impl Default for DeliveryPolicy {
    fn default() -> Self {
        Self {
            retry_delays_s: RETRY_DELAYS_S.to_vec(),
            jitter: 0.2,
            timeout_s: 15,
            concurrency: 4,
            rate_per_s: None,
            pause_after: 10,
            ordered: None,
        }
    }
}

/// The ordered mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ordered {
    /// What happens to the deliveries behind one that keeps failing.
    pub on_stuck: OnStuck,
}

/// What happens to the deliveries behind one that keeps failing: `"block"` or `{"skip_after": 3}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnStuck {
    /// They wait until it is delivered: it never fails, but goes on with the last delay of the list.
    Block,
    /// It fails after so many attempts, and they go on.
    SkipAfter(u32),
}

/// The secrets of an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EndpointSecrets {
    /// The keys that sign, the newest first.
    pub signing: Vec<SigningSecret>,
    /// The `wh_…` text in the envelope of format `lead`.
    pub envelope: Option<Sealed>,
    /// The values of headers with sensitive names, by the name in lower case; among the endpoint's headers they are
    /// masked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Sealed>,
}

/// A key that signs deliveries (Standard Webhooks).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SigningSecret {
    /// `whsec_…` or `whsk_…`, sealed.
    pub sealed: Sealed,
    /// The public key `whpk_…` of a `whsk_…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
    /// When it was made or given.
    pub created_at: Time,
    /// It signs until then, next to the one that replaced it; none for the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// Whether deliveries are sent. What is due while they are not is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum EndpointStatus {
    /// They are.
    Active,
    /// They are not, after too many failures or at a user's wish.
    Paused {
        /// Since when.
        since: Time,
        /// Why, for people.
        reason: String,
    },
    /// They are not, because the receiver answered 410 or a user said so.
    Disabled {
        /// Since when.
        since: Time,
        /// Why, for people.
        reason: String,
    },
}

impl EndpointStatus {
    /// Whether deliveries are sent.
    pub const fn is_active(&self) -> bool {
        matches!(self, Self::Active)
    }
}

/// How an endpoint fares; it changes with attempts, not with definitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EndpointHealth {
    /// How many attempts failed in a row.
    pub failures: u32,
    /// When failures paused or disabled it, if it has not answered since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Time>,
}

/// Why an attempt got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorClass {
    /// No connection could be made.
    Connect,
    /// The host name could not be resolved.
    Dns,
    /// The TLS handshake failed.
    Tls,
    /// The time was over.
    Timeout,
    /// The address is one that must not be called.
    RefusedAddress,
    /// The request or the answer exceeds its limit.
    TooLarge,
    /// The connection broke, or what came was no HTTP.
    Broken,
    /// No request could be made: the template failed, or gave what cannot be sent.
    Unsendable,
}

impl ErrorClass {
    /// The word for it in JSON and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::RefusedAddress => "refused-address",
            Self::TooLarge => "too-large",
            Self::Broken => "broken",
            Self::Unsendable => "unsendable",
        }
    }
}
