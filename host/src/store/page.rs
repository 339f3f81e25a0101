//! Cursor pagination.

/// Which page of a listing: after a cursor, so many items.
#[derive(Clone, Debug)]
pub struct Page {
    /// The `next` of the page before; `None` for the first page.
    pub cursor: Option<String>,
    /// How many items at most.
    pub limit: usize,
}

/// One page of a listing.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the page after this one; `None` at the end.
    pub next: Option<String>,
}

impl<T> Slice<T> {
    /// The same page with each item converted.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Slice<U> {
        Slice { items: self.items.into_iter().map(convert).collect(), next: self.next }
    }
}
