//! Definitions: revisions, references, aliases.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::*;
use crate::model::{DefinitionPath, Kind};
use crate::store::{Draft, Expect, StoreError};

pub(crate) async fn all_drafts_are_saved_or_none(harness: &dyn Harness) {
    let store = harness.open();
    let good = draft(Kind::Webhook, "a");
    let bad = Draft { expect: Expect::At(3), ..draft(Kind::Webhook, "b") };
    assert_conflict(store.save(vec![good.clone(), bad]).await);
    assert_eq!(store.definition(&good.path).await.expect("reads"), None);
    store.save(vec![good.clone(), draft(Kind::Webhook, "b")]).await.expect("saves");
    assert!(store.definition(&good.path).await.expect("reads").is_some());
}

pub(crate) async fn revisions_count_saves(harness: &dyn Harness) {
    let store = harness.open();
    let mut draft = draft(Kind::Webhook, "a");
    assert_eq!(store.save(vec![draft.clone(), draft.clone()]).await.expect("saves"), [1, 2]);
    draft.body = b"3".to_vec();
    assert_eq!(store.save(vec![draft.clone()]).await.expect("saves"), [3]);
    let saved = store.definition(&draft.path).await.expect("reads").expect("is there");
    assert_eq!((saved.revision, saved.value), (3, b"3".to_vec()));
}

pub(crate) async fn a_save_that_expects_otherwise_conflicts(harness: &dyn Harness) {
    let store = harness.open();
    let with = |expect| vec![Draft { expect, ..draft(Kind::Source, "a") }];
    assert_conflict(store.save(with(Expect::At(1))).await);
    store.save(with(Expect::Absent)).await.expect("there is none");
    assert_conflict(store.save(with(Expect::Absent)).await);
    assert_conflict(store.save(with(Expect::At(2))).await);
    store.save(with(Expect::At(1))).await.expect("it has revision 1");
    let path = path(Kind::Source, "a");
    assert_conflict(store.delete(path.clone(), Expect::At(1)).await);
    assert!(store.delete(path.clone(), Expect::At(2)).await.expect("it has revision 2"));
    assert!(!store.delete(path, Expect::Any).await.expect("there is none"));
}

pub(crate) async fn a_reference_to_what_is_missing_is_refused(harness: &dyn Harness) {
    let store = harness.open();
    let target = path(Kind::Webhook, "a");
    let user = Draft { uses: vec![target.clone()], ..draft(Kind::Workflow, "w") };
    match store.save(vec![user.clone()]).await {
        Err(StoreError::Missing { path }) => assert_eq!(path, target),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.definition(&user.path).await.expect("reads"), None);
    assert_eq!(store.users(&target).await.expect("reads"), []);
    store.save(vec![user, draft(Kind::Webhook, "a")]).await.expect("the target comes in the same commit");
}

pub(crate) async fn what_is_referred_to_cannot_be_deleted(harness: &dyn Harness) {
    let store = harness.open();
    let target = path(Kind::Plugin, "p@1.0.0");
    let uses = vec![target.clone()];
    let users =
        [Draft { uses: uses.clone(), ..draft(Kind::Workflow, "w") }, Draft { uses, ..draft(Kind::Webhook, "h") }];
    let mut paths: Vec<DefinitionPath> = users.iter().map(|user| user.path.clone()).collect();
    paths.sort();
    store.save([vec![draft(Kind::Plugin, "p@1.0.0")], users.to_vec()].concat()).await.expect("saves");
    assert_eq!(store.users(&target).await.expect("reads"), paths);
    match store.delete(target.clone(), Expect::Any).await {
        Err(StoreError::InUse { path, users }) => assert_eq!((path, users), (target.clone(), paths)),
        other => panic!("{other:?}"),
    }
    for user in &users {
        assert!(store.delete(user.path.clone(), Expect::Any).await.expect("deletes"));
    }
    assert!(store.delete(target, Expect::Any).await.expect("nobody refers to it now"));
}

pub(crate) async fn a_new_revision_replaces_the_references(harness: &dyn Harness) {
    let store = harness.open();
    let with = |target| Draft { uses: vec![path(Kind::Webhook, target)], ..draft(Kind::Workflow, "w") };
    let webhooks = [draft(Kind::Webhook, "a"), draft(Kind::Webhook, "b")];
    store.save([webhooks.to_vec(), vec![with("a")]].concat()).await.expect("saves");
    store.save(vec![with("b")]).await.expect("saves");
    assert!(store.delete(path(Kind::Webhook, "a"), Expect::Any).await.expect("is not referred to any more"));
    assert!(matches!(store.delete(path(Kind::Webhook, "b"), Expect::Any).await, Err(StoreError::InUse { .. })));
    assert_conflict(store.save(vec![Draft { expect: Expect::Absent, uses: Vec::new(), ..with("b") }]).await);
    assert_eq!(store.users(&path(Kind::Webhook, "b")).await.expect("reads"), [path(Kind::Workflow, "w")]);
}

