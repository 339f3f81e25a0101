//! What the benchmarks of plugins share: guests, arguments of calls, percentiles.
#![allow(dead_code, reason = "each benchmark uses a part")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tenterhook::model::{Digest, Time};
use tenterhook::plugin::{Call, Loaded, OutboundRequest, PluginHost};
use tokio::runtime::Runtime;

#[path = "../../../plugins/reference/src/work.rs"]
pub mod reference;

/// As the server has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The guest of the figures: 1 KB of JSON in, 13 values into a template, 0.5 KB out.
pub const REFERENCE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/reference.wasm"));
/// The guest that misbehaves.
pub const HOSTILE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hostile.wasm"));

/// A call of space `space` with a configuration.
pub fn call_in(space: &str, config: &str) -> Call {
    let now = Time::from_millis(1_700_000_000_000);
    Call { space: space.into(), id: "01890000-0000-7000-8000-000000000000".into(), now, config: config.into() }
}

/// The request that templates build on.
pub fn base() -> OutboundRequest {
    OutboundRequest { method: "POST".into(), url: "https://a.example/hook".into(), headers: vec![], body: Bytes::new() }
}

/// A runtime as the server has it on two cores.
pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// Loads a component.
pub fn load(runtime: &Runtime, host: &PluginHost, component: &'static [u8], name: &str) -> Loaded {
    let fetch = async { Ok::<_, std::io::Error>(Bytes::from_static(component)) };
    runtime.block_on(host.load(Digest::of(component), name, fetch)).expect("it loads")
}

/// Renders the reference template once, through the whole host.
pub async fn render(host: &PluginHost, plugin: &Loaded) {
    host.render(plugin, call_in("ordinary", "null"), reference::INPUT.into(), base()).await.expect("it renders");
}

/// Renders one after the other for so long, from a task of the runtime; how long each took.
pub fn render_for(runtime: &Runtime, host: &Arc<PluginHost>, plugin: &Loaded, time: Duration) -> Vec<Duration> {
    let (host, plugin) = (Arc::clone(host), plugin.clone());
    let work = async move {
        let (begin, mut times) = (Instant::now(), Vec::new());
        while begin.elapsed() < time {
            let start = Instant::now();
            render(&host, &plugin).await;
            times.push(start.elapsed());
        }
        times
    };
    runtime.block_on(runtime.spawn(work)).expect("no panic")
}

/// p50, p99 and the longest.
pub fn percentiles(times: &mut [Duration]) -> [Duration; 3] {
    times.sort_unstable();
    let at = |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1)));
    [50, 99, 100].map(|share| at(share).copied().unwrap_or_default())
}

/// Milliseconds with three digits behind the point.
pub fn ms(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64() * 1e3)
}

/// Reports to the user.
#[expect(clippy::print_stdout, reason = "a benchmark reports to its user")]
pub fn report(text: &str) {
    println!("{text}");
}
