//! Typed access to definitions, over any store.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::{Draft, Expect, Page, Result, Slice, Store, StoreError};
use crate::model::{Definition, DefinitionPath, Saved, Slug};

/// Definitions as values instead of JSON.
#[derive(Clone)]
pub struct Definitions {
    store: Arc<dyn Store>,
}

impl Definitions {
    /// Over `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// One definition.
    pub async fn get<T: Definition>(&self, space: &Slug, id: &str) -> Result<Option<Saved<T>>> {
        let path = DefinitionPath::new(space, T::KIND, id);
        self.store.definition(&path).await?.map(decode).transpose()
    }

    /// The definition with an alias, and the space it is in.
    pub async fn find<T: Definition>(&self, alias: &str) -> Result<Option<(Slug, Saved<T>)>> {
        match self.store.by_alias(T::KIND, alias).await? {
            Some((path, saved)) => Ok(Some((path.space, decode(saved)?))),
            None => Ok(None),
        }
    }

    /// A page of definitions, by id.
    pub async fn list<T: Definition>(&self, space: &Slug, page: Page) -> Result<Slice<Saved<T>>> {
        let slice = self.store.definitions(space, T::KIND, page).await?;
        let items = slice.items.into_iter().map(decode).collect::<Result<_>>()?;
        Ok(Slice { items, next: slice.next })
    }

    /// Deletes a definition; `false` if there was none.
    pub async fn delete<T: Definition>(&self, space: &Slug, id: &str, expect: Expect) -> Result<bool> {
        self.store.delete(DefinitionPath::new(space, T::KIND, id), expect).await
    }

    /// Saves one definition without references; answers its revision.
    pub async fn save<T: Definition>(&self, space: &Slug, value: &T, expect: Expect) -> Result<u64> {
        self.commit(vec![draft(space, value, expect)?]).await
    }

    /// Saves several definitions together; answers the revision of the first.
    pub async fn commit(&self, drafts: Vec<Draft>) -> Result<u64> {
        let revisions = self.store.save(drafts).await?;
        revisions.first().copied().ok_or_else(|| corrupt("no revision for a saved definition"))
    }
}

/// A draft of `value`, without references and alias.
///
/// # Errors
/// `value` does not serialise.
pub fn draft<T: Definition>(space: &Slug, value: &T, expect: Expect) -> Result<Draft> {
    let body = serde_json::to_vec(value).map_err(|error| StoreError::Unavailable(error.into()))?;
    let path = DefinitionPath::new(space, T::KIND, value.id());
    Ok(Draft { path, body, expect, uses: Vec::new(), alias: None })
}

fn decode<T: DeserializeOwned>(saved: Saved<Vec<u8>>) -> Result<Saved<T>> {
    let value = serde_json::from_slice(&saved.value).map_err(|error| StoreError::Unavailable(error.into()))?;
    Ok(Saved { revision: saved.revision, value })
}

fn corrupt(what: &'static str) -> StoreError {
    StoreError::Unavailable(what.into())
}
