//! Where a run stands: an explicit stack, the context and the current data. Small JSON, because it is stored at every
//! transition.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::Time;

use super::model::BlockId;

/// Where a run stands: opaque outside, JSON in the store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Open blocks, outermost first; empty before the first task and after the last.
    #[serde(rename = "f", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) frames: Vec<Frame>,
    /// `$context`; null if no expression reads it.
    #[serde(rename = "c", default, skip_serializing_if = "Value::is_null")]
    pub(super) context: Value,
    /// The raw input of the next task.
    #[serde(rename = "d", default, skip_serializing_if = "Value::is_null")]
    pub(super) data: Value,
    /// The raw input of the run, if an expression reads `$workflow`.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub(super) input: Option<Value>,
    /// What the run waits for.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(super) pending: Option<Pending>,
    /// Tasks begun so far.
    #[serde(rename = "n", default)]
    pub(super) tasks: u32,
    /// The first task has been looked for.
    #[serde(rename = "b", default)]
    pub(super) begun: bool,
}

/// An open block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Frame {
    #[serde(rename = "b")]
    pub block: BlockId,
    /// The task under way or next.
    #[serde(rename = "i", default)]
    pub index: usize,
    /// How often `then` has gone backwards in this block.
    #[serde(rename = "r", default)]
    pub round: u32,
    /// For the block of a `try`: which attempt this is, from 1.
    #[serde(rename = "a", default)]
    pub attempt: u32,
    /// When the owner began.
    #[serde(rename = "s")]
    pub started_at: Time,
    /// The owner's transformed input.
    #[serde(rename = "d", default, skip_serializing_if = "Value::is_null")]
    pub input: Value,
    /// For the block of a `catch`: the error.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
}

/// What a run waits for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "k")]
pub(super) enum Pending {
    /// The effect of the current task, whose transformed input this is.
    #[serde(rename = "t")]
    Effect {
        #[serde(rename = "d")]
        input: Value,
        #[serde(rename = "s")]
        started_at: Time,
    },
    /// The end of the current `wait`.
    #[serde(rename = "w")]
    Wait {
        #[serde(rename = "d")]
        input: Value,
        #[serde(rename = "s")]
        started_at: Time,
        #[serde(rename = "u")]
        until: Time,
    },
    /// The time for another attempt.
    #[serde(rename = "r")]
    Retry {
        #[serde(rename = "u")]
        until: Time,
    },
}

impl State {
    /// The state of a run that has not begun.
    pub fn new(input: Value) -> Self {
        Self {
            frames: Vec::new(),
            context: Value::Null,
            data: input,
            input: None,
            pending: None,
            tasks: 0,
            begun: false,
        }
    }

    /// It waits for the result of an effect.
    pub fn awaits_effect(&self) -> bool {
        matches!(self.pending, Some(Pending::Effect { .. }))
    }
}
