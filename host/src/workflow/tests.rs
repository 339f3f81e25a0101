//! Workflows from outside.
