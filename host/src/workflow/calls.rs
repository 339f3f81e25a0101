//! Tree to workflow: what a `call` calls, and what a `run` runs.

use serde_json::Value;

use crate::model::PluginRef;

use super::model::{Call, TaskKind};
use super::place::{Configured, PluginCall};
use super::reader::{At, Reader, inner_expression};
use super::tasks::{BODY_VARIABLES, TaskReader};
use super::value::Template;

/// The built-in plugin that runs scripts.
const SCRIPT: &str = "script";
/// The member of its configuration that is the script.
const SCRIPT_MEMBER: &str = "script";
/// What the language of a script may be called. The first is the one of the specification's examples.
const LANGUAGES: [&str; 2] = ["javascript", "js"];
const PROCESSES: [(&str, &str); 5] = [
    ("container", "use `script`, or call: NAME:VERSION@plugins for code of your own"),
    ("shell", "use `script`, or call: NAME:VERSION@plugins for code of your own"),
    ("workflow", "write its tasks into a `do`, or call a webhook that starts it"),
    ("await", "the task ends when its script has; remove it"),
    ("return", "the output is what the script returns; choose of it in output.as"),
];
const SCRIPT_UNSUPPORTED: [(&str, &str); 3] = [
    ("source", "write the script into `code`, so that it is part of the workflow's version"),
    ("stdin", "the script gets the task's input; choose of it in input.from"),
    ("environment", "give values in `arguments`; the script finds them in `call.config`"),
];

