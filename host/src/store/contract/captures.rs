//! Recorded requests: numbers, rounds, what is kept and what goes.

use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::model::{Bin, BinReply, Capture, EXCERPT_BYTES, FailFirst, Kind, Time, UniqueId};
use crate::store::{
    CAPTURES_KEPT, CaptureDraft, Definitions, Draft, EventFilter, Expect, Page, Prunable, Shared, Store, StoreError,
};

fn bin(name: &str, token: &str, fail_first: Option<FailFirst>) -> Bin {
    Bin {
        id: slug(name),
        description: String::new(),
        token: token.to_owned(),
        reply: BinReply { status: 200, headers: Vec::new(), body: String::new(), delay_ms: 0 },
        fail_first,
        created_by: "admin".to_owned(),
        created_at: START,
        updated_at: START,
    }
}

/// Saves a bin; answers it as it is read then.
async fn save(store: &Arc<dyn Store>, bin: &Bin) -> Shared<Bin> {
    let body = serde_json::to_vec(bin).expect("serialises");
    let draft = Draft { body, alias: Some(bin.token.clone()), ..draft(Kind::Bin, bin.id.as_str()) };
    store.save(vec![draft]).await.expect("saves");
    let found = Definitions::new(Arc::clone(store)).find_shared::<Bin>(&bin.token).await;
    found.expect("reads").expect("is there")
}

async fn delete(store: &Arc<dyn Store>, name: &str) {
    assert!(store.delete(path(Kind::Bin, name), Expect::Any).await.expect("deletes"));
}

fn request(id: UniqueId, bin: &Shared<Bin>, body: &[u8]) -> Capture {
    Capture {
        id,
        space: space(),
        bin: bin.id.clone(),
        number: 0,
        time: START,
        method: "POST".to_owned(),
        path: format!("/bin/{}", bin.token),
        query: Some("a=1".to_owned()),
        headers: Vec::new(),
        remote: Some("192.0.2.1".to_owned()),
        status: 0,
        body_bytes: body.len() as u64,
        body: Bytes::copy_from_slice(body),
    }
}

async fn keep(store: &Arc<dyn Store>, bin: &Shared<Bin>, number: u32, body: &[u8]) -> Capture {
    let draft = CaptureDraft { bin: bin.clone(), capture: request(id(number), bin, body) };
    store.capture(draft).await.expect("keeps")
}

async fn statuses(store: &Arc<dyn Store>, bin: &Shared<Bin>, numbers: std::ops::Range<u32>) -> Vec<u16> {
    let mut statuses = Vec::new();
    for number in numbers {
        statuses.push(keep(store, bin, number, b"").await.status);
    }
    statuses
}

async fn listed(store: &Arc<dyn Store>, token: &str, limit: usize) -> Vec<Capture> {
    all(limit, |page| {
        let store = Arc::clone(store);
        async move { store.captures(token, page).await }
    })
    .await
}

async fn numbers(store: &Arc<dyn Store>, token: &str) -> Vec<u64> {
    listed(store, token, 300).await.into_iter().map(|capture| capture.number).collect()
}

pub(crate) async fn a_request_reads_back_whole_with_its_number(harness: &dyn Harness) {
    let store = harness.open();
    let bin = save(&store, &bin("b", "t1", None)).await;
    let long: Vec<u8> = (0..100_000_u32).map(|byte| (byte % 251) as u8).collect();
    for (number, body) in [(1, &b""[..]), (2, "gr\u{fc}n".as_bytes()), (3, &[0xff, 0]), (4, &long)] {
        let kept = keep(&store, &bin, number, body).await;
        let expected = Capture { number: u64::from(number), status: 200, ..request(id(number), &bin, body) };
        assert_eq!(kept, expected);
        let found = store.captured(&space(), "t1", id(number)).await.expect("reads");
        assert_eq!(found, Some(expected));
    }
    for (space, token, id) in [(space(), "t2", id(1)), (slug("other"), "t1", id(1)), (space(), "t1", id(9))] {
        assert_eq!(store.captured(&space, token, id).await.expect("reads"), None);
    }
}

