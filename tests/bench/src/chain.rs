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
    /// The calls that the answer waited for, in groups: those of one began before any of it had ended, and after one of the group
    /// before had.
    pub(crate) fn chain(&self) -> Vec<Vec<&str>> {
        let mut calls: Vec<_> = self.calls.iter().filter(|call| call.ended <= self.ended).collect();
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

    /// How many groups there are from the first call to the ledger on: what is called before finds out which target it is.
    pub(crate) fn steps_on_policy(&self) -> usize {
        let of_ledger = |group: &&Vec<&str>| !group.contains(&"UpdateItem");
        let chain = self.chain();
        chain.len() - chain.iter().take_while(of_ledger).count()
    }

    /// The calls that were made while the answer was on its way.
    pub(crate) fn aside(&self) -> Vec<&str> {
        let aside = self.calls.iter().filter(|call| call.ended > self.ended);
        aside.map(|call| call.operation.as_str()).collect()
    }

    /// How long it took, without the pauses.
    pub(crate) fn time(&self) -> Duration {
        self.ended.duration_since(self.began).saturating_sub(self.pauses().iter().sum())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An operation of so many milliseconds, and its calls: name, beginning and end.
    fn operation(took: u64, calls: &[(&str, u64, u64)]) -> Operation {
        let began = Instant::now();
        let at = |milliseconds| began + Duration::from_millis(milliseconds);
        let calls = calls.iter().map(|(name, from, to)| Served {
            operation: (*name).to_owned(),
            began: at(*from),
            ended: at(*to),
        });
        Operation { kind: "create", began, ended: at(took), calls: calls.collect() }
    }

    #[test]
    fn calls_at_the_same_time_are_one_link() {
        let calls = [("Write", 45, 65), ("One", 1, 21), ("Other", 2, 23)];
        assert_eq!(operation(66, &calls).chain(), [vec!["One", "Other"], vec!["Write"]]);
    }

    #[test]
    fn a_call_that_waits_for_one_of_two_is_the_next_link() {
        let calls = [("Short", 0, 20), ("Long", 0, 50), ("Next", 21, 41), ("Last", 51, 71)];
        assert_eq!(operation(72, &calls).chain(), [vec!["Short", "Long"], vec!["Next"], vec!["Last"]]);
    }

    #[test]
    fn the_answer_waits_for_no_call_that_ends_after_it() {
        let released = operation(45, &[("Write", 1, 21), ("Read", 22, 42), ("Release", 43, 63)]);
        assert_eq!(released.chain(), [vec!["Write"], vec!["Read"]]);
        assert_eq!(released.aside(), ["Release"]);
    }

    #[test]
    fn steps_on_a_policy_begin_with_the_ledger() {
        let create =
            operation(90, &[("DescribeKey", 1, 21), ("GetKeyPolicy", 22, 42), ("UpdateItem", 22, 43), ("Put", 44, 64)]);
        assert_eq!((create.chain().len(), create.steps_on_policy()), (3, 2));
    }

    #[test]
    fn a_wait_for_aws_is_no_time_of_ours() {
        let waiting = operation(2_064, &[("Ask", 1, 21), ("AskAgain", 2_022, 2_042)]);
        assert_eq!(waiting.pauses(), [Duration::from_millis(2_001)]);
        assert_eq!(waiting.time(), Duration::from_millis(63));
        assert_eq!(operation(99, &[]).time(), Duration::from_millis(99));
    }
}
