//! Workflow definitions: versions, what they use, copies.

use crate::model::{
    DefinitionPath, Digest, DocumentMedia, Export, Kind, Saved, Slug, Source, Trigger, Webhook, Workflow,
    WorkflowVersion, version_id,
};
use crate::store::{Draft, Expect, Page, Shared, Slice, draft};
use crate::workflow::{OutlineItem, PluginCall, Program, Refusal};

use super::plugins::Need;
use super::{Engine, EngineError, FieldProblem, Result, definition_error};

/// A workflow with what is derived from it.
#[derive(Clone, Debug)]
pub struct WorkflowView {
    /// The version shown.
    pub workflow: Workflow,
    /// The revision of the definition.
    pub revision: u64,
    /// Its tasks in order.
    pub outline: Vec<OutlineItem>,
    /// It owns a trigger.
    pub trigger: bool,
}

impl Engine {
    /// Saves a workflow; the same document again changes nothing. `true` if the workflow was made.
    pub async fn save_workflow(
        &self,
        space: &Slug,
        id: &Slug,
        (document, media): (String, DocumentMedia),
        expect: Expect,
        author: &str,
    ) -> Result<(WorkflowView, bool)> {
        self.space(space).await?;
        let program = self.checked_program(&document, media).await?;
        self.check_references(space, &document, &program).await?;
        let former = self.definitions.get::<Workflow>(space, id.as_str()).await?;
        if let Some(saved) = &former
            && saved.value.document == document
            && expect != Expect::Absent
        {
            self.store.settle().await?;
            return Ok((self.view_workflow(space, saved.clone()).await?, false));
        }
        if program.is_manual() && self.definitions.get::<Trigger>(space, id.as_str()).await?.is_some() {
            return Err(super::triggers::not_triggerable(id));
        }
        let workflow = Workflow {
            id: id.clone(),
            version: self.next_version(space, id, former.as_ref()).await?,
            digest: Digest::of(document.as_bytes()),
            document,
            media,
            webhooks: program.webhooks().keys().cloned().collect(),
            plugins: program.plugins().keys().map(ToString::to_string).collect(),
            sources: program.sources().keys().cloned().collect(),
            manual: program.is_manual(),
            created_by: author.to_owned(),
            created_at: self.clock.now(),
        };
        let expect = match (&former, expect) {
            (None, Expect::Any) => Expect::Absent,
            (Some(saved), Expect::Any) => Expect::At(saved.revision),
            (_, expect) => expect,
        };
        let drafts = self.workflow_drafts(space, &workflow, expect)?;
        let committed = self.definitions.commit(drafts).await;
        let revision = committed.map_err(|error| definition_error(error, "workflow", id.as_str()))?;
        let view = self.view_workflow(space, Saved { revision, value: workflow }).await?;
        Ok((view, former.is_none()))
    }

    async fn checked_program(&self, document: &str, media: DocumentMedia) -> Result<Program> {
        let program = parse(document, media)?;
        let (sandbox, owned) = (self.sandbox(), program.clone());
        let checked = self.plugins.run_blocking("workflow check", move || owned.check_unread(&sandbox)).await?;
        checked.map_err(refused)?;
        Ok(program)
    }

    /// Versions of a deleted workflow stay for their runs, so a workflow made anew counts on after them.
    async fn next_version(&self, space: &Slug, id: &Slug, former: Option<&Saved<Workflow>>) -> Result<u32> {
        if let Some(former) = former {
            return Ok(former.value.version + 1);
        }
        let mut version = 1;
        while self.definitions.get::<WorkflowVersion>(space, &version_id(id, version)).await?.is_some() {
            version += 1;
        }
        Ok(version)
    }

    /// Everything that the workflow refers to exists, and plugins take what it has for them; what is missing or wrong is
    /// refused where it stands.
    async fn check_references(&self, space: &Slug, document: &str, program: &Program) -> Result<()> {
        let mut missing = Vec::new();
        for (webhook, place) in program.webhooks() {
            if self.definitions.shared::<Webhook>(space, webhook.as_str()).await?.is_none() {
                missing.push(place.refuse(format!("there is no webhook \"{webhook}\" in this space: make it first")));
            }
        }
        for (source, place) in program.sources() {
            if self.definitions.shared::<Source>(space, source.as_str()).await?.is_none() {
                missing.push(place.refuse(format!("there is no source \"{source}\" in this space: make it first")));
            }
        }
        for call in program.plugin_calls() {
            missing.extend(self.call_refusals(space, document, call).await?);
        }
        missing.sort_by_key(|refusal| (refusal.line, refusal.column));
        if missing.is_empty() { Ok(()) } else { Err(refused(missing)) }
    }

