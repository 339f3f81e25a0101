//! Text to syntax tree, by jaq's lexer and parser, with errors as line and column.

use jaq_core::load::lex::{Lexer, Token};
use jaq_core::load::parse::{Parser, Term};
use jaq_core::load::span;

use super::ExpressionError;

/// Longest piece of source quoted in a message, in characters.
const QUOTED_CHARS_MAX: usize = 40;

/// Parses one expression. Call only for sources that `guard::is_shallow` lets through.
pub(super) fn parse(source: &str) -> Result<Term<&str>, ExpressionError> {
    let tokens = Lexer::new(source).lex().map_err(|errors| match errors.first() {
        Some((expected, rest)) => error_at(source, rest, &format!("expected {}", expected.as_str())),
        None => ExpressionError { line: 1, column: 1, message: "cannot be read".to_owned() },
    })?;
    Parser::new(&tokens).parse(|parser| parser.term()).map_err(|errors| match errors.first() {
        Some((expected, found)) => {
            let at = Token::opt_as_str(*found, source);
            error_at(source, at, &format!("expected {}, found {}", expected.as_str(), quoted(at)))
        }
        None => ExpressionError { line: 1, column: 1, message: "cannot be parsed".to_owned() },
    })
}

/// An error at `part`, a slice of `source`.
pub(super) fn error_at(source: &str, part: &str, message: &str) -> ExpressionError {
    let before = &source[..span(source, part).start.min(source.len())];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    ExpressionError {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        message: message.to_owned(),
    }
}

fn quoted(found: &str) -> String {
    if found.is_empty() {
        return "the end".to_owned();
    }
    let mut short: String = found.chars().take(QUOTED_CHARS_MAX).collect();
    if short.len() < found.len() {
        short.push('…');
    }
    format!("`{short}`")
}
