//! What a plugin call costs: the reference guest (1 KB of JSON in, 13 values into a template, 0.5 KB out), direct and
//! through the whole host, beside the same code natively; and the built-in plugins: `script` does the work of the reference guest.
//!
//! `cargo bench -p tenterhook --bench plugin`. Besides criterion's figures it prints p50 and p99 of single calls.

mod support;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use support::{HOSTILE, REFERENCE, base, call_in, load, reference, report};
use tenterhook::plugin::{Call, InboundResponse, Limits, Loaded, PluginHost};
use tokio::runtime::Runtime;

/// Single calls behind a p50.
const CALLS: usize = 20_000;
const WARM_UP: usize = 2_000;
/// How long calls a second are counted.
const COUNTED: Duration = Duration::from_secs(3);
/// Tasks that call at a time where the whole host is counted.
const TASKS: usize = 16;

fn call(config: &str) -> Call {
    call_in("bench", config)
}

fn response() -> InboundResponse {
    InboundResponse { status: 200, headers: vec![], body: Bytes::from_static(br#"{"id":"sms-1","state":{"code":3}}"#) }
}

const TEXT: &str = r#"{"format":"json","text":"{\"text\":\"New lead: {{ data.first_name }} {{ data.last_name }}\",\"company\":\"{{ data.company }}\"}"}"#;
const RULES: &str =
    r#"{"format":"json","rules":[{"from":".id","to":"sms_id"},{"from":".state.code","to":"sms_status"}]}"#;
const JQ: &str = r#"{"source":".a + $b","input":{"a":1},"variables":{"$b":2},"mode":"evaluate"}"#;

/// The same work as that of the reference guest.
const SCRIPT: &str = r##"export function render(input, base) {
  const { data, id, time } = input;
  const field = (title, value) => ({ title, value: String(value ?? "") });
  return base.with({
    json: {
      channel: "#sales-leads-all",
      id,
      text: `New lead: ${data.first_name} "${data.nick_name}" ${data.last_name} (${data.company_role})`,
      fields: [
        field("Company", data.company),
        field("E-mail", data.email),
        field("Phone", data.phone),
        field("Worth", `${data.contract_value} EUR`),
        field("Seats", data.custom_fields.seats),
        field("First tag", data.tags[0]),
      ],
      notes: data.notes ?? "",
      at: time,
    },
  });
}"##;

/// Prints p50 and p99 of single timed calls; answers p50 in microseconds.
fn percentiles(name: &str, mut once: impl FnMut()) -> f64 {
    (0..WARM_UP).for_each(|_| once());
    let timed = |_| {
        let start = Instant::now();
        once();
        start.elapsed()
    };
    let mut times: Vec<Duration> = (0..CALLS).map(timed).collect();
    let [p50, p99, _] = support::percentiles(&mut times).map(|time| time.as_secs_f64() * 1e6);
    report(&format!("{name}: p50 {p50:.1} µs, p99 {p99:.1} µs (n = {CALLS})"));
    p50
}

fn measure(criterion: &mut Criterion, name: &str, mut once: impl FnMut()) -> f64 {
    let p50 = percentiles(name, &mut once);
    criterion.bench_function(name, |bencher| bencher.iter(&mut once));
    p50
}

/// Prints how many calls `threads` threads do in a second.
fn rate(name: &str, threads: usize, once: impl Fn() + Sync) {
    let (begin, once) = (Instant::now(), &once);
    let count = move || {
        let mut calls = 0_u64;
        while begin.elapsed() < COUNTED {
            once();
            calls += 1;
        }
        calls
    };
    let calls: u64 = std::thread::scope(|scope| {
        let counting: Vec<_> = (0..threads).map(|_| scope.spawn(count)).collect();
        counting.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    rated(name, threads, calls, begin.elapsed());
}

#[expect(clippy::cast_precision_loss, reason = "counts of seconds")]
fn rated(name: &str, threads: usize, calls: u64, time: Duration) {
    report(&format!("{name}, {threads} at a time: {:.0} calls/s", calls as f64 / time.as_secs_f64()));
}

/// Prints how many calls the whole host does in a second for several tasks.
fn rate_of_host(host: &Arc<PluginHost>, runtime: &Runtime, reference: &Loaded) {
    let begin = Instant::now();
    let task = |number: usize| {
        let (host, reference) = (Arc::clone(host), reference.clone());
        runtime.spawn(async move {
            let mut calls = 0_u64;
            while begin.elapsed() < COUNTED {
                let call = call_in(&format!("bench-{number}"), "null");
                host.render(&reference, call, reference::INPUT.into(), base()).await.expect("it renders");
                calls += 1;
            }
            calls
        })
    };
    let tasks: Vec<_> = (0..TASKS).map(task).collect();
    let calls = tasks.into_iter().map(|task| runtime.block_on(task).expect("no panic")).sum();
    rated("render, whole host", TASKS, calls, begin.elapsed());
}

fn plugins(criterion: &mut Criterion) {
    let runtime = support::runtime();
    // No quarantine: the looping plugins below shall go on.
    let limits = Limits { faults_max: u32::MAX, ..Limits::default() };
    let host = PluginHost::start(limits, None).expect("a host");
    let reference = load(&runtime, &host, REFERENCE, "reference@0.1.0");
    let hostile = load(&runtime, &host, HOSTILE, "hostile@0.1.0");
    let native = || drop(black_box(reference::render(black_box(reference::INPUT))));
    let here = || {
        host.render_here(&reference, call("null"), reference::INPUT.into(), base()).expect("it renders");
    };
    let render = || host.render(&reference, call("null"), reference::INPUT.into(), base());

    let natively = measure(criterion, "native render", native);
    let fresh = measure(criterion, "render, this thread", here);
    let again = percentiles("native render, once more", native);
    report(&format!("a fresh instance takes {:.2} times as long as native code", 2.0 * fresh / (natively + again)));
    for threads in [1, 2] {
        rate("native render", threads, native);
        rate("render, this thread", threads, here);
    }
    rate_of_host(&host, &runtime, &reference);
    measure(criterion, "render, whole host", || {
        runtime.block_on(render()).expect("it renders");
    });
    let handle = runtime.handle().clone();
    percentiles("render, whole host, from a worker", || {
        let (host, reference) = (Arc::clone(&host), reference.clone());
        let work = async move { host.render(&reference, call("null"), reference::INPUT.into(), base()).await };
        runtime.block_on(handle.spawn(work)).expect("no panic").expect("it renders");
    });
    beside_loops(&host, &runtime, &reference, &hostile);
    builtins(criterion, &host, &runtime);
}

fn builtins(criterion: &mut Criterion, host: &PluginHost, runtime: &Runtime) {
    let builtin = |name| host.builtin(name).expect("it is built in");
    let (text, mapping, jq) = (builtin("text-template"), builtin("field-mapping"), builtin("jq"));
    measure(criterion, "text-template", || {
        host.render_here(&text, call(TEXT), reference::INPUT.into(), base()).expect("it renders");
    });
    let script = builtin("script");
    let config = serde_json::json!({ "script": SCRIPT }).to_string();
    measure(criterion, "script", || {
        host.render_here(&script, call(&config), reference::INPUT.into(), base()).expect("it renders");
    });
    let nothing = serde_json::json!({ "script": "return null" }).to_string();
    measure(criterion, "script that does nothing", || {
        host.render_here(&script, call(&nothing), reference::INPUT.into(), base()).expect("it runs");
    });
    measure(criterion, "field-mapping", || {
        runtime.block_on(host.map(&mapping, call(RULES), response())).expect("it maps");
    });
    measure(criterion, "jq", || {
        host.run_here(&jq, call("null"), JQ.into()).expect("it evaluates");
    });
}

/// Renders while two other plugins loop for ever.
fn beside_loops(host: &Arc<PluginHost>, runtime: &Runtime, reference: &Loaded, hostile: &Loaded) {
    let loops: Vec<_> = ["one", "two"]
        .map(|space| {
            let (host, hostile) = (Arc::clone(host), hostile.clone());
            runtime.spawn(async move {
                loop {
                    let call = Call { space: space.into(), ..call(r#"{"do":"loop"}"#) };
                    host.render(&hostile, call, "{}".into(), base()).await.expect_err("it is stopped");
                }
            })
        })
        .into();
    percentiles("render, whole host, two plugins looping", || {
        runtime.block_on(host.render(reference, call("null"), reference::INPUT.into(), base())).expect("it renders");
    });
    loops.iter().for_each(tokio::task::JoinHandle::abort);
}

criterion_group!(benches, plugins);
criterion_main!(benches);
