//! Documents as trees that know where each node stands. Anchors, aliases, merge keys and tags are refused, so a
//! document cannot be larger than its text.

use std::collections::HashSet;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Number, Value};

use crate::model::{DocumentMedia, Object};

use super::{Refusal, json};

/// Longest document, in bytes.
pub(super) const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
/// Deepest nesting of lists and mappings.
pub(super) const DEPTH_MAX: usize = 64;
/// Most nodes.
pub(super) const NODES_MAX: usize = 20_000;

/// One node; lines and columns count from 1.
#[derive(Debug)]
pub(super) struct Node {
    pub line: usize,
    pub column: usize,
    pub kind: NodeKind,
}

/// What a node is.
#[derive(Debug)]
pub(super) enum NodeKind {
    Null,
    Bool(bool),
    Number(Number),
    /// A text, and how many columns after the node's start it begins, if it stands in one line as it is.
    Text(String, Option<usize>),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One field of a mapping.
#[derive(Debug)]
pub(super) struct Entry {
    pub name: String,
    pub line: usize,
    pub column: usize,
    pub value: Node,
}

impl Node {
    /// As a JSON value.
    pub(super) fn to_value(&self) -> Value {
        match &self.kind {
            NodeKind::Null => Value::Null,
            NodeKind::Bool(value) => Value::Bool(*value),
            NodeKind::Number(number) => Value::Number(number.clone()),
            NodeKind::Text(text, _) => Value::String(text.clone()),
            NodeKind::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            NodeKind::Map(entries) => Value::Object(
                entries.iter().map(|entry| (entry.name.clone(), entry.value.to_value())).collect::<Object>(),
            ),
        }
    }

    /// What it is, for messages.
    pub(super) fn describe(&self) -> &'static str {
        match &self.kind {
            NodeKind::Null => "nothing",
            NodeKind::Bool(_) => "true or false",
            NodeKind::Number(_) => "a number",
            NodeKind::Text(..) => "a text",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a mapping",
        }
    }
}

/// Reads a document into a tree.
pub(super) fn read(text: &str, media: DocumentMedia) -> Result<Node, Vec<Refusal>> {
    if text.len() > DOCUMENT_BYTES_MAX {
        let reason = format!("the document is longer than {DOCUMENT_BYTES_MAX} bytes; split the workflow");
        return Err(vec![Refusal { line: 1, column: 1, path: String::new(), reason }]);
    }
    match media {
        DocumentMedia::Yaml => read_yaml(text),
        DocumentMedia::Json => json::read(text).map_err(|refusal| vec![refusal]),
    }
}

fn read_yaml(text: &str) -> Result<Node, Vec<Refusal>> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => {
                if !builder.event(event, span) {
                    break;
                }
            }
            Err(error) => {
                let (line, column) = (error.marker().line(), error.marker().col() + 1);
                builder.refusals.push(Refusal {
                    line,
                    column,
                    path: builder.path(),
                    reason: format!("no valid YAML: {}", error.info()),
                });
                break;
            }
        }
    }
    match builder.root {
        Some(root) if builder.refusals.is_empty() => Ok(root),
        _ if !builder.refusals.is_empty() => Err(builder.refusals),
        _ => Err(vec![Refusal {
            line: 1,
            column: 1,
            path: String::new(),
            reason: "the document is empty; it needs `document` and `do`".to_owned(),
        }]),
    }
}

/// A list or mapping that is still open.
struct Open {
    node: Node,
    /// In a mapping: the name whose value comes next.
    name: Option<(String, usize, usize)>,
    /// In a mapping: the names so far.
    names: HashSet<String>,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    refusals: Vec<Refusal>,
}

