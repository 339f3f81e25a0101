//! Tree to workflow: lists of tasks and the tasks in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::OutlineItem;
use super::catch::{self, Definitions};
use super::document::NodeKind;
use super::model::{Block, BlockId, Case, Emit, RaisedError, Role, Task, TaskId, TaskKind, Then};
use super::parse::SCHEMA;
use super::reader::{At, Reader};
use super::value::Template;

/// What the body of a task may read, besides caught errors.
pub(super) const BODY_VARIABLES: [&str; 5] = ["$context", "$input", "$task", "$workflow", "$runtime"];
const INPUT_VARIABLES: [&str; 4] = ["$context", "$task", "$workflow", "$runtime"];
const EXPORT_VARIABLES: [&str; 6] = ["$context", "$input", "$output", "$task", "$workflow", "$runtime"];

const COMMON: [&str; 6] = ["if", "input", "output", "export", "then", "metadata"];
/// Kinds of tasks, with the further fields of each.
const KINDS: [(&str, &[&str]); 9] = [
    ("do", &[]),
    ("set", &[]),
    ("switch", &[]),
    ("call", &["with"]),
    ("run", &[]),
    ("emit", &[]),
    ("raise", &[]),
    ("try", &["catch"]),
    ("wait", &[]),
];
const UNSUPPORTED: [(&str, &str); 5] = [
    ("for", "iterate within an expression or a plugin"),
    ("fork", "put the tasks one after the other"),
    ("listen", "let the event start another workflow by its trigger"),
    ("config", "the configuration of a plugin stands in `metadata.config` of the task that calls it"),
    ("timeout", "webhooks have a timeout of their own, and retries a `limit.duration`"),
];

/// Reads tasks into the tables of the workflow.
pub(super) struct TaskReader<'r> {
    pub(super) reader: &'r mut Reader,
    definitions: &'r Definitions,
    depth: usize,
}

impl<'r> TaskReader<'r> {
    pub(super) fn new(reader: &'r mut Reader, definitions: &'r Definitions) -> Self {
        Self { reader, definitions, depth: 0 }
    }

    /// The outermost `do`: block 0.
    pub(super) fn root(&mut self, at: &At<'_>) {
        self.block(at, None, Role::Do);
    }

    fn block(&mut self, at: &At<'_>, owner: Option<TaskId>, role: Role) -> BlockId {
        let id = self.reader.workflow.blocks.len();
        self.reader.workflow.blocks.push(Block { tasks: Vec::new(), owner, role });
        let items: Vec<_> = match at.items() {
            Some(items) => items.collect(),
            None => {
                let reason = format!("expected a list of tasks (`- name: {{ … }}`), found {}", at.node.describe());
                self.reader.refuse(at, reason);
                return id;
            }
        };
        if items.is_empty() {
            self.reader.refuse(at, "there must be at least one task");
        }
        let mut names = BTreeMap::new();
        let mut named = Vec::new();
        for item in &items {
            let fields: Vec<_> = item.fields().into_iter().flatten().collect();
            let [(entry, task)] = fields.as_slice() else {
                self.reader.refuse(item, "expected one task: `- name: { … }`");
                continue;
            };
            if names.insert(entry.name.clone(), named.len()).is_some() {
                let reason = format!("there is another task `{}` in this list; rename one", entry.name);
                self.reader.refuse_at(entry.line, entry.column, &task.path, reason);
            }
            named.push((entry.name.clone(), task.clone()));
        }
        for (name, task) in named {
            let task = self.task(name, &task, &names);
            self.reader.workflow.blocks[id].tasks.push(task);
        }
        id
    }

