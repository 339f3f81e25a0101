//! A plugin ready to be called: its component linked to what the host offers, its exports found.

use std::sync::Arc;

use wasmtime::component::{Component, InstancePre, Linker};

use super::compat::TemplateIndices;
use super::counts::{Counters, Outcome};
use super::engine::Core;
use super::error::PluginError;
use super::state::State;
use super::{stubs, wit};
use crate::model::{Capability, Digest, Export};

/// A compiled and linked component, shared by all who use it.
pub(super) struct Compiled {
    pub digest: Digest,
    /// Comes with the server: used by many, so its users are told apart when it misbehaves.
    pub builtin: bool,
    /// Machine code and data, in bytes.
    pub weight: u64,
    /// Pure: capabilities that it imports end the call.
    pub pre: InstancePre<State>,
    /// With capabilities, if it is an action that imports some.
    pub capable: Option<InstancePre<State>>,
    pub template: Option<TemplateIndices>,
    pub mapping: Option<wit::response_mapping::GuestIndices>,
    pub action: Option<wit::trigger_action::GuestIndices>,
    pub verifier: Option<wit::inbound_verifier::GuestIndices>,
    pub describe: Option<wit::describe::GuestIndices>,
}

impl Compiled {
    /// Links `component` and finds its exports.
    ///
    /// # Errors
    /// An import is not offered in the shape that the component wants; [`super::upload`] finds out which.
    pub fn link(core: &Core, component: &Component, digest: Digest, builtin: bool) -> wasmtime::Result<Self> {
        let (imports_http, linker) = linker_for(core, component);
        let pre = match imports_http {
            true => stubs::with_http(&core.linker, &core.engine, component)?.instantiate_pre(component)?,
            false => core.linker.instantiate_pre(component)?,
        };
        let image = component.image_range();
        let action = wit::trigger_action::GuestIndices::new(&pre).ok();
        let linker = linker.filter(|_| action.is_some());
        Ok(Self {
            capable: linker.map(|linker| linker.instantiate_pre(component)).transpose()?,
            digest,
            builtin,
            weight: (image.end as usize).saturating_sub(image.start as usize) as u64,
            template: TemplateIndices::find(&pre),
            mapping: wit::response_mapping::GuestIndices::new(&pre).ok(),
            action,
            verifier: wit::inbound_verifier::GuestIndices::new(&pre).ok(),
            describe: wit::describe::GuestIndices::new(&pre).ok(),
            pre,
        })
    }

    /// What it implements.
    pub fn exports(&self) -> Vec<Export> {
        let mut exports = Vec::new();
        exports.extend(self.template.is_some().then_some(Export::Template));
        exports.extend(self.mapping.is_some().then_some(Export::Mapping));
        exports.extend(self.action.is_some().then_some(Export::Action));
        exports.extend(self.verifier.is_some().then_some(Export::Verifier));
        exports
    }
}

/// Whether `component` imports anything of `wasi:http`, and the linker for its action if it imports capabilities.
fn linker_for<'a>(core: &'a Core, component: &Component) -> (bool, Option<&'a Linker<State>>) {
    let kind = component.component_type();
    let (mut imports_http, mut is_capable) = (false, false);
    for (name, _) in kind.imports(&core.engine) {
        imports_http |= name.starts_with(stubs::HTTP);
        is_capable |= Capability::of_import(name).is_some();
    }
    let linker = if imports_http { Some(&core.web) } else { is_capable.then_some(&core.capable) };
    (imports_http, linker)
}

/// A plugin version that can be called. Cheap to clone.
#[derive(Clone)]
pub struct Loaded {
    pub(super) compiled: Arc<Compiled>,
    pub(super) name: Arc<str>,
    pub(super) counters: Arc<Counters>,
}

impl Loaded {
    /// `name@version`, as errors name it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The hash of the component.
    pub fn digest(&self) -> Digest {
        self.compiled.digest
    }

    /// What it implements.
    pub fn exports(&self) -> Vec<Export> {
        self.compiled.exports()
    }

    /// Comes with the server.
    pub fn is_builtin(&self) -> bool {
        self.compiled.builtin
    }

    /// What the call that gave `result` says of this version.
    pub fn sign<T>(&self, result: &Result<T, PluginError>) -> Sign {
        let is_quarantined = self.counters.is_quarantined();
        let faults = self.counters.faults();
        match result {
            Err(error) if error.is_fault() => {
                let is_sick = self.counters.faults_max().is_some_and(|max| faults >= max);
                if is_sick && !is_quarantined { Sign::Sick(faults) } else { Sign::Nothing }
            }
            _ if is_quarantined && Outcome::of(result).shows_health() => Sign::Well,
            _ => Sign::Nothing,
        }
    }

    pub(super) fn wrong_export(&self, wanted: Export) -> PluginError {
        PluginError::WrongExport { plugin: Arc::clone(&self.name), wanted }
    }
}

/// What a call says of the version that was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Nothing new.
    Nothing,
    /// It crashed or ran out of time so often in a row, in all its uses of the space together, that it is broken.
    Sick(u32),
    /// It was said to be in quarantine ([`Tag::watch`](super::Tag::watch)), and works again.
    Well,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded")
            .field("name", &self.name)
            .field("digest", &self.compiled.digest)
            .finish_non_exhaustive()
    }
}
