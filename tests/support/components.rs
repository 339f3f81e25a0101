//! The components that the build made for tests: the example plugins, and one that misbehaves on demand.

/// `examples/your-own-plugins/template`.
pub const TEMPLATE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/example_template.wasm"));
/// `examples/your-own-plugins/mapping`.
pub const MAPPING: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/example_mapping.wasm"));
/// `examples/your-own-plugins/action`.
pub const ACTION: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/example_action.wasm"));
/// `plugins/hostile`.
pub const HOSTILE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hostile.wasm"));
