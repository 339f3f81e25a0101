//! What users do to a plugin as a whole: look at it, set it, move its pointer, try a version on a share of its calls.

use semver::Version;
use serde::Deserialize;

use crate::model::{Canary, DefinitionPath, Kind, Plugin, PluginVersion, Saved, Slug};
use crate::store::{Draft, Expect, draft};

use super::super::{Engine, EngineError, Result, definition_error};
use super::{PluginOverview, PluginVersionView};

/// How often a change is computed anew when others change the same plugin at the same time.
const CHANGE_TRIES_MAX: usize = 16;
/// Most faults in a row that a version can be allowed.
const FAULTS_MAX: u32 = 1_000;

/// The settings of a plugin. What is left out is as it is at first.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginSettings {
    /// If the live version is quarantined, the previous one is called again, by itself.
    #[serde(default)]
    pub fall_back: bool,
    /// Crashes and timeouts in a row after which a version is quarantined, from 1 to 1000; the server's number (20) if
    /// null.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1000)]
    pub faults_max: Option<u32>,
}

impl Engine {
    /// A plugin with its versions and what happened to their calls.
    pub async fn plugin(&self, space: &Slug, name: &Slug) -> Result<PluginOverview> {
        self.space(space).await?;
        if let Some(builtin) = self.plugins.builtins().iter().find(|builtin| builtin.name == *name) {
            return Ok(self.view_builtin(builtin.clone()));
        }
        let saved = self.line(space, name).await?;
        self.view_line(space, saved).await
    }

    fn view_builtin(&self, version: PluginVersion) -> PluginOverview {
        let (author, at) = (version.created_by.clone(), version.created_at);
        let plugin = Plugin::new(version.name.clone(), version.version.clone(), &author, at);
        let counts = self.plugins.counts_of("", &version.to_string());
        let versions = vec![(PluginVersionView::of(version, None), counts)];
        PluginOverview { plugin, revision: None, versions, used_by: Vec::new() }
    }

    async fn view_line(&self, space: &Slug, saved: Saved<Plugin>) -> Result<PluginOverview> {
        let Saved { revision, value: plugin } = saved;
        let mut versions = Vec::with_capacity(plugin.versions.len());
        for version in plugin.versions.iter().rev() {
            let id = format!("{}@{version}", plugin.name);
            if let Some(found) = self.definitions.get::<PluginVersion>(space, &id).await? {
                let counts = self.plugins.counts_of(space.as_str(), &id);
                versions.push((self.view_of(space, found.value, &plugin).await?, counts));
            }
        }
        let used_by = self.store.users(&DefinitionPath::new(space, Kind::PluginLine, plugin.name.as_str())).await?;
        Ok(PluginOverview { plugin, revision: Some(revision), versions, used_by })
    }

    /// Sets a plugin.
    pub async fn save_plugin(
        &self,
        space: &Slug,
        name: &Slug,
        given: PluginSettings,
        expect: Expect,
    ) -> Result<PluginOverview> {
        if given.faults_max.is_some_and(|max| !(1..=FAULTS_MAX).contains(&max)) {
            return Err(EngineError::invalid("faults_max", format!("use 1 to {FAULTS_MAX}, or null")));
        }
        let saved = self.change_line(space, name, expect, |plugin| {
            (plugin.fall_back, plugin.faults_max) = (given.fall_back, given.faults_max);
            Ok(())
        });
        self.view_line(space, saved.await?).await
    }

    /// Makes a version live, if it does what its followers need. One in quarantine is released.
    pub async fn promote_plugin(
        &self,
        space: &Slug,
        name: &Slug,
        version: &Version,
        (expect, author): (Expect, &str),
    ) -> Result<PluginOverview> {
        let found = self.own_version(space, name, version).await?;
        self.refuse_unfit(space, &found).await?;
        let promote = |plugin: &mut Plugin| {
            plugin.promote(version.clone());
            Ok(())
        };
        self.move_pointer(space, &found, (expect, author), promote).await
    }

    /// Puts the previous version back, if it does what its followers need; the live one is the previous one then.
    pub async fn roll_back_plugin(
        &self,
        space: &Slug,
        name: &Slug,
        (expect, author): (Expect, &str),
    ) -> Result<PluginOverview> {
        self.refuse_builtin(name)?;
        let previous = self.line(space, name).await?.value.previous;
        let detail = || format!("no version of {name} was live before the present one: promote one by its version");
        let previous =
            previous.ok_or_else(|| EngineError::Refused { code: "no-previous-version", detail: detail() })?;
        let found = self.own_version(space, name, &previous).await?;
        self.refuse_unfit(space, &found).await?;
        let roll_back = |plugin: &mut Plugin| {
            let is_same = plugin.previous.as_ref() == Some(&previous) && plugin.roll_back();
            if is_same { Ok(()) } else { Err(changed(name)) }
        };
        self.move_pointer(space, &found, (expect, author), roll_back).await
    }

