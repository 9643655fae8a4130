//! The table of requests: for each resource of each stack the latest request that CloudFormation made, so that an older one,
//! which Lambda runs late or which is still at work, changes nothing any more.
//!
//! Lambda delays a throttled event by up to five minutes, and CloudFormation may have sent a Delete or a rollback meanwhile.
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{Client, types::AttributeValue};

use crate::{
    AwsError, Error, Owner, RequestOrder, Result,
    digest::digest_of,
    request_note::{NotNoted, RequestNote},
    table_client,
};

/// The variable with the name of the table.
const TABLE: &str = "REQUEST_TABLE";

/// How long an item is kept. A request older than its `ServiceTimeout`, an hour at most, does nothing by itself.
const KEPT: Duration = Duration::from_hours(24);

const RESOURCE: &str = "Resource";
const EXPIRES: &str = "Expires";

/// The table, which all functions of an installation share.
#[derive(Clone)]
pub struct RequestTable {
    client: Client,
    table: String,
}

impl fmt::Debug for RequestTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestTable").field("table", &self.table).finish_non_exhaustive()
    }
}

impl RequestTable {
    /// The table that the variable `REQUEST_TABLE` names; `None` without that variable.
    pub(crate) fn from_environment(aws: &SdkConfig) -> Option<Self> {
        std::env::var(TABLE).ok().filter(|table| !table.is_empty()).map(|table| Self::new(aws, &table))
    }

    /// The table of that name, whose key is the text `Resource`.
    #[must_use]
    pub fn new(aws: &SdkConfig, table: &str) -> Self {
        Self { client: table_client(aws), table: table.to_owned() }
    }

    /// A call as far as to the connection.
    pub(crate) async fn warm_up(&self) {
        let _ = self.client.update_item().table_name(&self.table).send().await;
    }

    /// Notes that `order` is that of the latest request for the resource of `owner`, or says that a later one has been noted.
    ///
    /// # Errors
    /// Refused if a later request has been noted, and if the table can't be used: without it nothing may be done.
    pub(crate) async fn admit(&self, owner: &Owner, order: &RequestOrder) -> Result<()> {
        let key = key(owner);
        let expires = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + KEPT;
        let update = || {
            self.client
                .update_item()
                .table_name(&self.table)
                .key(RESOURCE, AttributeValue::S(key.clone()))
                .expression_attribute_names("#expires", EXPIRES)
                .expression_attribute_values(":expires", AttributeValue::N(expires.as_secs().to_string()))
        };
        let note = RequestNote { update, also: "#expires = :expires", sets_again: false };
        note.write(order).await.map(drop).map_err(|not_noted| match not_noted {
            NotNoted::Error(error) => error,
            NotNoted::Aws(error) => out_of_reach(error),
        })
    }
}

/// All of the two ids: the mark is short enough for somebody to look for a stack's name that has another's.
fn key(owner: &Owner) -> String {
    digest_of([owner.stack_id(), owner.logical_id()])
}

fn out_of_reach(error: AwsError) -> Error {
    error.advised("nothing is done before the table of requests says that no later request was made").into()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use aws_sdk_dynamodb::{
        operation::update_item::{UpdateItemError, UpdateItemOutput},
        types::error::ConditionalCheckFailedException,
    };
    use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};

    use super::*;
    use crate::request_note::{IN_ONE_SECOND, IS_NEWER, IS_THE_SAME_STILL, LATEST, RANK, SEEN, overtaken};

    fn owner() -> Owner {
        Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a", "Workloads")
    }

    fn order(second: u64, request: &str) -> RequestOrder {
        RequestOrder::new(second * 1000, false, request)
    }

    /// The table, in which `latest` is noted after `seen`, all of one second. The rules are of the two changes.
    fn noted(seen: &[&RequestOrder], latest: &RequestOrder) -> (Rule, Rule) {
        let digest = |order: &RequestOrder| AttributeValue::S(order.request().to_owned());
        let item = HashMap::from([
            (RANK.to_owned(), AttributeValue::N(latest.rank().to_string())),
            (LATEST.to_owned(), digest(latest)),
            (SEEN.to_owned(), AttributeValue::L(seen.iter().copied().chain([latest]).map(digest).collect())),
        ]);
        let is = |condition| {
            move |request: &aws_sdk_dynamodb::operation::update_item::UpdateItemInput| {
                request.condition_expression() == Some(condition) && request.table_name() == Some("requests")
            }
        };
        let newer = mock!(Client::update_item).match_requests(is(IS_NEWER)).then_error(move || {
            let failed = ConditionalCheckFailedException::builder().set_item(Some(item.clone())).build();
            UpdateItemError::ConditionalCheckFailedException(failed)
        });
        let another = mock!(Client::update_item)
            .match_requests(is(IS_THE_SAME_STILL))
            .then_output(|| UpdateItemOutput::builder().build());
        (newer, another)
    }

    async fn admitted(rules: &(Rule, Rule), order: &RequestOrder) -> Result<()> {
        let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&rules.0, &rules.1]);
        RequestTable { client, table: "requests".to_owned() }.admit(&owner(), order).await
    }

    #[tokio::test]
    async fn the_request_that_is_the_latest_is_admitted_as_often_as_it_comes() {
        let rules = noted(&[], &order(7, "update"));
        admitted(&rules, &order(7, "update")).await.unwrap();
        assert_eq!(rules.1.num_calls(), 0);
    }

    #[tokio::test]
    async fn an_older_request_is_refused() {
        let rules = noted(&[], &order(7, "update"));
        assert_eq!(admitted(&rules, &order(6, "create")).await, Err(overtaken()));
    }

    #[tokio::test]
    async fn of_two_requests_of_one_second_the_one_that_arrives_later_is_the_later_and_stays_so() {
        let (update, rollback) = (order(7, "update"), order(7, "rollback"));
        let rules = noted(&[], &update);
        admitted(&rules, &rollback).await.unwrap();
        assert_eq!(rules.1.num_calls(), 1);
        assert_eq!(admitted(&noted(&[&update], &rollback), &update).await, Err(overtaken()));
    }

    #[tokio::test]
    async fn an_item_does_not_grow_with_events_that_somebody_writes() {
        let orders: Vec<_> = (0..IN_ONE_SECOND).map(|n| order(7, &n.to_string())).collect();
        let (latest, seen) = orders.split_last().unwrap();
        let rules = noted(&seen.iter().collect::<Vec<_>>(), latest);
        let reason = admitted(&rules, &order(7, "another")).await.unwrap_err().to_string();
        assert!(reason.starts_with("more than 20 requests for this resource were made in one second"), "{reason}");
        assert_eq!(rules.1.num_calls(), 0);
    }

    #[test]
    fn the_key_is_made_of_all_of_both_ids_and_stays_the_same() {
        assert_eq!(key(&owner()), "22a7aa3d94d52b5fbba3442cc6c23d38c99649b2979b7812a9fd2b11e2dfda88");
    }
}
