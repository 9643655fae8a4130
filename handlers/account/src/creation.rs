//! How an account comes to be: found, or asked for, and asked for again where Organizations failed.

use std::{collections::BTreeSet, time::Duration};

use archipelago::Users;
use aws_sdk_organizations::{
    primitives::DateTime,
    types::{Account, CreateAccountFailureReason as Reason, CreateAccountState, CreateAccountStatus},
};
use custom_resource::{Claim, Error, Known, Result};
use organizations::NEW_FOR;

use crate::{
    api::{Api, has_email},
    properties::{AccountId, Properties},
    state::{check_member, check_state, not_described},
};

/// How often a request may fail for Organizations' own reasons before a person should look.
const TRIES: usize = 3;

/// How long an account that neither a list nor a request shows may be of this organization all the same.
pub(crate) const ACCOUNT_LISTED_WITHIN: Duration = Duration::from_mins(1);

/// The states of requests that have made an account, or may.
const STARTED: [CreateAccountState; 2] = [CreateAccountState::InProgress, CreateAccountState::Succeeded];

/// How long something counts as of this request of CloudFormation, which waits no longer.
const FRESH: i64 = 3600;

/// The account that a template describes, for a claim.
pub(crate) struct Creation<'a> {
    pub(crate) api: &'a Api,
    pub(crate) desired: &'a Properties,
    pub(crate) claim: &'a Claim<AccountId>,
}

/// What is known of an address.
enum Lookup {
    /// It is that of an account of this organization.
    Found(Box<Account>),
    /// It is no account's of this organization, which `is_new` or not.
    Free { is_new: bool },
}

impl Creation<'_> {
    /// The account: the one held, or the one that the request held is for, or one that is there, or a new one.
    pub(crate) async fn account(&self) -> Result<Account> {
        match self.claim.id() {
            Some(AccountId::Account(id)) => self.described(&id).await,
            Some(AccountId::Request(id)) => match self.api.request(&id).await? {
                Some(request) if may_be_repeated(&request) => self.again(&request).await,
                Some(request) => self.requested(&request).await,
                // Not asked for again: it was made a moment ago, since none is held for longer.
                None => Err(Error::not_yet_within(NEW_FOR, format!("the request {id} isn't described yet"))),
            },
            None => self.found_or_made().await,
        }
    }

    async fn described(&self, id: &str) -> Result<Account> {
        match self.api.described(id).await? {
            Some(account) => Ok(account),
            None if is_known_id(id, self.claim) && self.api.organizations.parent(id).await?.is_none() => {
                Err(Error::refused(format!("the account {id} is not in this organization (any more)")))
            }
            None => Err(not_described(id)),
        }
    }

    /// What has become of a request.
    async fn requested(&self, request: &CreateAccountStatus) -> Result<Account> {
        match request.state() {
            Some(CreateAccountState::Succeeded) => self.made(request.account_id().unwrap_or_default()).await,
            Some(CreateAccountState::Failed) => match request.failure_reason() {
                // It may be another request's of this claim, whose answer was lost and which isn't listed yet.
                Some(Reason::EmailAlreadyExists) => match self.with_email().await? {
                    Lookup::Found(account) => Ok(*account),
                    Lookup::Free { .. } => Err(Error::not_yet_within(
                        ACCOUNT_LISTED_WITHIN,
                        "an account outside this organization has the address in `Email` (EMAIL_ALREADY_EXISTS); choose another",
                    )),
                },
                Some(reason) if may_be_repeated(request) => Err(Error::not_yet(format!(
                    "Organizations failed to make the account ({reason}); it is asked again"
                ))),
                reason => {
                    let reason = reason.map_or("no reason", Reason::as_str);
                    Err(Error::refused(format!("Organizations could not make the account: {reason}")))
                }
            },
            _ => Err(in_progress(self.desired)),
        }
    }

    /// An account that is there, or a new one.
    async fn found_or_made(&self) -> Result<Account> {
        let is_new = match self.with_email().await? {
            Lookup::Found(account) => return Ok(*account),
            Lookup::Free { is_new } => is_new,
        };
        let tags = Users::of_made(self.claim.owner(), "the account", &self.desired.tags)?;
        // Nobody takes an account back for 90 days.
        self.claim.check_latest().await?;
        let request = self.api.create(self.desired, &tags, is_new).await?;
        let id = request.id().and_then(|id| id.parse().ok());
        self.claim.hold(&id.ok_or_else(|| Error::refused("Organizations answered with an id that is no request's"))?);
        self.requested(&request).await
    }

    /// Asks again for what failed for Organizations' own reasons, but not for ever.
    async fn again(&self, request: &CreateAccountStatus) -> Result<Account> {
        let failed = self.api.requests(&self.desired.name.0, &[CreateAccountState::Failed]).await?;
        let tries = failed.iter().filter(|earlier| may_be_repeated(earlier) && is_recent(earlier, request)).count();
        if tries >= TRIES {
            let reason = request.failure_reason().map_or("no reason", Reason::as_str);
            return Err(Error::refused(format!(
                "Organizations failed to make the account {tries} times, last with {reason}; try again later"
            )));
        }
        self.found_or_made().await
    }

    async fn made(&self, id: &str) -> Result<Account> {
        self.claim.hold(&AccountId::Account(id.to_owned()));
        self.described(id).await
    }

    /// The account of the organization that has the address, if the claim uses it or may adopt it. Requests come first: what one
    /// that is under way then makes is seen by the next look, and what one that has ended made may not be listed yet.
    async fn with_email(&self) -> Result<Lookup> {
        let requests = self.api.requests(&self.desired.name.0, &STARTED).await?;
        if requests.iter().any(|request| request.state() == Some(&CreateAccountState::InProgress)) {
            return Err(in_progress(self.desired));
        }
        let accounts = self.api.accounts().await?;
        let listed = accounts.iter().find(|account| has_email(account, &self.desired.email)).cloned();
        let found = match listed {
            Some(account) => Some(account),
            None => self.unlisted(&requests, &accounts).await?,
        };
        let Some(account) = found else {
            return Ok(Lookup::Free { is_new: is_new(&accounts, self.claim) });
        };
        let id = account.id().unwrap_or_default();
        check_member(id, self.claim)?;
        let uses = |users: Users| users.includes(self.claim.owner());
        if !self.desired.adopt_existing && !self.api.sharing().users(id).await?.is_some_and(uses) {
            return Err(Error::refused(format!(
                "the account {id} of this organization has the address in `Email`; set `AdoptExisting` to true to take it over, \
                 or choose another address"
            )));
        }
        check_state(&account)?;
        self.claim.hold(&AccountId::Account(id.to_owned()));
        Ok(Lookup::Found(Box::new(account)))
    }

    /// The account with the address that a request has made and that isn't listed yet.
    async fn unlisted(&self, requests: &[CreateAccountStatus], accounts: &[Account]) -> Result<Option<Account>> {
        let is_listed = |id: &&str| accounts.iter().any(|account| account.id() == Some(id));
        let recent = requests.iter().filter(|request| is_fresh(request.requested_timestamp(), self.claim));
        for id in recent.filter_map(CreateAccountStatus::account_id).filter(|id| !is_listed(id)) {
            let account = self.described(id).await?;
            if has_email(&account, &self.desired.email) {
                return Ok(Some(account));
            }
        }
        Ok(None)
    }

    /// The accounts that a Delete may be about. A request under way is waited for. Lists that are behind must not have an
    /// account be left.
    pub(crate) async fn accounts(&self) -> Result<BTreeSet<String>> {
        self.claim.known().look(|found: &BTreeSet<_>| !found.is_empty(), async || self.listed().await).await
    }

    async fn listed(&self) -> Result<BTreeSet<String>> {
        let request = match self.claim.id() {
            Some(AccountId::Account(id)) => return Ok([id].into()),
            Some(AccountId::Request(id)) => self.api.request(&id).await?,
            None => None,
        };
        match request.as_ref().and_then(CreateAccountStatus::state) {
            Some(CreateAccountState::Succeeded) => {
                return Ok(request.and_then(|it| it.account_id).into_iter().collect());
            }
            // It may have failed because of another one, whose answer was lost.
            Some(CreateAccountState::Failed) | None => {}
            Some(_) => return Err(in_progress(self.desired)),
        }
        let requests = self.api.requests(&self.desired.name.0, &STARTED).await?;
        if requests.iter().any(|request| request.state() == Some(&CreateAccountState::InProgress)) {
            return Err(in_progress(self.desired));
        }
        // What was made a moment ago may not be listed yet.
        let made = requests.into_iter().filter_map(|request| request.account_id);
        let listed = self.api.accounts().await?.into_iter().filter(|account| has_email(account, &self.desired.email));
        Ok(made.chain(listed.filter_map(|account| account.id)).collect())
    }
}

