//! How long what was waited for has been so.

use std::time::Duration;

/// Milliseconds without a word of it, after which a wait is over. Longer than the pause between two invocations.
const FORGOTTEN_AFTER: u64 = 60_000;

/// What was waited for, each with when it was said first and last in a row, in milliseconds since 1970.
pub(crate) struct Waits(pub(crate) Vec<(String, u64, u64)>);

impl Waits {
    /// Notes that `topic` is waited for at `now`, and says for how long it has been. Two waits that take turns go on both;
    /// one that wasn't said for `FORGOTTEN_AFTER` begins anew.
    pub(crate) fn waited_for(&mut self, topic: &str, now: u64) -> Duration {
        self.0.retain(|(_, _, last)| now.saturating_sub(*last) < FORGOTTEN_AFTER);
        if let Some((_, first, last)) = self.0.iter_mut().find(|(known, ..)| known == topic) {
            *last = now;
            return Duration::from_millis(now.saturating_sub(*first));
        }
        self.0.push((topic.to_owned(), now, now));
        Duration::ZERO
    }
}
