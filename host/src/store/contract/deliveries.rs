//! Deliveries: lanes, claims, steps, order.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::model::{Attempt, AttemptTiming, Delivery, DeliveryStatus, EndpointHealth, Kind, Time, UniqueId};
use crate::store::{DeliveryFilter, DeliveryStep, Expect, Lane, Leave, Publication, Published, StoreError};

fn lane(endpoint: &str) -> Lane {
    Lane { space: space(), endpoint: slug(endpoint) }
}

/// The delivery of event `number` to an endpoint, due `after_ms` after the start.
fn delivery(number: u32, endpoint: &str, after_ms: u64) -> Delivery {
    let due = START.after(Duration::from_millis(after_ms));
    let mut delivery = Delivery::new(&event(number, "a"), &slug(endpoint), false, (START, due));
    delivery.id = id(number);
    delivery
}

fn publication_to(number: u32, deliveries: Vec<Delivery>) -> Publication {
    Publication { event: Arc::new(event(number, "a")), deliveries, repeat: None }
}

async fn publish_to(store: &dyn Store, endpoint: &str, numbers: std::ops::Range<u32>) {
    let all = numbers.map(|number| publication_to(number, vec![delivery(number, endpoint, 0)])).collect();
    store.publish(all).await.expect("publishes");
}

async fn claim(store: &dyn Store, endpoint: &str, max: usize) -> Vec<UniqueId> {
    let due = store.claim_deliveries(&lane(endpoint), max).await.expect("claims");
    due.into_iter().map(|due| due.delivery.id).collect()
}

/// Takes the lanes that are ready now.
async fn take(store: &dyn Store) -> Vec<String> {
    let taken = tokio::time::timeout(Duration::from_millis(50), store.take_lanes()).await;
    taken.map_or_else(
        |_| Vec::new(),
        |lanes| lanes.expect("takes").into_iter().map(|l| l.endpoint.to_string()).collect(),
    )
}

fn ended(delivery: &Delivery, status: DeliveryStatus) -> DeliveryStep {
    let revision = delivery.revision + 1;
    DeliveryStep::of(Delivery { status, due: None, revision, attempts: delivery.attempts + 1, ..delivery.clone() })
}

fn retried(delivery: &Delivery, due: Time) -> DeliveryStep {
    let revision = delivery.revision + 1;
    DeliveryStep::of(Delivery { due: Some(due), revision, attempts: delivery.attempts + 1, ..delivery.clone() })
}

async fn get(store: &dyn Store, number: u32) -> Delivery {
    store.delivery(&space(), id(number)).await.expect("reads").expect("is there")
}

pub(crate) async fn a_delivery_commits_with_its_event(harness: &dyn Harness) {
    let store = harness.open();
    let both = vec![delivery(1, "a", 0), Delivery { id: id(100), ..delivery(1, "b", 0) }];
    assert_eq!(store.publish(vec![publication_to(1, both.clone())]).await.expect("publishes"), [Published::New]);
    assert_eq!(store.event(&space(), id(1)).await.expect("reads"), Some(event(1, "a")));
    assert_eq!(get(&*store, 1).await, both[0]);
    let due = store.claim_deliveries(&lane("b"), 9).await.expect("claims");
    assert_eq!(due.len(), 1);
    assert_eq!((&due[0].delivery, due[0].event.as_deref()), (&both[1], Some(&event(1, "a"))));
    assert_eq!(store.delivery(&slug("other"), id(1)).await.expect("reads"), None);
}

pub(crate) async fn a_repeated_publication_answers_the_first_event(harness: &dyn Harness) {
    let store = harness.open();
    let named =
        |number| Publication { repeat: repeat("same"), ..publication_to(number, vec![delivery(number, "a", 0)]) };
    let answers = store.publish(vec![named(1), publication(2, "a"), named(3)]).await.expect("publishes");
    assert_eq!(answers, [Published::New, Published::New, Published::Repeat(id(1))]);
    assert_eq!(store.publish(vec![named(4)]).await.expect("publishes"), [Published::Repeat(id(1))]);
    assert_eq!(claim(&*store, "a", 9).await, [id(1)]);
    assert_eq!(events(&*store).await, [event(2, "a"), event(1, "a")]);
}

pub(crate) async fn a_lane_is_taken_by_one(harness: &dyn Harness) {
    let store = harness.open();
    publish_to(&*store, "a", 0..2).await;
    publish_to(&*store, "b", 2..3).await;
    let mut taken = take(&*store).await;
    taken.sort();
    assert_eq!(taken, ["a", "b"]);
    publish_to(&*store, "a", 3..4).await;
    assert_eq!(take(&*store).await, [""; 0], "both are taken");
    assert_eq!(claim(&*store, "a", 9).await, [id(0), id(1), id(3)]);
    store.leave_lane(&lane("a"), Leave::Open);
    assert_eq!(take(&*store).await, [""; 0], "nothing is left to do in it");
    publish_to(&*store, "a", 4..5).await;
    assert_eq!(take(&*store).await, ["a"]);
}

