//! What plugins that misbehave do to the others: p50 and p99 of ordinary calls while ten plugins loop for ever, take
//! memory, nest calls, flood the log, their output or the host; and how late after its deadline an endless loop is
//! stopped.
//!
//! `cargo bench -p tenterhook --bench plugin_floods`. `SECONDS` says how long each row is measured (3). Nothing rests
//! here after its faults: outside a benchmark, twenty in a row are the end of it.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::json;
use support::{HOSTILE, REFERENCE, base, call_in, load, ms, percentiles, report};
use tenterhook::model::Deed;
use tenterhook::plugin::{
    DeedEnd, Fetched, HttpFailure, HttpFailureKind, HttpRequest, Limits, Loaded, PluginHost, Services, Trouble,
    WebhookCall, WebhookOutcome,
};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

const CAPABLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/capable.wasm"));
/// Plugins that misbehave at a time.
const FLOODERS: usize = 10;
/// Wall-clock limit of an action here: short, so that many reach it.
const ACTION_TIME: Duration = Duration::from_millis(200);
/// By how much a pure call may exceed its CPU time by the wall clock, as the host has it.
const WALL_FACTOR: u32 = 4;

/// What templates and actions do; the third word is how much of it, in bytes.
const DEEDS: [(&str, &str, usize); 7] = [
    ("endless loop", "loop", 0),
    ("memory bomb", "memory", 0),
    ("stack bomb", "stack", 0),
    ("panic", "panic", 0),
    ("log flood, 1 GiB", "log-flood", 1 << 30),
    ("print flood, 1 GiB", "print-flood", 1 << 30),
    ("output flood, 8 MiB", "output-flood", 8 << 20),
];

/// Answers records at once, and nothing else.
struct Answers;

#[async_trait]
impl Services for Answers {
    async fn record(&self, _: String, _: String) -> Result<Option<String>, Trouble> {
        Ok(Some("{\"name\":\"Anna\"}".to_owned()))
    }

    async fn upsert_record(&self, _: String, _: String, fields: String) -> Result<String, Trouble> {
        Ok(fields)
    }

    async fn emit(&self, _: String, _: String, _: Option<String>) -> Result<String, Trouble> {
        Ok("event-1".to_owned())
    }

    async fn call_webhook(&self, _: String, _: String, _: u32) -> Result<WebhookCall, Trouble> {
        Ok(WebhookCall { outcome: WebhookOutcome::Failed("there is none".to_owned()), exchange: None })
    }

    async fn state(&self, _: String) -> Result<Option<String>, Trouble> {
        Ok(None)
    }

    async fn set_state(&self, _: String, _: Option<String>) -> Result<(), Trouble> {
        Ok(())
    }

    async fn secret(&self, name: String) -> Result<String, Trouble> {
        Err(Trouble::Missing(name))
    }

    async fn http(&self, _: HttpRequest) -> Fetched {
        let failure = HttpFailure { kind: HttpFailureKind::Denied, reason: "not here".to_owned() };
        Fetched { outcome: Err(failure), exchange: None }
    }

    fn note(&self, _: Deed) -> usize {
        0
    }

    fn end(&self, _: usize, _: DeedEnd) {}

    fn mask(&self, text: &str) -> String {
        text.to_owned()
    }
}

struct Bench {
    runtime: Runtime,
    host: Arc<PluginHost>,
    reference: Loaded,
    hostile: Loaded,
    capable: Loaded,
    time: Duration,
}

