//! The gate: whether a use is granted, and if not, what an admin would have to grant.

use serde_json::{Value, json};

use crate::event::Pattern;
use crate::model::{Capability, HttpGrant, Method, Scheme};
use crate::plugin::Trouble;

use super::Capabilities;

type Allowed = Result<(), Trouble>;

impl Capabilities {
    /// Whether the records of a source may be read, or written.
    pub(super) fn allow_records(&self, source: &str, write: bool) -> Allowed {
        let granted = self.granted().records.iter().find(|grant| grant.source.as_str() == source);
        match granted {
            Some(grant) if grant.write || !write => Ok(()),
            _ => {
                let what = format!("{} records of source {source:?}", if write { "writing" } else { "reading" });
                let grant =
                    if write { json!({ "source": source, "write": true }) } else { json!({ "source": source }) };
                Err(self.denied(&what, Capability::Records, json!([grant])))
            }
        }
    }

    /// Whether events of a type may be published.
    pub(super) fn allow_event(&self, event_type: &str) -> Allowed {
        let mut patterns = self.granted().events.iter().filter_map(|text| text.parse::<Pattern>().ok());
        if patterns.any(|pattern| pattern.matches(event_type)) {
            return Ok(());
        }
        Err(self.denied(&format!("publishing {event_type:?}"), Capability::Events, json!([event_type])))
    }

    /// Whether a webhook may be called.
    pub(super) fn allow_webhook(&self, webhook: &str) -> Allowed {
        if self.granted().webhooks.iter().any(|granted| granted.as_str() == webhook) {
            return Ok(());
        }
        Err(self.denied(&format!("calling webhook {webhook:?}"), Capability::Webhooks, json!([webhook])))
    }

    /// Whether values may be kept.
    pub(super) fn allow_state(&self) -> Allowed {
        if self.granted().state {
            return Ok(());
        }
        Err(self.denied("keeping state", Capability::State, json!(true)))
    }

    /// Whether a secret may be read.
    pub(super) fn allow_secret(&self, name: &str) -> Allowed {
        if self.granted().secrets.iter().any(|granted| granted.as_str() == name) {
            return Ok(());
        }
        Err(self.denied(&format!("reading secret {name:?}"), Capability::Secrets, json!([name])))
    }

    /// Whether a request may be sent.
    pub(super) fn allow_http(&self, method: Method, scheme: Scheme, host: &str, port: u16) -> Allowed {
        if self.granted().http.iter().any(|grant| grant.holds_for(method, scheme, host, port)) {
            return Ok(());
        }
        let named = (port != scheme.port()).then_some(port);
        let grant = HttpGrant { host: host.to_owned(), methods: vec![method], scheme, port: named };
        let what = format!("{method} to {}://{host}:{port}", scheme.word());
        Err(self.denied(&what, Capability::Http, json!([grant])))
    }

    fn denied(&self, what: &str, capability: Capability, grant: Value) -> Trouble {
        let grant = json!({ capability.word(): grant });
        Trouble::Denied(format!("{what} is not granted to {}: an admin could grant {grant}", self.about.plugin))
    }
}
