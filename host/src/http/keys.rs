//! API keys: shown once, kept as a hash.

use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::Api;
use super::answer::{Answer, Result};
use super::body::Json;
use super::page::{At, Listing, PageQuery, Query};
use crate::model::{ApiKey, Role, Slug, Time};

/// A key to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyBody {
    /// What it is for.
    name: String,
    /// What it may do.
    role: Role,
    /// The space it opens; without one it opens every space.
    #[serde(default)]
    space: Option<Slug>,
}

/// An API key.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct KeyView {
    /// Its id, to delete it by.
    id: Slug,
    /// What it is for.
    name: String,
    /// What it may do.
    role: Role,
    /// The space it opens; null opens every space.
    space: Option<Slug>,
    /// When it was made.
    created_at: Time,
    /// The key itself: only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl KeyView {
    /// What is shown of a key; `text` only when it was just made.
    pub(super) fn of(key: ApiKey, text: Option<String>) -> Self {
        Self { id: key.id, name: key.name, role: key.role, space: key.space, created_at: key.created_at, key: text }
    }
}

/// Lists the API keys, without the keys themselves.
#[utoipa::path(get, path = "", tag = "keys", params(PageQuery), responses(
    (status = 200, description = "A page of keys", body = Listing<KeyView>)))]
pub async fn list_keys(State(api): State<Api>, Query(query): Query<PageQuery>) -> Result<Answer<Listing<KeyView>>> {
    let slice = api.engine.keys(query.page()?).await?;
    Ok(Answer::ok(Listing::of(slice, |saved| KeyView::of(saved.value, None))))
}

/// Makes an API key and shows it once.
#[utoipa::path(post, path = "", tag = "keys", request_body = KeyBody, responses(
    (status = 201, description = "Made; `key` is shown only here", body = KeyView)))]
pub async fn create_key(State(api): State<Api>, Json(body): Json<KeyBody>) -> Result<Answer<KeyView>> {
    let (key, text) = api.engine.create_key(body.name, body.role, body.space).await?;
    tracing::info!(id = key.id.as_str(), name = key.name, role = ?key.role, "an API key was made");
    let location = format!("/api/v1/keys/{}", key.id);
    Ok(Answer::saved(KeyView::of(key, Some(text.reveal().to_owned())), true).located(location))
}

/// Deletes an API key: it opens nothing from now on.
#[utoipa::path(delete, path = "", tag = "keys", responses((status = 204, description = "Deleted")))]
pub async fn delete_key(State(api): State<Api>, At(id): At<Slug>) -> Result<StatusCode> {
    api.engine.delete_key(&id).await?;
    tracing::info!(id = id.as_str(), "an API key was deleted");
    Ok(StatusCode::NO_CONTENT)
}
