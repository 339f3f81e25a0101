//! The inspection of an upload, from its bytes to its first calls.

use std::sync::Arc;

use bytes::Bytes;
use wasmtime::component::Component;

use super::compiled::{Compiled, Loaded};
use super::error::Refused;
use super::host::{PluginHost, Shared};
use super::types::Inspection;
use super::{trial, upload};
use crate::model::{Digest, UploadStage};

type Result<T> = std::result::Result<T, Refused>;

/// Told how far an inspection is.
pub type Progress<'a> = &'a (dyn Fn(UploadStage) + Send + Sync);

impl PluginHost {
    /// Looks at an upload off the async threads: is it a component, does it fit, does it start, does it work with its
    /// own example. What is accepted here loads at once afterwards; of what is refused nothing is kept.
    ///
    /// # Errors
    /// Why it is refused, for the person who uploads.
    pub async fn inspect(&self, component: Bytes) -> Result<Inspection> {
        let hashed = component.clone();
        let digest = self.actions.blocking(move || Digest::of(&hashed)).await.ok_or_else(cut_short)?;
        self.inspect_hashed(component, digest, &|_| {}).await
    }

    /// Refuses what is too large or no component, by its first bytes: what costs nothing to see.
    ///
    /// # Errors
    /// Why it is refused, for the person who uploads.
    pub fn glance(&self, component: &[u8]) -> Result<()> {
        upload::check_bytes(component, self.limits())
    }

    /// As [`Self::inspect`], of a component whose digest is known; tells how far it is.
    ///
    /// # Errors
    /// Why it is refused, for the person who uploads.
    pub async fn inspect_hashed(&self, component: Bytes, digest: Digest, progress: Progress<'_>) -> Result<Inspection> {
        progress(UploadStage::Validating);
        self.glance(&component)?;
        let compiled = match self.known(digest).await? {
            Some(compiled) => compiled,
            None => {
                progress(UploadStage::Compiling);
                self.compile(component.clone()).await.ok_or_else(cut_short)??
            }
        };
        progress(UploadStage::Trying);
        let (shared, size) = (Arc::clone(&self.shared), component.len() as u64);
        let (looked_at, kept) = (compiled.clone(), Arc::clone(&self.shared));
        let looked = self.actions.blocking(move || shared.look(size, digest, &looked_at)).await;
        let (mut inspection, entry) = looked.ok_or_else(cut_short)??;
        if let Some(description) = &inspection.description {
            let loaded = Loaded {
                compiled: Arc::clone(&entry),
                name: "(upload)".into(),
                counters: Arc::default(),
                is_on_trial: true,
            };
            inspection.trial = trial::try_exports(self, &loaded, description).await?;
        }
        self.actions.blocking(move || kept.keep(&compiled, digest)).await.ok_or_else(cut_short)?;
        self.memory.insert(digest, Ok(entry));
        Ok(inspection)
    }

    /// The compiled form of a component that was seen before: an upload may be repeated.
    async fn known(&self, digest: Digest) -> Result<Option<Component>> {
        if let Some(Ok(known)) = self.memory.get(&digest) {
            return Ok(Some(known.pre.component().clone()));
        }
        let shared = Arc::clone(&self.shared);
        self.actions.blocking(move || shared.artefact(digest)).await.ok_or_else(cut_short)
    }
}

impl Shared {
    /// Everything about a component that can be seen without an example.
    fn look(&self, size: u64, digest: Digest, component: &Component) -> Result<(Inspection, Arc<Compiled>)> {
        let imports = upload::imports(&self.core, component)?;
        let exports = upload::exports(&self.core, component)?;
        let compiled = Arc::new(self.link(component, digest)?);
        let description = upload::try_out(&self.core, &compiled)?;
        Ok((Inspection { digest, size, exports, imports, description, trial: Vec::new() }, compiled))
    }
}

fn cut_short() -> Refused {
    Refused::Host { reason: "its inspection was cut short".to_owned() }
}
