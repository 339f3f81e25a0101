//! "Call Webhook": everything about it that is no I/O. A definition is checked ([`WebhookDraft`]), the template's
//! context is made ([`root_context`]), the request is composed ([`plan`], [`finish`]), the exchange is masked for
//! history ([`Redactor`]), and the answer becomes the task's output ([`reply`]).

mod check;
mod compose;
mod context;
mod draft;
mod redact;
mod reply;
mod secrets;

pub use compose::{ComposeError, ComposedRequest, RenderStep, Rendered, finish, plan, secret_names};
pub use context::root_context;
pub use draft::{CheckedWebhook, HeadersDraft, MappingDraft, RequestDraft, ResponseDraft, TemplateDraft, WebhookDraft};
pub use redact::{BODY_BYTES_KEPT, Redactor};
pub use reply::{Answer, Verdict, reply, unreachable_fault};

/// Longest template text, URL template, or expression, in bytes: what people write by hand.
pub const TEMPLATE_BYTES_MAX: usize = 64 * 1024;
/// Longest URL template, in bytes.
pub const URL_BYTES_MAX: usize = 8 * 1024;
/// Longest expression of a mapping rule, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 16 * 1024;
/// Longest header value, in bytes.
pub const HEADER_VALUE_BYTES_MAX: usize = 8 * 1024;
/// Most headers of a request.
pub const HEADERS_MAX: usize = 50;
/// Most rules of a response mapping: as many as a source has fields.
pub const RULES_MAX: usize = 200;
/// The time of the whole exchange unless the definition says otherwise, in milliseconds.
pub const TIMEOUT_MS_DEFAULT: u64 = 15_000;
/// The longest time that a definition can give it, in milliseconds.
pub const TIMEOUT_MS_MAX: u64 = 60_000;

/// What is wrong with a definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct FieldProblem {
    /// The path of the member: `request.url`, `response.mapping.rules[2].to`.
    pub field: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

impl FieldProblem {
    pub(crate) fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into() }
    }
}

#[cfg(test)]
mod tests;
