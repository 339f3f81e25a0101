//! XML to JSON.
//!
//! - The document is `{"name of the root": value}`; names keep their prefix as written (`soap:Body`).
//! - An element with neither attributes nor children is its text, a string; an empty one is `""`.
//! - Any other element is an object: attributes as `"@name"`, children as `"name"`, text that is not only white space
//!   as `"#text"`. Children of the same name become an array.
//! - White space around text is removed, unless it is written as CDATA or as a character reference.
//! - Comments and processing instructions are skipped. DTDs, entities other than the five predefined, encodings other
//!   than UTF-8 and more than [`DEPTH_MAX`] levels are refused.
//! - Names, characters, attributes and the nesting are checked as XML 1.0 says; namespaces are not.

use std::ops::Range;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use serde_json::map::Entry;
use serde_json::{Map, Value};

use crate::{DecodeError, position};

/// How many elements may lie within each other.
pub const DEPTH_MAX: usize = 64;

/// Whether XML 1.0 (§2.2) allows the character in a document.
pub fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

/// Decodes a document.
///
/// # Errors
/// Where and why the text is not well-formed, or uses what is refused.
pub fn decode(text: &str) -> Result<Value, DecodeError> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut tree = Tree { open: Vec::new(), root: None };
    let fail = |offset, message| Err(position::at(text.as_bytes(), offset, message));
    if let Some((offset, c)) = text.char_indices().find(|(_, c)| !is_char(*c)) {
        return fail(offset, format!("the character {c:?} is not allowed in XML"));
    }
    loop {
        let offset = reader.buffer_position() as usize;
        match reader.read_event() {
            Ok(Event::Eof) => break,
            Ok(event) => {
                if let Err(message) = tree.take(event, offset) {
                    return fail(offset, message);
                }
            }
            Err(error) => return fail(reader.error_position() as usize, reason(&error)),
        }
    }
    match (tree.open.pop(), tree.root) {
        (Some(element), _) => fail(text.len(), format!("<{}> is not closed", element.name)),
        (None, Some((name, value))) => Ok(Value::Object(Map::from_iter([(name, value)]))),
        (None, None) => fail(text.len(), "there is no element".into()),
    }
}

/// What quick-xml says, without its own category in front.
fn reason(error: &quick_xml::Error) -> String {
    match error {
        quick_xml::Error::Syntax(error) => error.to_string(),
        quick_xml::Error::IllFormed(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// The document so far.
struct Tree {
    open: Vec<Element>,
    root: Option<(String, Value)>,
}

/// An element that is not closed yet.
struct Element {
    name: String,
    members: Map<String, Value>,
    text: String,
    /// The part of `text` whose white space is meant: from CDATA and character references.
    kept: Option<Range<usize>>,
}

impl Tree {
    /// Takes the next event. The error is the reason; its place is the event's start.
    fn take(&mut self, event: Event<'_>, offset: usize) -> Result<(), String> {
        match event {
            Event::Start(start) => self.open(&start),
            Event::Empty(start) => {
                self.open(&start)?;
                self.close()
            }
            Event::End(_) => self.close(),
            Event::Text(text) => self.text(&text.xml10_content()),
            Event::CData(text) => self.keep(&text.xml10_content()),
            Event::GeneralRef(reference) => self.reference(&reference),
            Event::Decl(declaration) if offset == 0 => check_declaration(&declaration),
            Event::Decl(_) => Err("the XML declaration must come first".into()),
            Event::DocType(_) => Err("a document type (DTD) is not allowed".into()),
            Event::Comment(_) | Event::PI(_) | Event::Eof => Ok(()),
        }
    }

    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        if self.open.is_empty() && self.root.is_some() {
            return Err("there must be one root element only".into());
        }
        if self.open.len() == DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} elements lie within each other"));
        }
        let name = name_of(start.name().as_ref())?;
        self.open.push(Element { name, members: attributes(start)?, text: String::new(), kept: None });
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let element = self.open.pop().ok_or("an element is closed that was not opened")?;
        let (name, value) = element.into_value();
        let Some(parent) = self.open.last_mut() else {
            self.root = Some((name, value));
            return Ok(());
        };
        match parent.members.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(value);
            }
            Entry::Occupied(mut entry) => match entry.get_mut() {
                Value::Array(values) => values.push(value),
                first => *first = Value::Array(vec![first.take(), value]),
            },
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        if text.contains("]]>") {
            return Err("`]]>` is not allowed in text".into());
        }
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim_matches(is_space).is_empty() => {}
            None => return Err("text is not allowed outside the root element".into()),
        }
        Ok(())
    }

    /// Text whose white space is meant.
    fn keep(&mut self, text: &str) -> Result<(), String> {
        let element = self.open.last_mut().ok_or("text is not allowed outside the root element")?;
        let start = element.kept.as_ref().map_or(element.text.len(), |kept| kept.start);
        element.text.push_str(text);
        element.kept = Some(start..element.text.len());
        Ok(())
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), String> {
        self.keep(&resolve(reference)?)
    }
}