pub(crate) async fn requests_are_newest_first_and_complete(harness: &dyn Harness) {
    let store = harness.open();
    let (one, other) = (save(&store, &bin("b", "t1", None)).await, save(&store, &bin("c", "t2", None)).await);
    for number in 0..25 {
        keep(&store, &one, number, b"one").await;
        keep(&store, &other, 100 + number, b"other").await;
    }
    for limit in [1, 10, 25, 100] {
        let found: Vec<_> = listed(&store, "t1", limit).await.into_iter().map(|capture| capture.number).collect();
        assert_eq!(found, (1..=25).rev().collect::<Vec<_>>(), "in pages of {limit}");
    }
    assert!(listed(&store, "t2", 7).await.iter().all(|capture| capture.body == "other"));
    assert_eq!(listed(&store, "t3", 7).await, []);
    publish(&*store, (0..3).map(|number| event(number, "a"))).await;
    let cursor = store.events(&space(), &EventFilter::default(), page(1)).await.expect("lists").next;
    for cursor in [cursor, Some("no cursor".to_owned())] {
        let refused = store.captures("t1", Page { cursor, limit: 1 }).await;
        assert!(matches!(refused, Err(StoreError::BadCursor)), "{refused:?}");
    }
}

pub(crate) async fn a_long_body_is_listed_in_part(harness: &dyn Harness) {
    let store = harness.open();
    let bin = save(&store, &bin("b", "t1", None)).await;
    keep(&store, &bin, 1, &vec![b'x'; EXCERPT_BYTES + 1]).await;
    let found = listed(&store, "t1", 9).await;
    assert_eq!((found[0].body.len(), found[0].body_bytes), (EXCERPT_BYTES, EXCERPT_BYTES as u64 + 1));
}

pub(crate) async fn the_first_so_many_fail_until_a_save_or_a_clearing_counts_anew(harness: &dyn Harness) {
    let store = harness.open();
    let definition = bin("b", "t1", Some(FailFirst { times: 2, status: 503 }));
    let bin = save(&store, &definition).await;
    assert_eq!(statuses(&store, &bin, 0..4).await, [503, 503, 200, 200]);
    let bin = save(&store, &definition).await;
    assert_eq!(statuses(&store, &bin, 4..7).await, [503, 503, 200]);
    store.clear_captures("t1", 100).await.expect("clears");
    assert_eq!(statuses(&store, &bin, 7..10).await, [503, 503, 200]);
    assert_eq!(numbers(&store, "t1").await, [10, 9, 8], "no number is given twice");
    let found = store.captured(&space(), "t1", id(7)).await.expect("reads").expect("is there");
    assert_eq!(found.status, 503);
}

pub(crate) async fn only_the_newest_are_kept(harness: &dyn Harness) {
    const BEYOND: u32 = 50;
    let store = harness.open();
    let bin = save(&store, &bin("b", "t1", None)).await;
    let kept = u32::try_from(CAPTURES_KEPT).expect("a small number");
    let all = (0..kept + BEYOND).map(|number| keep(&store, &bin, number, b"x"));
    futures_util::future::join_all(all).await;
    let expected: Vec<_> = (u64::from(BEYOND) + 1..=CAPTURES_KEPT + u64::from(BEYOND)).rev().collect();
    assert_eq!(numbers(&store, "t1").await, expected);
    let left = store.prune(&space(), Prunable::Captures, Time::from_millis(u64::MAX >> 16), 5_000).await;
    assert_eq!(left.expect("prunes").items, CAPTURES_KEPT, "nothing is left of those that went");
}

pub(crate) async fn requests_to_a_bin_that_changed_conflict(harness: &dyn Harness) {
    let store = harness.open();
    let definition = bin("b", "t1", None);
    let first = save(&store, &definition).await;
    let second = save(&store, &definition).await;
    let late = |bin: &Shared<Bin>| store.capture(CaptureDraft { bin: bin.clone(), capture: request(id(1), bin, b"") });
    assert_conflict(late(&first).await);
    delete(&store, "b").await;
    assert_conflict(late(&second).await);
    let anew = save(&store, &bin("b", "t2", None)).await;
    assert_conflict(late(&first).await);
    assert_eq!(late(&anew).await.expect("keeps").number, 1);
}

