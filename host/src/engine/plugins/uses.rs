//! Who refers to plugins, what they need of them, and what follows for those that are moved or deleted.

use serde_json::{Value, json};

use crate::event::Validator;
use crate::model::{
    Definition as _, DefinitionPath, Endpoint, EndpointFormat, Export, FieldProblem, Kind, Mapping, PluginRef,
    PluginVersion, RunStatus, Slug, Template, Trigger, TriggerVerifier, Webhook, Workflow, WorkflowVersion,
};
use crate::plugin::{Objection, interface};
use crate::store::{Expect, Page, RunFilter, StoreError};

use super::super::{Engine, EngineError, Result, definition_error};

/// Runs looked at in one step, when unfinished ones are sought.
const STEP_RUNS: usize = 200;
/// Values of a plugin that are removed in one commit.
const STATES_CLEARED: usize = 200;

/// What a definition needs of a version of a plugin.
#[derive(Clone, Copy)]
pub(in super::super) struct Need<'a> {
    /// What it calls.
    pub(in super::super) export: Export,
    /// Its configuration, where a plugin has one.
    pub(in super::super) config: Option<&'a Value>,
}

/// Why a version does not do.
enum Misfit {
    /// It lacks the export.
    Export,
    /// Its schema refuses the configuration: where in it, and why.
    Config(Vec<(String, String)>),
}

