//! Placeholder until the library it stands on is there.
fn main() {}
