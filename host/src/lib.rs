//! tenterhook: a webhook server whose behaviour is WebAssembly.
//!
//! ARCHITECTURE.md is the map. Modules stand on floors; a module imports only from floors below its own.

pub mod clock;
pub mod config;
pub mod model;
pub mod store;
pub mod task;
pub mod telemetry;
