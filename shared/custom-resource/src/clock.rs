//! Where an invocation stands in time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::Context;
use tokio::time::Instant;

/// Where an invocation stands in time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// When Lambda ends the invocation.
    pub deadline: Instant,
    /// Milliseconds since 1970, when the invocation began.
    pub began: u64,
}

impl Clock {
    /// Where the invocation of this context stands now. Lambda states the deadline as a time of day; the loop counts on
    /// a clock that nobody sets.
    #[must_use]
    pub fn of(context: &Context) -> Self {
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let left = Duration::from_millis(context.deadline).saturating_sub(began);
        Self { deadline: Instant::now() + left, began: u64::try_from(began.as_millis()).unwrap_or(u64::MAX) }
    }
}
