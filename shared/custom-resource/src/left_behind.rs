//! What a cancelled replacement left.

use std::cell::Cell;

use crate::{Error, Result, Writes};

/// What is known of the thing that a cancelled replacement may have made.
#[derive(Debug, Default)]
pub struct LeftBehind {
    is_there: Cell<bool>,
}

impl LeftBehind {
    /// Says that it is there and grants something to somebody: an Update that can't take it away fails.
    pub fn is_there(&self) {
        self.is_there.set(true);
    }

    /// How an Update ends whose look after it ended so. What AWS refuses to show was refused to the replacement as well, or is for
    /// people to look after: a rollback doesn't fail for it.
    pub(crate) fn tolerated(&self, ended: Result<()>, writes: &Writes) -> Result<()> {
        let is_refusal = match &ended {
            Ok(()) => return Ok(()),
            Err(Error::Refused(_)) => true,
            // A denial may pass. Before it counts as one that lasts it is waited for.
            Err(Error::NotYet(not_yet)) => not_yet.is_denial() && writes.is_denied(),
        };
        match ended {
            Err(reason) if is_refusal && !self.is_there.get() => {
                tracing::warn!(%reason, "what a cancelled replacement may have left was not taken back");
                Ok(())
            }
            ended => ended,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::AwsError;

    #[test]
    fn a_refusal_is_tolerated_unless_what_was_left_is_there() {
        let (left, writes) = (LeftBehind::default(), Writes::default());
        let refused = || Err(Error::refused("no"));
        assert_eq!(left.tolerated(refused(), &writes), Ok(()));
        left.is_there();
        assert_eq!(left.tolerated(refused(), &writes), refused());
        assert_eq!(left.tolerated(Ok(()), &writes), Ok(()));
    }

    #[test]
    fn a_denial_is_waited_for_before_it_is_tolerated_and_what_may_pass_is_never() {
        let (left, writes) = (LeftBehind::default(), Writes::default());
        let denied = AwsError::refused("ram:ListPrincipals", "AccessDenied", "").not_yet_within(Duration::from_secs(1));
        let denied = || Err(Error::from(denied.clone()));
        assert_eq!(left.tolerated(denied(), &writes), denied());
        writes.deny();
        assert_eq!(left.tolerated(denied(), &writes), Ok(()));
        let busy = || Err(Error::not_yet("busy"));
        assert_eq!(left.tolerated(busy(), &writes), busy());
    }
}
