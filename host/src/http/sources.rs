//! Sources: tables of records.

use axum::extract::State;
use http::StatusCode;

use super::Api;
use super::answer::{Answer, Condition, Result};
use super::body::Json;
use super::page::{At, Listing, PageQuery, Query};
use crate::engine::SourceDraft;
use crate::model::{Slug, Source};

/// Lists the sources of a space.
#[utoipa::path(get, path = "", tag = "sources", params(PageQuery), responses(
    (status = 200, description = "A page of sources", body = Listing<Source>)))]
pub async fn list_sources(
    State(api): State<Api>,
    At(space): At<Slug>,
    Query(query): Query<PageQuery>,
) -> Result<Answer<Listing<Source>>> {
    let slice = api.engine.sources(&space, query.page()?).await?;
    Ok(Answer::ok(Listing::of(slice, |saved| saved.value)))
}

/// Shows a source.
#[utoipa::path(get, path = "", tag = "sources", responses((status = 200, description = "The source", body = Source)))]
pub async fn get_source(State(api): State<Api>, At((space, id)): At<(Slug, Slug)>) -> Result<Answer<Source>> {
    let saved = api.engine.source(&space, &id).await?;
    Ok(Answer::ok(saved.value).at(saved.revision))
}

/// Makes or changes a source. Takes `If-Match` and `If-None-Match: *`.
#[utoipa::path(put, path = "", tag = "sources", request_body = SourceDraft, responses(
    (status = 201, description = "Made", body = Source), (status = 200, description = "Changed", body = Source)))]
pub async fn save_source(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    condition: Condition,
    Json(draft): Json<SourceDraft>,
) -> Result<Answer<Source>> {
    let saved = api.engine.save_source(&space, &id, draft, condition.0).await;
    let (saved, created) = saved.map_err(|error| condition.problem(error))?;
    Ok(Answer::saved(saved.value, created).at(saved.revision))
}

/// Deletes a source that has no records and is not used.
#[utoipa::path(delete, path = "", tag = "sources", responses((status = 204, description = "Deleted")))]
pub async fn delete_source(
    State(api): State<Api>,
    At((space, id)): At<(Slug, Slug)>,
    condition: Condition,
) -> Result<StatusCode> {
    let deleted = api.engine.delete_source(&space, &id, condition.0).await;
    deleted.map_err(|error| condition.problem(error))?;
    Ok(StatusCode::NO_CONTENT)
}
