//! The trial of uploads with their own examples.

use serde_json::{Value, json};

use super::*;
use crate::model::{Description, Trial};
use crate::plugin::{Refused, trial};

/// What a plugin says of itself whose example makes the hostile guest do `deed`.
fn saying(deed: Value, capabilities: &[&str]) -> Description {
    Description {
        name: "hostile".to_owned(),
        version: "1.0.0".to_owned(),
        summary: String::new(),
        config_schema: json!(true),
        capabilities: capabilities.iter().map(ToString::to_string).collect(),
        example_config: json!({ "do": deed }),
        example_input: json!({ "n": 1 }),
    }
}

async fn tried(description: &Description) -> Result<Vec<Trial>, Refused> {
    tried_by(&host(), description).await
}

async fn tried_by(host: &PluginHost, description: &Description) -> Result<Vec<Trial>, Refused> {
    let plugin = hostile(host).await;
    trial::try_exports(host, &plugin, description).await
}

#[tokio::test]
async fn every_export_is_tried_with_the_example() {
    let trials = tried(&saying(json!("obey"), &[])).await.expect("all of it works");
    assert_eq!(trials.len(), 3);
    assert!(trials.iter().all(|trial| trial.ok && trial.error.is_none()), "{trials:?}");
}

#[tokio::test]
async fn without_an_example_nothing_is_tried() {
    let description = Description { example_input: Value::Null, ..saying(json!("panic"), &[]) };
    assert_eq!(tried(&description).await.expect("nothing is known against it"), []);
}

#[tokio::test]
async fn what_crashes_or_never_ends_with_its_own_example_is_refused() {
    for (deed, words) in
        [("panic", "the guest panics on purpose"), ("memory", "more memory than its limit"), ("bad-json", "not usable")]
    {
        let refused = tried(&saying(json!(deed), &[])).await.expect_err(deed).to_string();
        assert!(refused.starts_with("the component fails with its own example, in `"), "{deed}: {refused}");
        assert!(refused.contains(words), "{deed}: {refused}");
    }
    let host = host_with(Limits { pure_time_max: Duration::from_millis(40), ..Limits::default() });
    let refused = tried_by(&host, &saying(json!("loop"), &["records"])).await.expect_err("it loops").to_string();
    assert!(refused.contains("ran longer than its limit of 40 ms"), "{refused}");
}

#[tokio::test]
async fn an_example_that_no_export_takes_is_refused_and_one_that_may_work_later_is_not() {
    for deed in ["invalid", "rejected"] {
        let refused = tried(&saying(json!(deed), &[])).await.expect_err(deed).to_string();
        assert!(refused.contains("on purpose"), "{deed}: {refused}");
    }
    let trials = tried(&saying(json!("unavailable"), &[])).await.expect("who knows what it waits for");
    assert!(trials.iter().all(|trial| !trial.ok && trial.error.is_some()), "{trials:?}");
}
