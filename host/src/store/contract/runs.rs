//! Runs: acceptance, steps, history, listings.

use futures_util::future::join_all;
use serde_json::json;

use super::*;
use crate::model::{Run, RunStatus, UniqueId};
use crate::store::{Acceptance, Accepted, Advance, RunFilter};

pub(crate) async fn accept(store: &dyn Store, run: &Run) {
    assert_eq!(store.accept(acceptance(run.clone())).await.expect("accepts"), Accepted::New);
}

async fn get(store: &dyn Store, run: &Run) -> Option<Run> {
    store.run(&run.space, run.id).await.expect("reads")
}

pub(crate) async fn a_refused_acceptance_leaves_nothing(harness: &dyn Harness) {
    let store = harness.open();
    store.change_record(change("k", 1, ""), Vec::new()).await.expect("inserts");
    let refused = Acceptance {
        record: Some(change("k", 1, "insert of an existing key")),
        events: vec![publication(1, "lead.create")],
        repeat: repeat("call"),
        entries: vec![entry("first", json!(1))],
        ..acceptance(run(1))
    };
    assert_conflict(store.accept(refused.clone()).await);
    assert_eq!(get(&*store, &run(1)).await, None);
    assert_eq!(store.entries(&space(), id(1)).await.expect("reads"), []);
    assert_eq!(events(&*store).await, []);
    assert_eq!(store.load().await.expect("counts").live_runs, 0);
    let fixed = Acceptance { record: Some(change("k", 2, "update")), ..refused };
    assert_eq!(store.accept(fixed).await.expect("the call was not remembered"), Accepted::New);
    assert_eq!(record(&*store, "k").await.expect("is there").revision, 2);
    assert_eq!(store.entries(&space(), id(1)).await.expect("reads"), [entry("first", json!(1))]);
    assert_eq!(events(&*store).await, [event(1, "lead.create")]);
}

pub(crate) async fn a_repeated_call_answers_the_first_run(harness: &dyn Harness) {
    let store = harness.open();
    let first = Acceptance { repeat: repeat("call"), ..acceptance(run(1)) };
    assert_eq!(store.accept(first).await.expect("accepts"), Accepted::New);
    let again = Acceptance { repeat: repeat("call"), record: Some(change("k", 1, "")), ..acceptance(run(2)) };
    assert_eq!(store.accept(again).await.expect("answers"), Accepted::Repeat(id(1)));
    assert_eq!(store.repeat_of("trigger", "call").await.expect("reads"), Some(id(1)));
    assert_eq!(store.repeat_of("trigger", "another call").await.expect("reads"), None);
    assert_eq!(get(&*store, &run(2)).await, None);
    assert_eq!(record(&*store, "k").await, None, "a repeat commits nothing");
    let mut elsewhere = Acceptance { repeat: repeat("call"), ..acceptance(run(3)) };
    if let Some(repeat) = &mut elsewhere.repeat {
        repeat.scope = "another trigger".to_owned();
    }
    assert_eq!(store.accept(elsewhere).await.expect("accepts"), Accepted::New);
}

pub(crate) async fn of_many_calls_with_one_key_one_is_accepted(harness: &dyn Harness) {
    let store = harness.open();
    let calls = (0..50).map(|number| store.accept(Acceptance { repeat: repeat("call"), ..acceptance(run(number)) }));
    let answers: Vec<Accepted> = join_all(calls).await.into_iter().map(|answer| answer.expect("answers")).collect();
    let new: Vec<usize> = (0..50).filter(|i| answers[*i] == Accepted::New).collect();
    assert_eq!(new.len(), 1, "{answers:?}");
    let first = id(u32::try_from(new[0]).expect("is small"));
    assert!(answers.iter().all(|answer| matches!(answer, Accepted::New) || *answer == Accepted::Repeat(first)));
    assert_eq!(store.load().await.expect("counts").live_runs, 1);
}

pub(crate) async fn a_repeat_key_is_forgotten_after_its_time(harness: &dyn Harness) {
    let store = harness.open();
    let call = |number| Acceptance { repeat: repeat("call"), ..acceptance(run(number)) };
    assert_eq!(store.accept(call(1)).await.expect("accepts"), Accepted::New);
    harness.clock().advance_millis(3_599_999);
    assert_eq!(store.accept(call(2)).await.expect("answers"), Accepted::Repeat(id(1)));
    harness.clock().advance_millis(1);
    assert_eq!(store.repeat_of("trigger", "call").await.expect("reads"), None);
    assert_eq!(store.accept(call(3)).await.expect("accepts"), Accepted::New);
    // Cleaning up after the first call must not forget the one that came after it.
    harness.clock().advance_millis(120_000);
    let other = Acceptance { repeat: repeat("other"), ..acceptance(run(4)) };
    assert_eq!(store.accept(other).await.expect("accepts"), Accepted::New);
    assert_eq!(store.accept(call(5)).await.expect("answers"), Accepted::Repeat(id(3)));
}

