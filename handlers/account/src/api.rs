//! The calls by which accounts are found, made, moved and closed. Each is one question or one change.
//! <https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html>

use std::{cell::LazyCell, time::Duration};

use aws_sdk_organizations::{
    operation::{
        close_account::CloseAccountError, create_account::CreateAccountError, list_accounts::ListAccountsOutput,
        list_create_account_status::ListCreateAccountStatusOutput,
    },
    types::{Account, ConstraintViolationExceptionReason as Constraint, CreateAccountState, CreateAccountStatus},
};
use aws_sdk_sts::config::{Credentials, Region};
use custom_resource::{AwsError, Error, Passing, Result, SdkConfig, SdkResult};
use organizations::{NEW_FOR, NOT_IN_USE, Organizations, PASSING, Sharing, constraint, once, tags};

use crate::properties::{Email, Properties};

/// How long Organizations may be at work on another account.
pub(crate) const BUSY_WITH_ACCOUNTS: Duration = Duration::from_mins(10);

/// How long a new organization may be on its way, and how long the creation or closing of many accounts may queue.
pub(crate) const QUEUED: Duration = Duration::from_hours(1);

/// How long the role of a new account may be out of reach.
pub(crate) const READY_WITHIN: Duration = Duration::from_mins(15);

/// What STS says of a role in an account that isn't ready.
pub(crate) const NOT_READY: Passing = Passing {
    codes: &[
        "AccessDenied",
        "AccessDeniedException",
        "InvalidClientTokenId",
        "OptInRequired",
        "RegionDisabledException",
    ],
    within: READY_WITHIN,
};

/// What Organizations says to `CreateAccount` while it is at work on another account, or on the organization itself.
pub(crate) const CREATING: [Passing; 3] = [
    Passing {
        codes: &["ConcurrentModificationException", "ServiceException", "TooManyRequestsException"],
        within: BUSY_WITH_ACCOUNTS,
    },
    Passing { codes: &["FinalizingOrganizationException"], within: QUEUED },
    Passing { codes: &[NOT_IN_USE], within: NEW_FOR },
];

/// What the Account API says to a new name while it is out of order.
pub(crate) const RENAMING: Passing =
    Passing { codes: &["InternalServerException", "TooManyRequestsException"], within: NEW_FOR };

/// What Organizations says of an OU that was made a moment ago.
pub(crate) const NEW_PARENT: Passing = Passing { codes: &["DestinationParentNotFoundException"], within: NEW_FOR };

/// What Organizations says to `CloseAccount` while another account is being closed.
pub(crate) const CLOSING: Passing = Passing { codes: &["ConflictException"], within: BUSY_WITH_ACCOUNTS };

/// Organizations, the accounts' own names, and the roles in them.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) organizations: Organizations,
    /// Made for the few accounts that are renamed: each of the SDK's clients reads a table of all Regions first.
    account: LazyCell<aws_sdk_account::Client, Box<dyn FnOnce() -> aws_sdk_account::Client>>,
    sts: aws_sdk_sts::Client,
}

impl Api {
    pub(crate) fn new(aws: &SdkConfig) -> Self {
        let account = aws.clone();
        let region = aws.region().map_or("", Region::as_ref);
        let sts =
            aws_sdk_sts::config::Builder::from(aws).region(Region::new(region_of_new_accounts(region).to_owned()));
        Self::of(
            aws_sdk_organizations::Client::new(aws),
            move || aws_sdk_account::Client::new(&account),
            aws_sdk_sts::Client::from_conf(sts.build()),
        )
    }

    pub(crate) fn of(
        organizations: aws_sdk_organizations::Client,
        account: impl FnOnce() -> aws_sdk_account::Client + 'static,
        sts: aws_sdk_sts::Client,
    ) -> Self {
        Self { organizations: Organizations(organizations), account: LazyCell::new(Box::new(account)), sts }
    }

    fn client(&self) -> &aws_sdk_organizations::Client {
        &self.organizations.0
    }

