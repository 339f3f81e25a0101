//! tenterhook: a webhook server whose behaviour is WebAssembly.
//!
//! ARCHITECTURE.md is the map. Modules stand on floors; a module imports only from floors below its own.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod egress;
pub mod engine;
pub mod event;
pub mod expr;
pub mod http;
pub mod inbound;
pub mod model;
pub mod plugin;
pub mod record;
pub mod signature;
pub mod store;
pub mod task;
pub mod telemetry;
pub mod vault;
pub mod webhook;
pub mod workflow;
