//! The versions of a workflow or an event type, page by page: each holds a document, so a listing never loads them
//! all.

use crate::model::{Definition, Slug, Workflow, WorkflowVersion, version_id};
use crate::store::{Page, Slice, StoreError};

use super::{Engine, Result};

impl Engine {
    /// Versions of a workflow, newest first. A cursor is the number of the last version of the page before.
    pub async fn workflow_versions_page(&self, space: &Slug, id: &Slug, page: Page) -> Result<Slice<Workflow>> {
        let newest = self.current_workflow(space, id).await?.version;
        let slice = self.versions_page::<WorkflowVersion>(space, id.as_str(), newest, page).await?;
        Ok(slice.map(|version| version.0))
    }

    /// Versions of the definition `id` up to `newest`, newest first.
    pub(super) async fn versions_page<T: Definition>(
        &self,
        space: &Slug,
        id: &str,
        newest: u32,
        page: Page,
    ) -> Result<Slice<T>> {
        let end = newest.saturating_add(1);
        let end = match page.cursor {
            None => end,
            Some(cursor) => cursor.parse::<u32>().map_err(|_| StoreError::BadCursor)?.min(end),
        };
        let mut items = Vec::new();
        for version in (1..end).rev() {
            if items.len() >= page.limit {
                // The last version that this page went through.
                return Ok(Slice { items, next: Some((version + 1).to_string()) });
            }
            let saved = self.definitions.get::<T>(space, &version_id(&id, version)).await?;
            items.extend(saved.map(|saved| saved.value));
        }
        Ok(Slice { items, next: None })
    }
}
