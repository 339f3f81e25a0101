//! The file format of backups: a header, frames, and at the end a SHA-256 of all that is before it.
//!
//! ```text
//! header   "tenterhook backup\n", version (4 bytes), on-disk format (4 bytes)
//! frame    1 (put) or 2 (remove), length of the key (4), length of the value (4), key, value
//! end      0, SHA-256 (32)
//! ```
//! Numbers are big-endian. Frames apply in order; the same key may come more than once.

/// The first bytes of a backup.
pub(super) const MAGIC: &[u8; 18] = b"tenterhook backup\n";
/// The version of this format.
pub(super) const VERSION: u32 = 1;
/// Longest key or value, in bytes; longer ones are damage.
pub(super) const PART_BYTES_MAX: usize = 64 * 1024;

/// The kind of a frame.
pub(super) const END: u8 = 0;
pub(super) const PUT: u8 = 1;
pub(super) const REMOVE: u8 = 2;

/// The header.
pub(super) fn header(format: u32) -> Vec<u8> {
    [&MAGIC[..], &VERSION.to_be_bytes(), &format.to_be_bytes()].concat()
}

/// One write.
pub(super) fn entry(key: &[u8], value: Option<&[u8]>) -> Vec<u8> {
    let mut frame = Vec::with_capacity(9 + key.len() + value.map_or(0, <[u8]>::len));
    append(&mut frame, key, value);
    frame
}

/// Appends one write to `frames`.
pub(super) fn append(frames: &mut Vec<u8>, key: &[u8], value: Option<&[u8]>) {
    let length = |part: &[u8]| u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes();
    frames.push(if value.is_some() { PUT } else { REMOVE });
    let value = value.unwrap_or_default();
    frames.extend_from_slice(&length(key));
    frames.extend_from_slice(&length(value));
    frames.extend_from_slice(key);
    frames.extend_from_slice(value);
}
