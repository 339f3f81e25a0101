//! tenterhook
fn main() {}
