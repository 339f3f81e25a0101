//! What is kept: over a restart, under concurrency, in a backup.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use serde_json::json;
use tokio::sync::mpsc;

use super::runs::accept;
use super::*;
use crate::model::{Digest, Kind, PluginState, Run, RunStatus, StateExpect};
use crate::store::{Acceptance, Accepted, Advance, Draft, EventFilter, Page, RunFilter, StoreError};

pub(crate) async fn everything_is_there_after_reopening(harness: &dyn Harness) {
    let store = harness.open();
    let user =
        Draft { uses: vec![path(Kind::Webhook, "a")], alias: Some("w".to_owned()), ..draft(Kind::Workflow, "w") };
    store.save(vec![draft(Kind::Webhook, "a"), user]).await.expect("saves");
    store.change_record(change("k", 1, "v"), vec![publication(1, "a")]).await.expect("inserts");
    let first = Acceptance { entries: vec![entry("a", json!(1))], repeat: repeat("call"), ..acceptance(run(1)) };
    store.accept(first.clone()).await.expect("accepts");
    accept(&*store, &run(2)).await;
    let states = vec![state("n", StateExpect::Absent, Some((5, "41")))];
    store.advance(Advance { states, ..end(&run(2), RunStatus::Completed) }).await.expect("ends");
    store.reject(rejection(1)).await.expect("notes");
    let digest = store.put_blob(Bytes::from_static(b"content")).await.expect("keeps");
    store.close().await.expect("closes");

    let store = harness.open();
    assert!(store.by_alias(Kind::Workflow, "w").await.expect("reads").is_some());
    assert_eq!(store.users(&path(Kind::Webhook, "a")).await.expect("reads"), [path(Kind::Workflow, "w")]);
    assert_eq!(record(&*store, "k").await, Some(change("k", 1, "v").record));
    let kept = store.state(&space(), &slug("score"), "n").await.expect("reads");
    assert_eq!(kept, Some(PluginState { value: "41".to_owned(), version: 5 }));
    assert_eq!(store.run(&space(), id(1)).await.expect("reads"), Some(run(1)));
    assert_eq!(store.run(&space(), id(2)).await.expect("reads"), Some(end(&run(2), RunStatus::Completed).run));
    assert_eq!(store.entries(&space(), id(1)).await.expect("reads"), [entry("a", json!(1))]);
    assert_eq!(store.accept(first).await.expect("answers"), Accepted::Repeat(id(1)));
    assert_eq!(events(&*store).await, [event(1, "a")]);
    assert_eq!(store.rejections(&space(), &slug("flow")).await.expect("reads").items, [rejection(1)]);
    assert_eq!(store.blob(digest).await.expect("reads").as_deref(), Some(&b"content"[..]));
    store.close().await.expect("closes");
}

pub(crate) async fn a_cursor_of_another_listing_is_refused(harness: &dyn Harness) {
    let store = harness.open();
    publish(&*store, (0..3).map(|number| event(number, "a"))).await;
    let cursor = store.events(&space(), &EventFilter::default(), page(1)).await.expect("lists").next;
    for cursor in [cursor, Some("no cursor".to_owned()), Some(String::new())] {
        let listed = store.runs(&space(), &RunFilter::default(), Page { cursor, limit: 1 }).await;
        assert!(matches!(listed, Err(StoreError::BadCursor)), "{listed:?}");
    }
}

pub(crate) async fn after_a_restart_live_runs_are_unclaimed_and_timers_kept(harness: &dyn Harness) {
    let store = harness.open();
    let waiting = Run { status: RunStatus::Waiting, due: Some(START.after(Duration::from_secs(60))), ..run(3) };
    for run in [run(1), run(2), waiting.clone()] {
        accept(&*store, &run).await;
    }
    let claimed = store.claim(10).await.expect("claims");
    assert_eq!(claimed.len(), 2);
    let second = step(&claimed[0]);
    store.advance(second.clone()).await.expect("steps");
    store.close().await.expect("closes");

    let store = harness.open();
    let load = store.load().await.expect("counts");
    assert_eq!((load.live_runs, load.due_runs), (3, 2));
    assert_eq!(store.claim(10).await.expect("claims"), [second.run, run(2)]);
    assert!(store.claim(10).now_or_never().is_none());
    harness.clock().advance_millis(60_000);
    assert_eq!(store.claim(10).await.expect("claims"), [waiting]);
    store.close().await.expect("closes");
}

