//! `DynamoDB` in memory: tables with items under their keys, which conditions and updates are tried on.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/Welcome.html>

mod batch;
mod expression;
mod item;
mod query;
mod tables;
mod transaction;
mod write;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use self::batch::batch;
use self::expression::Placeholders;
use self::item::{Item, projected};
use self::query::query;
use self::tables::{Attributes, Kept, Schema, invalid};
use self::transaction::transact;
use self::write::{Obstacle, Write, replacement, write};
use super::http::{Refusal, Service};

/// "A maximum of 1 MB of data", before the filter; a batch gets as much of a partition.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html>
const PAGE: usize = 1024 * 1024;

const OPERATIONS: [&str; 7] =
    ["BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "TransactWriteItems", "UpdateItem"];

/// Tables by their names.
#[derive(Debug)]
pub struct DynamoDb {
    schema: Schema,
    page: AtomicUsize,
    kept: Mutex<Kept>,
}

impl DynamoDb {
    /// Empty tables, each with the attributes of its key, which are texts.
    #[must_use]
    pub const fn new(tables: &'static [(&'static str, Attributes)]) -> Self {
        let schema = Schema { tables, indexes: Vec::new() };
        Self { schema, page: AtomicUsize::new(PAGE), kept: Mutex::new(Kept::new()) }
    }

    /// The same with a global index of a table, which keeps keys alone: those of the index and of the table. An item without
    /// the attributes of its key isn't in it.
    #[must_use]
    pub fn with_index(mut self, table: &'static str, name: &'static str, key: Attributes) -> Self {
        self.schema.indexes.push((table, name, key));
        self
    }

    /// The same, with at most so many bytes in a page of a query, and in a batch.
    #[must_use]
    pub fn with_page(self, bytes: usize) -> Self {
        self.set_page(bytes);
        self
    }

    /// Lets a page of a query, and a batch, have at most so many bytes from now on.
    pub fn set_page(&self, bytes: usize) {
        self.page.store(bytes, Ordering::Relaxed);
    }

    /// Whether it is asked for the operation, and no other service.
    #[must_use]
    pub fn has(operation: &str) -> bool {
        OPERATIONS.contains(&operation)
    }

    /// Makes all tables empty.
    pub fn begin(&self) {
        *self.lock() = Kept::new();
    }

    /// The items of a table, in the order of their keys.
    #[must_use]
    pub fn items(&self, table: &str) -> Vec<Item> {
        let kept = self.lock();
        kept.items().iter().filter(|(key, _)| key[0] == table).map(|(_, item)| item.clone()).collect()
    }

    /// The item under a key.
    #[must_use]
    pub fn item(&self, table: &str, key: &[&str]) -> Option<Item> {
        self.lock().items().get(&place(table, key)).cloned()
    }

    /// Lets somebody else change the item under a key, or make it.
    ///
    /// # Panics
    /// If there is no such table, or its keys have another number of attributes.
    pub fn change(&self, table: &str, key: &[&str], change: impl FnOnce(&mut Item)) {
        let (_, attributes) = self.schema.table(&json!({ "TableName": table })).expect("there is such a table");
        assert_eq!(attributes.len(), key.len(), "a key of {table} has {attributes:?}");
        let mut kept = self.lock();
        let mut item = kept.items().get(&place(table, key)).cloned().unwrap_or_default();
        item.extend(attributes.iter().zip(key).map(|(name, value)| ((*name).to_owned(), json!({ "S": value }))));
        change(&mut item);
        kept.write([(place(table, key), Some(item))]);
    }

    /// The write capacity units that the requests to a table have consumed, without those of its indexes.
    #[must_use]
    pub fn write_units(&self, table: &str) -> usize {
        self.lock().write_units(table)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, request: &Value, stale: bool) -> Result<Value, Refusal> {
        let key = self.schema.key(request)?;
        let (placeholders, projection) = (Placeholders::of(request), request["ProjectionExpression"].as_str());
        placeholders.check(&[projection]).map_err(invalid)?;
        let found = self.lock().read(stale, |items| items.get(&key).cloned());
        let shown = found.map(|item| match projection {
            Some(projection) => projected(&item, &placeholders.paths(projection)),
            None => item,
        });
        Ok(shown.map_or(json!({}), |item| json!({ "Item": item })))
    }

    fn batch(&self, request: &Value, stale: bool) -> Result<Value, Refusal> {
        let ask = |items: &_| batch(&self.schema, items, request, self.page.load(Ordering::Relaxed));
        let stale = stale && !batch::is_consistent(request);
        self.lock().read(stale, |items| ask(items))
    }

    fn query(&self, request: &Value, stale: bool) -> Result<Value, Refusal> {
        let ask = |items: &_| query(&self.schema, items, request, self.page.load(Ordering::Relaxed));
        self.lock().read(stale, |items| ask(items))
    }

    fn update(&self, request: &Value) -> Result<Value, Refusal> {
        let mut kept = self.lock();
        let written = write(&self.schema, kept.items(), request)?;
        let (key, before, after) = done(&mut kept, written, request)?;
        kept.write([(key, Some(after.clone()))]);
        Ok(match (request["ReturnValues"].as_str(), before) {
            (None | Some("NONE"), _) | (Some("ALL_OLD"), None) => json!({}),
            (Some("ALL_OLD"), Some(before)) => json!({ "Attributes": before }),
            (Some("ALL_NEW"), _) => json!({ "Attributes": after }),
            (Some(other), _) => panic!("the tables don't return {other}"),
        })
    }

    /// Without what was there: nobody here asks for it.
    fn put(&self, request: &Value) -> Result<Value, Refusal> {
        let mut kept = self.lock();
        let written = replacement(&self.schema, kept.items(), request)?;
        let (key, _, after) = done(&mut kept, written, request)?;
        kept.write([(key, Some(after))]);
        Ok(json!({}))
    }

    /// What isn't there is deleted.
    fn delete(&self, request: &Value) -> Result<Value, Refusal> {
        let mut kept = self.lock();
        let written = write(&self.schema, kept.items(), request)?;
        let (key, ..) = done(&mut kept, written, request)?;
        kept.write([(key, None)]);
        Ok(json!({}))
    }
}

