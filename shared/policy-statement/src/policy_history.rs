//! What the holders of a lease leave to each other.

use std::time::Duration;

use custom_resource::{Error, Result};

/// After what time a write whose end nobody saw has come to pass, or won't.
const SETTLED_AFTER: Duration = Duration::from_secs(30);

/// How many replaced documents are remembered at most while a read may lag behind, and how many after that.
const REMEMBERED: usize = 300;
const REMEMBERED_AFTERWARDS: usize = 24;

/// For how long a document is remembered whose write was given up, and how many of them at most.
const GIVEN_UP_FOR: Duration = Duration::from_hours(24);
const GIVEN_UP: usize = 12;

/// How many repairs of a policy in what time are undone by somebody who will undo the next one as well. What is taken out again in the
/// same way is only told from a stale read once no read may lag behind any more, so that much time is left out for each.
const FOUGHT: usize = 3;
const FOUGHT_WITHIN: Duration = Duration::from_mins(5);

/// How long nobody repairs the policy then but a sweep, of which there is one in that time.
const FOUGHT_FOR: Duration = Duration::from_hours(1);

/// What is known of the documents that one policy had, each by its fingerprint. Times are those since 1970.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct PolicyHistory {
    /// How long a read may lag behind a write.
    pub(crate) lag: Duration,
    /// The document that is there, as far as the latest holder saw.
    current: Option<String>,
    /// Documents that were replaced, and when.
    replaced: Vec<(String, Duration)>,
    /// The write whose end isn't known.
    pending: Option<Pending>,
    /// Documents whose write had no answer and had not come to pass when it was looked for.
    given_up: Vec<(String, Duration)>,
    /// The replaced document that the latest reads have shown, and since when.
    doubted: Option<(String, Duration)>,
    /// When statements that somebody else took out were put back, since the latest sweep.
    repaired: Vec<Duration>,
    /// Since when somebody takes them out each time.
    fought: Option<Duration>,
}

/// A write from one document to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) at: Duration,
    /// The claims whose wishes it carries out, by the keys of their items.
    pub(crate) claims: Vec<String>,
}

/// What a document is that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    /// The one that the latest holder left.
    AsLeft,
    /// One that nobody of ours left there: somebody else wrote it, or nothing is known yet. It is unknown whether the wishes of these claims
    /// were carried out before.
    New(Vec<String>),
    /// One that a function of ours wrote, whose write came to pass after everybody had given it up. What was written in between is
    /// lost.
    Overdue,
    /// One that was replaced, or the start of a write that may still come to pass.
    Stale,
    /// The start of a write that has not come to pass, or that a read doesn't show yet: it may be replaced by a document in which
    /// the wishes of these claims are carried out as well.
    Unless(Vec<String>),
}

