//! A template plugin: a text message over a form API, as Twilio has it.
//!
//! A provider bills a long text several times, and takes a wrong number and reports it days later. So both are checked
//! before anything is sent.

mod segments;

use serde::Deserialize;
use serde_json::{Value, json};
use tenterhook_plugin::{Call, Describe, Description, Failure, Json, Request, Template, log};

use segments::segments;

struct Sms;

/// The configuration, at each place of use. Places in the input are JSON pointers (RFC 6901).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The number (E.164), name or messaging service (`MG…`) that the message comes from.
    from: String,
    /// Where the number is that gets it.
    #[serde(default = "data_to")]
    to: String,
    /// What it says; if absent, what is at `text_at`.
    #[serde(default)]
    text: Option<String>,
    #[serde(default = "data_text")]
    text_at: String,
    /// How many segments it may have, each of which is billed.
    #[serde(default = "three")]
    segments_max: usize,
    #[serde(default)]
    too_long: TooLong,
}

/// What becomes of a text that is too long.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TooLong {
    #[default]
    Refuse,
    Cut,
}

fn data_to() -> String {
    "/data/to".to_owned()
}

fn data_text() -> String {
    "/data/text".to_owned()
}

fn three() -> usize {
    3
}

/// The longest text that such providers take, in characters.
const TEXT_CHARS_MAX: usize = 1_600;
/// What people put into numbers for the eye.
const SEPARATORS: [char; 7] = [' ', '\u{a0}', '-', '.', '(', ')', '/'];

/// A number in the form of ITU-T E.164: `+`, the country code, at most 15 digits. What people put between digits is
/// left out, and a leading `00` is a `+`.
fn e164(number: &str) -> Result<String, String> {
    if number.contains("(0)") {
        return Err(format!("{number:?} has a (0), which is dialled within the country only: leave it out"));
    }
    let bare: String = number.chars().filter(|c| !SEPARATORS.contains(c)).collect();
    let bare = bare.strip_prefix("00").map_or(bare.clone(), |rest| format!("+{rest}"));
    let digits = bare.strip_prefix('+').unwrap_or_default();
    let country = digits.starts_with(|c: char| ('1'..='9').contains(&c));
    if !country || !digits.chars().all(|c| c.is_ascii_digit()) {
        return Err(format!(
            "{number:?} is no E.164 number: it begins with + and the country code, such as +442079460101"
        ));
    }
    match digits.len() {
        7..=15 => Ok(bare),
        count => Err(format!("{number:?} has {count} digits; an E.164 number has 7 to 15")),
    }
}

/// The text as it is sent: of at most `segments_max` segments.
fn fitted(config: &Config, text: &str) -> Result<String, Failure> {
    let count = if text.chars().count() > TEXT_CHARS_MAX { usize::MAX } else { segments(text) };
    if count <= config.segments_max {
        return Ok(text.to_owned());
    }
    if let TooLong::Refuse = config.too_long {
        let found = if count == usize::MAX {
            format!("more than {TEXT_CHARS_MAX} characters")
        } else {
            format!("{count} segments")
        };
        return Err(Failure::Invalid(format!(
            "the text has {found}; the configuration allows {}",
            config.segments_max
        )));
    }
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).take(TEXT_CHARS_MAX).collect();
    // The ellipsis as three dots: as one character it would make each segment less than half as long.
    let cut = |end: usize| format!("{}...", text[..end].trim_end());
    let fits = ends.partition_point(|end| segments(&cut(*end)) <= config.segments_max);
    log::warn(format!("the text is cut to {} segments", config.segments_max));
    Ok(cut(ends[..fits].last().copied().unwrap_or_default()))
}

/// The form (WHATWG URL §5.2) of a message.
fn message(config: &Config, input: &Value) -> Result<Option<String>, Failure> {
    let Some(to) = input.pointer(&config.to) else {
        return Err(Failure::Invalid(format!("input: there is nothing at {}, where the number should be", config.to)));
    };
    if to.is_null() {
        log::info("the number is null (withheld, or not known): nothing is sent");
        return Ok(None);
    }
    let invalid = |reason: String| Failure::Invalid(format!("input: {}: {reason}", config.to));
    let to = to.as_str().ok_or_else(|| invalid(format!("{to} is no text")))?;
    let to = e164(to).map_err(invalid)?;
    let text = config.text.as_deref().or_else(|| input.pointer(&config.text_at).and_then(Value::as_str));
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
        return Err(Failure::Invalid(format!(
            "there is no text, neither in the configuration nor at {}",
            config.text_at
        )));
    };
    let text = fitted(config, text)?;
    let is_service = config.from.len() == 34 && config.from.starts_with("MG");
    let sender = if is_service { "MessagingServiceSid" } else { "From" };
    Ok(Some(form(&[("To", &to), (sender, &config.from), ("Body", &text)])))
}

/// `application/x-www-form-urlencoded` (WHATWG URL §5.2).
fn form(pairs: &[(&str, &str)]) -> String {
    let mut form = String::new();
    for (name, value) in pairs {
        if !form.is_empty() {
            form.push('&');
        }
        form.push_str(name);
        form.push('=');
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => form.push(byte.into()),
                b' ' => form.push('+'),
                byte => form.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    form
}

impl Template for Sms {
    fn render(call: &Call, input: Json, mut base: Request) -> Result<Option<Request>, Failure> {
        let config: Config = call.config()?;
        let Some(form) = message(&config, &input.decode()?)? else { return Ok(None) };
        base.body = form.into_bytes();
        base.set_header("content-type", "application/x-www-form-urlencoded");
        Ok(Some(base))
    }
}

impl Describe for Sms {
    fn describe() -> Description {
        let pointer = json!({ "type": "string", "format": "json-pointer" });
        let schema = json!({
            "type": "object",
            "properties": {
                "from": { "type": "string", "minLength": 1 },
                "to": pointer,
                "text": { "type": "string", "minLength": 1 },
                "text_at": pointer,
                "segments_max": { "type": "integer", "minimum": 1, "maximum": 10, "default": 3 },
                "too_long": { "enum": ["refuse", "cut"], "default": "refuse" },
            },
            "required": ["from"],
            "additionalProperties": false,
        });
        let example = json!({
            "from": "+442079460102",
            "to": "/data/originatingNumberE164",
            "text": "Sorry that we missed your call. We will call you back today.",
            "segments_max": 1,
        });
        Description::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), "A text message over a form API.")
            .config(schema, example)
            .input(serde_json::from_str(include_str!("example.json")).unwrap_or_default())
    }
}

tenterhook_plugin::export!(Sms: template, describe);
tenterhook_plugin::bump_allocator!();

#[cfg(test)]
mod tests;
