//! Many calls at a time: a plugin that loops delays itself only.

use std::time::Duration;

use super::*;
use crate::plugin::PluginError;

const LOOP: &str = r#"{"do":"loop"}"#;
const OBEY: &str = r#"{"do":"obey"}"#;

#[tokio::test]
async fn two_looping_templates_do_not_keep_others_from_being_served() {
    // CPU time, so that a crowded machine does not end the loops before the others were served.
    let host = host_with(Limits { pure_threads: 4, pure_time_max: Duration::from_millis(800), ..Limits::default() });
    let plugin = hostile(&host).await;
    let spin = |space: &'static str| {
        let (host, plugin) = (Arc::clone(&host), plugin.clone());
        tokio::spawn(async move { host.render(&plugin, call_in(space, LOOP), "{}".into(), base()).await })
    };
    let loops: Vec<_> = ["a", "a", "b", "b"].into_iter().map(spin).collect();
    for _ in 0..20 {
        tokio::task::yield_now().await;
        host.render(&plugin, call_in("c", OBEY), "{}".into(), base()).await.expect("it is served");
    }
    assert!(loops.iter().all(|spinning| !spinning.is_finished()), "they were served while the loops ran");
    let first = loops.into_iter().next().expect("there are four").await.expect("no panic");
    assert!(matches!(first, Err(PluginError::TimedOut { .. })), "{first:?}");
}

#[tokio::test]
async fn more_looping_templates_than_there_are_threads_do_not_keep_others_from_being_served() {
    let host = host_with(Limits { pure_threads: 4, pure_time_max: Duration::from_secs(3), ..Limits::default() });
    let plugin = hostile(&host).await;
    let spin = |number: usize| {
        let (host, plugin) = (Arc::clone(&host), plugin.clone());
        tokio::spawn(async move { host.render(&plugin, call_in(&number.to_string(), LOOP), "{}".into(), base()).await })
    };
    let loops: Vec<_> = (0..10).map(spin).collect();
    for _ in 0..20 {
        tokio::task::yield_now().await;
        host.render(&plugin, call_in("other", OBEY), "{}".into(), base()).await.expect("it is served");
    }
    assert!(loops.iter().all(|spinning| !spinning.is_finished()), "they were served while the loops ran");
}

#[tokio::test]
async fn looping_actions_do_not_keep_others_from_being_served() {
    let host = host_with(Limits { action_time_max: Duration::from_secs(60), ..Limits::default() });
    let plugin = hostile(&host).await;
    let loops = ["a", "b", "c", "d"].map(|space| {
        let (host, plugin) = (Arc::clone(&host), plugin.clone());
        tokio::spawn(async move { host.run(&plugin, call_in(space, LOOP), "{}".into(), None).await })
    });
    tokio::task::yield_now().await;
    for _ in 0..5 {
        host.run(&plugin, call_in("e", OBEY), "{}".into(), None).await.expect("it is served");
    }
    for spinning in loops {
        assert!(!spinning.is_finished(), "the loops are still running");
        spinning.abort();
    }
}

#[tokio::test]
async fn an_action_whose_caller_has_gone_gives_its_turn_back() {
    let host = host_with(Limits { actions_max: 1, action_time_max: Duration::from_secs(3600), ..Limits::default() });
    let plugin = hostile(&host).await;
    let spinning = tokio::spawn({
        let (host, plugin) = (Arc::clone(&host), plugin.clone());
        async move { host.run(&plugin, call_in("s", LOOP), "{}".into(), None).await }
    });
    tokio::task::yield_now().await;
    spinning.abort();
    host.run(&plugin, call_in("s", OBEY), "{}".into(), None).await.expect("the only turn is free again");
}

#[tokio::test]
async fn host_code_runs_on_the_pool_and_may_call_plugins_there() {
    let host = host();
    let plugin = hostile(&host).await;
    let output = host
        .run_blocking("workflow-1", {
            let host = Arc::clone(&host);
            move || host.run_here(&plugin, call_in("s", OBEY), "[1]".into()).map(|report| report.value)
        })
        .await
        .expect("it runs");
    assert_eq!(output.expect("the plugin obeys"), "[1]");
}