impl TaskReader<'_> {
    /// A `call`.
    pub(super) fn call(&mut self, at: &At<'_>, body: &At<'_>) -> Option<(&'static str, TaskKind)> {
        let name = self.reader.literal(body, "what is called")?;
        let (label, call) = match name {
            "webhook" => {
                let with = self.reader.required(at, "with")?;
                ("call webhook", self.webhook(&with)?)
            }
            "record-insert" | "record-upsert" | "record-update" | "record-get" => {
                let with = self.reader.required(at, "with")?;
                self.record(name, &with)?
            }
            "http" | "openapi" | "grpc" | "asyncapi" | "a2a" | "mcp" => {
                let reason = format!("`call: {name}` is not supported: define a webhook and use call: webhook");
                self.reader.refuse(body, reason);
                return None;
            }
            name => ("call plugin", self.plugin(name, at, body)?),
        };
        Some((label, TaskKind::Call(call)))
    }

    fn optional(&mut self, at: &At<'_>, name: &str) -> Option<Template> {
        at.field(name).and_then(|field| self.reader.template(&field, &BODY_VARIABLES))
    }

    fn webhook(&mut self, with: &At<'_>) -> Option<Call> {
        if !self.reader.only(with, &["webhook", "data", "record"], &[]) {
            return None;
        }
        let data = self.optional(with, "data");
        let record = with.field("record").and_then(|record| {
            self.reader.only(&record, &["source", "key"], &[]);
            let source = self.reader.required(&record, "source").and_then(|source| self.reader.source(&source));
            let key = self.reader.required(&record, "key").and_then(|key| self.reader.template(&key, &BODY_VARIABLES));
            Some((source?, key?))
        });
        let at = self.reader.required(with, "webhook")?;
        let webhook = self.reader.slug(&at, "the webhook")?;
        self.reader.workflow.webhooks.entry(webhook.clone()).or_insert_with(|| at.place());
        Some(Call::Webhook { webhook, data, record })
    }

    fn record(&mut self, name: &str, with: &At<'_>) -> Option<(&'static str, Call)> {
        let known: &[&str] = match name {
            "record-update" => &["source", "key", "fields"],
            "record-get" => &["source", "key"],
            _ => &["source", "fields"],
        };
        const KEY: [(&str, &str); 2] = [
            ("key", "put the source's key field into `fields`"),
            ("fields", "it reads the whole record; choose fields in output.as"),
        ];
        if !self.reader.only(with, known, &KEY) {
            return None;
        }
        let source = self.reader.required(with, "source").and_then(|source| self.reader.source(&source));
        let fields = self.optional(with, "fields");
        let key = match known.contains(&"key") {
            true => self.reader.required(with, "key").and_then(|key| self.reader.template(&key, &BODY_VARIABLES)),
            false => None,
        };
        let source = source?;
        Some(match name {
            "record-insert" => ("call record-insert", Call::RecordInsert { source, fields }),
            "record-upsert" => ("call record-upsert", Call::RecordUpsert { source, fields }),
            "record-update" => ("call record-update", Call::RecordUpdate { source, key: key?, fields }),
            _ => ("call record-get", Call::RecordGet { source, key: key? }),
        })
    }

    /// A plugin of the space, named `NAME:VERSION@plugins`; `task` has its input in `with` and its configuration, which
    /// the language has no word for, in its metadata.
    fn plugin(&mut self, name: &str, task: &At<'_>, at: &At<'_>) -> Option<Call> {
        let Some(plugin) = name.strip_suffix("@plugins").filter(|plugin| !plugin.contains('@')) else {
            let reason = format!(
                "there is no `{name}` to call; use webhook, record-insert, record-update, record-upsert, record-get, \
                 or a plugin as NAME:VERSION@plugins, or NAME@plugins for its live version"
            );
            self.reader.refuse(at, reason);
            return None;
        };
        let plugin = match plugin.replacen(':', "@", 1).parse::<PluginRef>() {
            Ok(plugin) => plugin,
            Err(reason) => {
                self.reader.refuse(at, reason);
                return None;
            }
        };
        let input = self.optional(task, "with");
        let config_at = task.field("metadata").and_then(|metadata| metadata.field("config"));
        let config = match &config_at {
            Some(at) => Some(self.reader.template(at, &BODY_VARIABLES)?),
            None => None,
        };
        let place = config_at.as_ref().unwrap_or(at).place();
        let known = match &config {
            None => Some(Configured { value: Value::Null, place, member: "" }),
            Some(Template::Literal(value)) => Some(Configured { value: value.clone(), place, member: "" }),
            Some(_) => None,
        };
        self.note(PluginCall { plugin: plugin.clone(), place: at.place(), config: known });
        Some(Call::Plugin { plugin, input, config })
    }

    fn note(&mut self, call: PluginCall) {
        let workflow = &mut self.reader.workflow;
        workflow.plugins.entry(call.plugin.clone()).or_insert_with(|| call.place.clone());
        workflow.plugin_calls.push(call);
    }

    /// A `run`: a script (dsl-reference, "Script Process"), which the plugin of that name runs.
    pub(super) fn run(&mut self, at: &At<'_>) -> Option<(&'static str, TaskKind)> {
        if !self.reader.only(at, &["script"], &PROCESSES) {
            return None;
        }
        let script = match at.field("script") {
            Some(script) => script,
            None if at.fields().is_some_and(|mut fields| fields.next().is_some()) => return None,
            None => self.reader.required(at, "script")?,
        };
        if !self.reader.only(&script, &["language", "code", "arguments"], &SCRIPT_UNSUPPORTED) {
            return None;
        }
        if let Some(language) = self.reader.required(&script, "language")
            && let Some(name) = self.reader.literal(&language, "the language")
            && !LANGUAGES.contains(&name)
        {
            self.reader.refuse(&language, format!("`{name}` is not supported; write {}", LANGUAGES[0]));
        }
        let arguments = self.optional(&script, "arguments");
        let code_at = self.reader.required(&script, "code")?;
        let code = self.reader.code(&code_at)?;
        let plugin = PluginRef { name: SCRIPT.parse().ok()?, version: None };
        let value = Value::from_iter([(SCRIPT_MEMBER, code)]);
        let config = Configured { value, place: code_at.place(), member: "/script" };
        self.note(PluginCall { plugin: plugin.clone(), place: script.place(), config: Some(config) });
        let members = [
            Some((SCRIPT_MEMBER.to_owned(), Template::Literal(code.into()))),
            arguments.map(|arguments| ("config".to_owned(), arguments)),
        ];
        let config = Some(Template::map(members.into_iter().flatten().collect()));
        Some(("run script", TaskKind::Call(Call::Plugin { plugin, input: None, config })))
    }
}

impl Reader {
    /// The text of a script. In it `${` means what it means in its own language.
    fn code<'n>(&mut self, at: &At<'n>) -> Option<&'n str> {
        let code = self.text(at)?;
        if inner_expression(code).is_none() {
            return Some(code);
        }
        let reason = "the script must be written out, so that it can be checked; give it values in `arguments`";
        self.refuse(at, reason);
        None
    }
}
