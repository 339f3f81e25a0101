//! Standard output and error without WASI's streams: their lines go to the log, as the host does it too.
//!
//! Rust's standard library prints panics and reads the environment, so every component imports 17 functions of WASI
//! that are hardly ever called, and linking them is a tenth of a short call.

use std::sync::{Mutex, PoisonError};

use crate::log::{self, Level};

/// What was printed of lines that are not over: standard output, standard error.
static LINES: Mutex<[String; 2]> = Mutex::new([const { String::new() }; 2]);

/// Logs the lines that end in `bytes`; `false` if that is no stream to print to.
#[doc(hidden)]
pub fn print(stream: i32, bytes: &[u8]) -> bool {
    let (index, level) = match stream {
        1 => (0, Level::Info),
        2 => (1, Level::Warn),
        _ => return false,
    };
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let line = &mut lines[index];
    line.push_str(&String::from_utf8_lossy(bytes));
    while let Some((first, rest)) = line.split_once('\n') {
        if !first.is_empty() {
            log::write(level, first);
        }
        *line = rest.to_owned();
    }
    true
}

/// Does without what Rust's standard library imports of WASI for printing and for environment variables, of which a
/// plugin has none: lines printed to standard output and error go to the log by its own import. A call becomes about a
/// tenth shorter, and an upload shows no imports that mean nothing. Say it once in a plugin, beside [`export!`](crate::export).
///
/// What is printed without a line's end is lost. A plugin that opens files or sockets, all in vain, gets linker errors or
/// the imports back. Outside WebAssembly it does nothing.
#[macro_export]
macro_rules! without_wasi_streams {
    () => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "functions of C's library, by their names")]
        const _: () = {
            #[unsafe(no_mangle)]
            unsafe extern "C" fn write(stream: i32, bytes: *const u8, len: usize) -> isize {
                // SAFETY: `write` is given the bytes that it shall write.
                let bytes = unsafe { ::core::slice::from_raw_parts(bytes, len) };
                if $crate::print(stream, bytes) { len as isize } else { -1 }
            }

            #[unsafe(no_mangle)]
            extern "C" fn getenv(_: *const u8) -> *const u8 {
                ::core::ptr::null()
            }
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Host;

    #[test]
    fn printed_lines_are_logged_once_they_are_whole() {
        let host = Host::new().install();
        for (stream, text) in [(1, "one\ntw"), (2, "careful"), (1, "o\n\nthree"), (2, "\n")] {
            assert!(print(stream, text.as_bytes()));
        }
        assert!(!print(3, b"a file\n"));
        let logs = [(Level::Info, "one"), (Level::Info, "two"), (Level::Warn, "careful")];
        assert_eq!(host.logs(), logs.map(|(level, text)| (level, text.to_owned())));
    }
}