/// The plugins that misbehave, until this is dropped.
struct Flood {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Bench {
    fn start() -> Self {
        let runtime = support::runtime();
        let limits = Limits { faults_max: u32::MAX, action_time_max: ACTION_TIME, ..Limits::default() };
        let host = PluginHost::start(limits, None).expect("a host");
        let seconds = std::env::var("SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(3.0);
        Self {
            reference: load(&runtime, &host, REFERENCE, "reference@1.0.0"),
            hostile: load(&runtime, &host, HOSTILE, "hostile@1.0.0"),
            capable: load(&runtime, &host, CAPABLE, "capable@1.0.0"),
            time: Duration::from_secs_f64(seconds),
            runtime,
            host,
        }
    }

    /// Has `once` done again and again, each time in the space of one of the flooders.
    fn flood<F>(&self, once: impl Fn(String) -> F + Clone + Send + 'static) -> Flood
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = Arc::new(AtomicBool::new(false));
        let task = |number: usize| {
            let (stop, once) = (Arc::clone(&stop), once.clone());
            self.runtime.spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    once(format!("flooder-{number}")).await;
                }
            })
        };
        let tasks = (0..FLOODERS).map(task).collect();
        let flood = Flood { stop, tasks };
        std::thread::sleep(Duration::from_millis(100));
        flood
    }

    /// Templates that do `config`.
    fn templates(&self, config: String) -> Flood {
        let (host, plugin) = (Arc::clone(&self.host), self.hostile.clone());
        self.flood(move |space| {
            let (host, plugin, call) = (Arc::clone(&host), plugin.clone(), call_in(&space, &config));
            async move { drop(host.render(&plugin, call, "{}".into(), base()).await) }
        })
    }

    /// Actions that do `config`, or `input` if they are those with capabilities.
    fn actions(&self, plugin: &Loaded, config: String, input: String) -> Flood {
        let (host, plugin) = (Arc::clone(&self.host), plugin.clone());
        self.flood(move |space| {
            let (host, plugin, call) = (Arc::clone(&host), plugin.clone(), call_in(&space, &config));
            let input = input.clone();
            async move { drop(host.run(&plugin, call, input, Some(Arc::new(Answers))).await) }
        })
    }

    /// A row of the table: ordinary templates, then ordinary actions, while `flood` runs.
    fn row(&self, name: &str, flood: impl Fn() -> Option<Flood>) {
        let running = flood();
        let templates = support::render_for(&self.runtime, &self.host, &self.reference, self.time);
        let actions = self.run_for();
        drop(running);
        let cells = [templates, actions].map(|mut times| {
            let [p50, p99, longest] = percentiles(&mut times).map(ms);
            format!("{:>7} {p50:>9} {p99:>9} {longest:>9}", times.len())
        });
        report(&format!("{name:<32} | {} | {}", cells[0], cells[1]));
    }

    /// Runs an ordinary action again and again; how long each run took.
    fn run_for(&self) -> Vec<Duration> {
        let (host, plugin, time) = (Arc::clone(&self.host), self.hostile.clone(), self.time);
        let work = async move {
            let (begin, mut times) = (Instant::now(), Vec::new());
            while begin.elapsed() < time {
                let start = Instant::now();
                let call = call_in("ordinary", r#"{"do":"obey"}"#);
                host.run(&plugin, call, support::reference::INPUT.into(), None).await.expect("it obeys");
                times.push(start.elapsed());
            }
            times
        };
        self.runtime.block_on(self.runtime.spawn(work)).expect("no panic")
    }

    /// How late after its deadline a looping template is stopped, on the threads of the host: by its CPU time, or by
    /// the wall clock where it did not get the CPU. And how long it was there.
    fn stop_templates(&self, loops: usize, times: usize) {
        let limits = self.host.limits().clone();
        let spin = |number: usize| {
            let (host, plugin) = (Arc::clone(&self.host), self.hostile.clone());
            async move {
                let mut seen = Vec::new();
                for _ in 0..times {
                    let space = format!("late-{number}");
                    let (here, plugin, call) = (Arc::clone(&host), plugin.clone(), call_in(&space, LOOP));
                    let job = move || spent(|| drop(here.render_here(&plugin, call, "{}".into(), base())));
                    seen.push(host.run_blocking(&space, job).await.expect("room in the queue"));
                }
                seen
            }
        };
        let tasks: Vec<_> = (0..loops).map(|number| self.runtime.spawn(spin(number))).collect();
        let seen: Vec<_> = tasks.into_iter().flat_map(|task| self.runtime.block_on(task).expect("no panic")).collect();
        let late = |&(wall, cpu): &(Duration, Duration)| {
            let by_cpu = cpu.saturating_sub(limits.pure_time_max);
            by_cpu.max(wall.saturating_sub(limits.pure_time_max * WALL_FACTOR))
        };
        let late: Vec<_> = seen.iter().map(late).collect();
        let [p50, p99, longest] = percentiles(&mut seen.iter().map(|(wall, _)| *wall).collect::<Vec<_>>()).map(ms);
        report(&lateness("template", loops, late));
        report(&format!("{:<32} | was there for p50 {p50}, p99 {p99}, longest {longest} ms", ""));
    }

    /// How late after its deadline a looping action is stopped.
    fn stop_actions(&self, loops: usize, times: usize) {
        let spin = |number: usize| {
            let (host, plugin) = (Arc::clone(&self.host), self.hostile.clone());
            async move {
                let mut late = Vec::new();
                for _ in 0..times {
                    let (call, start) = (call_in(&format!("late-{number}"), LOOP), Instant::now());
                    host.run(&plugin, call, "{}".into(), None).await.expect_err("it is stopped");
                    late.push(start.elapsed().saturating_sub(ACTION_TIME));
                }
                late
            }
        };
        let tasks: Vec<_> = (0..loops).map(|number| self.runtime.spawn(spin(number))).collect();
        let late = tasks.into_iter().flat_map(|task| self.runtime.block_on(task).expect("no panic")).collect();
        report(&lateness("action", loops, late));
    }
}

const LOOP: &str = r#"{"do":"loop"}"#;

fn lateness(kind: &str, loops: usize, mut late: Vec<Duration>) -> String {
    let over = late.iter().filter(|late| **late > Duration::from_millis(10)).count();
    let [p50, p99, longest] = percentiles(&mut late).map(ms);
    let name = format!("{kind}, {loops} at a time");
    format!("{name:<32} | late by p50 {p50}, p99 {p99}, longest {longest} ms; {over} of {} over 10 ms", late.len())
}

/// Wall-clock and CPU time of a job.
fn spent(job: impl FnOnce()) -> (Duration, Duration) {
    let cpu = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
    };
    let (wall_start, cpu_start) = (Instant::now(), cpu());
    job();
    (wall_start.elapsed(), cpu().saturating_sub(cpu_start))
}

fn main() {
    let bench = Bench::start();
    report(&format!("{FLOODERS} plugins misbehave; ordinary calls one after the other, in ms"));
    let head = format!("{:>7} {:>9} {:>9} {:>9}", "calls", "p50", "p99", "longest");
    report(&format!("{:<32} | templates: {head} | actions: {head}", ""));
    bench.row("alone", || None);
    for (name, deed, bytes) in DEEDS {
        let config = json!({ "do": deed, "bytes": bytes }).to_string();
        bench.row(&format!("templates: {name}"), || Some(bench.templates(config.clone())));
        bench.row(&format!("actions: {name}"), || Some(bench.actions(&bench.hostile, config.clone(), "{}".into())));
    }
    let calls =
        json!({ "steps": [{ "do": "flood", "step": { "do": "record", "source": "leads", "key": "a" } }] }).to_string();
    bench.row("actions: host-call flood", || Some(bench.actions(&bench.capable, "null".into(), calls.clone())));
    bench.row("alone", || None);
    for loops in [1, FLOODERS] {
        bench.stop_templates(loops, 20);
        bench.stop_actions(loops, 10);
    }
}
