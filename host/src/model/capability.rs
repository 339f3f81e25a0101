//! What actions may use of the server: the capabilities, what is granted of them, and what was done with them.

use serde::{Deserialize, Serialize};

use super::{Definition, Exchange, Kind, Method, PluginRef, Slug, Time};

/// Something of the server that an action may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Capability {
    /// `records`: reads and writes records.
    Records,
    /// `events`: publishes events.
    Events,
    /// `webhooks`: calls webhooks.
    Webhooks,
    /// `state`: keeps values of its own.
    State,
    /// `secrets`: reads secrets.
    Secrets,
    /// `wasi:http/outgoing-handler`: sends HTTP requests.
    Http,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Records, Self::Events, Self::Webhooks, Self::State, Self::Secrets, Self::Http];

    /// Its name in grants and history.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Events => "events",
            Self::Webhooks => "webhooks",
            Self::State => "state",
            Self::Secrets => "secrets",
            Self::Http => "http",
        }
    }

    /// The interface that a component imports for it, without version.
    pub const fn interface(self) -> &'static str {
        match self {
            Self::Records => "tenterhook:plugin/records",
            Self::Events => "tenterhook:plugin/events",
            Self::Webhooks => "tenterhook:plugin/webhooks",
            Self::State => "tenterhook:plugin/state",
            Self::Secrets => "tenterhook:plugin/secrets",
            Self::Http => "wasi:http/outgoing-handler",
        }
    }

    /// The one that an import, with its version, is.
    pub fn of_import(import: &str) -> Option<Self> {
        let path = import.split_once('@').map_or(import, |(path, _)| path);
        Self::ALL.into_iter().find(|capability| capability.interface() == path)
    }
}

/// A source whose records an action may read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordGrant {
    /// The source.
    pub source: Slug,
    /// Whether it may write them too.
    #[serde(default)]
    pub write: bool,
}

/// How a host is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// With TLS.
    #[default]
    Https,
    /// In clear.
    Http,
}

impl Scheme {
    /// As it stands in a URL.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    /// The port unless one is named.
    pub const fn port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

/// Requests that an action may send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpGrant {
    /// A host name, such as `api.example.org`; or `*.example.org`, every name below that one. No address.
    pub host: String,
    /// The methods.
    pub methods: Vec<Method>,
    /// `https` unless it says `http`.
    #[serde(default)]
    pub scheme: Scheme,
    /// The port; 443 or 80, by the scheme, unless it is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

impl HttpGrant {
    /// Whether it holds for a request. `host`: in lower case, as DNS has it, without a dot at the end.
    pub fn holds_for(&self, method: Method, scheme: Scheme, host: &str, port: u16) -> bool {
        let named = match self.host.strip_prefix("*.") {
            Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            None => self.host == host,
        };
        named && self.scheme == scheme && self.port.unwrap_or(scheme.port()) == port && self.methods.contains(&method)
    }
}

/// What an action may use, capability by capability; nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct Granted {
    /// Sources whose records it may read or write.
    pub records: Vec<RecordGrant>,
    /// Types of events that it may publish: `order.shipped`, or `order.*` for all below `order`.
    pub events: Vec<String>,
    /// Webhooks that it may call.
    pub webhooks: Vec<Slug>,
    /// Whether it may keep values of its own.
    pub state: bool,
    /// Secrets that it may read.
    pub secrets: Vec<Slug>,
    /// Requests that it may send.
    pub http: Vec<HttpGrant>,
}

impl Granted {
    /// The capabilities of which something is granted.
    pub fn capabilities(&self) -> Vec<Capability> {
        let some = [
            (Capability::Records, !self.records.is_empty()),
            (Capability::Events, !self.events.is_empty()),
            (Capability::Webhooks, !self.webhooks.is_empty()),
            (Capability::State, self.state),
            (Capability::Secrets, !self.secrets.is_empty()),
            (Capability::Http, !self.http.is_empty()),
        ];
        some.into_iter().filter_map(|(capability, is_some)| is_some.then_some(capability)).collect()
    }

    /// Only what is granted of these capabilities.
    pub fn only(mut self, capabilities: &[Capability]) -> Self {
        for other in Capability::ALL.iter().filter(|one| !capabilities.contains(one)) {
            match other {
                Capability::Records => self.records.clear(),
                Capability::Events => self.events.clear(),
                Capability::Webhooks => self.webhooks.clear(),
                Capability::State => self.state = false,
                Capability::Secrets => self.secrets.clear(),
                Capability::Http => self.http.clear(),
            }
        }
        self
    }
}

