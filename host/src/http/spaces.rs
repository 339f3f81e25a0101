//! Spaces: tenants.

use axum::extract::State;
use serde::Deserialize;

use super::Api;
use super::answer::{Answer, Result};
use super::body::Json;
use super::page::{At, Listing, PageQuery, Query};
use crate::model::{Slug, Space};

/// A space to make or rename.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SpaceBody {
    /// Its name for people.
    name: String,
}

/// Lists the spaces.
#[utoipa::path(get, path = "", tag = "spaces", params(PageQuery), responses(
    (status = 200, description = "A page of spaces", body = Listing<Space>)))]
pub async fn list_spaces(State(api): State<Api>, Query(query): Query<PageQuery>) -> Result<Answer<Listing<Space>>> {
    let slice = api.engine.spaces(query.page()?).await?;
    Ok(Answer::ok(Listing::of(slice, |saved| saved.value)))
}

/// Shows a space.
#[utoipa::path(get, path = "", tag = "spaces", responses((status = 200, description = "The space", body = Space)))]
pub async fn get_space(State(api): State<Api>, At(space): At<Slug>) -> Result<Answer<Space>> {
    let saved = api.engine.space(&space).await?;
    Ok(Answer::ok(saved.value).at(saved.revision))
}

/// Makes or renames a space.
#[utoipa::path(put, path = "", tag = "spaces", request_body = SpaceBody, responses(
    (status = 201, description = "Made", body = Space), (status = 200, description = "Renamed", body = Space)))]
pub async fn save_space(
    State(api): State<Api>,
    At(space): At<Slug>,
    Json(body): Json<SpaceBody>,
) -> Result<Answer<Space>> {
    let (saved, created) = api.engine.save_space(&space, body.name).await?;
    Ok(Answer::saved(saved.value, created).at(saved.revision))
}
