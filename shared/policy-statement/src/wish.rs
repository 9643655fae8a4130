//! What a claim is to have in a policy, as its latest request wishes.

use std::time::Duration;

use crate::Statement;

/// Statements that a claim is to have from now on: none where it is to have none.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) statements: Vec<Statement>,
    /// When nobody waits for it any more.
    pub(crate) ends: Duration,
    /// The path of an element with a policy variable, if there is one.
    pub(crate) variable: Option<String>,
    /// Whether nobody but its author knows whether its caller may have it.
    pub(crate) is_unchecked: bool,
    /// Whether its author alone writes it.
    pub(crate) is_alone: bool,
    /// Until when a holder of the lease may write it that has taken it up; nobody knows what became of it after that.
    pub(crate) taken: Option<Duration>,
    pub(crate) put: Option<Put>,
}

/// A write that AWS has taken, and that nobody saw yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Put {
    /// The digest of what AWS showed of the claim before.
    pub(crate) before: String,
    pub(crate) at: Duration,
    /// Whether the same was written before, and AWS showed the same as before it afterwards.
    pub(crate) is_again: bool,
}

impl Put {
    /// Reads what `text` wrote.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let [before, at, how] = text.split(' ').collect::<Vec<_>>()[..] else { return None };
        let at = Duration::from_millis(at.parse().ok()?);
        Some(Self { before: before.to_owned(), at, is_again: how == "again" })
    }

    pub(crate) fn text(&self) -> String {
        let how = if self.is_again { "again" } else { "once" };
        format!("{} {} {how}", self.before, self.at.as_millis())
    }

    /// Whether `shown`, in a document that was not replaced, has to be what AWS makes of what was written: it isn't what AWS showed
    /// before; or the same was written twice, and no read lags behind the second write any more. After one write somebody
    /// else may have put back what was there before.
    pub(crate) fn made(&self, shown: &str, now: Duration, lag: Duration) -> bool {
        self.before != shown || (self.is_again && now >= self.at + lag)
    }
}
