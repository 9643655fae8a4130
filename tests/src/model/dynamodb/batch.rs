//! Several items by their keys, in no order.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html>

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::item::size;
use super::tables::{Items, Schema, invalid};
use crate::model::http::Refusal;

/// How many items a batch names at most.
const MOST: usize = 100;

/// What a batch may ask for of a table here.
const KNOWN: [&str; 2] = ["ConsistentRead", "Keys"];

/// Whether each table is read consistently.
pub(super) fn is_consistent(request: &Value) -> bool {
    tables(request).all(|(_, wanted)| wanted["ConsistentRead"] == true)
}

/// The items that are there, of at most `most` bytes; the keys of the others are unprocessed, but for those of the first one.
pub(super) fn batch(schema: &Schema, items: &Items, request: &Value, most: usize) -> Result<Value, Refusal> {
    let (mut responses, mut unprocessed) = (Map::new(), Map::new());
    let (mut named, mut bytes) = (BTreeSet::new(), 0);
    for (table, wanted) in tables(request) {
        let unknown = wanted.as_object().and_then(|wanted| wanted.keys().find(|name| !KNOWN.contains(&&***name)));
        assert_eq!(unknown, None, "no batch of the tables knows this");
        let (mut found, mut unread) = (Vec::new(), Vec::new());
        // Whoever relies on an order finds the last one first.
        for wanted in wanted["Keys"].as_array().into_iter().flatten().rev() {
            let key = schema.key(&json!({ "TableName": table, "Key": wanted }))?;
            let item = items.get(&key);
            if !named.insert(key) {
                return Err(invalid("Provided list of item keys contains duplicates"));
            }
            let size = item.map(size).unwrap_or_default();
            if bytes > 0 && bytes + size > most {
                unread.push(wanted.clone());
                continue;
            }
            bytes += size;
            found.extend(item.cloned());
        }
        responses.insert(table.clone(), json!(found));
        if !unread.is_empty() {
            let rest = json!({ "Keys": unread, "ConsistentRead": wanted["ConsistentRead"] == true });
            unprocessed.insert(table.clone(), rest);
        }
    }
    match named.len() {
        0 => {
            Err(invalid("1 validation error detected: the requested keys must have length greater than or equal to 1"))
        }
        1..=MOST => Ok(json!({ "Responses": responses, "UnprocessedKeys": unprocessed })),
        _ => Err(invalid("Too many items requested for the BatchGetItem call")),
    }
}

fn tables(request: &Value) -> impl Iterator<Item = (&String, &Value)> {
    request["RequestItems"].as_object().into_iter().flatten()
}
