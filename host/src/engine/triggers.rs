//! Triggers: the inbound webhook of a workflow.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::model::{
    Definition, DefinitionPath, Export, Key, Kind, Redacted, Saved, Secret, Slug, Source, Trigger, TriggerKind,
    TriggerVerifier, Workflow,
};
use crate::store::{Expect, Rejections, draft};
use crate::vault::Place;

use super::access::{generate_key, generate_token};
use super::plugins::Need;
use super::{Engine, EngineError, FieldProblem, Result, definition_error};

/// A trigger, as given by a user.
#[derive(Clone, Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TriggerDraft {
    /// What a call does besides starting the workflow.
    #[serde(rename = "type")]
    pub kind: TriggerKind,
    /// The source that `insert` and `update` write to.
    #[serde(default)]
    pub source: Option<Slug>,
    /// Field name → jq expression over the decoded body. Without any, members named like fields are taken.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// `insert` of an existing key updates, `update` of a missing one inserts.
    #[serde(default)]
    pub upsert: bool,
    /// Off refuses every call.
    #[serde(default = "on")]
    pub enabled: bool,
    /// Says who calls, in place of key and signature.
    #[serde(default)]
    pub verifier: Option<TriggerVerifier>,
}

fn on() -> bool {
    true
}

/// A trigger, with what is shown once.
#[derive(Clone, Debug)]
pub struct TriggerView {
    /// The trigger.
    pub trigger: Trigger,
    /// The path of its URL.
    pub path: String,
    /// The API key, when it was just made.
    pub api_key: Option<Redacted>,
    /// The Standard Webhooks secret, when it was just made.
    pub signing_secret: Option<Redacted>,
}

impl TriggerView {
    fn known(trigger: Trigger) -> Self {
        Self { path: format!("/in/{}", trigger.token), trigger, api_key: None, signing_secret: None }
    }
}

impl Engine {
    /// Saves the trigger of a workflow. URL and key are made once and stay over later saves.
    pub async fn save_trigger(
        &self,
        space: &Slug,
        workflow: &Slug,
        draft: TriggerDraft,
    ) -> Result<(TriggerView, bool)> {
        let owner = self.current_workflow(space, workflow).await?;
        refuse_untriggerable(&owner)?;
        self.check_trigger(space, &draft).await?;
        let verifier = self.checked_verifier(space, draft.verifier).await?;
        let former = self.definitions.get::<Trigger>(space, workflow.as_str()).await?;
        let created = former.is_none();
        let expect = former.as_ref().map_or(Expect::Absent, |saved| Expect::At(saved.revision));
        let mut view = match former {
            Some(saved) => TriggerView::known(saved.value),
            None => self.new_trigger(space, workflow, draft.kind)?,
        };
        let trigger = &mut view.trigger;
        (trigger.kind, trigger.source, trigger.fields) = (draft.kind, draft.source, draft.fields);
        (trigger.upsert, trigger.enabled, trigger.verifier) = (draft.upsert, draft.enabled, verifier);
        // Not over a rotation or a deletion meanwhile: a former key must not come back.
        self.store_trigger(space, trigger, expect).await?;
        Ok((view, created))
    }

    fn new_trigger(&self, space: &Slug, workflow: &Slug, kind: TriggerKind) -> Result<TriggerView> {
        let (key, secret) = (generate_key("thk")?, generate_signing_secret()?);
        let trigger = Trigger {
            workflow: workflow.clone(),
            token: generate_token()?,
            kind,
            source: None,
            fields: BTreeMap::new(),
            upsert: false,
            enabled: true,
            verifier: None,
            key_hash: Key::hash(key.reveal()),
            signing_secret: self.vault.seal(&signing_place(space, workflow), secret.reveal())?,
            created_at: self.clock.now(),
        };
        let view = TriggerView::known(trigger);
        Ok(TriggerView { api_key: Some(key), signing_secret: Some(secret), ..view })
    }

    async fn store_trigger(&self, space: &Slug, trigger: &Trigger, expect: Expect) -> Result<()> {
        let mut draft = draft(space, trigger, expect)?;
        draft.uses.push(DefinitionPath::new(space, Workflow::KIND, trigger.workflow.as_str()));
        draft.uses.extend(trigger.source.iter().map(|id| DefinitionPath::new(space, Kind::Source, id.as_str())));
        if let Some(TriggerVerifier { plugin, secrets, .. }) = &trigger.verifier {
            draft.uses.extend(self.plugin_use(space, &plugin.to_string()));
            draft.uses.extend(secrets.values().map(|id| DefinitionPath::new(space, Kind::Secret, id.as_str())));
        }
        draft.alias = Some(trigger.token.clone());
        let committed = self.definitions.commit(vec![draft]).await;
        committed.map_err(|error| definition_error(error, "trigger", trigger.workflow.as_str()))?;
        Ok(())
    }

