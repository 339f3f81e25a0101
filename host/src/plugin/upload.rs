//! Inspection of uploads: what a component is, whether this server can run it, and if not, what to do about that.

use std::sync::Arc;

use serde_json::Value;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use super::compiled::{Compiled, Loaded};
use super::engine::{Core, MEMORIES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX};
use super::error::{PluginError, Refused};
use super::types::{Limits, interface};
use super::{call, compat, wit};
use crate::model::{Description, Digest, Export, LogLine};

/// The package of our interfaces, and its version that this server speaks.
const PACKAGE: &str = "tenterhook:plugin";
const VERSION: semver::Version = semver::Version::new(0, 1, 0);
/// What of our package a plugin may import.
const OFFERED: [&str; 8] = ["types", "log", "troubles", "records", "events", "webhooks", "state", "secrets"];
/// What of `wasi:http` a plugin may import, see [`super::web`].
const OFFERED_HTTP: [&str; 2] = ["wasi:http/types", "wasi:http/outgoing-handler"];
/// What else of WASI a plugin may import: virtual, see [`super::wasi`].
const OFFERED_WASI: [&str; 6] =
    ["wasi:io/", "wasi:clocks/", "wasi:random/", "wasi:cli/", "wasi:filesystem/", "wasi:sockets/"];
/// The version of WASI that is offered, and the newest of its line whose functions are known here.
const WASI_VERSION: semver::Version = semver::Version::new(0, 2, 12);
/// Longest text that `describe` may give for one field, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 64 << 10;
const EXPORTS: [Export; 4] = [Export::Template, Export::Mapping, Export::Action, Export::Verifier];

