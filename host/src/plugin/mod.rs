//! Plugins: WebAssembly components behind one interface (`wit/tenterhook.wit`).
//!
//! Every call gets a fresh instance with limits on time, memory, output and log; nothing is kept between calls.
//! Templates and mappings run on a few threads of their own, actions on a runtime of their own, so no plugin delays
//! the server or another plugin. A plugin sees its arguments only: clocks stand still, randomness is fixed, there are
//! no files and no network. Actions may also use capabilities, which the engine offers as [`Services`].
//!
//! Start at [`PluginHost`].

mod action;
mod artefact;
mod builtins;
mod call;
mod capable;
mod check;
mod compat;
mod compiled;
mod counts;
mod engine;
mod error;
pub mod example;
mod health;
mod host;
mod hub;
mod inspect;
mod output;
mod printed;
mod pure;
mod services;
mod state;
mod stubs;
#[cfg(test)]
mod tests;
mod trial;
mod turns;
mod types;
mod upload;
mod wasi;
mod web;
mod wit;

pub use artefact::ArtefactCache;
pub use check::Objection;
pub use compiled::{Loaded, Sign};
pub use counts::{Outcome, PluginCounts, Tag, TimeCount};
pub use error::{Blame, PluginError, Refused, TrapKind, located};
pub use host::PluginHost;
pub use inspect::Progress;
pub use services::{
    DeedEnd, Fetched, HttpFailure, HttpFailureKind, HttpRequest, Services, Trouble, WebhookCall, WebhookOutcome,
};
pub use types::{
    Acceptance, Call, InboundRequest, InboundResponse, Inspection, Judgement, Limits, OutboundRequest, Reported,
    Secrets, Verdict, interface,
};
