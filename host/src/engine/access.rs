//! Who may do what: spaces, API keys, secrets.

use crate::model::{ApiKey, DefinitionPath, Key, Kind, Redacted, Role, Saved, Secret, Slug, Space};
use crate::store::{Expect, Page, Shared, Slice, draft};
use crate::vault::Place;

use super::{Engine, EngineError, Result, defect};

/// The space that exists from the start. API keys are kept in it, whatever space they open.
pub const DEFAULT_SPACE: &str = "default";

impl Engine {
    /// The key with this text, if there is one.
    pub async fn authenticate(&self, text: &str) -> Result<Option<Shared<ApiKey>>> {
        Ok(self.definitions.find_shared(&Key::hash(text).to_string()).await?)
    }

    /// Makes the default space and the first admin key where there are none.
    /// Answers the key if one was generated: show it once.
    pub async fn bootstrap(&self, given: Option<&Redacted>) -> Result<Option<Redacted>> {
        let space = self.home.clone();
        if self.definitions.get::<Space>(&space, space.as_str()).await?.is_none() {
            self.save_space(&space, "Default".to_owned()).await?;
        }
        if let Some(text) = given {
            if self.authenticate(text.reveal()).await?.is_none() {
                self.store_key("admin", Role::Admin, None, text.reveal()).await?;
            }
            return Ok(None);
        }
        let first = self.keys(Page { cursor: None, limit: 1 }).await?;
        if !first.items.is_empty() {
            return Ok(None);
        }
        let (_, key) = self.create_key("admin".to_owned(), Role::Admin, None).await?;
        Ok(Some(key))
    }

    /// Makes or renames a space; `true` if it was made.
    pub async fn save_space(&self, id: &Slug, name: String) -> Result<(Saved<Space>, bool)> {
        if name.trim().is_empty() {
            return Err(EngineError::invalid("name", "give the space a name"));
        }
        let former = self.definitions.get::<Space>(id, id.as_str()).await?;
        let created_at = former.as_ref().map_or_else(|| self.clock.now(), |saved| saved.value.created_at);
        let space = Space { id: id.clone(), name, created_at };
        let revision = self.definitions.save(id, &space, Expect::Any).await?;
        Ok((Saved { revision, value: space }, former.is_none()))
    }

    /// One space.
    pub async fn space(&self, id: &Slug) -> Result<Saved<Space>> {
        self.definitions.get(id, id.as_str()).await?.ok_or_else(|| EngineError::not_found("space", id))
    }

    /// All spaces.
    pub async fn spaces(&self, page: Page) -> Result<Slice<Saved<Space>>> {
        Ok(self.definitions.list(&self.home, page).await?)
    }

    /// Makes an API key; the text is shown once.
    pub async fn create_key(&self, name: String, role: Role, space: Option<Slug>) -> Result<(ApiKey, Redacted)> {
        if name.trim().is_empty() {
            return Err(EngineError::invalid("name", "say what the key is for"));
        }
        if let Some(space) = &space {
            self.space(space).await?;
        }
        let text = generate_key("th")?;
        let key = self.store_key(&name, role, space, text.reveal()).await?;
        Ok((key, text))
    }

    async fn store_key(&self, name: &str, role: Role, space: Option<Slug>, text: &str) -> Result<ApiKey> {
        let hash = Key::hash(text);
        let id = hash.to_string()["sha256:".len()..][..16].parse().map_err(|error| defect(&error))?;
        let key = ApiKey { id, name: name.to_owned(), role, space, hash, created_at: self.clock.now() };
        let mut draft = draft(&self.home, &key, Expect::Absent)?;
        draft.alias = Some(hash.to_string());
        draft.uses.extend(key.space.iter().map(|space| DefinitionPath::new(space, Kind::Space, space.as_str())));
        self.definitions.commit(vec![draft]).await?;
        Ok(key)
    }

    /// All API keys, without their texts.
    pub async fn keys(&self, page: Page) -> Result<Slice<Saved<ApiKey>>> {
        Ok(self.definitions.list(&self.home, page).await?)
    }

    /// Deletes an API key; it opens nothing from now on.
    pub async fn delete_key(&self, id: &Slug) -> Result<()> {
        self.remove::<ApiKey>("API key", &self.home, id.as_str(), Expect::Any).await
    }

    /// Sets a secret of a space; `true` if it is new.
    pub async fn put_secret(&self, space: &Slug, name: &Slug, value: &Redacted) -> Result<bool> {
        self.space(space).await?;
        if value.reveal().is_empty() || value.reveal().chars().any(char::is_control) {
            return Err(EngineError::invalid("value", "give a text without control characters"));
        }
        let sealed = self.vault.seal(&secret_place(space, name), value.reveal())?;
        let secret = Secret { id: name.clone(), value: sealed, updated_at: self.clock.now() };
        Ok(self.definitions.save(space, &secret, Expect::Any).await? == 1)
    }

    /// The secrets of a space: show their names only.
    pub async fn secrets(&self, space: &Slug, page: Page) -> Result<Slice<Saved<Secret>>> {
        self.space(space).await?;
        Ok(self.definitions.list(space, page).await?)
    }

    /// Deletes a secret; refused while a webhook uses it.
    pub async fn delete_secret(&self, space: &Slug, name: &Slug) -> Result<()> {
        self.remove::<Secret>("secret", space, name.as_str(), Expect::Any).await
    }

    /// The value of a secret.
    pub(super) async fn secret(&self, space: &Slug, name: &str) -> Result<Option<Redacted>> {
        let Some(saved) = self.definitions.get::<Secret>(space, name).await? else { return Ok(None) };
        Ok(Some(self.vault.unseal(&secret_place(space, &saved.value.id), &saved.value.value)?))
    }
}

/// A new unguessable part of a URL: 128 random bits, as hex.
pub(super) fn generate_token() -> Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| EngineError::Internal(format!("no randomness: {error}")))?;
    Ok(hex::encode(bytes))
}

/// A new random key text.
pub(super) fn generate_key(prefix: &str) -> Result<Redacted> {
    let key = Key::generate(prefix).map_err(|error| EngineError::Internal(format!("no randomness: {error}")))?;
    Ok(Redacted::new(key.reveal().to_owned()))
}

fn secret_place<'a>(space: &'a Slug, name: &'a Slug) -> Place<'a> {
    Place { space, kind: Kind::Secret, id: name.as_str() }
}