impl Element {
    fn into_value(mut self) -> (String, Value) {
        let kept = self.kept.unwrap_or(self.text.len()..0);
        let start = (self.text.len() - self.text.trim_start_matches(is_space).len()).min(kept.start);
        let end = self.text.trim_end_matches(is_space).len().max(kept.end);
        let text = self.text.get(start..end).unwrap_or_default();
        let value = match (self.members.is_empty(), text.is_empty()) {
            (true, _) => Value::String(text.to_owned()),
            (false, true) => Value::Object(self.members),
            (false, false) => {
                self.members.insert("#text".to_owned(), Value::String(text.to_owned()));
                Value::Object(self.members)
            }
        };
        (self.name, value)
    }
}

/// The attributes of an element, as `"@name"`.
fn attributes(start: &BytesStart<'_>) -> Result<Map<String, Value>, String> {
    let mut members = Map::new();
    // Duplicates are found by the map: quick-xml would compare each with each.
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let name = name_of(attribute.key.as_ref())?;
        if attribute.value.contains('<') {
            return Err(format!("the attribute {name} contains `<`: write `&lt;`"));
        }
        let value = unescape(&attribute.value)?;
        if members.insert(format!("@{name}"), Value::String(value)).is_some() {
            return Err(format!("the attribute {name} is given twice"));
        }
    }
    Ok(members)
}

/// The value of an attribute: references resolved, white space normalised (XML 1.0 §3.3.3).
fn unescape(value: &str) -> Result<String, String> {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((text, after)) = rest.split_once('&') {
        push_normalised(text, &mut out);
        let (name, after) = after.split_once(';').ok_or("`&` must be written `&amp;`")?;
        out.push_str(&resolve(&BytesRef::new(name))?);
        rest = after;
    }
    push_normalised(rest, &mut out);
    Ok(out)
}

fn push_normalised(text: &str, out: &mut String) {
    out.extend(text.replace("\r\n", "\n").chars().map(|c| if is_space(c) { ' ' } else { c }));
}

/// A character reference or one of the five predefined entities.
fn resolve(reference: &BytesRef<'_>) -> Result<String, String> {
    let name: &str = reference;
    if let Some(text) = resolve_predefined_entity(name) {
        return Ok(text.to_owned());
    }
    match reference.resolve_char_ref() {
        Ok(Some(c)) if is_char(c) => Ok(c.to_string()),
        Ok(None) => Err(format!("the entity &{name}; is not defined: only lt, gt, amp, quot and apos are")),
        Ok(Some(_)) | Err(_) => Err(format!("the character reference &{name}; is not allowed in XML")),
    }
}

fn check_declaration(declaration: &BytesDecl<'_>) -> Result<(), String> {
    declaration.version().map_err(|error| reason(&error))?;
    match declaration.encoding() {
        Some(Ok(encoding)) if !["utf-8", "us-ascii"].contains(&encoding.to_ascii_lowercase().as_str()) => {
            Err(format!("the encoding {encoding:?} is not supported: use UTF-8"))
        }
        Some(Err(error)) => Err(error.to_string()),
        _ => Ok(()),
    }
}

/// White space of XML 1.0 (§2.3).
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// A name as XML 1.0 (§2.3) has it.
fn name_of(name: &str) -> Result<String, String> {
    let mut chars = name.chars();
    match chars.next().is_some_and(is_name_start) && chars.all(is_name) {
        true => Ok(name.to_owned()),
        false => Err(format!("{name:?} is not a name")),
    }
}

fn is_name_start(c: char) -> bool {
    matches!(c,
        ':' | '_' | 'A'..='Z' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

fn is_name(c: char) -> bool {
    is_name_start(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}
