//! The product's promises, each a module. One binary, so that everything is linked once.

mod support;

mod abuse;
mod backup;
mod examples;
mod house;
mod metrics;
mod plugins;
mod recovery;
mod tour;
mod triggers;
mod webhooks;
mod workflows;