pub(crate) async fn an_alias_belongs_to_one_definition(harness: &dyn Harness) {
    let store = harness.open();
    let with = |id, alias: &str| Draft { alias: Some(alias.to_owned()), ..draft(Kind::Trigger, id) };
    store.save(vec![with("a", "token")]).await.expect("saves");
    assert_conflict(store.save(vec![with("b", "token")]).await);
    assert_conflict(store.save(vec![with("b", "other"), with("c", "other")]).await);
    store.save(vec![with("a", "token")]).await.expect("keeps its own alias");
    store.save(vec![Draft { path: path(Kind::ApiKey, "k"), ..with("k", "token") }]).await.expect("is of another kind");
    store.save(vec![with("a", "new"), with("b", "token")]).await.expect("the alias has become free");
}

pub(crate) async fn a_definition_is_found_by_its_current_alias_only(harness: &dyn Harness) {
    let store = harness.open();
    let with = |alias: &str| vec![Draft { alias: Some(alias.to_owned()), ..draft(Kind::Trigger, "a") }];
    store.save(with("old")).await.expect("saves");
    store.save(with("new")).await.expect("saves");
    assert_eq!(store.by_alias(Kind::Trigger, "old").await.expect("reads"), None);
    let (found, saved) = store.by_alias(Kind::Trigger, "new").await.expect("reads").expect("is there");
    assert_eq!((found, saved.revision), (path(Kind::Trigger, "a"), 2));
    assert_eq!(store.by_alias(Kind::ApiKey, "new").await.expect("reads"), None);
    store.delete(path(Kind::Trigger, "a"), Expect::Any).await.expect("deletes");
    assert_eq!(store.by_alias(Kind::Trigger, "new").await.expect("reads"), None);
}

pub(crate) async fn listings_are_by_id_and_complete(harness: &dyn Harness) {
    let store = harness.open();
    let ids: Vec<String> = (0..23).map(|i| format!("id-{i:02}")).collect();
    let mut drafts: Vec<Draft> = ids.iter().rev().map(|id| draft(Kind::Webhook, id)).collect();
    drafts.push(draft(Kind::Workflow, "id-00"));
    let elsewhere = DefinitionPath::new(&slug("acme-2"), Kind::Webhook, "x");
    drafts.push(Draft { path: elsewhere, ..draft(Kind::Webhook, "x") });
    store.save(drafts).await.expect("saves");
    for limit in [1, 7, 23, 100] {
        let listed = all(limit, |page| {
            let (store, space) = (&store, space());
            async move { store.definitions(&space, Kind::Webhook, page).await }
        })
        .await;
        let listed: Vec<String> =
            listed.into_iter().map(|saved| String::from_utf8(saved.value).expect("is UTF-8")).collect();
        let expected: Vec<String> = ids.iter().map(|id| format!("{{\"id\":{id:?}}}")).collect();
        assert_eq!(listed, expected, "in pages of {limit}");
    }
    let exact = store.definitions(&space(), Kind::Webhook, page(23)).await.expect("lists");
    assert_eq!(exact.next, None, "a full last page has no next");
}

pub(crate) async fn spaces_are_listed_over_all_spaces(harness: &dyn Harness) {
    let store = harness.open();
    let of = |id: &str| Draft { path: DefinitionPath::new(&slug(id), Kind::Space, id), ..draft(Kind::Space, id) };
    store.save(vec![of("b"), of("a"), of("c")]).await.expect("saves");
    let listed = store.definitions(&slug("whatever"), Kind::Space, page(10)).await.expect("lists");
    let bodies: Vec<_> = listed.items.iter().map(|saved| String::from_utf8_lossy(&saved.value)).collect();
    assert_eq!(bodies, ["{\"id\":\"a\"}", "{\"id\":\"b\"}", "{\"id\":\"c\"}"]);
}

