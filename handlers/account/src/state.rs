//! What an account is now, and whether it can be worked with.

use aws_sdk_organizations::types::{Account, AccountState};
use custom_resource::{Claim, Error, Result};
use organizations::NEW_FOR;

use crate::properties::AccountId;

/// The account's state. It came in September 2025, and not to every partition: there may be the older status alone, which has some of
/// the same words.
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html>
pub(crate) fn state(account: &Account) -> Option<AccountState> {
    account.state().cloned().or_else(|| account.status().map(|status| AccountState::from(status.as_str())))
}

/// Only a member can be worked with: the management account has no access role, and can't be renamed by its id.
/// <https://docs.aws.amazon.com/accounts/latest/reference/API_PutAccountName.html>
pub(crate) fn check_member(id: &str, claim: &Claim<AccountId>) -> Result<()> {
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
pub(crate) fn check_state(account: &Account) -> Result<()> {
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

pub(crate) fn not_described(id: &str) -> Error {
    Error::not_yet_within(NEW_FOR, format!("the account {id} isn't described yet"))
}
