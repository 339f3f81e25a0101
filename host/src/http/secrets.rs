//! Secrets: set and deleted, never shown.

use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use super::Api;
use super::answer::{Answer, Result};
use super::body::Json;
use super::page::{At, Listing, PageQuery, Query};
use crate::model::{Redacted, Slug, Time};

/// A secret to set.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretBody {
    /// Its value; no answer ever shows it.
    value: String,
}

/// A secret, without its value.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SecretView {
    /// Its name, for `{{ secret.NAME }}` in webhook headers.
    name: Slug,
    /// When it was last set.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Time>,
}

/// Lists the secrets of a space by name.
#[utoipa::path(get, path = "", tag = "secrets", params(PageQuery), responses(
    (status = 200, description = "A page of secrets, without values", body = Listing<SecretView>)))]
pub async fn list_secrets(
    State(api): State<Api>,
    At(space): At<Slug>,
    Query(query): Query<PageQuery>,
) -> Result<Answer<Listing<SecretView>>> {
    let slice = api.engine.secrets(&space, query.page()?).await?;
    let view = |secret: crate::model::Secret| SecretView { name: secret.id, updated_at: Some(secret.updated_at) };
    Ok(Answer::ok(Listing::of(slice, |saved| view(saved.value))))
}

/// Sets a secret.
#[utoipa::path(put, path = "", tag = "secrets", request_body = SecretBody, responses(
    (status = 201, description = "Made", body = SecretView), (status = 200, description = "Set anew", body = SecretView)))]
pub async fn save_secret(
    State(api): State<Api>,
    At((space, name)): At<(Slug, Slug)>,
    Json(body): Json<SecretBody>,
) -> Result<Answer<SecretView>> {
    let created = api.engine.put_secret(&space, &name, &Redacted::new(body.value)).await?;
    tracing::info!(space = space.as_str(), name = name.as_str(), "a secret was set");
    Ok(Answer::saved(SecretView { name, updated_at: None }, created))
}

/// Deletes a secret that no webhook uses.
#[utoipa::path(delete, path = "", tag = "secrets", responses((status = 204, description = "Deleted")))]
pub async fn delete_secret(State(api): State<Api>, At((space, name)): At<(Slug, Slug)>) -> Result<StatusCode> {
    api.engine.delete_secret(&space, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