    fn task(&mut self, name: String, at: &At<'_>, siblings: &BTreeMap<String, usize>) -> TaskId {
        let id = self.reader.workflow.tasks.len();
        let kinds: Vec<_> = KINDS.iter().filter(|(kind, _)| at.field(kind).is_some()).collect();
        let fields: Vec<&str> = match kinds.as_slice() {
            [(kind, more)] => COMMON.iter().chain(*more).chain([kind]).copied().collect(),
            _ => COMMON
                .iter()
                .copied()
                .chain(KINDS.iter().flat_map(|(kind, more)| [kind].into_iter().chain(*more)).copied())
                .collect(),
        };
        let is_map = self.reader.only(at, &fields, &UNSUPPORTED);
        let placeholder = TaskKind::Set(Template::Literal(serde_json::Value::Null));
        self.reader.workflow.tasks.push(Task {
            name: name.clone(),
            reference: at.path.clone(),
            label: "",
            kind: placeholder,
            condition: None,
            input: None,
            output: None,
            export: None,
            then: Then::Continue,
        });
        let outline = self.reader.workflow.outline.len();
        self.reader.workflow.outline.push(OutlineItem {
            name,
            reference: at.path.clone(),
            kind: String::new(),
            depth: self.depth,
        });
        if is_map {
            self.common(id, at, siblings);
            let read = match kinds.as_slice() {
                [(kind, _)] => at.field(kind).and_then(|body| self.kind(id, kind, at, &body, siblings)),
                [] => {
                    if !UNSUPPORTED.iter().any(|(name, _)| at.field(name).is_some()) {
                        let names: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
                        self.reader.refuse(at, format!("a task needs one of {}", names.join(", ")));
                    }
                    None
                }
                _ => {
                    let names: Vec<&str> = kinds.iter().map(|(kind, _)| *kind).collect();
                    self.reader.refuse(at, format!("a task is one of {}; make several tasks", names.join(" and ")));
                    None
                }
            };
            if let Some((label, kind)) = read {
                let task = &mut self.reader.workflow.tasks[id];
                (task.label, task.kind) = (label, kind);
                self.reader.workflow.outline[outline].kind = label.to_owned();
            }
        }
        id
    }

    fn common(&mut self, id: TaskId, at: &At<'_>, siblings: &BTreeMap<String, usize>) {
        let condition = at.field("if").and_then(|condition| self.reader.expression(&condition, &BODY_VARIABLES));
        let input = self.data(at, "input", "from", &INPUT_VARIABLES);
        let output = self.data(at, "output", "as", &BODY_VARIABLES);
        let export = self.data(at, "export", "as", &EXPORT_VARIABLES);
        let then = at.field("then").and_then(|then| self.then(&then, siblings)).unwrap_or(Then::Continue);
        if let Some(metadata) = at.field("metadata") {
            self.reader.metadata(&metadata);
        }
        let task = &mut self.reader.workflow.tasks[id];
        (task.condition, task.input, task.output, task.export, task.then) = (condition, input, output, export, then);
    }

    fn data(&mut self, at: &At<'_>, name: &str, inner: &str, variables: &[&str]) -> Option<Template> {
        let field = at.field(name)?;
        if !self.reader.only(&field, &[inner], &[SCHEMA]) {
            return None;
        }
        let inner = field.field(inner)?;
        self.reader.filter(&inner, variables)
    }

    fn then(&mut self, at: &At<'_>, siblings: &BTreeMap<String, usize>) -> Option<Then> {
        match self.reader.literal(at, "where to go")? {
            "continue" => Some(Then::Continue),
            "exit" => Some(Then::Exit),
            "end" => Some(Then::End),
            name => {
                let sibling = siblings.get(name).copied().map(Then::Goto);
                if sibling.is_none() {
                    let reason = format!("there is no task `{name}` in this list; use its name, continue, exit or end");
                    self.reader.refuse(at, reason);
                }
                sibling
            }
        }
    }

    fn kind(
        &mut self,
        id: TaskId,
        kind: &str,
        at: &At<'_>,
        body: &At<'_>,
        siblings: &BTreeMap<String, usize>,
    ) -> Option<(&'static str, TaskKind)> {
        match kind {
            "do" => Some(("do", TaskKind::Do(self.nested(body, id, Role::Do)))),
            "set" => {
                if !matches!(body.node.kind, NodeKind::Map(_) | NodeKind::Text(..)) {
                    self.reader.refuse(body, format!("expected a mapping of values, found {}", body.node.describe()));
                }
                Some(("set", TaskKind::Set(self.reader.template(body, &BODY_VARIABLES)?)))
            }
            "switch" => Some(("switch", TaskKind::Switch(self.switch(body, siblings)))),
            "call" => self.call(at, body),
            "run" => self.run(body),
            "emit" => Some(("emit", TaskKind::Emit(self.emit(body)?))),
            "raise" => Some(("raise", TaskKind::Raise(self.raise(body)?))),
            "try" => self.attempt(id, at, body),
            "wait" => Some(("wait", TaskKind::Wait(self.reader.delay(body, &BODY_VARIABLES)?))),
            _ => None,
        }
    }

    fn nested(&mut self, at: &At<'_>, owner: TaskId, role: Role) -> BlockId {
        self.depth += 1;
        let block = self.block(at, Some(owner), role);
        self.depth -= 1;
        block
    }

