//! The alias by which a caller invokes one function: the alias itself, how its events end, and who may use it.

use std::{collections::HashMap, time::Duration};

use archipelago::Unit;
use aws_sdk_lambda::{
    Client,
    types::{AliasRoutingConfiguration, DestinationConfig, OnFailure},
};
use custom_resource::{AwsError, FunctionArn, Passing, Result, SdkResult, Writes};

use crate::alias_policy::{INVOKE, SID, are_equal, is_of_account, of_unit, statements};

/// How long Lambda may be busy with a function, or not know of its alias what another call made a moment ago.
const ALIAS_BUSY_FOR: Duration = Duration::from_mins(2);

/// What Lambda says while another change is under way, or of a revision that isn't the latest any more.
pub(crate) const PASSING: [Passing; 1] = [Passing {
    codes: &[
        "PreconditionFailedException",
        "ResourceConflictException",
        "ServiceException",
        "TooManyRequestsException",
    ],
    within: ALIAS_BUSY_FOR,
}];

/// What it says of an alias that isn't there, or isn't known yet.
const NOT_THERE: &str = "ResourceNotFoundException";

/// The same to a call on an alias that was made or seen before.
pub(crate) const NEW: [Passing; 1] = [Passing { codes: &[NOT_THERE], within: ALIAS_BUSY_FOR }];

const CONFLICT: &str = "ResourceConflictException";

/// The one version that an alias of a caller stands for.
const LATEST: &str = "$LATEST";

/// As for the functions themselves: CloudFormation waits for an hour, and whoever answers in the place of a function needs time.
const NO_RETRIES: i32 = 0;
const MAXIMUM_AGE: i32 = 3000;

/// Who may use an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum User {
    /// One of an organization, if the function's account is in one.
    Account {
        id: String,
        organization: Option<String>,
    },
    Unit(Unit),
}

impl User {
    /// The user that the name of a caller means.
    pub(crate) fn named(name: &str) -> Self {
        Unit::read(name).map_or_else(|| Self::Account { id: name.to_owned(), organization: None }, Self::Unit)
    }

    /// What follows `caller-` in the alias.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Account { id, .. } => id.clone(),
            Self::Unit(unit) => unit.name(),
        }
    }
}

/// One alias of one function.
pub(crate) struct Alias<'a> {
    pub(crate) lambda: &'a Client,
    /// The function's ARN; it may not be there.
    pub(crate) function: FunctionArn,
    pub(crate) name: String,
    pub(crate) user: &'a User,
}

