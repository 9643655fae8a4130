//! The changes of the ledger's items, each on the condition under which it is right.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use custom_resource::request_note::LATEST;

use crate::{
    Document, Statement,
    claim_record::{
        ALONE, ClaimRecord, DIGEST, DONE, EXPIRES, IDENTITY, MISSING, POLICY_SIZE, PUT, REMOVED, SHOWN, STATEMENTS,
        SUSPENDED, TAKEN, UNCHECKED, VARIABLE, WISH, WISH_ENDS, WITHDRAWN, WORDINGS, WRITTEN_AT, listed,
    },
    document::digest_of,
};

/// How long the item of a claim without statements is kept: a request that is late is an hour late at most.
const KEPT: Duration = Duration::from_hours(24);

/// As `Expires`, in the place of a time.
pub(crate) const NEVER: &str = "never";

/// As `Expires` of an item without statements.
pub(crate) fn in_a_day(now: Duration) -> AttributeValue {
    AttributeValue::N((now + KEPT).as_secs().to_string())
}

const CONFIRM: &str = "SET #statements = #wish, #digest = :digest, #shown = :shown, #at = :at, #size = :size, \
                       #identity = :identity, #wordings = :wordings, #done = #latest, #expires = :digest \
                       REMOVE #wish, #ends, #variable, #alone, #taken, #put, #missing";
const CONFIRM_REMOVAL: &str = "SET #done = #latest, #expires = :expires, #removed = :now REMOVE #statements, #digest, #shown, #at, #size, \
                               #identity, #wordings, #wish, #ends, #variable, #alone, #taken, #put, #missing, \
                               #suspended";
const IS_STILL_WISHED: &str = "#latest = :latest AND attribute_exists(#wish)";
const TAKE_UP: &str = "SET #taken = :until";
const WITHDRAW: &str = "SET #withdrawn = #latest, #expires = if_not_exists(#digest, :expires) REMOVE #wish, #ends, #variable, #alone, #taken, #put";
const LEAVE_AS_IT_IS: &str = "SET #done = #latest REMOVE #wish, #ends, #variable, #alone, #taken, #put";
const WAS_TAKEN_UP_BY_NOBODY: &str = "#latest = :latest AND attribute_exists(#wish) AND attribute_not_exists(#taken)";
const IS_TAKEN_UP_BY_NOBODY: &str = "#latest = :latest AND attribute_exists(#wish) AND #taken < :now";
const MAY_BE_TAKEN_UP: &str = "#latest = :latest AND attribute_exists(#wish) AND attribute_not_exists(#suspended)";

/// The attributes that an update names which ends a wish.
const WISH_NAMES: [(&str, &str); 7] = [
    ("#latest", LATEST),
    ("#wish", WISH),
    ("#ends", WISH_ENDS),
    ("#variable", VARIABLE),
    ("#alone", ALONE),
    ("#taken", TAKEN),
    ("#put", PUT),
];

/// The attributes that an update names which changes the statements of the claim.
const STATEMENTS_NAMES: [(&str, &str); 10] = [
    ("#statements", STATEMENTS),
    ("#digest", DIGEST),
    ("#shown", SHOWN),
    ("#at", WRITTEN_AT),
    ("#size", POLICY_SIZE),
    ("#identity", IDENTITY),
    ("#wordings", WORDINGS),
    ("#done", DONE),
    ("#expires", EXPIRES),
    ("#missing", MISSING),
];

/// A policy in which AWS has shown what was wished.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    /// As it was shown.
    pub(crate) document: &'a Document,
    /// The size that AWS counts, in the unit of its limit.
    pub(crate) policy_size: usize,
    /// What tells the target from another one of its name.
    pub(crate) identity: Option<&'a str>,
}

/// One change of one item of a policy's partition.
pub(crate) struct ItemUpdate {
    pub(crate) key: String,
    pub(crate) expression: &'static str,
    pub(crate) condition: &'static str,
    pub(crate) names: Vec<(&'static str, &'static str)>,
    pub(crate) values: Vec<(&'static str, AttributeValue)>,
}

impl ItemUpdate {
    pub(crate) fn new(key: &str, expression: &'static str, condition: &'static str) -> Self {
        Self { key: key.to_owned(), expression, condition, names: Vec::new(), values: Vec::new() }
    }

