//! `tenterhook workflow lint FILE`: what saving the workflow would say, without a server.

use std::path::Path;
use std::process::ExitCode;

use super::out;
use crate::expr::NoSandbox;
use crate::model::{DocumentMedia, Export};
use crate::plugin::{Limits, PluginHost};
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
            match scripts(&document, &program) {
                Ok(refusals) => report(file, &refusals),
                Err(error) => {
                    out::complain(&format!("not checked: scripts: {error}"));
                    ExitCode::SUCCESS
                }
            }
        }
        Err(refusals) => report(file, &refusals),
    }
}

fn report(file: &Path, refusals: &[Refusal]) -> ExitCode {
    if let Err(error) = lines(file, refusals).try_for_each(|line| out::line(&line)) {
        out::complain(&error.to_string());
    }
    if refusals.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is wrong with the scripts of a workflow, and with configurations of other plugins that come with the server.
fn scripts(document: &str, program: &Program) -> anyhow::Result<Vec<Refusal>> {
    if program.plugin_calls().is_empty() {
        return Ok(Vec::new());
    }
    let plugins = PluginHost::start(Limits::default(), None)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let mut refusals = Vec::new();
    for call in program.plugin_calls() {
        let Some(config) = &call.config else { continue };
        let checked = plugins.check_config("lint", call.plugin.name.as_str(), Export::Action, &config.value);
        if let Some(found) = runtime.block_on(checked)? {
            refusals.push(config.refuse(document, &found.pointer, found.position, &found.reason));
        }
    }
    Ok(refusals)
}

fn lines(file: &Path, refusals: &[Refusal]) -> impl Iterator<Item = String> {
    let place = file.display();
    refusals.iter().map(move |r| format!("{place}:{}:{}: {}", r.line, r.column, r.reason))
}
