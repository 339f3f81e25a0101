//! What a plugin with real streams prints, until its log takes it.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError};

use super::state::Stream;

/// What is kept until the log takes it, in bytes: more than a log keeps.
const PRINTED_BYTES_MAX: usize = 256 << 10;
/// What is taken at once, in bytes.
const WRITE_BYTES_MAX: usize = 16 << 10;

/// Printed bytes in order. Cheap to clone: all clones are one.
#[derive(Clone, Default)]
pub(super) struct Printed(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    pieces: Vec<(Stream, Bytes)>,
    bytes: usize,
}

impl Printed {
    /// Takes what was printed since the last time.
    pub fn take(&self) -> Vec<(Stream, Bytes)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).pieces
    }

    /// Keeps bytes; those beyond the bound are lost, as lines beyond the log's bound are.
    fn push(&self, stream: Stream, bytes: Bytes) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.bytes + bytes.len() <= PRINTED_BYTES_MAX {
            kept.bytes += bytes.len();
            kept.pieces.push((stream, bytes));
        }
    }
}

/// A standard stream that is always ready.
pub(super) struct PrintStream {
    printed: Printed,
    stream: Stream,
}

impl PrintStream {
    /// The stream that prints to `printed`.
    pub const fn new(printed: Printed, stream: Stream) -> Self {
        Self { printed, stream }
    }
}

#[async_trait]
impl Pollable for PrintStream {
    async fn ready(&mut self) {}
}

impl OutputStream for PrintStream {
    fn write(&mut self, bytes: Bytes) -> Result<(), StreamError> {
        self.printed.push(self.stream, bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StreamError> {
        Ok(())
    }

    fn check_write(&mut self) -> Result<usize, StreamError> {
        Ok(WRITE_BYTES_MAX)
    }
}
