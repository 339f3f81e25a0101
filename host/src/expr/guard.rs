//! Decides from the bare text whether recursion over the syntax is safe on a server thread.
//!
//! The jq parser recurses once per opening bracket, prefix operator and keyword, and trees are as deep as chains of
//! operators are long; nothing in the parser stops `((((…` or `----…1`. So sources with few of these are parsed here,
//! all others only in the sandbox.

/// Longest source parsed natively, in bytes.
const BYTES_MAX: usize = 2 * 1024;
/// Most operators, with brackets and keywords counted twice, wherever they stand, in strings and comments too.
const LEVELS_MAX: usize = 128;
/// Words that open a level of the parser.
const KEYWORDS: [&str; 12] =
    ["if", "elif", "else", "try", "catch", "as", "reduce", "foreach", "label", "def", "and", "or"];

/// Lexing, parsing, walking and interpreting `source` stays within 1 MiB of stack in a debug build, half of what a
/// worker thread has; a test measures it.
/// May say no to harmless texts.
pub(super) fn is_shallow(source: &str) -> bool {
    source.len() <= BYTES_MAX && levels(source) <= LEVELS_MAX
}

fn levels(source: &str) -> usize {
    let marks = |set: &[u8]| source.bytes().filter(|byte| set.contains(byte)).count();
    let words = source.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let keywords = words.filter(|word| KEYWORDS.contains(word)).count();
    2 * (marks(b"([{") + keywords) + marks(b"|,+-*/%=<>!?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_expressions_are_shallow_and_towers_are_not() {
        assert!(is_shallow(r#"{ a: .b.c, d: [.[] | select(.e == "f")] } + ($context // {})"#));
        assert!(!is_shallow(&"(".repeat(65)));
        assert!(!is_shallow(&"-".repeat(129)));
        assert!(!is_shallow(&"try ".repeat(65)));
        assert!(!is_shallow(&" ".repeat(2049)));
    }

    #[test]
    fn closing_brackets_in_strings_do_not_hide_nesting() {
        assert!(!is_shallow(&format!("{}\"{}\"{}", "(".repeat(40), ")".repeat(40), "(".repeat(40))));
    }
}
