//! What a file is, seen from outside, also where the host would refuse it.

use serde::Serialize;
use wasmparser::Parser;
use wit_component::DecodedWasm;
use wit_parser::{Resolve, World};

/// The package of our interfaces.
const PACKAGE: &str = "tenterhook:plugin/";
/// What of our package is no capability: types, and what is there for every plugin.
const FREE: [&str; 3] = ["types", "troubles", "log"];

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    /// A component: what a plugin is.
    Component,
    /// A core module, of which a component can be made.
    CoreModule,
    /// No WebAssembly.
    Other,
}

impl Kind {
    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::CoreModule => "core module",
            Self::Other => "no WebAssembly",
        }
    }
}

/// What a file is, and for a component, its world.
#[derive(Debug)]
pub(super) struct Anatomy {
    pub kind: Kind,
    /// The interfaces and functions that it exports, with versions.
    pub exports: Vec<String>,
    pub imports: Imports,
}

/// What a component imports, sorted by what that means for who uploads it.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Imports {
    /// Of our package, there for every plugin.
    pub free: Vec<String>,
    /// What must be granted before it does anything.
    pub capabilities: Vec<String>,
    /// WASI: virtual, it gives no access to anything.
    pub wasi: Vec<String>,
    /// Unknown to the host.
    pub unknown: Vec<String>,
}

impl Anatomy {
    /// Of a file's content.
    pub fn of(bytes: &[u8]) -> Self {
        let kind = match bytes {
            bytes if Parser::is_component(bytes) => Kind::Component,
            bytes if Parser::is_core_wasm(bytes) => Kind::CoreModule,
            _ => Kind::Other,
        };
        let mut anatomy = Self { kind, exports: Vec::new(), imports: Imports::default() };
        if kind != Kind::Component {
            return anatomy;
        }
        // What cannot be decoded is told by the host, in words of its own.
        if let Ok(DecodedWasm::Component(resolve, world)) = wit_component::decode(bytes)
            && let Some(world) = resolve.worlds.get(world)
        {
            let (imports, exports) = names(&resolve, world);
            (anatomy.imports, anatomy.exports) = (Imports::sort(imports), exports);
        }
        anatomy
    }
}

fn names(resolve: &Resolve, world: &World) -> (Vec<String>, Vec<String>) {
    let imports = world.imports.keys().map(|key| resolve.name_world_key(key)).collect();
    let exports = world.exports.keys().map(|key| resolve.name_world_key(key)).collect();
    (imports, exports)
}

impl Imports {
    /// Sorts the names of imported interfaces.
    pub fn sort(names: impl IntoIterator<Item = String>) -> Self {
        let mut sorted = Self::default();
        for name in names {
            let own = name.strip_prefix(PACKAGE).map(|own| own.split('@').next().unwrap_or(own));
            let group = match own {
                Some(own) if FREE.contains(&own) => &mut sorted.free,
                Some(_) => &mut sorted.capabilities,
                None if name.starts_with("wasi:http/") => &mut sorted.capabilities,
                None if name.starts_with("wasi:") => &mut sorted.wasi,
                None => &mut sorted.unknown,
            };
            group.push(name);
        }
        sorted
    }

    /// For people: a line for each, those of WASI together.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = self.free.clone();
        lines.extend(self.capabilities.iter().map(|name| format!("{name}: a capability, to be granted by an admin")));
        match self.wasi.as_slice() {
            [] => {}
            [only] => lines.push(format!("{only}: virtual, without access to anything")),
            all => lines.push(format!("{} interfaces of WASI: virtual, without access to anything", all.len())),
        }
        lines.extend(self.unknown.iter().map(|name| format!("{name}: not offered to plugins")));
        if lines.is_empty() {
            lines.push("nothing".to_owned());
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_sorted_by_what_they_mean() {
        let names = ["tenterhook:plugin/log@0.1.0", "tenterhook:plugin/records@0.1.0", "wasi:io/poll@0.2.6"];
        let more = ["wasi:http/outgoing-handler@0.2.6", "tenterhook:plugin/troubles@0.1.0", "acme:x/y"];
        let sorted = Imports::sort(names.into_iter().chain(more).map(str::to_owned));
        assert_eq!(sorted.free, ["tenterhook:plugin/log@0.1.0", "tenterhook:plugin/troubles@0.1.0"]);
        assert_eq!(sorted.capabilities, ["tenterhook:plugin/records@0.1.0", "wasi:http/outgoing-handler@0.2.6"]);
        assert_eq!(
            (sorted.wasi.as_slice(), sorted.unknown.as_slice()),
            (&["wasi:io/poll@0.2.6".to_owned()][..], &["acme:x/y".to_owned()][..])
        );
    }

    #[test]
    fn the_world_of_a_component_is_read_from_it() {
        let hostile = include_bytes!(concat!(env!("OUT_DIR"), "/hostile.wasm"));
        let anatomy = Anatomy::of(hostile);
        assert_eq!(anatomy.kind, Kind::Component);
        assert!(anatomy.exports.contains(&"tenterhook:plugin/trigger-action@0.1.0".to_owned()), "{anatomy:?}");
        assert!(anatomy.imports.capabilities.is_empty() && anatomy.imports.wasi.len() > 5, "{anatomy:?}");
        assert_eq!(Anatomy::of(b"\0asm\x01\0\0\0").kind, Kind::CoreModule);
        assert_eq!(Anatomy::of(b"#!/bin/sh").kind, Kind::Other);
    }
}
