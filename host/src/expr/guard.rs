//! Decides from the bare text whether the parser's recursion is safe on a server thread.
//!
//! The jq parser recurses once per opening bracket, prefix operator, keyword and binary operator; nothing in it stops
//! `((((…` or `----…1`. So sources with few tokens and few brackets are parsed here, all others only in the sandbox.

/// Longest source parsed natively, in bytes.
const BYTES_MAX: usize = 2 * 1024;
/// Most opening brackets, anywhere in the source: nesting cannot be deeper than this.
const OPENERS_MAX: usize = 96;
/// Most tokens: no chain of operators can be longer than this.
const TOKENS_MAX: usize = 512;

/// Lexing, parsing and walking the tree of `source` stays well within 256 KiB of stack. May say no to harmless texts.
pub(super) fn is_shallow(source: &str) -> bool {
    source.len() <= BYTES_MAX
        && source.bytes().filter(|byte| b"([{".contains(byte)).count() <= OPENERS_MAX
        && tokens(source) <= TOKENS_MAX
}

/// At least as many as there are tokens: runs of word characters, and every other character that is no white space.
fn tokens(source: &str) -> usize {
    let mut in_word = false;
    source
        .chars()
        .filter(|c| {
            let word = c.is_alphanumeric() || *c == '_';
            let begins = !(c.is_whitespace() || word && in_word);
            in_word = word;
            begins
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_expressions_are_shallow_and_towers_are_not() {
        assert!(is_shallow(r#"{ a: .b.c, d: [.[] | select(.e == "f")] } + ($context // {})"#));
        assert!(!is_shallow(&"(".repeat(97)));
        assert!(!is_shallow(&"-".repeat(513)));
        assert!(!is_shallow(&"try ".repeat(512 + 1)));
        assert!(!is_shallow(&" ".repeat(2049)));
    }

    #[test]
    fn closing_brackets_in_strings_do_not_hide_nesting() {
        assert!(!is_shallow(&format!("{}\"{}\"{}", "(".repeat(60), ")".repeat(60), "(".repeat(60))));
    }
}