pub(crate) async fn a_blob_of_12_megabytes_reads_back(harness: &dyn Harness) {
    let store = harness.open();
    let content: Bytes = (0..12_000_001_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    assert_eq!(store.blob(Digest::of(&content)).await.expect("reads"), None);
    for _ in 0..2 {
        assert_eq!(store.put_blob(content.clone()).await.expect("keeps"), Digest::of(&content));
        assert!(store.blob(Digest::of(&content)).await.expect("reads").as_ref() == Some(&content));
    }
    let empty = store.put_blob(Bytes::new()).await.expect("keeps");
    assert_eq!(store.blob(empty).await.expect("reads"), Some(Bytes::new()));
}

pub(crate) async fn a_removed_blob_is_gone_and_can_be_put_again(harness: &dyn Harness) {
    let store = harness.open();
    let contents = [1_000_000, 40_000, 10].map(|length| Bytes::from(vec![7; length]));
    let mut digests = Vec::new();
    for content in &contents {
        digests.push(store.put_blob(content.clone()).await.expect("keeps"));
    }
    let listed = async || BTreeSet::from_iter(store.blobs().await.expect("lists"));
    assert_eq!(listed().await, digests.iter().copied().collect());
    store.remove_blob(digests[0]).await.expect("removes");
    store.remove_blob(digests[0]).await.expect("there is nothing to remove");
    assert_eq!(store.blob(digests[0]).await.expect("reads"), None);
    assert_eq!(listed().await, digests[1..].iter().copied().collect());
    assert_eq!(store.blob(digests[1]).await.expect("reads").as_ref(), Some(&contents[1]));
    assert_eq!(store.put_blob(contents[0].clone()).await.expect("keeps"), digests[0]);
    assert!(store.blob(digests[0]).await.expect("reads").as_ref() == Some(&contents[0]));
}

pub(crate) async fn concurrent_commits_all_succeed(harness: &dyn Harness) {
    let store = harness.open();
    let calls = (0..1500).map(|number| {
        let store = &store;
        async move {
            let record = Some(change(&number.to_string(), 1, "v"));
            store.accept(Acceptance { record, ..acceptance(run(number)) }).await
        }
    });
    assert!(join_all(calls).await.into_iter().all(|answer| matches!(answer, Ok(Accepted::New))));
    assert_eq!(store.load().await.expect("counts").live_runs, 1500);
    for number in [0, 700, 1499] {
        assert!(record(&*store, &number.to_string()).await.is_some());
    }
}

pub(crate) async fn a_closed_store_refuses(harness: &dyn Harness) {
    let store = harness.open();
    let (claimed, closed) = tokio::join!(store.claim(1), store.close());
    closed.expect("closes");
    assert!(matches!(claimed, Err(StoreError::Unavailable(_))), "{claimed:?}");
    assert!(matches!(store.accept(acceptance(run(1))).await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.run(&space(), id(1)).await, Err(StoreError::Unavailable(_))));
}

/// Each commit raises two records together; in one state both have the same revision, and as many runs as that.
pub(crate) async fn a_backup_under_load_is_one_state(harness: &dyn Harness) {
    let store = harness.open();
    let blob: Bytes = (0..3_000_000_u32).map(|i| (i >> 3) as u8).collect();
    let digest = store.put_blob(blob.clone()).await.expect("keeps");
    let write = |number: u32| {
        let store = &store;
        async move {
            let text = "x".repeat(if number.is_multiple_of(7) { 100_000 } else { 100 });
            let mut end = end(&run(number), RunStatus::Completed);
            end.records = vec![change("a", number.into(), &text), change("z", number.into(), &text)];
            let former = number.checked_sub(2).map_or(StateExpect::Absent, |_| StateExpect::At(u64::from(number) - 1));
            end.states = vec![state("n", former, Some((number.into(), &text)))];
            accept(&**store, &run(number)).await;
            store.advance(end).await.expect("ends");
        }
    };
    for number in 1..50 {
        write(number).await;
    }
    let (sink, mut parts) = mpsc::channel::<Bytes>(1);
    let writing = async {
        for number in 50..250 {
            write(number).await;
        }
    };
    let reading = async {
        let mut backup = Vec::new();
        while let Some(part) = parts.recv().await {
            backup.extend_from_slice(&part);
        }
        backup
    };
    let (backed_up, (), backup) = tokio::join!(store.backup(sink), writing, reading);
    backed_up.expect("backs up");
    let copy = harness.restore(&backup);
    let (a, z) = (record(&*copy, "a").await.expect("is there"), record(&*copy, "z").await.expect("is there"));
    assert_eq!(a.revision, z.revision);
    let kept = copy.state(&space(), &slug("score"), "n").await.expect("reads").expect("is there");
    assert_eq!(kept.version, a.revision, "what plugins keep is of the same state");
    assert!(a.revision >= 49, "what was there before is in it: {}", a.revision);
    let runs = all(100, |page| {
        let copy = &copy;
        async move { copy.runs(&space(), &RunFilter::default(), page).await }
    })
    .await;
    let completed = runs.iter().filter(|run| run.status == RunStatus::Completed).count() as u64;
    assert_eq!(completed, a.revision);
    assert!(copy.blob(digest).await.expect("reads").as_ref() == Some(&blob));
    assert_eq!(record(&*store, "a").await.expect("is there").revision, 249);
}
