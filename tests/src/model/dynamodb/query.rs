//! The items of one partition, of a table or of an index, page by page.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html>

use serde_json::{Value, json};

use super::expression::Placeholders;
use super::item::{Item, projected, size};
use super::tables::{Items, Schema, exact_key_of, invalid, key_of};
use crate::model::http::Refusal;

const EXPRESSIONS: [&str; 3] = ["KeyConditionExpression", "FilterExpression", "ProjectionExpression"];

/// The rest of what a query may ask for here.
const OTHERS: [&str; 7] = [
    "TableName",
    "IndexName",
    "ConsistentRead",
    "ExclusiveStartKey",
    "Limit",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
];

/// One page, of at most `most` bytes before the filter.
pub(super) fn query(schema: &Schema, items: &Items, request: &Value, most: usize) -> Result<Value, Refusal> {
    let unknown = request.as_object().and_then(|request| {
        request.keys().find(|name| !EXPRESSIONS.contains(&&***name) && !OTHERS.contains(&&***name))
    });
    assert_eq!(unknown, None, "no query of the tables knows this");
    let (table, of_table) = schema.table(request)?;
    let index = request["IndexName"].as_str().map(|index| schema.index(table, index)).transpose()?;
    if index.is_some() && request["ConsistentRead"] == true {
        return Err(invalid("Consistent reads are not supported on global secondary indexes"));
    }
    let of_query = index.unwrap_or(of_table);
    let placeholders = Placeholders::of(request);
    let [condition, filter, projection] = EXPRESSIONS.map(|name| request[name].as_str());
    placeholders.check(&[condition, filter, projection]).map_err(invalid)?;
    let condition = condition.ok_or_else(|| invalid("Either KeyConditions or KeyConditionExpression is needed"))?;
    if !placeholders.is_key_condition(condition, of_query) {
        return Err(invalid("Query key condition not supported"));
    }
    if filter.is_some_and(|filter| placeholders.names_any(filter, of_query)) {
        return Err(invalid("Filter Expression can only contain non-primary key attributes"));
    }
    // What an index keeps of an item, and the order of its items: its own key, then that of the table. An item without its key
    // isn't in it.
    let names: Vec<&str> =
        of_query.iter().chain(of_table.iter().filter(|name| !of_query.contains(name))).copied().collect();
    let whole = index.is_none();
    let seen = |item: &Item| if whole { item.clone() } else { projected(item, &paths(&names)) };
    let in_partition = |item: &&Item| placeholders.is_met(condition, item);
    let of_this = items.iter().filter(|(key, _)| key[0] == table).map(|(_, item)| item);
    let mut found: Vec<_> = of_this
        .filter_map(|item| Some((key_of(item, &names)?, seen(item))))
        .filter(|(_, item)| in_partition(&item))
        .collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    if !request["ExclusiveStartKey"].is_null() {
        let start = exact_key_of(&request["ExclusiveStartKey"], &names);
        let start = start.ok_or_else(|| invalid("The provided starting key is invalid"))?;
        found.retain(|(key, _)| *key > start);
    }
    let (page, is_all) = page(found, most, request["Limit"].as_u64());
    let last = page.last().filter(|_| !is_all).map(|item| projected(item, &paths(&names)));
    let read = page.len();
    let kept = page.into_iter().filter(|item| filter.is_none_or(|filter| placeholders.is_met(filter, item)));
    let shown: Vec<_> = match projection.map(|projection| placeholders.paths(projection)) {
        None => kept.collect(),
        Some(paths) if !whole && paths.iter().any(|path| !names.contains(&&*path[0])) => {
            return Err(invalid("The index does not project an attribute"));
        }
        Some(paths) => kept.map(|item| projected(&item, &paths)).collect(),
    };
    let mut answer = json!({ "Count": shown.len(), "ScannedCount": read, "Items": shown });
    if let Some(last) = last {
        answer["LastEvaluatedKey"] = json!(last);
    }
    Ok(answer)
}

fn paths(names: &[&str]) -> Vec<Vec<String>> {
    names.iter().map(|name| vec![(*name).to_owned()]).collect()
}

/// As many as are read at once, and whether it read to the end. A page that ends at the limit doesn't know that nothing follows.
fn page(found: Vec<(Vec<String>, Item)>, most: usize, limit: Option<u64>) -> (Vec<Item>, bool) {
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    let (mut page, mut bytes) = (Vec::new(), 0);
    for (_, item) in found {
        bytes += size(&item);
        if bytes > most && !page.is_empty() {
            return (page, false);
        }
        page.push(item);
        if limit == Some(page.len()) {
            return (page, false);
        }
    }
    (page, true)
}
