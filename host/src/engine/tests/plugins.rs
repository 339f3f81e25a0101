//! Plugins: what former servers kept, and uploads that meet.

use bytes::Bytes;

use super::*;
use crate::engine::Upload;
use crate::model::{DefinitionPath, Digest, Kind, PluginRef, PluginVersion, RunStatus, StateChange, StateExpect};
use crate::store::{Expect, contract, draft as definition};

/// A template that takes any configuration.
const REFERENCE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/reference.wasm"));

/// The template as another component: with a custom section more.
fn stamped(mark: u8) -> Bytes {
    [REFERENCE, &[0, 3, 1, b'm', mark]].concat().into()
}

async fn upload_of(bench: &Bench, component: &Bytes) -> Upload {
    let turn = bench.engine.upload_turn(&bench.space, &slug("mine")).await.expect("a turn");
    turn.received(component.clone(), Digest::of(component))
}

#[tokio::test]
async fn versions_that_a_former_server_kept_follow_their_newest() {
    let bench = Bench::start().await;
    for version in ["1.0.0", "1.10.0", "1.9.0"] {
        let version = PluginVersion {
            name: slug("mine"),
            version: version.parse().expect("a version"),
            digest: Digest::of(version.as_bytes()),
            size: 1,
            exports: Vec::new(),
            imports: Vec::new(),
            description: None,
            trial: Vec::new(),
            builtin: false,
            created_by: "ada".to_owned(),
            created_at: bench.now(),
        };
        let mut draft = definition(&bench.space, &version, Expect::Absent).expect("it serialises");
        draft.uses.push(DefinitionPath::new(&bench.space, Kind::Space, bench.space.as_str()));
        bench.engine.definitions.commit(vec![draft]).await.expect("saved");
    }
    let overview = bench.engine.plugin(&bench.space, &slug("mine")).await.expect("it is taken over");
    assert_eq!((overview.plugin.live.to_string().as_str(), overview.plugin.versions.len()), ("1.10.0", 3));
    assert_eq!(overview.revision, Some(1));
    let other = bench.engine.plugin(&bench.space, &slug("other")).await;
    assert!(matches!(other, Err(EngineError::NotFound { what: "plugin", .. })), "{other:?}");
}

#[tokio::test]
async fn uploads_of_one_plugin_that_meet_are_all_kept() {
    let bench = Bench::start().await;
    let upload = async |number: u8| {
        let version = semver::Version::new(1, 0, number.into());
        let upload = upload_of(&bench, &stamped(number)).await;
        bench.engine.upload_plugin(&bench.space, (&slug("mine"), &version), upload, "ada").await
    };
    let done = futures_util::future::join_all((0..6).map(upload)).await;
    assert!(done.iter().all(|done| matches!(done, Ok((_, true)))), "{done:?}");
    let overview = bench.engine.plugin(&bench.space, &slug("mine")).await.expect("it is there");
    assert_eq!(overview.plugin.versions.len(), 6);
    let standings: Vec<_> = done.into_iter().map(|done| done.expect("uploaded").0.standing).collect();
    let live = standings.iter().filter(|standing| **standing == crate::model::Standing::Live).count();
    assert_eq!(live, 1, "one of them was the first: {standings:?}");
}

#[tokio::test]
async fn the_same_component_may_be_uploaded_twice_at_once() {
    let bench = Bench::start().await;
    let component = stamped(99);
    let version = semver::Version::new(1, 0, 0);
    let upload = async || {
        let upload = upload_of(&bench, &component).await;
        bench.engine.upload_plugin(&bench.space, (&slug("mine"), &version), upload, "ada").await
    };
    let (one, other) = tokio::join!(upload(), upload());
    let made = [one.expect("taken").1, other.expect("taken").1];
    assert!(made.contains(&true) && made.contains(&false), "one made it: {made:?}");
}

