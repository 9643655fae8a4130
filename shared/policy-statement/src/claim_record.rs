//! What the ledger says of one claim on a policy: what is in the policy, and what is to be in it.

use std::time::Duration;

use archipelago::Caller;
use aws_sdk_dynamodb::types::AttributeValue;
use custom_resource::{
    Claim, Error, Owner, RequestOrder, Result, account_of, digest_of as digest_of_texts,
    request_note::{Item, LATEST, is_noted},
};

use crate::{
    Document, Statement,
    document::digest_of,
    wish::{Put, Wish},
};

/// The version of the items. One that is written by a later version is refused.
pub(crate) const VERSION: &str = "1";

/// How many wordings of a claim are kept: those of the rollback and of some updates before it.
const WORDINGS_KEPT: usize = 8;

/// What the range key of a claim's item begins with.
pub(crate) const CLAIM: &str = "claim ";

/// The partition key of all items of a policy.
pub(crate) const POLICY: &str = "Policy";
pub(crate) const ITEM: &str = "Item";
pub(crate) const VERSION_NAME: &str = "Version";
pub(crate) const STACK_ID: &str = "StackId";
pub(crate) const LOGICAL_ID: &str = "LogicalId";
/// The name of the caller by whose alias the stack asks; empty for a stack of the function's own account.
pub(crate) const CALLER: &str = "Caller";
pub(crate) const LOCATION: &str = "Location";
/// The role that a template names as `RoleArn`; empty otherwise.
pub(crate) const ROLE_ARN: &str = "RoleArn";
pub(crate) const HAS_EXTERNAL_ID: &str = "HasExternalId";
/// The table that the item was written to: one that is restored has another name.
pub(crate) const TABLE: &str = "Table";
pub(crate) const STATEMENTS: &str = "Statements";
pub(crate) const DIGEST: &str = "Digest";
pub(crate) const SHOWN: &str = "Shown";
/// In which words AWS showed statements that the claim had written: their digests, `<written> <shown>`.
pub(crate) const WORDINGS: &str = "Wordings";
pub(crate) const WRITTEN_AT: &str = "WrittenAt";
pub(crate) const POLICY_SIZE: &str = "PolicySize";
pub(crate) const IDENTITY: &str = "Identity";
pub(crate) const WISH: &str = "Wish";
pub(crate) const WISH_ENDS: &str = "WishEnds";
/// The path of an element of the wish with a policy variable; empty without one.
pub(crate) const VARIABLE: &str = "Variable";
/// Whether nobody but the wish's author knows whether its caller may have it.
pub(crate) const UNCHECKED: &str = "Unchecked";
/// That the wish is written by its own author alone.
pub(crate) const ALONE: &str = "Alone";
/// Until when a holder of the lease may write the wish that it has taken up, in milliseconds since 1970.
pub(crate) const TAKEN: &str = "Taken";
/// What AWS showed of the claim before it took a write of the wish that nobody saw yet: digest, time, `once` or `again`.
pub(crate) const PUT: &str = "Put";
/// The request whose wish was the last to be carried out.
pub(crate) const DONE: &str = "Done";
pub(crate) const REMOVED: &str = "Removed";
/// The request whose wish was the last to be taken back.
pub(crate) const WITHDRAWN: &str = "Withdrawn";
pub(crate) const MISSING: &str = "Missing";
pub(crate) const SUSPENDED: &str = "Suspended";
pub(crate) const EXPIRES: &str = "Expires";

/// One claim on one policy. Times are those since 1970.
#[derive(Debug, Clone)]
pub(crate) struct ClaimRecord {
    /// The range key of its item.
    pub(crate) key: String,
    pub(crate) owner: Owner,
    pub(crate) caller: Option<String>,
    /// The target as it is in a physical id.
    pub(crate) location: String,
    pub(crate) role_arn: Option<String>,
    pub(crate) has_external_id: bool,
    pub(crate) table: String,
    /// What was confirmed to be in the policy, until it is taken out.
    pub(crate) written: Option<WrittenStatements>,
    /// What is to be in the policy, and isn't confirmed.
    pub(crate) wish: Option<Wish>,
    /// In which words AWS showed what the claim had written: the digests of what was written and of what was shown, the latest last.
    pub(crate) wordings: Vec<[String; 2]>,
    /// When its statements were taken out, as it wished.
    pub(crate) removed: Option<Duration>,
    /// When somebody else's removal was noticed.
    pub(crate) missing: Option<Duration>,
    pub(crate) suspended: Option<Duration>,
    item: Item,
}

