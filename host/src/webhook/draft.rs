//! Definitions as users give them.

use serde::Deserialize;
use serde_json::Value;

use super::check::{check_headers, check_rules, check_url};
use super::secrets::names_in_template;
use super::{FieldProblem, TEMPLATE_BYTES_MAX, TIMEOUT_MS_DEFAULT, TIMEOUT_MS_MAX};
use crate::model::{
    BodyFormat, HeadersDraft, Mapping, MappingRule, Method, PluginRef, RequestSpec, ResponseSpec, Slug, Template, Time,
    Webhook,
};

/// Longest name, in characters.
const NAME_CHARS_MAX: usize = 200;
/// Longest description, in characters.
const DESCRIPTION_CHARS_MAX: usize = 4_000;

/// The body of `PUT …/webhooks/{id}`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookDraft {
    /// Its name for people.
    pub name: String,
    /// What it does, for people.
    #[serde(default)]
    pub description: String,
    /// What is sent.
    pub request: RequestDraft,
    /// What is expected back.
    pub response: ResponseDraft,
    /// The whole exchange may take this long, in milliseconds: 1 to 60000, 15000 if absent.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 60000, default = 15000)]
    pub timeout_ms: Option<u64>,
}

/// What is sent.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestDraft {
    /// The HTTP method.
    pub method: Method,
    /// The URL; `{{ … }}` inserts values into its path and query, percent-encoded.
    pub url: String,
    /// The format of the body.
    pub format: BodyFormat,
    /// Further headers.
    #[serde(default)]
    pub headers: HeadersDraft,
    /// What makes the body.
    pub template: TemplateDraft,
}

/// What makes the body: `{text}` or `{plugin, config}`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateDraft {
    /// The template: `{{ record.first_name }}` inserts a field, escaped by the request's format.
    #[serde(default)]
    pub text: Option<String>,
    /// A plugin that exports `template`: `name@semver`, or `name` for the version that is live.
    #[serde(default)]
    pub plugin: Option<PluginRef>,
    /// The plugin's configuration.
    #[serde(default)]
    pub config: Option<Value>,
}

/// What is expected back.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResponseDraft {
    /// The format of the body.
    pub format: BodyFormat,
    /// What reads it; no rules if absent.
    #[serde(default)]
    pub mapping: MappingDraft,
}

/// What reads the response: `{rules}` or `{plugin, config}`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MappingDraft {
    /// Rules, in order; a later rule for the same field wins.
    #[serde(default)]
    pub rules: Option<Vec<MappingRule>>,
    /// A plugin that exports `mapping`: `name@semver`, or `name` for the version that is live.
    #[serde(default)]
    pub plugin: Option<PluginRef>,
    /// The plugin's configuration.
    #[serde(default)]
    pub config: Option<Value>,
}

/// A definition that was checked, as far as that needs no plugin. Only [`WebhookDraft::check`] makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckedWebhook {
    name: String,
    description: String,
    request: RequestSpec,
    response: ResponseSpec,
    timeout_ms: u64,
}

impl CheckedWebhook {
    /// What is sent.
    pub const fn request(&self) -> &RequestSpec {
        &self.request
    }

    /// What is expected back.
    pub const fn response(&self) -> &ResponseSpec {
        &self.response
    }

    /// The whole definition, saved `now` by `author`. A definition that exists keeps who made it, and when.
    pub fn into_webhook(self, id: Slug, existing: Option<&Webhook>, author: &str, now: Time) -> Webhook {
        let Self { name, description, request, response, timeout_ms } = self;
        let created_by = existing.map_or_else(|| author.to_owned(), |webhook| webhook.created_by.clone());
        let created_at = existing.map_or(now, |webhook| webhook.created_at);
        Webhook { id, name, description, request, response, timeout_ms, created_by, created_at, updated_at: now }
    }
}

