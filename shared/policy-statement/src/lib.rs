//! Owns single statements in policies that belong to somebody else.

mod document;
mod equivalent;
mod json;
mod statement;

pub use document::Document;
pub use statement::{Statement, StatementProperty};
