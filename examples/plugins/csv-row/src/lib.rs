//! A template plugin: an event as a row of CSV (RFC 4180), for collectors that append what they get to a file.
//!
//! What people typed must not become a formula in the spreadsheet of whoever opens the file.

use serde::Deserialize;
use serde_json::{Value, json};
use tenterhook_plugin::{Call, Describe, Description, Failure, Json, Request, Template};

struct CsvRow;

/// The configuration, at each place of use. Places in the input are JSON pointers (RFC 6901).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The columns, in this order.
    columns: Vec<Column>,
    /// Whether a line with the names of the columns comes first.
    #[serde(default)]
    header: bool,
    #[serde(default)]
    separator: Separator,
    /// What makes a cell text that would be a formula.
    #[serde(default)]
    formulas: Formulas,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    name: String,
    /// Where its value is; nothing there is an empty cell.
    value: String,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Separator {
    #[default]
    Comma,
    Semicolon,
    Tab,
}

impl Separator {
    const fn char(self) -> char {
        match self {
            Self::Comma => ',',
            Self::Semicolon => ';',
            Self::Tab => '\t',
        }
    }
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Formulas {
    /// An apostrophe before it, which spreadsheets do not show.
    #[default]
    Quote,
    /// Nothing: no spreadsheet ever opens the file.
    Allow,
}

/// The lines, each with its line break.
fn rows(config: &Config, input: &Value) -> String {
    let names: Vec<Value> = config.columns.iter().map(|column| Value::from(column.name.as_str())).collect();
    let values: Vec<Value> =
        config.columns.iter().map(|column| input.pointer(&column.value).cloned().unwrap_or_default()).collect();
    let lines = if config.header { vec![names, values] } else { vec![values] };
    lines.iter().map(|line| row(config, line)).collect()
}

fn row(config: &Config, values: &[Value]) -> String {
    let separator = config.separator.char();
    let cells: Vec<String> = values.iter().map(|value| escape(&cell(config, value), separator)).collect();
    cells.join(&separator.to_string()) + "\r\n"
}

/// A value as the text of a cell: null is empty, arrays and objects are JSON.
fn cell(config: &Config, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if config.formulas == Formulas::Quote && is_formula(text) => format!("'{text}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether a spreadsheet may take a text for a formula: by its first character, which may stand behind white space
/// and be of full width. Signed numbers, among them telephone numbers in the form of E.164, are none.
fn is_formula(text: &str) -> bool {
    let is_tab_or_break = text.starts_with(['\t', '\r', '\n']);
    let bare = text.trim_start_matches(|c: char| c.is_whitespace() || c.is_control());
    let begins = bare.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    is_tab_or_break || (begins && !is_signed_number(text))
}

fn is_signed_number(text: &str) -> bool {
    let Some(number) = text.strip_prefix(['+', '-']) else { return false };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction)
}

/// A cell in quotes where it needs them (RFC 4180 §2.6, §2.7).
fn escape(cell: &str, separator: char) -> String {
    let needs_quotes = cell.contains([separator, '"', '\r', '\n']) || cell.starts_with(' ') || cell.ends_with(' ');
    if needs_quotes { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}

impl Template for CsvRow {
    fn render(call: &Call, input: Json, mut base: Request) -> Result<Option<Request>, Failure> {
        let config: Config = call.config()?;
        if config.columns.is_empty() {
            return Err(Failure::Invalid("config: there are no columns".to_owned()));
        }
        base.body = rows(&config, &input.decode()?).into_bytes();
        let header = if config.header { "present" } else { "absent" };
        base.set_header("content-type", format!("text/csv; charset=utf-8; header={header}"));
        Ok(Some(base))
    }
}

impl Describe for CsvRow {
    fn describe() -> Description {
        let column = json!({
            "type": "object",
            "properties": { "name": { "type": "string" }, "value": { "type": "string", "format": "json-pointer" } },
            "required": ["name", "value"],
            "additionalProperties": false,
        });
        let schema = json!({
            "type": "object",
            "properties": {
                "columns": { "type": "array", "items": column, "minItems": 1 },
                "header": { "type": "boolean", "default": false },
                "separator": { "enum": ["comma", "semicolon", "tab"], "default": "comma" },
                "formulas": { "enum": ["quote", "allow"], "default": "quote" },
            },
            "required": ["columns"],
            "additionalProperties": false,
        });
        let column = |(name, value)| json!({ "name": name, "value": value });
        let columns = [
            ("event", "/id"),
            ("time", "/timestamp"),
            ("type", "/type"),
            ("company", "/data/company"),
            ("phone", "/data/phone"),
            ("worth", "/data/contract_value"),
        ];
        Description::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), "An event as a row of CSV.")
            .config(schema, json!({ "columns": columns.map(column) }))
            .input(serde_json::from_str(include_str!("example.json")).unwrap_or_default())
    }
}

tenterhook_plugin::export!(CsvRow: template, describe);
tenterhook_plugin::bump_allocator!();

#[cfg(test)]
mod tests;
