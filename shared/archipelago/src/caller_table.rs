//! The table of callers: what each of them may have, and who changes its alias.
//!
//! A caller has a partition, with an item for each grant and one for a lease.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    time::Duration,
};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use custom_resource::{AwsError, Error, Owner, Result, SdkConfig, SdkResult, digest_of, table_client};

use crate::Grant;

/// The variable with the name of the table.
const TABLE: &str = "CALLER_TABLE";

const CALLER: &str = "Caller";
const ITEM: &str = "Item";
/// How the range keys of grants begin.
const GRANT: &str = "grant ";
const LEASE: &str = "lease";
const CONTENT: &str = "Grant";
const STACK: &str = "StackId";
const LOGICAL: &str = "LogicalId";
const HOLDER: &str = "Holder";
const UNTIL: &str = "Until";

/// What `DynamoDB` says where a condition doesn't hold.
const NOT_SO: &str = "ConditionalCheckFailedException";

/// The table, which all functions of an installation share.
#[derive(Clone)]
pub struct CallerTable {
    client: Client,
    table: Option<String>,
}

impl CallerTable {
    /// The table that the variable `CALLER_TABLE` names.
    #[must_use]
    pub fn from_environment(aws: &SdkConfig) -> Self {
        Self::new(table_client(aws), std::env::var(TABLE).ok().filter(|table| !table.is_empty()))
    }

    /// The table of that name, whose key is the texts `Caller` and `Item`. Without a name nothing is open to anybody.
    #[must_use]
    pub fn new(client: Client, table: Option<String>) -> Self {
        Self { client, table }
    }

    /// What is granted to the caller of that [name](crate::Caller::name).
    ///
    /// # Errors
    /// Refused if the table can't be read, or holds a grant of another version.
    pub async fn grants(&self, caller: &str) -> Result<Vec<Grant>> {
        Ok(self.granted(caller).await?.into_values().collect())
    }

    /// What is granted to a caller by `owner`, and what by others.
    ///
    /// # Errors
    /// Those of [`grants`](Self::grants).
    pub async fn grants_by(&self, caller: &str, owner: &Owner) -> Result<(Option<Grant>, Vec<Grant>)> {
        let mut granted = self.granted(caller).await?;
        let own = granted.remove(&range_key(owner));
        Ok((own, granted.into_values().collect()))
    }

    /// Grants a caller what `owner` opens to it, in the place of what that opened before.
    ///
    /// # Errors
    /// Refused if the table can't be written.
    pub async fn grant(&self, caller: &str, owner: &Owner, grant: &Grant) -> Result<()> {
        let content = serde_json::to_string(grant).map_err(|error| Error::refused(error.to_string()))?;
        let request = self
            .client
            .put_item()
            .table_name(self.table()?)
            .set_item(Some(key(caller, &range_key(owner))))
            .item(CONTENT, AttributeValue::S(content))
            // For people who look into the table.
            .item(STACK, AttributeValue::S(owner.stack_id().to_owned()))
            .item(LOGICAL, AttributeValue::S(owner.logical_id().to_owned()));
        request.send().await.into_aws_error().map_err(out_of_reach)?;
        Ok(())
    }

    /// Takes away what `owner` opened to a caller.
    ///
    /// # Errors
    /// Refused if the table can't be written.
    pub async fn take_away(&self, caller: &str, owner: &Owner) -> Result<()> {
        let key = key(caller, &range_key(owner));
        let request = self.client.delete_item().table_name(self.table()?).set_key(Some(key));
        request.send().await.into_aws_error().map_err(out_of_reach)?;
        Ok(())
    }

    /// Takes the right to change the caller's alias, from `now` on (since 1970) and for as long as `lasts`, unless somebody else has it.
    /// `holder` takes its own once more.
    ///
    /// # Errors
    /// Refused if the table can't be written; not yet while somebody else holds it.
    pub async fn lease(&self, caller: &str, holder: &str, now: Duration, lasts: Duration) -> Result<()> {
        let request = self
            .client
            .update_item()
            .table_name(self.table()?)
            .set_key(Some(key(caller, LEASE)))
            .update_expression("SET #holder = :holder, #until = :until")
            .condition_expression("attribute_not_exists(#until) OR #until < :now OR #holder = :holder")
            .expression_attribute_names("#holder", HOLDER)
            .expression_attribute_names("#until", UNTIL)
            .expression_attribute_values(":holder", AttributeValue::S(holder.to_owned()))
            .expression_attribute_values(":until", millis(now + lasts))
            .expression_attribute_values(":now", millis(now));
        match request.send().await.none_if(&[NOT_SO]).map_err(out_of_reach)? {
            Some(_) => Ok(()),
            None => Err(Error::not_yet("another request changes the alias of this caller")),
        }
    }

    /// Gives the right back. If that fails it ends by itself.
    ///
    /// # Errors
    /// Refused if the table can't be written.
    pub async fn release(&self, caller: &str, holder: &str) -> Result<()> {
        let request = self
            .client
            .delete_item()
            .table_name(self.table()?)
            .set_key(Some(key(caller, LEASE)))
            .condition_expression("#holder = :holder")
            .expression_attribute_names("#holder", HOLDER)
            .expression_attribute_values(":holder", AttributeValue::S(holder.to_owned()));
        request.send().await.none_if(&[NOT_SO]).map_err(out_of_reach)?;
        Ok(())
    }

