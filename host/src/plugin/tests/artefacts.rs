//! Compiled plugins on disk: used if they are ours, compiled anew if anything about them is not.

use std::fs;
use std::path::{Path, PathBuf};

use super::uploads::with_start;
use super::*;
use crate::plugin::{ArtefactCache, PluginError};

fn start(folder: &Path, key: u8) -> Arc<PluginHost> {
    let cache = ArtefactCache { folder: folder.into(), key: [key; 32] };
    PluginHost::start(Limits::default(), Some(cache)).expect("a host")
}

fn artefact(folder: &Path, component: &[u8]) -> PathBuf {
    let engine = fs::read_dir(folder).expect("the folder").next().expect("one engine").expect("an entry").path();
    engine.join(format!("{}.cwasm", hex::encode(Digest::of(component).as_bytes())))
}

/// Loads without being able to compile: it works from the artefact or not at all.
async fn load_from_artefact(host: &PluginHost, component: &[u8]) -> Result<Loaded, PluginError> {
    let nothing = async { Err::<Bytes, _>(std::io::Error::other("the store is not asked")) };
    host.load(Digest::of(component), "p@1.0.0", nothing).await
}

#[tokio::test]
async fn an_upload_is_compiled_once_and_loads_from_disk_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let uploaded = start(folder.path(), 1).inspect(Bytes::from_static(REFERENCE)).await.expect("it is taken");
    let host = start(folder.path(), 1);
    let plugin = load_from_artefact(&host, REFERENCE).await.expect("the artefact is there");
    assert_eq!(plugin.digest(), uploaded.digest);
    host.render(&plugin, call_in("s", "null"), "{}".into(), base()).await.expect("it works");

    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(artefact(folder.path(), REFERENCE)).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    host.forget(plugin.digest());
    assert!(!artefact(folder.path(), REFERENCE).exists());
    load_from_artefact(&host, REFERENCE).await.expect_err("it is forgotten");
}

#[tokio::test]
async fn nothing_is_kept_of_an_upload_that_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = start(folder.path(), 1);
    // It compiles and links, and does not start.
    let component = with_start("(func $s unreachable) (start $s)");
    host.inspect(component.clone().into()).await.expect_err("it is refused");
    assert!(!artefact(folder.path(), &component).exists());
    host.inspect(Bytes::from_static(REFERENCE)).await.expect("it is taken");
    assert!(artefact(folder.path(), REFERENCE).exists());
}

#[tokio::test]
async fn an_artefact_that_is_not_ours_is_never_loaded() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = start(folder.path(), 1);
    host.inspect(Bytes::from_static(REFERENCE)).await.expect("it is taken");
    host.inspect(Bytes::from_static(HOSTILE)).await.expect("it is taken");
    drop(host);
    let path = artefact(folder.path(), REFERENCE);
    let good = fs::read(&path).expect("it is there");
    let other = fs::read(artefact(folder.path(), HOSTILE)).expect("it is there");

    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let forged = [
        ("a flipped bit in the code", flipped(good.len() / 2)),
        ("a flipped bit in the nonce", flipped(0)),
        ("a flipped bit in the tag", flipped(24)),
        ("a flipped bit at the beginning of the code", flipped(40)),
        ("a cut file", good[..good.len() - 1].to_vec()),
        ("a file of a nonce and a tag", good[..40].to_vec()),
        ("a file shorter than the nonce", good[..10].to_vec()),
        ("an empty file", vec![]),
        ("the artefact of another plugin", other),
    ];
    for (what, bytes) in forged {
        fs::write(&path, bytes).expect("written");
        let error = load_from_artefact(&start(folder.path(), 1), REFERENCE).await.expect_err(what);
        assert!(matches!(error, PluginError::Fetch { .. }), "{what}: it wants the component: {error}");
    }

    fs::write(&path, &good).expect("written");
    let stranger = start(folder.path(), 2);
    load_from_artefact(&stranger, REFERENCE).await.expect_err("another server's key");
    load(&stranger, REFERENCE, "p@1.0.0").await;
    assert_ne!(fs::read(&path).expect("it is there"), good, "compiled anew, with the new key");
}

#[tokio::test]
async fn a_component_that_changed_in_the_store_is_not_run() {
    let host = host();
    let other = async { Ok::<_, Infallible>(Bytes::from_static(b"something else")) };
    let error = host.load(Digest::of(b"what was uploaded"), "p@1.0.0", other).await.expect_err("it is damaged");
    assert!(matches!(error, PluginError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn what_other_versions_of_the_engine_left_is_removed_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let old = folder.path().join("0123456789abcdef");
    let foreign = folder.path().join("holiday pictures");
    fs::create_dir_all(&old).expect("made");
    fs::create_dir_all(&foreign).expect("made");
    drop(start(folder.path(), 1));
    assert!(!old.exists() && foreign.exists());
}
