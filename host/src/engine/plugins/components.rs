//! The components of plugin versions: kept while any version, of any space, is one; with its compiled form.

use std::collections::HashSet;

use crate::model::{Digest, PluginVersion, Space};

use super::super::{Engine, Result};

impl Engine {
    /// Removes a component and its compiled form, if no version is it. An upload of the same waits meanwhile.
    pub(super) async fn let_go(&self, digest: Digest) -> Result<()> {
        let _alone = self.components.write().await;
        if !self.digests().await?.contains(&digest) {
            self.plugins.forget(digest);
            self.store.remove_blob(digest).await?;
        }
        Ok(())
    }

    /// Removes the components that no version is: what was cut short before, or left by former servers.
    pub(in super::super) async fn sweep_components(&self) -> Result<()> {
        let _alone = self.components.write().await;
        let used = self.digests().await?;
        for digest in self.store.blobs().await? {
            if !used.contains(&digest) {
                tracing::info!(%digest, "a component that no plugin version is any more is removed");
                self.plugins.forget(digest);
                self.store.remove_blob(digest).await?;
            }
        }
        Ok(())
    }

    /// What the versions of all spaces are.
    async fn digests(&self) -> Result<HashSet<Digest>> {
        let mut digests = HashSet::new();
        for space in self.definitions.all::<Space>(&self.home).await?.iter() {
            digests
                .extend(self.definitions.all::<PluginVersion>(&space.id).await?.iter().map(|version| version.digest));
        }
        Ok(digests)
    }
}
