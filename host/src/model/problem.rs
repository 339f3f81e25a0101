//! What is wrong with what a user sent.

/// One thing that is wrong with what the user sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct FieldProblem {
    /// Which field: a dotted path such as `request.url`, or a JSON pointer (RFC 6901) such as `/data/lead/email`.
    pub field: String,
    /// What is wrong and how to mend it.
    pub reason: String,
    /// The line in a document or template, from 1.
    pub line: Option<usize>,
    /// The column in that line, from 1.
    pub column: Option<usize>,
}

impl FieldProblem {
    /// A problem without a position.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into(), line: None, column: None }
    }
}
