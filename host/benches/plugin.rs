//! What a plugin call costs: the reference guest (1 KB of JSON in, 13 values into a template, 0.5 KB out), direct and
//! through the whole host, beside the same code natively; and the built-in plugins: `script` does the work of the reference guest.
//!
//! `cargo bench -p tenterhook --bench plugin`. Besides criterion's figures it prints p50 and p99 of single calls.

#[path = "../../plugins/reference/src/work.rs"]
mod reference;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use tenterhook::model::{Digest, Time};
use tenterhook::plugin::{Call, InboundResponse, Limits, Loaded, OutboundRequest, PluginHost};

const REFERENCE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/reference.wasm"));
const HOSTILE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hostile.wasm"));
/// Single calls behind a p50.
const CALLS: usize = 20_000;
const WARM_UP: usize = 2_000;

fn call(config: &str) -> Call {
    let now = Time::from_millis(1_700_000_000_000);
    Call { space: "bench".into(), id: "01890000-0000-7000-8000-000000000000".into(), now, config: config.into() }
}

fn base() -> OutboundRequest {
    OutboundRequest { method: "POST".into(), url: "https://a.example/hook".into(), headers: vec![], body: Bytes::new() }
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

/// Prints p50 and p99 of single timed calls.
#[expect(clippy::print_stdout, reason = "a benchmark reports to its user")]
fn percentiles(name: &str, mut once: impl FnMut()) {
    (0..WARM_UP).for_each(|_| once());
    let mut times: Vec<Duration> = (0..CALLS)
        .map(|_| {
            let start = Instant::now();
            once();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("{name}: p50 {:?}, p99 {:?} (n = {CALLS})", times[CALLS / 2], times[CALLS * 99 / 100]);
}

fn measure(criterion: &mut Criterion, name: &str, mut once: impl FnMut()) {
    percentiles(name, &mut once);
    criterion.bench_function(name, |bencher| bencher.iter(&mut once));
}

fn plugins(criterion: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    // No quarantine: the looping plugins below shall go on.
    let limits = Limits { faults_max: u32::MAX, ..Limits::default() };
    let host = PluginHost::start(limits, None).expect("a host");
    let load = |component: &'static [u8], name: &str| {
        let fetch = async { Ok::<_, std::io::Error>(Bytes::from_static(component)) };
        runtime.block_on(host.load(Digest::of(component), name, fetch)).expect("it loads")
    };
    let reference = load(REFERENCE, "reference@0.1.0");
    let hostile = load(HOSTILE, "hostile@0.1.0");

    measure(criterion, "native render", || drop(black_box(reference::render(black_box(reference::INPUT)))));
    measure(criterion, "render, this thread", || {
        host.render_here(&reference, call("null"), reference::INPUT.into(), base()).expect("it renders");
    });
    measure(criterion, "render, whole host", || {
        runtime.block_on(host.render(&reference, call("null"), reference::INPUT.into(), base())).expect("it renders");
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

fn builtins(criterion: &mut Criterion, host: &PluginHost, runtime: &tokio::runtime::Runtime) {
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
fn beside_loops(host: &Arc<PluginHost>, runtime: &tokio::runtime::Runtime, reference: &Loaded, hostile: &Loaded) {
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
