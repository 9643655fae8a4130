//! What one invocation has written, since reads may be behind.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
};

use crate::{Error, Result};

/// The writes of one invocation.
#[derive(Debug, Default)]
pub struct Writes {
    written: RefCell<BTreeSet<String>>,
    is_denied: Cell<bool>,
}

impl Writes {
    /// Makes the template's change to `what`. A read may be behind, and show a rollback what was before the template that
    /// failed: so where it shows what is wanted (`is_shown`), that is written all the same, once in each invocation. What AWS
    /// refuses then isn't needed, or was refused to the template that failed.
    ///
    /// # Errors
    /// Those of `write`.
    pub async fn change(&self, what: &str, is_shown: bool, write: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
        if is_shown && self.includes(what) {
            return Ok(());
        }
        match write().await {
            Err(Error::Refused(reason)) if is_shown => tracing::warn!(%reason, "what is there was not written again"),
            Err(Error::NotYet(not_yet)) if is_shown && not_yet.is_denial() && self.is_denied() => {
                tracing::warn!(reason = %not_yet, "what is there was not written again");
            }
            written => written?,
        }
        self.add(what);
        Ok(())
    }

    /// Notes that `what` was written. A Create that fails then doesn't say that nothing was made.
    pub fn add(&self, what: impl Into<String>) {
        self.written.borrow_mut().insert(what.into());
    }

    /// Whether this invocation has written `what`.
    #[must_use]
    pub fn includes(&self, what: &str) -> bool {
        self.written.borrow().contains(what)
    }

    /// Whether this invocation has written nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.written.borrow().is_empty()
    }

    /// Whether AWS has denied something for longer than it does to a fresh role. Who can do without it has one more try.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.is_denied.get()
    }

    /// Notes that; says whether it is news.
    pub(crate) fn deny(&self) -> bool {
        !self.is_denied.replace(true)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::AwsError;

    #[test]
    fn what_was_written_is_known_from_then_on() {
        let writes = Writes::default();
        assert!(writes.is_empty());
        writes.add("name");
        assert!(writes.includes("name") && !writes.includes("tags") && !writes.is_empty());
    }

    #[tokio::test]
    async fn what_is_shown_as_wanted_is_written_once_and_a_refusal_of_that_is_no_failure() {
        let refused = async || Err(Error::refused("no"));
        let writes = Writes::default();
        assert_eq!(writes.change("name", false, refused).await, Err(Error::refused("no")));
        assert!(!writes.includes("name"));
        writes.change("name", true, refused).await.unwrap();
        writes.change("name", true, async || panic!("it was written before")).await.unwrap();
        assert_eq!(writes.change("name", false, refused).await, Err(Error::refused("no")));
    }

    #[tokio::test]
    async fn what_may_pass_is_waited_for_and_a_denial_that_lasts_is_a_refusal() {
        let second = Duration::from_secs(1);
        let denial = || Error::from(AwsError::refused("ram:TagResource", "AccessDenied", "").not_yet_within(second));
        let denied = async || Err(denial());
        let writes = Writes::default();
        assert_eq!(writes.change("tags", true, denied).await, Err(denial()));
        assert!(writes.deny() && !writes.deny());
        assert_eq!(writes.change("tags", false, denied).await, Err(denial()));
        let busy = async || Err(Error::not_yet("busy"));
        assert_eq!(writes.change("tags", true, busy).await, Err(Error::not_yet("busy")));
        writes.change("tags", true, denied).await.unwrap();
    }
}
