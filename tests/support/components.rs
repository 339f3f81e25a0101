//! The components that the build made for tests: the example plugins, and some that do as they are told.

/// `examples/your-own-plugins/template`.
pub const TEMPLATE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/example_template.wasm"));
/// `examples/your-own-plugins/mapping`.
pub const MAPPING: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/example_mapping.wasm"));
/// `examples/your-own-plugins/action`.
pub const ACTION: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/example_action.wasm"));
/// `plugins/hostile`.
pub const HOSTILE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hostile.wasm"));
/// `plugins/reference`: a template that takes any configuration.
pub const REFERENCE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/reference.wasm"));
/// `plugins/older`: a template built against version 0.0.9 of the interface.
pub const OLDER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/older.wasm"));

/// The same component with other bytes: a custom section more, which means nothing (WebAssembly, "Custom Section").
pub fn stamped(component: &[u8], mark: &str) -> Vec<u8> {
    let name = b"mark";
    let length = |bytes: usize| u8::try_from(bytes).ok().filter(|byte| *byte < 0x80).expect("a short mark");
    let section = [&[length(name.len())][..], name, mark.as_bytes()].concat();
    [component, &[0, length(section.len())], &section].concat()
}

/// The same component with other words in it, of the same length.
pub fn reworded(component: &[u8], old: &str, new: &str) -> Vec<u8> {
    assert_eq!(old.len(), new.len(), "lengths are written down elsewhere in the component");
    let (mut bytes, mut found) = (component.to_vec(), false);
    for at in 0..bytes.len() - old.len() {
        if bytes[at..].starts_with(old.as_bytes()) {
            bytes[at..at + old.len()].copy_from_slice(new.as_bytes());
            found = true;
        }
    }
    assert!(found, "there is no {old:?} in the component");
    bytes
}
/// `plugins/verifiers/github`.
pub const VERIFIER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/verify-github.wasm"));

/// `plugins/capable`.
pub const CAPABLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/capable.wasm"));
/// `plugins/fetcher`.
pub const FETCHER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/fetcher.wasm"));
