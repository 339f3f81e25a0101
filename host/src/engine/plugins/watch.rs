//! What the calls of a plugin version teach: one that keeps crashing is quarantined, and the version before it is
//! called again, if its plugin is set so; one that works again is released. Each of that is told by an event.

use semver::Version;
use serde_json::json;

use crate::model::{Event, PluginRef, Quarantine, Slug, UniqueId};
use crate::plugin::{Loaded, PluginError, Sign};
use crate::store::Expect;

use super::super::{Engine, EngineError, Result};

/// How often a quarantine is computed anew when others change the same plugin at the same time.
const CHANGE_TRIES_MAX: usize = 16;

impl Engine {
    /// Learns from a call of a plugin. Trouble of ours on the way is logged: the call itself is over.
    pub(in super::super) fn learn<'a, T>(
        &'a self,
        space: &'a Slug,
        plugin: &'a Loaded,
        result: &Result<T, PluginError>,
    ) -> impl Future<Output = ()> + Send + use<'a, T> {
        let sign = plugin.sign(result);
        let reason = result.as_ref().err().filter(|_| sign != Sign::Nothing).map(ToString::to_string);
        async move {
            let learnt = match sign {
                Sign::Nothing => return,
                Sign::Sick(faults) => self.quarantine(space, plugin, faults, reason.unwrap_or_default()).await,
                Sign::Well => self.recover(space, plugin).await,
            };
            if let Err(error) = learnt {
                let plugin = plugin.name();
                tracing::error!(plugin, error = &error as &dyn std::error::Error, "a plugin's health was not kept");
            }
        }
    }

    /// Puts a version into quarantine, once.
    async fn quarantine(&self, space: &Slug, plugin: &Loaded, faults: u32, reason: String) -> Result<()> {
        let Some((name, version)) = parts(plugin) else { return Ok(()) };
        for _ in 0..CHANGE_TRIES_MAX {
            let Some(former) = self.find_line(space, &name).await? else { return Ok(()) };
            if former.value.quarantined.contains_key(&version) || !former.value.versions.contains(&version) {
                return Ok(());
            }
            let fits = match &former.value.previous {
                Some(previous) if former.value.fall_back => {
                    let previous = self.bare_version(space, &name, previous).await?;
                    self.unfit_for(space, &previous).await?.is_empty()
                }
                _ => false,
            };
            let now = self.clock.now();
            let mut next = former.value.clone();
            let why = Quarantine { since: now, faults, reason: reason.clone() };
            let fell_back_to = next.quarantine(&version, why, fits);
            next.updated_at = now;
            let canary_ended = former.value.canary.is_some() && next.canary.is_none();
            match self.commit_line(space, next, Expect::At(former.revision)).await {
                Err(EngineError::Changed { .. }) => continue,
                committed => drop(committed?),
            }
            tracing::warn!(
                space = space.as_str(),
                plugin = plugin.name(),
                faults,
                reason,
                fell_back_to = fell_back_to.as_ref().map(ToString::to_string),
                "a plugin version is quarantined"
            );
            let data = json!({
                "plugin": { "name": name, "version": version },
                "faults": faults,
                "reason": reason,
                "fell_back_to": fell_back_to,
                "canary_ended": canary_ended,
            });
            return self.tell(space, &name, "plugin.quarantined", data).await;
        }
        Err(EngineError::Changed { what: format!("plugin {:?}", name.as_str()) })
    }

    /// Takes a version that works again out of quarantine, once.
    async fn recover(&self, space: &Slug, plugin: &Loaded) -> Result<()> {
        let Some((name, version)) = parts(plugin) else { return Ok(()) };
        let mut was_ill = None;
        self.change_line(space, &name, Expect::Any, |line| {
            was_ill = line.quarantined.remove(&version);
            Ok(())
        })
        .await?;
        match was_ill {
            Some(was_ill) => self.tell_recovered(space, (&name, &version), &was_ill, None).await,
            None => Ok(()),
        }
    }

    /// Tells that a version is out of quarantine: because `by` said so, or because it works again.
    pub(super) async fn tell_recovered(
        &self,
        space: &Slug,
        (name, version): (&Slug, &Version),
        was_ill: &Quarantine,
        by: Option<&str>,
    ) -> Result<()> {
        let data = json!({
            "plugin": { "name": name, "version": version },
            "quarantined_at": was_ill.since,
            "released_by": by,
        });
        self.tell(space, name, "plugin.recovered", data).await
    }

    async fn tell(&self, space: &Slug, name: &Slug, kind: &str, data: serde_json::Value) -> Result<()> {
        let event = Event {
            id: UniqueId::generate(),
            external_id: None,
            space: space.clone(),
            kind: kind.to_owned(),
            time: self.clock.now(),
            source: "urn:tenterhook:plugins".to_owned(),
            subject: Some(name.to_string()),
            key: None,
            data,
            run: None,
        };
        let publication = self.publication(event).await?;
        self.commit_publications(vec![publication]).await.map(drop)
    }
}

/// Name and version of a loaded plugin.
fn parts(plugin: &Loaded) -> Option<(Slug, Version)> {
    let PluginRef { name, version } = plugin.name().parse().ok()?;
    Some((name, version?))
}
