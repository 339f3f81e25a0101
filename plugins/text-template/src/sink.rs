//! Where rendered text goes, and how much of it there may be.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::place::{Place, Target, Tracker};

/// How much may be rendered: far above the host's limit for a request, far below the memory of an instance.
pub const OUTPUT_BYTES_MAX: usize = 8 << 20;

/// The rendered text, shared by the engine, which writes, and the formatter, which asks for the place.
#[derive(Clone)]
pub struct Sink(Arc<Mutex<Inner>>);

struct Inner {
    text: Vec<u8>,
    tracker: Tracker,
    /// How often something, be it empty, was written.
    writes: u64,
}

impl Sink {
    pub fn new(target: Target) -> Self {
        Self(Arc::new(Mutex::new(Inner { text: Vec::new(), tracker: Tracker::new(target), writes: 0 })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of what comes next.
    pub fn place(&self) -> Place {
        self.inner().tracker.place()
    }

    /// How often something was written: tells whether what the engine writes arrives here.
    pub fn writes(&self) -> u64 {
        self.inner().writes
    }

    /// All that was written.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.inner().text)
    }
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    /// The engine calls it for empty text too, which `writes` relies on.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.inner();
        inner.writes += 1;
        if inner.text.len() + bytes.len() > OUTPUT_BYTES_MAX {
            return Err(io::Error::other(format!("more than {OUTPUT_BYTES_MAX} bytes are rendered")));
        }
        inner.tracker.feed(bytes);
        inner.text.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
