//! The promises of the trait, and what is this engine's own: its folder, its backups, its disk.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;
use crate::store::Outbound as _;
use crate::store::contract::{self, Harness, TestClock};

struct OnDisk {
    folder: TempDir,
    clock: TestClock,
    copies: Mutex<Vec<TempDir>>,
}

impl OnDisk {
    fn new() -> Self {
        Self { folder: TempDir::new().expect("a folder"), clock: TestClock::new(), copies: Mutex::default() }
    }

    fn open_at(&self, path: &Path) -> Result<Sled> {
        Sled::open(path, Arc::new(self.clock.clone()), Options::default())
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("store")
    }
}

impl Harness for OnDisk {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.open_at(&self.path()).expect("opens"))
    }

    fn restore(&self, backup: &[u8]) -> Arc<dyn Store> {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("copy");
        self.copies.lock().expect("is not poisoned").push(folder);
        restore(backup, &path).expect("restores");
        Arc::new(self.open_at(&path).expect("opens"))
    }

    fn clock(&self) -> &TestClock {
        &self.clock
    }
}

mod promises {
    use super::OnDisk;

    fn harness() -> OnDisk {
        OnDisk::new()
    }

    contract_tests!(super::harness);
    use crate::store::contract::contract_tests;
}

async fn backup_of(store: &Sled) -> Vec<u8> {
    let (sink, mut parts) = mpsc::channel::<Bytes>(4);
    let reading = async {
        let mut backup = Vec::new();
        while let Some(part) = parts.recv().await {
            backup.extend_from_slice(&part);
        }
        backup
    };
    let (done, backup) = tokio::join!(store.backup(sink), reading);
    done.expect("backs up");
    backup
}

#[tokio::test]
async fn a_folder_is_open_in_one_place() {
    let disk = OnDisk::new();
    let store = disk.open_at(&disk.path()).expect("opens");
    match disk.open_at(&disk.path()) {
        Err(StoreError::Locked { folder }) => assert_eq!(folder, disk.path().display().to_string()),
        other => panic!("{:?}", other.err()),
    }
    store.close().await.expect("closes");
    disk.open_at(&disk.path()).expect("opens once the first has closed");
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    let disk = OnDisk::new();
    disk.open_at(&disk.path()).expect("opens").close().await.expect("closes");
    fs::write(disk.path().join("format"), "2\n").expect("writes");
    let refused = disk.open_at(&disk.path()).err();
    assert!(matches!(refused, Some(StoreError::NewerFormat { found: 2, known: 1 })), "{refused:?}");
    fs::write(disk.path().join("format"), "one\n").expect("writes");
    assert!(matches!(disk.open_at(&disk.path()).err(), Some(StoreError::Unavailable(_))));
}

#[tokio::test]
async fn data_without_a_format_is_left_alone() {
    let disk = OnDisk::new();
    disk.open_at(&disk.path()).expect("opens").close().await.expect("closes");
    fs::remove_file(disk.path().join("format")).expect("removes");
    assert!(matches!(disk.open_at(&disk.path()).err(), Some(StoreError::Unavailable(_))));
    assert!(disk.path().join("engine/db").exists());
}

#[tokio::test]
async fn a_creation_that_was_interrupted_begins_again() {
    let disk = OnDisk::new();
    let engine = disk.path().join("engine");
    fs::create_dir_all(&engine).expect("makes a folder");
    fs::write(engine.join("conf"), "torn").expect("writes");
    fs::write(disk.path().join("creating"), "").expect("writes");
    disk.open_at(&disk.path()).expect("opens").close().await.expect("closes");
    assert!(!disk.path().join("creating").exists());
    disk.open_at(&disk.path()).expect("opens again");
}

#[tokio::test]
async fn unfinished_engine_snapshots_do_not_keep_it_from_opening() {
    let disk = OnDisk::new();
    let store = disk.open_at(&disk.path()).expect("opens");
    store.publish(vec![contract::publication(1, "a")]).await.expect("publishes");
    store.close().await.expect("closes");
    for (name, content) in [
        ("snap.00000000FFFFFFFF", &b""[..]),
        ("snap.0000000000000000.generating", b"x"),
        ("snap.7", b"0123456789abcdef"),
    ] {
        fs::write(disk.path().join("engine").join(name), content).expect("writes");
    }
    let store = disk.open_at(&disk.path()).expect("opens");
    let events = contract::events(&store).await;
    assert_eq!(events, [contract::event(1, "a")]);
}

