//! `tenterhook plugin check`: what an upload would find, and how the plugin does with its own example.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;

use super::anatomy::{Anatomy, Kind};
use super::ask::Ask;
use super::bench::{Bench, Setting};
use super::report::{Example, Report};
use super::role::Role;
use super::units;
use crate::cli::out;
use crate::engine::schema_fault;
use crate::model::{Description, Export, Slug, Time, Trial};
use crate::plugin::{Limits, Loaded, PluginError};

/// How often an example is called: its time is the median, and its result must always be the same.
const CALLS: usize = 9;
/// From which part of a limit on it is said how near it is.
const NEAR: f64 = 0.8;
/// The time that examples take for the present.
const EXAMPLE_TIME: Time = Time::from_millis(1_767_225_600_000);

/// A component to check.
#[derive(Clone, Debug)]
pub struct CheckRequest {
    /// The component.
    pub file: PathBuf,
    /// Print one JSON document instead of text.
    pub json: bool,
    /// What it may use.
    pub limits: Limits,
}

/// Checks a component and prints what was found; `true` if nothing is wrong with it.
///
/// # Errors
/// The file cannot be read, or the engine not set up.
pub(super) fn check(request: &CheckRequest) -> anyhow::Result<bool> {
    let bytes = Bytes::from(super::read(&request.file)?);
    let bench = Bench::start(request.limits.clone())?;
    let anatomy = Anatomy::of(&bytes);
    let mut report = Report::new(&request.file, bytes.len(), request.limits.component_bytes_max, anatomy);
    examine(&bench, &bytes, &mut report)?;
    if request.json {
        out::line(&serde_json::to_string_pretty(&report)?)?;
    } else {
        out::line(&report.to_string())?;
    }
    Ok(report.problems.is_empty())
}

fn examine(bench: &Bench, bytes: &Bytes, report: &mut Report) -> anyhow::Result<()> {
    let start = Instant::now();
    let inspection = match bench.inspect(bytes) {
        Ok(inspection) => inspection,
        Err(refused) => {
            report.problems.push(refused.to_string());
            if report.kind == Kind::CoreModule {
                report.hints.push("`tenterhook plugin componentize` makes a component of a core module".to_owned());
            }
            return Ok(());
        }
    };
    report.ready_ms = Some(units::millis(start.elapsed()));
    match &inspection.description {
        Some(description) => {
            check_description(description, report);
            let plugin = bench.load(&inspection, bytes)?;
            for role in inspection.exports.iter().copied().map(Role::from) {
                if role == Role::Action && !report.imports.capabilities.is_empty() {
                    report.hints.push(tried_bare(&inspection.trial));
                } else {
                    try_example(bench, &plugin, role, description, report);
                }
            }
        }
        None => report
            .hints
            .push("it does not export `describe`: nobody sees what it is for, and no example is tried".to_owned()),
    }
    report.description = inspection.description;
    Ok(())
}

/// Name, configuration and capabilities, as `describe` tells them.
fn check_description(description: &Description, report: &mut Report) {
    if let Err(error) = description.name.parse::<Slug>() {
        report.hints.push(format!("its name cannot be that of an upload: {error}"));
    }
    report.problems.extend(schema_fault(&description.config_schema, &description.example_config));
    let asked = |name: &str| description.capabilities.iter().any(|asked| asked == name);
    for import in &report.imports.capabilities {
        let name = import.split_once('/').map_or(import.as_str(), |(_, name)| name);
        let name = name.split('@').next().unwrap_or(name);
        if !asked(name) && !import.starts_with("wasi:http/") {
            report.hints.push(format!("it imports `{name}`, but `describe` does not name that capability"));
        }
    }
}

/// How an action that uses capabilities did in the trial of its inspection, which is that of an upload: nothing is
/// granted there, so its result and its time tell little. One that never ends was refused by it.
fn tried_bare(trials: &[Trial]) -> String {
    let how = match trials.iter().find(|trial| trial.export == Export::Action) {
        None => "is not tried: there is no example input".to_owned(),
        Some(Trial { error: None, .. }) => {
            "was tried as by an upload, with nothing granted: it gave a result".to_owned()
        }
        Some(Trial { error: Some(error), .. }) => {
            format!("was tried as by an upload, with nothing granted, which is not held against it: {error}")
        }
    };
    format!("action: its example {how}; try it with `plugin run --server FILE`")
}

/// Calls an export with the plugin's own example.
fn try_example(bench: &Bench, plugin: &Loaded, role: Role, description: &Description, report: &mut Report) {
    let ask = Ask::example(role, &description.example_input);
    let setting = Setting {
        config: description.example_config.to_string(),
        now: EXAMPLE_TIME,
        id: "example".into(),
        server: None,
    };
    let example = repeat(bench, plugin, ask, &setting);
    judge(&example, report);
    report.examples.push(example);
}

/// Calls again and again, until something goes wrong.
fn repeat(bench: &Bench, plugin: &Loaded, ask: Ask, setting: &Setting) -> Example {
    let role = ask.role();
    let mut example = Example {
        export: role,
        output: None,
        error: None,
        is_steady: true,
        logs: Vec::new(),
        time: Duration::ZERO,
        time_max: bench.time_max(role),
        memory_bytes: 0,
        memory_bytes_max: bench.limits().memory_bytes_max,
    };
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let called = match bench.call(plugin, ask.clone(), setting) {
            Ok(called) => called,
            Err(error) => return failed(example, &error),
        };
        times.push(called.elapsed);
        example.is_steady &= example.output.as_ref().is_none_or(|former: &Value| *former == called.value);
        (example.output, example.logs, example.memory_bytes) = (Some(called.value), called.logs, called.memory_peak);
    }
    times.sort_unstable();
    example.time = times.get(CALLS / 2).copied().unwrap_or_default();
    example
}

fn failed(example: Example, error: &PluginError) -> Example {
    Example { error: Some(error.to_string()), output: None, logs: error.logs().to_vec(), ..example }
}

/// What is wrong with how an example went.
fn judge(example: &Example, report: &mut Report) {
    let name = example.export.name();
    if let Some(error) = &example.error {
        // Where that shows that the plugin does not work, its inspection has refused it.
        report.hints.push(format!("{name}: the example does not suit it: {error}"));
        return;
    }
    if !example.is_steady {
        report.problems.push(format!("{name}: its results differ, although its arguments are the same"));
    }
    let part = example.time.as_secs_f64() / example.time_max.as_secs_f64();
    if part > NEAR {
        report.hints.push(format!("{name}: its example takes {:.0} % of the time that a call may take", part * 100.0));
    }
    let part = example.memory_bytes as f64 / example.memory_bytes_max as f64;
    if part > NEAR {
        report
            .hints
            .push(format!("{name}: its example takes {:.0} % of the memory that a call may take", part * 100.0));
    }
}
