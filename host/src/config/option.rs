//! The list of options, read from `default.toml`: names, defaults and help texts exist once.

use super::DEFAULT_TOML;

/// One option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigOption {
    /// Its key in a file, such as `data_dir`.
    pub name: String,
    /// What it does: the comment above it.
    pub help: String,
    /// Its default as written in TOML; for an option without one, an example.
    pub value: String,
    /// Whether `value` above is in effect when nothing is given.
    pub has_default: bool,
}

impl ConfigOption {
    /// Its name on the command line, without `--`: `data-dir`.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// Its environment variable: `TENTERHOOK_DATA_DIR`.
    pub fn variable(&self) -> String {
        format!("{}{}", super::source::VARIABLE_PREFIX, self.name.to_uppercase())
    }

    /// It is on or off, so that `--name` alone means on.
    pub fn is_switch(&self) -> bool {
        matches!(self.value.as_str(), "true" | "false")
    }
}

/// All options, in the order of `default.toml`.
pub fn options() -> Vec<ConfigOption> {
    let mut options = Vec::new();
    let mut comment: Vec<&str> = Vec::new();
    for line in DEFAULT_TOML.lines() {
        if let Some((name, value, has_default)) = assignment(line) {
            let help = comment.join(" ");
            options.push(ConfigOption { name: name.to_owned(), help, value: value.to_owned(), has_default });
            comment.clear();
        } else if let Some(text) = line.strip_prefix('#') {
            comment.push(text.trim());
        } else {
            comment.clear();
        }
    }
    options
}

/// `name = value`, or the same commented out.
fn assignment(line: &str) -> Option<(&str, &str, bool)> {
    let (text, has_default) = match line.strip_prefix("# ") {
        Some(text) => (text, false),
        None => (line, true),
    };
    let (name, value) = text.split_once(" = ")?;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    is_name.then_some((name, value, has_default))
}
