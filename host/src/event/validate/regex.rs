//! Regular expressions of schemas, before the validator compiles them.
//!
//! The validator's engine takes linear time, but in two ways: with an automaton of which it keeps the states that it
//! met, some nanoseconds per byte; and where these are too many, by following all places of the expression at once,
//! thousands of times slower. So an expression is accepted only if its whole automaton is small, read forwards and,
//! as the engine does from the end of `…$` and from a literal, backwards.

use regex_automata::dfa::{StartKind, dense};
use regex_automata::nfa::thompson;

/// Largest automaton of one direction, in bytes: much less than what the engine keeps (2 MiB).
pub(super) const AUTOMATON_BYTES_MAX: usize = 256 * 1024;
/// What building an automaton may use, in bytes.
const BUILD_BYTES_MAX: usize = 512 * 1024;

/// The bytes of the automata of `pattern`, an expression of ECMA-262.
///
/// # Errors
/// What is wrong with it.
pub(super) fn automata(pattern: &str) -> Result<usize, String> {
    let translated = jsonschema_regex::to_rust_regex(pattern)
        .map_err(|()| "it is no regular expression of ECMA-262 that can be matched in linear time".to_owned())?;
    Ok(automaton(&translated, false)? + automaton(&translated, true)?)
}

fn automaton(pattern: &str, backwards: bool) -> Result<usize, String> {
    let sizes = dense::Config::new()
        .start_kind(if backwards { StartKind::Anchored } else { StartKind::Unanchored })
        .accelerate(false)
        .dfa_size_limit(Some(AUTOMATON_BYTES_MAX))
        .determinize_size_limit(Some(BUILD_BYTES_MAX));
    let large = || {
        format!(
            "its automaton takes more than {} KiB: write smaller repetitions, or classes of fewer characters",
            AUTOMATON_BYTES_MAX / 1024
        )
    };
    let unknown = || "look-around, back-references and \\b are not supported".to_owned();
    let program = thompson::Config::new()
        .reverse(backwards)
        .which_captures(thompson::WhichCaptures::None)
        .nfa_size_limit(Some(BUILD_BYTES_MAX));
    let program = thompson::Compiler::new()
        .configure(program)
        .build(pattern)
        .map_err(|error| if error.size_limit().is_some() { large() } else { unknown() })?;
    let automaton = dense::Builder::new()
        .configure(sizes)
        .build_from_nfa(&program)
        .map_err(|error| if error.is_size_limit_exceeded() { large() } else { unknown() })?;
    Ok(automaton.memory_usage())
}
