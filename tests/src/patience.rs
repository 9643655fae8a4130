//! How long a test waits for what has to happen, so that one that waits in vain says so instead of hanging.

use std::future::Future;
use std::time::Duration;

/// Longer than anything takes that is done at all, on a machine that does other work, too.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

/// What comes of `future`; panics where it doesn't come.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, Box::pin(future)).await;
    waited.unwrap_or_else(|_| panic!("waited {} seconds in vain for {what}", PATIENCE.as_secs()))
}
