//! In which words AWS shows the statements of a claim, where those aren't the ones that were written.
//!
//! AWS may show a statement in words of its own, and nobody knows all of them. Who took them for a change by somebody else would
//! write again and again. What AWS shows after it has taken a write is therefore remembered beside what was written.

use std::time::Duration;

/// How long CloudFormation waits for a custom resource at most, and with it a request that was cancelled.
pub(crate) const CANCELLED_FOR: Duration = Duration::from_hours(1);

/// How many of a kind are remembered at most.
pub(crate) const REMEMBERED: usize = 300;

/// What a policy's claims have written, and how AWS shows it. Statements are known by their digests; times are those since 1970.
#[derive(Debug, Default, Clone)]
pub(crate) struct Wordings {
    /// The latest write of each claim, until what AWS shows of it is known.
    written: Vec<LatestWrite>,
    shown: Vec<Shown>,
}

#[derive(Debug, Clone)]
struct LatestWrite {
    mark: String,
    wanted: String,
    /// What was shown of the claim before.
    before: String,
    at: Duration,
    /// Whether the same was written before, and shown as before it afterwards.
    is_again: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Shown {
    mark: String,
    wanted: String,
    words: String,
}

impl Wordings {
    /// Takes the words of a line that `lines` made.
    pub(crate) fn read(&mut self, words: &[&str]) {
        let text = |word: &str| word.to_owned();
        match *words {
            [verb @ ("written" | "rewritten"), mark, wanted, before, at] => {
                let at = at.parse().ok().map(Duration::from_millis);
                let is_again = verb == "rewritten";
                let written =
                    |at| LatestWrite { mark: text(mark), wanted: text(wanted), before: text(before), at, is_again };
                self.written.extend(at.map(written));
            }
            ["shown", mark, wanted, words] => {
                self.shown.push(Shown { mark: text(mark), wanted: text(wanted), words: text(words) });
            }
            _ => {}
        }
    }

    /// A line for each.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let written = self.written.iter().map(|LatestWrite { mark, wanted, before, at, is_again }| {
            let verb = if *is_again { "rewritten" } else { "written" };
            format!("{verb} {mark} {wanted} {before} {}", at.as_millis())
        });
        let shown = self.shown.iter().map(|Shown { mark, wanted, words }| format!("shown {mark} {wanted} {words}"));
        written.chain(shown)
    }

    /// Notes that AWS has taken `wanted` from a claim, of which it showed `before`.
    pub(crate) fn note_write(&mut self, mark: &str, wanted: String, before: String, at: Duration) {
        let is_same =
            |known: &LatestWrite| (&*known.mark, &*known.wanted, &*known.before) == (mark, &*wanted, &*before);
        let is_again = self.written.iter().any(is_same);
        self.settle(mark);
        self.written.push(LatestWrite { mark: mark.to_owned(), wanted, before, at, is_again });
        trimmed(&mut self.written);
    }

    /// Whether `shown` is known as what AWS makes of `wanted`, and of nothing else that the claim wrote since.
    pub(crate) fn is_known(&self, mark: &str, wanted: &str, shown: &str) -> bool {
        let may_be_of =
            |written: &LatestWrite| written.mark == mark && written.wanted != wanted && written.before == shown;
        !self.written.iter().any(may_be_of)
            && self.shown.iter().any(|known| (&*known.mark, &*known.wanted, &*known.words) == (mark, wanted, shown))
    }

    /// Whether `shown`, in a document that was not replaced, has to be what AWS makes of the latest write of `wanted`: it isn't
    /// what was shown before; or it was written twice, and no read lags behind the second write any more. After one write
    /// somebody else may have put back what was there before. Then it is known from now on.
    pub(crate) fn learns(&mut self, mark: &str, wanted: &str, shown: &str, now: Duration, lag: Duration) -> bool {
        let is_made_of_it = |written: &LatestWrite| {
            // No request lasts longer, and a later one writes anew.
            let is_fresh = now < written.at + CANCELLED_FOR;
            let is_other = written.before != shown || (written.is_again && now >= written.at + lag);
            written.mark == mark && written.wanted == wanted && is_fresh && is_other
        };
        if !self.written.iter().any(is_made_of_it) {
            return false;
        }
        self.settle(mark);
        self.shown.retain(|known| known.mark != mark || known.words != shown);
        self.shown.push(Shown { mark: mark.to_owned(), wanted: wanted.to_owned(), words: shown.to_owned() });
        trimmed(&mut self.shown);
        true
    }

    /// Notes that the claim's latest write is there.
    pub(crate) fn settle(&mut self, mark: &str) {
        self.written.retain(|written| written.mark != mark);
    }
}

