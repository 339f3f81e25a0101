//! What people read: lines on standard output and standard error.

use std::io::Write as _;

/// A line on standard output.
pub(super) fn line(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// A line on standard error that is no complaint. There is nobody to tell if that fails.
pub(super) fn aside(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

/// A line on standard error. There is nobody to tell if that fails.
pub(super) fn complain(text: &str) {
    drop(writeln!(std::io::stderr().lock(), "tenterhook: {text}"));
}