/// Counts a write, and answers what it makes of the item that was there.
fn done(kept: &mut Kept, write: Write, request: &Value) -> Result<(tables::Key, Option<Item>, Item), Refusal> {
    kept.count_write(&write.key, [write.before.as_ref(), write.after.as_ref().ok()], 1);
    let with = write.shown(request).map_or(json!({}), |item| json!({ "Item": item }));
    match write.after {
        Ok(after) => Ok((write.key, write.before, after)),
        Err(Obstacle::Invalid(words)) => Err(invalid(words)),
        Err(Obstacle::NotMet) => {
            let not_met = Refusal::new("ConditionalCheckFailedException", "The conditional request failed");
            Err(Refusal { with, ..not_met })
        }
    }
}

fn place(table: &str, key: &[&str]) -> tables::Key {
    [table].iter().chain(key).map(|part| (*part).to_owned()).collect()
}

impl Service for DynamoDb {
    fn answer(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, &'static str> {
        self.answer_or_refusal(operation, request, stale).map_err(|refusal| refusal.code)
    }

    fn answer_or_refusal(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, Refusal> {
        // What was written before a consistent read began is read.
        let stale = stale && request["ConsistentRead"] != true;
        match operation {
            "BatchGetItem" => self.batch(request, stale),
            "DeleteItem" => self.delete(request),
            "GetItem" => self.get(request, stale),
            "PutItem" => self.put(request),
            "Query" => self.query(request, stale),
            "TransactWriteItems" => transact(&self.schema, &mut self.lock(), request),
            "UpdateItem" => self.update(request),
            other => panic!("the tables can't be asked for {other}"),
        }
    }
}

#[cfg(test)]
mod tests;
