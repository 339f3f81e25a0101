//! Refusals as text, one line each, in the form that editors understand: `file:line:column: reason (at /path)`.

use super::Refusal;

/// The refusals of `file` as lines of text; empty if there are none.
pub fn report(file: &str, refusals: &[Refusal]) -> String {
    refusals.iter().map(|refusal| format!("{file}:{refusal}\n")).collect()
}
