//! `tenterhook plugin run`: one call of a plugin on this machine.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use serde_json::{Value, json};

use super::ask::{Ask, Surroundings};
use super::bench::{Bench, Setting};
use super::role::Role;
use super::stand_in::{Setup, StandIn};
use super::units;
use crate::cli::out;
use crate::clock::{Clock as _, SystemClock};
use crate::model::{Deed, LogLine, Time};
use crate::plugin::{Limits, PluginError, Reported};

/// A call to make.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// The component.
    pub file: PathBuf,
    /// What to call.
    pub role: Role,
    /// The input: a file, or `-` for standard input.
    pub input: PathBuf,
    /// The configuration, JSON; `null` if absent.
    pub config: Option<PathBuf>,
    /// What surrounds the input, JSON: `method`, `url` and `headers` of the request that a template starts from;
    /// `status` and `headers` of the response that a mapping reads.
    pub base: Option<PathBuf>,
    /// What the plugin takes for the present; the clock's time if absent.
    pub now: Option<Time>,
    /// What the plugin takes for the delivery's or task's id.
    pub id: String,
    /// What the server has for an action, JSON: `records`, `events`, `webhooks`, `state`, `secrets`, `http`; without,
    /// all capabilities are denied.
    pub server: Option<PathBuf>,
    /// Print one JSON document instead of text.
    pub json: bool,
    /// What the call may use.
    pub limits: Limits,
}

/// Calls a plugin; prints what it answers, and on standard error what it logged and used. Not `true` if the plugin
/// gives no result.
///
/// # Errors
/// A file cannot be read or is not what it should be; the component is no plugin.
pub(super) fn run(request: &RunRequest) -> anyhow::Result<bool> {
    let component = Bytes::from(super::read(&request.file)?);
    let ask = ask(request)?;
    let config = match &request.config {
        Some(file) => serde_json::to_string(&json_of::<Value>(file)?)?,
        None => "null".to_owned(),
    };
    let now = request.now.unwrap_or_else(|| SystemClock.now());
    let server = request.server.as_deref().map(json_of::<Setup>).transpose()?.map(StandIn::new);
    let setting = Setting { config, now, id: request.id.clone(), server: server.clone() };

    let bench = Bench::start(request.limits.clone())?;
    let inspection = bench.inspect(&component).with_context(|| request.file.display().to_string())?;
    if !inspection.exports.iter().any(|export| Role::from(*export) == request.role) {
        let names: Vec<_> = inspection.exports.iter().map(|export| Role::from(*export).name()).collect();
        bail!("{} is no {}, but: {}", request.file.display(), request.role.name(), names.join(", "));
    }
    let plugin = bench.load(&inspection, &component)?;
    let outcome = bench.call(&plugin, ask, &setting);
    let deeds = server.map(|server| server.deeds()).unwrap_or_default();
    let time_max = bench.time_max(request.role);
    if request.json {
        out::line(&serde_json::to_string_pretty(&document(&outcome, &deeds))?)?;
    } else {
        deeds.iter().for_each(|deed| out::aside(&told(deed)));
        print(request, &outcome, time_max)?;
    }
    Ok(outcome.is_ok())
}

fn ask(request: &RunRequest) -> anyhow::Result<Ask> {
    let mut input = Vec::new();
    if request.input == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut input).context("cannot read standard input")?;
    } else {
        input = super::read(&request.input)?;
    }
    let around = request.base.as_deref().map(json_of::<Surroundings>).transpose()?.unwrap_or_default();
    Ask::new(request.role, input, around)
}

fn json_of<T: serde::de::DeserializeOwned>(file: &Path) -> anyhow::Result<T> {
    serde_json::from_slice(&super::read(file)?).with_context(|| file.display().to_string())
}

type Outcome = Result<Reported<Value>, PluginError>;

/// A call as JSON.
fn document(outcome: &Outcome, deeds: &[Deed]) -> Value {
    match outcome {
        Ok(report) => json!({
            "output": report.value,
            "deeds": deeds,
            "logs": report.logs,
            "time_ms": units::millis(report.elapsed),
            "memory_bytes": report.memory_peak,
        }),
        Err(error) => json!({ "error": error.to_string(), "deeds": deeds, "logs": error.logs() }),
    }
}

/// A use of a capability, for people.
fn told(Deed { capability, call, target, outcome, detail, .. }: &Deed) -> String {
    let detail = detail.as_deref().map_or_else(String::new, |detail| format!(": {detail}"));
    let outcome = json!(outcome);
    format!("{} {call} {target}: {}{detail}", capability.word(), outcome.as_str().unwrap_or_default())
}

fn print(request: &RunRequest, outcome: &Outcome, time_max: Duration) -> anyhow::Result<()> {
    let logs = outcome.as_ref().map_or_else(PluginError::logs, |report| &report.logs);
    logs.iter().for_each(|LogLine { level, message }| out::aside(&format!("{level}: {message}")));
    match outcome {
        Ok(report) => {
            out::line(&text(request.role, &report.value))?;
            out::aside(&format!(
                "{} of {}, {} of {}",
                units::time(report.elapsed),
                units::time(time_max),
                units::size(report.memory_peak),
                units::size(request.limits.memory_bytes_max),
            ));
        }
        Err(error) => out::complain(&error.to_string()),
    }
    Ok(())
}

/// A result for people: a request as HTTP shows it, anything else as JSON.
fn text(role: Role, output: &Value) -> String {
    match (role, output) {
        (Role::Template, Value::Null) => "nothing to send".to_owned(),
        (Role::Template, request) => {
            let of = |value: &Value, member: &str| value[member].as_str().unwrap_or_default().to_owned();
            let mut lines = vec![format!("{} {}", of(request, "method"), of(request, "url"))];
            let headers = request["headers"].as_array().into_iter().flatten();
            lines.extend(headers.map(|field| format!("{}: {}", of(field, "name"), of(field, "value"))));
            lines.extend([String::new(), of(request, "body")]);
            lines.join("\n")
        }
        _ => output.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_request_is_shown_as_http_shows_it() {
        let headers = json!([{ "name": "content-type", "value": "text/plain" }]);
        let request = json!({ "method": "PUT", "url": "https://a.example/", "headers": headers, "body": "hello" });
        expect![[r#"
            PUT https://a.example/
            content-type: text/plain

            hello"#]]
        .assert_eq(&text(Role::Template, &request));
        assert_eq!(text(Role::Template, &Value::Null), "nothing to send");
        assert_eq!(text(Role::Action, &json!({ "a": 1 })), "{\"a\":1}");
    }
}