pub(crate) async fn clearing_goes_in_bounded_steps(harness: &dyn Harness) {
    let store = harness.open();
    let (one, other) = (save(&store, &bin("b", "t1", None)).await, save(&store, &bin("c", "t2", None)).await);
    let before = store.load().await.expect("counts").aging_bytes.captures;
    keep(&store, &other, 100, b"other").await;
    let with_other = store.load().await.expect("counts").aging_bytes.captures;
    for number in 0..5 {
        keep(&store, &one, number, &[7; 50_000]).await;
    }
    assert!(store.load().await.expect("counts").aging_bytes.captures > with_other + 250_000 && with_other > before);
    for (items, more) in [(2, true), (2, true), (1, false), (0, false)] {
        let cleared = store.clear_captures("t1", 2).await.expect("clears");
        assert_eq!((cleared.items, cleared.more), (items, more));
    }
    assert_eq!((numbers(&store, "t1").await, numbers(&store, "t2").await), (vec![], vec![1]));
    assert_eq!(store.load().await.expect("counts").aging_bytes.captures, with_other);
    assert_eq!(store.captured(&space(), "t1", id(4)).await.expect("reads"), None);
}

pub(crate) async fn old_requests_are_pruned_by_age(harness: &dyn Harness) {
    let store = harness.open();
    let bin = save(&store, &bin("b", "t1", None)).await;
    let at = |millis: u64| Time::from_millis(START.as_millis() + millis);
    for age in 0..10 {
        let capture = request(UniqueId::first_at(at(age)), &bin, b"x");
        store.capture(CaptureDraft { bin: bin.clone(), capture }).await.expect("keeps");
    }
    let pruned = store.prune(&space(), Prunable::Captures, at(5), 3).await.expect("prunes");
    assert_eq!((pruned.items, pruned.more), (3, true));
    let pruned = store.prune(&space(), Prunable::Captures, at(5), 3).await.expect("prunes");
    assert_eq!((pruned.items, pruned.more), (2, false));
    assert_eq!(numbers(&store, "t1").await, [10, 9, 8, 7, 6]);
    assert_eq!(store.prune(&slug("other"), Prunable::Captures, at(99), 9).await.expect("prunes").items, 0);
    let cleared = store.clear_captures("t1", 99).await.expect("clears");
    assert_eq!(cleared.items, 5, "no number of a pruned one is left");
    assert_eq!(store.load().await.expect("counts").aging_bytes.captures, 0);
}

pub(crate) async fn a_bin_made_anew_has_nothing_of_the_deleted_one(harness: &dyn Harness) {
    let store = harness.open();
    let failing = Some(FailFirst { times: 1, status: 500 });
    let former = save(&store, &bin("b", "t1", failing)).await;
    assert_eq!(statuses(&store, &former, 0..2).await, [500, 200]);
    delete(&store, "b").await;
    let anew = save(&store, &bin("b", "t2", failing)).await;
    assert_eq!(listed(&store, "t2", 9).await, []);
    assert_eq!(statuses(&store, &anew, 2..4).await, [500, 200]);
    assert_eq!(numbers(&store, "t2").await, [2, 1]);
    let cleared = store.clear_captures("t1", 99).await.expect("clears");
    assert_eq!(cleared.items, 2, "what the deleted one had can still be cleared");
    assert_eq!(numbers(&store, "t2").await, [2, 1]);
}

pub(crate) async fn numbers_and_rounds_go_on_after_a_restart(harness: &dyn Harness) {
    let store = harness.open();
    let definition = bin("b", "t1", Some(FailFirst { times: 3, status: 500 }));
    let bin = save(&store, &definition).await;
    assert_eq!(statuses(&store, &bin, 0..2).await, [500, 500]);
    store.close().await.expect("closes");
    let store = harness.open();
    assert_eq!(statuses(&store, &bin, 2..4).await, [500, 200]);
    assert_eq!(numbers(&store, "t1").await, [4, 3, 2, 1]);
}