    fn switch(&mut self, at: &At<'_>, siblings: &BTreeMap<String, usize>) -> Vec<Case> {
        let Some(items) = at.items() else {
            self.reader.refuse(at, format!("expected a list of cases, found {}", at.node.describe()));
            return Vec::new();
        };
        let items: Vec<_> = items.collect();
        let (mut cases, mut default) = (Vec::new(), false);
        for item in &items {
            let fields: Vec<_> = item.fields().into_iter().flatten().collect();
            let [(_, case)] = fields.as_slice() else {
                self.reader.refuse(item, "expected one case: `- name: { when: …, then: … }`");
                continue;
            };
            if !self.reader.only(case, &["when", "then"], &[]) {
                continue;
            }
            let when = case.field("when");
            if when.is_none() && std::mem::replace(&mut default, true) {
                self.reader.refuse(case, "only one case may be without `when`: it is the default");
            }
            let then = self.reader.required(case, "then").and_then(|then| self.then(&then, siblings));
            let when = match when {
                Some(when) => self.reader.expression(&when, &BODY_VARIABLES).map(Some),
                None => Some(None),
            };
            if let (Some(when), Some(then)) = (when, then) {
                cases.push(Case { when, then });
            }
        }
        if items.is_empty() {
            self.reader.refuse(at, "there must be at least one case");
        }
        // The default is taken when no other case is, wherever it stands.
        cases.sort_by_key(|case| case.when.is_none());
        cases
    }

    fn attempt(&mut self, id: TaskId, at: &At<'_>, body: &At<'_>) -> Option<(&'static str, TaskKind)> {
        let block = self.nested(body, id, Role::Try);
        let catch_at = self.reader.required(at, "catch")?;
        let mut catch = catch::read(self.reader, &catch_at, self.definitions)?;
        if let Some(tasks) = catch_at.field("do") {
            self.reader.errors.push(catch.variable.clone());
            catch.block = Some(self.nested(&tasks, id, Role::Catch));
            self.reader.errors.pop();
        }
        Some(("try", TaskKind::Try(block, Box::new(catch))))
    }

    fn emit(&mut self, at: &At<'_>) -> Option<Emit> {
        const EVENT: [&str; 4] = ["source", "type", "subject", "data"];
        const GIVEN: [(&str, &str); 6] = [
            ("id", "the server makes it"),
            ("time", "the server sets it"),
            ("specversion", "the server sets it"),
            ("datacontenttype", "data is JSON"),
            ("dataschema", "the event type's definition holds the schema"),
            ("dataref", "put the data into `data`"),
        ];
        self.reader.only(at, &["event"], &[]);
        let event = self.reader.required(at, "event")?;
        self.reader.only(&event, &["with"], &[]);
        let with = self.reader.required(&event, "with")?;
        self.reader.only(&with, &EVENT, &GIVEN);
        let kind = self.reader.required(&with, "type")?;
        let kind = self.reader.template(&kind, &BODY_VARIABLES);
        let mut optional = |name| with.field(name).map(|field| self.reader.template(&field, &BODY_VARIABLES));
        let (source, subject, data) = (optional("source"), optional("subject"), optional("data"));
        Some(Emit { kind: kind?, source: source.flatten(), subject: subject.flatten(), data: data.flatten() })
    }

    fn raise(&mut self, at: &At<'_>) -> Option<Arc<RaisedError>> {
        self.reader.only(at, &["error"], &[]);
        let error = self.reader.required(at, "error")?;
        match &error.node.kind {
            NodeKind::Text(name, _) => match self.definitions.errors.get(name) {
                Some(defined) => defined.clone(),
                None => {
                    self.reader.refuse(&error, format!("there is no error `{name}` under use.errors"));
                    None
                }
            },
            _ => raised_error(self.reader, &error).map(Arc::new),
        }
    }
}

/// An error to raise, inline or of `use.errors`.
pub(super) fn raised_error(reader: &mut Reader, at: &At<'_>) -> Option<RaisedError> {
    if !reader.only(at, &["type", "status", "title", "detail", "instance"], &[]) {
        return None;
    }
    let mut field = |name| at.field(name).map(|field| reader.template(&field, &BODY_VARIABLES));
    let (kind, status) = (field("type"), field("status"));
    let (title, detail, instance) = (field("title"), field("detail"), field("instance"));
    for (name, given) in [("type", kind.is_some()), ("status", status.is_some())] {
        if !given {
            reader.refuse(at, format!("`{name}` is missing"));
        }
    }
    Some(RaisedError {
        kind: kind??,
        status: status??,
        title: title.flatten(),
        detail: detail.flatten(),
        instance: instance.flatten(),
    })
}