    /// With the attributes that the placeholders stand for.
    pub(crate) fn names(mut self, names: &[(&'static str, &'static str)]) -> Self {
        self.names.extend(names);
        self
    }

    pub(crate) fn value(mut self, placeholder: &'static str, value: AttributeValue) -> Self {
        self.values.push((placeholder, value));
        self
    }
}

impl ItemUpdate {
    /// The wish of a claim's latest request is in the policy, or nothing of the claim where it wished that, as it was seen.
    pub(crate) fn confirmed(record: &ClaimRecord, wished: &[Statement], seen: Seen<'_>, now: Duration) -> Self {
        if wished.is_empty() {
            return Self::confirmed_removal(record, now);
        }
        let (digest, shown) = (digest_of(wished.iter()), digest_of(seen.document.own(&record.mark())));
        Self::new(&record.key, CONFIRM, IS_STILL_WISHED)
            .names(&WISH_NAMES)
            .names(&STATEMENTS_NAMES)
            .value(":wordings", record.wordings_with(&digest, &shown))
            .value(":latest", record.latest())
            .value(":digest", AttributeValue::S(digest))
            .value(":shown", AttributeValue::S(shown))
            .value(":at", millis(now))
            .value(":size", AttributeValue::N(seen.policy_size.to_string()))
            .value(":identity", AttributeValue::S(seen.identity.unwrap_or_default().to_owned()))
    }

    /// A claim has no statements in the policy, as its latest request wished.
    pub(crate) fn confirmed_removal(record: &ClaimRecord, now: Duration) -> Self {
        Self::new(&record.key, CONFIRM_REMOVAL, IS_STILL_WISHED)
            .names(&WISH_NAMES)
            .names(&STATEMENTS_NAMES)
            .names(&[("#suspended", SUSPENDED), ("#removed", REMOVED)])
            .value(":now", millis(now))
            .value(":latest", record.latest())
            .value(":expires", in_a_day(now))
    }

    /// A holder of the lease writes the wish, until then.
    pub(crate) fn taken_up(record: &ClaimRecord, until: Duration) -> Self {
        Self::new(&record.key, TAKE_UP, MAY_BE_TAKEN_UP)
            .names(&[("#latest", LATEST), ("#wish", WISH), ("#taken", TAKEN), ("#suspended", SUSPENDED)])
            .value(":latest", record.latest())
            .value(":until", millis(until))
    }

    /// Nobody has given up the wish, until then.
    pub(crate) fn renewed(record: &ClaimRecord, ends: Duration) -> Self {
        Self::new(&record.key, "SET #ends = :ends", IS_STILL_WISHED)
            .names(&[("#latest", LATEST), ("#wish", WISH), ("#ends", WISH_ENDS)])
            .value(":latest", record.latest())
            .value(":ends", millis(ends))
    }

    /// The wish is taken back, unless a holder of the lease is about to write it. Its request leaves no other one.
    pub(crate) fn withdrawn(record: &ClaimRecord, now: Duration) -> Self {
        let was_taken_up = record.wish.as_ref().is_some_and(|wish| wish.taken.is_some());
        let condition = if was_taken_up { IS_TAKEN_UP_BY_NOBODY } else { WAS_TAKEN_UP_BY_NOBODY };
        let update = Self::new(&record.key, WITHDRAW, condition)
            .names(&WISH_NAMES)
            .names(&[("#withdrawn", WITHDRAWN), ("#expires", EXPIRES), ("#digest", DIGEST)])
            .value(":expires", in_a_day(now))
            .value(":latest", record.latest());
        if was_taken_up { update.value(":now", millis(now)) } else { update }
    }