fn trimmed<T>(remembered: &mut Vec<T>) {
    let too_many = remembered.len().saturating_sub(REMEMBERED);
    remembered.drain(..too_many);
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_hours(1000);
    const LAG: Duration = Duration::from_mins(2);

    fn stored(wordings: &Wordings) -> Wordings {
        let mut read = Wordings::default();
        wordings.lines().for_each(|line| read.read(&line.split(' ').collect::<Vec<_>>()));
        read
    }

    fn after_a_write() -> Wordings {
        let mut wordings = Wordings::default();
        wordings.note_write("mark", "wanted".to_owned(), "before".to_owned(), NOW);
        stored(&wordings)
    }

    #[test]
    fn other_words_than_before_are_those_of_the_write_and_stay_known() {
        let mut wordings = after_a_write();
        assert!(!wordings.learns("mark", "wanted", "before", NOW, LAG), "a read may lag behind");
        assert!(!wordings.learns("other", "wanted", "words", NOW, LAG));
        assert!(!wordings.learns("mark", "other", "words", NOW, LAG));
        assert!(wordings.learns("mark", "wanted", "words", NOW, LAG));
        let mut wordings = stored(&wordings);
        assert!(wordings.is_known("mark", "wanted", "words"));
        assert!(!wordings.is_known("mark", "wanted", "before") && !wordings.is_known("other", "wanted", "words"));
        assert!(
            !wordings.learns("mark", "wanted", "somebody else's", NOW, LAG),
            "a change of later is none of AWS's words"
        );
    }

    #[test]
    fn the_words_of_before_are_those_of_the_second_write_once_no_read_lags_behind() {
        let mut wordings = after_a_write();
        assert!(!wordings.learns("mark", "wanted", "before", NOW + LAG, LAG), "somebody else may have put them back");
        wordings.note_write("mark", "wanted".to_owned(), "before".to_owned(), NOW);
        let mut wordings = stored(&wordings);
        assert!(!wordings.learns("mark", "wanted", "before", NOW + Duration::from_secs(119), LAG));
        assert!(wordings.learns("mark", "wanted", "before", NOW + LAG, LAG));
    }

    #[test]
    fn words_that_two_writes_share_are_those_of_the_latest_alone() {
        let mut wordings = after_a_write();
        assert!(wordings.learns("mark", "wanted", "words", NOW, LAG));
        wordings.note_write("mark", "other".to_owned(), "words".to_owned(), NOW);
        assert!(!wordings.is_known("mark", "wanted", "words"), "the other one may be shown so, too");
        let mut told_apart = wordings.clone();
        assert!(told_apart.learns("mark", "other", "other words", NOW, LAG));
        assert!(told_apart.is_known("mark", "wanted", "words") && told_apart.is_known("mark", "other", "other words"));
        wordings.note_write("mark", "other".to_owned(), "words".to_owned(), NOW);
        assert!(wordings.learns("mark", "other", "words", NOW + LAG, LAG));
        assert!(wordings.is_known("mark", "other", "words") && !wordings.is_known("mark", "wanted", "words"));
    }

    #[test]
    fn a_write_that_is_there_or_of_an_earlier_request_teaches_nothing() {
        let mut wordings = after_a_write();
        wordings.settle("mark");
        assert!(!wordings.learns("mark", "wanted", "words", NOW, LAG));
        let mut wordings = after_a_write();
        assert!(!wordings.learns("mark", "wanted", "words", NOW + CANCELLED_FOR, LAG));
    }

    #[test]
    fn so_many_are_remembered() {
        let mut wordings = Wordings::default();
        for n in 0..2 * REMEMBERED {
            let mark = n.to_string();
            wordings.note_write(&mark, "wanted".to_owned(), "before".to_owned(), NOW);
            assert!(wordings.learns(&mark, "wanted", "words", NOW, LAG));
            wordings.note_write(&mark, "wanted".to_owned(), "before".to_owned(), NOW);
        }
        assert_eq!(wordings.lines().count(), 2 * REMEMBERED);
    }
}
