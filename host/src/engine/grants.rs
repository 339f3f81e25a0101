//! What admins grant to plugin versions, and how versions are shown with it.

use serde::{Deserialize, Serialize};
use url::Host;

use crate::event::Pattern;
use crate::model::{
    Capability, DefinitionPath, Export, Granted, Grants, HttpGrant, Kind, PluginRef, PluginVersion, RecordGrant, Saved,
    Slug,
};
use crate::store::{Expect, draft};

use super::{Engine, EngineError, FieldProblem, Result, definition_error};

/// Most entries of one kind: what a person can look through.
const ENTRIES_MAX: usize = 100;

/// What to grant to a plugin version: it replaces what was granted before.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GrantsDraft {
    /// As another version of the plugin has it; then nothing else is named. What this version does not import is left
    /// out.
    #[schema(value_type = Option<String>)]
    pub like: Option<semver::Version>,
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

/// What a plugin version may do, as it is shown.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
pub struct Access {
    /// The capabilities that it imports.
    capabilities: Vec<Capability>,
    /// What of them is granted; left out if it imports none.
    #[serde(skip_serializing_if = "Option::is_none")]
    granted: Option<Granted>,
    /// What its author should know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

impl Engine {
    /// What a plugin version imports, and what of that is granted.
    pub(super) async fn access(&self, space: &Slug, plugin: &PluginVersion) -> Result<Access> {
        let capabilities = capabilities_of(plugin);
        if capabilities.is_empty() {
            return Ok(Access::default());
        }
        let id = format!("{}@{}", plugin.name, plugin.version);
        let granted = self.definitions.shared::<Grants>(space, &id).await?;
        let granted = granted.map_or_else(Granted::default, |grants| grants.granted.clone());
        let note = (!plugin.exports.contains(&Export::Action)).then(|| {
            let names: Vec<_> = capabilities.iter().map(|capability| format!("`{}`", capability.interface())).collect();
            let names = names.join(", ");
            format!("it imports {names}, which only actions may use, but it is none: calling them ends its call")
        });
        Ok(Access { capabilities, granted: Some(granted), notes: note.into_iter().collect() })
    }

    /// What is granted to a plugin version; revision 0 if nothing ever was.
    pub async fn grants(&self, space: &Slug, name: &Slug, version: &semver::Version) -> Result<Saved<Granted>> {
        self.bare_version(space, name, version).await?;
        let saved = self.definitions.get::<Grants>(space, &format!("{name}@{version}")).await?;
        let nothing = Saved { revision: 0, value: Granted::default() };
        Ok(saved.map_or(nothing, |saved| Saved { revision: saved.revision, value: saved.value.granted }))
    }

    /// Grants capabilities to a plugin version, in place of what was granted before.
    pub async fn save_grants(
        &self,
        space: &Slug,
        name: &Slug,
        version: &semver::Version,
        given: GrantsDraft,
        (expect, author): (Expect, &str),
    ) -> Result<Saved<Granted>> {
        let plugin = self.bare_version(space, name, version).await?;
        if plugin.builtin {
            let detail = format!("{name} comes with the server: nothing can be granted to it");
            return Err(EngineError::Refused { code: "builtin-plugin", detail });
        }
        let granted = self.granted(space, &plugin, given).await?;
        let plugin = PluginRef { name: name.clone(), version: Some(version.clone()) };
        let (granted_by, granted_at) = (author.to_owned(), self.clock.now());
        let grants = Grants { plugin, granted, granted_by, granted_at };
        let id = grants.plugin.to_string();
        let mut draft = draft(space, &grants, expect)?;
        draft.uses = uses(space, &id, &grants.granted);
        let saved = self.definitions.commit(vec![draft]).await;
        let revision = saved.map_err(|error| definition_error(error, "grants of", &id))?;
        Ok(Saved { revision, value: grants.granted })
    }

    /// Takes back all that is granted to a plugin version.
    pub async fn delete_grants(
        &self,
        space: &Slug,
        name: &Slug,
        version: &semver::Version,
        expect: Expect,
    ) -> Result<()> {
        self.bare_version(space, name, version).await?;
        let id = format!("{name}@{version}");
        let deleted = self.definitions.delete::<Grants>(space, &id, expect).await;
        deleted.map(drop).map_err(|error| definition_error(error, "grants of", &id))
    }

