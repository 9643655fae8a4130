//! What the holders of a lease leave to each other.

use std::time::Duration;

use custom_resource::RequestOrder;

use crate::wordings::{CANCELLED_FOR, REMEMBERED, Wordings};

/// After what time a write whose end nobody saw has come to pass, or won't.
const SETTLED_AFTER: Duration = Duration::from_secs(30);

/// The past of one policy. Times are those since 1970.
#[derive(Debug, Default, Clone)]
pub(crate) struct Past {
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

impl Past {
    /// Reads what `write` wrote, but for what is too old to matter.
    pub(crate) fn read<'a>(lines: impl Iterator<Item = &'a str>, now: Duration, lag: Duration) -> Self {
        let mut past = Self { lag, ..Self::default() };
        let millis = |text: &str| text.parse().ok().map(Duration::from_millis);
        for line in lines {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["replaced", fingerprint, at] => {
                    past.replaced.extend(millis(at).map(|at| (fingerprint.to_owned(), at)));
                }
                ["pending", before, after, at] => {
                    let pending = |at| Pending { before: before.to_owned(), after: after.to_owned(), at };
                    past.pending = millis(at).map(pending);
                }
                ["turn", mark, order] => past.orders.extend(order.parse().ok().map(|order| (mark.to_owned(), order))),
                ref words => past.wordings.read(words),
            }
        }
        past.replaced.retain(|(_, at)| now < *at + lag);
        past.orders.retain(|(_, order)| now < order.made() + CANCELLED_FOR);
        past
    }

    /// A line for each.
    pub(crate) fn write(&self, now: Duration) -> Vec<String> {
        let replaced = self.replaced.iter().filter(|(_, at)| now < *at + self.lag);
        let replaced = replaced.map(|(fingerprint, at)| format!("replaced {fingerprint} {}", at.as_millis()));
        let pending = self.pending.iter().map(|Pending { before, after, at }| {
            format!("pending {before} {after} {}", at.as_millis()) //
        });
        let orders = self.orders.iter().map(|(mark, order)| format!("turn {mark} {order}"));
        replaced.chain(pending).chain(orders).chain(self.wordings.lines()).collect()
    }

    /// Whether the claim's request is its latest; from now on no earlier one is.
    pub(crate) fn admits(&mut self, mark: &str, order: &RequestOrder) -> bool {
        match self.orders.iter().position(|(known, _)| known == mark) {
            Some(place) if order.is_overtaken_by(&self.orders[place].1) => return false,
            Some(place) => drop(self.orders.remove(place)),
            None => {}
        }
        self.orders.push((mark.to_owned(), order.clone()));
        let too_many = self.orders.len().saturating_sub(REMEMBERED);
        self.orders.drain(..too_many);
        true
    }

    /// Whether a document that was read is one of the past: replaced lately, or the start of a write whose end isn't known
    /// yet. What is none tells how that write ended.
    pub(crate) fn is_past(&mut self, fingerprint: &str, now: Duration) -> bool {
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
                self.replaced(after, &before, now);
                false
            }
            Some(Pending { before, .. }) => {
                self.replaced(before, fingerprint, now);
                false
            }
            None => false,
        }
    }

    /// Notes that the document of this fingerprint is the one that is there.
    pub(crate) fn is_present(&mut self, fingerprint: &str) {
        self.replaced.retain(|(known, _)| known != fingerprint);
    }

    /// Notes that the document of one fingerprint was replaced by that of another.
    pub(crate) fn replaced(&mut self, before: String, after: &str, now: Duration) {
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

    fn past() -> Past {
        Past { lag: LAG, ..Past::default() }
    }

    fn stored(past: &Past, now: Duration) -> Past {
        Past::read(past.write(now).iter().map(String::as_str), now, LAG)
    }

    fn pending() -> Past {
        let pending = Pending { before: "old".to_owned(), after: "new".to_owned(), at: NOW };
        stored(&Past { pending: Some(pending), ..past() }, NOW)
    }

    #[test]
    fn what_was_replaced_is_past_as_long_as_a_read_may_lag() {
        let mut past = past();
        past.replaced("old".to_owned(), "new", NOW);
        let mut past = stored(&past, NOW);
        assert!(past.is_past("old", after(119)));
        assert!(!past.is_past("new", after(0)) && !past.is_past("somebody else's", after(0)));
        assert!(!past.is_past("old", after(120)));
    }

    #[test]
    fn what_came_back_is_no_past() {
        let mut past = past();
        past.replaced("a".to_owned(), "b", NOW);
        past.replaced("b".to_owned(), "a", NOW);
        assert!(!past.is_past("a", NOW) && past.is_past("b", NOW));
    }

    #[test]
    fn a_write_that_nobody_saw_the_end_of_is_waited_for_and_then_given_up() {
        let mut past = pending();
        assert!(past.is_past("old", after(29)));
        assert!(!past.is_past("old", after(30)), "it won't come any more");
        assert!(past.is_past("new", after(31)), "who reads its end reads what is lost");
    }

    #[test]
    fn a_write_that_nobody_saw_the_end_of_has_ended_once_its_end_is_read() {
        for seen in ["new", "somebody else's on top of it"] {
            let mut past = pending();
            assert!(!past.is_past(seen, after(1)));
            let mut past = stored(&past, after(1));
            assert!(past.pending.is_none() && past.is_past("old", after(100)), "{seen}");
        }
    }

    #[test]
    fn a_request_that_was_overtaken_is_let_in_no_more() {
        let order = |text: &str| text.parse::<RequestOrder>().unwrap();
        let made = NOW.as_secs() * 2;
        let (create, delete) = (order(&format!("{made}-c")), order(&format!("{}-d", made + 1)));
        let mut past = past();
        assert!(past.admits("mark", &delete));
        let mut past = stored(&past, NOW);
        assert!(!past.admits("mark", &create));
        assert!(past.admits("mark", &delete) && past.admits("another", &create));
        assert_eq!(stored(&past, after(3601)).orders, []);
    }

    #[test]
    fn the_lines_are_written_and_read_as_in_the_first_release() {
        let lines = [
            "replaced 0123456789abcdef 3600000000000",
            "pending 0123456789abcdef fedcba9876543210 3600000000000",
            "turn 22a7aa3d94 7200000000-0123abcd",
        ];
        let now = Duration::from_hours(1_000_000);
        assert_eq!(Past::read(lines.into_iter(), now, LAG).write(now), lines);
    }

    #[test]
    fn what_is_kept_does_not_grow_for_ever() {
        let mut past = past();
        for n in 0..1000 {
            past.replaced(format!("{n:016x}"), "new", NOW);
            past.admits(&format!("{n:010x}"), &format!("{}-00000000", NOW.as_secs() * 2).parse().unwrap());
        }
        assert_eq!(stored(&past, NOW).write(NOW).len(), 2 * REMEMBERED);
    }
}
