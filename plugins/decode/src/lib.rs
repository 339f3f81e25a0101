//! Decodes bodies.
