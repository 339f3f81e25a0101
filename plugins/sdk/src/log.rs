//! Logging: lines appear with the delivery, task or inbound call. The host caps their length and number.

#[cfg(target_arch = "wasm32")]
use crate::bindings::base::tenterhook::plugin::log as host;

pub use crate::bindings::base::tenterhook::plugin::log::Level;

/// Writes a line. Outside WebAssembly (in unit tests) the [`testing`](crate::testing) host keeps it, if there is one.
pub fn write(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    host::write(level, message);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::logged(level, message);
}

/// Writes a line of level debug.
pub fn debug(message: impl AsRef<str>) {
    write(Level::Debug, message.as_ref());
}

/// Writes a line of level info.
pub fn info(message: impl AsRef<str>) {
    write(Level::Info, message.as_ref());
}

/// Writes a line of level warn.
pub fn warn(message: impl AsRef<str>) {
    write(Level::Warn, message.as_ref());
}

/// Writes a line of level error.
pub fn error(message: impl AsRef<str>) {
    write(Level::Error, message.as_ref());
}
