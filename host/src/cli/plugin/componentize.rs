//! `tenterhook plugin componentize`: a component of a core module, for languages whose compilers make no components.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME as PREVIEW1, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER as ADAPTER,
};
use wasmparser::{Parser, Payload};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

use super::wit::WorldAt;
use crate::cli::out;

/// A module to make a component of.
#[derive(Clone, Debug)]
pub struct ComponentizeRequest {
    /// The module.
    pub module: PathBuf,
    /// What it implements and uses.
    pub world: WorldAt,
    /// The file to write.
    pub out: PathBuf,
}

/// Writes the component.
///
/// # Errors
/// The module is none, or does not export what the world says; the files cannot be read or written.
pub(super) fn componentize(request: &ComponentizeRequest) -> anyhow::Result<()> {
    let module = super::read(&request.module)?;
    let component = component(module, &request.world).with_context(|| request.module.display().to_string())?;
    std::fs::write(&request.out, &component).with_context(|| format!("cannot write {}", request.out.display()))?;
    out::line(&format!("{}: {} bytes", request.out.display(), component.len()))
}

fn component(mut module: Vec<u8>, world: &WorldAt) -> anyhow::Result<Vec<u8>> {
    let facts = Facts::of(&module)?;
    if !facts.has_type {
        let (resolve, world) = world.read()?;
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    }
    let mut encoder = ComponentEncoder::default().module(&module)?;
    if facts.imports.contains(PREVIEW1) {
        encoder = encoder.adapter(PREVIEW1, ADAPTER)?;
    }
    encoder.validate(true).encode()
}

/// What decides how a component is made.
struct Facts {
    /// The modules that it imports from.
    imports: BTreeSet<String>,
    /// Whether its world is written in it already.
    has_type: bool,
}

impl Facts {
    fn of(module: &[u8]) -> anyhow::Result<Self> {
        if !Parser::is_core_wasm(module) {
            let what = if Parser::is_component(module) { "this is a component already" } else { "this is no module" };
            bail!("{what}");
        }
        let mut facts = Self { imports: BTreeSet::new(), has_type: false };
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        facts.imports.insert(import?.module.to_owned());
                    }
                }
                Payload::CustomSection(section) => facts.has_type |= section.name().starts_with("component-type"),
                _ => {}
            }
        }
        Ok(facts)
    }
}
