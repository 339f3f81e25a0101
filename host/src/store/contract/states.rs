//! What plugins keep: expectations, sizes, clearing.

use super::*;
use crate::model::{PluginState, RunStatus, STATE_ENTRIES_MAX, Slug, StateChange, StateExpect, StateSize};
use crate::store::{Advance, StoreError};

/// Commits changes with the end of a new run.
async fn keep(store: &dyn Store, number: u32, states: Vec<StateChange>) -> Result<(), StoreError> {
    super::runs::accept(store, &run(number)).await;
    store.advance(Advance { states, ..end(&run(number), RunStatus::Completed) }).await
}

async fn value(store: &dyn Store, plugin: &Slug, key: &str) -> Option<PluginState> {
    store.state(&space(), plugin, key).await.expect("reads")
}

fn version(version: u64) -> StateExpect {
    StateExpect::At(version)
}

pub(crate) async fn a_value_commits_only_on_the_version_it_was_computed_from(harness: &dyn Harness) {
    let store = harness.open();
    let plugin = slug("score");
    assert_conflict(keep(&*store, 1, vec![state("n", version(7), Some((8, "1")))]).await);
    keep(&*store, 2, vec![state("n", StateExpect::Absent, Some((7, "1")))]).await.expect("is kept");
    assert_conflict(keep(&*store, 3, vec![state("n", StateExpect::Absent, Some((8, "2")))]).await);
    assert_conflict(keep(&*store, 4, vec![state("n", version(8), Some((9, "2")))]).await);
    let both = vec![state("m", StateExpect::Absent, Some((1, "0"))), state("n", version(1), Some((2, "2")))];
    assert_conflict(keep(&*store, 5, both).await);
    assert_eq!(value(&*store, &plugin, "m").await, None, "all is kept or nothing");
    assert_eq!(store.run(&space(), id(5)).await.expect("reads"), Some(run(5)), "the run neither");
    keep(&*store, 6, vec![state("n", version(7), Some((3, "2")))]).await.expect("is kept");
    assert_eq!(value(&*store, &plugin, "n").await, Some(PluginState { value: "2".to_owned(), version: 3 }));
    keep(&*store, 7, vec![state("n", version(3), None)]).await.expect("is deleted");
    assert_eq!(value(&*store, &plugin, "n").await, None);
    assert_conflict(keep(&*store, 8, vec![state("n", version(3), None)]).await);
    keep(&*store, 9, vec![state("n", StateExpect::Absent, None)]).await.expect("nothing is deleted");
}

pub(crate) async fn plugins_and_spaces_are_apart(harness: &dyn Harness) {
    let store = harness.open();
    let place = |space: &str, plugin: &str, key: &str, value: &str| StateChange {
        space: slug(space),
        plugin: slug(plugin),
        ..state(key, StateExpect::Absent, Some((1, value)))
    };
    let places =
        [("acme", "a", "k"), ("acme", "a.b", "k"), ("acm", "a", "k"), ("acme", "a", "k\0k"), ("acme", "a", "ü")];
    let changes = places.iter().map(|(space, plugin, key)| place(space, plugin, key, &format!("{space}{plugin}{key}")));
    keep(&*store, 1, changes.collect()).await.expect("all are kept");
    for (space, plugin, key) in places {
        let found = store.state(&slug(space), &slug(plugin), key).await.expect("reads").expect("is there");
        assert_eq!(found.value, format!("{space}{plugin}{key}"));
    }
    assert_eq!(store.state(&slug("acm"), &slug("a.b"), "k").await.expect("reads"), None);
    assert_eq!(store.state_size(&space(), &slug("a")).await.expect("reads").entries, 3);
    let pruned = store.clear_states(&space(), &slug("a"), 10).await.expect("clears");
    assert_eq!((pruned.items, pruned.more), (3, false));
    assert_eq!(store.state_size(&space(), &slug("a.b")).await.expect("reads").entries, 1);
    assert!(store.state(&slug("acm"), &slug("a"), "k").await.expect("reads").is_some());
}

pub(crate) async fn the_size_of_what_a_plugin_keeps_is_known(harness: &dyn Harness) {
    let store = harness.open();
    let size = || async { store.state_size(&space(), &slug("score")).await.expect("reads") };
    let long = "x".repeat(64 * 1024);
    assert_eq!(size().await, StateSize::default());
    keep(
        &*store,
        1,
        vec![state("a", StateExpect::Absent, Some((1, &long))), state("b", StateExpect::Absent, Some((1, "1")))],
    )
    .await
    .expect("is kept");
    let full = size().await;
    assert!(full.entries == 2 && (65_537..66_000).contains(&full.bytes), "{full:?}");
    assert!(value(&*store, &slug("score"), "a").await.is_some_and(|found| found.value == long));
    keep(&*store, 2, vec![state("a", version(1), Some((2, "2")))]).await.expect("is kept");
    let less = size().await;
    assert!(less.entries == 2 && less.bytes < 500, "{less:?}");
    keep(&*store, 3, vec![state("a", version(2), None), state("b", version(1), None)]).await.expect("are deleted");
    assert_eq!(size().await, StateSize::default());
}

pub(crate) async fn clearing_goes_in_bounded_steps(harness: &dyn Harness) {
    let store = harness.open();
    let changes = (0..25).map(|number| state(&number.to_string(), StateExpect::Absent, Some((1, "1"))));
    keep(&*store, 1, changes.collect()).await.expect("all are kept");
    let mut steps = Vec::new();
    loop {
        let pruned = store.clear_states(&space(), &slug("score"), 10).await.expect("clears");
        steps.push(pruned.items);
        if !pruned.more {
            break;
        }
    }
    assert_eq!(steps, [10, 10, 5]);
    assert_eq!(store.state_size(&space(), &slug("score")).await.expect("reads"), StateSize::default());
}

pub(crate) async fn there_is_an_end_to_what_a_plugin_keeps(harness: &dyn Harness) {
    let store = harness.open();
    let value = |key: String| state(&key, StateExpect::Absent, Some((1, "1")));
    for round in 0..10 {
        let changes = (0..STATE_ENTRIES_MAX / 10).map(|number| value(format!("{round}-{number}")));
        keep(&*store, round, changes.collect()).await.expect("all are kept");
    }
    let one_more = || value("one more".to_owned());
    assert_conflict(keep(&*store, 11, vec![one_more()]).await);
    let instead = vec![state("0-0", version(1), None), one_more()];
    keep(&*store, 12, instead).await.expect("one goes and one comes");
    keep(&*store, 13, vec![state("0-1", version(1), Some((2, "2")))]).await.expect("one of the same size");
    let other = StateChange { plugin: slug("other"), ..value("k".to_owned()) };
    keep(&*store, 14, vec![other]).await.expect("others have their own room");
    assert_eq!(store.state_size(&space(), &slug("score")).await.expect("reads").entries, STATE_ENTRIES_MAX);
}
