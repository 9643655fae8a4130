//! Connections that are open before the first event: until then a process has a whole core.
//!
//! Later a function of 128 MB has a fourteenth of one, so that each handshake takes ten milliseconds of a stack's time.

use std::time::Duration;

use tokio::{task_local, time::timeout};

/// Of the ten seconds that Lambda gives a process to start. Whatever can't be reached by then is left to the first event.
const PATIENCE: Duration = Duration::from_secs(1);

task_local! {
    /// The calls of this task are for their connections.
    static UNDER_WAY: ();
}

/// Makes `calls`, which go as far as to an open connection; how they end doesn't matter.
pub(crate) async fn warm_up(calls: impl Future<Output = ()>) {
    let _ = timeout(PATIENCE, for_connections(calls)).await;
}

/// Makes `calls` until they have their connections, however long that takes.
pub(crate) fn for_connections(calls: impl Future<Output = ()>) -> impl Future<Output = ()> {
    UNDER_WAY.scope((), calls)
}

/// Whether a call is made for its connection alone.
pub(crate) fn is_under_way() -> bool {
    UNDER_WAY.try_with(|()| ()).is_ok()
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_start_waits_a_second_for_what_can_not_be_reached() {
        let began = Instant::now();
        warm_up(std::future::pending()).await;
        assert_eq!(began.elapsed(), PATIENCE);
    }

    #[tokio::test]
    async fn calls_are_for_their_connections_until_the_start_is_over() {
        warm_up(async { assert!(is_under_way()) }).await;
        assert!(!is_under_way());
    }
}