    /// What is wrong with a call of a plugin: with the plugin where it is named, with its configuration where that is.
    async fn call_refusals(&self, space: &Slug, document: &str, call: &PluginCall) -> Result<Vec<Refusal>> {
        let need = Need { export: Export::Action, config: call.config.as_ref().map(|config| &config.value) };
        let problems = match self.check_reference(space, "plugin", &call.plugin, need).await {
            Ok(()) => return Ok(Vec::new()),
            Err(EngineError::Invalid { problems }) => problems,
            Err(other) => return Err(other),
        };
        let refusal = |FieldProblem { field, reason, line, column }: FieldProblem| match (
            &call.config,
            field.strip_prefix("config"),
        ) {
            (Some(config), Some(pointer)) => config.refuse(document, pointer, line.zip(column), &reason),
            _ => call.place.refuse(reason),
        };
        Ok(problems.into_iter().map(refusal).collect())
    }

    async fn view_workflow(&self, space: &Slug, saved: Saved<Workflow>) -> Result<WorkflowView> {
        let trigger = self.definitions.get::<Trigger>(space, saved.value.id.as_str()).await?.is_some();
        let program = self.program(space, &saved.value.id, saved.value.version).await?;
        Ok(WorkflowView {
            outline: program.outline().to_vec(),
            workflow: saved.value,
            revision: saved.revision,
            trigger,
        })
    }

    /// One workflow: its current version, or the one asked for.
    pub async fn workflow(&self, space: &Slug, id: &Slug, version: Option<u32>) -> Result<WorkflowView> {
        let mut saved = self.current_workflow(space, id).await?.saved().clone();
        if let Some(version) = version.filter(|version| *version != saved.value.version) {
            saved.value = self.workflow_version(space, id, version).await?;
        }
        self.view_workflow(space, saved).await
    }

    pub(super) async fn current_workflow(&self, space: &Slug, id: &Slug) -> Result<Shared<Workflow>> {
        let shared = self.definitions.shared(space, id.as_str()).await?;
        shared.ok_or_else(|| EngineError::not_found("workflow", id))
    }

    async fn workflow_version(&self, space: &Slug, id: &Slug, version: u32) -> Result<Workflow> {
        let name = version_id(id, version);
        let saved = self.definitions.get::<WorkflowVersion>(space, &name).await?;
        Ok(saved.ok_or_else(|| EngineError::not_found("workflow version", name))?.value.0)
    }

    /// The workflows of a space, current versions.
    pub async fn workflows(&self, space: &Slug, page: Page) -> Result<Slice<Saved<Workflow>>> {
        self.space(space).await?;
        Ok(self.definitions.list(space, page).await?)
    }

    /// Deletes a workflow without a trigger. Its runs and the versions they hold to stay.
    pub async fn delete_workflow(&self, space: &Slug, id: &Slug, expect: Expect) -> Result<()> {
        self.remove::<Workflow>("workflow", space, id.as_str(), expect).await
    }

    /// Copies a workflow under another id. The trigger is never copied: no two workflows share a URL or a key.
    pub async fn duplicate_workflow(&self, space: &Slug, id: &Slug, copy: &Slug, author: &str) -> Result<WorkflowView> {
        let original = self.current_workflow(space, id).await?;
        if self.definitions.get::<Workflow>(space, copy.as_str()).await?.is_some() {
            return Err(EngineError::Exists { what: "workflow", id: copy.to_string() });
        }
        let document = (original.document.clone(), original.media);
        let (view, _) = self.save_workflow(space, copy, document, Expect::Absent, author).await?;
        Ok(view)
    }

    /// The drafts of a workflow and of its version, with all it refers to.
    fn workflow_drafts(&self, space: &Slug, workflow: &Workflow, expect: Expect) -> Result<Vec<Draft>> {
        let at = |kind: Kind, id: &str| DefinitionPath::new(space, kind, id);
        let mut current = draft(space, workflow, expect)?;
        current.uses.push(at(Kind::Space, space.as_str()));
        current.uses.extend(workflow.webhooks.iter().map(|id| at(Kind::Webhook, id.as_str())));
        current.uses.extend(workflow.plugins.iter().filter_map(|id| self.plugin_use(space, id)));
        current.uses.extend(workflow.sources.iter().map(|id| at(Kind::Source, id.as_str())));
        let version = draft(space, &WorkflowVersion(workflow.clone()), Expect::Any)?;
        Ok(vec![current, version])
    }

    /// The parsed program of a workflow version; parsed once, then kept.
    pub(super) async fn program(&self, space: &Slug, id: &Slug, version: u32) -> Result<Program> {
        let at = (space.clone(), id.clone(), version);
        if let Some(program) = self.programs.get(&at) {
            return Ok(program);
        }
        let workflow = self.workflow_version(space, id, version).await?;
        let program = parse(&workflow.document, workflow.media)?;
        self.programs.insert(at, program.clone());
        Ok(program)
    }
}

fn parse(document: &str, media: DocumentMedia) -> Result<Program> {
    Program::parse(document, media).map_err(refused)
}

fn refused(refusals: Vec<Refusal>) -> EngineError {
    EngineError::Invalid { problems: refusals.into_iter().map(problem).collect() }
}

fn problem(refusal: Refusal) -> FieldProblem {
    FieldProblem { field: refusal.path, reason: refusal.reason, line: Some(refusal.line), column: Some(refusal.column) }
}