/// Statements that AWS has shown after it took them.
#[derive(Debug, Clone)]
pub(crate) struct WrittenStatements {
    /// As they were written.
    pub(crate) statements: Vec<Statement>,
    /// The digest of their meaning.
    pub(crate) digest: String,
    /// The digest of what AWS showed of them right after the write.
    pub(crate) shown: String,
    pub(crate) at: Duration,
    /// The size of the whole policy then, in the unit of its limit.
    pub(crate) policy_size: usize,
    /// What tells the target from another one that is made under its name later.
    pub(crate) identity: Option<String>,
}

impl ClaimRecord {
    /// The range key of the item of a claim. It is made of all of the two ids, since the mark is short enough for somebody to look for a
    /// stack's name that has another's; and of the caller, since accounts of a unit could name each other's stacks.
    pub(crate) fn key_of<I>(claim: &Claim<I>) -> String {
        let owner = claim.owner();
        let caller = Caller::of(claim.invocation().function(), owner.stack_id());
        let ids = [owner.stack_id(), owner.logical_id()];
        format!("{CLAIM}{}", digest_of_texts(ids.into_iter().chain(caller.as_ref().map(Caller::name))))
    }

    /// Reads an item of the ledger.
    ///
    /// # Errors
    /// Refused where a later version wrote it, and where it can't be read.
    pub(crate) fn read(item: Item) -> Result<Self> {
        check_version(&item)?;
        let key = text(&item, ITEM).unwrap_or_default();
        Self::parsed(item).ok_or_else(|| {
            Error::refused(format!(
                "the ledger's item `{key}` can't be read, so its policy is left as it is; the runbook says how to correct it"
            ))
        })
    }

    fn parsed(kept: Item) -> Option<Self> {
        let item = &kept;
        let written = match item.get(STATEMENTS) {
            None => None,
            Some(_) => Some(WrittenStatements {
                statements: statements(item, STATEMENTS)?,
                digest: text(item, DIGEST)?,
                shown: text(item, SHOWN)?,
                at: millis(item, WRITTEN_AT)?,
                policy_size: number(item, POLICY_SIZE)?,
                identity: some_text(item, IDENTITY),
            }),
        };
        let wish = match item.get(WISH) {
            None => None,
            Some(_) => Some(Wish {
                statements: statements(item, WISH)?,
                ends: millis(item, WISH_ENDS)?,
                variable: some_text(item, VARIABLE),
                is_unchecked: item.get(UNCHECKED).is_some_and(|unchecked| unchecked == &AttributeValue::Bool(true)),
                is_alone: item.contains_key(ALONE),
                taken: millis(item, TAKEN),
                put: match text(item, PUT) {
                    Some(put) => Some(Put::read(&put)?),
                    None => None,
                },
            }),
        };
        Some(Self {
            key: text(item, ITEM)?,
            owner: Owner::new(text(item, STACK_ID)?, text(item, LOGICAL_ID)?),
            caller: some_text(item, CALLER),
            location: text(item, LOCATION)?,
            role_arn: some_text(item, ROLE_ARN),
            has_external_id: *item.get(HAS_EXTERNAL_ID)?.as_bool().ok()?,
            table: text(item, TABLE)?,
            written,
            wish,
            wordings: wordings(item)?,
            removed: millis(item, REMOVED),
            missing: millis(item, MISSING),
            suspended: millis(item, SUSPENDED),
            item: kept,
        })
    }

    /// The caller that asked for it; none if that was the function's own account.
    pub(crate) fn caller(&self) -> Option<Caller> {
        self.caller.as_deref().map(|name| Caller::named(name, account_of(self.owner.stack_id())))
    }

    /// What `!Ref` reads, as a `StatementId` writes it.
    pub(crate) fn physical_id(&self) -> String {
        format!("{}#{}", self.location, self.mark())
    }

    /// The beginning of the digest in its key, for notes.
    pub(crate) fn short_key(&self) -> String {
        self.key.rsplit(' ').next().unwrap_or_default().chars().take(16).collect()
    }