    pub(crate) fn sharing(&self) -> Sharing<'_> {
        Sharing(&self.organizations)
    }

    /// The account, if it is in the organization.
    pub(crate) async fn described(&self, id: &str) -> Result<Option<Account>> {
        let described = self.client().describe_account().account_id(id).send().await;
        let described = described.none_if(&["AccountNotFoundException"]).passing(&PASSING)?;
        Ok(described.and_then(|output| output.account))
    }

    /// All accounts of the organization.
    pub(crate) async fn accounts(&self) -> Result<Vec<Account>> {
        let pages = self.client().list_accounts().into_paginator().send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await.passing(&PASSING)?;
        Ok(pages.iter().flat_map(ListAccountsOutput::accounts).cloned().collect())
    }

    /// The requests for accounts of that name which are in one of `states`. They don't say the e-mail.
    pub(crate) async fn requests(&self, name: &str, states: &[CreateAccountState]) -> Result<Vec<CreateAccountStatus>> {
        let asking = self.client().list_create_account_status().set_states(Some(states.to_vec()));
        let pages = asking.into_paginator().send();
        let pages = pages.collect::<Result<Vec<_>, _>>().await.passing(&PASSING)?;
        let all = pages.iter().flat_map(ListCreateAccountStatusOutput::create_account_statuses);
        Ok(all.filter(|request| request.account_name() == Some(name)).cloned().collect())
    }

    /// How far a request has come, if Organizations still knows it.
    pub(crate) async fn request(&self, id: &str) -> Result<Option<CreateAccountStatus>> {
        let described = self.client().describe_create_account_status().create_account_request_id(id).send().await;
        let described = described.none_if(&["CreateAccountStatusNotFoundException"]).passing(&PASSING)?;
        Ok(described.and_then(|output| output.create_account_status))
    }

    /// Asks for an account of an organization, which `is_new` or not. Not tried again by the SDK: there is no client token, and a
    /// second request that follows a lost answer would be a second account.
    pub(crate) async fn create(
        &self,
        desired: &Properties,
        marked: &[(String, String)],
        is_new: bool,
    ) -> Result<CreateAccountStatus> {
        let request = self
            .client()
            .create_account()
            .account_name(&desired.name.0)
            .email(desired.email.expose())
            .role_name(&desired.role_name.0)
            .set_iam_user_access_to_billing(desired.iam_user_access_to_billing.map(Into::into))
            .set_tags(Some(tags(marked)?));
        let made = request.customize().config_override(once()).send().await;
        let constraint = constraint(&made, |error| match error {
            CreateAccountError::ConstraintViolationException(violation) => violation.reason(),
            _ => None,
        });
        let waits = match constraint {
            Some(Constraint::AccountCreationRateLimitExceeded) => true,
            // "wait one hour and try again", says ConstraintViolationException of the first hour of an organization.
            Some(Constraint::AccountNumberLimitExceeded) => is_new,
            _ => false,
        };
        let made = made.passing(&CREATING).map_err(|error| if waits { error.not_yet_within(QUEUED) } else { error })?;
        made.create_account_status.ok_or_else(|| Error::not_yet_within(NEW_FOR, "the request isn't described yet"))
    }

    /// Renames the account. A denial may be that of a fresh role, or of trust that was given a moment ago.
    pub(crate) async fn rename(&self, id: &str, name: &str) -> Result<()> {
        let renamed = self.account.put_account_name().account_id(id).account_name(name).send().await;
        let renamed = renamed.passing(&[RENAMING]);
        renamed.map(drop).map_err(|error| match error.code() {
            "AccessDeniedException" => error.advised(&format!(
                "the account {id} keeps its name; trust account.amazonaws.com in the organization (`TrustedServices` of \
                 Custom::Organization), or give the old name"
            )),
            _ => error,
        })?;
        Ok(())
    }

    /// Moves the account; a move that has been made is done. Says whether the account is there now: if not, it wasn't at
    /// `from`. The OU that it is moved to may have been made a moment ago.
    pub(crate) async fn relocate(&self, id: &str, from: &str, to: &str) -> Result<bool> {
        let moving = self.client().move_account().account_id(id).source_parent_id(from).destination_parent_id(to);
        let moved = moving.send().await.none_if(&["SourceParentNotFoundException", "AccountNotFoundException"]);
        match moved.passing(&PASSING).passing(&[NEW_PARENT]) {
            Err(error) if error.code() == "DuplicateAccountException" => Ok(true),
            moved => Ok(moved?.is_some()),
        }
    }

    /// Asks for the account to be closed; one that is closed or gone is done.
    pub(crate) async fn close(&self, id: &str) -> Result<()> {
        let closed = self.client().close_account().account_id(id).send().await;
        let constraint = constraint(&closed, |error| match error {
            CloseAccountError::ConstraintViolationException(violation) => violation.reason(),
            _ => None,
        });
        let waits = constraint == Some(Constraint::CloseAccountRequestsLimitExceeded);
        closed
            .none_if(&["AccountAlreadyClosedException", "AccountNotFoundException"])
            .passing(&PASSING)
            .passing(&[CLOSING])
            .map_err(|error: AwsError| if waits { error.not_yet_within(QUEUED) } else { error })?;
        Ok(())
    }

    /// Asks who the function is.
    pub(crate) async fn identity(&self) -> Result<()> {
        self.sts.get_caller_identity().send().await?;
        Ok(())
    }

    /// Assumes the role in the account and asks who that is: what a pipeline would do next.
    pub(crate) async fn enter(&self, account: &Account, role: &str) -> Result<()> {
        let id = account.id().unwrap_or_default();
        let partition = account.arn().and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws");
        let arn = format!("arn:{partition}:iam::{id}:role/{role}");
        let assumed =
            self.sts.assume_role().role_arn(arn).role_session_name("archipelago-wait-until-ready").send().await;
        let assumed = assumed.passing(&[NOT_READY])?;
        let Some(keys) = assumed.credentials else {
            return Err(Error::not_yet_within(
                READY_WITHIN,
                format!("the role in account {id} gives no credentials yet"),
            ));
        };
        let token = Some(keys.session_token);
        let credentials = Credentials::new(keys.access_key_id, keys.secret_access_key, token, None, "AssumeRole");
        let inside = aws_sdk_sts::config::Config::builder().credentials_provider(credentials);
        let known = self.sts.get_caller_identity().customize().config_override(inside).send().await;
        known.passing(&[NOT_READY])?;
        Ok(())
    }
}

