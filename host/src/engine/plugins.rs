//! Plugin versions: upload, look up, load.

use bytes::Bytes;

use crate::model::{DefinitionPath, Digest, Export, Kind, PluginRef, PluginVersion, Slug};
use crate::plugin::Loaded;
use crate::store::{Expect, Page, Slice, StoreError, draft};

use super::{Engine, EngineError, FieldProblem, Result, definition_error};

/// How many versions of one plugin are looked through for the newest.
const VERSIONS_MAX: usize = 1_000;
/// Values of a plugin that are removed in one commit.
const STATES_CLEARED: usize = 200;

impl Engine {
    /// Uploads a component as a version; `false` if the very same one was there already.
    pub async fn upload_plugin(
        &self,
        space: &Slug,
        name: &Slug,
        version: semver::Version,
        component: Bytes,
        author: &str,
    ) -> Result<(PluginVersion, bool)> {
        self.space(space).await?;
        self.refuse_builtin(name)?;
        let id = format!("{name}@{version}");
        if let Some(former) = self.definitions.get::<PluginVersion>(space, &id).await? {
            self.store.settle().await?;
            return same_version(former.value, &component);
        }
        let inspection = self.plugins.inspect(component.clone()).await?;
        let plugin = PluginVersion {
            name: name.clone(),
            version,
            digest: inspection.digest,
            size: component.len() as u64,
            exports: inspection.exports,
            imports: inspection.imports,
            description: inspection.description,
            builtin: false,
            created_by: author.to_owned(),
            created_at: self.clock.now(),
        };
        self.store.put_blob(component).await?;
        let mut draft = draft(space, &plugin, Expect::Absent)?;
        draft.uses.push(DefinitionPath::new(space, Kind::Space, space.as_str()));
        match self.definitions.commit(vec![draft]).await {
            Ok(_) => Ok((plugin, true)),
            Err(StoreError::Conflict { .. }) => Err(version_exists(&id)),
            Err(error) => Err(definition_error(error, "plugin version", &id)),
        }
    }

    fn refuse_builtin(&self, name: &Slug) -> Result<()> {
        if self.plugins.builtin(name.as_str()).is_none() {
            return Ok(());
        }
        let detail = format!("{name} comes with the server: choose another name");
        Err(EngineError::Refused { code: "builtin-plugin", detail })
    }

    /// The plugin versions of a space, the built-in ones first.
    pub async fn plugins(&self, space: &Slug, page: Page) -> Result<Slice<PluginVersion>> {
        self.space(space).await?;
        let first = page.cursor.is_none();
        let mut slice = self.definitions.list::<PluginVersion>(space, page).await?.map(|saved| saved.value);
        if first {
            slice.items.splice(0..0, self.plugins.builtins().iter().cloned());
        }
        Ok(slice)
    }

    /// One plugin version.
    pub async fn plugin(&self, space: &Slug, name: &Slug, version: &semver::Version) -> Result<PluginVersion> {
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
        let plugin = self.plugin(space, name, version).await?;
        if plugin.builtin {
            let detail = format!("{name} comes with the server and is not given out");
            return Err(EngineError::Refused { code: "builtin-plugin", detail });
        }
        let content = self.store.blob(plugin.digest).await?;
        content.ok_or_else(|| EngineError::Internal(format!("the component of {name}@{version} is missing")))
    }

    /// Deletes a plugin version that nothing uses.
    pub async fn delete_plugin(&self, space: &Slug, name: &Slug, version: &semver::Version) -> Result<()> {
        self.refuse_builtin(name)?;
        let id = format!("{name}@{version}");
        self.remove::<PluginVersion>("plugin version", space, &id, Expect::Any).await?;
        // What is granted to it went with it; with the last version goes what the plugin kept.
        let versions = self.definitions.all::<PluginVersion>(space).await?;
        if versions.iter().any(|version| version.name == *name) {
            return Ok(());
        }
        while self.store.clear_states(space, name, STATES_CLEARED).await?.more {}
        Ok(())
    }

    /// Pins a reference to a version that exists and exports what is wanted; the newest if it names none.
    pub(super) async fn pin(
        &self,
        space: &Slug,
        field: &str,
        plugin: &PluginRef,
        wanted: Export,
    ) -> Result<PluginVersion> {
        let version = match &plugin.version {
            Some(version) => version.clone(),
            None => self.newest(space, field, &plugin.name).await?,
        };
        let found = match self.plugin(space, &plugin.name, &version).await {
            Err(EngineError::NotFound { .. }) => {
                let reason = format!("there is no plugin {}@{version} in this space: upload it first", plugin.name);
                return Err(EngineError::invalid(field, reason));
            }
            other => other?,
        };
        if found.exports.contains(&wanted) {
            return Ok(found);
        }
        let reason = format!("plugin {}@{version} exports {:?}, not {wanted:?}", plugin.name, found.exports);
        Err(EngineError::Invalid { problems: vec![FieldProblem::new(field, reason.to_lowercase())] })
    }

    /// The reference that keeps a plugin version from being deleted; built-in ones need none.
    pub(super) fn plugin_use(&self, space: &Slug, id: &str) -> Option<DefinitionPath> {
        let name = id.split('@').next().unwrap_or(id);
        self.plugins.builtin(name).is_none().then(|| DefinitionPath::new(space, Kind::Plugin, id))
    }

    async fn newest(&self, space: &Slug, field: &str, name: &Slug) -> Result<semver::Version> {
        let builtins = self.plugins.builtins().iter().filter(|b| b.name == *name).map(|b| b.version.clone());
        if let Some(version) = builtins.max() {
            return Ok(version);
        }
        let all = self.definitions.list::<PluginVersion>(space, Page { cursor: None, limit: VERSIONS_MAX }).await?;
        let versions = all.items.into_iter().filter(|saved| saved.value.name == *name).map(|s| s.value.version);
        let reason = || format!("there is no plugin {name:?} in this space: upload it first");
        versions.max().ok_or_else(|| EngineError::invalid(field, reason()))
    }

    /// A plugin version, ready to be called. `id` is `name@version`.
    pub(super) async fn load_plugin(&self, space: &Slug, plugin: &PluginRef) -> Result<Loaded> {
        if let Some(builtin) = self.plugins.builtin(plugin.name.as_str()) {
            return Ok(builtin);
        }
        let id = plugin.to_string();
        let shared = self.definitions.shared::<PluginVersion>(space, &id).await?;
        let digest = shared.ok_or_else(|| EngineError::not_found("plugin version", &id))?.digest;
        let at = (space.clone(), id, digest);
        if let Some(loaded) = self.loaded.get(&at) {
            return Ok(loaded);
        }
        let loaded = self.plugins.load(digest, &at.1, self.component(digest)).await?;
        self.loaded.insert(at, loaded.clone());
        Ok(loaded)
    }

    async fn component(&self, digest: Digest) -> Result<Bytes, StoreError> {
        let content = self.store.blob(digest).await?;
        content.ok_or_else(|| StoreError::Unavailable(format!("component {digest} is missing").into()))
    }
}

/// Uploading the same content again changes nothing; other content needs another version.
fn same_version(former: PluginVersion, component: &Bytes) -> Result<(PluginVersion, bool)> {
    if former.digest == Digest::of(component) {
        return Ok((former, false));
    }
    Err(version_exists(&format!("{}@{}", former.name, former.version)))
}

fn version_exists(id: &str) -> EngineError {
    let detail = format!("{id} exists with other content, and versions never change: upload it as a new version");
    EngineError::Refused { code: "version-exists", detail }
}
