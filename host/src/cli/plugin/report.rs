//! What a check found, for people and as JSON.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::anatomy::{Anatomy, Imports, Kind};
use super::role::Role;
use super::units;
use crate::model::{Description, LogLine};

/// Longest output of an example that is shown to people, in characters.
const OUTPUT_CHARS_MAX: usize = 160;

/// What a check found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub file: String,
    pub kind: Kind,
    /// In bytes.
    pub size: usize,
    pub size_max: usize,
    pub exports: Vec<String>,
    pub imports: Imports,
    /// How long validating, compiling and describing took; less if it was compiled before.
    pub ready_ms: Option<f64>,
    pub description: Option<Description>,
    pub examples: Vec<Example>,
    /// What an upload would be refused for, or what fails.
    pub problems: Vec<String>,
    /// What could be better, or was not checked.
    pub hints: Vec<String>,
}

/// How an export did with the plugin's own example.
#[derive(Debug, Serialize)]
pub(super) struct Example {
    pub export: Role,
    pub output: Option<Value>,
    pub error: Option<String>,
    /// Whether all calls gave the same.
    pub is_steady: bool,
    pub logs: Vec<LogLine>,
    /// The median.
    #[serde(rename = "time_ms", serialize_with = "as_millis")]
    pub time: Duration,
    #[serde(rename = "time_max_ms", serialize_with = "as_millis")]
    pub time_max: Duration,
    pub memory_bytes: usize,
    pub memory_bytes_max: usize,
}

fn as_millis<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(units::millis(*duration))
}

impl Report {
    /// Before anything was checked.
    pub fn new(file: &Path, size: usize, size_max: usize, anatomy: Anatomy) -> Self {
        let Anatomy { kind, exports, imports } = anatomy;
        Self {
            file: file.display().to_string(),
            kind,
            size,
            size_max,
            exports,
            imports,
            ready_ms: None,
            description: None,
            examples: Vec::new(),
            problems: Vec::new(),
            hints: Vec::new(),
        }
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        if let Some(said) = &self.description {
            lines.push(("plugin", format!("{} {}: {}", said.name, said.version, said.summary)));
        }
        if self.kind == Kind::Component {
            lines.extend(several("exports", self.exports.clone()));
            lines.extend(several("imports", self.imports.lines()));
        }
        if let Some(millis) = self.ready_ms {
            lines.push(("ready", format!("in {millis:.0} ms")));
        }
        for example in &self.examples {
            lines.push((example.export.name(), example.to_string()));
        }
        lines.extend(self.hints.iter().map(|hint| ("hint", hint.clone())));
        lines.extend(self.problems.iter().map(|problem| ("problem", problem.clone())));
        lines
    }
}

/// Lines of which only the first is labelled.
fn several(label: &'static str, texts: Vec<String>) -> impl Iterator<Item = (&'static str, String)> {
    texts.into_iter().enumerate().map(move |(number, text)| (if number == 0 { label } else { "" }, text))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, size_max) = (units::size(self.size), units::size(self.size_max));
        write!(f, "{}: {}, {size} of {size_max}", self.file, self.kind.name())?;
        for (label, text) in self.lines() {
            write!(f, "\n  {label:<9} {text}")?;
        }
        match self.problems.len() {
            0 => write!(f, "\nok"),
            1 => write!(f, "\n1 problem"),
            many => write!(f, "\n{many} problems"),
        }
    }
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(output) = &self.output else { return write!(f, "no result") };
        let text = output.to_string();
        let shown: String = text.chars().take(OUTPUT_CHARS_MAX).collect();
        let more = if shown.len() < text.len() { "…" } else { "" };
        let (time, time_max) = (units::time(self.time), units::time(self.time_max));
        let (memory, memory_max) = (units::size(self.memory_bytes), units::size(self.memory_bytes_max));
        write!(f, "{time} of {time_max}, {memory} of {memory_max}: {shown}{more}")
    }
}
