//! Webhook definitions: saved when they work, cloned, tested, deleted when nobody uses them.

use serde_json::{Value, json};

use crate::model::{
    DefinitionPath, Export, Fault, Kind, LogLine, MappingRule, Object, RequestParts, ResponseParts, Saved, Slug,
    Template, UniqueId, Webhook,
};
use crate::plugin::{self, PluginError};
use crate::store::{Draft, Expect, Page, Slice, draft};
use crate::webhook::{self, WebhookDraft};

use super::call::{CallSite, CallTrial, TEXT_TEMPLATE};
use super::plugins::{Need, webhook_needs};
use super::{Engine, EngineError, FieldProblem, Result, definition_error};

/// Added to the name of a clone (LL7).
const CLONE_SUFFIX: &str = " - Clone";
/// Added to the id of a clone that is given none.
const CLONE_ID_SUFFIX: &str = "-clone";
/// Clones of one id that are numbered through.
const CLONES_MAX: usize = 1_000;

/// A webhook with what is derived from it.
#[derive(Clone, Debug)]
pub struct WebhookView {
    /// The definition.
    pub webhook: Webhook,
    /// Its revision.
    pub revision: u64,
    /// The ids of the workflows that call it.
    pub used_by: Vec<Slug>,
}

/// What a test call did.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct TestReport {
    /// What was sent; none if the template failed or said not to send.
    pub request: Option<RequestParts>,
    /// What came back.
    pub response: Option<ResponseParts>,
    /// The mapped fields. No record is touched.
    #[schema(value_type = std::collections::HashMap<String, Value>)]
    pub fields: Object,
    /// What plugins logged.
    pub logs: Vec<LogLine>,
    /// Why the call would have failed in a workflow.
    pub error: Option<Fault>,
    /// How long the exchange took, in milliseconds.
    pub elapsed_ms: Option<u64>,
}

impl Engine {
    /// Saves a webhook whose template yields a valid document; `true` if it was made.
    pub async fn save_webhook(
        &self,
        space: &Slug,
        id: &Slug,
        given: WebhookDraft,
        expect: Expect,
        author: &str,
    ) -> Result<(WebhookView, bool)> {
        self.space(space).await?;
        let rules = self.rule_problems(given.response.mapping.rules.as_deref().unwrap_or_default()).await;
        let checked = match given.check() {
            Ok(checked) if rules.is_empty() => checked,
            Ok(_) => return Err(EngineError::Invalid { problems: rules }),
            Err(others) => return Err(EngineError::Invalid { problems: [others, rules].concat() }),
        };
        let existing = self.definitions.get::<Webhook>(space, id.as_str()).await?.map(|saved| saved.value);
        let webhook = checked.into_webhook(id.clone(), existing.as_ref(), author, self.clock.now());
        let view = self.store_webhook(space, webhook, expect).await?;
        Ok((view, existing.is_none()))
    }

    async fn store_webhook(&self, space: &Slug, webhook: Webhook, expect: Expect) -> Result<WebhookView> {
        self.check_plugins(space, &webhook).await?;
        self.check_template(space, &webhook).await?;
        let draft = self.webhook_draft(space, &webhook, expect)?;
        let committed = self.definitions.commit(vec![draft]).await;
        let revision = committed.map_err(|error| definition_error(error, "webhook", webhook.id.as_str()))?;
        self.view_webhook(space, Saved { revision, value: webhook }).await
    }

    async fn check_plugins(&self, space: &Slug, webhook: &Webhook) -> Result<()> {
        for (plugin, export, config) in webhook_needs(webhook) {
            let field = match export {
                Export::Mapping => "response.mapping.plugin",
                _ => "request.template.plugin",
            };
            self.check_reference(space, field, plugin, Need { export, config: Some(config) }).await?;
        }
        Ok(())
    }

