//! `tenterhook workflow lint FILE`: what saving the workflow would say, without a server.

use std::path::Path;
use std::process::ExitCode;

use super::out;
use crate::model::DocumentMedia;
use crate::workflow::Program;

/// Checks a document; `file:line:column: reason` for each thing that is wrong, and exit code 1.
pub fn lint(file: &Path) -> ExitCode {
    let document = match std::fs::read_to_string(file) {
        Ok(document) => document,
        Err(error) => {
            out::complain(&format!("cannot read {}: {error}", file.display()));
            return ExitCode::FAILURE;
        }
    };
    let lines = findings(file, &document);
    let shown = lines.iter().try_for_each(|line| out::line(line));
    if lines.is_empty() && shown.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn findings(file: &Path, document: &str) -> Vec<String> {
    let media = match file.extension().and_then(|extension| extension.to_str()) {
        Some("json") => DocumentMedia::Json,
        _ => DocumentMedia::Yaml,
    };
    let refusals = Program::parse(document, media).err().unwrap_or_default();
    let place = file.display();
    refusals.iter().map(|r| format!("{place}:{}:{}: {}", r.line, r.column, r.reason)).collect()
}
