//! What the embedded store takes: 64 callers at once, as behind 64 connections.
//!
//! `cargo bench -p tenterhook --bench store`; with `--features bench-no-store` the same without keeping anything.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use tempfile::TempDir;
use tenterhook::clock::{Clock, SystemClock};
use tenterhook::model::{
    Object, Record, RecordChange, RecordExpect, RecordKey, Run, RunStatus, Slug, StartedBy, TaskEntry, TaskStatus,
    UniqueId,
};
use tenterhook::store::sled::{Options, Sled};
use tenterhook::store::{Acceptance, Advance, Store};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// Callers that wait for their commits at the same time.
const CALLERS: u64 = 64;
/// Bytes of the input of a run.
const INPUT_BYTES: usize = 1_000;

fn slug(text: &str) -> Slug {
    text.parse().expect("a slug")
}

fn open(folder: &Path) -> Arc<Sled> {
    Arc::new(Sled::open(folder, Arc::new(SystemClock), Options::default()).expect("opens"))
}

fn run() -> Run {
    let now = SystemClock.now();
    Run {
        id: UniqueId::generate(),
        space: slug("default"),
        workflow: slug("lead"),
        version: 1,
        status: RunStatus::Running,
        started_by: StartedBy::Trigger,
        input: json!({ "payload": "x".repeat(INPUT_BYTES) }),
        state: Some(json!({ "position": "/do/0/callSms" })),
        output: None,
        error: None,
        created_at: now,
        updated_at: now,
        due: Some(now),
        revision: 1,
        entries: 0,
    }
}

fn insert(run: &Run) -> RecordChange {
    let key: RecordKey = run.id.to_string().parse().expect("a key");
    let fields = [("name", "Ada"), ("phone", "+43 1 234")];
    let fields: Object = fields.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    let record = Record {
        source: slug("leads"),
        key,
        fields,
        created_at: run.created_at,
        updated_at: run.created_at,
        revision: 1,
    };
    RecordChange { space: run.space.clone(), record, expect: RecordExpect::Absent }
}

fn acceptance(run: Run, record: Option<RecordChange>) -> Acceptance {
    Acceptance { run, entries: Vec::new(), record, events: Vec::new(), repeat: None }
}

/// The end of a run: its history, and its record updated.
fn end(run: Run) -> Advance {
    let mut record = insert(&run);
    record.record.revision = 2;
    record.expect = RecordExpect::At(1);
    let entry = TaskEntry {
        reference: "/do/0/callSms".to_owned(),
        name: "callSms".to_owned(),
        kind: "call webhook".to_owned(),
        attempt: 1,
        status: TaskStatus::Completed,
        input: json!({ "text": "x".repeat(300) }),
        output: Some(json!({ "status": 200, "response": "y".repeat(300) })),
        error: None,
        started_at: run.created_at,
        finished_at: run.created_at,
        idempotency_key: Some(run.id.to_string()),
        exchange: None,
        unsent: None,
        logs: Vec::new(),
        deeds: Vec::new(),
        until: None,
    };
    let revision = run.revision + 1;
    let run = Run { status: RunStatus::Completed, due: None, state: None, output: Some(json!({})), revision, ..run };
    Advance { run, entries: vec![entry], records: vec![record], events: Vec::new(), states: Vec::new() }
}

/// `count` calls by [`CALLERS`] callers.
async fn call<F: Future<Output = ()> + Send>(count: u64, one: impl Fn() -> F + Clone + Send + 'static) -> Duration {
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let one = one.clone();
        callers.spawn(async move {
            for _ in (caller..count).step_by(CALLERS as usize) {
                one().await;
            }
        });
    }
    while let Some(done) = callers.join_next().await {
        done.expect("the caller ends");
    }
    start.elapsed()
}

async fn accept_all(store: Arc<Sled>, count: u64, with_record: bool) -> Duration {
    call(count, move || {
        let store = Arc::clone(&store);
        async move {
            let run = run();
            let record = with_record.then(|| insert(&run));
            store.accept(acceptance(run, record)).await.expect("accepts");
        }
    })
    .await
}

/// Accepts `count` runs while another task claims and ends them; until the last has ended.
async fn cycle_all(store: Arc<Sled>, count: u64) -> Duration {
    let start = Instant::now();
    let accepting = tokio::spawn(accept_all(Arc::clone(&store), count, true));
    let mut ending = JoinSet::new();
    let mut ended = 0;
    while ended < count {
        for run in store.claim(CALLERS as usize).await.expect("claims") {
            ended += 1;
            let store = Arc::clone(&store);
            ending.spawn(async move { store.advance(end(run)).await.expect("ends") });
        }
    }
    while let Some(done) = ending.join_next().await {
        done.expect("the step ends");
    }
    accepting.await.expect("the callers end");
    start.elapsed()
}

/// Ends what an earlier measurement left.
async fn drain(store: &Sled) {
    while store.load().await.expect("counts").due_runs > 0 {
        drop(store.claim(1_000).await.expect("claims"));
    }
}

fn benches(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let folder = TempDir::new().expect("a folder");
    let store = open(&folder.path().join("store"));
    let mut group = criterion.benchmark_group("store");
    group.throughput(Throughput::Elements(1)).sample_size(10).measurement_time(Duration::from_secs(10));
    group.bench_function("accept, 64 callers", |bencher| {
        bencher.iter_custom(|count| runtime.block_on(accept_all(Arc::clone(&store), count, false)));
    });
    group.bench_function("accept with a record, 64 callers", |bencher| {
        bencher.iter_custom(|count| runtime.block_on(accept_all(Arc::clone(&store), count, true)));
    });
    runtime.block_on(drain(&store));
    group.bench_function("accept with a record, claim, end with history, 64 callers", |bencher| {
        bencher.iter_custom(|count| runtime.block_on(cycle_all(Arc::clone(&store), count)));
    });
    group.finish();
    runtime.block_on(store.close()).expect("closes");
}

criterion_group!(all, benches);
criterion_main!(all);
