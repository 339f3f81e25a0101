//! What only actions may use, as templates, mappings and verifiers find it: each function ends the call and says why.
//! So a component that is an action and something else besides works as both.

use wasmtime::Engine;
use wasmtime::component::types::{ComponentInstance, ComponentItem};
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType};

use super::state::State;

/// The functions of our interfaces; those of `wasi:http` are read off a component.
const OWN: [(&str, &[&str]); 5] = [
    ("tenterhook:plugin/records@0.1.0", &["get", "upsert"]),
    ("tenterhook:plugin/events@0.1.0", &["emit"]),
    ("tenterhook:plugin/webhooks@0.1.0", &["call"]),
    ("tenterhook:plugin/state@0.1.0", &["get", "set", "delete"]),
    ("tenterhook:plugin/secrets@0.1.0", &["get"]),
];

/// What the imports of HTTP begin with.
pub(super) const HTTP: &str = "wasi:http/";

/// A capability was used where there is none.
#[derive(Debug, thiserror::Error)]
#[error("it called `{function}` of `{interface}`, which only actions may use")]
pub(super) struct OnlyActions {
    interface: String,
    function: String,
}

/// Adds the interfaces of all capabilities but `wasi:http`.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    for (interface, functions) in OWN {
        let mut instance = linker.instance(interface)?;
        for function in functions {
            end(&mut instance, interface, function)?;
        }
    }
    Ok(())
}

/// A linker for a component that imports `wasi:http`, whatever the functions that it names.
pub(super) fn with_http(
    linker: &Linker<State>,
    engine: &Engine,
    component: &Component,
) -> wasmtime::Result<Linker<State>> {
    let mut linker = linker.clone();
    // Resources that other interfaces bring are the same ones where `wasi:http` names them again.
    let mut known: Vec<ResourceType> = Vec::new();
    let kind = component.component_type();
    for (name, item) in kind.imports(engine) {
        let ComponentItem::ComponentInstance(interface) = item.ty else { continue };
        if name.starts_with(HTTP) {
            stub(&mut linker.instance(name)?, engine, name, &interface, &mut known)?;
        } else {
            known.extend(interface.exports(engine).filter_map(|(_, item)| resource(&item.ty)));
        }
    }
    Ok(linker)
}

fn stub(
    instance: &mut LinkerInstance<'_, State>,
    engine: &Engine,
    name: &str,
    interface: &ComponentInstance,
    known: &mut Vec<ResourceType>,
) -> wasmtime::Result<()> {
    for (item, export) in interface.exports(engine) {
        match export.ty {
            ComponentItem::ComponentFunc(_) => end(instance, name, item)?,
            ComponentItem::Resource(resource) if !known.contains(&resource) => {
                instance.resource(item, ResourceType::host::<()>(), |_, _| Ok(()))?;
                known.push(resource);
            }
            _ => {}
        }
    }
    Ok(())
}

fn resource(item: &ComponentItem) -> Option<ResourceType> {
    match item {
        ComponentItem::Resource(resource) => Some(*resource),
        _ => None,
    }
}

fn end(instance: &mut LinkerInstance<'_, State>, interface: &str, function: &str) -> wasmtime::Result<()> {
    let (interface, name) = (interface.to_owned(), function.to_owned());
    instance.func_new(function, move |_, _, _, _| {
        Err(OnlyActions { interface: interface.clone(), function: name.clone() }.into())
    })
}
