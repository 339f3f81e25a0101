//! Power cuts: what was not synced is lost, in part or in whole, and what was acknowledged must be there.
//!
//! The model. A copy of sled's log is taken after one sync, before the group is acknowledged: that is what the disk
//! holds for certain. Another is taken after the writes of the next group, before its sync, which then fails: the
//! cut. After the cut the log is the first copy, with any of the blocks that differ taken from the second, and any
//! length between theirs. All other files of the engine are as they were when the store had opened, as the engine
//! syncs none later; files that came since may be missing, empty or cut short.
//!
//! `TENTERHOOK_POWER_CUT_ROUNDS=200 cargo test -p tenterhook --lib power_cut` runs more rounds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::future::join_all;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::model::{RunStatus, StateExpect};
use crate::store::States as _;
use crate::store::contract::{self, TestClock};

/// Rounds of the ordinary test run.
const ROUNDS: u64 = 4;
/// Records of each caller.
const KEYS: u32 = 40;
/// Callers at once.
const CALLERS: u32 = 8;

/// What was acknowledged so far.
#[derive(Default)]
struct Promised {
    /// Record number → revision; the text is [`text`] of both.
    records: BTreeMap<u32, u64>,
    /// Runs that were accepted, and those of them that ended.
    accepted: BTreeSet<u32>,
    ended: BTreeSet<u32>,
    blobs: Vec<(Digest, u32)>,
}

/// Random numbers of one round (SplitMix64).
struct Dice(u64);

