//! Which runs are claimed, when, and by whom.

use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::json;

use super::runs::accept;
use super::*;
use crate::model::{Run, RunStatus, Time, UniqueId};
use crate::store::Advance;

/// What can be claimed without waiting.
async fn claimable(store: &dyn Store, max: usize) -> Vec<UniqueId> {
    store.claim(max).now_or_never().map_or(Vec::new(), |runs| ids(&runs.expect("claims")))
}

fn ids(runs: &[Run]) -> Vec<UniqueId> {
    runs.iter().map(|run| run.id).collect()
}

fn after(millis: u64) -> Time {
    START.after(Duration::from_millis(millis))
}

pub(crate) async fn an_accepted_run_is_due_at_once(harness: &dyn Harness) {
    let store = harness.open();
    accept(&*store, &run(1)).await;
    let load = store.load().await.expect("counts");
    assert_eq!((load.live_runs, load.due_runs), (1, 1));
    assert!(load.disk_bytes > 0);
    assert_eq!(store.claim(10).await.expect("claims"), [run(1)]);
    let load = store.load().await.expect("counts");
    assert_eq!((load.live_runs, load.due_runs), (1, 0));
    accept(&*store, &Run { due: None, ..run(2) }).await;
    assert_eq!(claimable(&*store, 10).await, [id(2)], "without a time it is due too");
}

pub(crate) async fn a_claimed_run_is_not_claimed_again(harness: &dyn Harness) {
    let store = harness.open();
    for number in 0..5 {
        accept(&*store, &run(number)).await;
    }
    assert_eq!(claimable(&*store, 2).await, [id(0), id(1)]);
    assert_eq!(claimable(&*store, 2).await, [id(2), id(3)]);
    assert_eq!(claimable(&*store, 2).await, [id(4)]);
    assert_eq!(claimable(&*store, 2).await, []);
}

pub(crate) async fn the_oldest_due_is_claimed_first(harness: &dyn Harness) {
    let store = harness.open();
    for (number, millis) in [(1, 30), (2, 10), (3, 20), (4, 10)] {
        accept(&*store, &Run { due: Some(after(millis)), ..run(number) }).await;
    }
    harness.clock().advance_millis(100);
    assert_eq!(claimable(&*store, 10).await, [id(2), id(4), id(3), id(1)]);
}

pub(crate) async fn a_timer_is_never_early(harness: &dyn Harness) {
    let store = harness.open();
    accept(&*store, &run(1)).await;
    let claimed = store.claim(1).await.expect("claims");
    let mut wait = step(&claimed[0]);
    wait.run.status = RunStatus::Waiting;
    wait.run.due = Some(after(10_000));
    store.advance(wait.clone()).await.expect("steps");
    harness.clock().advance_millis(9_999);
    assert_eq!(claimable(&*store, 1).await, []);
    assert_eq!(store.load().await.expect("counts").due_runs, 0);
    harness.clock().advance_millis(1);
    assert_eq!(store.claim(1).await.expect("claims"), [wait.run]);
}

pub(crate) async fn a_waiting_claim_wakes_when_a_run_is_accepted(harness: &dyn Harness) {
    let store = harness.open();
    let run = run(1);
    let (claimed, ()) = tokio::join!(store.claim(1), accept(&*store, &run));
    assert_eq!(claimed.expect("claims"), [run]);
}

pub(crate) async fn a_waiting_claim_wakes_when_a_timer_is_due(harness: &dyn Harness) {
    let store = harness.open();
    let due = Run { due: Some(after(50)), ..run(1) };
    accept(&*store, &due).await;
    let (claimed, ()) = tokio::join!(store.claim(1), async { harness.clock().advance_millis(50) });
    assert_eq!(claimed.expect("claims"), [due]);
}

pub(crate) async fn a_step_that_is_due_gives_the_run_back(harness: &dyn Harness) {
    let store = harness.open();
    accept(&*store, &run(1)).await;
    let claimed = store.claim(1).await.expect("claims");
    let mut next = step(&claimed[0]);
    next.run.due = Some(START);
    store.advance(next.clone()).await.expect("steps");
    assert_eq!(store.claim(1).await.expect("claims"), [next.run]);
}

pub(crate) async fn a_step_without_due_keeps_the_claim(harness: &dyn Harness) {
    let store = harness.open();
    accept(&*store, &run(1)).await;
    let claimed = store.claim(1).await.expect("claims");
    let second = step(&claimed[0]);
    store.advance(second.clone()).await.expect("steps");
    harness.clock().advance_millis(1_000_000);
    assert_eq!(claimable(&*store, 1).await, []);
    store.advance(end(&second.run, RunStatus::Completed)).await.expect("its holder goes on");
    assert_eq!(store.load().await.expect("counts").live_runs, 0);
}

pub(crate) async fn a_claimed_run_can_be_cancelled(harness: &dyn Harness) {
    let store = harness.open();
    accept(&*store, &run(1)).await;
    let claimed = store.claim(1).await.expect("claims");
    let cancelled = end(&claimed[0], RunStatus::Cancelled);
    store.advance(cancelled.clone()).await.expect("cancels");
    let late = Advance { records: vec![change("k", 1, "late")], ..step(&claimed[0]) };
    assert_conflict(store.advance(late).await);
    assert_eq!(record(&*store, "k").await, None);
    store.release(id(1), START).await;
    assert_eq!(claimable(&*store, 1).await, []);
    assert_eq!(store.run(&space(), id(1)).await.expect("reads"), Some(cancelled.run));
    // And one that nobody has claimed.
    accept(&*store, &run(2)).await;
    store.advance(end(&run(2), RunStatus::Cancelled)).await.expect("cancels");
    assert_eq!(claimable(&*store, 1).await, []);
}

pub(crate) async fn a_released_run_is_due_when_told(harness: &dyn Harness) {
    let store = harness.open();
    accept(&*store, &run(1)).await;
    store.release(id(1), after(1_000_000)).await;
    let claimed = store.claim(1).await.expect("a run that is not claimed cannot be given back");
    store.release(id(1), after(100)).await;
    assert_eq!(claimable(&*store, 1).await, []);
    harness.clock().advance_millis(100);
    assert_eq!(store.claim(1).await.expect("claims"), claimed);
}

pub(crate) async fn a_claim_gives_the_newest_state(harness: &dyn Harness) {
    let store = harness.open();
    accept(&*store, &run(1)).await;
    let mut second = step(&run(1));
    second.run.due = Some(START);
    store.advance(second.clone()).await.expect("somebody who has not claimed it steps");
    assert_eq!(store.claim(1).await.expect("claims"), [second.run]);
}

pub(crate) async fn a_backlog_larger_than_memory_is_claimed_whole(harness: &dyn Harness) {
    let store = harness.open();
    let large = |number| Run { input: json!({ "text": "x".repeat(60_000 + number as usize) }), ..run(number) };
    let accepts = (0..200).map(|number| {
        let (store, run) = (&store, large(number));
        async move { accept(&**store, &run).await }
    });
    futures_util::future::join_all(accepts).await;
    let mut claimed = Vec::new();
    while claimed.len() < 200 {
        claimed.extend(store.claim(7).await.expect("claims"));
    }
    claimed.sort_by_key(|run| run.id);
    assert!(claimed.iter().zip(0..).all(|(run, number)| *run == large(number)));
    assert_eq!(claimable(&*store, 1).await, []);
}