/// What an admin granted to a plugin version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Grants {
    /// The plugin version.
    pub plugin: PluginRef,
    /// What it may use.
    #[serde(flatten)]
    pub granted: Granted,
    /// Who granted it: the name of the API key.
    pub granted_by: String,
    /// When.
    pub granted_at: Time,
}

impl Definition for Grants {
    const KIND: Kind = Kind::Grants;
    fn id(&self) -> String {
        self.plugin.to_string()
    }
}

/// What became of a use of a capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeedOutcome {
    /// It was done; a write is durable with the task.
    Done,
    /// It was not granted.
    Denied,
    /// What was asked for is not there.
    Missing,
    /// The arguments were not right.
    Invalid,
    /// The call had used up what it may.
    Exhausted,
    /// It could not be done then.
    Unavailable,
    /// It was tried, and failed.
    Failed,
    /// The call was stopped before it was done.
    Unfinished,
    /// A write that was not kept, as the action failed or its result could not be kept.
    Dropped,
    /// The action was called again, as others had changed what it wrote.
    Repeated,
    /// It would have been done: this is a dry run.
    Pretended,
}

/// One use of a capability by an action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Deed {
    /// The capability.
    pub capability: Capability,
    /// The function: `get`, `upsert`, `emit`, …
    pub call: String,
    /// What it was about: a record as `source/key`, an event type, a URL, …; secrets masked.
    pub target: String,
    /// What became of it.
    pub outcome: DeedOutcome,
    /// What was written, or would have been, or why it was not done; secrets masked, cut to 500 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The request and the response, of `http` and `webhooks`; secrets masked, bodies cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Exchange>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(host: &str) -> HttpGrant {
        HttpGrant { host: host.to_owned(), methods: vec![Method::Get], scheme: Scheme::Https, port: None }
    }

    #[test]
    fn a_name_is_granted_alone_and_a_star_stands_for_names_below() {
        let holds = |grant: &HttpGrant, host: &str| grant.holds_for(Method::Get, Scheme::Https, host, 443);
        let one = grant("api.example.org");
        assert!(holds(&one, "api.example.org"));
        for other in ["example.org", "xapi.example.org", "x.api.example.org", "api.example.org.evil.org", ""] {
            assert!(!holds(&one, other), "{other}");
        }
        let below = grant("*.example.org");
        for host in ["a.example.org", "a.b.example.org"] {
            assert!(holds(&below, host), "{host}");
        }
        for other in ["example.org", ".example.org", "evilexample.org", "a.example.org.evil.org"] {
            assert!(!holds(&below, other), "{other}");
        }
    }

    #[test]
    fn method_scheme_and_port_are_granted_too() {
        let plain = grant("a.example");
        assert!(!plain.holds_for(Method::Post, Scheme::Https, "a.example", 443));
        assert!(!plain.holds_for(Method::Get, Scheme::Http, "a.example", 80));
        assert!(!plain.holds_for(Method::Get, Scheme::Https, "a.example", 8443));
        let other = HttpGrant { scheme: Scheme::Http, port: Some(8080), ..grant("a.example") };
        assert!(other.holds_for(Method::Get, Scheme::Http, "a.example", 8080));
        assert!(!other.holds_for(Method::Get, Scheme::Http, "a.example", 80));
        assert!(!other.holds_for(Method::Get, Scheme::Https, "a.example", 8080));
    }

    #[test]
    fn an_import_is_known_by_its_interface_whatever_its_version() {
        let of = Capability::of_import;
        assert_eq!(of("tenterhook:plugin/state@0.1.0"), Some(Capability::State));
        assert_eq!(of("wasi:http/outgoing-handler@0.2.9"), Some(Capability::Http));
        assert_eq!(of("wasi:http/types@0.2.9"), None);
        assert_eq!(of("other:plugin/state@0.1.0"), None);
    }

    #[test]
    fn what_is_stored_of_grants_reads_back() {
        let grants = Grants {
            plugin: "score@1.0.0".parse().expect("a version"),
            granted: Granted { state: true, http: vec![grant("a.example")], ..Granted::default() },
            granted_by: "admin".to_owned(),
            granted_at: Time::default(),
        };
        let json = serde_json::to_value(&grants).expect("serialises");
        assert_eq!(json["state"], true);
        assert_eq!(serde_json::from_value::<Grants>(json).expect("reads"), grants);
        assert_eq!(grants.granted.capabilities(), [Capability::State, Capability::Http]);
        assert_eq!(grants.granted.only(&[Capability::State]).capabilities(), [Capability::State]);
    }
}