#[tokio::test]
async fn a_reference_leads_to_a_version_that_is_there() {
    let bench = Bench::start().await;
    let version = semver::Version::new(1, 0, 0);
    let upload = upload_of(&bench, &stamped(7)).await;
    bench.engine.upload_plugin(&bench.space, (&slug("mine"), &version), upload, "ada").await.expect("taken");
    for reference in ["mine", "mine@1.0.0"] {
        let reference: PluginRef = reference.parse().expect("a reference");
        let loaded = bench.engine.load_plugin(&bench.space, &reference, "call").await.expect("it loads");
        assert_eq!(loaded.name(), "mine@1.0.0");
    }
    let missing: PluginRef = "mine@2.0.0".parse().expect("a reference");
    let missing = bench.engine.load_plugin(&bench.space, &missing, "call").await;
    assert!(matches!(missing, Err(EngineError::NotFound { what: "plugin version", .. })), "{missing:?}");
}

async fn uploaded(bench: &Bench, name: &str, version: &str, component: &Bytes) {
    let (name, version) = (slug(name), version.parse().expect("a version"));
    let turn = bench.engine.upload_turn(&bench.space, &name).await.expect("a turn");
    let upload = turn.received(component.clone(), Digest::of(component));
    bench.engine.upload_plugin(&bench.space, (&name, &version), upload, "ada").await.expect("taken");
}

/// Has a plugin keep a value.
async fn keep(bench: &Bench, plugin: &str, key: &str) {
    let run = contract::run(u32::from(key.as_bytes()[0]));
    bench.engine.store.accept(contract::acceptance(run.clone())).await.expect("accepted");
    let mut end = contract::end(&run, RunStatus::Completed);
    let state = contract::state(key, StateExpect::Absent, Some((1, "1")));
    end.states.push(StateChange { space: bench.space.clone(), plugin: slug(plugin), ..state });
    bench.engine.store.advance(end).await.expect("kept");
}

async fn kept(bench: &Bench, plugin: &str) -> u64 {
    bench.engine.store.state_size(&bench.space, &slug(plugin)).await.expect("reads").entries
}

#[tokio::test]
async fn a_plugin_goes_in_one_commit_after_what_it_kept() {
    let bench = Bench::start().await;
    let (name, old, new) = (slug("mine"), stamped(1), stamped(2));
    uploaded(&bench, "mine", "1.0.0", &old).await;
    uploaded(&bench, "mine", "2.0.0", &new).await;
    keep(&bench, "mine", "a").await;
    let stale = bench.engine.delete_plugin(&bench.space, &name, Expect::At(99)).await;
    assert!(matches!(stale, Err(EngineError::Changed { .. })), "{stale:?}");
    assert_eq!(kept(&bench, "mine").await, 1, "what is refused takes nothing");
    let before = bench.engine.store.definitions_epoch();
    bench.engine.delete_plugin(&bench.space, &name, Expect::Any).await.expect("deleted");
    assert_eq!(bench.engine.store.definitions_epoch() - before, 1, "there is no half-way state to be killed in");
    assert_eq!(kept(&bench, "mine").await, 0);
    let version = DefinitionPath::new(&bench.space, Kind::Plugin, "mine@1.0.0");
    assert_eq!(bench.engine.store.definition(&version).await.expect("reads"), None);
    let again = bench.engine.delete_plugin(&bench.space, &name, Expect::Any).await;
    assert!(matches!(again, Err(EngineError::NotFound { what: "plugin", .. })), "{again:?}");
}

