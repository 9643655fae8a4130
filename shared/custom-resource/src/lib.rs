//! Answers CloudFormation's custom-resource requests.

mod error;

pub use error::{Error, Result};
