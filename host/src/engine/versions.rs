//! The versions of a workflow, page by page: each holds a document, so a listing never loads them all.

use crate::model::{Slug, Workflow, WorkflowVersion, version_id};
use crate::store::{Page, Slice, StoreError};

use super::{Engine, Result};

impl Engine {
    /// Versions of a workflow, newest first. A cursor is the number of the last version of the page before.
    pub async fn workflow_versions_page(&self, space: &Slug, id: &Slug, page: Page) -> Result<Slice<Workflow>> {
        let newest = self.current_workflow(space, id).await?.version;
        let end = newest.saturating_add(1);
        let end = match page.cursor {
            None => end,
            Some(cursor) => cursor.parse::<u32>().map_err(|_| StoreError::BadCursor)?.min(end),
        };
        let mut items: Vec<Workflow> = Vec::new();
        for version in (1..end).rev() {
            if items.len() >= page.limit {
                let next = items.last().map(|last| last.version.to_string());
                return Ok(Slice { items, next });
            }
            let saved = self.definitions.get::<WorkflowVersion>(space, &version_id(id, version)).await?;
            items.extend(saved.map(|saved| saved.value.0));
        }
        Ok(Slice { items, next: None })
    }
}
