//! How a value is inserted, by its place.

use std::borrow::Cow;
use std::fmt::Write;

use minijinja::value::{Object, ValueKind};
use minijinja::{Error, ErrorKind, Output, Value};
use tenterhook_decode::escape;

use crate::place::Place;

/// What the filter `tojson` gives: text that is JSON already, and so inserted as it is where JSON has a value.
#[derive(Debug)]
pub struct JsonText(pub String);

impl Object for JsonText {
    fn render(self: &std::sync::Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result
    where
        Self: Sized + 'static,
    {
        f.write_str(&self.0)
    }
}

/// Writes a value so that it stays a value of the document.
pub fn insert(out: &mut Output<'_>, place: Place, value: &Value) -> Result<(), Error> {
    match place {
        Place::JsonValue => out.write_str(&json(value)?)?,
        Place::JsonString => escape::json_string(&text(value)?, out)?,
        Place::JsonEscape => return Err(invalid("a backslash stands before the inserted value: write two of them")),
        Place::Xml => escape::xml(&text(value)?, out)?,
        // Two hyphens end a comment, or make it ill-formed.
        Place::XmlComment => escape::xml(&text(value)?.replace('-', " "), out)?,
        Place::Cdata => cdata(&text(value)?, out)?,
        Place::Form => escape::form(&text(value)?, out)?,
        Place::Url => escape::url(&text(value)?, out)?,
        Place::Header => match text(value)? {
            text if text.contains(char::is_control) => {
                return Err(invalid("a header cannot hold control characters or line breaks"));
            }
            text => out.write_str(&text)?,
        },
    }
    Ok(())
}

/// Writes a value into text that the template captures (`{% set x %}…{% endset %}`): it is escaped when that text is
/// inserted.
pub fn capture(out: &mut Output<'_>, value: &Value) -> Result<(), Error> {
    Ok(out.write_str(&text(value)?)?)
}

/// A value as JSON.
pub fn json(value: &Value) -> Result<String, Error> {
    match value.downcast_object_ref::<JsonText>() {
        Some(json) => Ok(json.0.clone()),
        None => serde_json::to_string(value)
            .map_err(|error| Error::new(ErrorKind::BadSerialization, "the value has no JSON form").with_source(error)),
    }
}

/// A value as text: strings as they are, nothing for null and missing values, JSON for the others.
fn text(value: &Value) -> Result<Cow<'_, str>, Error> {
    match (value.kind(), value.as_str()) {
        (_, Some(text)) => Ok(text.into()),
        (ValueKind::Undefined | ValueKind::None, _) => Ok("".into()),
        _ => json(value).map(Cow::Owned),
    }
}

/// Text in a CDATA section: no `>` may follow `]]` there, so each `>` is written outside.
fn cdata(text: &str, out: &mut Output<'_>) -> std::fmt::Result {
    for c in text.chars().filter(|c| tenterhook_decode::xml::is_char(*c)) {
        match c {
            '>' => out.write_str("]]>&gt;<![CDATA[")?,
            c => out.write_char(c)?,
        }
    }
    Ok(())
}

fn invalid(reason: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, reason)
}
