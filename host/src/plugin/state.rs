//! What the host keeps of one call while it runs: its log, its memory account, its time.

use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::WasiCtx;

use super::engine::{INSTANCES_MAX, MEMORIES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX};
use super::types::Limits;
use super::wit::{log, types};
use crate::model::{LogLine, Time};

/// The store data of one call.
pub(super) struct State {
    pub log: Log,
    pub memory: MemoryAccount,
    pub now: Time,
    /// How many random numbers were given out: the next one follows from it.
    pub random: u64,
    pub table: ResourceTable,
    /// Made when something of it is called, which is rare.
    pub wasi: Option<Box<WasiCtx>>,
}

impl State {
    pub fn new(limits: &Limits, now: Time) -> Self {
        Self {
            log: Log::new(limits.log_lines_max, limits.log_line_bytes_max),
            memory: MemoryAccount { used: 0, max: limits.memory_bytes_max, refused: false },
            now,
            random: 0,
            table: ResourceTable::new(),
            wasi: None,
        }
    }
}

impl types::Host for State {}

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String) {
        let level = match level {
            log::Level::Trace => "trace",
            log::Level::Debug => "debug",
            log::Level::Info => "info",
            log::Level::Warn => "warn",
            log::Level::Error => "error",
        };
        self.log.write(level, &message);
    }
}

/// Counts linear memory over all memories of a call (a limit per memory would be no limit).
pub(super) struct MemoryAccount {
    used: usize,
    max: usize,
    /// The call wanted more than it may have: what a later abort then means.
    pub refused: bool,
}

impl MemoryAccount {
    /// Bytes of all memories together. Memories never shrink, so this is the most that there was.
    pub const fn used(&self) -> usize {
        self.used
    }
}

impl ResourceLimiter for MemoryAccount {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.used.saturating_sub(current).saturating_add(desired);
        let fits = used <= self.max;
        if fits {
            self.used = used;
        }
        self.refused |= !fits;
        Ok(fits)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = true;
        Ok(())
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX as usize
    }

    fn tables(&self) -> usize {
        TABLES_MAX as usize
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX as usize
    }
}

/// The log of one call: what the plugin writes by `log`, and the lines of its standard output and error.
pub(super) struct Log {
    lines: Vec<LogLine>,
    dropped: usize,
    lines_max: usize,
    line_bytes_max: usize,
    panic: Option<String>,
    stdout: String,
    stderr: String,
}

/// A standard stream of the plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Out,
    Err,
}

/// How a panic message of Rust begins: at once from the SDK's hook, after the thread's name on standard error.
const PANIC_MARK: &str = "panicked at";

impl Log {
    pub const fn new(lines_max: usize, line_bytes_max: usize) -> Self {
        Self {
            lines: Vec::new(),
            dropped: 0,
            lines_max,
            line_bytes_max,
            panic: None,
            stdout: String::new(),
            stderr: String::new(),
        }
    }

    /// Takes a line, cut to the cap; once there are too many, only counts it (a panic message is kept for the error).
    pub fn write(&mut self, level: &str, message: &str) {
        if message.contains(PANIC_MARK) {
            self.panic = Some(self.cut(message));
        }
        if self.lines.len() < self.lines_max {
            let message = self.cut(message);
            self.lines.push(LogLine { level: level.to_owned(), message });
        } else {
            self.dropped += 1;
        }
    }

    /// Takes bytes written to a standard stream; whole lines become log lines.
    pub fn print(&mut self, stream: Stream, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        for piece in text.split_inclusive('\n') {
            // What is over the cap of a line is cut when the line is written; so there is no need to gather it.
            let room = (self.line_bytes_max + 4).saturating_sub(self.partial(stream).len());
            let cut = floor_char_boundary(piece, room);
            self.partial(stream).push_str(piece[..cut].trim_end_matches('\n'));
            if piece.ends_with('\n') {
                self.flush(stream);
            }
        }
    }

    /// The last panic message, if there was one.
    pub fn panic(&self) -> Option<&str> {
        self.panic.as_deref()
    }

    /// All lines; the last one tells how many were dropped, if any.
    pub fn finish(mut self) -> Vec<LogLine> {
        self.flush(Stream::Out);
        self.flush(Stream::Err);
        if self.dropped > 0 {
            let message = format!("{} more lines dropped: {} lines are kept of a call", self.dropped, self.lines_max);
            self.lines.push(LogLine { level: "warn".into(), message });
        }
        self.lines
    }

    const fn partial(&mut self, stream: Stream) -> &mut String {
        match stream {
            Stream::Out => &mut self.stdout,
            Stream::Err => &mut self.stderr,
        }
    }

    /// Ends the gathered line of `stream`.
    pub fn flush(&mut self, stream: Stream) {
        let line = std::mem::take(self.partial(stream));
        if !line.is_empty() {
            self.write(if stream == Stream::Out { "info" } else { "warn" }, &line);
        }
    }

    fn cut(&self, message: &str) -> String {
        if message.len() <= self.line_bytes_max {
            return message.to_owned();
        }
        let cut = floor_char_boundary(message, self.line_bytes_max);
        format!("{}… (cut at {} bytes)", &message[..cut], self.line_bytes_max)
    }
}

/// The longest prefix of at most `max` bytes that ends between characters.
fn floor_char_boundary(text: &str, max: usize) -> usize {
    text.floor_char_boundary(max.min(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(log: Log) -> Vec<String> {
        log.finish().into_iter().map(|line| line.message).collect()
    }

    #[test]
    fn printed_bytes_become_lines_however_they_arrive() {
        let mut log = Log::new(10, 100);
        for piece in ["one\ntw", "o\n", "", "\n", "three"] {
            log.print(Stream::Out, piece.as_bytes());
        }
        log.print(Stream::Err, b"\xff\n");
        assert_eq!(messages(log), ["one", "two", "\u{fffd}", "three"]);
    }

    #[test]
    fn a_long_line_is_cut_between_characters_and_says_so() {
        let mut log = Log::new(10, 5);
        log.write("info", "grüße aus Köln");
        log.print(Stream::Out, "ä".repeat(100_000).as_bytes());
        let messages = messages(log);
        assert_eq!(messages[0], "grü… (cut at 5 bytes)");
        assert_eq!(messages[1], "ää… (cut at 5 bytes)");
    }

    #[test]
    fn lines_over_the_cap_are_counted_and_a_panic_among_them_is_kept() {
        let mut log = Log::new(1, 100);
        log.write("info", "first");
        log.write("info", "second");
        log.write("error", "panicked at src/lib.rs:1:1: why");
        assert_eq!(log.panic(), Some("panicked at src/lib.rs:1:1: why"));
        assert_eq!(messages(log), ["first", "2 more lines dropped: 1 lines are kept of a call"]);
    }

    #[test]
    fn memory_is_counted_over_all_memories() {
        let mut account = MemoryAccount { used: 0, max: 100, refused: false };
        assert!(account.memory_growing(0, 60, None).expect("no error"));
        assert!(!account.memory_growing(0, 60, None).expect("no error"), "a second memory does not double the limit");
        assert!(account.refused);
        assert!(account.memory_growing(60, 100, None).expect("no error"));
        assert_eq!(account.used(), 100, "what was refused does not count");
    }
}
