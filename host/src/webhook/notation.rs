//! How a text may be written inside another one: as it is, in JSON, in URLs and forms, in XML.

/// A way of writing text in which a character may have several spellings.
#[derive(Clone, Copy, Debug)]
pub(super) enum Notation {
    /// As it is.
    Plain,
    /// Inside a JSON string (RFC 8259, section 7), and so often inside another one.
    Json(u8),
    /// In a URL (RFC 3986, section 2.1), or a form (WHATWG URL, "application/x-www-form-urlencoded").
    Percent,
    /// In XML text or attributes (XML 1.0, section 4.1).
    Xml,
}

/// About how many times longer a spelling may be than what it spells: `"` in JSON inside JSON may be `\\u0022`.
pub(super) const SPELLING_FACTOR: usize = 8;
/// Longest reference to a character in XML: `&#1114111;`.
const REFERENCE_BYTES_MAX: usize = 10;

/// What the beginning of a text means: one byte, or one character that was escaped; and how long that beginning is.
struct Piece {
    length: usize,
    meaning: [u8; 4],
    meant: usize,
}

impl Notation {
    /// All ways that are looked for.
    pub(super) const ALL: [Self; 5] = [Self::Plain, Self::Json(1), Self::Json(2), Self::Percent, Self::Xml];

    /// How many bytes of the beginning of `text` spell `needle`; `None` if they do not.
    pub(super) fn spells(self, text: &[u8], needle: &[u8]) -> Option<usize> {
        let (mut at, mut rest) = (0, needle);
        while let Some(wanted) = rest.first() {
            let piece = self.piece(text.get(at..)?, *wanted)?;
            rest = rest.strip_prefix(piece.bytes())?;
            at += piece.length;
        }
        Some(at)
    }

    fn piece(self, text: &[u8], wanted: u8) -> Option<Piece> {
        match self {
            Self::Plain => Piece::byte(text),
            Self::Json(level) => json(text, level),
            Self::Percent => percent(text, wanted),
            Self::Xml => xml(text),
        }
    }
}

impl Piece {
    /// The first byte as it is.
    fn byte(text: &[u8]) -> Option<Self> {
        Some(Self::one(1, *text.first()?))
    }

    const fn one(length: usize, byte: u8) -> Self {
        Self { length, meaning: [byte, 0, 0, 0], meant: 1 }
    }

    fn character(length: usize, character: char) -> Self {
        let mut meaning = [0; 4];
        let meant = character.encode_utf8(&mut meaning).len();
        Self { length, meaning, meant }
    }

    fn bytes(&self) -> &[u8] {
        &self.meaning[..self.meant]
    }

    fn is(&self, byte: u8) -> bool {
        self.bytes() == [byte]
    }
}

/// `level`: inside how many JSON strings the text is.
fn json(text: &[u8], level: u8) -> Option<Piece> {
    let Some(below) = level.checked_sub(1) else { return Piece::byte(text) };
    let first = json(text, below)?;
    if !first.is(b'\\') {
        return Some(first);
    }
    let letter = json(text.get(first.length..)?, below)?;
    let length = first.length + letter.length;
    let meant = match letter.bytes() {
        [escaped @ (b'"' | b'\\' | b'/')] => *escaped,
        b"b" => 8,
        b"f" => 12,
        b"n" => b'\n',
        b"r" => b'\r',
        b"t" => b'\t',
        b"u" => return utf16(text, length, below),
        _ => return None,
    };
    Some(Piece::one(length, meant))
}

/// The character whose UTF-16 is in hexadecimal from `start`, behind the first `\u`.
fn utf16(text: &[u8], start: usize, below: u8) -> Option<Piece> {
    let (first, mut at) = unit(text, start, below)?;
    let mut units = vec![first];
    if (0xD800..0xDC00).contains(&first) {
        for mark in *b"\\u" {
            let piece = json(text.get(at..)?, below)?;
            at += piece.length;
            piece.is(mark).then_some(())?;
        }
        let (second, end) = unit(text, at, below)?;
        units.push(second);
        at = end;
    }
    let character = char::decode_utf16(units).next()?.ok()?;
    Some(Piece::character(at, character))
}

