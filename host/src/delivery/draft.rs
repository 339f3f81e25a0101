//! Endpoints as users give them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::check::Problems;
use crate::model::{
    DeliveryPolicy, Endpoint, EndpointFormat, EndpointSecrets, EndpointStatus, FieldProblem, HeaderField, HeadersDraft,
    MASK, Method, Ordered, Redacted, Slug, Time, is_sensitive,
};
use crate::signature::{Scheme, SigningKey};

/// Longest description, in characters.
const DESCRIPTION_CHARS_MAX: usize = 4_000;

/// The body of `PUT …/endpoints/{id}`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointDraft {
    /// What it is for, for people.
    #[serde(default)]
    pub description: String,
    /// Where events are sent.
    pub url: String,
    /// The event types it takes: `lead.create`, `lead.*`, or `*` for all but those about deliveries themselves.
    #[schema(example = json!(["lead.*", "meeting.booked"]))]
    pub event_types: Vec<String>,
    /// A jq condition on `{id, type, timestamp, source, subject, data}`; events for which it is false or null are not
    /// sent.
    #[serde(default)]
    #[schema(example = ".data.amount > 100")]
    pub filter: Option<String>,
    /// The HTTP method; POST if absent. GET and DELETE carry the event as query parameters.
    #[serde(default = "post")]
    #[schema(default = "POST")]
    pub method: Method,
    /// Further headers. Answers show `***` for the values of those whose names say that they are secret; where that is
    /// given for a value, the header keeps the one it has.
    #[serde(default)]
    pub headers: HeadersDraft,
    /// What a request looks like; `{"type": "event"}` if absent.
    #[serde(default = "event")]
    pub format: EndpointFormat,
    /// When and how often; what is absent has its default.
    #[serde(default)]
    pub policy: PolicyDraft,
    /// The signing key: `whsec_` and base64 of 24 to 64 bytes, or `whsk_` and base64 of an ed25519 seed and public key.
    /// If absent, the endpoint keeps those it has, or gets a new one. Another one replaces all former ones at once; to
    /// let them overlap, rotate.
    #[serde(default, deserialize_with = "redacted")]
    #[schema(value_type = Option<String>, write_only)]
    pub secret: Option<Redacted>,
    /// How a generated key signs: `v1` if absent. To change how an endpoint signs, rotate.
    #[serde(default)]
    pub scheme: Option<Scheme>,
    /// The secret in the envelope of format `lead`: `wh_` and 16 to 128 hexadecimal digits. If absent, the endpoint
    /// keeps the one it has, or gets a new one.
    #[serde(default, deserialize_with = "redacted")]
    #[schema(value_type = Option<String>, write_only)]
    pub envelope_secret: Option<Redacted>,
}

fn post() -> Method {
    Method::Post
}

fn event() -> EndpointFormat {
    EndpointFormat::Event {}
}

pub(super) fn redacted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Redacted>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Redacted::new))
}

/// When and how often; what is absent has its default.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyDraft {
    /// The delay before each attempt, in seconds: 1 to 50 of them, each at most a week.
    #[serde(default)]
    #[schema(default = json!([0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]))]
    pub retry_delays_s: Option<Vec<u32>>,
    /// The share of a delay that chance adds or takes away.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 0.5, default = 0.2)]
    pub jitter: Option<f64>,
    /// Each attempt, headers and body, may take this long, in seconds.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 60, default = 15)]
    pub timeout_s: Option<u32>,
    /// How many attempts run at the same time.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 64, default = 4)]
    pub concurrency: Option<u32>,
    /// How many attempts begin per second at most; unlimited if absent.
    #[serde(default)]
    #[schema(minimum = 0.001, maximum = 10000)]
    pub rate_per_s: Option<f64>,
    /// After so many attempts that failed in a row the endpoint is paused; 0: never.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 10000, default = 10)]
    pub pause_after: Option<u32>,
    /// Events of the same key are delivered one after the other, in order; not if absent.
    #[serde(default)]
    pub ordered: Option<Ordered>,
}

impl PolicyDraft {
    fn complete(self) -> DeliveryPolicy {
        let default = DeliveryPolicy::default();
        DeliveryPolicy {
            retry_delays_s: self.retry_delays_s.unwrap_or(default.retry_delays_s),
            jitter: self.jitter.unwrap_or(default.jitter),
            timeout_s: self.timeout_s.unwrap_or(default.timeout_s),
            concurrency: self.concurrency.unwrap_or(default.concurrency),
            rate_per_s: self.rate_per_s,
            pause_after: self.pause_after.unwrap_or(default.pause_after),
            ordered: self.ordered,
        }
    }
}

