//! `DynamoDB` in memory: tables with items under their keys, which conditions and updates are tried on.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html>

mod expression;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use self::expression::{Item, Placeholders};
use super::http::Service;

/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const LARGEST_ITEM: usize = 400 * 1024;

const NOT_MET: &str = "ConditionalCheckFailedException";
const INVALID: &str = "ValidationException";

/// Tables by their names.
#[derive(Debug)]
pub struct DynamoDb {
    /// Each with the attributes of its key.
    schemas: &'static [(&'static str, &'static [&'static str])],
    items: Mutex<BTreeMap<Vec<String>, Item>>,
}

impl DynamoDb {
    /// Empty tables, each with the attributes of its key, which are texts.
    #[must_use]
    pub const fn new(schemas: &'static [(&'static str, &'static [&'static str])]) -> Self {
        Self { schemas, items: Mutex::new(BTreeMap::new()) }
    }

    /// Makes all tables empty.
    pub fn begin(&self) {
        self.lock().clear();
    }

    /// The items of a table.
    #[must_use]
    pub fn items(&self, table: &str) -> Vec<Item> {
        let items = self.lock();
        items.iter().filter(|(key, _)| key[0] == table).map(|(_, item)| item.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Vec<String>, Item>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of an item: the table, then the values of the attributes.
    fn key(&self, request: &Value) -> Option<Vec<String>> {
        let table = request["TableName"].as_str()?;
        let (_, attributes) = self.schemas.iter().find(|(name, _)| *name == table)?;
        let key = request["Key"].as_object().filter(|key| key.len() == attributes.len())?;
        let values = attributes.iter().map(|attribute| Some(key.get(*attribute)?["S"].as_str()?.to_owned()));
        [Some(table.to_owned())].into_iter().chain(values).collect()
    }

    fn update(&self, request: &Value) -> Result<Value, &'static str> {
        let key = self.key(request).ok_or(INVALID)?;
        let mut items = self.lock();
        let mut after = items.get(&key).cloned().unwrap_or_default();
        let placeholders = Placeholders::of(request);
        let [condition, changes] = ["ConditionExpression", "UpdateExpression"].map(|name| request[name].as_str());
        if !placeholders.are_those_of(&[condition, changes].map(Option::unwrap_or_default)) {
            return Err(INVALID);
        }
        if !condition.is_none_or(|condition| placeholders.is_met(condition, &after)) {
            return Err(NOT_MET);
        }
        after.extend(request["Key"].as_object().cloned().into_iter().flatten());
        if let Some(changes) = changes {
            placeholders.update(changes, &mut after);
        }
        if json!(after).to_string().len() > LARGEST_ITEM {
            return Err(INVALID);
        }
        items.insert(key, after.clone());
        Ok(match request["ReturnValues"].as_str() {
            Some("ALL_NEW") => json!({ "Attributes": after }),
            _ => json!({}),
        })
    }
}

impl Service for DynamoDb {
    fn answer(&self, operation: &str, request: &Value, _: bool) -> Result<Value, &'static str> {
        match operation {
            "UpdateItem" => self.update(request),
            other => panic!("the tables can't be asked for {other}"),
        }
    }

    fn refused_with(&self, request: &Value) -> Value {
        let wants_item = request["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD";
        let item = self.key(request).filter(|_| wants_item).and_then(|key| self.lock().get(&key).cloned());
        item.map_or(json!({}), |item| json!({ "Item": item }))
    }
}