impl Builder {
    /// Takes one event; `false` when it is no use to go on.
    fn event(&mut self, event: Event<'_>, span: Span) -> bool {
        let (line, column) = (span.start.line(), span.start.col() + 1);
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                self.refuse(line, column, "there is more than one document; save each workflow by itself");
                return false;
            }
            Event::Alias(_) => {
                self.refuse(line, column, "aliases (`*name`) are not supported; write the value out");
                self.scalar(line, column, NodeKind::Null);
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.plainness(line, column, anchor, tag.is_some());
                let on_one_line = span.start.line() == span.end.line();
                let kind = match style {
                    ScalarStyle::Plain if self.expects_name() => NodeKind::Text(text.into_owned(), None),
                    ScalarStyle::Plain => self.plain(&text, line, column, on_one_line),
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                        NodeKind::Text(text.into_owned(), on_one_line.then_some(1))
                    }
                    ScalarStyle::Literal | ScalarStyle::Folded => NodeKind::Text(text.into_owned(), None),
                };
                self.scalar(line, column, kind);
            }
            Event::SequenceStart(anchor, tag) => {
                self.plainness(line, column, anchor, tag.is_some());
                return self.push(line, column, NodeKind::List(Vec::new()));
            }
            Event::MappingStart(anchor, tag) => {
                self.plainness(line, column, anchor, tag.is_some());
                return self.push(line, column, NodeKind::Map(Vec::new()));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    self.place(open.node);
                }
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {}
        }
        self.nodes <= NODES_MAX
    }

    fn expects_name(&self) -> bool {
        self.open.last().is_some_and(|open| matches!(open.node.kind, NodeKind::Map(_)) && open.name.is_none())
    }

    fn refuse(&mut self, line: usize, column: usize, reason: &str) {
        let path = self.path();
        self.refusals.push(Refusal { line, column, path, reason: reason.to_owned() });
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for open in &self.open {
            match (&open.node.kind, &open.name) {
                (NodeKind::List(items), _) => path.push_str(&format!("/{}", items.len())),
                (_, Some((name, ..))) => path.push_str(&format!("/{}", escaped(name))),
                _ => {}
            }
        }
        path
    }

    fn plainness(&mut self, line: usize, column: usize, anchor: usize, tagged: bool) {
        if anchor != 0 {
            self.refuse(line, column, "anchors (`&name`) are not supported; write the value out where it is needed");
        }
        if tagged {
            self.refuse(line, column, "tags (`!name`) are not supported; remove it");
        }
    }

    fn push(&mut self, line: usize, column: usize, kind: NodeKind) -> bool {
        if self.expects_name() {
            self.refuse(line, column, "the name of a field must be a text");
            return false;
        }
        if self.open.len() >= DEPTH_MAX {
            self.refuse(line, column, &format!("nested more than {DEPTH_MAX} deep; flatten it"));
            return false;
        }
        self.open.push(Open { node: Node { line, column, kind }, name: None, names: HashSet::new() });
        true
    }

    fn scalar(&mut self, line: usize, column: usize, kind: NodeKind) {
        if self.expects_name() {
            let name = match kind {
                NodeKind::Text(name, _) => name,
                _ => String::new(),
            };
            self.name(name, line, column);
        } else {
            self.place(Node { line, column, kind });
        }
    }

    fn name(&mut self, name: String, line: usize, column: usize) {
        let twice = self.open.last_mut().is_some_and(|open| !open.names.insert(name.clone()));
        if name == "<<" {
            self.refuse(line, column, "merge keys (`<<`) are not supported; write the fields out");
        } else if twice {
            self.refuse(line, column, &format!("`{name}` is given twice; remove one"));
        }
        if let Some(open) = self.open.last_mut() {
            open.name = Some((name, line, column));
        }
    }

    fn place(&mut self, node: Node) {
        self.nodes += 1;
        if self.nodes == NODES_MAX + 1 {
            self.refuse(node.line, node.column, &format!("more than {NODES_MAX} values; split the workflow"));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open { node: Node { kind: NodeKind::List(items), .. }, .. }) => items.push(node),
            Some(open) => {
                if let (NodeKind::Map(entries), Some((name, line, column))) = (&mut open.node.kind, open.name.take()) {
                    entries.push(Entry { name, line, column, value: node });
                }
            }
        }
    }

    /// A plain scalar by the core schema of YAML 1.2 (§10.3.2).
    fn plain(&mut self, text: &str, line: usize, column: usize, on_one_line: bool) -> NodeKind {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return NodeKind::Null,
            "true" | "True" | "TRUE" => return NodeKind::Bool(true),
            "false" | "False" | "FALSE" => return NodeKind::Bool(false),
            _ => {}
        }
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit()) {
                self.refuse(
                    line,
                    column,
                    &format!("is {text} a text or a number? Write it in quotes, or without the leading zeros"),
                );
            }
            if let Some(number) = number(text.strip_prefix('+').unwrap_or(text)) {
                return NodeKind::Number(number);
            }
            if matches!(digits.to_ascii_lowercase().as_str(), ".inf" | ".nan") {
                self.refuse(line, column, "JSON has no such number; write a finite one");
            }
        }
        NodeKind::Text(text.to_owned(), on_one_line.then_some(0))
    }
}

fn number(text: &str) -> Option<Number> {
    let radix = |prefix: &str, radix| u64::from_str_radix(text.strip_prefix(prefix)?, radix).ok();
    if let Some(int) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Some(int.into());
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
        return None;
    }
    text.parse::<i64>()
        .map(Number::from)
        .or_else(|_| text.parse::<u64>().map(Number::from))
        .ok()
        .or_else(|| Number::from_f64(text.parse().ok()?))
}

/// One step of a JSON pointer (RFC 6901 §3).
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
