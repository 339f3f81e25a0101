//! jq programs with no more of the standard library than they use.
