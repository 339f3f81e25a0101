//! Where the next output lands: what of the document so far decides about escaping.

use tenterhook_decode::Format;

/// What is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A body.
    Body(Format),
    /// A URL.
    Url,
    /// The value of a header.
    Header,
}

/// Where a value is inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Between tokens of JSON.
    JsonValue,
    /// In a JSON string.
    JsonString,
    /// In a JSON string, behind a backslash that escapes what comes next.
    JsonEscape,
    /// In XML that is neither CDATA nor a comment.
    Xml,
    /// In a comment.
    XmlComment,
    /// In a CDATA section.
    Cdata,
    /// In a form.
    Form,
    /// In a URL.
    Url,
    /// In the value of a header.
    Header,
}

/// Follows the output and knows the place of what comes next.
#[derive(Clone, Debug)]
pub struct Tracker {
    target: Target,
    json: Json,
    xml: Xml,
    /// The last bytes of XML in its present section, newest last.
    recent: [u8; 9],
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Json {
    Value,
    String,
    Escape,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Xml {
    Markup,
    Comment,
    Instruction,
    Cdata,
}

impl Tracker {
    /// At the start of a text.
    pub const fn new(target: Target) -> Self {
        Self { target, json: Json::Value, xml: Xml::Markup, recent: [0; 9] }
    }

    /// The place of what comes next.
    pub const fn place(&self) -> Place {
        match (self.target, self.json, self.xml) {
            (Target::Body(Format::Json), Json::Value, _) => Place::JsonValue,
            (Target::Body(Format::Json), Json::String, _) => Place::JsonString,
            (Target::Body(Format::Json), Json::Escape, _) => Place::JsonEscape,
            (Target::Body(Format::Xml), _, Xml::Cdata) => Place::Cdata,
            (Target::Body(Format::Xml), _, Xml::Comment) => Place::XmlComment,
            (Target::Body(Format::Xml), _, _) => Place::Xml,
            (Target::Body(Format::Form), _, _) => Place::Form,
            (Target::Url, _, _) => Place::Url,
            (Target::Header, _, _) => Place::Header,
        }
    }

    /// Takes what was put out.
    pub fn feed(&mut self, output: &[u8]) {
        match self.target {
            Target::Body(Format::Json) => output.iter().for_each(|byte| self.json = self.json.after(*byte)),
            Target::Body(Format::Xml) => output.iter().for_each(|byte| self.feed_xml(*byte)),
            Target::Body(Format::Form) | Target::Url | Target::Header => {}
        }
    }

    fn feed_xml(&mut self, byte: u8) {
        self.recent.rotate_left(1);
        self.recent[8] = byte;
        let now = match self.xml {
            Xml::Markup if self.recent.ends_with(b"<![CDATA[") => Xml::Cdata,
            Xml::Markup if self.recent.ends_with(b"<!--") => Xml::Comment,
            Xml::Markup if self.recent.ends_with(b"<?") => Xml::Instruction,
            Xml::Cdata if self.recent.ends_with(b"]]>") => Xml::Markup,
            Xml::Comment if self.recent.ends_with(b"-->") => Xml::Markup,
            Xml::Instruction if self.recent.ends_with(b"?>") => Xml::Markup,
            same => same,
        };
        if now != self.xml {
            self.xml = now;
            self.recent = [0; 9];
        }
    }
}

impl Json {
    const fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Value, b'"') | (Self::Escape, _) => Self::String,
            (Self::String, b'"') => Self::Value,
            (Self::String, b'\\') => Self::Escape,
            (same, _) => same,
        }
    }
}
