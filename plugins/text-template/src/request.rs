//! The request: URL, headers and body from their templates.

use minijinja::Value;
use serde::Deserialize;
use tenterhook_decode::{DecodeError, Format};
use tenterhook_plugin::{Failure, Field, Request};

use crate::check::check_body;
use crate::engine::{self, TemplateError};
use crate::place::Target;

/// The configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The body. Without it, the body stays as it is.
    #[serde(default)]
    pub text: Option<String>,
    /// The URL. Without it, the URL stays as it is.
    #[serde(default)]
    pub url: Option<String>,
    /// Headers to set, each in place of those of the same name.
    #[serde(default)]
    pub headers: Vec<HeaderTemplate>,
    /// The format of the body.
    #[serde(default = "json")]
    pub format: Format,
    /// Also checks that the body is a document of its format, whatever is inserted.
    #[serde(default)]
    pub check: bool,
}

/// A header to set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderTemplate {
    /// As it is.
    pub name: String,
    /// A template.
    pub value: String,
}

const fn json() -> Format {
    Format::Json
}

/// Renders what the configuration has templates for into `request`.
///
/// # Errors
/// `Invalid`: `line L, column C: reason` for the body, with `url: ` or `header NAME: ` before it for the others.
pub fn render(config: &Config, input: &Value, mut request: Request) -> Result<Request, Failure> {
    if input.kind() != minijinja::value::ValueKind::Map {
        return Err(Failure::Invalid("input: expected a JSON object".into()));
    }
    if let Some(url) = &config.url {
        request.url = render_url(url, input, config.check).map_err(|error| invalid("url: ", &error))?;
    }
    for header in &config.headers {
        if header.name.is_empty() || !header.name.bytes().all(is_token) {
            return Err(Failure::Invalid(format!("header {:?}: this is not a header name", header.name)));
        }
        request.headers.retain(|field| !field.name.eq_ignore_ascii_case(&header.name));
    }
    for header in &config.headers {
        let value = render_header(&header.value, input, config.check)
            .map_err(|error| invalid(&format!("header {}: ", header.name), &error))?;
        request.headers.push(Field::new(header.name.as_str(), value));
    }
    if let Some(text) = &config.text {
        let body = render_body(text, config, input).map_err(|error| invalid("", &error))?;
        set_body(&mut request, config.format, body);
    }
    Ok(request)
}

fn invalid(what: &str, error: &DecodeError) -> Failure {
    Failure::Invalid(format!("{what}{error}"))
}

/// A character of a header name (RFC 9110 §5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Renders; when only checking, what could render with another input is no error.
fn attempt(source: &str, target: Target, input: &Value, check: bool) -> Result<Option<String>, DecodeError> {
    match engine::render(source, target, input) {
        Ok(text) => Ok(Some(text)),
        Err(TemplateError { depends_on_input: true, .. }) if check => Ok(None),
        Err(TemplateError { error, .. }) => Err(error),
    }
}

fn render_body(source: &str, config: &Config, input: &Value) -> Result<String, DecodeError> {
    let rendered = attempt(source, Target::Body(config.format), input, config.check)?;
    if config.check {
        check_body(source, config.format, rendered.as_deref())?;
    }
    Ok(rendered.unwrap_or_default())
}

fn render_url(source: &str, input: &Value, check: bool) -> Result<String, DecodeError> {
    let url = attempt(source, Target::Url, input, check)?.unwrap_or_default();
    let path = url.split(['?', '#']).next().unwrap_or_default();
    match path.split('/').any(|segment| matches!(segment, "." | "..")) {
        // An inserted `..` would lead to another resource than the template says.
        true => Err(DecodeError { line: 1, column: 1, message: "a segment of the path is `.` or `..`".into() }),
        false => Ok(url),
    }
}

/// Stand in for `{{ secret.NAME }}` while the header is rendered: control characters, which nothing inserted can hold.
const SECRET_OPEN: char = '\u{1}';
const SECRET_CLOSE: char = '\u{2}';

/// Renders the value of a header. Secrets are for the host: only what the *template* says may ask for one.
fn render_header(source: &str, input: &Value, check: bool) -> Result<String, DecodeError> {
    let error = |message: &str| Err(DecodeError { line: 1, column: 1, message: message.to_owned() });
    if source.contains(char::is_control) {
        return error("a header cannot hold control characters or line breaks");
    }
    let value = attempt(&hide_secrets(source), Target::Header, input, check)?.unwrap_or_default();
    if value.contains("{{") {
        return error("the value contains `{{`, which only `{{ secret.NAME }}` of the template may");
    }
    let mut shown = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            SECRET_OPEN => shown.push_str("{{ secret."),
            // It may come several times, to keep the columns of what follows.
            SECRET_CLOSE if shown.ends_with("}}") => {}
            SECRET_CLOSE => shown.push_str(" }}"),
            c => shown.push(c),
        }
    }
    Ok(shown)
}

/// Replaces each `{{ secret.NAME }}` by a stand-in of the same length.
fn hide_secrets(source: &str) -> String {
    let mut hidden = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("{{") {
        hidden.push_str(before);
        let name = after
            .split_once("}}")
            .and_then(|(inner, after)| Some((inner.trim().strip_prefix("secret.")?, inner, after)));
        match name {
            Some((name, inner, after)) if is_secret_name(name) => {
                hidden.push(SECRET_OPEN);
                hidden.push_str(name);
                let width = inner.chars().count() + 4 - 1 - name.len();
                hidden.extend(std::iter::repeat_n(SECRET_CLOSE, width));
                rest = after;
            }
            _ => {
                hidden.push_str("{{");
                rest = after;
            }
        }
    }
    hidden + rest
}

fn is_secret_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Puts the body where the method has it: a form goes into the query of GET and DELETE.
fn set_body(request: &mut Request, format: Format, body: String) {
    if format == Format::Form && matches!(request.method.as_str(), "GET" | "DELETE") {
        append_query(&mut request.url, body.trim());
        request.body.clear();
        return;
    }
    let media_type = match format {
        Format::Json => "application/json",
        Format::Form => "application/x-www-form-urlencoded",
        Format::Xml => "application/xml",
    };
    if request.header("content-type").is_none() {
        request.set_header("content-type", media_type);
    }
    request.body = match format {
        Format::Form => body.trim().as_bytes().to_vec(),
        Format::Json | Format::Xml => body.into_bytes(),
    };
}

fn append_query(url: &mut String, query: &str) {
    if query.is_empty() {
        return;
    }
    let fragment = url.find('#').map(|at| url.split_off(at)).unwrap_or_default();
    let joint = match url.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, present)) if present.ends_with('&') => "",
        Some(_) => "&",
    };
    url.push_str(joint);
    url.push_str(query);
    url.push_str(&fragment);
}
