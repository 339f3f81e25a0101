//! The standard errors of the Open Workflow Specification 1.0 (dsl-reference, "Standard Error Types").

use serde_json::Value;

use crate::expr::EvaluateError;
use crate::model::Fault;

/// Standard errors by kind, status and title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Data is not as it must be.
    Validation,
    /// An expression failed.
    Expression,
    /// A call could not be made, or its answer was an error.
    Communication,
    /// Something took too long.
    Timeout,
    /// Anything else.
    Runtime,
}

const SPEC_BASE: &str = "https://serverlessworkflow.io/spec/1.0.0/errors/";
/// The same errors under other names: before and after the project was renamed, and as the conformance tests write them.
const BASES: [&str; 4] = [
    "https://serverlessworkflow.io/spec/1.0.0/errors/",
    "https://open-workflow-specification.org/spec/1.0.0/errors/",
    "https://serverlessworkflow.io/dsl/errors/types/",
    "https://open-workflow-specification.org/dsl/errors/types/",
];

impl FaultKind {
    const fn parts(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::Validation => ("validation", 400, "Validation error"),
            Self::Expression => ("expression", 400, "Expression error"),
            Self::Communication => ("communication", 500, "Communication error"),
            Self::Timeout => ("timeout", 408, "Timeout"),
            Self::Runtime => ("runtime", 500, "Runtime error"),
        }
    }

    /// A fault of this kind with its standard status; the instance is filled in by the interpreter.
    pub fn fault(self, detail: impl Into<String>) -> Fault {
        let (name, status, title) = self.parts();
        Fault {
            kind: format!("{SPEC_BASE}{name}"),
            status,
            title: title.to_owned(),
            detail: Some(detail.into()),
            instance: None,
        }
    }
}

/// The fault of a failed evaluation.
pub(super) fn of_evaluation(error: &EvaluateError) -> Fault {
    match error {
        EvaluateError::Failed(detail) | EvaluateError::Limit(detail) => FaultKind::Expression.fault(detail),
        EvaluateError::Unavailable(detail) => Fault { status: 503, ..FaultKind::Runtime.fault(detail) },
    }
}

/// `kind` with the spellings of a standard error made one.
pub(super) fn canonical(kind: &str) -> String {
    match BASES.iter().find_map(|base| kind.strip_prefix(base)) {
        Some(name) => format!("{SPEC_BASE}{name}"),
        None => kind.to_owned(),
    }
}

/// As expressions see it.
pub(super) fn to_value(fault: &Fault) -> Value {
    serde_json::to_value(fault).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_standard_error_are_one() {
        for base in BASES {
            assert_eq!(canonical(&format!("{base}communication")), FaultKind::Communication.fault("x").kind);
        }
        assert_eq!(canonical("https://example.com/errors/mine"), "https://example.com/errors/mine");
    }
}
