//! Where a policy is kept: the few calls that a service offers for it, and what it takes.

use std::time::Duration;

use custom_resource::{AwsError, Result};

use crate::{Document, Limit, Rules, Statement, Target, TargetLocation};

/// One kind of policy that belongs to one kind of thing.
#[expect(async_fn_in_trait, reason = "one event at a time on a current-thread runtime: nothing has to be Send")]
pub trait PolicyStore {
    /// The thing that the policy belongs to.
    type Target: Target;
    /// The name of the type, such as `Custom::EcrPolicyStatement`.
    const TYPE: &'static str;
    /// What a statement has to be.
    const RULES: Rules;
    /// How large the policy may be. AWS judges that, since it doesn't count what is sent as it is; the numbers explain its refusal.
    const LIMIT: Limit;
    /// Whether the service keeps no policy where there are no statements.
    const DELETED_WHEN_EMPTY: bool;
    /// Whether the service takes the calls from other accounts than the one that owns the target.
    const FROM_OUTSIDE: bool;
    /// How long a target that was made a moment ago may not be visible, if that happens.
    const APPEARS_WITHIN: Option<Duration>;

    /// How long a read of the policy may lag behind a write.
    const LAG: Duration = Duration::from_mins(2);

    /// What a denial says beside AWS's words: which parameter of the functions' stack lists what the function may change.
    const OPENED_BY: &'static str;

    /// A call to the service as far as to the connection, if that is the same for all targets: see
    /// [`Resource::warm_up`](custom_resource::Resource::warm_up).
    async fn warm_up(&self) {}

    /// The target under the one name that it has for everybody: what stands behind an alias, say.
    async fn resolve(&self, location: TargetLocation<Self::Target>) -> Result<Lookup<TargetLocation<Self::Target>>> {
        Ok(Lookup::Found(location))
    }

    /// The policy as it is.
    async fn get(&self, location: &TargetLocation<Self::Target>) -> Result<Policy>;

    /// Replaces the policy.
    ///
    /// # Errors
    /// What AWS said, marked as passing where it may pass.
    async fn put(&self, location: &TargetLocation<Self::Target>, text: &str) -> Result<(), AwsError>;

    /// Deletes the policy; called only where there may be none.
    ///
    /// # Errors
    /// What AWS said, but nothing where the policy or the target is gone.
    async fn delete(&self, location: &TargetLocation<Self::Target>) -> Result<(), AwsError>;

    /// What tells the target from another one that is made under its name later, as far as that can be asked. It is asked after the
    /// policy was read, and while it is read after a write; what can't be asked is not known.
    async fn identity(&self, _location: &TargetLocation<Self::Target>) -> Option<String> {
        None
    }

    /// What a refusal of `put` is about.
    fn objection(error: &AwsError) -> Objection;

    /// What AWS doesn't take in a statement any more, although such statements stand in policies from before: then it refuses
    /// every change of the policy, whoever wrote that statement.
    #[must_use]
    fn no_longer_taken(_statement: &Statement) -> Option<&'static str> {
        None
    }

    /// How large this very policy may be: asked where it is larger than `LIMIT`, and where AWS refused it for its size.
    ///
    /// # Errors
    /// What AWS said instead.
    async fn limit(&self, _location: &TargetLocation<Self::Target>) -> Result<Limit> {
        Ok(Self::LIMIT)
    }

    /// Refuses a change that nobody can want.
    ///
    /// # Errors
    /// Refused with what would be lost.
    fn guard(_location: &TargetLocation<Self::Target>, _before: &Document, _after: &Document) -> Result<()> {
        Ok(())
    }
}

/// What was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup<T> {
    /// It is there.
    Found(T),
    /// There is no such target, or it is being deleted: AWS said so.
    Gone(AwsError),
}

/// What AWS refuses a policy for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objection {
    /// A principal that it doesn't know: one that was made a moment ago, or deleted.
    Principal,
    /// A statement, in other words.
    Statement,
    /// One of the two: the service doesn't say which.
    PrincipalOrStatement,
    /// Its size.
    Size,
    /// Something else, which its words say.
    Other,
}

impl Objection {
    /// Whether it may be a principal.
    pub(crate) fn may_be_a_principal(self) -> bool {
        matches!(self, Self::Principal | Self::PrincipalOrStatement)
    }

    /// Whether it may be the form of a statement.
    pub(crate) fn may_be_a_statement(self) -> bool {
        matches!(self, Self::Statement | Self::PrincipalOrStatement)
    }
}

/// What there is of a policy.
#[derive(Debug)]
pub enum Policy {
    /// This document. It must not reach a log.
    Text(String),
    /// The target has none.
    Absent,
    /// There is no such target, or it is being deleted: AWS said so.
    NoTarget(AwsError),
}
