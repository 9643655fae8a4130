//! Organizations, with what STS, RAM and the account service say of the same accounts.
//! <https://docs.aws.amazon.com/organizations/latest/APIReference/Welcome.html>

mod accounts;
mod contents;
mod features;
mod ids;
mod units;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

pub use accounts::Account;
pub use contents::Contents;
pub use features::{Features, UNKNOWN_SERVICE};
pub use ids::{MANAGEMENT, ORGANIZATION, ROOT};
pub use units::Unit;

use super::history::History;
use super::http::Service;

/// The organization of one account.
#[derive(Debug, Default)]
pub struct Organizations(Mutex<History<Contents>>);

impl Organizations {
    /// Makes it an organization with that in it.
    pub fn begin(&self, contents: Contents) {
        *self.lock() = History::of(contents);
    }

    /// What is in it now.
    #[must_use]
    pub fn contents(&self) -> Contents {
        self.lock().now().clone()
    }

    fn lock(&self) -> MutexGuard<'_, History<Contents>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service for Organizations {
    fn answer(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, &'static str> {
        self.lock().answer(operation, stale, |contents| contents.ask(operation, request))
    }

    fn refused_with(&self, request: &Value) -> Value {
        features::reason(request)
    }
}