    /// The caller may have what it wishes, so others may write it.
    pub(crate) fn checked(record: &ClaimRecord, wished: &[Statement]) -> Self {
        Self::new(&record.key, "SET #unchecked = :no", "#latest = :latest AND #wish = :wish")
            .names(&[("#latest", LATEST), ("#wish", WISH), ("#unchecked", UNCHECKED)])
            .value(":latest", record.latest())
            .value(":wish", listed(wished))
            .value(":no", AttributeValue::Bool(false))
    }

    /// The wish is written by its own author alone from now on: AWS has refused it, or it was in a write that AWS has refused.
    pub(crate) fn alone(record: &ClaimRecord) -> Self {
        Self::new(&record.key, "SET #alone = :alone REMOVE #taken", IS_STILL_WISHED)
            .names(&[("#latest", LATEST), ("#wish", WISH), ("#alone", ALONE), ("#taken", TAKEN)])
            .value(":latest", record.latest())
            .value(":alone", AttributeValue::Bool(true))
    }

    /// AWS has taken a write of the wish, and nobody saw it yet.
    pub(crate) fn put(record: &ClaimRecord, put: &str) -> Self {
        Self::new(&record.key, "SET #put = :put", IS_STILL_WISHED)
            .names(&[("#latest", LATEST), ("#wish", WISH), ("#put", PUT)])
            .value(":latest", record.latest())
            .value(":put", AttributeValue::S(put.to_owned()))
    }

    /// Somebody else has taken the claim's statements out of the policy.
    pub(crate) fn missing(record: &ClaimRecord, now: Duration) -> Self {
        Self::new(&record.key, "SET #missing = :now", "attribute_exists(#statements)")
            .names(&[("#missing", MISSING), ("#statements", STATEMENTS)])
            .value(":now", millis(now))
    }

    /// The statements that were written are in the policy again.
    pub(crate) fn put_back(record: &ClaimRecord, now: Duration) -> Self {
        Self::new(&record.key, "SET #at = :now REMOVE #missing", "attribute_exists(#statements)")
            .names(&[("#missing", MISSING), ("#statements", STATEMENTS), ("#at", WRITTEN_AT)])
            .value(":now", millis(now))
    }

    /// The claim's latest request wishes what was confirmed before, which is left as it is: an administrator keeps it out of the policy, or
    /// its caller isn't granted it any more.
    pub(crate) fn left_as_it_is(record: &ClaimRecord) -> Self {
        Self::new(&record.key, LEAVE_AS_IT_IS, IS_STILL_WISHED)
            .names(&WISH_NAMES)
            .names(&[("#done", DONE)])
            .value(":latest", record.latest())
    }

    /// An administrator keeps the claim's statements out of the policy.
    pub(crate) fn suspended(record: &ClaimRecord, now: Duration) -> Self {
        let condition = "attribute_exists(#statements) OR attribute_exists(#wish)";
        Self::new(&record.key, "SET #suspended = if_not_exists(#suspended, :now)", condition)
            .names(&[("#suspended", SUSPENDED), ("#statements", STATEMENTS), ("#wish", WISH)])
            .value(":now", millis(now))
    }

    /// The statements that were written are in the policy again, as an administrator wants them.
    pub(crate) fn let_in(record: &ClaimRecord, now: Duration) -> Self {
        let condition = "attribute_exists(#suspended) AND attribute_exists(#statements)";
        Self::new(&record.key, "SET #at = :now REMOVE #suspended, #missing", condition)
            .names(&[
                ("#suspended", SUSPENDED),
                ("#statements", STATEMENTS),
                ("#missing", MISSING),
                ("#at", WRITTEN_AT),
            ])
            .value(":now", millis(now))
    }

    /// An administrator doesn't keep the claim's statements out of the policy any more.
    pub(crate) fn resumed(record: &ClaimRecord) -> Self {
        Self::new(&record.key, "REMOVE #suspended", "attribute_exists(#suspended)").names(&[("#suspended", SUSPENDED)])
    }
}

pub(crate) fn millis(time: Duration) -> AttributeValue {
    AttributeValue::N(time.as_millis().min(u128::from(u64::MAX)).to_string())
}