    /// All grants of a caller, by their range keys.
    async fn granted(&self, caller: &str) -> Result<BTreeMap<String, Grant>> {
        let mut granted = BTreeMap::new();
        let mut begin = None;
        loop {
            let request = self
                .client
                .query()
                .table_name(self.table()?)
                .consistent_read(true)
                .key_condition_expression("#caller = :caller AND begins_with(#item, :grant)")
                .expression_attribute_names("#caller", CALLER)
                .expression_attribute_names("#item", ITEM)
                .expression_attribute_values(":caller", AttributeValue::S(caller.to_owned()))
                .expression_attribute_values(":grant", AttributeValue::S(GRANT.to_owned()))
                .set_exclusive_start_key(begin);
            let page = request.send().await.into_aws_error().map_err(out_of_reach)?;
            for item in page.items.unwrap_or_default() {
                let (key, grant) = read(&item).ok_or_else(|| {
                    Error::refused("a grant in the table of callers is of another version of these functions")
                })?;
                granted.insert(key, grant);
            }
            begin = page.last_evaluated_key;
            if begin.is_none() {
                return Ok(granted);
            }
        }
    }

    fn table(&self) -> Result<&str> {
        let missing = || Error::refused(format!("the function has no variable {TABLE}; deploy the functions anew"));
        self.table.as_deref().ok_or_else(missing)
    }
}

impl fmt::Debug for CallerTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallerTable").field("table", &self.table).finish_non_exhaustive()
    }
}

/// All of the two ids: the mark is short enough for somebody to look for a stack's name that has another's.
fn range_key(owner: &Owner) -> String {
    format!("{GRANT}{}", digest_of([owner.stack_id(), owner.logical_id()]))
}

fn key(caller: &str, item: &str) -> HashMap<String, AttributeValue> {
    [(CALLER, caller), (ITEM, item)]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())))
        .collect()
}

fn read(item: &HashMap<String, AttributeValue>) -> Option<(String, Grant)> {
    let text = |name: &str| item.get(name)?.as_s().ok();
    Some((text(ITEM)?.clone(), serde_json::from_str(text(CONTENT)?).ok()?))
}

fn millis(time: Duration) -> AttributeValue {
    AttributeValue::N(time.as_millis().to_string())
}

fn out_of_reach(error: AwsError) -> Error {
    error.advised("without the table of callers nothing is open to another account").into()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use aws_sdk_dynamodb::operation::query::QueryOutput;
    use aws_smithy_mocks::{RuleMode, mock, mock_client};
    use serde_json::json;

    use super::*;

    const OWNER: &str = "arn:aws:cloudformation:us-east-1:111111111111:stack/app-tooling/1f0a";

    fn owner(logical_id: &str) -> Owner {
        Owner::new(OWNER, logical_id)
    }

    fn grant(target: &str) -> Grant {
        Grant { targets: vec![target.to_owned()], ..Grant::default() }
    }

    fn item(logical_id: &str, content: &serde_json::Value) -> HashMap<String, AttributeValue> {
        let mut item = key("222222222222", &range_key(&owner(logical_id)));
        item.insert(CONTENT.to_owned(), AttributeValue::S(content.to_string()));
        item
    }

    fn table(pages: Vec<Vec<HashMap<String, AttributeValue>>>) -> CallerTable {
        let last = pages.len() - 1;
        let pages = Mutex::new(pages.into_iter().enumerate());
        let rule = mock!(Client::query).then_output(move || {
            let (page, items) = pages.lock().unwrap().next().unwrap();
            let next = (page < last).then(|| key("222222222222", "grant 1"));
            QueryOutput::builder().set_items(Some(items)).set_last_evaluated_key(next).build()
        });
        CallerTable::new(mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&rule]), Some("callers".to_owned()))
    }

    fn content(grant: &Grant) -> serde_json::Value {
        serde_json::to_value(grant).unwrap()
    }

    #[tokio::test]
    async fn the_grants_of_a_caller_are_read_page_by_page() {
        let pages = vec![vec![item("One", &content(&grant("a")))], vec![], vec![item("Two", &content(&grant("b")))]];
        let mut targets: Vec<_> =
            table(pages).grants("222222222222").await.unwrap().into_iter().flat_map(|grant| grant.targets).collect();
        targets.sort();
        assert_eq!(targets, ["a", "b"]);
    }

    #[tokio::test]
    async fn the_grant_of_an_owner_is_told_from_those_of_others() {
        let pages = vec![vec![item("One", &content(&grant("a"))), item("Two", &content(&grant("b")))]];
        let (own, others) = table(pages).grants_by("222222222222", &owner("One")).await.unwrap();
        assert_eq!((own, others), (Some(grant("a")), vec![grant("b")]));
    }

    #[tokio::test]
    async fn a_grant_that_is_not_understood_opens_nothing() {
        for content in
            [json!({}), json!("*"), json!({"Types": [], "Targets": ["*"], "Actions": [], "Services": [], "More": 1})]
        {
            let reason = table(vec![vec![item("One", &content)]]).grants("222222222222").await.unwrap_err().to_string();
            assert!(reason.contains("of another version"), "{reason}");
        }
    }

    #[tokio::test]
    async fn without_a_table_nothing_is_open() {
        let client = mock_client!(aws_sdk_dynamodb, []);
        let reason = CallerTable::new(client, None).grants("222222222222").await.unwrap_err().to_string();
        assert!(reason.starts_with("the function has no variable CALLER_TABLE"), "{reason}");
    }
}