    async fn granted(&self, space: &Slug, plugin: &PluginVersion, given: GrantsDraft) -> Result<Granted> {
        let imported = capabilities_of(plugin);
        let GrantsDraft { like, records, events, webhooks, state, secrets, http } = given;
        let named = Granted { records, events, webhooks, state, secrets, http };
        let Some(like) = like else { return checked(plugin, &imported, named) };
        if named != Granted::default() {
            return Err(EngineError::invalid("like", "either name another version, or what to grant"));
        }
        let other = self.grants(space, &plugin.name, &like).await.map_err(|error| match error {
            EngineError::NotFound { .. } => EngineError::invalid("like", error.to_string()),
            other => other,
        })?;
        Ok(other.value.only(&imported))
    }
}

/// The capabilities that a plugin version imports.
fn capabilities_of(plugin: &PluginVersion) -> Vec<Capability> {
    let mut all: Vec<_> = plugin.imports.iter().filter_map(|import| Capability::of_import(import)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What the grants refer to: none of it can be deleted meanwhile, and come back as something else.
fn uses(space: &Slug, id: &str, granted: &Granted) -> Vec<DefinitionPath> {
    let path = |kind, id: &str| DefinitionPath::new(space, kind, id);
    let mut uses = vec![path(Kind::Space, space.as_str()), path(Kind::Plugin, id)];
    uses.extend(granted.records.iter().map(|grant| path(Kind::Source, grant.source.as_str())));
    uses.extend(granted.webhooks.iter().map(|webhook| path(Kind::Webhook, webhook.as_str())));
    uses.extend(granted.secrets.iter().map(|secret| path(Kind::Secret, secret.as_str())));
    uses
}

/// What is named, if it can be granted; hosts as DNS has them.
fn checked(plugin: &PluginVersion, imported: &[Capability], mut named: Granted) -> Result<Granted> {
    let mut problems = Vec::new();
    for capability in named.capabilities().into_iter().filter(|capability| !imported.contains(capability)) {
        let (name, version, interface) = (&plugin.name, &plugin.version, capability.interface());
        let reason = format!("{name}@{version} does not import `{interface}`: there is nothing to grant");
        problems.push(FieldProblem::new(capability.word(), reason));
    }
    let counts = [
        ("records", named.records.len()),
        ("events", named.events.len()),
        ("webhooks", named.webhooks.len()),
        ("secrets", named.secrets.len()),
        ("http", named.http.len()),
    ];
    let too_many = counts.into_iter().filter(|(_, count)| *count > ENTRIES_MAX);
    problems.extend(too_many.map(|(field, _)| FieldProblem::new(field, format!("name up to {ENTRIES_MAX}"))));
    for (number, pattern) in named.events.iter().enumerate() {
        if let Err(error) = pattern.parse::<Pattern>() {
            problems.push(FieldProblem::new(format!("events.{number}"), error.to_string()));
        }
    }
    for (number, grant) in named.http.iter_mut().enumerate() {
        let wrong = check_http(grant).into_iter();
        problems.extend(wrong.map(|(field, reason)| FieldProblem::new(format!("http.{number}.{field}"), reason)));
    }
    if problems.is_empty() { Ok(named) } else { Err(EngineError::Invalid { problems }) }
}

/// What is wrong with requests to be granted, by field.
fn check_http(grant: &mut HttpGrant) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    match host(&grant.host) {
        Ok(host) => grant.host = host,
        Err(reason) => wrong.push(("host", reason)),
    }
    if grant.methods.is_empty() {
        wrong.push(("methods", "name the methods, such as [\"GET\"]".to_owned()));
    }
    if grant.port == Some(0) {
        wrong.push(("port", "name a port from 1 to 65535".to_owned()));
    }
    wrong
}

/// A host name as DNS has it, maybe with `*.` in front.
fn host(text: &str) -> std::result::Result<String, String> {
    let (star, name) = text.strip_prefix("*.").map_or(("", text), |name| ("*.", name));
    let name = name.strip_suffix('.').unwrap_or(name);
    match Host::parse(name) {
        Ok(Host::Domain(host)) if !host.contains('*') => {
            if !star.is_empty() && !host.contains('.') {
                return Err(format!("{text:?} would be a whole top-level domain: name more of it"));
            }
            Ok(format!("{star}{host}"))
        }
        Ok(Host::Ipv4(_) | Host::Ipv6(_)) => Err(format!("{text:?} is an address: hosts are granted by name")),
        _ => Err(format!("{text:?} is no host name: write one like api.example.org, or *.example.org")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_granted_by_its_name_only() {
        for (text, expected) in [
            ("api.example.org", "api.example.org"),
            ("API.Example.org.", "api.example.org"),
            ("*.example.org", "*.example.org"),
            ("b\u{fc}cher.example", "xn--bcher-kva.example"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(host(text).as_deref(), Ok(expected), "{text}");
        }
        for bad in [
            "",
            "*",
            "*.",
            "*.org",
            "a.*.org",
            "https://a.example",
            "a.example:80",
            "a.example/x",
            "127.0.0.1",
            "2130706433",
            "0x7f.1",
            "[::1]",
            "::1",
            "a b",
            "*.10.0.0.1",
        ] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }
}
