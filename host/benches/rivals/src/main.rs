//! The benchmarks' template (985 bytes of JSON in, 526 out) done in other ways: natively, in a QuickJS context, and as a
//! plug-in of the extism crate. Each is asked for the same output first.
//!
//! See the README for how to run it beside the benchmark of the host.

#[path = "../../../../plugins/reference/src/work.rs"]
mod work;

use std::hint::black_box;
use std::time::{Duration, Instant};

use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};
use rquickjs::{Context, Ctx, Function, Runtime};
use serde_json::Value;

const GUEST: &[u8] = include_bytes!(env!("GUEST"));
const CALLS: usize = 5_000;
const WARM_UP: usize = 500;

/// The same work, as one would write it in JavaScript.
const HANDLER: &str = r##"
const text = (value) => String(value ?? "");
globalThis.render = (json) => {
  const { data, id, time } = JSON.parse(json);
  const field = (title, value) => ({ title, value: text(value) });
  return JSON.stringify({
    channel: "#sales-leads-all",
    id,
    text: `New lead: ${text(data.first_name)} "${text(data.nick_name)}" ${text(data.last_name)} (${text(data.company_role)})`,
    fields: [
      field("Company", data.company),
      field("E-mail", data.email),
      field("Phone", data.phone),
      field("Worth", `${text(data.contract_value)} EUR`),
      field("Seats", data.custom_fields.seats),
      field("First tag", data.tags[0]),
    ],
    notes: text(data.notes),
    at: time,
  });
};
"##;

/// Prints p50 and p99 of single timed calls; answers p50 in microseconds.
fn measure(name: &str, native: Option<f64>, mut once: impl FnMut() -> String) -> f64 {
    let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
    let expected = work::render(work::INPUT).expect("it renders");
    assert_eq!(json(&once()), json(&expected), "{name} does the same work");
    (0..WARM_UP).for_each(|_| drop(black_box(once())));
    let timed = |_| {
        let start = Instant::now();
        drop(black_box(once()));
        start.elapsed()
    };
    let mut times: Vec<Duration> = (0..CALLS).map(timed).collect();
    times.sort_unstable();
    let at = |share: usize| times[CALLS * share / 100].as_secs_f64() * 1e6;
    let ratio = native.map_or_else(String::new, |native| format!(", {:.1} x native", at(50) / native));
    println!("{name}: p50 {:.1} µs, p99 {:.1} µs{ratio} (n = {CALLS})", at(50), at(99));
    at(50)
}

fn define(ctx: &Ctx<'_>) {
    ctx.eval::<(), _>(HANDLER).expect("it evaluates");
}

fn call(ctx: &Ctx<'_>) -> String {
    let render: Function<'_> = ctx.globals().get("render").expect("it is defined");
    render.call((work::INPUT,)).expect("it renders")
}

fn quickjs(native: f64) {
    measure("QuickJS, fresh runtime and context", Some(native), || {
        let context = Context::full(&Runtime::new().expect("a runtime")).expect("a context");
        context.with(|ctx| {
            define(&ctx);
            call(&ctx)
        })
    });
    let runtime = Runtime::new().expect("a runtime");
    measure("QuickJS, fresh context", Some(native), || {
        Context::full(&runtime).expect("a context").with(|ctx| {
            define(&ctx);
            call(&ctx)
        })
    });
    let context = Context::full(&runtime).expect("a context");
    context.with(|ctx| define(&ctx));
    measure("QuickJS, one context for all calls", Some(native), || context.with(|ctx| call(&ctx)));
}

fn extism(native: f64) {
    let manifest = Manifest::new([Wasm::data(GUEST)]).with_timeout(Duration::from_secs(1));
    let compiled = CompiledPlugin::new(PluginBuilder::new(manifest)).expect("it compiles");
    let call = |plugin: &mut Plugin| plugin.call::<_, String>("render", work::INPUT).expect("it renders");
    measure("extism, fresh plugin", Some(native), || {
        call(&mut Plugin::new_from_compiled(&compiled).expect("a plugin"))
    });
    let mut plugin = Plugin::new_from_compiled(&compiled).expect("a plugin");
    measure("extism, one plugin for all calls", Some(native), || call(&mut plugin));
}

fn main() {
    let native = measure("native", None, || work::render(black_box(work::INPUT)).expect("it renders"));
    quickjs(native);
    extism(native);
    measure("native, once more", Some(native), || work::render(black_box(work::INPUT)).expect("it renders"));
}
