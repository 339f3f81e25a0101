//! Whether a template yields a document of its format, found out before there is any input.
//!
//! Each `{{ … }}` is replaced by a stand-in of the same length, so that a parser's line and column are those of the
//! template. A template with statements is checked as it renders, in coordinates of the rendered text.

use tenterhook_decode::{DecodeError, Format, check};

use crate::place::{Place, Target, Tracker};

/// Checks a body template that compiles. `rendered`: what it gave, if it could be rendered.
///
/// # Errors
/// Where and why the document is not valid.
pub fn check_body(source: &str, format: Format, rendered: Option<&str>) -> Result<(), DecodeError> {
    if format == Format::Form && source.trim().is_empty() {
        return Ok(());
    }
    match (stand_in(source, format), rendered) {
        (Some(document), _) => check(format, &document?),
        (None, Some(rendered)) => check(format, rendered)
            .map_err(|error| DecodeError { message: format!("{} (in the rendered text)", error.message), ..error }),
        (None, None) => Ok(()),
    }
}

/// The template with a stand-in for each `{{ … }}`; `None` if it holds anything else than those.
fn stand_in(source: &str, format: Format) -> Option<Result<String, DecodeError>> {
    let mut tracker = Tracker::new(Target::Body(format));
    let mut document = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find('{') {
        let (text, from_brace) = rest.split_at(at);
        tracker.feed(text.as_bytes());
        document.push_str(text);
        match from_brace.as_bytes().get(1) {
            Some(b'{') => {}
            Some(b'%' | b'#') => return None,
            _ => {
                tracker.feed(b"{");
                document.push('{');
                rest = &from_brace[1..];
                continue;
            }
        }
        let length = expression_length(from_brace)?;
        let (expression, after) = from_brace.split_at(length);
        let width = expression.chars().count();
        match tracker.place() {
            Place::JsonEscape => {
                let lines = document.matches('\n').count();
                let column = document.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
                let message = "a backslash stands before the inserted value: write two of them".to_owned();
                return Some(Err(DecodeError { line: lines + 1, column, message }));
            }
            Place::JsonValue => document.extend(["\"", &"x".repeat(width - 2), "\""]),
            _ => document.push_str(&"x".repeat(width)),
        }
        rest = after;
    }
    document.push_str(rest);
    Some(Ok(document))
}

/// The length in bytes of the `{{ … }}` that `text` starts with; `None` if it trims white space around it or spans
/// lines, so that no stand-in has its shape.
fn expression_length(text: &str) -> Option<usize> {
    let mut quote = None;
    let bytes = text.as_bytes();
    let mut at = 2;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if byte == open => quote = None,
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') && !is_in_object(&text[2..at]) => {
                let is_trimming = [bytes[2], bytes[at - 1]].iter().any(|byte| matches!(byte, b'-' | b'+'));
                return (!is_trimming && at > 2).then_some(at + 2);
            }
            (_, b'\n') => return None,
            _ => {}
        }
        at += 1;
    }
    None
}

/// Whether an object literal is open: its `}` may stand right before another one.
fn is_in_object(expression: &str) -> bool {
    let mut quote = None;
    let mut depth = 0_i32;
    for c in expression.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') => depth -= 1,
            _ => {}
        }
    }
    depth > 0
}
