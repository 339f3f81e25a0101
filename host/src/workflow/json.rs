//! JSON documents (RFC 8259) as the same trees: positions, depth and duplicate names are checked here, texts and
//! numbers are read by serde_json.

use std::collections::HashSet;

use super::Refusal;
use super::document::{DEPTH_MAX, Entry, NODES_MAX, Node, NodeKind, escaped};

/// Reads one JSON text.
pub(super) fn read(text: &str) -> Result<Node, Refusal> {
    let mut reader = Reader { text, at: 0, mark: (0, 1, 1), nodes: 0, path: Vec::new() };
    let node = reader.node()?;
    reader.space();
    if reader.at < text.len() { Err(reader.refusal("there is more after the end of the document")) } else { Ok(node) }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// An offset at or before `at`, its line and its column.
    mark: (usize, usize, usize),
    nodes: usize,
    path: Vec<String>,
}

impl Reader<'_> {
    /// Line and column of `at`. Counts on from the last mark, so that a whole document costs one pass.
    fn position(&mut self) -> (usize, usize) {
        let (from, mut line, mut column) = if self.mark.0 <= self.at { self.mark } else { (0, 1, 1) };
        for c in self.text[from..self.at].chars() {
            (line, column) = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
        }
        self.mark = (self.at, line, column);
        (line, column)
    }

    fn refusal(&mut self, reason: &str) -> Refusal {
        let (line, column) = self.position();
        let path = self.path.iter().map(|step| format!("/{}", escaped(step))).collect();
        Refusal { line, column, path, reason: format!("no valid JSON: {reason}") }
    }

    fn space(&mut self) {
        self.at += self.text[self.at..].bytes().take_while(|byte| b" \t\r\n".contains(byte)).count();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn node(&mut self) -> Result<Node, Refusal> {
        self.space();
        let (line, column) = self.position();
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(self.refusal(&format!("more than {NODES_MAX} values; split the workflow")));
        }
        let kind = match self.peek() {
            Some(b'{') => self.map()?,
            Some(b'[') => self.list()?,
            Some(b'"') => NodeKind::Text(self.string()?, Some(1)),
            Some(_) => self.word()?,
            None => return Err(self.refusal("the document ends too early")),
        };
        Ok(Node { line, column, kind })
    }

    fn enter(&mut self) -> Result<(), Refusal> {
        if self.path.len() >= DEPTH_MAX {
            return Err(self.refusal(&format!("nested more than {DEPTH_MAX} deep; flatten it")));
        }
        self.at += 1;
        Ok(())
    }

    fn map(&mut self) -> Result<NodeKind, Refusal> {
        self.enter()?;
        let mut entries: Vec<Entry> = Vec::new();
        let mut names = HashSet::new();
        while !self.take(b'}') {
            if !entries.is_empty() && !self.take(b',') {
                return Err(self.refusal("expected `,` or `}`"));
            }
            self.space();
            let (line, column) = self.position();
            let start = self.at;
            let name = self.string()?;
            if !names.insert(name.clone()) {
                self.at = start;
                return Err(self.refusal(&format!("`{name}` is given twice; remove one")));
            }
            if !self.take(b':') {
                return Err(self.refusal("expected `:`"));
            }
            self.path.push(name.clone());
            let value = self.node()?;
            self.path.pop();
            entries.push(Entry { name, line, column, value });
        }
        Ok(NodeKind::Map(entries))
    }

    fn list(&mut self) -> Result<NodeKind, Refusal> {
        self.enter()?;
        let mut items = Vec::new();
        while !self.take(b']') {
            if !items.is_empty() && !self.take(b',') {
                return Err(self.refusal("expected `,` or `]`"));
            }
            self.path.push(items.len().to_string());
            items.push(self.node()?);
            self.path.pop();
        }
        Ok(NodeKind::List(items))
    }

    fn string(&mut self) -> Result<String, Refusal> {
        if self.peek() != Some(b'"') {
            return Err(self.refusal("expected a text in double quotes"));
        }
        let rest = &self.text[self.at..];
        let mut escaping = false;
        let end = rest.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaping;
            escaping = byte == b'\\' && !escaping;
            ends
        });
        let Some(end) = end else { return Err(self.refusal("the closing quote is missing")) };
        let text = serde_json::from_str(&rest[..end + 2])
            .map_err(|_| self.refusal("a bad escape or a raw control character"))?;
        self.at += end + 2;
        Ok(text)
    }

    fn word(&mut self) -> Result<NodeKind, Refusal> {
        let rest = &self.text[self.at..];
        let len = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).unwrap_or(rest.len());
        let kind = match &rest[..len] {
            "null" => NodeKind::Null,
            "true" => NodeKind::Bool(true),
            "false" => NodeKind::Bool(false),
            digits => match serde_json::from_str(digits) {
                Ok(number) => NodeKind::Number(number),
                Err(_) => return Err(self.refusal("expected a value")),
            },
        };
        self.at += len;
        Ok(kind)
    }
}