pub(crate) async fn what_is_granted_goes_with_its_plugin_version(harness: &dyn Harness) {
    let store = harness.open();
    let version = |id: &str| path(Kind::Plugin, id);
    let grants = |id: &str| Draft { uses: vec![version(id)], ..draft(Kind::Grants, id) };
    assert!(matches!(store.save(vec![grants("a@1.0.0")]).await, Err(StoreError::Missing { .. })));
    let both = ["a@1.0.0", "a@2.0.0"];
    store.save(both.map(|id| draft(Kind::Plugin, id)).to_vec()).await.expect("saves");
    store.save(both.map(grants).to_vec()).await.expect("saves");
    let user = Draft { uses: vec![version("a@1.0.0")], ..draft(Kind::Workflow, "w") };
    store.save(vec![user]).await.expect("saves");
    let refused = store.delete(version("a@1.0.0"), Expect::Any).await;
    assert!(matches!(&refused, Err(StoreError::InUse { users, .. }) if *users == [path(Kind::Workflow, "w")]));
    assert!(store.definition(&path(Kind::Grants, "a@1.0.0")).await.expect("reads").is_some());
    assert!(store.delete(path(Kind::Workflow, "w"), Expect::Any).await.expect("deletes"));
    assert!(store.delete(version("a@1.0.0"), Expect::Any).await.expect("deletes"));
    assert!(store.definition(&path(Kind::Grants, "a@1.0.0")).await.expect("reads").is_none());
    assert!(store.definition(&path(Kind::Grants, "a@2.0.0")).await.expect("reads").is_some());
    assert!(store.delete(path(Kind::Grants, "a@2.0.0"), Expect::Any).await.expect("deletes"));
    assert!(store.delete(version("a@2.0.0"), Expect::Any).await.expect("nothing refers to it"));
}

pub(crate) async fn definitions_go_together_or_not_at_all(harness: &dyn Harness) {
    let store = harness.open();
    let line = path(Kind::PluginLine, "a");
    let version = |id: &str| path(Kind::Plugin, id);
    let all = || vec![line.clone(), version("a@1.0.0"), version("a@2.0.0"), version("a@3.0.0")];
    let grants = Draft { uses: vec![version("a@1.0.0")], ..draft(Kind::Grants, "a@1.0.0") };
    let held = Draft { uses: vec![version("a@1.0.0"), version("a@2.0.0")], ..draft(Kind::PluginLine, "a") };
    store.save(["a@1.0.0", "a@2.0.0"].map(|id| draft(Kind::Plugin, id)).to_vec()).await.expect("saves");
    let user = Draft { uses: vec![version("a@2.0.0")], ..draft(Kind::Webhook, "w") };
    store.save(vec![held, grants, user]).await.expect("saves");
    let refused = store.delete_all(all(), Expect::Any).await;
    let Err(StoreError::InUse { path: used, users }) = refused else { panic!("{refused:?}") };
    assert_eq!((used, users), (version("a@2.0.0"), vec![path(Kind::Webhook, "w")]));
    let is_there = async |path: &DefinitionPath| store.definition(path).await.expect("reads").is_some();
    for path in &all()[..3] {
        assert!(is_there(path).await, "{path}");
    }
    assert!(store.delete(path(Kind::Webhook, "w"), Expect::Any).await.expect("deletes"));
    assert_conflict(store.delete_all(all(), Expect::At(2)).await);
    assert!(store.delete_all(all(), Expect::At(1)).await.expect("deletes"));
    for path in all().iter().chain([&path(Kind::Grants, "a@1.0.0")]) {
        assert!(!is_there(path).await, "{path}");
    }
    store.save(vec![draft(Kind::Plugin, "a@1.0.0")]).await.expect("saves");
    assert!(!store.delete_all(all(), Expect::Any).await.expect("answers"), "there is no first one");
    assert!(is_there(&version("a@1.0.0")).await);
}

pub(crate) async fn a_definition_of_a_megabyte_reads_back(harness: &dyn Harness) {
    let store = harness.open();
    let body: Vec<u8> = (0..1_000_000_u32).map(|i| (i.wrapping_mul(i) >> 8) as u8).collect();
    let mut draft = Draft { body: body.clone(), ..draft(Kind::WorkflowVersion, "w@1") };
    store.save(vec![draft.clone()]).await.expect("saves");
    let read = store.definition(&draft.path).await.expect("reads").expect("is there");
    assert!(read.value == body, "the same bytes");
    draft.body.truncate(40_000);
    store.save(vec![draft.clone()]).await.expect("saves");
    let read = store.definition(&draft.path).await.expect("reads").expect("is there");
    assert!(read.value == body[..40_000], "the same bytes");
    let listed = store.definitions(&space(), Kind::WorkflowVersion, page(10)).await.expect("lists");
    assert!(listed.items.len() == 1 && listed.items[0] == read, "lists what it reads");
}

