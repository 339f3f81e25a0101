//! Plugins: WebAssembly components behind one interface (`wit/tenterhook.wit`), each call in a fresh instance.

mod engine;
mod error;
mod state;
mod types;
mod wasi;
mod wit;

pub use error::{Blame, PluginError, Refused, TrapKind};
pub use types::{Call, InboundResponse, Inspection, Limits, OutboundRequest, Reported, Verdict, interface};
