//! Which problem each error of the engine is.

use std::error::Error;

use super::problem::{Problem, ProblemUser};
use crate::engine::EngineError;
use crate::inbound::InboundError;
use crate::model::DefinitionPath;
use crate::plugin::{PluginError, Refused};
use crate::store::StoreError;

/// How a trigger without a verifier is called.
const METHODS: &str = "POST, PUT";

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        let detail = error.to_string();
        match &error {
            EngineError::NotFound { .. } => Self::new("not-found", detail).narrowed(error.code()),
            EngineError::Refused { code, .. } => Self::new("refused", detail).narrowed(*code),
            EngineError::Send(_) => Self::new("call-failed", detail).narrowed(error.code()),
            EngineError::Invalid { problems } => problems.iter().fold(Self::new("invalid", detail), |all, one| {
                all.with_field(
                    &one.field,
                    one.reason.clone(),
                    one.line.zip(one.column).or(one.line.map(|line| (line, 1))),
                )
            }),
            EngineError::BadEvent { problems } => problems
                .iter()
                .fold(Self::new("bad-event", detail), |all, one| all.with_field(&one.field, one.reason.clone(), None)),
            EngineError::InUse { users, .. } => used_by(Self::new("in-use", detail), users),
            EngineError::Unfit { users, .. } => used_by(Self::new("refused", detail).narrowed(error.code()), users),
            EngineError::Inbound(inbound) => of_inbound(inbound, detail),
            EngineError::Record(record) => match record.field() {
                Some(field) => Self::new(error.code(), detail.clone()).with_field(field, detail, None),
                None => Self::new(error.code(), detail),
            },
            EngineError::Component(Refused::TooLarge { limit, .. }) => Self::body_too_large(*limit),
            EngineError::Component(Refused::Host { .. }) => ours("internal", &error),
            EngineError::Component(_) => Self::new("component-refused", detail),
            EngineError::Plugin(plugin) => of_plugin(plugin, detail),
            EngineError::Exists { .. } | EngineError::Changed { .. } | EngineError::Busy { .. } => {
                Self::new(error.code(), detail)
            }
            EngineError::Store(StoreError::BadCursor) => Self::new("bad-cursor", detail),
            EngineError::Store(StoreError::TooLarge { limit, .. }) => Self::body_too_large(*limit),
            EngineError::Store(StoreError::Conflict { .. }) => Self::new("changed", detail),
            EngineError::Store(_) => ours("store-unavailable", &error),
            EngineError::Egress(_) | EngineError::Vault(_) | EngineError::Internal(_) => ours("internal", &error),
        }
    }
}

fn used_by(mut problem: Problem, users: &[DefinitionPath]) -> Problem {
    problem.used_by = users.iter().map(ProblemUser::from).collect();
    problem
}

fn of_inbound(error: &InboundError, detail: String) -> Problem {
    let problem = Problem::new(error.code(), detail);
    match error {
        InboundError::BadBody { line, column, reason, .. } => {
            problem.with_field(".", reason.clone(), Some((*line, *column)))
        }
        // Whoever calls is not known: only the list of refused calls tells more.
        InboundError::VerifierFailed(_) => Problem::new(
            error.code(),
            "this trigger's verifier could not say whether to take the call: try again later",
        ),
        InboundError::MethodNotAllowed { .. } => Problem { allow: Some(METHODS), ..problem },
        InboundError::MappingFailed { field, reason } => problem.with_field(field, reason.to_string(), None),
        _ => problem,
    }
}

fn of_plugin(error: &PluginError, detail: String) -> Problem {
    let code = match error {
        PluginError::Busy { .. } | PluginError::Quarantined { .. } => "plugin-unavailable",
        PluginError::Fetch { .. } | PluginError::Corrupt { .. } | PluginError::Host { .. } => {
            return ours("internal", error);
        }
        _ => "plugin-failed",
    };
    let mut problem = Problem::new(code, detail);
    problem.logs = error.logs().to_vec();
    problem
}

/// A failure of ours: logged here, once, with its causes; the caller learns only that there is one.
fn ours(code: &'static str, error: &dyn Error) -> Problem {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    tracing::error!(code, reason = %error, causes = causes.join(": "), "a request failed");
    Problem::new(code, "the server's log says what happened")
}