    /// The end of the `Sid`s of its statements.
    pub(crate) fn mark(&self) -> String {
        self.owner.mark()
    }

    /// Whether `order` is that of its latest request.
    pub(crate) fn is_latest(&self, order: &RequestOrder) -> bool {
        is_noted(&self.item, order)
    }

    /// The latest request, as the item has it.
    pub(crate) fn latest(&self) -> AttributeValue {
        self.item.get(LATEST).cloned().unwrap_or_else(|| AttributeValue::S(String::new()))
    }

    /// Whether the wish of its latest request was carried out.
    pub(crate) fn is_done(&self) -> bool {
        self.wish.is_none() && self.item.get(DONE) == Some(&self.latest())
    }

    /// Whether the wish of its latest request was taken back.
    pub(crate) fn is_withdrawn(&self) -> bool {
        self.wish.is_none() && self.item.get(WITHDRAWN) == Some(&self.latest())
    }

    /// How many statements the claim is known to have had.
    pub(crate) fn statements(&self) -> usize {
        self.written.as_ref().map_or(0, |written| written.statements.len())
    }

    /// Whether a document lacks a statement that the claim is known to have had in it.
    pub(crate) fn is_lacking_in(&self, document: &Document) -> bool {
        self.lacking_in(document) > 0
    }

    /// How many of the statements that the claim is known to have had in a document it lacks.
    pub(crate) fn lacking_in(&self, document: &Document) -> usize {
        let mark = self.mark();
        let is_there = |statement: &&Statement| document.own(&mark).any(|own| own.sid() == statement.sid());
        let written = self.written.iter().flat_map(|written| &written.statements);
        written.filter(|statement| !is_there(statement)).count()
    }

    /// Whether a document shows something else of the claim than what was left so lately that a read may not show it yet.
    pub(crate) fn may_be_older_than(&self, now: Duration, lag: Duration, document: &Document) -> bool {
        if self.suspended.is_some() || self.missing.is_some() {
            return false;
        }
        match (&self.written, self.removed) {
            (Some(written), _) => now < written.at + lag && !self.is_there(document) && !self.shows_wish(document),
            (None, Some(at)) => now < at + lag && self.wish.is_none() && document.has_any(&self.mark()),
            (None, None) => false,
        }
    }

    /// Whether somebody else has taken something of the claim out of a document, and nobody knows yet.
    pub(crate) fn is_newly_missing_in(&self, document: &Document) -> bool {
        self.missing.is_none() && self.suspended.is_none() && self.is_lacking_in(document)
    }

    /// Whether a document shows what the claim is known to have had in it: as it was written, or in words that AWS has for it.
    pub(crate) fn is_there(&self, document: &Document) -> bool {
        let mark = self.mark();
        self.written.as_ref().is_some_and(|written| {
            let shown = digest_of(document.own(&mark));
            document.has_own(&mark, &written.statements)
                || document.has_sids(&mark, &written.statements)
                    && (written.shown == shown || self.wordings.contains(&[written.digest.clone(), shown]))
        })
    }

    /// Whether a document shows the wish that isn't confirmed.
    pub(crate) fn shows_wish(&self, document: &Document) -> bool {
        let mark = self.mark();
        self.wish.as_ref().is_some_and(|wish| {
            document.has_own(&mark, &wish.statements)
                || !wish.statements.is_empty()
                    && document.has_sids(&mark, &wish.statements)
                    && self.is_known_to_show(&wish.statements, document)
        })
    }

    /// Whether what a document shows under the claim's mark is what is known to have been written for it.
    pub(crate) fn is_known_in(&self, document: &Document) -> bool {
        let was_written = self.wish.as_ref().is_some_and(|wish| wish.put.is_some() || wish.taken.is_some());
        self.is_there(document) || was_written && self.shows_wish(document)
    }

    /// Whether one of its statements does anything else than to allow something to those whom it names.
    pub(crate) fn denies(&self) -> bool {
        let written = self.written.iter().flat_map(|written| &written.statements);
        let wished = self.wish.iter().flat_map(|wish| &wish.statements);
        written.chain(wished).any(|statement| !statement.allows())
    }

    /// Whether the claim has no statements, and isn't to have any.
    pub(crate) fn has_nothing(&self) -> bool {
        self.written.is_none() && self.wish.is_none()
    }

