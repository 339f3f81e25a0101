//! The product's promises, each a module. One binary, so that everything is linked once.

mod support;

mod abuse;
mod backup;
mod bins;
mod deliveries;
mod endpoints;
mod event_types;
mod events;
mod examples;
mod house;
mod listen;
mod metrics;
mod outbound_recovery;
mod outbound_tail;
mod plugin_tools;
mod plugins;
mod receivers;
mod recovery;
mod tour;
mod triggers;
mod webhooks;
mod workflows;
