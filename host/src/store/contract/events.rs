//! Events and refused calls.

use super::*;
use crate::model::{JudgedCall, Kind, Sealed, Time, UniqueId};
use crate::store::{EventFilter, Expect, Rejections};

pub(crate) async fn events_are_newest_first_and_complete(harness: &dyn Harness) {
    let store = harness.open();
    publish(&*store, (0..10).map(|number| event(number, "a.b"))).await;
    publish(&*store, (10..25).map(|number| event(number, "a.b"))).await;
    let expected: Vec<_> = (0..25).rev().map(|number| event(number, "a.b")).collect();
    for limit in [1, 10, 25, 100] {
        let listed = all(limit, |page| {
            let store = &store;
            async move { store.events(&space(), &EventFilter::default(), page).await }
        })
        .await;
        assert_eq!(listed, expected, "in pages of {limit}");
    }
    assert_eq!(store.events(&slug("other"), &EventFilter::default(), page(10)).await.expect("lists").items, []);
}

pub(crate) async fn events_are_found_by_type(harness: &dyn Harness) {
    let store = harness.open();
    let kind = |number: u32| if number.is_multiple_of(700) { "rare" } else { "common" };
    for start in (0..6000).step_by(500) {
        publish(&*store, (start..start + 500).map(|number| event(number, kind(number)))).await;
    }
    let found = all(3, |page| {
        let store = &store;
        let filter = EventFilter { kind: Some("rare".to_owned()), ..EventFilter::default() };
        async move { store.events(&space(), &filter, page).await }
    })
    .await;
    let expected: Vec<_> = (0..6000).rev().filter(|number| kind(*number) == "rare").map(|n| event(n, "rare")).collect();
    assert_eq!(found, expected);
}

pub(crate) async fn the_newest_rejections_are_kept_and_all_counted(harness: &dyn Harness) {
    let store = harness.open();
    assert_eq!(store.rejections(&space(), &slug("flow")).await.expect("reads"), Rejections::default());
    for number in 0..105 {
        store.reject(rejection(number)).await.expect("notes");
    }
    let found = store.rejections(&space(), &slug("flow")).await.expect("reads");
    assert_eq!(found.total, 105);
    assert_eq!(found.items, (5..105).rev().map(rejection).collect::<Vec<_>>());
    assert_eq!(store.rejections(&space(), &slug("flow2")).await.expect("reads"), Rejections::default());
}

pub(crate) async fn the_newest_judged_calls_are_kept_until_their_trigger_goes(harness: &dyn Harness) {
    let store = harness.open();
    let call = |number: u64| JudgedCall {
        id: UniqueId::first_at(Time::from_millis(START.as_millis() + number)),
        space: space(),
        workflow: slug("flow"),
        time: Time::from_millis(START.as_millis() + number),
        is_refused: false,
        sealed: Sealed(format!("call {number}")),
    };
    store.save(vec![draft(Kind::Trigger, "flow")]).await.expect("saves");
    for number in 0..53 {
        store.keep_judged(call(number)).await.expect("keeps");
    }
    let kept = store.judged(&space(), &slug("flow")).await.expect("reads");
    assert_eq!(kept, (3..53).rev().map(call).collect::<Vec<_>>());
    for number in 53..106 {
        store.keep_judged(JudgedCall { is_refused: true, ..call(number) }).await.expect("keeps");
    }
    let all = store.judged(&space(), &slug("flow")).await.expect("reads");
    assert_eq!((all.len(), &all[50..]), (100, kept.as_slice()), "refused calls push no others out");
    assert!(all[..50].iter().all(|call| call.is_refused));
    assert_eq!(store.judged(&space(), &slug("flow2")).await.expect("reads"), []);
    store.delete(path(Kind::Trigger, "flow"), Expect::Any).await.expect("deletes");
    assert_eq!(store.judged(&space(), &slug("flow")).await.expect("reads"), []);
}

pub(crate) async fn a_deleted_trigger_forgets_its_rejections(harness: &dyn Harness) {
    let store = harness.open();
    store.save(vec![draft(Kind::Trigger, "flow")]).await.expect("saves");
    store.reject(rejection(1)).await.expect("notes");
    store.delete(path(Kind::Trigger, "flow"), Expect::Any).await.expect("deletes");
    assert_eq!(store.rejections(&space(), &slug("flow")).await.expect("reads"), Rejections::default());
    store.reject(rejection(2)).await.expect("notes");
    let found = store.rejections(&space(), &slug("flow")).await.expect("reads");
    assert_eq!(found, Rejections { total: 1, items: vec![rejection(2)] });
}
