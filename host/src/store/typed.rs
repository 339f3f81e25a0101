//! Typed access to definitions, over any store.

use std::any::Any;
use std::ops::Deref;
use std::sync::Arc;

use quick_cache::sync::Cache;
use serde::de::DeserializeOwned;

use super::{Draft, Expect, Page, Result, Slice, Store, StoreError};
use crate::model::{Definition, DefinitionPath, Kind, Saved, Slug};

/// A definition that is in memory once.
#[derive(Debug)]
pub struct Shared<T>(Arc<(Slug, Saved<T>)>);

impl<T> Shared<T> {
    /// The space it is in.
    pub fn space(&self) -> &Slug {
        &self.0.0
    }

    /// It and its revision.
    pub fn saved(&self) -> &Saved<T> {
        &self.0.1
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.1.value
    }
}

/// Definitions kept in memory as values.
const CACHE_ENTRIES: usize = 10_000;
/// Definitions read at a time, when all are.
const PAGE_ENTRIES: usize = 500;

/// Definitions as values instead of JSON.
pub struct Definitions {
    store: Arc<dyn Store>,
    known: Cache<Name, Known>,
}

/// What a definition is found by.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Name {
    Path(DefinitionPath),
    Alias(Kind, String),
    All(Kind, Slug),
}

/// What was read at an epoch of the store: `(Slug, Saved<T>)` of the name's type, or a list of such.
#[derive(Clone)]
struct Known {
    epoch: u64,
    value: Arc<dyn Any + Send + Sync>,
}

impl Definitions {
    /// Over `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: Cache::new(CACHE_ENTRIES) }
    }

    /// One definition, shared: for calls that need it each time.
    pub async fn shared<T: Definition>(&self, space: &Slug, id: &str) -> Result<Option<Shared<T>>> {
        let path = DefinitionPath::new(space, T::KIND, id);
        let load = async || Ok(self.get::<T>(space, id).await?.map(|saved| (space.clone(), saved)));
        self.remember(Name::Path(path), load).await
    }

    /// All definitions of a kind in a space, by id, shared: for calls that need them each time.
    pub async fn all<T: Definition>(&self, space: &Slug) -> Result<Arc<Vec<Shared<T>>>> {
        let (epoch, name) = (self.store.definitions_epoch(), Name::All(T::KIND, space.clone()));
        let known = self.known.get(&name).filter(|known| known.epoch == epoch);
        if let Some(Ok(all)) = known.map(|known| known.value.downcast()) {
            return Ok(all);
        }
        let (mut all, mut page) = (Vec::new(), Page { cursor: None, limit: PAGE_ENTRIES });
        loop {
            let slice = self.list::<T>(space, page).await?;
            all.extend(slice.items.into_iter().map(|saved| Shared(Arc::new((space.clone(), saved)))));
            let Some(next) = slice.next else { break };
            page = Page { cursor: Some(next), limit: PAGE_ENTRIES };
        }
        let all = Arc::new(all);
        self.known.insert(name, Known { epoch, value: Arc::clone(&all) as Arc<dyn Any + Send + Sync> });
        Ok(all)
    }

    /// As [`Self::find`], shared.
    pub async fn find_shared<T: Definition>(&self, alias: &str) -> Result<Option<Shared<T>>> {
        self.remember(Name::Alias(T::KIND, alias.to_owned()), async || self.find::<T>(alias).await).await
    }

    async fn remember<T: Definition>(
        &self,
        name: Name,
        load: impl AsyncFnOnce() -> Result<Option<(Slug, Saved<T>)>>,
    ) -> Result<Option<Shared<T>>> {
        let epoch = self.store.definitions_epoch();
        let known = self.known.get(&name).filter(|known| known.epoch == epoch);
        if let Some(Ok(shared)) = known.map(|known| known.value.downcast()) {
            return Ok(Some(Shared(shared)));
        }
        let Some(loaded) = load().await? else { return Ok(None) };
        let shared = Arc::new(loaded);
        self.known.insert(name, Known { epoch, value: Arc::clone(&shared) as Arc<dyn Any + Send + Sync> });
        Ok(Some(Shared(shared)))
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
