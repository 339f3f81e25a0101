//! What a run may take.

use serde_json::Value;

use crate::model::{Fault, VALUE_DEPTH_MAX};

use super::fault::FaultKind;

/// Most tasks begun in one run, repeats counted.
pub(super) const TASKS_PER_RUN_MAX: u32 = 10_000;
/// Tasks after which a transition is cut, so that progress is committed and the thread is free for others.
pub(super) const TASKS_PER_TRANSITION: u32 = 250;
/// Work in expressions (units of [`crate::expr`]) after which a transition is cut.
pub(super) const WORK_PER_TRANSITION: u64 = 500_000;
/// Work in expressions after which a task fails: it may begin with what a transition may have done before it.
pub(super) const WORK_MAX: u64 = 3 * WORK_PER_TRANSITION;
/// Largest value that passes between tasks or is kept as context, in bytes of JSON (roughly).
pub const VALUE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of history (roughly) after which a transition is cut: what it commits must fit into one commit.
pub(super) const HISTORY_PER_TRANSITION: usize = 512 * 1024;

/// `value` may pass on; `what` it is goes into the fault.
pub(super) fn check(value: &Value, what: &str) -> Result<(), Fault> {
    check_value(value).map_err(|error| FaultKind::Validation.fault(format!("{what} {error}")))
}

/// Whether a value may go into a run.
///
/// # Errors
/// It nests too deep or is too large.
pub fn check_value(value: &Value) -> Result<(), TooMuch> {
    let mut left = VALUE_BYTES_MAX;
    measure(value, VALUE_DEPTH_MAX, &mut left)
}

/// The size of a value in bytes of JSON (roughly); the most that may pass if it is more.
pub(super) fn weigh(value: &Value) -> usize {
    let mut left = VALUE_BYTES_MAX;
    measure(value, VALUE_DEPTH_MAX, &mut left).map_or(VALUE_BYTES_MAX, |()| VALUE_BYTES_MAX - left)
}

/// Why a value may not go into a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    /// Too many levels of arrays and objects.
    #[error("is nested more than {VALUE_DEPTH_MAX} deep")]
    Deep,
    /// Too many bytes.
    #[error("is larger than {VALUE_BYTES_MAX} bytes")]
    Large,
}

fn measure(value: &Value, depth: usize, left: &mut usize) -> Result<(), TooMuch> {
    let mut take = |bytes: usize| {
        *left = left.checked_sub(bytes).ok_or(TooMuch::Large)?;
        Ok(())
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => take(5),
        Value::String(text) => take(text.len() + 2),
        Value::Array(items) => {
            take(2)?;
            let depth = depth.checked_sub(1).ok_or(TooMuch::Deep)?;
            items.iter().try_for_each(|item| measure(item, depth, left))
        }
        Value::Object(fields) => {
            take(2)?;
            let depth = depth.checked_sub(1).ok_or(TooMuch::Deep)?;
            fields.iter().try_for_each(|(name, field)| {
                *left = left.checked_sub(name.len() + 4).ok_or(TooMuch::Large)?;
                measure(field, depth, left)
            })
        }
    }
}
