//! The table of requests in `DynamoDB`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::http::Service;

/// The two conditions of the table, to the letter.
const IS_NEWER: &str = "attribute_not_exists(#rank) OR #rank < :rank";
const IS_THE_SAME_STILL: &str = "#rank = :rank AND #latest = :before";

/// The latest request of each resource.
#[derive(Debug, Default)]
pub(super) struct Requests(Mutex<HashMap<String, Map<String, Value>>>);

impl Requests {
    /// Makes the table empty.
    pub(super) fn begin(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Service for Requests {
    fn answer(&self, operation: &str, request: &Value, _: bool) -> Result<Value, &'static str> {
        assert_eq!(operation, "UpdateItem", "the table can't be asked for that");
        let mut items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = request["Key"]["Resource"]["S"].as_str().expect("a key");
        let values = &request["ExpressionAttributeValues"];
        let item = items.get(key).cloned().unwrap_or_default();
        let rank = |value: &Value| value["N"].as_str().and_then(|number| number.parse::<u64>().ok());
        let there = item.get("Rank").and_then(rank);
        let is_so = match request["ConditionExpression"].as_str() {
            Some(IS_NEWER) => there.is_none() || there < rank(&values[":rank"]),
            Some(IS_THE_SAME_STILL) => {
                there == rank(&values[":rank"]) && item.get("Latest") == Some(&values[":before"])
            }
            other => panic!("the table can't judge {other:?}"),
        };
        if !is_so {
            assert_eq!(request["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
            return Err("ConditionalCheckFailedException");
        }
        let seen = item.get("Seen").and_then(|seen| seen["L"].as_array().cloned()).unwrap_or_default();
        let mut after = item;
        let changes = request["UpdateExpression"].as_str().and_then(|text| text.strip_prefix("SET "));
        for change in changes.unwrap_or_default().replace("list_append(#seen, :seen)", ":appended").split(", ") {
            let (name, value) = change.split_once(" = ").expect("an assignment");
            let name = request["ExpressionAttributeNames"][name].as_str().unwrap_or(name);
            let value = match value {
                ":appended" => {
                    let new = values[":seen"]["L"].as_array().cloned().unwrap_or_default();
                    json!({ "L": seen.iter().cloned().chain(new).collect::<Vec<_>>() })
                }
                value => values[value].clone(),
            };
            after.insert(name.to_owned(), value);
        }
        items.insert(key.to_owned(), after);
        Ok(json!({}))
    }

    fn refused_with(&self, request: &Value) -> Value {
        let items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = request["Key"]["Resource"]["S"].as_str().unwrap_or_default();
        json!({ "Item": items.get(key) })
    }
}
