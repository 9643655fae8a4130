//! What administrators and schedules ask of all claims of a type, whoever made these.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use archipelago::CallerTable;
use custom_resource::{Error, FunctionArn, Result};
use futures_util::future::join_all;
use tokio::time::timeout_at;

use crate::{
    Document, PolicyStore, StatementProperty, TargetLocation,
    acting::Acting,
    change::{check_caller, with_statements, without_statements},
    checks::with_variable,
    claim_record::ClaimRecord,
    claims::Claims,
    grants::Grants,
    item_update::ItemUpdate,
    lease::{Asked, Lease},
    ledger::Ledger,
    role::Role,
    stores::Stores,
    visit::{Shown, Visit},
};

/// In the place of a claim's mark, in the names of leases and of sessions.
const NOBODY_S: &str = "sweep";

/// What is granted to callers, by their names.
pub(crate) type GrantsByCaller = HashMap<String, Result<Grants>>;

/// What is needed for it.
pub(crate) struct Administration<'a, S: PolicyStore> {
    pub(crate) ledger: &'a Rc<Ledger>,
    pub(crate) stores: &'a Stores<S>,
    pub(crate) callers: &'a CallerTable,
    pub(crate) function: &'a FunctionArn,
}

impl<S: PolicyStore> Administration<'_, S> {
    /// The store in which the claims are, as the role that acts for them.
    pub(crate) async fn acting_for(&self, claims: &Claims<S::Target>) -> Result<Acting<S>> {
        let home = &self.function.account;
        let role = claims.role_arn.clone().map(|arn| Role { arn, external_id: None });
        if let Some(role) = &role {
            if claims.has_external_id {
                return Err(Error::refused(format!(
                    "{} is assumed with an ExternalId, which the ledger doesn't keep, so only the stack's own requests reach {}",
                    role.arn,
                    claims.location.policy()
                )));
            }
            if role.account() == home {
                return Err(Error::refused("a function never acts as a role of its own account"));
            }
        } else if claims.location.account.is_some() && !S::FROM_OUTSIDE {
            return Err(Error::refused(format!("{} can't be reached without a role there", claims.location.policy())));
        }
        let store = self.stores.acting_as(role.as_ref(), home, NOBODY_S).await?;
        Ok(Acting { store, is_own: role.is_none() })
    }

    /// What is granted at this moment to the callers of these claims, or why nobody knows.
    pub(crate) async fn grants_of(&self, records: &[&ClaimRecord]) -> GrantsByCaller {
        let callers: HashSet<_> = records.iter().filter_map(|record| record.caller.clone()).collect();
        let read = callers.into_iter().map(async |caller| {
            let grants = self.callers.grants(&caller).await;
            (caller, grants.map(|grants| Grants::of(grants, S::TYPE)))
        });
        join_all(read).await.into_iter().collect()
    }

    /// Whether the claim's caller, if it has one, may have these statements at this moment.
    ///
    /// # Errors
    /// Refused where it may not; where nobody knows.
    pub(crate) fn check_granted(
        &self,
        location: &TargetLocation<S::Target>,
        record: &ClaimRecord,
        statements: &StatementProperty,
        granted: &GrantsByCaller,
    ) -> Result<()> {
        let Some(caller) = record.caller() else { return Ok(()) };
        let unread = || Error::not_yet("nobody has asked what is granted to the claim's caller");
        let grants = granted.get(caller.name()).ok_or_else(unread)?.as_ref().map_err(Clone::clone)?;
        grants.check(&caller, &location.arn(self.function), S::RULES.resources, statements)
    }

    /// Does `work` with a policy and its claims while nobody else can change it, and makes the changes of the ledger that it returns.
    ///
    /// # Errors
    /// Not yet while somebody else changes the policy, and where AWS doesn't show it as it is.
    pub(crate) async fn visit<T>(
        &self,
        claims: &Claims<S::Target>,
        work: impl AsyncFnOnce(&Visit<'_, S>, Shown) -> Result<(T, Vec<ItemUpdate>)>,
    ) -> Result<T> {
        let store = self.acting_for(claims).await?;
        let Asked::Taken(lease) = Lease::ask(self.ledger, &claims.policy, NOBODY_S, self.ledger.now()).await? else {
            return Err(Error::not_yet(format!("{} is being changed by a request", claims.location.policy())));
        };
        let visit = Visit { ledger: self.ledger, claims, store: &store, lease: &lease };
        let work = async {
            let shown = visit.look().await?;
            work(&visit, shown).await
        };
        let ended = timeout_at(lease.half_time(), Box::pin(work)).await.unwrap_or_else(|_| {
            Err(Error::not_yet(format!("AWS took too long to change {}", claims.location.policy()))) //
        });
        match ended {
            Ok((done, changes)) => {
                lease.release(changes).await?;
                Ok(done)
            }
            Err(error) => {
                // A write that nobody knows the end of may still come to pass: then nobody else may write before the lease is over.
                if !lease.has_open_end() {
                    let _ = lease.release(Vec::new()).await;
                }
                Err(error)
            }
        }
    }

    /// `before` with what the claim is known to have had in it, after the checks of the first time.
    ///
    /// # Errors
    /// Refused where it isn't known to be meant for this very target, and where the claim's caller may not have it any more.
    pub(crate) fn with_written(
        &self,
        location: &TargetLocation<S::Target>,
        before: &Document,
        record: &ClaimRecord,
        identity: Option<&str>,
        granted: &GrantsByCaller,
    ) -> Result<Document> {
        let Some(written) = &record.written else { return Ok(before.clone()) };
        if record.is_unclear() {
            return Err(Error::refused(
                "a request changes them, or ended before it could say how; the stack's next request writes them",
            ));
        }
        if written.identity.is_some() && identity.is_none() {
            return Err(Error::not_yet(format!("nobody can say whether the {} was made anew", location.named())));
        }
        if is_remade(record, identity) {
            return Err(Error::refused(format!(
                "the {} was made anew since; the stack's next request writes them",
                location.named()
            )));
        }
        if !self.ledger.is_of_this_table(record) {
            return Err(Error::refused(
                "the ledger was restored since, and may not know the latest of them; the stack's next request writes them",
            ));
        }
        let unreadable = || Error::refused("the ledger's statements can't be read");
        let property = StatementProperty::of(&written.statements).ok_or_else(unreadable)?;
        check_caller(record.caller().as_ref(), location, before, &record.mark())?;
        self.check_granted(location, record, &property, granted)?;
        let variable = with_variable(&property);
        with_statements::<S>(location, before, &record.mark(), &written.statements, variable.as_deref())
    }
}

/// `before` without the claim's statements.
///
/// # Errors
/// Refused where they can't be the claim's, and where AWS or nobody would want the rest.
pub(crate) fn without<S: PolicyStore>(
    location: &TargetLocation<S::Target>,
    before: &Document,
    record: &ClaimRecord,
) -> Result<Document> {
    check_caller(record.caller().as_ref(), location, before, &record.mark())?;
    without_statements::<S>(location, before, &record.mark())
}

/// Whether the target is known to be another one than that for which the claim's statements were written.
pub(crate) fn is_remade(record: &ClaimRecord, identity: Option<&str>) -> bool {
    let noted = record.written.as_ref().and_then(|written| written.identity.as_deref());
    noted.zip(identity).is_some_and(|(noted, identity)| noted != identity)
}
