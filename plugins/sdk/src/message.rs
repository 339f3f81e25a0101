//! Conveniences on requests and responses.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Failure, Field, Request, Response};

impl Field {
    /// A header line.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// The value of the first header of this name; names compare without case.
fn header<'a>(headers: &'a [Field], name: &str) -> Option<&'a str> {
    headers.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value.as_str())
}

impl Request {
    /// The value of the first header of this name; names compare without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// Sets a header, in place of all of the same name.
    pub fn set_header(&mut self, name: &str, value: impl Into<String>) {
        self.headers.retain(|field| !field.name.eq_ignore_ascii_case(name));
        self.headers.push(Field::new(name, value));
    }

    /// Sets the body to a JSON value, and `content-type` to `application/json`.
    pub fn set_json(&mut self, value: &serde_json::Value) {
        self.body = value.to_string().into_bytes();
        self.set_header("content-type", "application/json");
    }

    /// Sets the body to anything that serde can write as JSON, and `content-type` to `application/json`.
    ///
    /// # Errors
    /// `Rejected` when the value has no JSON form.
    pub fn set_json_of<T: Serialize>(&mut self, value: &T) -> Result<(), Failure> {
        self.body = crate::Json::encode(value)?.into_text().into_bytes();
        self.set_header("content-type", "application/json");
        Ok(())
    }
}

impl Response {
    /// An answer with a body of this content type; an empty type sets none.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = match content_type {
            "" => Vec::new(),
            content_type => vec![Field::new("content-type", content_type)],
        };
        Self { status, headers, body: body.into() }
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether a repeat may work (RFC 9110 §15): 408, 425, 429 and 5xx.
    pub fn is_temporary(&self) -> bool {
        matches!(self.status, 408 | 425 | 429 | 500..=599)
    }

    /// The value of the first header of this name; names compare without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as text.
    ///
    /// # Errors
    /// `Invalid` when the body is not UTF-8.
    pub fn text(&self) -> Result<&str, Failure> {
        std::str::from_utf8(&self.body).map_err(|error| Failure::Invalid(format!("response: not UTF-8: {error}")))
    }

    /// The body, parsed as JSON.
    ///
    /// # Errors
    /// `Invalid`, with the reason, line and column.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        crate::json::decode("response", self.text()?)
    }
}
