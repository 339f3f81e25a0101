//! What plugins keep, in a durable store. It is written with the step of a run ([`super::Advance`]) and read here.

use async_trait::async_trait;

use super::{Pruned, Result};
use crate::model::{PluginState, Slug, StateSize};

/// The values of plugins in a durable store.
#[async_trait]
pub trait States: Send + Sync + 'static {
    /// The value of a key of a plugin in a space.
    async fn state(&self, space: &Slug, plugin: &Slug, key: &str) -> Result<Option<PluginState>>;

    /// How much a plugin keeps in a space.
    async fn state_size(&self, space: &Slug, plugin: &Slug) -> Result<StateSize>;

    /// Removes values of a plugin in a space, at most `max` of them.
    async fn clear_states(&self, space: &Slug, plugin: &Slug, max: usize) -> Result<Pruned>;
}
