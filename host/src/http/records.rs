//! Records: rows of a source.

use axum::extract::State;
use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::Api;
use super::answer::{Answer, Result};
use super::body::Json;
use super::page::{At, Listing, PageQuery, Query};
use crate::engine::RecordMode;
use crate::model::{Object, Record, RecordKey, Slug};

/// A record to write. Members that only answers have, such as `created_at`, are ignored.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct RecordBody {
    /// Its field values. The key field may be left out where the path has the key.
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    fields: Object,
}

/// Lists the records of a source, by key.
#[utoipa::path(get, path = "", tag = "records", params(PageQuery), responses(
    (status = 200, description = "A page of records", body = Listing<Record>)))]
pub async fn list_records(
    State(api): State<Api>,
    At((space, source)): At<(Slug, Slug)>,
    Query(query): Query<PageQuery>,
) -> Result<Answer<Listing<Record>>> {
    let slice = api.engine.records(&space, &source, query.page()?).await?;
    Ok(Answer::ok(Listing::of(slice, |record| record)))
}

/// Shows a record.
#[utoipa::path(get, path = "", tag = "records", responses((status = 200, description = "The record", body = Record)))]
pub async fn get_record(
    State(api): State<Api>,
    At((space, source, key)): At<(Slug, Slug, RecordKey)>,
) -> Result<Answer<Record>> {
    let record = api.engine.record(&space, &source, &key).await?;
    Ok(shown(record, false))
}

/// Inserts a record; its key is the value of the key field.
#[utoipa::path(post, path = "", tag = "records", request_body = RecordBody, responses(
    (status = 201, description = "Inserted", body = Record)))]
pub async fn insert_record(
    State(api): State<Api>,
    At((space, source)): At<(Slug, Slug)>,
    Json(body): Json<RecordBody>,
) -> Result<Answer<Record>> {
    let (record, created) = api.engine.write_record(&space, &source, None, &body.fields, RecordMode::Insert).await?;
    let key = utf8_percent_encode(record.key.as_str(), NON_ALPHANUMERIC).to_string();
    let location = format!("/api/v1/spaces/{space}/sources/{source}/records/{key}");
    Ok(shown(record, created).located(location))
}

/// Inserts a record, or puts these fields in place of all its former ones.
#[utoipa::path(put, path = "", tag = "records", request_body = RecordBody, responses(
    (status = 201, description = "Inserted", body = Record), (status = 200, description = "Replaced", body = Record)))]
pub async fn put_record(
    State(api): State<Api>,
    At((space, source, key)): At<(Slug, Slug, RecordKey)>,
    Json(body): Json<RecordBody>,
) -> Result<Answer<Record>> {
    let written = api.engine.write_record(&space, &source, Some(&key), &body.fields, RecordMode::Replace).await?;
    Ok(shown(written.0, written.1))
}

/// Changes these fields of a record; the others stay.
#[utoipa::path(patch, path = "", tag = "records", request_body = RecordBody, responses(
    (status = 200, description = "Changed", body = Record)))]
pub async fn update_record(
    State(api): State<Api>,
    At((space, source, key)): At<(Slug, Slug, RecordKey)>,
    Json(body): Json<RecordBody>,
) -> Result<Answer<Record>> {
    let written = api.engine.write_record(&space, &source, Some(&key), &body.fields, RecordMode::Update).await?;
    Ok(shown(written.0, written.1))
}

/// Deletes a record.
#[utoipa::path(delete, path = "", tag = "records", responses((status = 204, description = "Deleted")))]
pub async fn delete_record(
    State(api): State<Api>,
    At((space, source, key)): At<(Slug, Slug, RecordKey)>,
) -> Result<StatusCode> {
    api.engine.delete_record(&space, &source, &key).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(record: Record, created: bool) -> Answer<Record> {
    let revision = record.revision;
    Answer::saved(record, created).at(revision)
}
