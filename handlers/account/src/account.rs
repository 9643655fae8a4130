//! Makes an account be there once, where the template wants it, and ready to be used.

use std::{collections::BTreeSet, time::Duration};

use archipelago::Users;
use aws_sdk_organizations::{
    primitives::DateTime,
    types::{Account, AccountState, CreateAccountFailureReason as Reason, CreateAccountState, CreateAccountStatus},
};
use custom_resource::{Claim, Error, Known, Resource, Result, SdkConfig};
use organizations::{Departure, NEW_FOR, Thing};

use crate::{
    api::{Api, has_email},
    properties::{AccountId, Attributes, Properties},
};

/// How often a request may fail for Organizations' own reasons before a person should look.
const TRIES: usize = 3;

/// Accounts of the organization that the function's account manages.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) api: Api,
}

impl Accounts {
    pub(crate) fn new(aws: &SdkConfig) -> Self {
        Self { api: Api::new(aws) }
    }

    /// The account: the one held, or the one that the request held is for, or one that is there, or a new one.
    async fn account(&self, desired: &Properties, claim: &Claim<AccountId>) -> Result<Account> {
        match claim.id() {
            Some(AccountId::Account(id)) => self.described(&id, claim).await,
            Some(AccountId::Request(id)) => match self.api.request(&id).await? {
                Some(request) if may_be_repeated(&request) => self.again(&request, desired, claim).await,
                Some(request) => self.requested(&request, desired, claim).await,
                // Not asked for again: it was made a moment ago, since none is held for longer.
                None => Err(Error::not_yet_within(NEW_FOR, format!("the request {id} isn't described yet"))),
            },
            None => self.found_or_made(desired, claim).await,
        }
    }

    async fn described(&self, id: &str, claim: &Claim<AccountId>) -> Result<Account> {
        match self.api.described(id).await? {
            Some(account) => Ok(account),
            None if was_given(id, claim) && self.api.organizations.parent(id).await?.is_none() => {
                Err(Error::refused(format!("the account {id} is not in this organization (any more)")))
            }
            None => Err(not_described(id)),
        }
    }