pub(crate) async fn a_run_is_accepted_once(harness: &dyn Harness) {
    let store = harness.open();
    accept(&*store, &run(1)).await;
    assert_conflict(store.accept(acceptance(run(1))).await);
    store.advance(end(&run(1), RunStatus::Completed)).await.expect("ends");
    assert_conflict(store.accept(acceptance(run(1))).await);
}

pub(crate) async fn a_step_of_an_old_revision_conflicts(harness: &dyn Harness) {
    let store = harness.open();
    assert_conflict(store.advance(step(&run(1))).await);
    accept(&*store, &run(1)).await;
    let second = step(&run(1));
    store.advance(second.clone()).await.expect("steps");
    assert_conflict(store.advance(second.clone()).await);
    assert_eq!(get(&*store, &run(1)).await, Some(second.run.clone()));
    let third = end(&second.run, RunStatus::Faulted);
    store.advance(third.clone()).await.expect("ends");
    assert_conflict(store.advance(step(&third.run)).await);
    assert_eq!(get(&*store, &run(1)).await, Some(third.run));
}

pub(crate) async fn a_step_commits_everything_or_nothing(harness: &dyn Harness) {
    let store = harness.open();
    accept(&*store, &run(1)).await;
    let mut advance = Advance {
        entries: vec![entry("a", json!(1))],
        records: vec![change("k", 1, "new"), change("l", 2, "expects one")],
        events: vec![publication(1, "lead.create")],
        ..step(&run(1))
    };
    assert_conflict(store.advance(advance.clone()).await);
    assert_eq!(get(&*store, &run(1)).await, Some(run(1)));
    assert_eq!(record(&*store, "k").await, None);
    assert_eq!(store.entries(&space(), id(1)).await.expect("reads"), []);
    assert_eq!(events(&*store).await, []);
    advance.records[1] = change("l", 1, "new");
    store.advance(advance.clone()).await.expect("steps");
    assert_eq!(get(&*store, &run(1)).await, Some(advance.run));
    assert!(record(&*store, "k").await.is_some() && record(&*store, "l").await.is_some());
    assert_eq!(store.entries(&space(), id(1)).await.expect("reads"), advance.entries);
    assert_eq!(events(&*store).await, [event(1, "lead.create")]);
}

pub(crate) async fn history_is_kept_in_order(harness: &dyn Harness) {
    let store = harness.open();
    let mut expected = vec![entry("0", json!(0))];
    store.accept(Acceptance { entries: expected.clone(), ..acceptance(run(1)) }).await.expect("accepts");
    let mut run = run(1);
    let inputs = ["small".to_owned(), "l".repeat(100_000), String::new(), "last".to_owned()];
    for (number, input) in inputs.iter().enumerate() {
        let entries: Vec<_> = (0..number).map(|i| entry(&format!("{number}.{i}"), json!(input))).collect();
        let mut advance = if number == 3 { end(&run, RunStatus::Completed) } else { step(&run) };
        advance.entries.clone_from(&entries);
        run = advance.run.clone();
        store.advance(advance).await.expect("steps");
        expected.extend(entries);
        assert!(store.entries(&space(), id(1)).await.expect("reads") == expected, "after step {number}");
    }
    // The end may bring a long history too.
    accept(&*store, &super::run(2)).await;
    let long = vec![entry("long", json!("x".repeat(50_000)))];
    let last = Advance { entries: long.clone(), ..end(&super::run(2), RunStatus::Completed) };
    store.advance(last).await.expect("ends");
    assert!(store.entries(&space(), id(2)).await.expect("reads") == long);
}

pub(crate) async fn history_may_be_added_to_a_final_run(harness: &dyn Harness) {
    let store = harness.open();
    let more = |number: u32| vec![entry(&number.to_string(), json!(number)), entry("long", json!("x".repeat(50_000)))];
    for (number, length) in [(1, 1), (2, 10_000)] {
        let first = Run { input: json!({ "text": "x".repeat(length) }), ..run(number) };
        assert!(!store.add_entries(&space(), first.id, more(0)).await.expect("answers"), "there is no such run");
        accept(&*store, &first).await;
        assert!(!store.add_entries(&space(), first.id, more(0)).await.expect("answers"), "it is not final");
        let before = vec![entry("before", json!(1))];
        let begun = Advance { entries: before.clone(), ..step(&first) };
        store.advance(begun.clone()).await.expect("steps");
        let mut cancelled = end(&begun.run, RunStatus::Cancelled).run;
        cancelled.entries = 1;
        let advance = Advance { run: cancelled.clone(), ..step(&begun.run) };
        store.advance(advance).await.expect("is cancelled");
        assert!(store.add_entries(&space(), first.id, more(number)).await.expect("adds"));
        let entries = store.entries(&space(), first.id).await.expect("reads");
        assert!(entries == [before, more(number)].concat(), "{} entries", entries.len());
        assert_eq!(get(&*store, &first).await, Some(Run { entries: 3, ..cancelled }));
    }
}

