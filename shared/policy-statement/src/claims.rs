//! The claims on a policy, by who acts for them.

use crate::{Document, Target, TargetLocation, claim_record::ClaimRecord};

/// The claims on one policy for which the same role acts.
pub(crate) struct Claims<T> {
    /// The name of the policy in the ledger.
    pub(crate) policy: String,
    pub(crate) location: TargetLocation<T>,
    pub(crate) role_arn: Option<String>,
    pub(crate) has_external_id: bool,
    pub(crate) records: Vec<ClaimRecord>,
}

impl<T> Claims<T> {
    /// None, on a policy that the function itself reaches.
    pub(crate) fn none(policy: &str, location: TargetLocation<T>) -> Self {
        Self { policy: policy.to_owned(), location, role_arn: None, has_external_id: false, records: Vec::new() }
    }

    pub(crate) fn has(&self, record: &ClaimRecord) -> bool {
        self.records.iter().any(|other| other.key == record.key)
    }
}

/// Sorts the claims on a policy by who acts for them. Those of which nobody can say where they are come back by themselves.
pub(crate) fn sorted<T: Target>(policy: &str, records: Vec<ClaimRecord>) -> (Vec<Claims<T>>, Vec<ClaimRecord>) {
    let (mut all, mut nowhere) = (Vec::<Claims<T>>::new(), Vec::new());
    for record in records {
        let Ok(location) = record.location.parse::<TargetLocation<T>>() else {
            nowhere.push(record);
            continue;
        };
        let is_like = |claims: &&mut Claims<T>| {
            claims.location == location
                && claims.role_arn == record.role_arn
                && claims.has_external_id == record.has_external_id
        };
        match all.iter_mut().find(is_like) {
            Some(claims) => claims.records.push(record),
            None => all.push(Claims {
                policy: policy.to_owned(),
                location,
                role_arn: record.role_arn.clone(),
                has_external_id: record.has_external_id,
                records: vec![record],
            }),
        }
    }
    (all, nowhere)
}

/// Of a document that somebody else has left: the claims of which it newly lacks something, and those whose wishes are unclear, by the
/// beginnings of their keys.
pub(crate) fn found_in<'a>(
    document: &Document,
    records: &'a [ClaimRecord],
    unclear: &[String],
) -> (Vec<&'a ClaimRecord>, Vec<&'a ClaimRecord>) {
    let is_unclear = |record: &&ClaimRecord| record.wish.is_some() && unclear.contains(&record.short_key());
    let lacking = records.iter().filter(|record| record.is_newly_missing_in(document));
    (lacking.collect(), records.iter().filter(is_unclear).collect())
}
