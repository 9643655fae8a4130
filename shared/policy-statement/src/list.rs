//! All claims of a type, and what is there of them.

use custom_resource::{Error, Result};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Document, Lookup, PolicyStore, Statement, StatementProperty, Target, TargetLocation,
    administration::{Administration, GrantsByCaller, is_remade},
    claim_record::ClaimRecord,
    claims::{Claims, sorted},
    orphans::orphans,
    pages::{AT_ONCE, NEXT, Pages},
};

/// How many bytes of claims an answer has at most before the last policy in it, which has some hundred claims of some kilobytes: Lambda
/// returns 6 MB. <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const MOST_BYTES: usize = 3 * 1024 * 1024;

/// A list of claims.
pub(crate) struct List<'a, S: PolicyStore> {
    pub(crate) administration: &'a Administration<'a, S>,
}

impl<S: PolicyStore> List<'_, S> {
    /// The claims from where the last answer stopped.
    ///
    /// # Errors
    /// Where the ledger can't be read.
    pub(crate) async fn answer(&self, event: &Value) -> Result<Value> {
        let pages = Pages::of(event)?;
        let policies = self.administration.ledger.policies(pages.after(), None).await?;
        let (mut claims, mut bytes, mut next) = (Vec::new(), 0, None);
        for some in policies.chunks(AT_ONCE) {
            if pages.is_over(Instant::now()) || bytes > MOST_BYTES {
                break;
            }
            for (policy, of_policy) in some.iter().zip(join_all(some.iter().map(|policy| self.policy(policy))).await) {
                if bytes > MOST_BYTES {
                    break;
                }
                bytes += of_policy.iter().map(|claim| claim.to_string().len()).sum::<usize>();
                claims.extend(of_policy);
                next = Some(policy);
            }
        }
        let mut answer = json!({ "Claims": claims });
        if let Some(next) = next.filter(|next| policies.last() != Some(next)) {
            answer[NEXT] = next.as_str().into();
        }
        Ok(answer)
    }

    async fn policy(&self, policy: &str) -> Vec<Value> {
        let unread = |reason: &Error| json!({ "Policy": policy, "Error": reason.to_string() });
        let (records, unreadable) = match self.administration.ledger.readable_records(policy).await {
            Ok(read) => read,
            Err(reason) => return vec![unread(&reason)],
        };
        let mut shown: Vec<_> = unreadable.iter().map(unread).collect();
        let (mut all, nowhere) = sorted::<S::Target>(policy, records);
        shown.extend(nowhere.iter().map(|record| claim(record, policy, None)));
        for claims in &mut all {
            claims.records.retain(|record| !record.has_nothing());
        }
        let mut known: Option<Document> = None;
        let records: Vec<_> = all.iter().flat_map(|claims| &claims.records).collect();
        let granted = self.administration.grants_of(&records).await;
        for claims in &all {
            let claim = |record: &ClaimRecord, look: Option<&Look<'_>>| {
                let mut claim = claim(record, policy, look);
                if self.has_lost_its_grant(claims, record, &granted) {
                    claim["Granted"] = false.into();
                }
                claim
            };
            match self.read(claims).await {
                Ok((document, identity)) => {
                    let look = Look { document: &document, identity: identity.as_deref() };
                    shown.extend(claims.records.iter().map(|record| claim(record, Some(&look))));
                    known = Some(document);
                }
                Err(reason) => {
                    let with_error = |record: &ClaimRecord| {
                        let mut claim = claim(record, None);
                        claim["Error"] = reason.to_string().into();
                        claim
                    };
                    shown.extend(claims.records.iter().map(with_error));
                }
            }
        }
        if all.is_empty() {
            known = self.read_by_name(policy).await;
        }
        let is_claimed = |statement: &Statement| {
            all.iter().flat_map(|claims| &claims.records).any(|record| statement.is_of(&record.mark())) //
        };
        let unknown = known.iter().flat_map(Document::statements).filter(|of| of.is_marked() && !is_claimed(of));
        shown.extend(unknown.map(|statement| {
            json!({ "Policy": policy, "State": "unknown", "Statements": [value(statement)] }) //
        }));
        shown
    }

    /// Whether what the claim has was granted to its caller, and isn't any more.
    fn has_lost_its_grant(&self, claims: &Claims<S::Target>, record: &ClaimRecord, granted: &GrantsByCaller) -> bool {
        let written = record.written.as_ref().and_then(|written| StatementProperty::of(&written.statements));
        written.is_some_and(|written| {
            let checked = self.administration.check_granted(&claims.location, record, &written, granted);
            matches!(checked, Err(Error::Refused(_)))
        })
    }

    async fn read(&self, claims: &Claims<S::Target>) -> Result<(Document, Option<String>)> {
        let store = self.administration.acting_for(claims).await?;
        match store.read(&claims.location).await? {
            Lookup::Found(document) => Ok((document, store.identity(&claims.location).await)),
            Lookup::Gone(error) => Err(error.into()),
        }
    }

    /// A policy on which nobody has a claim.
    async fn read_by_name(&self, policy: &str) -> Option<Document> {
        let claims = Claims::none(policy, by_name::<S>(policy)?);
        Some(self.read(&claims).await.ok()?.0)
    }
}

fn by_name<S: PolicyStore>(policy: &str) -> Option<TargetLocation<S::Target>> {
    policy.strip_prefix(S::Target::KIND)?.strip_prefix(' ')?.parse().ok()
}

/// What AWS shows.
struct Look<'a> {
    document: &'a Document,
    identity: Option<&'a str>,
}

impl Look<'_> {
    fn state(&self, record: &ClaimRecord) -> &'static str {
        if record.suspended.is_some() {
            let is_there = self.document.has_any(&record.mark());
            if is_there { "suspended, still there" } else { "suspended" }
        } else if record.wish.is_some() {
            "waiting"
        } else if record.is_lacking_in(self.document) {
            "missing"
        } else if record.is_there(self.document) {
            "there"
        } else {
            "changed"
        }
    }
}

fn claim(record: &ClaimRecord, policy: &str, look: Option<&Look<'_>>) -> Value {
    let statements = record.written.as_ref().map(|written| &written.statements);
    let statements = statements.or(record.wish.as_ref().map(|wish| &wish.statements));
    let mut claim = json!({
        "Policy": policy,
        "PhysicalId": record.physical_id(),
        "StackId": record.owner.stack_id(),
        "LogicalId": record.owner.logical_id(),
        "Statements": statements.into_iter().flatten().map(value).collect::<Vec<_>>(),
    });
    for (name, text) in [("Caller", &record.caller), ("RoleArn", &record.role_arn)] {
        if let Some(text) = text {
            claim[name] = text.as_str().into();
        }
    }
    if let Some(look) = look {
        claim["State"] = look.state(record).into();
        let mark = record.mark();
        if look.document.own(&mark).any(|statement| !orphans(statement).is_empty()) {
            claim["Orphaned"] = true.into();
        }
        if is_remade(record, look.identity) {
            claim["Remade"] = true.into();
        }
    }
    claim
}

/// The statement, or its text where no value can hold it.
fn value(statement: &Statement) -> Value {
    serde_json::from_str(statement.text()).unwrap_or_else(|_| statement.text().into())
}