    /// Gives a version a share of the calls of those that follow the plugin.
    pub async fn set_canary(
        &self,
        space: &Slug,
        name: &Slug,
        canary: Canary,
        (expect, author): (Expect, &str),
    ) -> Result<PluginOverview> {
        if !(1..=100).contains(&canary.percent) {
            return Err(EngineError::invalid("percent", "use 1 to 100"));
        }
        let found = self.own_version(space, name, &canary.version).await?;
        self.refuse_unfit(space, &found).await?;
        let set = |plugin: &mut Plugin| {
            if plugin.live == canary.version {
                let reason = format!("{name}@{} is live: it gets all calls already", canary.version);
                return Err(EngineError::invalid("version", reason));
            }
            plugin.quarantined.remove(&canary.version);
            plugin.canary = Some(canary.clone());
            Ok(())
        };
        self.move_pointer(space, &found, (expect, author), set).await
    }

    /// Ends the canary, if there is one: all calls go to the live version.
    pub async fn end_canary(&self, space: &Slug, name: &Slug, expect: Expect) -> Result<PluginOverview> {
        let saved = self.change_line(space, name, expect, |plugin| {
            plugin.canary = None;
            Ok(())
        });
        self.view_line(space, saved.await?).await
    }

    /// Releases a version from quarantine: it is called again at once.
    pub async fn release_plugin(
        &self,
        space: &Slug,
        name: &Slug,
        version: &Version,
        (expect, author): (Expect, &str),
    ) -> Result<PluginOverview> {
        let found = self.own_version(space, name, version).await?;
        let release = |plugin: &mut Plugin| {
            plugin.quarantined.remove(version);
            Ok(())
        };
        let released = self.move_pointer(space, &found, (expect, author), release).await?;
        // Also where it rests for one of its uses only.
        self.plugins.release(space.as_str(), &found.to_string(), found.digest);
        Ok(released)
    }

    /// Changes what `version` is to its plugin; where that takes it out of quarantine, its faults are forgiven and the
    /// event tells.
    async fn move_pointer(
        &self,
        space: &Slug,
        version: &PluginVersion,
        (expect, author): (Expect, &str),
        mut change: impl FnMut(&mut Plugin) -> Result<()> + Send,
    ) -> Result<PluginOverview> {
        let mut was_ill = None;
        let saved = self.change_line(space, &version.name, expect, |plugin| {
            was_ill = plugin.quarantined.get(&version.version).cloned();
            change(plugin)?;
            was_ill = was_ill.take().filter(|_| !plugin.quarantined.contains_key(&version.version));
            Ok(())
        });
        let saved = saved.await?;
        if let Some(was_ill) = was_ill {
            self.plugins.release(space.as_str(), &version.to_string(), version.digest);
            self.tell_recovered(space, (&version.name, &version.version), &was_ill, Some(author)).await?;
        }
        self.view_line(space, saved).await
    }

    /// A version of a user's plugin.
    async fn own_version(&self, space: &Slug, name: &Slug, version: &Version) -> Result<PluginVersion> {
        self.refuse_builtin(name)?;
        self.line(space, name).await?;
        self.bare_version(space, name, version).await
    }

    /// Changes a plugin, anew where others change it at the same time. A `change` that changes nothing saves nothing.
    pub(super) async fn change_line(
        &self,
        space: &Slug,
        name: &Slug,
        expect: Expect,
        mut change: impl FnMut(&mut Plugin) -> Result<()> + Send,
    ) -> Result<Saved<Plugin>> {
        self.refuse_builtin(name)?;
        for _ in 0..CHANGE_TRIES_MAX {
            let former = self.line(space, name).await?;
            if expect != Expect::Any && expect != Expect::At(former.revision) {
                return Err(changed(name));
            }
            let mut plugin = former.value.clone();
            change(&mut plugin)?;
            if plugin == former.value {
                self.store.settle().await?;
                return Ok(former);
            }
            plugin.updated_at = self.clock.now();
            match self.commit_line(space, plugin, Expect::At(former.revision)).await {
                Err(EngineError::Changed { .. }) if expect == Expect::Any => {}
                done => return done,
            }
        }
        Err(changed(name))
    }

    pub(super) async fn commit_line(&self, space: &Slug, plugin: Plugin, expect: Expect) -> Result<Saved<Plugin>> {
        let draft = line_draft(space, &plugin, expect)?;
        let committed = self.definitions.commit(vec![draft]).await;
        let revision = committed.map_err(|error| definition_error(error, "plugin", plugin.name.as_str()))?;
        Ok(Saved { revision, value: plugin })
    }
}

/// The draft of a plugin, with the versions that it cannot do without.
pub(super) fn line_draft(space: &Slug, plugin: &Plugin, expect: Expect) -> Result<Draft> {
    let mut draft = draft(space, plugin, expect)?;
    draft.uses.push(DefinitionPath::new(space, Kind::Space, space.as_str()));
    let held = plugin.held().map(|version| format!("{}@{version}", plugin.name));
    draft.uses.extend(held.map(|id| DefinitionPath::new(space, Kind::Plugin, id)));
    Ok(draft)
}

fn changed(name: &Slug) -> EngineError {
    EngineError::Changed { what: format!("plugin {:?}", name.as_str()) }
}
