//! The benchmarks' template as an Extism plug-in: the same work as that of `plugins/reference`.

#[path = "../../../../../plugins/reference/src/work.rs"]
mod work;

use extism_pdk::{FnResult, plugin_fn};

/// JSON in, JSON out.
#[plugin_fn]
pub fn render(input: String) -> FnResult<String> {
    Ok(work::render(&input)?)
}
