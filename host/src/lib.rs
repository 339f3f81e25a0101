//! tenterhook: a webhook server whose behaviour is WebAssembly.
//!
//! ARCHITECTURE.md is the map. Modules stand on floors; a module imports only from floors below its own.

pub mod clock;
pub mod egress;
pub mod expr;
pub mod inbound;
pub mod model;
pub mod plugin;
pub mod record;
pub mod store;
pub mod vault;
pub mod webhook;
pub mod workflow;