    /// The verifier with its version, if its plugin and its secrets exist.
    async fn checked_verifier(
        &self,
        space: &Slug,
        verifier: Option<TriggerVerifier>,
    ) -> Result<Option<TriggerVerifier>> {
        let Some(verifier) = verifier else { return Ok(None) };
        let mut problems = Vec::new();
        for (name, id) in &verifier.secrets {
            if self.definitions.get::<Secret>(space, id.as_str()).await?.is_none() {
                let reason = format!("there is no secret {:?} in this space: make it first", id.as_str());
                problems.push(FieldProblem::new(format!("verifier.secrets.{name}"), reason));
            }
        }
        let need = Need { export: Export::Verifier, config: Some(&verifier.config) };
        match self.check_reference(space, "verifier.plugin", &verifier.plugin, need).await {
            Ok(()) => {}
            Err(EngineError::Invalid { problems: found }) => problems.extend(found),
            Err(other) => return Err(other),
        }
        if problems.is_empty() { Ok(Some(verifier)) } else { Err(EngineError::Invalid { problems }) }
    }

    async fn check_trigger(&self, space: &Slug, draft: &TriggerDraft) -> Result<()> {
        let mut problems = Vec::new();
        match (&draft.source, draft.kind) {
            (None, TriggerKind::Insert | TriggerKind::Update) => {
                problems.push(FieldProblem::new("source", "name the source that the trigger writes to"));
            }
            (Some(_), TriggerKind::Trigger) => {
                problems
                    .push(FieldProblem::new("source", "a trigger of type \"trigger\" writes no record: leave it out"));
            }
            (Some(source), _) => self.check_fields(space, source, draft, &mut problems).await?,
            (None, TriggerKind::Trigger) => {}
        }
        for (field, source) in &draft.fields {
            if let Err(reason) = self.check_expression(source).await {
                problems.push(FieldProblem::new(format!("fields.{field}"), reason));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(EngineError::Invalid { problems }) }
    }

    async fn check_fields(
        &self,
        space: &Slug,
        source: &Slug,
        draft: &TriggerDraft,
        problems: &mut Vec<FieldProblem>,
    ) -> Result<()> {
        let Some(Saved { value: source, .. }) = self.definitions.get::<Source>(space, source.as_str()).await? else {
            problems.push(FieldProblem::new("source", format!("there is no source {:?}", source.as_str())));
            return Ok(());
        };
        for field in draft.fields.keys().filter(|field| !source.fields.contains_key(*field)) {
            let known = source.fields.keys().cloned().collect::<Vec<_>>().join(", ");
            let reason = format!("source {:?} has no such field; it has {known}", source.id.as_str());
            problems.push(FieldProblem::new(format!("fields.{field}"), reason));
        }
        if !draft.fields.is_empty() && !draft.fields.contains_key(&source.key) {
            let reason = format!("map the key field {:?} too", source.key);
            problems.push(FieldProblem::new("fields", reason));
        }
        Ok(())
    }

    /// The trigger of a workflow.
    pub async fn trigger(&self, space: &Slug, workflow: &Slug) -> Result<TriggerView> {
        let saved = self.definitions.get::<Trigger>(space, workflow.as_str()).await?;
        Ok(TriggerView::known(saved.ok_or_else(|| EngineError::not_found("trigger", workflow))?.value))
    }

    /// Gives a trigger a new API key and signing secret; the former ones stop working at once.
    pub async fn rotate_trigger_key(&self, space: &Slug, workflow: &Slug) -> Result<TriggerView> {
        let saved = self.definitions.get::<Trigger>(space, workflow.as_str()).await?;
        let Saved { revision, value: mut former } = saved.ok_or_else(|| EngineError::not_found("trigger", workflow))?;
        let fresh = self.new_trigger(space, workflow, former.kind)?;
        former.key_hash = fresh.trigger.key_hash;
        former.signing_secret = fresh.trigger.signing_secret;
        self.store_trigger(space, &former, Expect::At(revision)).await?;
        let view = TriggerView::known(former);
        Ok(TriggerView { api_key: fresh.api_key, signing_secret: fresh.signing_secret, ..view })
    }

    /// Deletes the trigger of a workflow; its URL and key never work again.
    pub async fn delete_trigger(&self, space: &Slug, workflow: &Slug) -> Result<()> {
        self.remove::<Trigger>("trigger", space, workflow.as_str(), Expect::Any).await
    }

    /// The refused calls of a trigger.
    pub async fn rejections(&self, space: &Slug, workflow: &Slug) -> Result<Rejections> {
        self.trigger(space, workflow).await?;
        Ok(self.store.rejections(space, workflow).await?)
    }
}

/// What a trigger's signing secret is sealed for.
pub(super) fn signing_place<'a>(space: &'a Slug, workflow: &'a Slug) -> Place<'a> {
    Place { space, kind: Kind::Trigger, id: workflow.as_str() }
}

/// A new Standard Webhooks secret: `whsec_` and 32 random bytes in base64.
fn generate_signing_secret() -> Result<Redacted> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| EngineError::Internal(format!("no randomness: {error}")))?;
    Ok(Redacted::new(format!("whsec_{}", BASE64_STANDARD.encode(bytes))))
}

/// Only a workflow that outside calls may start can own a trigger (CI4).
fn refuse_untriggerable(workflow: &Workflow) -> Result<()> {
    if workflow.manual { Err(not_triggerable(&workflow.id)) } else { Ok(()) }
}

/// The workflow may be started by hand only.
pub(super) fn not_triggerable(workflow: &Slug) -> EngineError {
    let detail = format!(
        "workflow {:?} is started by hand only, so it cannot own a trigger: take `start: manual` out of its document, or \
         delete the trigger",
        workflow.as_str()
    );
    EngineError::Refused { code: "workflow-not-triggerable", detail }
}
