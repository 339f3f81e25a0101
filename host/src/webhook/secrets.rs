//! Secrets in header values: `{{ secret.NAME }}` passes through templates untouched and is filled in last.
//!
//! A value inserted by a template may itself hold such text, sent by a stranger. Therefore only secrets that the
//! *definition* names are filled in; any other is an error.

use std::collections::BTreeSet;

use super::ComposeError;
use crate::model::Redacted;

/// Whether a text holds template syntax.
pub(super) fn has_insertion(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

/// The names of secrets that a template mentions: `secret.NAME`, `secret["NAME"]`, `secret['NAME']` within braces.
pub(super) fn names_in_template(template: &str) -> BTreeSet<String> {
    const WORD: &str = "secret";
    if !has_insertion(template) {
        return BTreeSet::new();
    }
    let mut names = BTreeSet::new();
    for (start, _) in template.match_indices(WORD) {
        let before = template[..start].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.')) {
            continue; // `my_secret.x`, `data.secret.x`
        }
        let inside = template[..start].rfind("{{").max(template[..start].rfind("{%"));
        let closed = template[..start].rfind("}}").max(template[..start].rfind("%}"));
        if inside.is_some() && inside > closed {
            names.extend(name_after(&template[start + WORD.len()..]));
        }
    }
    names
}

/// The name in `.NAME`, `["NAME"]` or `['NAME']` at the start of `rest`.
fn name_after(rest: &str) -> Option<String> {
    let name = if let Some(rest) = rest.strip_prefix('.') {
        take_name(rest)
    } else {
        let rest = rest.strip_prefix('[')?.trim_start();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest[1..].split(quote).next()?
    };
    (!name.is_empty()).then(|| name.to_owned())
}

/// The characters of a secret's name at the start of `text`.
fn take_name(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))).unwrap_or(text.len());
    text[..end].trim_end_matches(['.', '-'])
}

/// A header value, with what it took.
pub(super) struct Filled {
    /// The value, secrets filled in.
    pub(super) value: String,
    /// The secrets that were filled in.
    pub(super) used: Vec<Redacted>,
}

/// Fills the placeholders of a rendered header value.
pub(super) fn fill(
    header: &str,
    value: &str,
    named: &BTreeSet<String>,
    secrets: &dyn Fn(&str) -> Option<Redacted>,
) -> Result<Filled, ComposeError> {
    let mut filled = Filled { value: String::with_capacity(value.len()), used: Vec::new() };
    let mut rest = value;
    while let Some(start) = rest.find("{{") {
        filled.value.push_str(&rest[..start]);
        rest = &rest[start..];
        let Some((name, after)) = placeholder(rest) else {
            filled.value.push_str("{{");
            rest = &rest[2..];
            continue;
        };
        if !named.contains(name) {
            return Err(ComposeError::StraySecret { header: header.to_owned(), name: name.to_owned() });
        }
        let secret = secrets(name).ok_or_else(|| ComposeError::UnknownSecret { name: name.to_owned() })?;
        filled.value.push_str(secret.reveal());
        filled.used.push(secret);
        rest = after;
    }
    filled.value.push_str(rest);
    Ok(filled)
}

/// The name in `{{ secret.NAME }}` at the start of `text`, and what follows.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (inside, after) = text.strip_prefix("{{")?.split_once("}}")?;
    let name = inside.trim().strip_prefix("secret.")?;
    (!name.is_empty() && take_name(name) == name).then_some((name, after))
}
