//! What the host keeps of one call while it runs: its log, its memory account, its time.

use std::borrow::Cow;

use wasmtime::ResourceLimiter;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi_http::WasiHttpCtx;

use super::engine::{INSTANCES_MAX, MEMORIES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX};
use super::hub::{Hub, Server, Shared};
use super::printed::Printed;
use super::types::Limits;
use super::web;
use super::wit::{log, types};
use crate::model::{LogLine, Time};

/// The store data of one call.
pub(super) struct State {
    pub log: Log,
    pub memory: MemoryAccount,
    pub now: Time,
    pub random: Random,
    pub table: ResourceTable,
    /// Made when something of it is called, which is rare.
    pub wasi: Option<Box<WasiCtx>>,
    /// What an action that imports capabilities has besides.
    pub ports: Option<Box<Ports>>,
}

/// Where random numbers come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Random {
    /// A fixed sequence, from this place: whoever calls with the same arguments gets the same.
    Fixed(u64),
    /// The operating system: nobody can tell them.
    System,
}

/// What only calls with capabilities have.
#[derive(Default)]
pub(super) struct Ports {
    pub hub: Hub,
    pub http: WasiHttpCtx,
    pub printed: Printed,
}

impl State {
    pub fn new(limits: &Limits, now: Time) -> Self {
        Self {
            log: Log::new(limits.log_lines_max, limits.log_line_bytes_max),
            memory: MemoryAccount { used: 0, max: limits.memory_bytes_max, refused: false },
            now,
            random: Random::Fixed(0),
            table: ResourceTable::new(),
            wasi: None,
            ports: None,
        }
    }

    /// For a call of an action that imports capabilities.
    pub fn with_capabilities(limits: &Limits, now: Time, server: Option<Server>) -> Self {
        let mut state = Self::new(limits, now);
        state.table.set_max_capacity(web::HANDLES_MAX);
        let mut ports = Box::new(Ports { hub: Hub::new(server), ..Ports::default() });
        ports.http.set_field_size_limit(web::FIELDS_BYTES_MAX);
        state.ports = Some(ports);
        state
    }

    /// What only calls with capabilities have; others get some that offer nothing.
    pub fn ports(&mut self) -> &mut Ports {
        self.ports.get_or_insert_default()
    }

    /// The capabilities of this call.
    pub fn hub(&mut self) -> &mut Hub {
        &mut self.ports().hub
    }

    /// From now on the log masks the secrets that were read.
    pub fn learn_secret(&mut self, secret: &str) {
        let hub = self.hub();
        hub.learn_secret(secret);
        let masks = hub.masks();
        self.take_printed();
        self.log.masks = masks;
    }

    /// Takes what was printed by real streams into the log.
    pub fn take_printed(&mut self) {
        let Some(ports) = &self.ports else { return };
        for (stream, bytes) in ports.printed.take() {
            self.log.print(stream, &bytes);
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
        self.take_printed();
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
    /// Who masks secrets, and the longest one, once the plugin has read one.
    pub masks: Option<(Shared, usize)>,
}

/// How much longer a secret may be in another spelling: where each byte is escaped in JSON, and that in JSON again.
const SPELLING_FACTOR: usize = 8;

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
            masks: None,
        }
    }

    /// Takes a line, cut to the cap; once there are too many, only counts it (a panic message is kept for the error).
    pub fn write(&mut self, level: &str, message: &str) {
        let has_room = self.lines.len() < self.lines_max;
        let is_panic = message.contains(PANIC_MARK);
        if !has_room {
            self.dropped += 1;
        }
        if !has_room && !is_panic {
            return;
        }
        let message = self.cut(&self.masked(message));
        if is_panic {
            self.panic = Some(message.clone());
        }
        if has_room {
            self.lines.push(LogLine { level: level.to_owned(), message });
        }
    }

    /// The line without secrets; of a long one no more than is kept of it, and than a secret may take that begins there.
    fn masked<'m>(&self, message: &'m str) -> Cow<'m, str> {
        let Some((services, longest)) = &self.masks else { return message.into() };
        let seen = &message[..floor_char_boundary(message, self.room())];
        let mut masked = services.mask(seen);
        if seen.len() < message.len() {
            // Whole secrets are masked; one that the end of what was seen cuts through goes with that end.
            masked.truncate(floor_char_boundary(&masked, masked.len().saturating_sub(longest * SPELLING_FACTOR)));
            masked.push('…');
        }
        masked.into()
    }

    /// Takes bytes written to a standard stream; whole lines become log lines.
    pub fn print(&mut self, stream: Stream, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        for piece in text.split_inclusive('\n') {
            // What is over the cap of a line is cut when the line is written; so there is no need to gather it.
            let room = self.room().saturating_sub(self.partial(stream).len());
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

    /// Bytes gathered of a line: what is kept of it, and the longest spelling of a secret that may begin there.
    fn room(&self) -> usize {
        self.line_bytes_max + 4 + self.masks.as_ref().map_or(0, |(_, longest)| longest * SPELLING_FACTOR)
    }

    /// Ends the gathered line of `stream`.
    pub fn flush(&mut self, stream: Stream) {
        let mut line = std::mem::take(self.partial(stream));
        if let Some((services, longest)) = &self.masks
            && line.len() + 4 > self.room()
        {
            // Whole secrets are masked; one that the end of the gathered text cuts through goes with that end.
            line = services.mask(&line);
            line.truncate(floor_char_boundary(&line, line.len().saturating_sub(longest * SPELLING_FACTOR)));
        }
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
