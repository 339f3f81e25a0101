//! The budget of one native evaluation: every node visited, copied or compared and every 16 bytes of text cost a unit.

use std::cell::Cell;

use serde_json::Value;

use super::run::Stop;

/// Units that one evaluation may spend: at 10 to 40 ns each, at most some 20 ms, and at most some 40 MiB made.
pub(super) const UNITS_MAX: u64 = 500_000;
/// Bytes of text that cost one unit.
const BYTES_PER_UNIT: usize = 16;

/// Counts down.
pub(super) struct Meter(Cell<u64>);

impl Meter {
    pub(super) fn new() -> Self {
        Self(Cell::new(UNITS_MAX))
    }

    /// How much was spent.
    pub(super) fn spent(&self) -> u64 {
        UNITS_MAX - self.0.get()
    }

    /// Takes `units`, or stops the evaluation.
    pub(super) fn spend(&self, units: u64) -> Result<(), Stop> {
        let left = self.0.get();
        self.0.set(left.saturating_sub(units));
        if left < units { Err(Stop::Exhausted) } else { Ok(()) }
    }

    /// Takes the price of `bytes` bytes of text.
    pub(super) fn spend_text(&self, bytes: usize) -> Result<(), Stop> {
        self.spend((bytes / BYTES_PER_UNIT) as u64 + 1)
    }

    /// Takes the price of walking over `value`.
    pub(super) fn spend_value(&self, value: &Value) -> Result<(), Stop> {
        match value {
            Value::String(text) => self.spend_text(text.len()),
            Value::Array(items) => {
                self.spend(1)?;
                items.iter().try_for_each(|item| self.spend_value(item))
            }
            Value::Object(fields) => {
                self.spend(1)?;
                fields.iter().try_for_each(|(name, value)| {
                    self.spend_text(name.len())?;
                    self.spend_value(value)
                })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => self.spend(1),
        }
    }

    /// A copy of `value`, paid before it is made.
    pub(super) fn copy(&self, value: &Value) -> Result<Value, Stop> {
        self.spend_value(value)?;
        Ok(value.clone())
    }
}