    /// What the claim is to have in a document of ours that came late, as far as that is known: what was confirmed, unless somebody has
    /// taken it out since.
    pub(crate) fn due(&self) -> Option<&[Statement]> {
        match &self.written {
            _ if self.suspended.is_some() => Some(&[]),
            _ if self.is_unclear() => None,
            Some(written) if self.missing.is_none() => Some(&written.statements),
            _ => Some(&[]),
        }
    }

    /// Whether a request that wishes something else is at work, or has ended before it could say how.
    pub(crate) fn is_unclear(&self) -> bool {
        let written = self.written.as_ref().map(|written| &*written.statements).unwrap_or_default();
        self.wish.as_ref().is_some_and(|wish| wish.statements != written)
    }

    /// Whether these are the statements that were confirmed last.
    pub(crate) fn has_written(&self, statements: &[Statement]) -> bool {
        self.written.as_ref().is_some_and(|written| written.statements == statements)
    }

    /// Whether a document that we wrote has these statements of the claim.
    pub(crate) fn is_shown_as(&self, statements: &[Statement], document: &Document) -> bool {
        let mark = self.mark();
        document.has_own(&mark, statements)
            || document.has_sids(&mark, statements) && self.is_known_to_show(statements, document)
    }

    /// Whether a document shows `wanted` under the claim's mark in the words that AWS is known to have for it.
    pub(crate) fn is_known_to_show(&self, wanted: &[Statement], document: &Document) -> bool {
        self.wordings.contains(&[digest_of(wanted.iter()), digest_of(document.own(&self.mark()))])
    }

    /// The wordings with another one. Words that two writes share are those of the latest alone.
    pub(crate) fn wordings_with(&self, written: &str, shown: &str) -> AttributeValue {
        let is_other = |known: &&[String; 2]| known[0] != written && known[1] != shown;
        let others = self.wordings.iter().filter(is_other).map(|known| known.join(" "));
        let all: Vec<_> = others.chain([format!("{written} {shown}")]).collect();
        let latest = all.len().saturating_sub(WORDINGS_KEPT);
        AttributeValue::L(all.into_iter().skip(latest).map(AttributeValue::S).collect())
    }
}

/// Refuses an item of a later version.
///
/// # Errors
/// Refused.
pub(crate) fn check_version(item: &Item) -> Result<()> {
    match item.get(VERSION_NAME).and_then(|version| version.as_n().ok()) {
        Some(version) if version == VERSION => Ok(()),
        Some(version) => Err(Error::refused(format!(
            "the ledger has an item of version {version}, and this function reads version {VERSION}, so the policy is left as it \
             is; deploy the later version of the functions again"
        ))),
        None => Err(Error::refused(
            "the ledger has an item without a version, so the policy is left as it is; the runbook says how to correct it",
        )),
    }
}

pub(crate) fn text(item: &Item, name: &str) -> Option<String> {
    item.get(name)?.as_s().ok().cloned()
}

/// A text that isn't empty.
fn some_text(item: &Item, name: &str) -> Option<String> {
    text(item, name).filter(|text| !text.is_empty())
}

fn number<N: std::str::FromStr>(item: &Item, name: &str) -> Option<N> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

pub(crate) fn millis(item: &Item, name: &str) -> Option<Duration> {
    number(item, name).map(Duration::from_millis)
}

fn statements(item: &Item, name: &str) -> Option<Vec<Statement>> {
    item.get(name)?.as_l().ok()?.iter().map(|text| Statement::parse(text.as_s().ok()?)).collect()
}

fn wordings(item: &Item) -> Option<Vec<[String; 2]>> {
    let Some(wordings) = item.get(WORDINGS) else { return Some(Vec::new()) };
    let pair = |words: &AttributeValue| {
        let (written, shown) = words.as_s().ok()?.split_once(' ')?;
        Some([written.to_owned(), shown.to_owned()])
    };
    wordings.as_l().ok()?.iter().map(pair).collect()
}

/// Statements as an attribute of an item.
pub(crate) fn listed(statements: &[Statement]) -> AttributeValue {
    AttributeValue::L(statements.iter().map(|statement| AttributeValue::S(statement.text().to_owned())).collect())
}