pub(crate) async fn a_large_input_stays_with_its_run(harness: &dyn Harness) {
    let store = harness.open();
    for (number, length) in [(1, 3_000), (2, 6_000), (3, 40_000), (4, 1_000_000)] {
        let first = Run { input: json!({ "text": "x".repeat(length) }), ..run(number) };
        accept(&*store, &first).await;
        let second = step(&first);
        store.advance(second.clone()).await.expect("steps");
        assert!(get(&*store, &first).await.as_ref() == Some(&second.run), "{length} characters");
        let last = end(&second.run, RunStatus::Completed);
        store.advance(last.clone()).await.expect("ends");
        assert!(get(&*store, &first).await.as_ref() == Some(&last.run), "{length} characters");
    }
}

async fn listed(store: &dyn Store, filter: &RunFilter, limit: usize) -> Vec<UniqueId> {
    let runs = all(limit, |page| async move { store.runs(&space(), filter, page).await }).await;
    runs.into_iter().map(|run| run.id).collect()
}

pub(crate) async fn listings_are_newest_first_and_complete(harness: &dyn Harness) {
    let store = harness.open();
    for number in 0..30 {
        accept(&*store, &run(number)).await;
        if number % 3 != 0 {
            store.advance(end(&run(number), RunStatus::Completed)).await.expect("ends");
        }
    }
    let expected: Vec<UniqueId> = (0..30).rev().map(id).collect();
    for limit in [1, 4, 30, 100] {
        assert_eq!(listed(&*store, &RunFilter::default(), limit).await, expected, "in pages of {limit}");
    }
    let exact = store.runs(&space(), &RunFilter::default(), page(30)).await.expect("lists");
    assert_eq!(exact.next, None, "a full last page has no next");
}

pub(crate) async fn listings_filter_by_workflow_and_status(harness: &dyn Harness) {
    let store = harness.open();
    let statuses = [RunStatus::Running, RunStatus::Waiting, RunStatus::Completed, RunStatus::Faulted];
    let workflow = |number: u32| slug(if number.is_multiple_of(2) { "even" } else { "odd" });
    let status = |number: u32| statuses[number as usize / 2 % 4];
    for number in 0..40 {
        let first = Run { workflow: workflow(number), ..run(number) };
        accept(&*store, &first).await;
        let mut advance = step(&first);
        advance.run.status = status(number);
        store.advance(advance).await.expect("steps");
    }
    let workflows = [None, Some(slug("even")), Some(slug("odd")), Some(slug("none"))];
    for wanted_workflow in workflows {
        for wanted_status in statuses.iter().copied().map(Some).chain([None, Some(RunStatus::Cancelled)]) {
            let filter = RunFilter { workflow: wanted_workflow.clone(), status: wanted_status };
            let expected: Vec<UniqueId> = (0..40)
                .rev()
                .filter(|number| wanted_workflow.as_ref().is_none_or(|wanted| *wanted == workflow(*number)))
                .filter(|number| wanted_status.is_none_or(|wanted| wanted == status(*number)))
                .map(id)
                .collect();
            for limit in [1, 3, 50] {
                assert_eq!(listed(&*store, &filter, limit).await, expected, "{filter:?} in pages of {limit}");
            }
        }
    }
}

pub(crate) async fn a_listing_misses_no_run_that_ends_meanwhile(harness: &dyn Harness) {
    let store = harness.open();
    for number in 0..60 {
        accept(&*store, &run(number)).await;
    }
    let ending = async {
        for number in (0..60).rev() {
            store.advance(end(&run(number), RunStatus::Completed)).await.expect("ends");
        }
    };
    let listing = async {
        let expected: Vec<UniqueId> = (0..60).rev().map(id).collect();
        for limit in [7, 100, 13, 2, 100, 31] {
            assert_eq!(listed(&*store, &RunFilter::default(), limit).await, expected, "in pages of {limit}");
        }
    };
    tokio::join!(ending, listing);
}

pub(crate) async fn other_spaces_see_nothing(harness: &dyn Harness) {
    let store = harness.open();
    let first = Acceptance { entries: vec![entry("a", json!(1))], ..acceptance(run(1)) };
    store.accept(first).await.expect("accepts");
    // A space whose name begins like the other's.
    let other = slug("acm");
    assert_eq!(store.run(&other, id(1)).await.expect("reads"), None);
    assert_eq!(store.entries(&other, id(1)).await.expect("reads"), []);
    assert_eq!(store.runs(&other, &RunFilter::default(), page(10)).await.expect("lists").items, []);
}

pub(crate) async fn a_run_may_be_final_when_accepted(harness: &dyn Harness) {
    let store = harness.open();
    let done = Run { status: RunStatus::Completed, due: None, output: Some(json!(1)), ..run(1) };
    let whole = Acceptance { entries: vec![entry("a", json!(1))], ..acceptance(done.clone()) };
    assert_eq!(store.accept(whole).await.expect("accepts"), Accepted::New);
    assert_eq!(get(&*store, &done).await, Some(done.clone()));
    assert_eq!(store.entries(&space(), id(1)).await.expect("reads"), [entry("a", json!(1))]);
    assert_eq!(store.load().await.expect("counts").live_runs, 0);
    assert_conflict(store.advance(step(&done)).await);
}