/// The Regions of the commercial partition that are on in every account. Others are off in a new one, and STS there knows nothing of it.
/// <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>
const ON_IN_EVERY_ACCOUNT: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// The Region in which STS is asked for the role in a new account: the function's own, if that is on in every account.
/// Other partitions have no Regions to opt in to.
fn region_of_new_accounts(own: &str) -> &str {
    let of_others = ["cn-", "eu-iso", "eusc-", "us-gov-", "us-iso"];
    let is_on = ON_IN_EVERY_ACCOUNT.contains(&own) || of_others.iter().any(|start| own.starts_with(start));
    if is_on { own } else { "us-east-1" }
}

/// Whether it is the address of `account`.
pub(crate) fn has_email(account: &Account, email: &Email) -> bool {
    account.email().is_some_and(|address| email.is(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_in(region: &'static str) -> String {
        let aws = SdkConfig::builder()
            .behavior_version(aws_sdk_sts::config::BehaviorVersion::latest())
            .region(Region::from_static(region))
            .build();
        Api::new(&aws).sts.config().region().unwrap().to_string()
    }

    #[test]
    fn a_new_account_is_asked_for_in_a_region_that_is_on_in_every_account() {
        for region in
            ["eu-south-1", "me-central-1", "ap-east-1", "af-south-1", "il-central-1", "ap-southeast-3", "mx-central-1"]
        {
            assert_eq!(asked_in(region), "us-east-1", "{region}");
        }
        for region in [
            "eu-central-1",
            "us-west-2",
            "us-gov-east-1",
            "cn-northwest-1",
            "eusc-de-east-1",
            "us-iso-west-1",
            "eu-isoe-west-1",
        ] {
            assert_eq!(asked_in(region), region);
        }
    }
}