/// Whether it is less than an hour older than the request. AWS leaves no time out.
fn is_fresh(time: Option<&DateTime>, claim: &Claim<AccountId>) -> bool {
    let made = i64::try_from(claim.invocation().order().made().as_secs()).unwrap_or(i64::MAX);
    time.is_none_or(|time| made - time.secs() < FRESH)
}

/// Whether the organization is in its first hour: its first account is the one that made it, and only a new one shows none.
fn is_new(accounts: &[Account], claim: &Claim<AccountId>) -> bool {
    let joined = accounts.iter().filter_map(Account::joined_timestamp).min_by_key(|time| time.secs());
    if joined.is_some() { is_fresh(joined, claim) } else { accounts.is_empty() }
}

/// Whether CloudFormation knows it already: one that it doesn't was made a moment ago.
pub(crate) fn is_known_id(id: &str, claim: &Claim<AccountId>) -> bool {
    matches!(claim.known(), Known::Id(AccountId::Account(known)) if known == id)
}

fn in_progress(desired: &Properties) -> Error {
    Error::not_yet(format!("the creation of the account {} is IN_PROGRESS", desired.name.0))
}

/// Whether a request failed for Organizations' own reasons.
fn may_be_repeated(request: &CreateAccountStatus) -> bool {
    let passing = [Reason::ConcurrentAccountModification, Reason::InternalFailure];
    request.failure_reason().is_some_and(|reason| passing.contains(reason))
}

/// Whether `earlier` was asked for in the hour before `request`: CloudFormation waits no longer, so others are of the past.
fn is_recent(earlier: &CreateAccountStatus, request: &CreateAccountStatus) -> bool {
    let asked = |request: &CreateAccountStatus| request.requested_timestamp().map(DateTime::secs);
    match (asked(earlier), asked(request)) {
        (Some(earlier), Some(now)) => now - earlier < FRESH,
        _ => true,
    }
}