impl WebhookDraft {
    /// Checks everything that can be checked without running a plugin.
    ///
    /// # Errors
    /// All problems at once, each with the path of its member.
    pub fn check(self) -> Result<CheckedWebhook, Vec<FieldProblem>> {
        let mut problems = Vec::new();
        check_texts(&self.name, &self.description, &mut problems);
        let timeout_ms = self.timeout_ms.unwrap_or(TIMEOUT_MS_DEFAULT);
        if !(1..=TIMEOUT_MS_MAX).contains(&timeout_ms) {
            problems.push(FieldProblem::new("timeout_ms", format!("{timeout_ms} is not within 1 to {TIMEOUT_MS_MAX}")));
        }
        let RequestDraft { method, url, format, headers: HeadersDraft(headers), template } = self.request;
        check_url(&url, &mut problems);
        check_headers(&headers, &mut problems);
        let template = template.check(&mut problems);
        let mapping = self.response.mapping.check(&mut problems);
        match (template, mapping) {
            (Some(template), Some(mapping)) if problems.is_empty() => Ok(CheckedWebhook {
                name: self.name.trim().to_owned(),
                description: self.description,
                request: RequestSpec { method, url, format, headers, template },
                response: ResponseSpec { format: self.response.format, mapping },
                timeout_ms,
            }),
            _ => Err(problems),
        }
    }
}

fn check_texts(name: &str, description: &str, problems: &mut Vec<FieldProblem>) {
    if !(1..=NAME_CHARS_MAX).contains(&name.trim().chars().count()) || name.chars().any(char::is_control) {
        let reason = format!("use 1 to {NAME_CHARS_MAX} characters, without line breaks");
        problems.push(FieldProblem::new("name", reason));
    }
    if description.chars().count() > DESCRIPTION_CHARS_MAX {
        problems.push(FieldProblem::new("description", format!("use at most {DESCRIPTION_CHARS_MAX} characters")));
    }
}

impl TemplateDraft {
    fn check(self, problems: &mut Vec<FieldProblem>) -> Option<Template> {
        const PLACE: &str = "request.template";
        let Self { text, plugin, config } = self;
        match (text, plugin) {
            (Some(text), None) => {
                if config.is_some() {
                    problems.push(FieldProblem::new("request.template.config", "only a plugin takes a configuration"));
                }
                problems.extend(text_problem(&text));
                Some(Template::Text { text })
            }
            (None, Some(plugin)) => Some(Template::Plugin { plugin, config: config.unwrap_or_default() }),
            (Some(_), Some(_)) => {
                problems.push(FieldProblem::new(PLACE, "give either text or plugin, not both"));
                None
            }
            (None, None) => {
                problems.push(FieldProblem::new(PLACE, "give text, or plugin and config"));
                None
            }
        }
    }
}

fn text_problem(text: &str) -> Option<FieldProblem> {
    const PLACE: &str = "request.template.text";
    if text.len() > TEMPLATE_BYTES_MAX {
        return Some(FieldProblem::new(
            PLACE,
            format!("it has {} bytes; the limit is {TEMPLATE_BYTES_MAX}", text.len()),
        ));
    }
    let secret = names_in_template(text).into_iter().next()?;
    Some(FieldProblem::new(PLACE, format!("secret {secret:?} can be inserted in header values only")))
}

impl MappingDraft {
    fn check(self, problems: &mut Vec<FieldProblem>) -> Option<Mapping> {
        let Self { rules, plugin, config } = self;
        match (rules, plugin) {
            (Some(_), Some(_)) => {
                problems.push(FieldProblem::new("response.mapping", "give either rules or plugin, not both"));
                None
            }
            (None, Some(plugin)) => Some(Mapping::Plugin { plugin, config: config.unwrap_or_default() }),
            (rules, None) => {
                if config.is_some() {
                    problems.push(FieldProblem::new("response.mapping.config", "only a plugin takes a configuration"));
                }
                let rules = rules.unwrap_or_default();
                check_rules(&rules, problems);
                Some(Mapping::Rules { rules })
            }
        }
    }
}
