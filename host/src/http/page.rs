//! Path ids, query parameters and pages. What is wrong with them becomes a problem.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::problem::Problem;
use crate::store::{Page, Slice};

/// Items of a page unless the caller says otherwise.
pub const PAGE_ITEMS_DEFAULT: usize = 50;
/// Most items of a page.
pub const PAGE_ITEMS_MAX: usize = 200;

/// The ids in the path.
pub struct At<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(ids)) => Ok(Self(ids)),
            Err(PathRejection::FailedToDeserializePathParams(error)) => {
                let text = error.body_text();
                Err(Problem::new("bad-request", text.strip_prefix("Invalid URL: ").unwrap_or(&text)))
            }
            Err(other) => Err(Problem::new("bad-request", other.body_text())),
        }
    }
}

/// The query parameters.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        axum::extract::Query::try_from_uri(&parts.uri).map(|query| Self(query.0)).map_err(|error| {
            let text = error.body_text();
            let prefix = "Failed to deserialize query string: ";
            Problem::new("bad-request", text.strip_prefix(prefix).unwrap_or(&text))
        })
    }
}

/// Which page of a listing.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// The `next` of the page before; leave it out for the first page.
    cursor: Option<String>,
    /// How many items at most: 1 to 200, by default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

impl PageQuery {
    /// Checks both.
    ///
    /// # Errors
    /// A problem `bad-request` if `limit` is out of range.
    pub fn page(self) -> Result<Page, Problem> {
        page(self.cursor, self.limit)
    }
}

/// Checks the parameters of a page.
///
/// # Errors
/// A problem `bad-request` if `limit` is out of range.
pub fn page(cursor: Option<String>, limit: Option<usize>) -> Result<Page, Problem> {
    let limit = limit.unwrap_or(PAGE_ITEMS_DEFAULT);
    if !(1..=PAGE_ITEMS_MAX).contains(&limit) {
        let reason = format!("{limit} is not between 1 and {PAGE_ITEMS_MAX}");
        return Err(Problem::new("bad-request", format!("limit: {reason}")).with_field("limit", reason, None));
    }
    Ok(Page { cursor: cursor.filter(|cursor| !cursor.is_empty()), limit })
}

/// One page of a listing.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Listing<T> {
    /// The items.
    pub items: Vec<T>,
    /// The `cursor` of the page after this one; null at the end.
    pub next: Option<String>,
}

impl<T> Listing<T> {
    /// A slice of the store with its items converted.
    pub fn of<U>(slice: Slice<U>, convert: impl FnMut(U) -> T) -> Self {
        let Slice { items, next } = slice.map(convert);
        Self { items, next }
    }
}
