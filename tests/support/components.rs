//! The components that the build made for tests: the example plugins, and some that do as they are told.

/// `examples/your-own-plugins/template`.
pub const TEMPLATE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/example_template.wasm"));
/// `examples/your-own-plugins/mapping`.
pub const MAPPING: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/example_mapping.wasm"));
/// `examples/your-own-plugins/action`.
pub const ACTION: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/example_action.wasm"));
/// `plugins/hostile`.
pub const HOSTILE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hostile.wasm"));
/// `plugins/capable`.
pub const CAPABLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/capable.wasm"));
/// `plugins/fetcher`.
pub const FETCHER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/fetcher.wasm"));