/// Refuses what is too large or no component, by its first bytes.
pub(super) fn check_bytes(bytes: &[u8], limits: &Limits) -> Result<(), Refused> {
    if bytes.len() > limits.component_bytes_max {
        return Err(Refused::TooLarge { size: bytes.len(), limit: limits.component_bytes_max });
    }
    let not_wasm = |found: &str| Err(Refused::NotWasm { found: found.to_owned() });
    match bytes {
        [] => not_wasm("it is empty"),
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(Refused::CoreModule),
        [0, b'a', b's', b'm', ..] => not_wasm("it is WebAssembly of a version that this server does not know"),
        [0x1f, 0x8b, ..] => not_wasm("it is compressed with gzip; send it uncompressed"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => not_wasm("it is compressed with zstd; send it uncompressed"),
        [b'P', b'K', ..] => not_wasm("it is a ZIP archive; send the component itself"),
        [0x7f, b'E', b'L', b'F', ..] => {
            not_wasm("it is a native program or library; build for the target wasm32-wasip2")
        }
        _ => match std::str::from_utf8(bytes) {
            Ok(text) if text.trim_start().starts_with('(') => {
                not_wasm("it is WebAssembly text; send the binary form (`wasm-tools parse`)")
            }
            Ok(_) => not_wasm("it is text; send the compiled component"),
            Err(_) => not_wasm("it does not begin with the bytes `\\0asm`"),
        },
    }
}

/// The interfaces that `component` imports, each offered by this server.
pub(super) fn imports(core: &Core, component: &Component) -> Result<Vec<String>, Refused> {
    let kind = component.component_type();
    let mut names = Vec::new();
    for (name, item) in kind.imports(&core.engine) {
        check_import(name, matches!(item.ty, ComponentItem::ComponentInstance(_)))?;
        names.push(name.to_owned());
    }
    Ok(names)
}

fn check_import(name: &str, is_interface: bool) -> Result<(), Refused> {
    let unknown = || Refused::UnknownImport { import: name.to_owned(), offered: offered() };
    let (path, version) = split(name).ok_or_else(unknown)?;
    let is_known = match own(path) {
        Some(name) => OFFERED.contains(&name),
        None => OFFERED_HTTP.contains(&path) || OFFERED_WASI.iter().any(|prefix| path.starts_with(prefix)),
    };
    if !is_known || !is_interface {
        return Err(unknown());
    }
    let newest = version_offered(path);
    if own(path).is_some_and(|interface| compat::is_offered(interface, &version)) {
        return Ok(());
    }
    if version.major != newest.major || version.minor != newest.minor {
        return Err(Refused::ImportMismatch {
            import: name.to_owned(),
            offered: format!("{path}@{newest}"),
            reason: "the versions are not compatible".to_owned(),
        });
    }
    Ok(())
}

/// The name of an interface of our package.
fn own(path: &str) -> Option<&str> {
    path.strip_prefix(PACKAGE).and_then(|rest| rest.strip_prefix('/'))
}

/// The version that is offered of a known interface.
fn version_offered(path: &str) -> semver::Version {
    if own(path).is_some() { VERSION } else { WASI_VERSION }
}

/// What plugins may import, for people.
fn offered() -> String {
    let own = OFFERED.join(", ");
    let wasi = OFFERED_WASI.map(|prefix| prefix.trim_end_matches('/')).join(", ");
    let http = OFFERED_HTTP.join(", ");
    format!(
        "of {PACKAGE}@{VERSION} {own}; of WASI 0.2, without access to files, network or environment: {wasi}; and {http}"
    )
}

/// `namespace:package/interface` and the version of a full interface name.
fn split(name: &str) -> Option<(&str, semver::Version)> {
    let (path, version) = name.split_once('@')?;
    Some((path, version.parse().ok()?))
}

/// What `component` exports of the interfaces that make a plugin; refused if that is none, or another version.
pub(super) fn exports(core: &Core, component: &Component) -> Result<Vec<Export>, Refused> {
    let kind = component.component_type();
    let names: Vec<&str> = kind.exports(&core.engine).map(|(name, _)| name).collect();
    let supported = || EXPORTS.map(|export| format!("`{PACKAGE}/{}@0.1`", interface(export))).join(", ");
    let mut exports = Vec::new();
    for &name in &names {
        let Some((path, version)) = split(name) else { continue };
        let Some(own) = own(path) else { continue };
        if let Some(export) = compat::export(own, &version) {
            exports.push(export);
            continue;
        }
        if version.major != VERSION.major || version.minor != VERSION.minor {
            return Err(Refused::UnsupportedVersion {
                export: name.to_owned(),
                supported: format!("`{path}@{}.{}`", VERSION.major, VERSION.minor),
            });
        }
        exports.extend(EXPORTS.into_iter().find(|export| interface(*export) == own));
    }
    if exports.is_empty() {
        let names = match names.as_slice() {
            [] => "nothing".to_owned(),
            names if names.iter().any(|name| name.starts_with("wasi:cli/run@")) => {
                "`wasi:cli/run`: it is a program, build it as a library (in Rust: crate-type = [\"cdylib\"])".to_owned()
            }
            names => format!("`{}`", names.join("`, `")),
        };
        return Err(Refused::NoKnownExport { exports: names, supported: supported() });
    }
    exports.sort_unstable();
    exports.dedup();
    Ok(exports)
}

/// Refuses a component that needs more than a call gets before it does anything.
pub(super) fn check_resources(component: &Component, limits: &Limits) -> Result<(), Refused> {
    let refuse = |what: String, limit: String| Err(Refused::TooDemanding { what, limit });
    let Some(needs) = component.resources_required() else {
        return refuse("modules or components from outside".into(), "none".into());
    };
    if needs.num_memories > MEMORIES_MAX {
        return refuse(format!("{} memories", needs.num_memories), MEMORIES_MAX.to_string());
    }
    let memory = needs.max_initial_memory_size.unwrap_or(0);
    if memory > limits.memory_bytes_max as u64 {
        return refuse(format!("{memory} bytes of memory to start with"), format!("{} bytes", limits.memory_bytes_max));
    }
    if needs.num_tables > TABLES_MAX {
        return refuse(format!("{} tables", needs.num_tables), TABLES_MAX.to_string());
    }
    let elements = needs.max_initial_table_size.unwrap_or(0);
    if elements > TABLE_ELEMENTS_MAX as u64 {
        return refuse(format!("a table of {elements} elements"), format!("{TABLE_ELEMENTS_MAX}"));
    }
    Ok(())
}

/// Links a component whose imports are known by name; what does not fit now is their functions and types: mostly the
/// component was built for a newer interface.
pub(super) fn link(core: &Core, component: &Component, digest: Digest) -> Result<Compiled, Refused> {
    let compiled = Compiled::link(core, component, digest, false).map_err(|error| {
        let kind = component.component_type();
        // The linker's own words name the import first; they are the only way to learn which one it is.
        let text = format!("{error:#}");
        let import = kind.imports(&core.engine).map(|(name, _)| name).find(|name| text.contains(name));
        let import = import.unwrap_or("an interface").to_owned();
        let offered = split(&import).map_or_else(offered, |(path, _)| format!("{path}@{}", version_offered(path)));
        Refused::ImportMismatch { import, offered, reason: error.root_cause().to_string() }
    })?;
    let found = compiled.exports();
    match exports(core, component)?.into_iter().find(|export| !found.contains(export)) {
        Some(missing) => Err(Refused::ExportMismatch {
            export: format!("{PACKAGE}/{}", interface(missing)),
            reason: format!("it was not built from version {VERSION} of the interface"),
        }),
        None => Ok(compiled),
    }
}

/// What a compiler error means to the person who uploads.
pub(super) fn malformed(error: &wasmtime::Error) -> Refused {
    Refused::Malformed { reason: format!("{error:#}") }
}

/// Starts a component, compares the types of its exports, and asks it to describe itself, if it can.
pub(super) fn try_out(core: &Core, compiled: &Arc<Compiled>) -> Result<Option<Description>, Refused> {
    let loaded =
        Loaded { compiled: Arc::clone(compiled), name: "(upload)".into(), counters: Arc::default(), is_on_trial: true };
    match call::probe(core, &loaded) {
        Ok(None) => {}
        Ok(Some(mismatch)) => {
            let export = format!("{PACKAGE}/{}", mismatch.interface);
            return Err(Refused::ExportMismatch { export, reason: mismatch.reason });
        }
        Err(error) => return Err(Refused::DoesNotStart { reason: told(&error) }),
    }
    match call::describe(core, &loaded) {
        Ok(said) => said.map(description).transpose(),
        Err(error) => Err(Refused::BadDescription { reason: told(&error) }),
    }
}

/// An error with what the plugin logged, which often says more: runtimes print why they stop, first or last.
fn told(error: &PluginError) -> String {
    let lines: Vec<&str> = error.logs().iter().map(|LogLine { message, .. }| message.trim()).collect();
    match lines.as_slice() {
        [] => error.to_string(),
        [first, second, .., last] => format!("{error}; it logged: {first}; {second}; …; {last}"),
        few => format!("{error}; it logged: {}", few.join("; ")),
    }
}

/// Checks what `describe` said.
pub(super) fn description(said: wit::describe::Description) -> Result<Description, Refused> {
    let bad = |reason: String| Refused::BadDescription { reason };
    let text = |field: &str, text: String| {
        if text.len() > DESCRIPTION_BYTES_MAX {
            return Err(bad(format!("{field} has {} bytes; up to {DESCRIPTION_BYTES_MAX} are taken", text.len())));
        }
        Ok(text)
    };
    let json = |field: &str, json: String| -> Result<Value, Refused> {
        let json = text(field, json)?;
        serde_json::from_str(&json).map_err(|error| bad(format!("{field} is no JSON: {error}")))
    };
    let config_schema = json("config-schema", said.config_schema)?;
    if !config_schema.is_object() && !config_schema.is_boolean() {
        return Err(bad("config-schema is no JSON Schema: it is neither an object nor a boolean".to_owned()));
    }
    let version = text("version", said.version)?;
    version.parse::<semver::Version>().map_err(|error| bad(format!("version {version:?} is not semver: {error}")))?;
    Ok(Description {
        name: text("name", said.name)?,
        version,
        summary: text("summary", said.summary)?,
        config_schema,
        capabilities: said.capabilities.into_iter().map(|name| text("capabilities", name)).collect::<Result<_, _>>()?,
        example_config: json("example-config", said.example_config)?,
        example_input: json("example-input", said.example_input)?,
    })
}
