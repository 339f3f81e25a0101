//! Where things stand in a document, also those in the texts that it holds.

use serde_json::Value;

use crate::model::PluginRef;

use super::Refusal;

/// Where something stands in the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// JSON pointer (RFC 6901).
    pub path: String,
}

/// A task that calls a plugin.
#[derive(Clone, Debug)]
pub struct PluginCall {
    /// The plugin.
    pub plugin: PluginRef,
    /// Where the document names it.
    pub place: Place,
    /// What is known of its configuration before a run; nothing if there are expressions in it.
    pub config: Option<Configured>,
}

/// A configuration in a document.
#[derive(Clone, Debug)]
pub struct Configured {
    /// The configuration. Of a script, that without its arguments.
    pub value: Value,
    /// Where it stands, or the member that does.
    pub(super) place: Place,
    /// The JSON pointer of that member; empty for the whole.
    pub(super) member: &'static str,
}

impl Place {
    /// The refusal of what stands here.
    pub fn refuse(&self, reason: impl Into<String>) -> Refusal {
        Refusal { line: self.line, column: self.column, path: self.path.clone(), reason: reason.into() }
    }

    /// Where in `document` a line and a column (from 1, in UTF-16 code units) of `text` are, which begins here. `None`
    /// if the line does not stand there as it is, for example because it is folded or has escapes.
    fn inside(&self, document: &str, text: &str, (line, column): (usize, usize)) -> Option<(usize, usize)> {
        let wanted = text.lines().nth(line.checked_sub(1)?).unwrap_or_default();
        let before = characters(wanted, column.saturating_sub(1));
        let first = document.lines().nth(self.line.checked_sub(1)?)?;
        let rest = first.char_indices().nth(self.column.saturating_sub(1)).map_or("", |(at, _)| &first[at..]);
        let unquoted = rest.strip_prefix(['"', '\'']).unwrap_or(rest);
        if text.lines().count() == 1 && !text.ends_with('\n') && unquoted.starts_with(wanted) {
            let quotes = rest.chars().count() - unquoted.chars().count();
            return Some((self.line, self.column + quotes + before));
        }
        // A block, each line indented. It begins with its first line that is not empty.
        let empty = text.bytes().take_while(|byte| *byte == b'\n').count();
        let number = (self.line + line).checked_sub(1 + empty)?;
        let indent = document.lines().nth(number.checked_sub(1)?)?.strip_suffix(wanted)?;
        let is_indent = indent.bytes().all(|byte| byte == b' ');
        is_indent.then(|| (number, indent.len() + 1 + before))
    }
}

impl Configured {
    /// The refusal of a part of it: `pointer` (RFC 6901) leads to it, `position` is a line and a column in the text
    /// that it is.
    pub fn refuse(&self, document: &str, pointer: &str, position: Option<(usize, usize)>, reason: &str) -> Refusal {
        let below = pointer.strip_prefix(self.member).unwrap_or_default();
        let place = Place { path: format!("{}{below}", self.place.path), ..self.place.clone() };
        let Some((line, column)) = position else { return place.refuse(reason) };
        let text = self.value.pointer(pointer).and_then(Value::as_str).filter(|_| pointer == self.member);
        match text.and_then(|text| place.inside(document, text, (line, column))) {
            Some((line, column)) => Refusal { line, column, ..place.refuse(reason) },
            None => place.refuse(format!("{reason} (line {line}, column {column} of the text)")),
        }
    }
}

/// How many characters the first `units` UTF-16 code units of a text are.
fn characters(text: &str, units: usize) -> usize {
    let ends = text.chars().scan(0, |end, c| {
        *end += c.len_utf16();
        Some(*end)
    });
    ends.take_while(|end| *end <= units).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_text_is_one_of_the_document_where_the_text_stands_as_it_is() {
        let document =
            "a:\n  code: |  # a block\n    one\n\n      twö 😀 x\n  other: 'one line'\n  folded: >\n    a\n    b\n";
        let place = |line, column| Place { line, column, path: "/a".to_owned() };
        let block = "one\n\n  twö 😀 x\n";
        for (place, text, position, expected) in [
            (place(3, 5), block, (1, 2), Some((3, 6))),
            (place(3, 5), block, (3, 10), Some((5, 13))),
            (place(3, 5), block, (2, 1), Some((4, 1))),
            (place(6, 10), "one line", (1, 5), Some((6, 15))),
            (place(8, 5), "a b\n", (1, 3), None),
            (place(8, 5), "a b\n", (0, 0), None),
            (place(99, 1), "a", (1, 1), None),
        ] {
            assert_eq!(place.inside(document, text, position), expected, "{text:?} {position:?}");
        }
    }
}
