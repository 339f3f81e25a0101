//! Records: expectations, sizes, listings.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::*;
use crate::model::{RecordExpect, Slug};

pub(crate) async fn a_change_commits_only_on_the_state_it_was_computed_from(harness: &dyn Harness) {
    let store = harness.open();
    assert_conflict(store.change_record(change("k", 2, "update of none"), Vec::new()).await);
    store.change_record(change("k", 1, "first"), vec![publication(1, "lead.create")]).await.expect("inserts");
    assert_conflict(store.change_record(change("k", 1, "again"), vec![publication(2, "lead.create")]).await);
    assert_conflict(store.change_record(change("k", 3, "from the future"), vec![publication(3, "lead.update")]).await);
    store.change_record(change("k", 2, "second"), Vec::new()).await.expect("updates");
    let record = record(&*store, "k").await.expect("is there");
    assert_eq!((record.revision, &record.fields["value"]), (2, &json!("second")));
    assert_eq!(events(&*store).await, [event(1, "lead.create")], "a refused change publishes nothing");
}

pub(crate) async fn a_record_of_a_megabyte_shrinks_and_goes(harness: &dyn Harness) {
    let store = harness.open();
    let texts = ["x".repeat(1_000_000), "y".repeat(70_000), "z".to_owned()];
    for (revision, text) in (1..).zip(&texts) {
        store.change_record(change("k", revision, text), Vec::new()).await.expect("writes");
        assert!(record(&*store, "k").await.expect("is there").fields["value"] == json!(text));
    }
    assert!(store.delete_record(&space(), &slug("leads"), &record_key("k"), Vec::new()).await.expect("deletes"));
    assert_eq!(record(&*store, "k").await, None);
}

pub(crate) async fn deleting_says_whether_there_was_one(harness: &dyn Harness) {
    let store = harness.open();
    store.change_record(change("k", 1, ""), Vec::new()).await.expect("inserts");
    let delete = || async {
        store.delete_record(&space(), &slug("leads"), &record_key("k"), Vec::new()).await.expect("deletes")
    };
    assert!(delete().await);
    assert!(!delete().await);
    store.change_record(change("k", 1, ""), Vec::new()).await.expect("inserts again");
}

#[derive(Clone, Debug)]
enum Step {
    Write { key: u8, expect: Option<u64>, value: u32 },
    Delete { key: u8 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let write = (0..12_u8, prop::option::of(1..4_u64), any::<u32>()).prop_map(|(key, expect, value)| Step::Write {
        key,
        expect,
        value,
    });
    let delete = (0..12_u8).prop_map(|key| Step::Delete { key });
    prop::collection::vec(prop_oneof![4 => write, 1 => delete], 1..80)
}

/// Keys of several lengths, some the beginning of others.
fn key_of(key: u8) -> String {
    format!("k{}", "ä/".repeat(usize::from(key % 4))) + &key.to_string()
}

pub(crate) async fn random_commits_agree_with_a_map(harness: &dyn Harness) {
    let store = harness.open();
    let mut runner = TestRunner::deterministic();
    for case in 0..16 {
        let space: Slug = slug(&format!("case-{case}"));
        let steps = steps().new_tree(&mut runner).expect("makes steps").current();
        let mut model: BTreeMap<String, (u64, u32)> = BTreeMap::new();
        for step in &steps {
            match step.clone() {
                Step::Write { key, expect, value } => {
                    let key = key_of(key);
                    let revision = expect.map_or(1, |expect| expect + 1);
                    let fits = model.get(&key).map(|(revision, _)| *revision) == expect;
                    let mut write = change(&key, revision, &value.to_string());
                    write.space = space.clone();
                    write.expect = expect.map_or(RecordExpect::Absent, RecordExpect::At);
                    let done = store.change_record(write, Vec::new()).await.is_ok();
                    assert_eq!(done, fits, "{step:?} of {steps:?}");
                    if fits {
                        model.insert(key, (revision, value));
                    }
                }
                Step::Delete { key } => {
                    let key = key_of(key);
                    let deleted = store.delete_record(&space, &slug("leads"), &record_key(&key), Vec::new()).await;
                    assert_eq!(deleted.expect("deletes"), model.remove(&key).is_some(), "{step:?} of {steps:?}");
                }
            }
        }
        for limit in [1, 3, 100] {
            let listed = all(limit, |page| {
                let (store, space) = (&store, &space);
                async move { store.records(space, &slug("leads"), page).await }
            })
            .await;
            let listed: Vec<_> = listed
                .into_iter()
                .map(|record| (record.key.to_string(), (record.revision, record.fields["value"].clone())))
                .collect();
            let expected: Vec<_> = model
                .iter()
                .map(|(key, (revision, value))| (key.clone(), (*revision, json!(value.to_string()))))
                .collect();
            assert_eq!(listed, expected, "in pages of {limit} after {steps:?}");
        }
    }
}
