//! Prints the standard library that jaq defines, one definition a line, for `library.rs` to cut down.

mod print;

#[path = "../src/names.rs"]
mod names;

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/names.rs");
    let out: PathBuf = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?.into();
    let printed: String = theirs().map(|def| print::definition(&def) + "\n").collect();
    fs::write(out.join("std.jq"), printed)
}

/// jaq's definitions, but those that are replaced or refused.
fn theirs() -> impl Iterator<Item = jaq_core::load::parse::Def<&'static str>> {
    let all = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    all.filter(|def| !names::REFUSED.contains(&def.name) && !names::REPLACED.contains(&def.name))
}