#[tokio::test]
async fn after_an_error_of_the_disk_nothing_is_acknowledged() {
    let disk = OnDisk::new();
    let fails = Arc::new(AtomicBool::new(false));
    let failing = Arc::clone(&fails);
    let before = move || match failing.load(Ordering::SeqCst) {
        true => Err(std::io::Error::other("the disk is broken")),
        false => Ok(()),
    };
    let hook = SyncHook { before: Some(Arc::new(before)), after: None };
    let options = Options { hook, ..Options::default() };
    let store = Sled::open(&disk.path(), Arc::new(disk.clock.clone()), options).expect("opens");
    store.publish(vec![contract::publication(1, "a")]).await.expect("publishes");
    fails.store(true, Ordering::SeqCst);
    let failed = store.accept(contract::acceptance(contract::run(1))).await;
    assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{failed:?}");
    fails.store(false, Ordering::SeqCst);
    let later = store.publish(vec![contract::publication(2, "a")]).await;
    let text = later.map_err(|error| std::error::Error::source(&error).map(ToString::to_string));
    assert!(matches!(&text, Err(Some(cause)) if cause.contains("the disk is broken")), "{text:?}");
    store.claim(1).await.expect_err("a run that is not durable is not claimed, nor any other");
    store.load().await.expect_err("it is not ready");
}

#[tokio::test]
async fn a_damaged_backup_is_refused_and_leaves_the_folder_empty() {
    let disk = OnDisk::new();
    let store = disk.open_at(&disk.path()).expect("opens");
    store.publish((0..50).map(|number| contract::publication(number, "a")).collect()).await.expect("publishes");
    let backup = backup_of(&store).await;
    let target = disk.folder.path().join("target");
    let refused = |bytes: &[u8]| restore(bytes, &target).expect_err("is refused");
    for cut in [0, 10, 25, 30, backup.len() / 2, backup.len() - 33, backup.len() - 1] {
        let error = refused(&backup[..cut]);
        assert!(matches!(error, RestoreError::Truncated | RestoreError::NotABackup), "cut at {cut}: {error:?}");
    }
    for place in [26, 40, backup.len() / 2, backup.len() - 40, backup.len() - 1] {
        let mut altered = backup.clone();
        altered[place] ^= 1;
        let error = refused(&altered);
        assert!(matches!(error, RestoreError::Damaged(_) | RestoreError::Truncated), "byte {place}: {error:?}");
    }
    assert!(matches!(refused(&[&backup[..], b"x"].concat()), RestoreError::Damaged(_)));
    let mut newer = backup.clone();
    newer[21] = 9;
    assert!(matches!(refused(&newer), RestoreError::Newer { found: 9, known: 1 }));
    restore(&*backup, &target).expect("the whole one restores into what the others left");
    assert!(matches!(refused(&backup), RestoreError::NotEmpty { .. }));
    let copy = disk.open_at(&target).expect("opens");
    let events = contract::events(&copy).await;
    assert_eq!(events.len(), 50);
}

#[tokio::test]
async fn a_backup_that_nobody_reads_ends() {
    let disk = OnDisk::new();
    let store = disk.open_at(&disk.path()).expect("opens");
    store.put_blob(Bytes::from(vec![7; 2_000_000])).await.expect("keeps");
    let (sink, parts) = mpsc::channel(1);
    drop(parts);
    store.backup(sink).await.expect("ends");
    // And the next one is whole.
    restore(&*backup_of(&store).await, &disk.folder.path().join("target")).expect("restores");
}

#[tokio::test]
async fn a_commit_above_the_bound_is_refused_and_harms_nothing() {
    let disk = OnDisk::new();
    let store = disk.open_at(&disk.path()).expect("opens");
    let huge = contract::change("k", 1, &"x".repeat(9_000_000));
    assert!(matches!(store.change_record(huge, Vec::new()).await, Err(StoreError::TooLarge { .. })));
    store.change_record(contract::change("k", 1, "small"), Vec::new()).await.expect("commits");
}
