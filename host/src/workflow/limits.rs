//! What a run may take.

use serde_json::Value;

use crate::model::Fault;

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
pub(super) const VALUE_BYTES_MAX: usize = 1024 * 1024;
/// Deepest nesting of such a value: states must be readable again.
pub(super) const VALUE_DEPTH_MAX: usize = 96;

/// `value` may pass on; `what` it is goes into the fault.
pub(super) fn check(value: &Value, what: &str) -> Result<(), Fault> {
    let mut left = VALUE_BYTES_MAX;
    match measure(value, VALUE_DEPTH_MAX, &mut left) {
        Ok(()) => Ok(()),
        Err(TooMuch::Deep) => {
            Err(FaultKind::Validation.fault(format!("{what} is nested more than {VALUE_DEPTH_MAX} deep")))
        }
        Err(TooMuch::Large) => {
            Err(FaultKind::Validation.fault(format!("{what} is larger than {VALUE_BYTES_MAX} bytes")))
        }
    }
}

enum TooMuch {
    Deep,
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