impl Dice {
    fn new(round: u64) -> Self {
        Self(round)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// Contents of a record: mostly small, some of 100 kB, some of 1 MB, some as large as a commit may be.
fn text(number: u32, revision: u64) -> String {
    let length = match (u64::from(number) + revision) % 40 {
        0 => 1_000_000,
        20 => 2_900_000,
        1..4 => 100_000,
        _ => 500,
    };
    format!("{number} {revision} ").repeat(length / 8)
}

/// The value that a plugin keeps with a run.
fn kept(number: u32) -> String {
    number.to_string().repeat(if number.is_multiple_of(11) { 10_000 } else { 1 })
}

fn blob(number: u32) -> Bytes {
    let length = if number.is_multiple_of(3) { 12_000_000 } else { 300_000 };
    (0..length).map(|i: u32| (i.wrapping_mul(number.wrapping_add(2_654_435_761)) >> 24) as u8).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_a_power_cut() {
    let rounds = std::env::var("TENTERHOOK_POWER_CUT_ROUNDS").map_or(Ok(ROUNDS), |text| text.parse());
    let home = TempDir::new().expect("a folder");
    let mut promised = Promised::default();
    let mut folder = home.path().join("0");
    for round in 1..=rounds.expect("TENTERHOOK_POWER_CUT_ROUNDS is a number") {
        let mut dice = Dice::new(round);
        // Early cuts, while the folder is new, and late ones, when segments are being used again.
        let syncs = 1 + dice.below(if round.is_multiple_of(3) { 10 } else { 150 });
        let cut = Arc::new(Cut::new(&folder, home.path(), syncs));
        work_until_cut(&folder, &cut, &mut promised, round).await;
        let next = home.path().join(round.to_string());
        cut.image(&next, &mut dice);
        fs::remove_dir_all(&folder).expect("removes");
        folder = next;
        verify(&folder, &mut promised, round).await;
    }
    assert!(promised.accepted.len() > 10 && promised.records.len() > 10, "the rounds did something");
}

/// Commits from several callers until the disk fails; notes what was acknowledged.
async fn work_until_cut(folder: &Path, cut: &Arc<Cut>, promised: &mut Promised, round: u64) {
    let store = Sled::open(folder, Arc::new(TestClock::new()), Options { hook: cut.hook(), ..Options::default() });
    let store = Arc::new(store.expect("opens"));
    cut.opened();
    let start = u32::try_from(round).expect("is small") * 1_000_000;
    let callers = (0..CALLERS).map(|caller| {
        let (store, records) = (Arc::clone(&store), promised.records.clone());
        tokio::spawn(async move { call_until_cut(&store, start + caller * 100_000, caller, records).await })
    });
    for done in join_all(callers).await {
        let done = done.expect("the caller ends");
        promised.records.extend(done.records);
        promised.accepted.extend(done.accepted);
        promised.ended.extend(done.ended);
        promised.blobs.extend(done.blobs);
    }
    assert!(cut.is_done(), "the work ends by the cut");
    store.close().await.expect_err("the disk has failed");
}

async fn call_until_cut(store: &Sled, start: u32, caller: u32, records: BTreeMap<u32, u64>) -> Promised {
    let mut done = Promised { records, ..Promised::default() };
    done.records.retain(|number, _| number % CALLERS == caller);
    for number in start.. {
        if caller == 0 && number.is_multiple_of(20) {
            let Ok(digest) = store.put_blob(blob(number)).await else { return done };
            done.blobs.push((digest, number));
        }
        // Its own records are new or written again: old pages then move, and segments become free.
        let key = number % KEYS * CALLERS + caller;
        let revision = done.records.get(&key).copied().unwrap_or_default() + 1;
        let run = contract::run(number);
        let mut acceptance = contract::acceptance(run.clone());
        acceptance.record = Some(contract::change(&key.to_string(), revision, &text(key, revision)));
        if is_cut(store.accept(acceptance).await) {
            return done;
        }
        done.records.insert(key, revision);
        done.accepted.insert(number);
        let mut end = contract::end(&run, RunStatus::Completed);
        end.entries = vec![contract::entry("a", json!(number))];
        let kept = (u64::from(number), &*kept(number));
        end.states = vec![contract::state(&number.to_string(), StateExpect::Absent, Some(kept))];
        if !number.is_multiple_of(5) {
            if is_cut(store.advance(end).await) {
                return done;
            }
            done.ended.insert(number);
        }
    }
    done
}

fn is_cut<T: std::fmt::Debug>(answer: Result<T>) -> bool {
    match answer {
        Ok(_) => false,
        Err(StoreError::Unavailable(_)) => true,
        Err(error) => panic!("{error:?}"),
    }
}

/// Checks what was promised, and takes note of what is there beyond that.
async fn verify(folder: &Path, promised: &mut Promised, round: u64) {
    let store = Sled::open(folder, Arc::new(TestClock::new()), Options::default())
        .unwrap_or_else(|error| panic!("round {round}: does not open: {error:?}"));
    for key in 0..KEYS * CALLERS {
        let revision = promised.records.get(&key).copied().unwrap_or_default();
        let record = contract::record(&store, &key.to_string()).await;
        let found = record.as_ref().map_or(0, |record| record.revision);
        // The one commit of each caller that was not acknowledged may be there too.
        assert!((revision..=revision + 1).contains(&found), "round {round}: record {key} at {found}, not {revision}");
        if let Some(record) = record {
            assert!(record.fields["value"] == json!(text(key, found)), "round {round}: record {key} is not whole");
            promised.records.insert(key, found);
        }
    }
    for number in &promised.accepted {
        let run = store.run(&contract::space(), contract::id(*number)).await.expect("reads");
        let run = run.unwrap_or_else(|| panic!("round {round}: run {number} is lost"));
        assert!(!promised.ended.contains(number) || run.status == RunStatus::Completed, "round {round}: {run:?}");
        let entries = store.entries(&run.space, run.id).await.expect("reads");
        assert_eq!(entries.len(), usize::from(run.status.is_final()), "round {round}: history comes with its run");
        let state = store.state(&run.space, &contract::slug("score"), &number.to_string()).await.expect("reads");
        let expected = run.status.is_final().then(|| kept(*number));
        assert!(
            state.map(|state| state.value) == expected,
            "round {round}: so does what a plugin keeps of run {number}"
        );
    }
    for (digest, number) in &promised.blobs {
        assert!(store.blob(*digest).await.expect("reads") == Some(blob(*number)), "round {round}: blob {number}");
    }
    store.close().await.expect("closes");
}

/// Takes the copies, and fails the sync at which power is lost.
struct Cut {
    engine: std::path::PathBuf,
    copies: std::path::PathBuf,
    syncs: AtomicU64,
    last: u64,
}

impl Cut {
    fn new(folder: &Path, home: &Path, last: u64) -> Self {
        let copies = home.join("copies");
        if copies.exists() {
            fs::remove_dir_all(&copies).expect("removes");
        }
        fs::create_dir(&copies).expect("makes a folder");
        Self { engine: folder.join("engine"), copies, syncs: AtomicU64::new(0), last }
    }

    fn hook(self: &Arc<Self>) -> SyncHook {
        let (before, after) = (Arc::clone(self), Arc::clone(self));
        SyncHook { before: Some(Arc::new(move || before.before())), after: Some(Arc::new(move || after.after())) }
    }

    /// The store has opened: whatever is there now has been synced.
    fn opened(&self) {
        for name in names(&self.engine).into_iter().filter(|name| name != "db") {
            if self.engine.join(&name).is_file() {
                fs::copy(self.engine.join(&name), self.copies.join(format!("opened-{name}"))).expect("copies");
            }
        }
        if !self.copies.join("durable").exists() {
            fs::copy(self.engine.join("db"), self.copies.join("durable")).expect("copies");
        }
    }

    fn after(&self) {
        if self.syncs.fetch_add(1, Ordering::SeqCst) + 1 == self.last {
            fs::copy(self.engine.join("db"), self.copies.join("durable")).expect("copies");
        }
    }

    fn before(&self) -> std::io::Result<()> {
        if self.syncs.load(Ordering::SeqCst) < self.last {
            return Ok(());
        }
        fs::copy(self.engine.join("db"), self.copies.join("written")).expect("copies");
        Err(std::io::Error::other("the power is cut"))
    }

    fn is_done(&self) -> bool {
        self.copies.join("written").exists()
    }

    /// What the disk holds after the cut.
    fn image(&self, folder: &Path, dice: &mut Dice) {
        let engine = folder.join("engine");
        fs::create_dir_all(engine.join("blobs")).expect("makes folders");
        fs::write(folder.join("format"), "1\n").expect("writes");
        for name in names(&self.copies) {
            if let Some(opened) = name.strip_prefix("opened-") {
                fs::copy(self.copies.join(&name), engine.join(opened)).expect("copies");
            }
        }
        let since: Vec<String> = names(&self.engine)
            .into_iter()
            .filter(|name| name != "db" && name != "blobs" && !engine.join(name).exists())
            .collect();
        for name in since {
            let content = fs::read(self.engine.join(&name)).expect("reads");
            let kept = dice.below(content.len() as u64 + 2) as usize;
            if kept <= content.len() {
                fs::write(engine.join(name), &content[..kept]).expect("writes");
            }
        }
        assert_eq!(names(&self.engine.join("blobs")), Vec::<String>::new(), "no value is kept outside the log");
        let durable = fs::read(self.copies.join("durable")).expect("reads");
        let written = fs::read(self.copies.join("written")).expect("reads");
        fs::write(engine.join("db"), mix(durable, &written, dice)).expect("writes");
    }
}

/// The blocks that differ are lost or not: none, all, each by chance, or those behind or before some place.
fn mix(mut disk: Vec<u8>, written: &[u8], dice: &mut Dice) -> Vec<u8> {
    let block = [512, 4096, 65_536][dice.below(3) as usize];
    let length = disk.len() + dice.below((written.len() - disk.len()) as u64 + 1) as usize;
    disk.resize(length, 0);
    let differing: Vec<usize> = (0..length)
        .step_by(block)
        .filter(|start| disk[*start..length.min(start + block)] != written[*start..length.min(start + block)])
        .collect();
    let (manner, place) = (dice.below(5), dice.below(differing.len() as u64 + 1) as usize);
    for (number, start) in differing.into_iter().enumerate() {
        let survives = match manner {
            0 => false,
            1 => true,
            2 => number < place,
            3 => number >= place,
            _ => dice.below(2) == 0,
        };
        if survives {
            let end = length.min(start + block);
            disk[start..end].copy_from_slice(&written[start..end]);
        }
    }
    disk
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("reads the folder");
    entries.map(|entry| entry.expect("reads the entry").file_name().to_string_lossy().into_owned()).collect()
}