pub(crate) async fn what_is_due_is_claimed_oldest_first_and_once(harness: &dyn Harness) {
    let store = harness.open();
    let at = |number: u32, ms| publication_to(number, vec![delivery(number, "a", ms)]);
    store.publish(vec![at(1, 30), at(2, 10), at(3, 20), at(4, 900)]).await.expect("publishes");
    harness.clock().advance_millis(50);
    assert_eq!(claim(&*store, "a", 2).await, [id(2), id(3)]);
    assert_eq!(claim(&*store, "a", 9).await, [id(1)]);
    assert_eq!(claim(&*store, "a", 9).await, []);
    let back = harness.clock().now();
    store.release_delivery(&lane("a"), id(3), back);
    assert_eq!(claim(&*store, "a", 9).await, [id(3)]);
}

pub(crate) async fn a_retry_is_never_early(harness: &dyn Harness) {
    let store = harness.open();
    publish_to(&*store, "a", 1..2).await;
    assert_eq!(take(&*store).await, ["a"]);
    assert_eq!(claim(&*store, "a", 9).await, [id(1)]);
    let due = harness.clock().now().after(Duration::from_millis(100));
    store.advance_delivery(retried(&get(&*store, 1).await, due)).await.expect("commits");
    store.leave_lane(&lane("a"), Leave::Open);
    harness.clock().advance_millis(99);
    assert_eq!(take(&*store).await, [""; 0]);
    assert_eq!(claim(&*store, "a", 9).await, []);
    harness.clock().advance_millis(1);
    assert_eq!(take(&*store).await, ["a"]);
    assert_eq!(claim(&*store, "a", 9).await, [id(1)]);
    assert_eq!(get(&*store, 1).await.attempts, 1);
}

pub(crate) async fn a_lane_that_rests_or_is_held_is_not_taken(harness: &dyn Harness) {
    let store = harness.open();
    publish_to(&*store, "a", 1..2).await;
    assert_eq!(take(&*store).await, ["a"]);
    store.leave_lane(&lane("a"), Leave::Rest(harness.clock().now().after(Duration::from_millis(500))));
    assert_eq!(take(&*store).await, [""; 0]);
    harness.clock().advance_millis(500);
    assert_eq!(take(&*store).await, ["a"]);
    store.leave_lane(&lane("a"), Leave::Held);
    publish_to(&*store, "a", 2..3).await;
    assert_eq!(take(&*store).await, [""; 0]);
    assert_eq!(store.load().await.expect("counts").held_lanes, 1);
    store.wake_lane(&lane("a"));
    assert_eq!(take(&*store).await, ["a"]);
    assert_eq!(claim(&*store, "a", 9).await, [id(1), id(2)]);
}

pub(crate) async fn a_held_backlog_larger_than_memory_is_claimed_whole(harness: &dyn Harness) {
    let store = harness.open();
    publish_to(&*store, "a", 0..1).await;
    assert_eq!(take(&*store).await, ["a"]);
    store.leave_lane(&lane("a"), Leave::Held);
    for start in (1..6_001).step_by(500) {
        publish_to(&*store, "a", start..start + 500).await;
    }
    store.wake_lane(&lane("a"));
    let mut claimed = claim(&*store, "a", 700).await;
    // Those under way when the next part is read are not met twice, and what comes meanwhile is not missed.
    publish_to(&*store, "a", 6_001..9_000).await;
    loop {
        let more = claim(&*store, "a", 700).await;
        if more.is_empty() {
            break;
        }
        claimed.extend(more);
    }
    assert_eq!(claimed, (0..9_000).map(id).collect::<Vec<_>>());
}

pub(crate) async fn a_step_of_an_old_delivery_conflicts(harness: &dyn Harness) {
    let store = harness.open();
    publish_to(&*store, "a", 1..2).await;
    let first = get(&*store, 1).await;
    store.advance_delivery(ended(&first, DeliveryStatus::Delivered)).await.expect("commits");
    assert_conflict(store.advance_delivery(ended(&first, DeliveryStatus::Failed)).await);
    assert_eq!(get(&*store, 1).await.status, DeliveryStatus::Delivered);
    assert_eq!(claim(&*store, "a", 9).await, []);
}

pub(crate) async fn a_step_commits_attempt_endpoint_and_events(harness: &dyn Harness) {
    let store = harness.open();
    publish_to(&*store, "a", 1..2).await;
    store.save(vec![draft(Kind::Endpoint, "a")]).await.expect("saves");
    let attempt = Attempt {
        number: 1,
        started_at: START,
        request: None,
        form: None,
        response: None,
        error: None,
        timing: AttemptTiming { queue_ms: 1.5, ..AttemptTiming::default() },
        plugin: None,
        logs: Vec::new(),
    };
    let health = EndpointHealth { failures: 10, stopped_at: Some(START) };
    let step = DeliveryStep {
        attempt: Some(attempt.clone()),
        health: Some(health),
        endpoint: Some(crate::store::Draft { expect: Expect::At(7), ..draft(Kind::Endpoint, "a") }),
        events: vec![publication_to(2, vec![delivery(2, "b", 0)])],
        ..retried(&get(&*store, 1).await, START.after(Duration::from_secs(5)))
    };
    assert_conflict(store.advance_delivery(step.clone()).await);
    assert_eq!(store.attempts(id(1)).await.expect("reads"), []);
    assert_eq!(store.health(&lane("a")).await.expect("reads"), EndpointHealth::default());
    let endpoint = crate::store::Draft { expect: Expect::At(1), ..draft(Kind::Endpoint, "a") };
    store.advance_delivery(DeliveryStep { endpoint: Some(endpoint), ..step }).await.expect("commits");
    assert_eq!(store.attempts(id(1)).await.expect("reads"), [attempt]);
    assert_eq!(store.health(&lane("a")).await.expect("reads"), health);
    assert_eq!(claim(&*store, "b", 9).await, [id(2)]);
}

