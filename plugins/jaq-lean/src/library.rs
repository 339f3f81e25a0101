//! The standard library, cut down to what a source names.
//!
//! The build script prints the definitions of jaq-core, jaq-std and jaq-json into `std.jq`, one a line.

use std::collections::HashSet;

use jaq_core::data::JustLut;
use jaq_core::load::{parse, parse::Def};
use jaq_core::native::Fun;
use jaq_json::Val;

use crate::names::{OURS, name_of_line};

/// The definitions of jaq, except those replaced by [`OURS`] and those refused.
pub const THEIRS: &str = include_str!(concat!(env!("OUT_DIR"), "/std.jq"));

/// Functions of jaq that reach for the host: its environment, clock, time zone, standard error and exit.
const NATIVES_LEFT_OUT: &[&str] = &["debug_empty", "env", "halt", "localtime", "now", "stderr_empty", "strflocaltime"];

/// What a source uses: definitions, in the order of the library, and native functions.
pub fn for_source(source: &str) -> (Vec<Def<&'static str>>, Vec<Fun<JustLut<Val>>>) {
    let mut wanted: HashSet<&str> = HashSet::new();
    let mut queue: Vec<&str> = words(source).collect();
    if queue.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let lines: Vec<(&'static str, &'static str)> =
        THEIRS.lines().chain(OURS.lines()).filter_map(name_of_line).collect();
    let mut is_used = vec![false; lines.len()];
    while let Some(word) = queue.pop() {
        if !wanted.insert(word) {
            continue;
        }
        for (used, (_, line)) in is_used.iter_mut().zip(&lines).filter(|(_, (name, _))| *name == word) {
            *used = true;
            queue.extend(words(line));
        }
    }
    let used = lines.iter().zip(is_used).filter_map(|((_, line), used)| used.then_some(*line));
    // Every line parses: a test parses them all.
    let definitions = used.filter_map(|line| parse(line, |parser| parser.defs())).flatten().collect();
    (definitions, natives().filter(|(name, ..)| wanted.contains(name)).collect())
}

/// All native functions but those that reach for the host.
fn natives() -> impl Iterator<Item = Fun<JustLut<Val>>> {
    jaq_core::funs()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs())
        .filter(|(name, ..)| !NATIVES_LEFT_OUT.contains(name))
}

/// All that may be the name of a filter: words that are neither fields (`.a`) nor variables. Words in strings, comments
/// and keys are among them, which costs little.
fn words(source: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = source;
    let mut before = ' ';
    std::iter::from_fn(move || {
        loop {
            let start = rest.find(|c: char| is_word(c) || c == '@')?;
            if let Some(c) = rest[..start].chars().next_back() {
                before = c;
            }
            let length = rest[start + 1..].find(|c| !is_word(c)).map_or(rest.len(), |end| start + 1 + end);
            let word = &rest[start..length];
            rest = &rest[length..];
            let is_name = !matches!(before, '.' | '$') && !word.starts_with(|c: char| c.is_ascii_digit());
            before = 'a';
            if is_name {
                return Some(word);
            }
        }
    })
}