#[tokio::test]
async fn a_deletion_that_was_cut_short_can_be_done_again() {
    let bench = Bench::start().await;
    let name = slug("mine");
    for version in 1..=3 {
        uploaded(&bench, "mine", &format!("{version}.0.0"), &stamped(version)).await;
    }
    // A server that was killed had deleted the version, and not its name in the plugin.
    let staged = DefinitionPath::new(&bench.space, Kind::Plugin, "mine@2.0.0");
    assert!(bench.engine.store.delete(staged, Expect::Any).await.expect("deletes"));
    let version = semver::Version::new(2, 0, 0);
    bench.engine.delete_plugin_version(&bench.space, &name, &version).await.expect("it goes on");
    let listed = bench.engine.plugin(&bench.space, &name).await.expect("it is there").plugin.versions;
    assert_eq!(listed.into_iter().map(|version| version.major).collect::<Vec<_>>(), [1, 3]);
    // Or the plugin, and not its versions and what it kept.
    keep(&bench, "mine", "a").await;
    let line = DefinitionPath::new(&bench.space, Kind::PluginLine, "mine");
    assert!(bench.engine.store.delete(line, Expect::Any).await.expect("deletes"));
    bench.engine.delete_plugin(&bench.space, &name, Expect::Any).await.expect("it goes on");
    assert_eq!(kept(&bench, "mine").await, 0);
    let left = bench.engine.plugin(&bench.space, &name).await;
    assert!(matches!(left, Err(EngineError::NotFound { .. })), "{left:?}");
}

#[tokio::test]
async fn a_component_stays_while_any_version_is_it_and_goes_with_the_last() {
    let bench = Bench::start().await;
    let (name, other) = (slug("mine"), slug("other"));
    let (first, second) = (stamped(41), stamped(42));
    let blob = async |component: &Bytes| bench.engine.store.blob(Digest::of(component)).await.expect("reads");
    uploaded(&bench, "mine", "1.0.0", &first).await;
    uploaded(&bench, "mine", "2.0.0", &second).await;
    uploaded(&bench, "other", "1.0.0", &second).await;
    bench.engine.delete_plugin_version(&bench.space, &name, &semver::Version::new(2, 0, 0)).await.expect("deleted");
    assert_eq!(blob(&second).await.as_ref(), Some(&second), "another plugin is it too");
    bench.engine.delete_plugin(&bench.space, &other, Expect::Any).await.expect("deleted");
    assert_eq!((blob(&second).await, blob(&first).await.is_some()), (None, true));
    bench.engine.delete_plugin(&bench.space, &name, Expect::Any).await.expect("deleted");
    assert_eq!(bench.engine.store.blobs().await.expect("lists"), []);
}

#[tokio::test]
async fn uploads_and_deletions_of_one_component_that_meet_leave_it_to_the_versions_that_are_it() {
    let bench = Bench::start().await;
    let component = stamped(43);
    let names: Vec<_> = (0..6).map(|number| format!("p{number}")).collect();
    for _ in 0..5 {
        let rounds = names.iter().enumerate().map(|(number, name)| {
            let (bench, component) = (&bench, &component);
            async move {
                uploaded(bench, name, "1.0.0", component).await;
                if number > 0 {
                    bench.engine.delete_plugin(&bench.space, &slug(name), Expect::Any).await.expect("deleted");
                }
            }
        });
        futures_util::future::join_all(rounds).await;
        let kept = bench.engine.store.blob(Digest::of(&component)).await.expect("reads");
        assert!(kept.is_some(), "p0 is it");
        bench.engine.delete_plugin(&bench.space, &slug("p0"), Expect::Any).await.expect("deleted");
        assert_eq!(bench.engine.store.blobs().await.expect("lists"), []);
    }
}

#[tokio::test]
async fn of_a_refused_upload_nothing_stays_and_leftovers_are_swept() {
    let bench = Bench::start().await;
    let (name, version) = (slug("mine"), semver::Version::new(1, 0, 0));
    let kept = stamped(44);
    uploaded(&bench, "mine", "1.0.0", &kept).await;
    let other = stamped(45);
    let refused = upload_of(&bench, &other).await;
    let refused = bench.engine.upload_plugin(&bench.space, (&name, &version), refused, "ada").await;
    assert!(matches!(refused, Err(EngineError::Refused { code: "version-exists", .. })), "{refused:?}");
    bench.engine.store.put_blob(other).await.expect("a server was killed behind this");
    bench.engine.sweep_components().await.expect("swept");
    assert_eq!(bench.engine.store.blobs().await.expect("lists"), [Digest::of(&kept)]);
}
