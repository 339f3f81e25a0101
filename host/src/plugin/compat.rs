//! Older versions of the interface, converted at the edge: what a component of such a version imports is offered in
//! its own shape, and what it exports is called in its own shape. Nothing else of the host knows of them.
//!
//! A version that is left behind gets: a folder `wit/compat/VERSION` with the interface as it was, bindings and
//! conversions here, a row in [`OLDER`], and a guest that was built against it among the tests.

use wasmtime::AsContextMut;
use wasmtime::component::{HasSelf, Instance, InstancePre, Linker};

use super::state::State;
use super::wit::{payload_template, types};
use crate::model::Export;

/// The bindings of `wit/compat/0.0.9`.
mod v0_0_9 {
    wasmtime::component::bindgen!({
        path: "../wit/compat/0.0.9",
        world: "tenterhook:plugin/template-plugin",
    });

    pub(super) use exports::tenterhook::plugin::payload_template;
    pub(super) use tenterhook::plugin::{log, types};
}

/// A version of the interface that was left behind.
struct Older {
    version: semver::Version,
    /// What of it may be imported.
    offered: &'static [&'static str],
    /// What of it may be exported.
    exports: &'static [(&'static str, Export)],
}

const OLDER: [Older; 1] = [Older {
    version: semver::Version::new(0, 0, 9),
    offered: &["types", "log"],
    exports: &[("payload-template", Export::Template)],
}];

/// Whether an interface of our package is offered to components of an older version.
pub(super) fn is_offered(interface: &str, version: &semver::Version) -> bool {
    OLDER.iter().any(|older| older.version == *version && older.offered.contains(&interface))
}

/// What the export of an interface of our package means in an older version, if that version is known.
pub(super) fn export(interface: &str, version: &semver::Version) -> Option<Export> {
    let older = OLDER.into_iter().find(|older| older.version == *version)?;
    older.exports.iter().find(|(name, _)| *name == interface).map(|(_, export)| *export)
}

/// Offers what components of older versions import.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    v0_0_9::types::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    v0_0_9::log::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
}

impl v0_0_9::types::Host for State {}

impl v0_0_9::log::Host for State {
    fn write(&mut self, message: String) {
        self.log.write("info", &message);
    }
}

/// Where a component has its template, of whichever version.
pub(super) enum TemplateIndices {
    Current(payload_template::GuestIndices),
    V0_0_9(v0_0_9::payload_template::GuestIndices),
}

/// The template of an instance, of whichever version.
pub(super) enum TemplateGuest {
    Current(payload_template::Guest),
    V0_0_9(v0_0_9::payload_template::Guest),
}

impl TemplateIndices {
    /// The template of a component; the current version, if it has several.
    pub fn find(pre: &InstancePre<State>) -> Option<Self> {
        let current = payload_template::GuestIndices::new(pre).map(Self::Current);
        current.or_else(|_| v0_0_9::payload_template::GuestIndices::new(pre).map(Self::V0_0_9)).ok()
    }

    /// The template of an instance, its types compared with the interface's.
    pub fn load(&self, store: impl AsContextMut<Data = State>, instance: &Instance) -> wasmtime::Result<TemplateGuest> {
        Ok(match self {
            Self::Current(export) => TemplateGuest::Current(export.load(store, instance)?),
            Self::V0_0_9(export) => TemplateGuest::V0_0_9(export.load(store, instance)?),
        })
    }
}

impl TemplateGuest {
    /// Calls `render`.
    pub fn call_render(
        &self,
        store: impl AsContextMut<Data = State>,
        call: &types::Call,
        input: &types::Json,
        base: &types::Request,
    ) -> wasmtime::Result<Result<Option<types::Request>, types::Failure>> {
        match self {
            Self::Current(export) => export.call_render(store, call, input, base),
            Self::V0_0_9(export) => {
                let answer = export.call_render(store, &call.into(), input)?;
                Ok(answer.map(|request| request.map(types::Request::from)).map_err(types::Failure::from))
            }
        }
    }
}

impl From<&types::Call> for v0_0_9::types::Call {
    fn from(call: &types::Call) -> Self {
        Self { space: call.space.clone(), id: call.id.clone(), config: call.config.clone() }
    }
}

impl From<v0_0_9::types::Request> for types::Request {
    fn from(request: v0_0_9::types::Request) -> Self {
        let v0_0_9::types::Request { method, url, headers, body } = request;
        let headers = headers.into_iter().map(|v0_0_9::types::Field { name, value }| types::Field { name, value });
        Self { method, url, headers: headers.collect(), body }
    }
}

impl From<v0_0_9::types::Failure> for types::Failure {
    fn from(failure: v0_0_9::types::Failure) -> Self {
        use v0_0_9::types::Failure;
        match failure {
            Failure::Invalid(reason) => Self::Invalid(reason),
            Failure::Rejected(reason) => Self::Rejected(reason),
            Failure::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}