/// An endpoint that was checked, as far as that needs neither plugin nor sandbox. Only [`EndpointDraft::check`] makes
/// one.
#[derive(Clone, Debug)]
pub struct CheckedEndpoint {
    description: String,
    url: String,
    event_types: Vec<String>,
    filter: Option<String>,
    method: Method,
    headers: HeadersDraft,
    format: EndpointFormat,
    policy: DeliveryPolicy,
    key: Option<SigningKey>,
    scheme: Option<Scheme>,
    envelope_secret: Option<Redacted>,
}

impl CheckedEndpoint {
    /// What a request looks like: a plugin it names must exist.
    pub const fn format(&self) -> &EndpointFormat {
        &self.format
    }

    /// The filter: one that is too long or too deep to be parsed natively is not checked yet.
    pub fn filter(&self) -> Option<&str> {
        self.filter.as_deref()
    }

    /// The signing key that was given.
    pub const fn given_key(&self) -> Option<&SigningKey> {
        self.key.as_ref()
    }

    /// How a generated key is to sign, if that was said.
    pub const fn scheme(&self) -> Option<Scheme> {
        self.scheme
    }

    /// The envelope secret that was given.
    pub const fn given_envelope_secret(&self) -> Option<&Redacted> {
        self.envelope_secret.as_ref()
    }

    /// Format `lead` needs an envelope secret.
    pub const fn needs_envelope_secret(&self) -> bool {
        matches!(self.format, EndpointFormat::Lead {})
    }

    /// The secret values of headers that were given, by the name in lower case: a new one, or none for the one that
    /// `existing` has: answers mask them, and what they show can be saved again.
    ///
    /// # Errors
    /// The headers for which there is no such value.
    pub fn secret_headers(
        &self,
        existing: Option<&Endpoint>,
    ) -> Result<BTreeMap<String, Option<Redacted>>, Vec<FieldProblem>> {
        let (mut problems, mut secrets) = (Problems::default(), BTreeMap::new());
        for field in self.headers.0.iter().filter(|field| is_sensitive(&field.name)) {
            let name = field.name.to_ascii_lowercase();
            let is_given = field.value != MASK;
            if !is_given && existing.is_none_or(|endpoint| !endpoint.secrets.headers.contains_key(&name)) {
                problems.add(
                    format!("headers.{}", field.name),
                    format!("{MASK} stands for the value that the endpoint has, and it has none: give the value"),
                );
            }
            secrets.insert(name, is_given.then(|| Redacted::new(field.value.clone())));
        }
        problems.into_result(secrets)
    }

    /// The whole definition, saved `now` by `author`, with its sealed `secrets`. One that exists keeps its status, who
    /// made it, and when.
    pub fn into_endpoint(
        self,
        id: Slug,
        existing: Option<&Endpoint>,
        secrets: EndpointSecrets,
        author: &str,
        now: Time,
    ) -> Endpoint {
        Endpoint {
            id,
            description: self.description,
            url: self.url,
            event_types: self.event_types,
            filter: self.filter,
            method: self.method,
            headers: self.headers.0.into_iter().map(HeaderField::masked).collect(),
            format: self.format,
            policy: self.policy,
            secrets,
            status: existing.map_or(EndpointStatus::Active, |endpoint| endpoint.status.clone()),
            created_by: existing.map_or_else(|| author.to_owned(), |endpoint| endpoint.created_by.clone()),
            created_at: existing.map_or(now, |endpoint| endpoint.created_at),
            updated_at: now,
        }
    }
}

impl EndpointDraft {
    /// Checks everything that can be checked without plugin and sandbox.
    ///
    /// # Errors
    /// All problems at once, each with the path of its member.
    pub fn check(self) -> Result<CheckedEndpoint, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        if self.description.chars().count() > DESCRIPTION_CHARS_MAX {
            problems.add("description", format!("use at most {DESCRIPTION_CHARS_MAX} characters"));
        }
        let policy = self.policy.complete();
        problems.check_url(&self.url);
        problems.check_event_types(&self.event_types);
        problems.check_filter(self.filter.as_deref());
        problems.check_headers(&self.headers.0, &self.format);
        problems.check_format(&self.format, self.method);
        problems.check_policy(&policy);
        let key = problems.check_secret(self.secret.as_ref(), self.scheme);
        problems.check_envelope_secret(self.envelope_secret.as_ref(), &self.format);
        problems.into_result(CheckedEndpoint {
            description: self.description,
            url: self.url,
            event_types: self.event_types,
            filter: self.filter,
            method: self.method,
            headers: self.headers,
            format: self.format,
            policy,
            key,
            scheme: self.scheme,
            envelope_secret: self.envelope_secret,
        })
    }
}
