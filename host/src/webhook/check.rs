//! Checks of the parts of a definition.

use url::Url;

use super::secrets::names_in_template;
use super::{EXPRESSION_BYTES_MAX, FieldProblem, RULES_MAX, URL_BYTES_MAX};
use crate::model::{HeaderField, MappingRule};

/// Longest field name of a mapping rule, in bytes.
const FIELD_BYTES_MAX: usize = 100;

pub(super) fn check_headers(headers: &[HeaderField], problems: &mut Vec<FieldProblem>) {
    for (name, reason) in HeaderField::problems(headers) {
        let place = name.map_or_else(|| "request.headers".to_owned(), |name| format!("request.headers.{name}"));
        problems.push(FieldProblem::new(place, reason));
    }
}

/// Scheme and authority must be literal: no escaping could make a value safe there.
pub(super) fn check_url(url: &str, problems: &mut Vec<FieldProblem>) {
    if let Some(reason) = url_problem(url) {
        problems.push(FieldProblem::new("request.url", reason));
    }
}

fn url_problem(url: &str) -> Option<String> {
    if url.len() > URL_BYTES_MAX {
        return Some(format!("it has {} bytes; the limit is {URL_BYTES_MAX}", url.len()));
    }
    if url.chars().any(|c| c.is_control() || c == '\\') || url.trim() != url {
        return Some("it holds a control character, a backslash, or white space at an end".to_owned());
    }
    if let Some(secret) = names_in_template(url).into_iter().next() {
        return Some(format!("secret {secret:?} can be inserted in header values only, because URLs are logged"));
    }
    let Some(origin) = literal_origin(url) else {
        return Some("it must begin with http:// or https:// and a host".to_owned());
    };
    if origin.contains('{') {
        return Some("values can be inserted after the host only; write scheme, host and port literally".to_owned());
    }
    match Url::parse(origin) {
        Err(error) => Some(error.to_string()),
        Ok(parsed) if !parsed.username().is_empty() || parsed.password().is_some() => {
            Some("it holds a user name or password; use an Authorization header with a secret instead".to_owned())
        }
        Ok(_) => None,
    }
}

/// `http://host:port` of a URL or URL template, up to where the path, query or fragment begins.
pub(super) fn literal_origin(url: &str) -> Option<&str> {
    let scheme = ["http://", "https://"]
        .into_iter()
        .find(|scheme| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))?;
    let authority = url[scheme.len()..].split(['/', '?', '#', '\\']).next().unwrap_or_default();
    (!authority.is_empty()).then(|| &url[..scheme.len() + authority.len()])
}

pub(super) fn check_rules(rules: &[MappingRule], problems: &mut Vec<FieldProblem>) {
    const PLACE: &str = "response.mapping.rules";
    if rules.len() > RULES_MAX {
        problems.push(FieldProblem::new(PLACE, format!("there are {} rules; the limit is {RULES_MAX}", rules.len())));
    }
    for (index, rule) in rules.iter().enumerate() {
        if !(1..=FIELD_BYTES_MAX).contains(&rule.to.len()) || rule.to.chars().any(char::is_control) {
            let reason = format!("name the field that gets the value, in 1 to {FIELD_BYTES_MAX} bytes");
            problems.push(FieldProblem::new(format!("{PLACE}[{index}].to"), reason));
        }
        if rule.from.trim().is_empty() || rule.from.len() > EXPRESSION_BYTES_MAX {
            let reason = format!("give a jq expression of 1 to {EXPRESSION_BYTES_MAX} bytes");
            problems.push(FieldProblem::new(format!("{PLACE}[{index}].from"), reason));
        }
    }
}
