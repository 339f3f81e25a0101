//! Tests of the whole host with real components: well-behaved, hostile, damaged and forged ones.

mod artefacts;
mod builtins;
mod calls;
mod capabilities;
mod compat;
mod fairness;
mod fake;
mod script;
mod trials;
mod uploads;
mod wasi;
mod web;

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;

use super::{Call, InboundResponse, Limits, Loaded, OutboundRequest, PluginHost};
use crate::model::{Digest, Time};

/// Does what its configuration says, mostly bad things.
const HOSTILE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hostile.wasm"));
/// Uses capabilities as its input says.
const CAPABLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/capable.wasm"));
/// Sends HTTP requests as its input says.
const FETCHER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/fetcher.wasm"));
/// A template that behaves.
const REFERENCE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/reference.wasm"));

const NOW: Time = Time::from_millis(1_700_000_000_123);

/// A host shared by the tests that need nothing special. Its time limit is generous: what a test wants to see must not
/// hide behind a timeout on a crowded machine.
fn host() -> Arc<PluginHost> {
    static HOST: OnceLock<Arc<PluginHost>> = OnceLock::new();
    let limits = || Limits { pure_time_max: Duration::from_secs(5), ..Limits::default() };
    Arc::clone(HOST.get_or_init(|| host_with(limits())))
}

fn host_with(limits: Limits) -> Arc<PluginHost> {
    PluginHost::start(limits, None).expect("a host")
}

async fn load(host: &PluginHost, component: &'static [u8], name: &str) -> Loaded {
    let fetch = async { Ok::<_, Infallible>(Bytes::from_static(component)) };
    host.load(Digest::of(component), name, fetch).await.expect("it loads")
}

async fn hostile(host: &PluginHost) -> Loaded {
    load(host, HOSTILE, "hostile@1.0.0").await
}

/// A call of `space` with a configuration for the hostile plugin.
fn call_in(space: &str, config: &str) -> Call {
    Call { space: space.into(), id: "call-1".into(), now: NOW, config: config.into() }
}

fn base() -> OutboundRequest {
    OutboundRequest { method: "POST".into(), url: "https://a.example/x".into(), headers: vec![], body: Bytes::new() }
}

fn response(body: &'static str) -> InboundResponse {
    InboundResponse { status: 200, headers: vec![], body: Bytes::from_static(body.as_bytes()) }
}
