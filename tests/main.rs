//! The product's promises, each a module. One binary, so that everything is linked once.

mod support;

mod abuse;
mod backup;
mod bins;
mod capabilities;
mod capabilities_history;
mod capabilities_http;
mod capabilities_state;
mod deliveries;
mod endpoints;
mod event_types;
mod events;
mod example_plugins;
mod examples;
mod hostile_receivers;
mod house;
mod listen;
mod metrics;
mod outbound_recovery;
mod outbound_tail;
mod plugin_tools;
mod plugin_versions;
mod plugins;
mod readmes;
mod receivers;
mod recovery;
mod script;
mod scripts;
mod tour;
mod trials;
mod triggers;
mod verifiers;
mod webhooks;
mod workflows;
