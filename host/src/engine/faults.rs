//! Turns errors into faults of a task, with the error types of the Open Workflow Specification (1.0.3, "Errors").

use crate::egress::SendError;
use crate::model::Fault;
use crate::plugin::PluginError;
use crate::webhook;

use super::{EngineError, Result};

const SPEC: &str = "https://serverlessworkflow.io/spec/1.0.0/errors/";

/// Why a task failed, in a sentence.
pub(super) fn reason(fault: &Fault) -> &str {
    fault.detail.as_deref().unwrap_or(&fault.title)
}

/// The kinds of error that our effects raise.
#[derive(Clone, Copy)]
enum Kind {
    Configuration,
    Runtime,
    Timeout,
    Validation,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Runtime => "runtime",
            Self::Timeout => "timeout",
            Self::Validation => "validation",
        }
    }

    fn fault(self, status: u16, title: &str, detail: String) -> Fault {
        Fault {
            kind: format!("{SPEC}{}", self.word()),
            status,
            title: title.to_owned(),
            detail: Some(detail),
            instance: None,
        }
    }
}

/// The fault of a task whose effect failed with `error`.
///
/// # Errors
/// `error` is trouble of ours, not of the task: the run must rest, not fail.
pub(super) fn of(error: EngineError) -> Result<Fault> {
    let detail = error.to_string();
    Ok(match error {
        EngineError::NotFound { what: "record", .. } => Kind::Runtime.fault(404, "Record missing", detail),
        EngineError::NotFound { .. } => Kind::Configuration.fault(404, "Definition missing", detail),
        EngineError::Exists { .. } => Kind::Runtime.fault(409, "Record exists", detail),
        EngineError::Invalid { .. } | EngineError::Record(_) => record(error.code(), detail),
        EngineError::Plugin(error) => plugin(&error),
        EngineError::Send(error) => send(&error),
        EngineError::Vault(_) => configuration(format!("a secret cannot be opened: {detail}")),
        other => return Err(other),
    })
}

fn record(code: &str, detail: String) -> Fault {
    match code {
        "record-exists" => Kind::Runtime.fault(409, "Record exists", detail),
        "record-missing" => Kind::Runtime.fault(404, "Record missing", detail),
        _ => Kind::Validation.fault(400, "Invalid value", detail),
    }
}

/// A plugin that failed.
pub(super) fn plugin(error: &PluginError) -> Fault {
    let detail = error.to_string();
    if matches!(error, PluginError::TimedOut { .. }) {
        return Kind::Timeout.fault(408, "Plugin timeout", detail);
    }
    if error.is_retriable() {
        return Kind::Runtime.fault(503, "Plugin unavailable", detail);
    }
    Kind::Runtime.fault(500, "Plugin failed", detail)
}

/// An action that was called again and again, as others kept changing what it wrote.
pub(super) fn contended(tries: u32) -> Fault {
    let detail = format!("the action was called {tries} times, and each time others had changed what it wrote");
    Kind::Runtime.fault(409, "Too many changes at once", detail)
}

/// A request that got no answer.
pub(super) fn send(error: &SendError) -> Fault {
    if error.is_retriable() {
        return webhook::unreachable_fault(error.to_string(), matches!(error, SendError::Timeout { .. }));
    }
    Kind::Configuration.fault(400, "Request not sent", error.to_string())
}

/// A step with more to keep than one commit takes.
pub(super) fn too_large(detail: String) -> Fault {
    Kind::Validation.fault(413, "Too much to keep", detail)
}

/// A run that was cancelled while a task was under way.
pub(super) fn cancelled() -> Fault {
    let detail = "the run was cancelled while this was under way: its result is dropped".to_owned();
    Kind::Runtime.fault(409, "Run cancelled", detail)
}

/// An answer of which only the first `limit` bytes were read: nothing is made of a part.
pub(super) fn cut(status: u16, limit: usize) -> Fault {
    let detail = format!("the response, with status {status}, is larger than {limit} bytes");
    Kind::Runtime.fault(502, "Response too large", detail)
}

/// A definition that cannot be used as it is.
pub(super) fn configuration(detail: String) -> Fault {
    Kind::Configuration.fault(400, "Definition not usable", detail)
}