#[derive(Clone, Debug)]
enum Step {
    Save { id: u8, expect: u8, body: u16, uses: Option<u8>, alias: Option<u8> },
    Delete { id: u8, expect: u8 },
}

#[derive(Clone, Debug, PartialEq)]
struct Modelled {
    revision: u64,
    body: u16,
    uses: Option<u8>,
    alias: Option<u8>,
}

type Model = BTreeMap<u8, Modelled>;

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let save = (0..5_u8, 0..4_u8, any::<u16>(), prop::option::of(0..5_u8), prop::option::of(0..3_u8))
        .prop_map(|(id, expect, body, uses, alias)| Step::Save { id, expect, body, uses, alias });
    let delete = (0..5_u8, 0..4_u8).prop_map(|(id, expect)| Step::Delete { id, expect });
    prop::collection::vec(prop_oneof![3 => save, 1 => delete], 1..40)
}

/// 0: anything; 1: absent; other: the revision before last time plus this.
fn expectation(choice: u8) -> Expect {
    match choice {
        0 => Expect::Any,
        1 => Expect::Absent,
        revision => Expect::At(u64::from(revision) - 1),
    }
}

fn holds(expect: Expect, old: Option<&Modelled>) -> bool {
    match expect {
        Expect::Any => true,
        Expect::Absent => old.is_none(),
        Expect::At(revision) => old.is_some_and(|old| old.revision == revision),
    }
}

/// Whether the model takes the step.
fn take(model: &mut Model, step: &Step) -> bool {
    match step.clone() {
        Step::Save { id, expect, body, uses, alias } => {
            let old = model.get(&id);
            let taken = alias.is_some() && model.iter().any(|(other, entry)| *other != id && entry.alias == alias);
            let missing = uses.is_some_and(|target| target != id && !model.contains_key(&target));
            if !holds(expectation(expect), old) || taken || missing {
                return false;
            }
            let revision = old.map_or(0, |old| old.revision) + 1;
            model.insert(id, Modelled { revision, body, uses, alias });
            true
        }
        Step::Delete { id, expect } => {
            let used = model.iter().any(|(user, entry)| *user != id && entry.uses == Some(id));
            if !holds(expectation(expect), model.get(&id)) || (used && model.contains_key(&id)) {
                return false;
            }
            model.remove(&id);
            true
        }
    }
}

pub(crate) async fn random_commits_agree_with_a_map(harness: &dyn Harness) {
    let store = harness.open();
    let mut runner = TestRunner::deterministic();
    for case in 0..16 {
        let space = slug(&format!("case-{case}"));
        let at = |id: u8| DefinitionPath::new(&space, Kind::Webhook, format!("d{id}"));
        let alias_of = |alias: u8| format!("{case}-{alias}");
        let steps = steps().new_tree(&mut runner).expect("makes steps").current();
        let mut model = Model::new();
        for step in &steps {
            let done = match step.clone() {
                Step::Save { id, expect, body, uses, alias } => {
                    let draft = Draft {
                        path: at(id),
                        body: body.to_string().into_bytes(),
                        expect: expectation(expect),
                        uses: uses.map(at).into_iter().collect(),
                        alias: alias.map(alias_of),
                    };
                    store.save(vec![draft]).await.is_ok()
                }
                Step::Delete { id, expect } => store.delete(at(id), expectation(expect)).await.is_ok(),
            };
            assert_eq!(done, take(&mut model, step), "{step:?} of {steps:?}");
        }
        let listed = store.definitions(&space, Kind::Webhook, page(100)).await.expect("lists").items;
        let expected: Vec<_> = model.values().map(|entry| (entry.revision, entry.body.to_string())).collect();
        let listed: Vec<_> = listed
            .into_iter()
            .map(|saved| (saved.revision, String::from_utf8(saved.value).expect("is UTF-8")))
            .collect();
        assert_eq!(listed, expected, "after {steps:?}");
        for id in 0..5 {
            let users: Vec<DefinitionPath> =
                model.iter().filter(|(_, entry)| entry.uses == Some(id)).map(|(user, _)| at(*user)).collect();
            assert_eq!(store.users(&at(id)).await.expect("reads"), users, "after {steps:?}");
        }
        for alias in 0..3 {
            let holder = model.iter().find(|(_, entry)| entry.alias == Some(alias)).map(|(id, _)| at(*id));
            let found = store.by_alias(Kind::Webhook, &alias_of(alias)).await.expect("reads").map(|(path, _)| path);
            assert_eq!(found, holder, "after {steps:?}");
        }
    }
}
