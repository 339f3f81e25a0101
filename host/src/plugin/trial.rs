//! The trial of an upload: each export is called once, with the example that the plugin gives of itself.
//!
//! What crashes or never ends is refused. One example serves all exports, and may suit only some of them; so what a
//! plugin says against it (`invalid`, `rejected`) refuses the upload only if none of its exports takes it. An action
//! that asks for capabilities has none here: whatever it makes of that but an endless loop is noted, not held against
//! it.

use std::sync::Arc;
use std::time::Instant;

use super::call;
use super::compiled::Loaded;
use super::error::{PluginError, Refused};
use super::example;
use super::host::PluginHost;
use super::types::{Call, Reported, Secrets, interface};
use crate::model::{Description, Export, Time, Trial};

/// The call that a plugin sees.
const CALL: &str = "trial";

/// Why an export gave no result.
struct Failure {
    export: Export,
    error: PluginError,
}

/// Calls every export of `plugin` with its example; none, if it gives no example input.
///
/// # Errors
/// The first export that does not work, unless that says nothing.
pub(super) async fn try_exports(
    host: &PluginHost,
    plugin: &Loaded,
    description: &Description,
) -> Result<Vec<Trial>, Refused> {
    if description.example_input.is_null() {
        return Ok(Vec::new());
    }
    let (mut trials, mut failures) = (Vec::new(), Vec::new());
    for export in plugin.exports() {
        let start = Instant::now();
        let failure = try_export(host, plugin, export, description).await?;
        trials.push(Trial {
            export,
            ok: failure.is_none(),
            error: failure.as_ref().map(ToString::to_string),
            elapsed_ms: (start.elapsed().as_secs_f64() * 1e6).round() / 1e3,
        });
        failures.extend(failure.map(|error| Failure { export, error }));
    }
    let none_works = failures.len() == trials.len();
    match failures.into_iter().find(|failure| failure.refuses(description, none_works)) {
        Some(Failure { export, error }) => {
            Err(Refused::FailsItsExample { export: interface(export), reason: error.to_string() })
        }
        None => Ok(trials),
    }
}

impl Failure {
    /// Whether it shows that the plugin does not work. `none_works`: no export of it gave a result.
    fn refuses(&self, description: &Description, none_works: bool) -> bool {
        if matches!(self.error, PluginError::TimedOut { .. }) {
            return true;
        }
        if self.export == Export::Action && !description.capabilities.is_empty() {
            return false;
        }
        match self.error {
            PluginError::Invalid { .. } | PluginError::Rejected { .. } => none_works,
            // Too many others are at work, or the server is at fault; or it waits for better times.
            PluginError::Busy { .. } | PluginError::Host { .. } | PluginError::Unavailable { .. } => false,
            _ => true,
        }
    }
}

/// Calls one export; answers why it gave no result.
async fn try_export(
    host: &PluginHost,
    plugin: &Loaded,
    export: Export,
    description: &Description,
) -> Result<Option<PluginError>, Refused> {
    let call = Call {
        space: CALL.to_owned(),
        id: CALL.to_owned(),
        now: Time::default(),
        config: description.example_config.to_string(),
    };
    let (core, plugin) = (Arc::clone(&host.shared.core), plugin.clone());
    let input = description.example_input.clone();
    let failed = match export {
        Export::Template => {
            let work = move || call::render(&core, &plugin, call, input.to_string(), example::base()).map(outcome);
            host.actions.blocking(work).await
        }
        Export::Mapping => {
            let work = move || call::map(&core, &plugin, call, example::response(&input)).map(outcome);
            host.actions.blocking(work).await
        }
        Export::Verifier => {
            let (request, values) = example::received(&input);
            let secrets = Secrets { values, mask: Box::new(str::to_owned) };
            let work = move || call::verify(&core, &plugin, call, request, &secrets).map(outcome);
            host.actions.blocking(work).await
        }
        Export::Action => {
            let work = |turns| async move {
                call::run(&core, &plugin, call, input.to_string(), None, (turns, false)).await.map(outcome)
            };
            host.actions.run(work).await
        }
    };
    let failed = failed.ok_or_else(|| Refused::Host { reason: "its trial was cut short".to_owned() })?;
    Ok(failed.err())
}

/// That there is a result is all that matters.
fn outcome<T>(_: Reported<T>) {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use super::*;
    use crate::plugin::TrapKind;

    fn failure(export: Export, kind: &str) -> Failure {
        let (plugin, reason, logs): (Arc<str>, _, _) = ("p@1.0.0".into(), "why".to_owned(), Vec::new());
        let error = match kind {
            "invalid" => PluginError::Invalid { plugin, reason, logs },
            "rejected" => PluginError::Rejected { plugin, reason, logs },
            "unavailable" => PluginError::Unavailable { plugin, reason, logs },
            "crash" => PluginError::Trapped { plugin, kind: TrapKind::Panic, reason, logs },
            "bad output" => PluginError::BadOutput { plugin, reason, logs },
            "busy" => PluginError::Busy { plugin },
            _ => PluginError::TimedOut { plugin, limit: Duration::ZERO, is_waiting: false, logs },
        };
        Failure { export, error }
    }

    /// What a failed trial means: whether it refuses the upload when another export works, when none works, and when
    /// the export is an action that asks for capabilities and none works.
    #[test]
    fn what_a_failed_trial_means() {
        for (kind, expected) in [
            ("timeout", [true, true, true]),
            ("crash", [true, true, false]),
            ("bad output", [true, true, false]),
            ("invalid", [false, true, false]),
            ("rejected", [false, true, false]),
            ("unavailable", [false, false, false]),
            ("busy", [false, false, false]),
        ] {
            let mut description = Description {
                name: "p".to_owned(),
                version: "1.0.0".to_owned(),
                summary: String::new(),
                config_schema: Value::Bool(true),
                capabilities: Vec::new(),
                example_config: Value::Null,
                example_input: Value::Bool(true),
            };
            let some = failure(Export::Mapping, kind).refuses(&description, false);
            let none = failure(Export::Template, kind).refuses(&description, true);
            description.capabilities.push("records".to_owned());
            assert_eq!([some, none, failure(Export::Action, kind).refuses(&description, true)], expected, "{kind}");
            assert_eq!(failure(Export::Template, kind).refuses(&description, true), expected[1], "{kind}: no action");
        }
    }
}
