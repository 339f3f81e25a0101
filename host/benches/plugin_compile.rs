//! What compiling a large upload does to running calls: p50 and p99 of template calls through the host, alone and while
//! a component of the size that npm's componentize-js makes (12 MB) is looked at.
//!
//! `cargo bench -p tenterhook --bench plugin_compile`. The component is the reference guest with the `script` plugin
//! nested in it as often as it takes: machine code of a JavaScript engine, as large, and never called.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use support::{REFERENCE, load, ms, percentiles, report};
use tenterhook::plugin::{Limits, Loaded, PluginHost};
use tokio::runtime::Runtime;

const SCRIPT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/script.wasm"));
const BYTES_MIN: usize = 12_000_000;
/// How often it is measured; each time another component is compiled.
const ROUNDS: u8 = 3;
/// The section of a nested component (Component Model, binary format).
const NESTED: u8 = 4;
const CUSTOM: u8 = 0;

/// A length as WebAssembly writes it (LEB128).
fn length(bytes: &mut Vec<u8>, mut length: usize) {
    while length > 0x7f {
        bytes.push(0x80 | (length & 0x7f) as u8);
        length >>= 7;
    }
    bytes.push(length as u8);
}

/// A component of 12 MB; `number` tells it from others.
fn large(number: u8) -> Bytes {
    let mut bytes = REFERENCE.to_vec();
    while bytes.len() < BYTES_MIN {
        bytes.push(NESTED);
        length(&mut bytes, SCRIPT.len());
        bytes.extend_from_slice(SCRIPT);
    }
    bytes.extend([CUSTOM, 2, 1, b'0' + number]);
    bytes.into()
}

struct Bench {
    runtime: Runtime,
    host: Arc<PluginHost>,
    reference: Loaded,
}

impl Bench {
    /// Calls until `upload` is looked at.
    fn while_compiling(&self, upload: Bytes) -> (Vec<Duration>, Duration) {
        let (host, begin) = (Arc::clone(&self.host), Instant::now());
        let looking = self.runtime.spawn(async move {
            host.inspect(upload).await.expect("it is taken");
            begin.elapsed()
        });
        let mut times = Vec::new();
        while !looking.is_finished() {
            times.extend(self.calls(Duration::from_millis(100)));
        }
        (times, self.runtime.block_on(looking).expect("no panic"))
    }

    fn calls(&self, time: Duration) -> Vec<Duration> {
        support::render_for(&self.runtime, &self.host, &self.reference, time)
    }
}

fn row(name: &str, mut times: Vec<Duration>) -> Duration {
    let [p50, p99, longest] = percentiles(&mut times);
    let (calls, texts) = (times.len(), [p50, p99, longest].map(ms));
    report(&format!("{name:<24} {calls:>7} calls: p50 {}, p99 {}, longest {} ms", texts[0], texts[1], texts[2]));
    p99
}

fn main() {
    let runtime = support::runtime();
    let host = PluginHost::start(Limits::default(), None).expect("a host");
    let reference = load(&runtime, &host, REFERENCE, "reference@1.0.0");
    let bench = Bench { runtime, host, reference };
    bench.calls(Duration::from_secs(1));
    for round in 0..ROUNDS {
        let alone = row("alone", bench.calls(Duration::from_secs(5)));
        let upload = large(round);
        let bytes = upload.len();
        let (times, took) = bench.while_compiling(upload);
        let beside = row("while it compiles", times);
        let factor = beside.as_secs_f64() / alone.as_secs_f64();
        report(&format!("{bytes} bytes looked at in {:.1} s; p99 x {factor:.2}", took.as_secs_f64()));
    }
}