impl Engine {
    /// Checks a reference: every version that it leads to now is there, exports what is needed and takes the
    /// configuration. `field` is the one that names the plugin; its configuration is in `config` beside it.
    pub(in super::super) async fn check_reference(
        &self,
        space: &Slug,
        field: &str,
        plugin: &PluginRef,
        need: Need<'_>,
    ) -> Result<()> {
        let mut problems = Vec::new();
        for version in self.led_to(space, field, plugin).await? {
            match misfit(&version, need) {
                None => problems.extend(self.objection(space, field, &version, need).await?),
                Some(Misfit::Export) => problems.push(FieldProblem::new(field, lacks(&version, need.export))),
                Some(Misfit::Config(findings)) => {
                    let problem = |(at, reason): (String, String)| {
                        FieldProblem::new(config_field(field, &at), format!("{version} does not take it: {reason}"))
                    };
                    problems.extend(findings.into_iter().map(problem));
                }
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(EngineError::Invalid { problems }) }
    }

    /// What a built-in plugin says against a configuration that its schema takes: of a script, what is wrong with it.
    async fn objection(
        &self,
        space: &Slug,
        field: &str,
        version: &PluginVersion,
        need: Need<'_>,
    ) -> Result<Option<FieldProblem>> {
        let Some(config) = need.config.filter(|_| version.builtin) else { return Ok(None) };
        let found = self.plugins.check_config(space.as_str(), version.name.as_str(), need.export, config).await?;
        Ok(found.map(|Objection { pointer, position, reason }| {
            let (line, column) = position.unzip();
            FieldProblem { field: config_field(field, &pointer), reason, line, column }
        }))
    }

    /// The versions that a reference leads to: the one that it names, or the live one and the canary.
    async fn led_to(&self, space: &Slug, field: &str, plugin: &PluginRef) -> Result<Vec<PluginVersion>> {
        let named = |found: &PluginVersion| plugin.version.as_ref().is_none_or(|version| *version == found.version);
        let builtin = self.plugins.builtins().iter().find(|b| b.name == plugin.name && named(b));
        if let Some(builtin) = builtin {
            return Ok(vec![builtin.clone()]);
        }
        let missing =
            || EngineError::invalid(field, format!("there is no plugin {plugin} in this space: upload it first"));
        let versions = match (&plugin.version, self.find_line(space, &plugin.name).await?) {
            (Some(version), _) => vec![version.clone()],
            (None, Some(line)) => {
                let line = line.value;
                std::iter::once(line.live).chain(line.canary.map(|canary| canary.version)).collect()
            }
            (None, None) => return Err(missing()),
        };
        let mut found = Vec::with_capacity(versions.len());
        for version in versions {
            match self.bare_version(space, &plugin.name, &version).await {
                Err(EngineError::NotFound { .. }) => return Err(missing()),
                other => found.push(other?),
            }
        }
        Ok(found)
    }

    /// The reference that keeps a plugin (`name`) or a version of it (`name@version`) from being deleted; built-in
    /// ones need none.
    pub(in super::super) fn plugin_use(&self, space: &Slug, id: &str) -> Option<DefinitionPath> {
        let (name, kind) = id.split_once('@').map_or((id, Kind::PluginLine), |(name, _)| (name, Kind::Plugin));
        self.plugins.builtin(name).is_none().then(|| DefinitionPath::new(space, kind, id))
    }

    /// Refuses a version that could not stand in for the live one, with those that need something else of it.
    pub(super) async fn refuse_unfit(&self, space: &Slug, version: &PluginVersion) -> Result<()> {
        let (users, reasons) = self.unfit_for(space, version).await?.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        if users.is_empty() {
            return Ok(());
        }
        let detail = format!("{version} cannot be called where {} is called now: {}", version.name, reasons.join("; "));
        Err(EngineError::Unfit { users, detail })
    }

    /// Who follows the plugin and could not be served by `version`, and why.
    pub(super) async fn unfit_for(
        &self,
        space: &Slug,
        version: &PluginVersion,
    ) -> Result<Vec<(DefinitionPath, String)>> {
        let line = DefinitionPath::new(space, Kind::PluginLine, version.name.as_str());
        let mut unfit = Vec::new();
        for user in self.store.users(&line).await? {
            for reason in self.misfits(&user, version).await? {
                let reason = format!("{user}: {reason}");
                unfit.push((user.clone(), reason));
            }
        }
        Ok(unfit)
    }

    /// Why `version` could not serve a definition that follows its plugin.
    async fn misfits(&self, user: &DefinitionPath, version: &PluginVersion) -> Result<Vec<String>> {
        let needs = self.needs_of(user, &version.name).await?;
        let misfits = needs.iter().filter_map(|(export, config)| {
            let need = Need { export: *export, config: config.as_ref() };
            Some(match misfit(version, need)? {
                Misfit::Export => lacks(version, *export),
                Misfit::Config(findings) => {
                    let findings = findings.into_iter().map(|(at, reason)| format!("config{at}: {reason}"));
                    findings.collect::<Vec<_>>().join(", ")
                }
            })
        });
        Ok(misfits.collect())
    }

    /// What a definition that follows the plugin `name` needs of it: exports, with its configurations of them.
    async fn needs_of(&self, user: &DefinitionPath, name: &Slug) -> Result<Vec<(Export, Option<Value>)>> {
        let follows = |plugin: &PluginRef| plugin.version.is_none() && plugin.name == *name;
        Ok(match user.kind {
            Kind::Webhook => match self.definitions.shared::<Webhook>(&user.space, &user.id).await? {
                Some(webhook) => {
                    let needs = webhook_needs(&webhook).into_iter().filter(|(plugin, ..)| follows(plugin));
                    needs.map(|(_, export, config)| (export, Some(config.clone()))).collect()
                }
                None => Vec::new(),
            },
            Kind::Endpoint => {
                let endpoint = self.definitions.shared::<Endpoint>(&user.space, &user.id).await?;
                match endpoint.as_ref().map(|endpoint| &endpoint.format) {
                    Some(EndpointFormat::Plugin { plugin, config }) if follows(plugin) => {
                        vec![(Export::Template, Some(config.clone()))]
                    }
                    _ => Vec::new(),
                }
            }
            Kind::Trigger => {
                let trigger = self.definitions.shared::<Trigger>(&user.space, &user.id).await?;
                match trigger.as_ref().and_then(|trigger| trigger.verifier.as_ref()) {
                    Some(TriggerVerifier { plugin, config, .. }) if follows(plugin) => {
                        vec![(Export::Verifier, Some(config.clone()))]
                    }
                    _ => Vec::new(),
                }
            }
            Kind::Workflow => self.needs_of_workflow(user, &follows).await?,
            _ => Vec::new(),
        })
    }

    async fn needs_of_workflow(
        &self,
        user: &DefinitionPath,
        follows: &(dyn Fn(&PluginRef) -> bool + Sync),
    ) -> Result<Vec<(Export, Option<Value>)>> {
        let Some(workflow) = self.definitions.shared::<Workflow>(&user.space, &user.id).await? else {
            return Ok(Vec::new());
        };
        // One that an older server took and this one cannot read needs the export at least.
        let Ok(program) = self.program(&user.space, &workflow.id, workflow.version).await else {
            return Ok(vec![(Export::Action, None)]);
        };
        let calls = program.plugin_calls().iter().filter(|call| follows(&call.plugin));
        Ok(calls.map(|call| (Export::Action, call.config.as_ref().map(|config| config.value.clone()))).collect())
    }

    /// Deletes a plugin version that nothing uses. The last one takes the plugin with it.
    pub async fn delete_plugin_version(&self, space: &Slug, name: &Slug, version: &semver::Version) -> Result<()> {
        self.refuse_builtin(name)?;
        let found = self.bare_version(space, name, version).await;
        let line = self.line(space, name).await?.value;
        let found = match found {
            // A former deletion of it was cut short.
            Err(EngineError::NotFound { .. }) if line.versions.contains(version) => None,
            found => Some(found?),
        };
        if line.versions.iter().all(|other| other == version) {
            return self.delete_plugin(space, name, Expect::Any).await;
        }
        if let Some(found) = &found {
            self.refuse_unfinished(space, std::slice::from_ref(&found.to_string())).await?;
            self.remove::<PluginVersion>("plugin version", space, &found.id(), Expect::Any).await?;
        }
        self.change_line(space, name, Expect::Any, |plugin| {
            plugin.versions.remove(version);
            plugin.quarantined.remove(version);
            Ok(())
        })
        .await?;
        match found {
            Some(found) => self.forget(space, &found).await,
            None => Ok(()),
        }
    }

    /// Deletes a plugin with all its versions, if nothing uses any of it. What it kept goes first: if this is cut short,
    /// it can be done again.
    pub async fn delete_plugin(&self, space: &Slug, name: &Slug, expect: Expect) -> Result<()> {
        self.refuse_builtin(name)?;
        let line = self.line(space, name).await?;
        if expect != Expect::Any && expect != Expect::At(line.revision) {
            return Err(EngineError::Changed { what: format!("plugin {:?}", name.as_str()) });
        }
        let mut versions = Vec::new();
        for version in &line.value.versions {
            match self.bare_version(space, name, version).await {
                Ok(found) => versions.push(found),
                Err(EngineError::NotFound { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        let ids: Vec<String> = versions.iter().map(ToString::to_string).chain([name.to_string()]).collect();
        self.refuse_used(space, name, &versions).await?;
        self.refuse_unfinished(space, &ids).await?;
        // Nothing calls it any more, so it keeps nothing anew.
        while self.store.clear_states(space, name, STATES_CLEARED).await?.more {}
        let path = DefinitionPath::new(space, Kind::PluginLine, name.as_str());
        let of_versions = versions.iter().map(|version| DefinitionPath::new(space, Kind::Plugin, version.id()));
        let paths = std::iter::once(path).chain(of_versions).collect();
        match self.store.delete_all(paths, Expect::At(line.revision)).await {
            Err(StoreError::InUse { path, users }) => return Err(in_use(path, users)),
            deleted => deleted.map_err(|error| definition_error(error, "plugin", name.as_str()))?,
        };
        for version in &versions {
            self.forget(space, version).await?;
        }
        Ok(())
    }

    /// Refuses while others refer to a plugin or its versions.
    async fn refuse_used(&self, space: &Slug, name: &Slug, versions: &[PluginVersion]) -> Result<()> {
        let line = DefinitionPath::new(space, Kind::PluginLine, name.as_str());
        let of_versions = versions.iter().map(|version| DefinitionPath::new(space, Kind::Plugin, version.id()));
        for path in of_versions.chain([line.clone()]) {
            let mut users = self.store.users(&path).await?;
            // What is granted to a version goes with it.
            users.retain(|user| *user != line && user.kind != Kind::Grants);
            if !users.is_empty() {
                return Err(in_use(path, users));
            }
        }
        Ok(())
    }

    /// Refuses while runs that have not ended keep to versions of workflows that call one of `ids`.
    async fn refuse_unfinished(&self, space: &Slug, ids: &[String]) -> Result<()> {
        let mut users = Vec::new();
        let mut called = ids.first().cloned().unwrap_or_default();
        for workflow in self.definitions.all::<WorkflowVersion>(space).await?.iter().map(|version| &version.0) {
            let Some(id) = workflow.plugins.iter().find(|plugin| ids.contains(plugin)) else { continue };
            if self.has_unfinished(space, &workflow.id, workflow.version).await? {
                called.clone_from(id);
                let version = format!("{}@{}", workflow.id, workflow.version);
                users.push(DefinitionPath::new(space, Kind::WorkflowVersion, version));
            }
        }
        let what = if called.contains('@') { "plugin version" } else { "plugin" };
        if users.is_empty() { Ok(()) } else { Err(EngineError::InUse { what, id: called, users }) }
    }

    /// Whether a run of this version of a workflow has not ended.
    async fn has_unfinished(&self, space: &Slug, workflow: &Slug, version: u32) -> Result<bool> {
        for status in [RunStatus::Running, RunStatus::Waiting] {
            let filter = RunFilter { workflow: Some(workflow.clone()), status: Some(status) };
            let mut page = Page { cursor: None, limit: STEP_RUNS };
            loop {
                let slice = self.store.runs(space, &filter, page).await?;
                if slice.items.iter().any(|run| run.version == version) {
                    return Ok(true);
                }
                let Some(next) = slice.next else { break };
                page = Page { cursor: Some(next), limit: STEP_RUNS };
            }
        }
        Ok(false)
    }

    /// Lets go of what is kept in memory of a deleted version; and of its component.
    async fn forget(&self, space: &Slug, version: &PluginVersion) -> Result<()> {
        let id = version.to_string();
        self.tags.remove(&(space.clone(), id.clone()));
        self.plugins.release(space.as_str(), &id, version.digest);
        self.plugins.forget_counts(space.as_str(), &id);
        self.let_go(version.digest).await
    }
}

fn in_use(path: DefinitionPath, users: Vec<DefinitionPath>) -> EngineError {
    let what = if path.kind == Kind::Plugin { "plugin version" } else { "plugin" };
    EngineError::InUse { what, id: path.id, users }
}

/// The plugins of a webhook, what it calls of them, and with which configuration.
pub(in super::super) fn webhook_needs(webhook: &Webhook) -> Vec<(&PluginRef, Export, &Value)> {
    let template = match &webhook.request.template {
        Template::Plugin { plugin, config } => Some((plugin, Export::Template, config)),
        Template::Text { .. } => None,
    };
    let mapping = match &webhook.response.mapping {
        Mapping::Plugin { plugin, config } => Some((plugin, Export::Mapping, config)),
        Mapping::Rules { .. } => None,
    };
    template.into_iter().chain(mapping).collect()
}

/// The field of a part of a configuration: `config`, beside the field that names the plugin, and a JSON pointer.
fn config_field(field: &str, pointer: &str) -> String {
    format!("{}config{pointer}", field.strip_suffix("plugin").unwrap_or(field))
}

fn lacks(version: &PluginVersion, export: Export) -> String {
    let exports: Vec<_> = version.exports.iter().map(|export| interface(*export)).collect();
    format!("plugin {version} exports {}, not {}", exports.join(", "), interface(export))
}

/// Why a version does not do what is needed of it, if it does not.
fn misfit(version: &PluginVersion, need: Need<'_>) -> Option<Misfit> {
    if !version.exports.contains(&need.export) {
        return Some(Misfit::Export);
    }
    let schema = &version.description.as_ref()?.config_schema;
    let findings = refusals(schema, need.config?);
    (!findings.is_empty()).then_some(Misfit::Config(findings))
}

/// What a configuration's schema says against a configuration. No configuration is as good as an empty one.
fn refusals(schema: &Value, config: &Value) -> Vec<(String, String)> {
    let check = |config: &Value| check_config(schema, config).err().unwrap_or_default();
    let found = check(config);
    if found.is_empty() || !config.is_null() || !check(&json!({})).is_empty() { found } else { Vec::new() }
}

/// Checks a configuration. A schema that cannot be read refuses nothing: it was refused itself, when it was uploaded.
fn check_config(schema: &Value, config: &Value) -> Result<(), Vec<(String, String)>> {
    if *schema == Value::Bool(false) {
        return Err(vec![(String::new(), "the plugin takes no configuration at all".to_owned())]);
    }
    let Some(Ok(validator)) = schema.is_object().then(|| Validator::compile(schema)) else { return Ok(()) };
    let findings = validator.check(config).err().unwrap_or_default();
    if findings.is_empty() {
        return Ok(());
    }
    Err(findings.into_iter().map(|finding| (finding.pointer, finding.reason)).collect())
}

/// Why a plugin's schema of its configuration cannot be used, or refuses the plugin's own example.
pub fn schema_fault(schema: &Value, example: &Value) -> Option<String> {
    if schema.is_object()
        && let Err(problem) = Validator::compile(schema)
    {
        return Some(format!("config-schema{}: {}", problem.pointer, problem.reason));
    }
    let (at, reason) = refusals(schema, example).into_iter().next()?;
    Some(format!("example-config{at} does not fit config-schema: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_configuration_must_fit_the_schema_and_none_may_stand_for_an_empty_one() {
        let channel = json!({ "type": "object", "properties": { "channel": { "type": "string" } } });
        let needed = json!({ "type": "object", "required": ["channel"] });
        let cases = [
            (&json!(true), json!({ "any": 1 }), None),
            (&json!(false), json!(null), Some("example-config does not fit config-schema: the plugin takes no")),
            (&channel, json!({ "channel": "#a" }), None),
            (&channel, json!(null), None),
            (&channel, json!({ "channel": 7 }), Some("example-config/channel does not fit config-schema: ")),
            (&needed, json!(null), Some("example-config does not fit config-schema: ")),
            (&json!({ "type": "null" }), json!(null), None),
            (&json!({ "$ref": "https://a.example/schema" }), json!(null), Some("config-schema/$ref: ")),
        ];
        for (schema, example, expected) in cases {
            let fault = schema_fault(schema, &example);
            match expected {
                None => assert_eq!(fault, None, "{schema} {example}"),
                Some(start) => {
                    assert!(
                        fault.as_ref().is_some_and(|fault| fault.starts_with(start)),
                        "{schema} {example}: {fault:?}"
                    );
                }
            }
        }
    }
}
