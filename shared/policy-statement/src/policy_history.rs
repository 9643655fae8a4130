//! What the holders of a lease leave to each other.

use std::time::Duration;

use custom_resource::RequestOrder;

use crate::wordings::{CANCELLED_FOR, REMEMBERED, Wordings};

/// After what time a write whose end nobody saw has come to pass, or won't.
const SETTLED_AFTER: Duration = Duration::from_secs(30);

/// What is known of the documents that one policy had. Times are those since 1970.
#[derive(Debug, Default, Clone)]
pub(crate) struct PolicyHistory {
    /// How long a read may lag behind a write.
    pub(crate) lag: Duration,
    /// Fingerprints of documents that were replaced, and when.
    replaced: Vec<(String, Duration)>,
    /// The write whose end isn't known.
    pub(crate) pending: Option<Pending>,
    /// The latest request of each claim, by its mark.
    orders: Vec<(String, RequestOrder)>,
    /// How AWS shows what claims have written.
    pub(crate) wordings: Wordings,
}

/// A write from one document to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) at: Duration,
}

impl PolicyHistory {
    /// Reads what `write` wrote, but for what is too old to matter.
    pub(crate) fn read<'a>(lines: impl Iterator<Item = &'a str>, now: Duration, lag: Duration) -> Self {
        let mut history = Self { lag, ..Self::default() };
        let millis = |text: &str| text.parse().ok().map(Duration::from_millis);
        for line in lines {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["replaced", fingerprint, at] => {
                    history.replaced.extend(millis(at).map(|at| (fingerprint.to_owned(), at)));
                }
                ["pending", before, after, at] => {
                    let pending = |at| Pending { before: before.to_owned(), after: after.to_owned(), at };
                    history.pending = millis(at).map(pending);
                }
                ["order", mark, order] => {
                    history.orders.extend(order.parse().ok().map(|order| (mark.to_owned(), order)));
                }
                ref words => history.wordings.read(words),
            }
        }
        history.replaced.retain(|(_, at)| now < *at + lag);
        history.orders.retain(|(_, order)| now < order.made() + CANCELLED_FOR);
        history
    }

    /// A line for each.
    pub(crate) fn write(&self, now: Duration) -> Vec<String> {
        let replaced = self.replaced.iter().filter(|(_, at)| now < *at + self.lag);
        let replaced = replaced.map(|(fingerprint, at)| format!("replaced {fingerprint} {}", at.as_millis()));
        let pending = self.pending.iter().map(|Pending { before, after, at }| {
            format!("pending {before} {after} {}", at.as_millis()) //
        });
        let orders = self.orders.iter().map(|(mark, order)| format!("order {mark} {order}"));
        replaced.chain(pending).chain(orders).chain(self.wordings.lines()).collect()
    }

    /// Whether the claim's request is its latest; from now on no earlier one is.
    pub(crate) fn admits(&mut self, mark: &str, order: &RequestOrder) -> bool {
        match self.orders.iter().position(|(known, _)| known == mark) {
            Some(index) if order.is_overtaken_by(&self.orders[index].1) => return false,
            Some(index) => drop(self.orders.remove(index)),
            None => {}
        }
        self.orders.push((mark.to_owned(), order.clone()));
        let too_many = self.orders.len().saturating_sub(REMEMBERED);
        self.orders.drain(..too_many);
        true
    }

    /// Whether a document that was read is a replaced one: replaced lately, or the start of a write whose end isn't known
    /// yet. Any other document tells how that write ended.
    pub(crate) fn check_replaced(&mut self, fingerprint: &str, now: Duration) -> bool {
        if self.replaced.iter().any(|(replaced, at)| replaced == fingerprint && now < *at + self.lag) {
            return true;
        }
        match self.pending.take() {
            Some(pending) if pending.before == fingerprint && now < pending.at + SETTLED_AFTER => {
                self.pending = Some(pending);
                true
            }
            // It never came to pass: who reads its end reads what never was, or was lost.
            Some(Pending { before, after, .. }) if before == fingerprint => {
                self.note_replacement(after, &before, now);
                false
            }
            Some(Pending { before, .. }) => {
                self.note_replacement(before, fingerprint, now);
                false
            }
            None => false,
        }
    }

    /// Notes that the document of this fingerprint is the one that is there.
    pub(crate) fn mark_current(&mut self, fingerprint: &str) {
        self.replaced.retain(|(known, _)| known != fingerprint);
    }

    /// Notes that the document of one fingerprint was replaced by that of another.
    pub(crate) fn note_replacement(&mut self, before: String, after: &str, now: Duration) {
        self.replaced.retain(|(known, _)| *known != after && *known != before);
        if before != after {
            self.replaced.push((before, now));
        }
        let too_many = self.replaced.len().saturating_sub(REMEMBERED);
        self.replaced.drain(..too_many);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_hours(1000);
    const LAG: Duration = Duration::from_mins(2);

    fn after(seconds: u64) -> Duration {
        NOW + Duration::from_secs(seconds)
    }

    fn history() -> PolicyHistory {
        PolicyHistory { lag: LAG, ..PolicyHistory::default() }
    }

    fn stored(history: &PolicyHistory, now: Duration) -> PolicyHistory {
        PolicyHistory::read(history.write(now).iter().map(String::as_str), now, LAG)
    }

    fn pending() -> PolicyHistory {
        let pending = Pending { before: "old".to_owned(), after: "new".to_owned(), at: NOW };
        stored(&PolicyHistory { pending: Some(pending), ..history() }, NOW)
    }

    #[test]
    fn what_was_replaced_is_known_as_long_as_a_read_may_lag() {
        let mut history = history();
        history.note_replacement("old".to_owned(), "new", NOW);
        let mut history = stored(&history, NOW);
        assert!(history.check_replaced("old", after(119)));
        assert!(!history.check_replaced("new", after(0)) && !history.check_replaced("somebody else's", after(0)));
        assert!(!history.check_replaced("old", after(120)));
    }

    #[test]
    fn what_came_back_is_current() {
        let mut history = history();
        history.note_replacement("a".to_owned(), "b", NOW);
        history.note_replacement("b".to_owned(), "a", NOW);
        assert!(!history.check_replaced("a", NOW) && history.check_replaced("b", NOW));
    }

    #[test]
    fn a_write_that_nobody_saw_the_end_of_is_waited_for_and_then_given_up() {
        let mut history = pending();
        assert!(history.check_replaced("old", after(29)));
        assert!(!history.check_replaced("old", after(30)), "it won't come any more");
        assert!(history.check_replaced("new", after(31)), "who reads its end reads what is lost");
    }

    #[test]
    fn a_write_that_nobody_saw_the_end_of_has_ended_once_its_end_is_read() {
        for seen in ["new", "somebody else's on top of it"] {
            let mut history = pending();
            assert!(!history.check_replaced(seen, after(1)));
            let mut history = stored(&history, after(1));
            assert!(history.pending.is_none() && history.check_replaced("old", after(100)), "{seen}");
        }
    }

    #[test]
    fn a_request_that_was_overtaken_is_let_in_no_more() {
        let order = |text: &str| text.parse::<RequestOrder>().unwrap();
        let made = NOW.as_secs() * 2;
        let (create, delete) = (order(&format!("{made}-c")), order(&format!("{}-d", made + 1)));
        let mut history = history();
        assert!(history.admits("mark", &delete));
        let mut history = stored(&history, NOW);
        assert!(!history.admits("mark", &create));
        assert!(history.admits("mark", &delete) && history.admits("another", &create));
        assert_eq!(stored(&history, after(3601)).orders, []);
    }

    #[test]
    fn the_lines_are_written_and_read_as_in_the_first_release() {
        let lines = [
            "replaced 0123456789abcdef 3600000000000",
            "pending 0123456789abcdef fedcba9876543210 3600000000000",
            "order 22a7aa3d94 7200000000-0123abcd",
        ];
        let now = Duration::from_hours(1_000_000);
        assert_eq!(PolicyHistory::read(lines.into_iter(), now, LAG).write(now), lines);
    }

    #[test]
    fn what_is_kept_does_not_grow_for_ever() {
        let mut history = history();
        for n in 0..1000 {
            history.note_replacement(format!("{n:016x}"), "new", NOW);
            history.admits(&format!("{n:010x}"), &format!("{}-00000000", NOW.as_secs() * 2).parse().unwrap());
        }
        assert_eq!(stored(&history, NOW).write(NOW).len(), 2 * REMEMBERED);
    }
}