    /// What has become of a request.
    async fn requested(
        &self,
        request: &CreateAccountStatus,
        desired: &Properties,
        claim: &Claim<AccountId>,
    ) -> Result<Account> {
        match request.state() {
            Some(CreateAccountState::Succeeded) => self.made(request.account_id().unwrap_or_default(), claim).await,
            Some(CreateAccountState::Failed) => match request.failure_reason() {
                // It may be another request's of this claim, whose answer was lost and which isn't listed yet.
                Some(Reason::EmailAlreadyExists) => match self.with_email(desired, claim).await? {
                    Lookup::Found(account) => Ok(*account),
                    Lookup::Free { .. } => Err(Error::not_yet_within(
                        LISTED_WITHIN,
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
            _ => Err(in_progress(desired)),
        }
    }

    /// An account that is there, or a new one.
    async fn found_or_made(&self, desired: &Properties, claim: &Claim<AccountId>) -> Result<Account> {
        let is_new = match self.with_email(desired, claim).await? {
            Lookup::Found(account) => return Ok(*account),
            Lookup::Free { is_new } => is_new,
        };
        let tags = Users::of_made(claim.owner(), "the account", &desired.tags)?;
        // Nobody takes an account back for 90 days.
        claim.check_latest().await?;
        let request = self.api.create(desired, &tags, is_new).await?;
        let id = request.id().and_then(|id| id.parse().ok());
        claim.hold(&id.ok_or_else(|| Error::refused("Organizations answered with an id that is no request's"))?);
        self.requested(&request, desired, claim).await
    }

    /// Asks again for what failed for Organizations' own reasons, but not for ever.
    async fn again(
        &self,
        request: &CreateAccountStatus,
        desired: &Properties,
        claim: &Claim<AccountId>,
    ) -> Result<Account> {
        let failed = self.api.requests(&desired.name.0, &[CreateAccountState::Failed]).await?;
        let tries = failed.iter().filter(|earlier| may_be_repeated(earlier) && is_recent(earlier, request)).count();
        if tries >= TRIES {
            let reason = request.failure_reason().map_or("no reason", Reason::as_str);
            return Err(Error::refused(format!(
                "Organizations failed to make the account {tries} times, last with {reason}; try again later"
            )));
        }
        self.found_or_made(desired, claim).await
    }

    async fn made(&self, id: &str, claim: &Claim<AccountId>) -> Result<Account> {
        claim.hold(&AccountId::Account(id.to_owned()));
        self.described(id, claim).await
    }

    /// The account of the organization that has the address, if the claim uses it or may adopt it. Requests come first: what one
    /// that is under way then makes is seen by the next look, and what one that has ended made may not be listed yet.
    async fn with_email(&self, desired: &Properties, claim: &Claim<AccountId>) -> Result<Lookup> {
        let requests = self.api.requests(&desired.name.0, &STARTED).await?;
        if requests.iter().any(|request| request.state() == Some(&CreateAccountState::InProgress)) {
            return Err(in_progress(desired));
        }
        let accounts = self.api.accounts().await?;
        let listed = accounts.iter().find(|account| has_email(account, &desired.email)).cloned();
        let found = match listed {
            Some(account) => Some(account),
            None => self.unlisted(&requests, &accounts, desired, claim).await?,
        };
        let Some(account) = found else {
            return Ok(Lookup::Free { is_new: is_new(&accounts, claim) });
        };
        let id = account.id().unwrap_or_default();
        check_member(id, claim)?;
        let uses = |users: Users| users.includes(claim.owner());
        if !desired.adopt_existing && !self.api.organizations.users(id).await?.is_some_and(uses) {
            return Err(Error::refused(format!(
                "the account {id} of this organization has the address in `Email`; set `AdoptExisting` to true to take it over, \
                 or choose another address"
            )));
        }
        check_state(&account)?;
        claim.hold(&AccountId::Account(id.to_owned()));
        Ok(Lookup::Found(Box::new(account)))
    }

    /// The account with the address that a request has made and that isn't listed yet.
    async fn unlisted(
        &self,
        requests: &[CreateAccountStatus],
        accounts: &[Account],
        desired: &Properties,
        claim: &Claim<AccountId>,
    ) -> Result<Option<Account>> {
        let is_listed = |id: &&str| accounts.iter().any(|account| account.id() == Some(id));
        let recent = requests.iter().filter(|request| is_fresh(request.requested_timestamp(), claim));
        for id in recent.filter_map(CreateAccountStatus::account_id).filter(|id| !is_listed(id)) {
            let account = self.described(id, claim).await?;
            if has_email(&account, &desired.email) {
                return Ok(Some(account));
            }
        }
        Ok(None)
    }

    /// The accounts that a Delete may be about. A request under way is waited for. Lists that are behind must not have an
    /// account be left.
    async fn last(&self, last: &Properties, claim: &Claim<AccountId>) -> Result<BTreeSet<String>> {
        claim.known().look(|found: &BTreeSet<_>| !found.is_empty(), async || self.listed(last, claim).await).await
    }

    async fn listed(&self, last: &Properties, claim: &Claim<AccountId>) -> Result<BTreeSet<String>> {
        let request = match claim.id() {
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
            Some(_) => return Err(in_progress(last)),
        }
        let requests = self.api.requests(&last.name.0, &STARTED).await?;
        if requests.iter().any(|request| request.state() == Some(&CreateAccountState::InProgress)) {
            return Err(in_progress(last));
        }
        // What was made a moment ago may not be listed yet.
        let made = requests.into_iter().filter_map(|request| request.account_id);
        let listed = self.api.accounts().await?.into_iter().filter(|account| has_email(account, &last.email));
        Ok(made.chain(listed.filter_map(|account| account.id)).collect())
    }

    /// Closes the account, and comes back until it is closed.
    async fn close(&self, id: &str) -> Result<()> {
        let Some(account) = self.api.described(id).await? else {
            // It is there, since its tags were read.
            return Err(not_described(id));
        };
        match state(&account) {
            Some(AccountState::Suspended | AccountState::Closed) => return Ok(()),
            // Everything in it still works.
            Some(AccountState::PendingClosure) => {}
            _ => self.api.close(id).await?,
        }
        Err(Error::not_yet(format!("the account {id} is being closed")))
    }
}

/// How long an account that neither a list nor a request shows may be of this organization all the same.
const LISTED_WITHIN: Duration = Duration::from_mins(1);

/// What is known of an address.
enum Lookup {
    /// It is that of an account of this organization.
    Found(Box<Account>),
    /// It is no account's of this organization, which `is_new` or not.
    Free { is_new: bool },
}

/// The states of requests that have made an account, or may.
const STARTED: [CreateAccountState; 2] = [CreateAccountState::InProgress, CreateAccountState::Succeeded];

/// How long something counts as of this request of CloudFormation, which waits no longer.
const FRESH: i64 = 3600;

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
fn was_given(id: &str, claim: &Claim<AccountId>) -> bool {
    matches!(claim.known(), Known::Id(AccountId::Account(known)) if known == id)
}

fn not_described(id: &str) -> Error {
    Error::not_yet_within(NEW_FOR, format!("the account {id} isn't described yet"))
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

/// The account's state. It came in September 2025, and not to every partition: there may be the older status alone, which has some of
/// the same words.
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html>
fn state(account: &Account) -> Option<AccountState> {
    account.state().cloned().or_else(|| account.status().map(|status| AccountState::from(status.as_str())))
}

/// Only a member can be worked with: the management account has no access role, and can't be renamed by its id.
/// <https://docs.aws.amazon.com/accounts/latest/reference/API_PutAccountName.html>
fn check_member(id: &str, claim: &Claim<AccountId>) -> Result<()> {
    // The function runs in the management account: no other one may call CreateAccount.
    if id != claim.invocation().account() {
        return Ok(());
    }
    Err(Error::refused(format!(
        "the account {id} is the management account of this organization, and a Custom::Account is one of its members; give another \
         address, or leave this resource out"
    )))
}

/// Only an account that works can be worked with.
fn check_state(account: &Account) -> Result<()> {
    let id = account.id().unwrap_or_default();
    match state(account) {
        Some(AccountState::Active) => Ok(()),
        Some(AccountState::PendingActivation) => Err(Error::not_yet(format!("the account {id} is PENDING_ACTIVATION"))),
        state => Err(Error::refused(format!(
            "the account {id} is {}, and only an ACTIVE one is taken; reopen it with AWS Support, or choose another address",
            state.as_ref().map_or("in no known state", AccountState::as_str)
        ))),
    }
}

impl Resource for Accounts {
    type Properties = Properties;
    type Id = AccountId;
    type Attributes = Attributes;

    async fn warm_up(&self) {
        let _ = tokio::join!(self.api.described("any"), self.api.identity());
    }

    async fn ensure(
        &self,
        desired: &Properties,
        previous: Option<&Properties>,
        claim: &Claim<AccountId>,
    ) -> Result<Attributes> {
        let account = self.account(desired, claim).await?;
        let id = account.id().unwrap_or_default();
        check_member(id, claim)?;
        check_state(&account)?;
        if !has_email(&account, &desired.email) {
            return Err(Error::refused(format!(
                "the account {id} has another address than `Email`; Organizations can't change it from here: give the old one"
            )));
        }
        // One that was refused for its address has changed nothing that could be taken back.
        let previous = previous.filter(|previous| previous.email == desired.email);
        let known = format!("the account {id}");
        let thing = Thing { id, name: &known };
        let (to, before) = (desired.parent_id.as_ref(), previous.map(|previous| previous.parent_id.as_ref()));
        let is_placed = to.is_some() || before.flatten().is_some();
        let parent = async { if is_placed { self.parent(id).await.map(Some) } else { Ok(None) } };
        let (users, parent) = tokio::join!(self.api.organizations.users_of(thing), parent);
        let (users, parent) = (users?, parent?);
        let is_shown = account.name() == Some(&desired.name.0);
        if !is_shown {
            self.api.organizations.check_alone(thing, "name", &users, claim).await?;
        }
        // Before the account is relied on: whoever leaves it sees the user.
        let tags = previous.map(|previous| &previous.tags);
        self.api.organizations.join(thing, &users, &desired.tags, tags, false, claim).await?;
        if !is_shown || previous.is_some_and(|previous| previous.name != desired.name) {
            claim.writes().change("name", is_shown, async || self.api.rename(id, &desired.name.0).await).await?;
        }
        if let Some(parent) = parent {
            let check = async || self.api.organizations.check_alone(thing, "place", &users, claim).await;
            self.relocate(id, &parent, desired, previous, claim, check).await?;
        }
        let was_ready = previous.is_some_and(|previous| previous.wait_until_ready) && was_given(id, claim);
        if desired.wait_until_ready && !was_ready {
            self.api.enter(&account, &desired.role_name.0).await?;
        }
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        Ok(Attributes {
            account_id: id.to_owned(),
            arn: text(account.arn()),
            email: text(account.email()),
            name: desired.name.0.clone(),
            state: text(state(&account).as_ref().map(AccountState::as_str)),
        })
    }

    /// Leaves the account as it is, unless the template wants it closed, one of our resources made it, and nobody else uses it.
    async fn remove(&self, last: Option<&Properties>, claim: &Claim<AccountId>) -> Result<()> {
        let ids = match (last, claim.id()) {
            (Some(last), _) => self.last(last, claim).await?,
            (None, Some(AccountId::Account(id))) => [id].into(),
            (None, _) => return Ok(()),
        };
        for id in ids {
            if !last.is_some_and(|last| last.close_on_delete) {
                self.api.organizations.leave_behind(&id, claim).await?;
            } else if self.api.organizations.leave(&id, claim).await? == Departure::Last {
                return match self.close(&id).await {
                    Err(error @ Error::Refused(_)) => {
                        Err(self.api.organizations.stay(&id, last.map(|last| &last.tags), claim, error).await)
                    }
                    ended => ended,
                };
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod tests;
