//! `tenterhook workflow lint FILE`: what saving the workflow would say, without a server.

use std::path::Path;
use std::process::ExitCode;

use super::out;
use crate::expr::NoSandbox;
use crate::model::DocumentMedia;
use crate::workflow::{Program, Refusal};

/// Checks a document; `file:line:column: reason` for each thing that is wrong, and exit code 1.
pub fn lint(file: &Path) -> ExitCode {
    let document = match std::fs::read_to_string(file) {
        Ok(document) => document,
        Err(error) => {
            out::complain(&format!("cannot read {}: {error}", file.display()));
            return ExitCode::FAILURE;
        }
    };
    let media = match file.extension().and_then(|extension| extension.to_str()) {
        Some("json") => DocumentMedia::Json,
        _ => DocumentMedia::Yaml,
    };
    match Program::parse(&document, media) {
        Ok(program) => {
            // Expressions too long or too deep to be read here: the server has its sandbox read them.
            let unread = program.check_unread(&NoSandbox).err().unwrap_or_default();
            lines(file, &unread).for_each(|line| out::complain(&format!("not checked: {line}")));
            ExitCode::SUCCESS
        }
        Err(refusals) => {
            if let Err(error) = lines(file, &refusals).try_for_each(|line| out::line(&line)) {
                out::complain(&error.to_string());
            }
            ExitCode::FAILURE
        }
    }
}

fn lines(file: &Path, refusals: &[Refusal]) -> impl Iterator<Item = String> {
    let place = file.display();
    refusals.iter().map(move |r| format!("{place}:{}:{}: {}", r.line, r.column, r.reason))
}
