//! Why AWS refused a write, and who can do something about it.

use std::time::Duration;

use custom_resource::{AwsError, Error};

use crate::{Document, Objection, PolicyStore, TargetLocation, acting::Acting, unknown::Unknown};

/// How long a principal that was made a moment ago may not be known.
pub(crate) const PRINCIPAL_SEEN_WITHIN: Duration = Duration::from_mins(2);

/// What a principal of ours that AWS doesn't know is.
const MAY_APPEAR: &str = "most likely a principal of the Statement doesn't exist; if it is made later, name its account's root, \
                          with a Condition on aws:PrincipalArn; an account is unknown, too, where it was closed or has not \
                          enabled this Region";

/// What somebody else's is, of which AWS once knew.
const UNKNOWN: &str =
    "AWS doesn't know a role or a user that was deleted, nor an account that was closed or has not enabled this Region";

/// A write of one claim in one policy, as far as a refusal of it is explained.
pub(crate) struct Triage<'a, S: PolicyStore> {
    pub(crate) store: &'a Acting<S>,
    pub(crate) location: &'a TargetLocation<S::Target>,
    pub(crate) mark: &'a str,
    pub(crate) prune_orphans: bool,
}

impl<S: PolicyStore> Triage<'_, S> {
    /// The refusal, explained: somebody else's statement stays as it is until somebody
    /// changes it, a principal of ours may appear.
    pub(crate) async fn of(&self, error: AwsError, before: &Document, after: &Document) -> Error {
        let objection = S::objection(&error);
        let policy = self.location.policy();
        if objection == Objection::Size {
            // AWS has refused it, whatever becomes of the question how much it would take.
            let limit = self.store.limit(self.location).await.unwrap_or(S::LIMIT);
            return Error::refused(error.advised(&limit.explained(&policy, after, self.mark)).to_string());
        }
        let not_taken = self.no_longer_taken(before);
        if objection.may_be_a_statement() && !not_taken.is_empty() {
            let advice = format!(
                "{policy} has statements of others that AWS doesn't take any more, so it takes no change of the policy \
                 ({not_taken}); correct them, or take them out"
            );
            return Error::refused(error.advised(&advice).to_string());
        }
        if !objection.may_be_a_principal() {
            return error.into();
        }
        match Unknown::of(&error, after, self.mark) {
            Unknown::Ours => error.advised(MAY_APPEAR).not_yet_within(PRINCIPAL_SEEN_WITHIN).into(),
            Unknown::Theirs(who) => {
                let advice = format!("{policy} names it ({who}); {UNKNOWN}; take it out");
                Error::refused(error.advised(&advice).to_string())
            }
            Unknown::Deleted(who) => {
                let instead = match after.own(self.mark).next() {
                    None => "; take them out",
                    Some(_) if self.prune_orphans => ", for all but whom a statement is; take it out",
                    Some(_) => "; take them out, or set PruneOrphans to true",
                };
                let advice = format!("{policy} names principals that were deleted ({who}){instead}");
                Error::refused(error.advised(&advice).to_string())
            }
            Unknown::OneOf(who) if !after.has_any(self.mark) => {
                let one_of = if who.is_empty() { String::new() } else { format!(", one of: {who}") };
                let advice =
                    format!("a statement of somebody else in {policy} names it; {UNKNOWN}; take it out{one_of}");
                Error::refused(error.advised(&advice).to_string())
            }
            Unknown::OneOf(who) if who.is_empty() => {
                error.advised(MAY_APPEAR).not_yet_within(PRINCIPAL_SEEN_WITHIN).into()
            }
            Unknown::OneOf(who) => {
                let advice = format!("{MAY_APPEAR}; or else statements of others name it: {who}");
                error.advised(&advice).not_yet_within(PRINCIPAL_SEEN_WITHIN).into()
            }
        }
    }

    /// The statements of others that AWS doesn't take any more: "`Old` has no Action, `Odd` ..".
    fn no_longer_taken(&self, before: &Document) -> String {
        let not_taken = before.foreign(self.mark).filter_map(|statement| {
            S::no_longer_taken(statement).map(|why| format!("{} {why}", statement.called())) //
        });
        not_taken.collect::<Vec<_>>().join(", ")
    }
}

/// A target that isn't there, which may only not be visible yet.
pub(crate) fn not_there<S: PolicyStore>(error: AwsError, location: &TargetLocation<S::Target>) -> Error {
    let named = location.named();
    let error = error.advised(&format!("the {named} must be there before a statement can go into its policy"));
    match S::APPEARS_WITHIN {
        Some(window) => error.not_yet_within(window).into(),
        None => Error::refused(error.to_string()),
    }
}
