//! Recorded requests: what request bins have received.
//!
//! A bin keeps its newest requests. They belong to its token: one that is made anew under the id of a deleted bin has
//! nothing of it.

use async_trait::async_trait;

use super::{Page, Pruned, Result, Shared, Slice};
use crate::model::{Bin, Capture, Slug, UniqueId};

/// How many requests a bin keeps: more than anybody looks through, and a bin that is forgotten in a load test does not
/// fill the disk.
pub const CAPTURES_KEPT: u64 = 1_000;

/// A request to keep.
#[derive(Clone, Debug)]
pub struct CaptureDraft {
    /// The bin, as it was read.
    pub bin: Shared<Bin>,
    /// The request, with its whole body; it has no number and no status yet.
    pub capture: Capture,
}

/// The requests of bins in a durable store.
#[async_trait]
pub trait Captures: Send + Sync + 'static {
    /// Keeps a request; answers it with its number and with its status by [`Bin::status_of`]. The oldest of the bin
    /// goes, if there are more than [`CAPTURES_KEPT`]. [`super::StoreError::Conflict`] if the bin was saved or deleted
    /// since it was read.
    async fn capture(&self, draft: CaptureDraft) -> Result<Capture>;

    /// One request of the bin with this token, whole.
    async fn captured(&self, space: &Slug, token: &str, id: UniqueId) -> Result<Option<Capture>>;

    /// The requests of the bin with this token, newest first, as [excerpts](Capture::excerpt).
    async fn captures(&self, token: &str, page: Page) -> Result<Slice<Capture>>;

    /// Removes the oldest requests of the bin with this token, at most `max` of them; rounds count from 1 again.
    async fn clear_captures(&self, token: &str, max: usize) -> Result<Pruned>;
}
