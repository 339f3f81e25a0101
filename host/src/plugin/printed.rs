//! What a plugin with real streams prints, until its log takes it.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError};

use super::state::Stream;

/// What is kept until the log takes it, in bytes: more than a log keeps.
const PRINTED_BYTES_MAX: usize = 256 << 10;
/// What a piece counts besides its bytes, as it takes that much memory.
const PIECE_BYTES: usize = 64;
/// What is taken at once, in bytes.
const WRITE_BYTES_MAX: usize = 16 << 10;

/// Printed bytes in order. Cheap to clone: all clones are one.
#[derive(Clone, Default)]
pub(super) struct Printed(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// Neighbours are of different streams.
    pieces: Vec<(Stream, Vec<u8>)>,
    bytes: usize,
}

impl Printed {
    /// Takes what was printed since the last time.
    pub fn take(&self) -> Vec<(Stream, Vec<u8>)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).pieces
    }

    /// Keeps bytes; those beyond the bound are lost, as lines beyond the log's bound are.
    fn push(&self, stream: Stream, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let goes_on = kept.pieces.last().is_some_and(|(last, _)| *last == stream);
        let counted = bytes.len() + if goes_on { 0 } else { PIECE_BYTES };
        if bytes.is_empty() || kept.bytes + counted > PRINTED_BYTES_MAX {
            return;
        }
        kept.bytes += counted;
        match kept.pieces.last_mut().filter(|_| goes_on) {
            Some((_, piece)) => piece.extend_from_slice(bytes),
            None => kept.pieces.push((stream, bytes.to_vec())),
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
        self.printed.push(self.stream, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StreamError> {
        Ok(())
    }

    fn check_write(&mut self) -> Result<usize, StreamError> {
        Ok(WRITE_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory that the pieces take, whatever allocators add.
    fn memory(printed: &Printed) -> usize {
        let kept = printed.0.lock().expect("no test panicked");
        let entries = kept.pieces.capacity() * size_of::<(Stream, Vec<u8>)>();
        entries + kept.pieces.iter().map(|(_, piece)| piece.capacity()).sum::<usize>()
    }

    #[test]
    fn writes_without_end_take_bounded_memory_however_small_they_are() {
        let both = [Stream::Out, Stream::Err];
        let cases = [1, 2].map(|streams| ["", "x", "sixteen bytes..."].map(|text| (&both[..streams], text)));
        for (streams, text) in cases.into_iter().flatten() {
            let printed = Printed::default();
            let mut streams = streams.iter().cycle();
            for _ in 0..1_000_000 {
                let mut stream = PrintStream::new(printed.clone(), *streams.next().expect("a cycle has no end"));
                stream.write(Bytes::from_static(text.as_bytes())).expect("it is written");
            }
            assert!(memory(&printed) <= 3 * PRINTED_BYTES_MAX, "{} bytes of {text:?}", memory(&printed));
        }
    }

    #[test]
    fn what_was_printed_is_taken_in_order_and_once() {
        let printed = Printed::default();
        for (stream, text) in
            [(Stream::Out, "a"), (Stream::Out, ""), (Stream::Out, "b"), (Stream::Err, "c"), (Stream::Out, "d")]
        {
            printed.push(stream, text.as_bytes());
        }
        let taken = [(Stream::Out, b"ab".to_vec()), (Stream::Err, b"c".to_vec()), (Stream::Out, b"d".to_vec())];
        assert_eq!(printed.take(), taken);
        assert_eq!(printed.take(), []);
    }
}
