//! The plugins that come with the server: ordinary components, embedded in the binary, called like any other.

use std::sync::{Arc, OnceLock};

use super::artefact::Artefacts;
use super::call;
use super::compiled::{Compiled, Loaded};
use super::counts::Tag;
use super::engine::Core;
use super::health::Health;
use super::upload;
use crate::model::{Digest, PluginVersion, Slug, Time};

/// The built-in plugin that evaluates jq expressions.
pub(super) const JQ: &str = "jq";

/// A component in the binary.
pub(super) struct Embedded {
    pub name: &'static str,
    pub component: &'static [u8],
}

/// Those that every server needs.
pub(super) const PRELOADED: [&str; 3] = ["text-template", "field-mapping", JQ];

/// A component that `build.rs` made.
macro_rules! embedded {
    ($name:expr, $file:literal) => {
        Embedded { name: $name, component: include_bytes!(concat!(env!("OUT_DIR"), "/", $file, ".wasm")) }
    };
}

/// All of them. Their version is the server's.
pub(super) const EMBEDDED: [Embedded; 15] = [
    embedded!("text-template", "text_template"),
    embedded!("field-mapping", "field_mapping"),
    embedded!(JQ, "jq"),
    embedded!("script", "script"),
    embedded!("verify-basic-auth", "verify-basic-auth"),
    embedded!("verify-github", "verify-github"),
    embedded!("verify-hmac", "verify-hmac"),
    embedded!("verify-okta", "verify-okta"),
    embedded!("verify-shopify", "verify-shopify"),
    embedded!("verify-slack", "verify-slack"),
    embedded!("verify-standard-webhooks", "verify-standard-webhooks"),
    embedded!("verify-stripe", "verify-stripe"),
    embedded!("verify-token", "verify-token"),
    embedded!("verify-twilio", "verify-twilio"),
    embedded!("verify-x", "verify-x"),
];

/// The built-in plugins, each made ready when it is first asked for.
#[derive(Default)]
pub(super) struct Builtins {
    loaded: [OnceLock<Option<Loaded>>; EMBEDDED.len()],
    versions: OnceLock<Vec<PluginVersion>>,
}

impl Builtins {
    /// The built-in plugin `name`. The first call loads it from its artefact, or compiles it: up to a second.
    pub fn get(&self, name: &str, core: &Core, artefacts: Option<&Artefacts>, health: &Health) -> Option<&Loaded> {
        let index = EMBEDDED.iter().position(|embedded| embedded.name == name)?;
        let embedded = &EMBEDDED[index];
        let load = || match load(embedded, core, artefacts, health) {
            Ok(loaded) => Some(loaded),
            Err(error) => {
                tracing::error!(
                    plugin = embedded.name,
                    error = format!("{error:#}"),
                    "a built-in plugin does not load"
                );
                None
            }
        };
        self.loaded[index].get_or_init(load).as_ref()
    }

    /// What they are, as the list of plugins shows them.
    pub fn versions(&self, core: &Core, artefacts: Option<&Artefacts>, health: &Health) -> &[PluginVersion] {
        self.versions.get_or_init(|| {
            let loaded = EMBEDDED
                .iter()
                .filter_map(|embedded| Some((embedded, self.get(embedded.name, core, artefacts, health)?)));
            loaded.filter_map(|(embedded, loaded)| version(embedded, loaded, core)).collect()
        })
    }
}

fn load(embedded: &Embedded, core: &Core, artefacts: Option<&Artefacts>, health: &Health) -> wasmtime::Result<Loaded> {
    let digest = Digest::of(embedded.component);
    let component = match artefacts.and_then(|artefacts| artefacts.load(&core.engine, digest)) {
        Some(component) => component,
        None => {
            let component = core.compile(embedded.component)?;
            if let Some(artefacts) = artefacts {
                artefacts.store(digest, &component);
            }
            component
        }
    };
    let compiled = Arc::new(Compiled::link(core, &component, digest, true)?);
    let name = format!("{}@{}", embedded.name, env!("CARGO_PKG_VERSION"));
    let Tag { name, counters } = health.tag("", &name);
    Ok(Loaded { compiled, name, counters, is_on_trial: false })
}

fn version(embedded: &Embedded, loaded: &Loaded, core: &Core) -> Option<PluginVersion> {
    let name: Slug = embedded.name.parse().ok()?;
    let version = env!("CARGO_PKG_VERSION").parse().ok()?;
    let description = call::describe(core, loaded)
        .inspect_err(|error| tracing::error!(%error, "a built-in plugin does not describe itself"))
        .ok()?
        .and_then(|said| upload::description(said).ok());
    Some(PluginVersion {
        name,
        version,
        digest: loaded.digest(),
        size: embedded.component.len() as u64,
        exports: loaded.exports(),
        imports: upload::imports(core, loaded.compiled.pre.component()).ok()?,
        description,
        trial: Vec::new(),
        builtin: true,
        created_by: "tenterhook".to_owned(),
        created_at: Time::default(),
    })
}