impl PolicyHistory {
    /// Reads what `write` wrote.
    ///
    /// # Errors
    /// Refused where it can't be read.
    pub(crate) fn read<'a>(lines: impl Iterator<Item = &'a str>, now: Duration, lag: Duration) -> Result<Self> {
        let mut history = Self { lag, ..Self::default() };
        for line in lines {
            history.take(line).ok_or_else(|| {
                Error::refused(
                    "the ledger's item `lease` has a line that can't be read, so its policy is left as it is; the runbook says \
                     how to correct it",
                )
            })?;
        }
        history.given_up.retain(|(_, at)| now < *at + GIVEN_UP_FOR);
        Ok(history)
    }

    fn take(&mut self, line: &str) -> Option<()> {
        let millis = |text: &str| text.parse().ok().map(Duration::from_millis);
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["current", fingerprint] => self.current = Some(fingerprint.to_owned()),
            ["replaced", fingerprint, at] => self.replaced.push((fingerprint.to_owned(), millis(at)?)),
            ["pending", before, after, at, ref claims @ ..] => {
                let claims = claims.iter().map(|&claim| claim.to_owned()).collect();
                self.pending =
                    Some(Pending { before: before.to_owned(), after: after.to_owned(), at: millis(at)?, claims });
            }
            ["given-up", fingerprint, at] => self.given_up.push((fingerprint.to_owned(), millis(at)?)),
            ["doubted", fingerprint, since] => self.doubted = Some((fingerprint.to_owned(), millis(since)?)),
            ["repaired", at] => self.repaired.push(millis(at)?),
            ["fought", since] => self.fought = Some(millis(since)?),
            _ => return None,
        }
        Some(())
    }

    /// A line for each.
    pub(crate) fn write(&self) -> Vec<String> {
        let timed = |word: &'static str| {
            move |(fingerprint, at): &(String, Duration)| format!("{word} {fingerprint} {}", at.as_millis())
        };
        let pending = self.pending.iter().map(|Pending { before, after, at, claims }| {
            let words = ["pending".to_owned(), before.clone(), after.clone(), at.as_millis().to_string()];
            words.iter().chain(claims).map(String::as_str).collect::<Vec<_>>().join(" ")
        });
        let current = self.current.iter().map(|fingerprint| format!("current {fingerprint}"));
        let replaced = self.replaced.iter().map(timed("replaced"));
        let given_up = self.given_up.iter().map(timed("given-up"));
        current
            .chain(replaced)
            .chain(pending)
            .chain(given_up)
            .chain(self.doubted.iter().map(timed("doubted")))
            .chain(self.repaired.iter().map(|at| format!("repaired {}", at.as_millis())))
            .chain(self.fought.iter().map(|since| format!("fought {}", since.as_millis())))
            .collect()
    }

    /// What a document is that was read now.
    pub(crate) fn judge(&mut self, fingerprint: &str, now: Duration) -> Reading {
        let mut unclear = Vec::new();
        if let Some(pending) = self.pending.take() {
            // A late read may show it as well where it is what was there a moment ago.
            if pending.after == fingerprint && !self.was_replaced_lately(fingerprint, now) {
                self.replace(pending.before, &pending.after, now);
                return Reading::AsLeft;
            }
            if pending.before == fingerprint && now < pending.at + self.lag.max(SETTLED_AFTER) {
                let claims = pending.claims.clone();
                let is_settled = now >= pending.at + SETTLED_AFTER;
                self.pending = Some(pending);
                // What a late write has lost isn't known before that write is settled, so nothing is built on it.
                let is_overdue = self.given_up.iter().any(|(given_up, _)| given_up == fingerprint);
                return if is_settled && !is_overdue { Reading::Unless(claims) } else { Reading::Stale };
            }
            if self.was_replaced_lately(fingerprint, now) {
                self.pending = Some(pending);
                return Reading::Stale;
            }
            if pending.before != fingerprint {
                unclear = pending.claims;
            }
            // Whoever reads its end later reads what was lost in between, or what never was.
            self.give_up(pending.after, now);
            if pending.before != fingerprint {
                self.note_replaced(pending.before, now);
            }
        }
        if self.current.as_deref() == Some(fingerprint) {
            self.doubted = None;
            return Reading::AsLeft;
        }
        let is_it = |(known, _): &&(String, Duration)| known == fingerprint;
        let is_given_up = self.given_up.iter().any(|known| is_it(&known));
        let Some(&(_, at)) = self.replaced.iter().chain(&self.given_up).find(is_it) else {
            self.doubted = None;
            return Reading::New(unclear);
        };
        // Somebody may have put that document back, or the write that was given up came to pass. Then all reads show it, even when no read
        // should lag so far behind. One that came to pass and was replaced by somebody else is shown by late reads alone.
        let since = self.doubt(fingerprint, now);
        if now < at + self.lag || now < since + self.lag {
            return Reading::Stale;
        }
        if is_given_up {
            return Reading::Overdue;
        }
        self.doubted = None;
        Reading::New(unclear)
    }

    /// The same history, in which a write has begun whose end isn't known.
    pub(crate) fn beginning(&self, pending: Pending) -> Self {
        let mut history = self.clone();
        // A write that had not come to pass may do so after this one.
        if let Some(earlier) = history.pending.take().filter(|earlier| earlier.after != pending.after) {
            history.give_up(earlier.after, pending.at);
        }
        history.given_up.retain(|(given_up, _)| *given_up != pending.after);
        Self { pending: Some(pending), ..history }
    }

    /// Notes that AWS has taken the write that began.
    pub(crate) fn note_done(&mut self, now: Duration) {
        if let Some(pending) = self.pending.take() {
            self.replace(pending.before, &pending.after, now);
        }
    }

    /// Notes that AWS has refused the write that began.
    pub(crate) fn note_refused(&mut self) {
        self.pending = None;
    }

    /// Notes that the document of this fingerprint is the one that is there.
    pub(crate) fn note_current(&mut self, fingerprint: &str) {
        self.replaced.retain(|(known, _)| known != fingerprint);
        self.doubted = None;
        self.current = Some(fingerprint.to_owned());
    }

    /// Notes that somebody else has put the document of this fingerprint in the place of the one that was there, which a late read may
    /// still show.
    pub(crate) fn note_found(&mut self, fingerprint: &str, now: Duration) {
        match self.current.take() {
            Some(before) => self.replace(before, fingerprint, now),
            None => self.note_current(fingerprint),
        }
    }

    /// Notes that the document that was there isn't there any more, though a late read may still show it.
    pub(crate) fn note_gone(&mut self, now: Duration) {
        if let Some(before) = self.current.take() {
            self.note_replaced(before, now);
        }
    }

    /// Notes that a replaced document is shown, and says since when no read has shown another one.
    pub(crate) fn doubt(&mut self, fingerprint: &str, now: Duration) -> Duration {
        let since = self.doubted.take().filter(|(doubted, _)| doubted == fingerprint).map_or(now, |(_, since)| since);
        self.doubted = Some((fingerprint.to_owned(), since));
        since
    }

    /// Whether the document of this fingerprint was replaced, as far as is known.
    pub(crate) fn was_replaced(&self, fingerprint: &str) -> bool {
        self.replaced.iter().any(|(replaced, _)| replaced == fingerprint)
    }

    /// Whether somebody undoes the repairs of the policy one after another, so that nobody repairs it again before the next sweep.
    pub(crate) fn is_fought(&mut self, now: Duration) -> bool {
        let within = FOUGHT_WITHIN + 3 * self.lag;
        self.repaired.retain(|at| now < *at + within);
        self.fought = self.fought.filter(|since| now < *since + FOUGHT_FOR);
        if self.repaired.len() >= FOUGHT {
            self.fought.get_or_insert(now);
        }
        self.fought.is_some()
    }

    /// Forgets the repairs before.
    pub(crate) fn end_fight(&mut self) {
        self.repaired.clear();
        self.fought = None;
    }

    /// Notes that statements which somebody else took out were put back.
    pub(crate) fn note_repair(&mut self, now: Duration) {
        self.repaired.push(now);
    }

    /// Whether a write has begun whose end isn't known.
    pub(crate) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    fn was_replaced_lately(&self, fingerprint: &str, now: Duration) -> bool {
        self.replaced.iter().any(|(replaced, at)| replaced == fingerprint && now < *at + self.lag)
    }

    fn replace(&mut self, before: String, after: &str, now: Duration) {
        if before != after {
            self.note_replaced(before, now);
        }
        self.note_current(after);
    }

    fn note_replaced(&mut self, fingerprint: String, now: Duration) {
        self.replaced.retain(|(known, _)| *known != fingerprint);
        self.replaced.push((fingerprint, now));
        let lately = self.replaced.iter().filter(|(_, at)| now < *at + self.lag).count();
        let kept = lately.clamp(REMEMBERED_AFTERWARDS, REMEMBERED);
        let too_many = self.replaced.len().saturating_sub(kept);
        self.replaced.drain(..too_many);
    }

    fn give_up(&mut self, fingerprint: String, now: Duration) {
        self.given_up.retain(|(known, _)| *known != fingerprint);
        self.given_up.push((fingerprint, now));
        let too_many = self.given_up.len().saturating_sub(GIVEN_UP);
        self.given_up.drain(..too_many);
    }
}

#[cfg(test)]
mod tests;
