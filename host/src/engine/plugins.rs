//! Plugins: look up, load, list. Their uploads, their pointers, who refers to them, and what their calls teach are in
//! the files of this folder.

mod components;
mod lines;
mod upload;
mod uses;
mod watch;

use bytes::Bytes;

use crate::model::{DefinitionPath, Digest, Plugin, PluginRef, PluginVersion, Quarantine, Saved, Slug, Standing};
use crate::plugin::{Loaded, PluginCounts, Tag};
use crate::store::{Expect, Page, Slice, StoreError};

use super::grants::Access;
use super::{Engine, EngineError, Result};

pub use lines::PluginSettings;
pub(super) use upload::{AtWork, UPLOADS_MAX};
pub use upload::{StartedUpload, Upload, UploadStarted, UploadTurn};
pub use uses::schema_fault;
pub(super) use uses::{Need, webhook_needs};

/// Versions read at a time, when all of a space are.
const PAGE_VERSIONS: usize = 200;

/// A plugin version with what it is to its plugin.
#[derive(Clone, Debug)]
pub struct PluginVersionView {
    /// The version.
    pub version: PluginVersion,
    /// What it is to its plugin.
    pub standing: Standing,
    /// Why it is in quarantine, if it is.
    pub quarantine: Option<Quarantine>,
    /// What it imports, and what of that is granted.
    pub access: Access,
}

/// A plugin with its versions.
#[derive(Clone, Debug)]
pub struct PluginOverview {
    /// The plugin; of one that comes with the server, what it amounts to.
    pub plugin: Plugin,
    /// Its revision; none of one that comes with the server.
    pub revision: Option<u64>,
    /// Its versions, the newest first, with what happened to their calls since the server started.
    pub versions: Vec<(PluginVersionView, PluginCounts)>,
    /// Who follows its live version.
    pub used_by: Vec<DefinitionPath>,
}

impl PluginVersionView {
    /// Of a version that imports no capability, or to which nothing was granted yet.
    fn of(version: PluginVersion, plugin: Option<&Plugin>) -> Self {
        let standing = plugin.map_or(Standing::Live, |plugin| plugin.standing(&version.version));
        let quarantine = plugin.and_then(|plugin| plugin.quarantined.get(&version.version).cloned());
        Self { version, standing, quarantine, access: Access::default() }
    }
}

impl Engine {
    /// The plugin versions of a space, the built-in ones first.
    pub async fn plugins(&self, space: &Slug, page: Page) -> Result<Slice<PluginVersionView>> {
        self.space(space).await?;
        let first = page.cursor.is_none();
        let slice = self.definitions.list::<PluginVersion>(space, page).await?;
        let builtins = self.plugins.builtins().iter().filter(|_| first).cloned();
        let mut items: Vec<_> = builtins.map(|builtin| PluginVersionView::of(builtin, None)).collect();
        for Saved { value, .. } in slice.items {
            items.push(self.view_version(space, value).await?);
        }
        Ok(Slice { items, next: slice.next })
    }

    async fn view_version(&self, space: &Slug, version: PluginVersion) -> Result<PluginVersionView> {
        if version.builtin {
            return Ok(PluginVersionView::of(version, None));
        }
        let plugin = self.line(space, &version.name).await?.value;
        self.view_of(space, version, &plugin).await
    }

    async fn view_of(&self, space: &Slug, version: PluginVersion, plugin: &Plugin) -> Result<PluginVersionView> {
        let access = self.access(space, &version).await?;
        Ok(PluginVersionView { access, ..PluginVersionView::of(version, Some(plugin)) })
    }

    /// One plugin version.
    pub async fn plugin_version(
        &self,
        space: &Slug,
        name: &Slug,
        version: &semver::Version,
    ) -> Result<PluginVersionView> {
        self.space(space).await?;
        let version = self.bare_version(space, name, version).await?;
        self.view_version(space, version).await
    }

    /// A plugin version itself.
    pub(super) async fn bare_version(
        &self,
        space: &Slug,
        name: &Slug,
        version: &semver::Version,
    ) -> Result<PluginVersion> {
        let builtin = self.plugins.builtins().iter().find(|b| b.name == *name && b.version == *version);
        if let Some(builtin) = builtin {
            return Ok(builtin.clone());
        }
        let id = format!("{name}@{version}");
        let saved = self.definitions.get::<PluginVersion>(space, &id).await?;
        Ok(saved.ok_or_else(|| EngineError::not_found("plugin version", id))?.value)
    }

