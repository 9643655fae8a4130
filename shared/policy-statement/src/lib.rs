//! Owns single statements in policies that belong to somebody else.

mod checks;
mod document;
mod equivalent;
mod json;
mod limits;
mod statement;

pub use checks::{Resources, Rules};
pub use document::Document;
pub use limits::{Limit, Unit};
pub use statement::{Statement, StatementProperty};
