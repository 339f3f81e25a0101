//! Where in a text: lines and columns for people.

use crate::DecodeError;

/// Line and column (in characters, both from 1) of a byte offset; beyond the end is the end.
pub(crate) fn line_and_column(text: &[u8], offset: usize) -> (usize, usize) {
    let before = &text[..offset.min(text.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    (line, String::from_utf8_lossy(&before[start..]).chars().count() + 1)
}

/// An error at a byte offset.
pub(crate) fn at(text: &[u8], offset: usize, message: impl Into<String>) -> DecodeError {
    let (line, column) = line_and_column(text, offset);
    DecodeError { line, column, message: message.into() }
}

/// The body as text, without a byte order mark.
pub(crate) fn text(body: &[u8]) -> Result<&str, DecodeError> {
    match std::str::from_utf8(body) {
        Ok(text) => Ok(text.strip_prefix('\u{FEFF}').unwrap_or(text)),
        Err(error) => Err(at(body, error.valid_up_to(), "the text is not UTF-8")),
    }
}

/// serde_json counts columns in bytes, and repeats the place in its message.
pub(crate) fn of_json_error(body: &[u8], error: &serde_json::Error) -> DecodeError {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    let start = body.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    // The column is that of the last byte read, which at the end is not where the error is.
    let column = if error.is_eof() { error.column() } else { error.column().saturating_sub(1) };
    let offset = usize::saturating_add(start, column);
    at(body, offset, message)
}