    async fn rule_problems(&self, rules: &[MappingRule]) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        for (number, MappingRule { from, .. }) in rules.iter().enumerate() {
            if let Err(reason) = self.check_expression(from).await {
                problems.push(FieldProblem::new(format!("response.mapping.rules[{number}].from"), reason));
            }
        }
        problems
    }

    /// Has `text-template` render the texts without data and check the document that comes out.
    async fn check_template(&self, space: &Slug, webhook: &Webhook) -> Result<()> {
        let request = &webhook.request;
        self.check_text(space, webhook, "request.url", json!({ "url": request.url, "headers": [] })).await?;
        for (number, header) in request.headers.iter().enumerate() {
            let config = json!({ "url": "http://check.invalid/", "headers": [header] });
            self.check_text(space, webhook, &format!("request.headers[{number}].value"), config).await?;
        }
        let Template::Text { text } = &request.template else { return Ok(()) };
        let config = json!({ "url": "http://check.invalid/", "headers": [], "text": text });
        self.check_text(space, webhook, "request.template.text", config).await
    }

    async fn check_text(&self, space: &Slug, webhook: &Webhook, field: &str, mut config: Value) -> Result<()> {
        config["format"] = webhook.request.format.word().into();
        config["check"] = true.into();
        let call = plugin::Call {
            space: space.to_string(),
            id: "check".to_owned(),
            now: self.clock.now(),
            config: config.to_string(),
        };
        let base = plugin::OutboundRequest {
            method: webhook.request.method.as_str().to_owned(),
            url: webhook.request.url.clone(),
            headers: Vec::new(),
            body: bytes::Bytes::new(),
        };
        match self.plugins.render(&self.builtin(TEXT_TEMPLATE)?, call, "{}".to_owned(), base).await {
            Ok(_) => Ok(()),
            Err(PluginError::Invalid { reason, .. }) => {
                Err(EngineError::Invalid { problems: vec![positioned(field, &reason)] })
            }
            Err(error) => Err(EngineError::invalid(field, error.to_string())),
        }
    }

    fn webhook_draft(&self, space: &Slug, webhook: &Webhook, expect: Expect) -> Result<Draft> {
        let mut draft = draft(space, webhook, expect)?;
        draft.uses.push(DefinitionPath::new(space, Kind::Space, space.as_str()));
        let plugins = webhook_needs(webhook).into_iter().map(|(plugin, ..)| plugin.to_string());
        draft.uses.extend(plugins.filter_map(|plugin| self.plugin_use(space, &plugin)));
        let secrets = webhook::secret_names(&webhook.request);
        draft.uses.extend(secrets.into_iter().map(|name| DefinitionPath::new(space, Kind::Secret, name)));
        Ok(draft)
    }

    async fn view_webhook(&self, space: &Slug, saved: Saved<Webhook>) -> Result<WebhookView> {
        let path = DefinitionPath::new(space, Kind::Webhook, saved.value.id.as_str());
        let users = self.store.users(&path).await?;
        let used_by =
            users.into_iter().filter(|user| user.kind == Kind::Workflow).filter_map(|user| user.id.parse().ok());
        Ok(WebhookView { webhook: saved.value, revision: saved.revision, used_by: used_by.collect() })
    }

    /// One webhook.
    pub async fn webhook(&self, space: &Slug, id: &Slug) -> Result<WebhookView> {
        let saved = self.definitions.get::<Webhook>(space, id.as_str()).await?;
        self.view_webhook(space, saved.ok_or_else(|| EngineError::not_found("webhook", id))?).await
    }

    /// The webhooks of a space.
    pub async fn webhooks(&self, space: &Slug, page: Page) -> Result<Slice<WebhookView>> {
        self.space(space).await?;
        let slice = self.definitions.list::<Webhook>(space, page).await?;
        let mut items = Vec::with_capacity(slice.items.len());
        for saved in slice.items {
            items.push(self.view_webhook(space, saved).await?);
        }
        Ok(Slice { items, next: slice.next })
    }

    /// Deletes a webhook that no workflow calls (LL6).
    pub async fn delete_webhook(&self, space: &Slug, id: &Slug, expect: Expect) -> Result<()> {
        self.remove::<Webhook>("webhook", space, id.as_str(), expect).await
    }

    /// Copies a webhook: " - Clone" after the name, every other setting the same (LL7).
    pub async fn clone_webhook(
        &self,
        space: &Slug,
        id: &Slug,
        copy: Option<Slug>,
        author: &str,
    ) -> Result<WebhookView> {
        let original = self.webhook(space, id).await?.webhook;
        let copy = match copy {
            Some(copy) => copy,
            None => self.free_clone_id(space, id).await?,
        };
        let now = self.clock.now();
        let webhook = Webhook {
            name: original.name.clone() + CLONE_SUFFIX,
            id: copy.clone(),
            created_by: author.to_owned(),
            created_at: now,
            updated_at: now,
            ..original
        };
        match self.store_webhook(space, webhook, Expect::Absent).await {
            Err(EngineError::Changed { .. }) => Err(EngineError::Exists { what: "webhook", id: copy.to_string() }),
            stored => stored,
        }
    }

    async fn free_clone_id(&self, space: &Slug, id: &Slug) -> Result<Slug> {
        for number in 1..=CLONES_MAX {
            let number = if number == 1 { String::new() } else { format!("-{number}") };
            let text = format!("{id}{CLONE_ID_SUFFIX}{number}");
            let free = text.parse::<Slug>().map_err(|error| EngineError::invalid("id", error.to_string()))?;
            if self.definitions.get::<Webhook>(space, free.as_str()).await?.is_none() {
                return Ok(free);
            }
        }
        Err(EngineError::invalid("id", "name the id of the clone"))
    }

    /// Calls a webhook with sample data and shows everything; no record is touched (LL8).
    pub async fn test_webhook(&self, space: &Slug, id: &Slug, data: &Value) -> Result<TestReport> {
        self.webhook(space, id).await?;
        let call = format!("test-{}", UniqueId::generate());
        let site = CallSite { space, id: &call, now: self.clock.now(), secrets: &[], trial: CallTrial::None };
        let called = self.call_webhook(&site, id, data, None).await?;
        let elapsed_ms = called.exchange.as_ref().map(|exchange| exchange.elapsed_ms);
        let (request, response) = called.exchange.map_or((None, None), |e| (Some(e.request), e.response));
        let (fields, error) = match called.outcome {
            Ok(answer) => (answer.fields, None),
            Err(fault) => (Object::new(), Some(fault)),
        };
        Ok(TestReport { request, response, fields, logs: called.logs, error, elapsed_ms })
    }
}

fn positioned(field: &str, text: &str) -> FieldProblem {
    let (position, reason) = plugin::located(text);
    let (line, column) = position.unzip();
    FieldProblem { field: field.to_owned(), reason: reason.to_owned(), line, column }
}