pub(crate) async fn ordered_deliveries_follow_each_other(harness: &dyn Harness) {
    let store = harness.open();
    // Even numbers have the key "customer".
    let ordered = |number: u32| {
        let delivery = Delivery { ordered: true, ..delivery(number, "a", 0) };
        Publication { event: Arc::new(event(number, "a")), deliveries: vec![delivery], repeat: None }
    };
    store.publish([2, 3, 4, 6].map(ordered).to_vec()).await.expect("publishes");
    assert_eq!(claim(&*store, "a", 9).await, [id(2), id(3)], "3 has no key");
    assert_eq!(get(&*store, 4).await.due, None);
    let due = harness.clock().now();
    store.advance_delivery(retried(&get(&*store, 2).await, due)).await.expect("commits");
    assert_eq!(claim(&*store, "a", 9).await, [id(2)], "a retry keeps the others waiting");
    store.advance_delivery(ended(&get(&*store, 2).await, DeliveryStatus::Failed)).await.expect("commits");
    assert_eq!(claim(&*store, "a", 9).await, [id(4)]);
    store
        .advance_delivery(ended(&get(&*store, 6).await, DeliveryStatus::Cancelled))
        .await
        .expect("one that waits ends");
    store.advance_delivery(ended(&get(&*store, 4).await, DeliveryStatus::Delivered)).await.expect("commits");
    assert_eq!(claim(&*store, "a", 9).await, []);
    store.publish(vec![ordered(8)]).await.expect("publishes");
    assert_eq!(claim(&*store, "a", 9).await, [id(8)], "the key is free again");
}

pub(crate) async fn after_a_restart_what_was_claimed_is_due_again(harness: &dyn Harness) {
    let store = harness.open();
    publish_to(&*store, "a", 0..3).await;
    assert_eq!(claim(&*store, "a", 2).await, [id(0), id(1)]);
    store.advance_delivery(ended(&get(&*store, 0).await, DeliveryStatus::Delivered)).await.expect("commits");
    store.close().await.expect("closes");
    assert!(matches!(store.take_lanes().await, Err(StoreError::Unavailable(_))));
    drop(store);
    let store = harness.open();
    assert_eq!(take(&*store).await, ["a"]);
    assert_eq!(claim(&*store, "a", 9).await, [id(1), id(2)]);
}

pub(crate) async fn deliveries_are_found_by_what_they_are(harness: &dyn Harness) {
    let store = harness.open();
    publish_to(&*store, "a", 1..6).await;
    publish_to(&*store, "b", 6..7).await;
    let mut failed = ended(&get(&*store, 3).await, DeliveryStatus::Failed);
    failed.delivery.last_status = Some(503);
    store.advance_delivery(failed).await.expect("commits");
    let found = async |filter: DeliveryFilter, limit: usize| {
        let all = all(limit, |page| {
            let (store, filter) = (&store, &filter);
            async move { store.deliveries(&space(), filter, page).await }
        });
        all.await.into_iter().map(|delivery| delivery.id).collect::<Vec<_>>()
    };
    let none = DeliveryFilter::default;
    assert_eq!(found(none(), 4).await, [6, 5, 4, 3, 2, 1].map(id));
    assert_eq!(found(DeliveryFilter { endpoint: Some(slug("b")), ..none() }, 4).await, [id(6)]);
    assert_eq!(found(DeliveryFilter { status: Some(DeliveryStatus::Failed), ..none() }, 1).await, [id(3)]);
    assert_eq!(found(DeliveryFilter { status_class: Some(5), ..none() }, 4).await, [id(3)]);
    assert_eq!(found(DeliveryFilter { status_class: Some(4), ..none() }, 4).await, []);
    assert_eq!(found(DeliveryFilter { text: Some("order-3".to_owned()), ..none() }, 4).await, [id(3)]);
    assert_eq!(found(DeliveryFilter { text: Some("customer".to_owned()), ..none() }, 2).await, [6, 4, 2].map(id));
    assert_eq!(found(DeliveryFilter { kind: Some("b".to_owned()), ..none() }, 4).await, []);
    assert_eq!(found(DeliveryFilter { event: Some(id(2)), ..none() }, 4).await, [id(2)]);
    assert_eq!(store.deliveries(&slug("other"), &none(), page(9)).await.expect("lists").items, []);
}