impl Alias<'_> {
    fn arn(&self) -> String {
        let FunctionArn { partition, region, account, name, .. } = &self.function;
        format!("arn:{partition}:lambda:{region}:{account}:function:{name}:{}", self.name)
    }

    /// Makes it as it has to be. What lets others in comes last: whatever is invoked has an answer.
    pub(crate) async fn open(&self, failures: &str, writes: &Writes) -> Result<()> {
        self.point_at_latest().await?;
        self.set_end_of_events(failures).await?;
        match self.user {
            User::Account { id, organization } => self.let_account_in(id, organization.as_deref(), writes).await,
            User::Unit(unit) => self.let_unit_in(unit, writes).await,
        }
    }

    async fn point_at_latest(&self) -> Result<()> {
        let (function, name) = (&self.function.name, &self.name);
        let found = self.lambda.get_alias().function_name(function).name(name).send().await;
        match found.none_if(&[NOT_THERE]).passing(&PASSING)? {
            Some(found) if found.function_version() == Some(LATEST) => return Ok(()),
            Some(_) => {}
            None => {
                let made =
                    self.lambda.create_alias().function_name(function).name(name).function_version(LATEST).send();
                // What was there all the same may point at another version.
                let made = made.await.none_if(&[CONFLICT]);
                if made.passing(&PASSING).map_err(without_function)?.is_some() {
                    return Ok(());
                }
            }
        }
        let moved = self.lambda.update_alias().function_name(function).name(name).function_version(LATEST);
        // An alias of two versions isn't at one of them.
        let moved = moved.routing_config(
            AliasRoutingConfiguration::builder().set_additional_version_weights(Some(HashMap::new())).build(),
        );
        moved.send().await.passing(&PASSING).passing(&NEW)?;
        Ok(())
    }

    /// What the template of the functions says of how their events end doesn't hold for their aliases.
    /// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html>
    async fn set_end_of_events(&self, failures: &str) -> Result<()> {
        let failures = OnFailure::builder().destination(failures).build();
        let request = self
            .lambda
            .put_function_event_invoke_config()
            .function_name(&self.function.name)
            .qualifier(&self.name)
            .maximum_retry_attempts(NO_RETRIES)
            .maximum_event_age_in_seconds(MAXIMUM_AGE)
            .destination_config(DestinationConfig::builder().on_failure(failures).build());
        request.send().await.passing(&PASSING).passing(&NEW)?;
        Ok(())
    }

    /// <https://docs.aws.amazon.com/lambda/latest/dg/permissions-function-cross-account.html>
    async fn let_account_in(&self, account: &str, organization: Option<&str>, writes: &Writes) -> Result<()> {
        let arn = self.arn();
        let policy = self.lambda.get_policy().function_name(&self.function.name).qualifier(&self.name).send().await;
        let policy = policy.none_if(&[NOT_THERE]).passing(&PASSING)?.and_then(|output| output.policy);
        let (own, others): (Vec<_>, Vec<_>) = statements(&policy.unwrap_or_default())
            .into_iter()
            .partition(|statement| is_of_account(statement, &self.function.partition, [account, &arn], organization));
        // A statement without a Sid can't be removed alone.
        let is_nameless = others.iter().any(|statement| !statement["Sid"].is_string());
        if is_nameless {
            self.remove_policy(&arn).await?;
        } else {
            for sid in others.iter().filter_map(|statement| statement["Sid"].as_str()) {
                self.remove_permission(sid).await?;
            }
        }
        let is_shown = !is_nameless && !own.is_empty();
        let add = async || {
            let request = self.lambda.add_permission().function_name(&self.function.name).qualifier(&self.name);
            let request = request.statement_id(SID).action(INVOKE).principal(account);
            let request = request.set_principal_org_id(organization.map(ToOwned::to_owned));
            let added = request.send().await;
            // A statement of that Sid, which was seen.
            let added = if is_shown { added.none_if(&[CONFLICT]) } else { added.into_aws_error().map(Some) };
            added.passing(&PASSING).passing(&NEW)?;
            Ok(())
        };
        writes.change(&format!("policy of {arn}"), is_shown, add).await
    }

    /// <https://docs.aws.amazon.com/lambda/latest/dg/API_PutResourcePolicy.html>
    async fn let_unit_in(&self, unit: &Unit, writes: &Writes) -> Result<()> {
        let arn = self.arn();
        let wanted = of_unit(unit, &arn);
        let there = self.lambda.get_resource_policy().resource_arn(&arn).send().await;
        let there = there.none_if(&[NOT_THERE]).passing(&PASSING)?;
        let (policy, revision) = there.map(|there| (there.policy, there.revision_id)).unwrap_or_default();
        let is_shown = policy.is_some_and(|policy| are_equal(&policy, &wanted));
        let put = async || {
            let request = self.lambda.put_resource_policy().resource_arn(&arn).policy(wanted.to_string());
            request.set_revision_id(revision).send().await.passing(&PASSING).passing(&NEW)?;
            Ok(())
        };
        writes.change(&format!("policy of {arn}"), is_shown, put).await
    }

    /// Removes all of it. What isn't there is removed.
    pub(crate) async fn close(&self) -> Result<()> {
        match self.user {
            User::Account { .. } => self.remove_permission(SID).await?,
            User::Unit(_) => self.remove_policy(&self.arn()).await?,
        }
        let (function, name) = (&self.function.name, &self.name);
        let gone =
            self.lambda.delete_function_event_invoke_config().function_name(function).qualifier(name).send().await;
        gone.none_if(&[NOT_THERE]).passing(&PASSING)?;
        let gone = self.lambda.delete_alias().function_name(function).name(name).send().await;
        gone.none_if(&[NOT_THERE]).passing(&PASSING)?;
        Ok(())
    }

    async fn remove_policy(&self, arn: &str) -> Result<()> {
        let gone = self.lambda.delete_resource_policy().resource_arn(arn).send().await;
        gone.none_if(&[NOT_THERE]).passing(&PASSING)?;
        Ok(())
    }

    async fn remove_permission(&self, sid: &str) -> Result<()> {
        let request = self.lambda.remove_permission().function_name(&self.function.name).qualifier(&self.name);
        request.statement_id(sid).send().await.none_if(&[NOT_THERE]).passing(&PASSING)?;
        Ok(())
    }
}

fn without_function(error: AwsError) -> AwsError {
    match error.code() {
        NOT_THERE => error.advised(
            "`Types` names what the functions' stack doesn't have: deploy it with Functions All or Statements, or leave that type out",
        ),
        _ => error,
    }
}
