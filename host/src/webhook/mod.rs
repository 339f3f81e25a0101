//! "Call Webhook": everything about it that is no I/O. A definition is checked ([`WebhookDraft`]), the template's
//! context is made ([`root_context`]), the request is composed ([`plan`], [`finish`]), the exchange is masked for
//! history ([`Redactor`]), and the answer becomes the task's output ([`reply`]).

mod check;
mod compose;
mod context;
mod draft;
mod notation;
mod redact;
mod reply;
mod secrets;

pub use crate::model::FieldProblem;
pub use compose::{ComposeError, ComposedRequest, RenderStep, Rendered, finish, plan, secret_names};
pub use context::root_context;
pub use draft::{CheckedWebhook, MappingDraft, RequestDraft, ResponseDraft, TemplateDraft, WebhookDraft};
pub use redact::{BODY_BYTES_KEPT, Redactor};
pub use reply::{Answer, Verdict, reply, unreachable_fault};

/// Longest template text, URL template, or expression, in bytes: what people write by hand.
pub const TEMPLATE_BYTES_MAX: usize = 64 * 1024;
/// Longest URL template, in bytes.
pub const URL_BYTES_MAX: usize = 8 * 1024;
/// Longest expression of a mapping rule, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 16 * 1024;
/// Most rules of a response mapping: as many as a source has fields.
pub const RULES_MAX: usize = 200;
/// The time of the whole exchange unless the definition says otherwise, in milliseconds.
pub const TIMEOUT_MS_DEFAULT: u64 = 15_000;
/// The longest time that a definition can give it, in milliseconds.
pub const TIMEOUT_MS_MAX: u64 = 60_000;

#[cfg(test)]
mod tests;
