//! Prints the standard library that jaq defines, one definition a line, for `library.rs` to cut down.

#![expect(clippy::print_stdout, reason = "cargo reads it")]

mod print;

#[path = "../src/names.rs"]
mod names;

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/names.rs");
    let out: PathBuf = env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?.into();
    let printed: String = print::theirs().map(|def| print::definition(&def) + "\n").collect();
    fs::write(out.join("std.jq"), printed)
}