    /// The component of a plugin version.
    pub async fn plugin_component(&self, space: &Slug, name: &Slug, version: &semver::Version) -> Result<Bytes> {
        let plugin = self.bare_version(space, name, version).await?;
        if plugin.builtin {
            let detail = format!("{name} comes with the server and is not given out");
            return Err(EngineError::Refused { code: "builtin-plugin", detail });
        }
        let content = self.store.blob(plugin.digest).await?;
        content.ok_or_else(|| EngineError::Internal(format!("the component of {name}@{version} is missing")))
    }

    fn refuse_builtin(&self, name: &Slug) -> Result<()> {
        if self.plugins.builtin(name.as_str()).is_none() {
            return Ok(());
        }
        let detail = format!("{name} comes with the server: choose another name");
        Err(EngineError::Refused { code: "builtin-plugin", detail })
    }

    /// A plugin as it is kept.
    async fn line(&self, space: &Slug, name: &Slug) -> Result<Saved<Plugin>> {
        let found = self.find_line(space, name).await?;
        found.ok_or_else(|| EngineError::not_found("plugin", name))
    }

    /// As [`Self::line`]. Where there are versions but no plugin, as servers before this one kept them, the newest
    /// version becomes the live one: what a reference without a version meant then.
    async fn find_line(&self, space: &Slug, name: &Slug) -> Result<Option<Saved<Plugin>>> {
        if let Some(saved) = self.definitions.get::<Plugin>(space, name.as_str()).await? {
            return Ok(Some(saved));
        }
        let all = self.versions_of(space, name).await?;
        let Some(newest) = all.iter().max_by(|a, b| a.version.cmp(&b.version)) else { return Ok(None) };
        let mut plugin = Plugin::new(name.clone(), newest.version.clone(), &newest.created_by, newest.created_at);
        plugin.versions.extend(all.iter().map(|version| version.version.clone()));
        match self.commit_line(space, plugin, Expect::Absent).await {
            Err(EngineError::Changed { .. }) => Ok(self.definitions.get::<Plugin>(space, name.as_str()).await?),
            adopted => adopted.map(Some),
        }
    }

    async fn versions_of(&self, space: &Slug, name: &Slug) -> Result<Vec<PluginVersion>> {
        let (mut found, mut page) = (Vec::new(), Page { cursor: None, limit: PAGE_VERSIONS });
        loop {
            let slice = self.definitions.list::<PluginVersion>(space, page).await?;
            found.extend(slice.items.into_iter().map(|saved| saved.value).filter(|version| version.name == *name));
            let Some(next) = slice.next else { return Ok(found) };
            page = Page { cursor: Some(next), limit: PAGE_VERSIONS };
        }
    }

    /// A plugin version, ready to be called. Where `plugin` names none, it is the live one, or the canary, as `call`
    /// falls: the delivery or task, the same for every repeat.
    pub(super) async fn load_plugin(&self, space: &Slug, plugin: &PluginRef, call: &str) -> Result<Loaded> {
        if let Some(builtin) = self.plugins.builtin(plugin.name.as_str()) {
            return Ok(builtin);
        }
        let line = self.definitions.shared::<Plugin>(space, plugin.name.as_str()).await?;
        let version = match (&plugin.version, &line) {
            (Some(version), _) => version.clone(),
            (None, Some(line)) => line.version_for(call).clone(),
            (None, None) => self.line(space, &plugin.name).await?.value.live,
        };
        let id = format!("{}@{version}", plugin.name);
        let shared = self.definitions.shared::<PluginVersion>(space, &id).await?;
        let digest = shared.ok_or_else(|| EngineError::not_found("plugin version", &id))?.digest;
        let tag = self.tag(space, id);
        if let Some(line) = line {
            let faults_max = line.faults_max.unwrap_or(self.plugins.limits().faults_max);
            let quarantine = line.quarantined.get(&version);
            if tag.watch(faults_max, quarantine.is_some())
                && let Some(Quarantine { faults, reason, .. }) = quarantine
            {
                self.plugins.suspect(space.as_str(), digest, *faults, reason);
            }
        }
        Ok(self.plugins.load_tagged(digest, tag, self.component(digest)).await?)
    }

    fn tag(&self, space: &Slug, id: String) -> Tag {
        let at = (space.clone(), id);
        self.tags.get(&at).unwrap_or_else(|| {
            let tag = self.plugins.tag(space.as_str(), &at.1);
            self.tags.insert(at, tag.clone());
            tag
        })
    }

    async fn component(&self, digest: Digest) -> Result<Bytes, StoreError> {
        let content = self.store.blob(digest).await?;
        content.ok_or_else(|| StoreError::Unavailable(format!("component {digest} is missing").into()))
    }
}
