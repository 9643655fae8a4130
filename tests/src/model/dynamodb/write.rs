//! One write of an item, or the check of one: its condition, and what the update makes of it.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html>

use serde_json::{Value, json};

use super::expression::Placeholders;
use super::item::{Item, size};
use super::tables::{Items, Key, Schema, invalid};
use crate::model::http::Refusal;

/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const LARGEST_ITEM: usize = 400 * 1024;

/// Why an item can't be written.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// It doesn't meet the condition.
    NotMet,
    /// The update can't be made to it.
    Invalid(&'static str),
}

/// What a write would do.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) key: Key,
    pub(super) before: Option<Item>,
    pub(super) after: Result<Item, Obstacle>,
}

impl Write {
    /// The item that doesn't meet the condition, if the request wants to see it.
    pub(super) fn shown(&self, request: &Value) -> Option<&Item> {
        self.before.as_ref().filter(|_| request["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD")
    }
}

/// What a request would do to the item that it names.
///
/// # Errors
/// What AWS refuses whatever the item is.
pub(super) fn write(schema: &Schema, items: &Items, request: &Value) -> Result<Write, Refusal> {
    let key = schema.key(request)?;
    let [condition, changes] = ["ConditionExpression", "UpdateExpression"].map(|name| request[name].as_str());
    let placeholders = Placeholders::of(request);
    placeholders.check(&[condition, changes]).map_err(invalid)?;
    let before = items.get(&key).cloned();
    let mut after = before.clone().unwrap_or_default();
    if !condition.is_none_or(|condition| placeholders.is_met(condition, &after)) {
        return Ok(Write { key, before, after: Err(Obstacle::NotMet) });
    }
    let (table, attributes) = schema.table(request)?;
    after.extend(request["Key"].as_object().cloned().into_iter().flatten());
    let updated = changes.map_or(Ok(Vec::new()), |changes| placeholders.update(changes, &mut after));
    let after = match updated {
        Err(words) => Err(Obstacle::Invalid(words)),
        Ok(names) if names.iter().any(|name| attributes.contains(&&**name)) => {
            return Err(invalid("Cannot update an attribute that is part of the key"));
        }
        // An empty text is refused at once, and a value of another type cancels a transaction:
        // https://github.com/paritysuite/dynamodb-conformance/pull/46
        Ok(_) if schema.of_indexes(table).any(|name| after.get(name).is_some_and(|value| value["S"] == "")) => {
            return Err(invalid("A key attribute of a secondary index cannot contain an empty string value"));
        }
        Ok(_) if schema.of_indexes(table).any(|name| after.get(name).is_some_and(|value| !value["S"].is_string())) => {
            Err(Obstacle::Invalid("Type mismatch for a key attribute of a secondary index"))
        }
        Ok(_) if size(&after) > LARGEST_ITEM => {
            Err(Obstacle::Invalid("Item size to update has exceeded the maximum allowed size"))
        }
        Ok(_) => Ok(after),
    };
    Ok(Write { key, before, after })
}

/// What a request would do that puts another item in the place of what is there.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html>
///
/// # Errors
/// What AWS refuses whatever the item is.
pub(super) fn replacement(schema: &Schema, items: &Items, request: &Value) -> Result<Write, Refusal> {
    let (_, attributes) = schema.table(request)?;
    let item = request["Item"].as_object().cloned().unwrap_or_default();
    let key: Item = attributes.iter().filter_map(|name| Some(((*name).to_owned(), item.get(*name)?.clone()))).collect();
    let mut asked = request.clone();
    asked["Key"] = json!(key);
    let there = write(schema, items, &asked)?;
    let after = match there.after {
        Ok(_) if size(&item) > LARGEST_ITEM => {
            Err(Obstacle::Invalid("Item size has exceeded the maximum allowed size"))
        }
        met => met.map(|_| item),
    };
    Ok(Write { after, ..there })
}
