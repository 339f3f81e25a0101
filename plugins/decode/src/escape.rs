//! Escaping: how text is put into a document so that it stays text.

use std::fmt::{self, Write};

/// Text as the content of a JSON string (RFC 8259 §7).
///
/// # Errors
/// Those of `out`.
pub fn json_string(text: &str, out: &mut (impl Write + ?Sized)) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || matches!(c, '"' | '\\')) {
        out.write_str(&rest[..at])?;
        match rest.as_bytes()[at] {
            b'"' => out.write_str("\\\"")?,
            b'\\' => out.write_str("\\\\")?,
            b'\n' => out.write_str("\\n")?,
            b'\r' => out.write_str("\\r")?,
            b'\t' => out.write_str("\\t")?,
            control => write!(out, "\\u{control:04x}")?,
        }
        rest = &rest[at + 1..];
    }
    out.write_str(rest)
}

/// Text as the content of an XML element or attribute. Characters that XML 1.0 (§2.2) cannot hold are left out;
/// line breaks and tabs are written as references, so that attributes keep them.
///
/// # Errors
/// Those of `out`.
pub fn xml(text: &str, out: &mut (impl Write + ?Sized)) -> fmt::Result {
    for c in text.chars() {
        match c {
            '&' => out.write_str("&amp;")?,
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '"' => out.write_str("&quot;")?,
            '\'' => out.write_str("&apos;")?,
            '\n' => out.write_str("&#10;")?,
            '\r' => out.write_str("&#13;")?,
            '\t' => out.write_str("&#9;")?,
            c if crate::xml::is_char(c) => out.write_char(c)?,
            _ => {}
        }
    }
    Ok(())
}

/// Text as a name or value of a form (URL standard §5.2): a space is `+`.
///
/// # Errors
/// Those of `out`.
pub fn form(text: &str, out: &mut (impl Write + ?Sized)) -> fmt::Result {
    form_urlencoded::byte_serialize(text.as_bytes()).try_for_each(|part| out.write_str(part))
}

/// Text as a part of a URL: everything but unreserved characters (RFC 3986 §2.3) is percent-encoded.
///
/// # Errors
/// Those of `out`.
pub fn url(text: &str, out: &mut (impl Write + ?Sized)) -> fmt::Result {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.write_char(byte.into())?,
            byte => write!(out, "%{byte:02X}")?,
        }
    }
    Ok(())
}