/// Four hexadecimal digits from `at`, and where they end.
fn unit(text: &[u8], mut at: usize, below: u8) -> Option<(u16, usize)> {
    let mut unit = 0;
    for _ in 0..4 {
        let piece = json(text.get(at..)?, below)?;
        at += piece.length;
        unit = unit << 4 | u16::try_from(char::from(piece.meaning[0]).to_digit(16)?).ok()?;
    }
    Some((unit, at))
}

fn percent(text: &[u8], wanted: u8) -> Option<Piece> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    match text.first()? {
        b'%' => match (digit(1), digit(2)) {
            (Some(high), Some(low)) => Some(Piece::one(3, u8::try_from(high << 4 | low).ok()?)),
            _ => Piece::byte(text),
        },
        // A space in forms, itself in URLs.
        b'+' if wanted == b' ' => Some(Piece::one(1, b' ')),
        _ => Piece::byte(text),
    }
}

fn xml(text: &[u8]) -> Option<Piece> {
    let Some(reference) = text.strip_prefix(b"&") else { return Piece::byte(text) };
    let end = reference.iter().take(REFERENCE_BYTES_MAX - 1).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(&reference[..end]).ok()?;
    let code = |digits: &str, radix: u32| char::from_u32(u32::from_str_radix(digits, radix).ok()?);
    let character = match (name, name.strip_prefix('#')) {
        ("amp", _) => '&',
        ("lt", _) => '<',
        ("gt", _) => '>',
        ("quot", _) => '"',
        ("apos", _) => '\'',
        (_, Some(number)) => match number.strip_prefix('x') {
            Some(digits) => code(digits, 16)?,
            None => code(number, 10)?,
        },
        _ => return None,
    };
    Some(Piece::character(end + 2, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_recognised_in_each_notation() {
        let cases: [(Notation, &str, &str); 20] = [
            (Notation::Plain, "p@ss", "p@ss"),
            (Notation::Json(1), r#"a\"b\\c\/d"#, r#"a"b\c/d"#),
            (Notation::Json(1), r"\u0070\u00E4ss", "päss"),
            (Notation::Json(1), r"\ud83d\uDE00!", "😀!"),
            (Notation::Json(1), r"a\n\t\r\b\f", "a\n\t\r\u{8}\u{c}"),
            (Notation::Json(2), r#"a\\\"b"#, "a\"b"),
            (Notation::Json(2), r"p\\u00e4ss", "päss"),
            (Notation::Json(2), r"p\u005cu00e4ss", "päss"),
            (Notation::Json(2), r"a\\\\b", r"a\b"),
            (Notation::Percent, "p%40ss_word", "p@ss_word"),
            (Notation::Percent, "p%40ss%5Fword", "p@ss_word"),
            (Notation::Percent, "%c3%A4", "ä"),
            (Notation::Percent, "a+b%20c+", "a b c+"),
            (Notation::Percent, "100%", "100%"),
            (Notation::Xml, "a&amp;b&lt;&gt;&quot;&apos;", "a&b<>\"'"),
            (Notation::Xml, "&#228;&#xE4;", "ää"),
            (Notation::Xml, "&#128512;", "😀"),
            (Notation::Json(1), "", ""),
            (Notation::Json(1), "grün", "grün"),
            (Notation::Percent, "grün", "grün"),
        ];
        for (notation, text, needle) in cases {
            let followed = format!("{text}…");
            assert_eq!(
                notation.spells(followed.as_bytes(), needle.as_bytes()),
                Some(text.len()),
                "{notation:?} {text}"
            );
        }
    }

    #[test]
    fn what_is_damaged_or_cut_spells_nothing() {
        let cases = [
            (Notation::Json(1), r"\u00e"),
            (Notation::Json(1), r"\ud83d"),
            (Notation::Json(1), r"\ud83d\u0041"),
            (Notation::Json(1), r"\x41"),
            (Notation::Json(1), "\\"),
            (Notation::Json(2), r"\\u00"),
            (Notation::Xml, "&amp"),
            (Notation::Xml, "&nbsp;"),
            (Notation::Xml, "&#xD800;"),
            (Notation::Xml, "&#0000000038;"),
        ];
        for (notation, text) in cases {
            for needle in ["é", "A", "&", "\u{a0}", "\\"] {
                assert_eq!(notation.spells(text.as_bytes(), needle.as_bytes()), None, "{notation:?} {text}");
            }
        }
    }
}
