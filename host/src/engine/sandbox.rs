//! The sandbox for expressions that are not proven bounded: the built-in `jq` plugin.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::expr::{EvaluateError, ExpressionError, Sandbox};
use crate::model::Time;
use crate::plugin::{Call, PluginError, PluginHost};

/// The built-in plugin that evaluates jq.
const JQ: &str = "jq";

/// Evaluates expressions in the `jq` plugin; blocks its thread, so call it from the plugin threads.
pub(super) struct JqSandbox {
    plugins: Arc<PluginHost>,
    /// Whose expressions: one that keeps failing rests for its owner alone.
    owner: String,
}

impl JqSandbox {
    pub(super) const fn new(plugins: Arc<PluginHost>, owner: String) -> Self {
        Self { plugins, owner }
    }

    fn call(&self, request: &Value) -> Result<Value, PluginError> {
        let jq = self.plugins.builtin(JQ);
        let host = |reason: String| PluginError::Host { plugin: JQ.into(), reason };
        let jq = jq.ok_or_else(|| host("the built-in plugin is missing".to_owned()))?;
        let call = Call {
            space: self.owner.clone(),
            id: String::new(),
            now: Time::from_millis(0),
            config: request["source"].to_string(),
        };
        let report = self.plugins.run_here(&jq, call, request.to_string())?;
        serde_json::from_str(&report.value).map_err(|error| host(error.to_string()))
    }
}

impl Sandbox for JqSandbox {
    fn evaluate(&self, source: &str, input: &Value, variables: &[(&str, &Value)]) -> Result<Value, EvaluateError> {
        let variables: serde_json::Map<String, Value> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone())).collect();
        let request = json!({ "mode": "evaluate", "source": source, "input": input, "variables": variables });
        match self.call(&request) {
            Ok(mut answer) => Ok(answer["output"].take()),
            Err(PluginError::Invalid { reason, .. }) => Err(EvaluateError::Failed(reason)),
            Err(
                error @ (PluginError::Trapped { .. }
                | PluginError::TimedOut { .. }
                | PluginError::OutputTooLarge { .. }),
            ) => Err(EvaluateError::Limit(error.to_string())),
            Err(error) => Err(EvaluateError::Unavailable(error.to_string())),
        }
    }

    fn check(&self, source: &str, variables: &[&str]) -> Result<(), ExpressionError> {
        let variables: serde_json::Map<String, Value> =
            variables.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
        let request = json!({ "mode": "check", "source": source, "input": null, "variables": variables });
        match self.call(&request) {
            Ok(_) => Ok(()),
            Err(PluginError::Invalid { reason, .. }) => Err(positioned(&reason)),
            Err(error) => Err(ExpressionError { line: 1, column: 1, message: error.to_string() }),
        }
    }
}

/// Reads the plugin's `line L, column C: message`.
fn positioned(text: &str) -> ExpressionError {
    let parsed = text.strip_prefix("line ").and_then(|rest| {
        let (line, rest) = rest.split_once(", column ")?;
        let (column, message) = rest.split_once(": ")?;
        Some(ExpressionError { line: line.parse().ok()?, column: column.parse().ok()?, message: message.to_owned() })
    });
    parsed.unwrap_or_else(|| ExpressionError { line: 1, column: 1, message: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plugin::Limits;

    #[test]
    fn an_expression_that_rests_for_one_owner_runs_for_another() {
        let limits = Limits {
            pure_time_max: Duration::from_millis(50),
            faults_max: 2,
            rest: Duration::from_secs(600),
            ..Limits::default()
        };
        let plugins = PluginHost::start(limits, None).expect("a plugin host");
        let sandbox = |owner: &str| JqSandbox::new(Arc::clone(&plugins), owner.to_owned());
        let endless = |owner: &str| sandbox(owner).evaluate("last(repeat(1))", &Value::Null, &[]);
        for _ in 0..2 {
            let ended = endless("a/leads");
            assert!(matches!(ended, Err(EvaluateError::Limit(_))), "{ended:?}");
        }
        let resting = endless("a/leads");
        assert!(matches!(&resting, Err(EvaluateError::Unavailable(why)) if why.contains("2 times")), "{resting:?}");
        let other = endless("b/leads");
        assert!(matches!(other, Err(EvaluateError::Limit(_))), "{other:?}");
        let sum = sandbox("a/leads").evaluate("reduce .[] as $n (0; . + $n)", &json!([1, 2]), &[]);
        assert_eq!(sum, Ok(json!(3)), "its owner's other expressions are not concerned");
    }
}
