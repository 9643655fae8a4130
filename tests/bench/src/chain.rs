//! Which calls an operation waits for, one after the other.

use std::time::{Duration, Instant};

use crate::fake::Served;

/// In so long without a call, an operation waits for AWS to get done with something before it looks again.
const PAUSE: Duration = Duration::from_millis(100);

/// What was called between an event and its answer.
pub(crate) struct Operation {
    pub(crate) kind: &'static str,
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
    pub(crate) calls: Vec<Served>,
}

impl Operation {
    /// The calls in groups: those of one began before any of it had ended, and after one of the group before had.
    pub(crate) fn chain(&self) -> Vec<Vec<&str>> {
        let mut calls: Vec<_> = self.calls.iter().collect();
        calls.sort_by_key(|call| call.began);
        let mut groups: Vec<Vec<&Served>> = Vec::new();
        for call in calls {
            let follows = |group: &&Vec<&Served>| group.iter().any(|earlier| earlier.ended <= call.began);
            let after = groups.iter().filter(follows).count();
            match groups.get_mut(after) {
                Some(group) => group.push(call),
                None => groups.push(vec![call]),
            }
        }
        groups.iter().map(|group| group.iter().map(|call| call.operation.as_str()).collect()).collect()
    }

    /// How long it took, without the pauses.
    pub(crate) fn time(&self) -> Duration {
        self.ended.duration_since(self.began) - self.pauses().iter().sum::<Duration>()
    }

    /// The times in which nothing was called for long.
    pub(crate) fn pauses(&self) -> Vec<Duration> {
        let mut calls: Vec<_> = self.calls.iter().collect();
        calls.sort_by_key(|call| call.began);
        let mut until = self.began;
        let mut pauses = Vec::new();
        let ends = calls.iter().map(|call| (call.began, call.ended)).chain([(self.ended, self.ended)]);
        for (began, ended) in ends {
            pauses.push(began.saturating_duration_since(until));
            until = until.max(ended);
        }
        pauses.retain(|pause| *pause > PAUSE);
        pauses
    }
}
