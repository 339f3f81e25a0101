//! Tree to workflow: the document itself. What the profile does not support is refused with its place and a reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{DocumentMedia, Slug};

use super::catch::Definitions;
use super::document::{self, NodeKind};
use super::model::Workflow;
use super::reader::{At, Reader};
use super::tasks::TaskReader;
use super::{Refusal, catch, tasks};

/// `document.metadata.start` of a workflow that is started by hand only.
const MANUAL: &str = "manual";
/// `document.metadata.start` of a workflow that outside calls may start too; the default.
const TRIGGERED: &str = "triggered";
const DOCUMENT_KNOWN: [&str; 8] = ["dsl", "namespace", "name", "version", "title", "summary", "tags", "metadata"];
const TOP_KNOWN: [&str; 6] = ["document", "input", "use", "do", "output", "evaluate"];
const TOP_UNSUPPORTED: [(&str, &str); 2] = [
    ("schedule", "workflows start by a trigger or through the API; remove it"),
    ("timeout", "webhooks have a timeout of their own, and retries a `limit.duration`; remove it"),
];
const USE_UNSUPPORTED: [(&str, &str); 7] = [
    ("authentications", "a webhook's definition holds its authentication; use call: webhook"),
    ("catalogs", "call plugins by NAME:VERSION@plugins"),
    ("extensions", "write the tasks out where they are needed"),
    ("functions", "call plugins by NAME:VERSION@plugins, and webhooks by their id"),
    ("secrets", "a webhook's definition inserts secrets itself"),
    ("timeouts", "webhooks have a timeout of their own"),
    ("policies", "write the policy out where it is needed"),
];
/// Why schemas are refused wherever the specification allows one.
pub(super) const SCHEMA: (&str, &str) =
    ("schema", "check with `if` or `switch` and `raise`, or in the trigger's field mapping");

/// Parses a document.
pub(super) fn parse(text: &str, media: DocumentMedia) -> Result<Workflow, Vec<Refusal>> {
    let tree = document::read(text, media)?;
    let top = At { node: &tree, path: String::new() };
    let mut reader = Reader::default();
    if reader.only(&top, &TOP_KNOWN, &TOP_UNSUPPORTED) {
        read_document(&mut reader, &top);
        read_evaluate(&mut reader, &top);
        read_data(&mut reader, &top);
        let definitions = read_use(&mut reader, &top);
        if let Some(tasks) = reader.required(&top, "do") {
            TaskReader::new(&mut reader, &definitions).root(&tasks);
        }
    }
    reader.refusals.sort_by_key(|refusal| (refusal.line, refusal.column));
    if reader.refusals.is_empty() { Ok(reader.workflow) } else { Err(reader.refusals) }
}

fn read_document(reader: &mut Reader, top: &At<'_>) {
    let Some(document) = reader.required(top, "document") else { return };
    if !reader.only(&document, &DOCUMENT_KNOWN, &[]) {
        return;
    }
    if let Some(dsl) = reader.required(&document, "dsl")
        && let Some(text) = reader.text(&dsl)
        && text.parse::<semver::Version>().map_or(true, |version| (version.major, version.minor) != (1, 0))
    {
        reader.refuse(&dsl, format!("{text:?} is not a version of the language that this server reads; write '1.0.3'"));
    }
    if let Some(namespace) = reader.required(&document, "namespace") {
        reader.slug(&namespace, "the namespace");
    }
    if let Some(name) = reader.required(&document, "name")
        && let Some(slug) = reader.slug(&name, "the name")
    {
        reader.workflow.name = slug.to_string();
    }
    if let Some(version) = reader.required(&document, "version")
        && let Some(text) = reader.text(&version)
        && let Err(error) = text.parse::<semver::Version>()
    {
        reader.refuse(&version, format!("{text:?} is no semantic version ({error}); write for example '1.0.0'"));
    }
    for name in ["title", "summary"] {
        if let Some(field) = document.field(name) {
            reader.text(&field);
        }
    }
    for name in ["tags", "metadata"] {
        if let Some(field) = document.field(name) {
            reader.metadata(&field);
        }
    }
    if let Some(start) = document.field("metadata").and_then(|metadata| metadata.field("start"))
        && let Some(text) = reader.text(&start)
    {
        reader.workflow.manual = text == MANUAL;
        if !matches!(text, MANUAL | TRIGGERED) {
            reader.refuse(&start, format!("`{text}` is not known here; write {MANUAL} or {TRIGGERED}"));
        }
    }
}

fn read_evaluate(reader: &mut Reader, top: &At<'_>) {
    let Some(evaluate) = top.field("evaluate") else { return };
    reader.only(&evaluate, &["language", "mode"], &[]);
    for (name, only) in [("language", "jq"), ("mode", "strict")] {
        if let Some(field) = evaluate.field(name)
            && let Some(text) = reader.text(&field)
            && text != only
        {
            reader.refuse(&field, format!("`{text}` is not supported; write {only}"));
        }
    }
}

fn read_data(reader: &mut Reader, top: &At<'_>) {
    if let Some(input) = top.field("input")
        && reader.only(&input, &["from"], &[SCHEMA])
        && let Some(from) = input.field("from")
    {
        reader.workflow.input = reader.filter(&from, &["$workflow", "$runtime"]);
    }
    if let Some(output) = top.field("output")
        && reader.only(&output, &["as"], &[SCHEMA])
        && let Some(shape) = output.field("as")
    {
        reader.workflow.output = reader.filter(&shape, &["$context", "$workflow", "$runtime"]);
    }
}

fn read_use(reader: &mut Reader, top: &At<'_>) -> Definitions {
    let mut definitions = Definitions { retries: BTreeMap::new(), errors: BTreeMap::new() };
    let Some(at) = top.field("use") else { return definitions };
    if !reader.only(&at, &["retries", "errors"], &USE_UNSUPPORTED) {
        return definitions;
    }
    if let Some(retries) = at.field("retries")
        && reader.is_map(&retries)
    {
        for (entry, retry) in retries.fields().into_iter().flatten() {
            // Which error variable it reads depends on the `catch` that uses it; named policies see the usual one.
            reader.errors.push(catch::ERROR_VARIABLE.to_owned());
            let policy = catch::retry_policy(reader, &retry);
            reader.errors.pop();
            definitions.retries.insert(entry.name.clone(), policy);
        }
    }
    if let Some(errors) = at.field("errors")
        && reader.is_map(&errors)
    {
        for (entry, error) in errors.fields().into_iter().flatten() {
            let raised = tasks::raised_error(reader, &error).map(Arc::new);
            definitions.errors.insert(entry.name.clone(), raised);
        }
    }
    definitions
}

impl Reader {
    /// Anything without expressions: annotations are not evaluated.
    pub(super) fn metadata(&mut self, at: &At<'_>) {
        if !matches!(at.node.kind, NodeKind::Map(_)) {
            self.refuse(at, format!("expected a mapping, found {}", at.node.describe()));
        }
    }

    pub(super) fn is_map(&mut self, at: &At<'_>) -> bool {
        let is_map = matches!(at.node.kind, NodeKind::Map(_));
        if !is_map {
            self.refuse(at, format!("expected a mapping, found {}", at.node.describe()));
        }
        is_map
    }

    /// Notes a source that is read or written.
    pub(super) fn source(&mut self, at: &At<'_>) -> Option<Slug> {
        let slug = self.slug(at, "the source")?;
        self.workflow.sources.entry(slug.clone()).or_insert_with(|| at.place());
        Some(slug)
    }
}
