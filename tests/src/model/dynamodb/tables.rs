//! The tables that there are, with the attributes of their keys, and the items in them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::item::{Item, size};
use crate::model::http::Refusal;

/// Where an item is: its table, then the values of the attributes of its key.
pub(super) type Key = Vec<String>;
pub(super) type Items = BTreeMap<Key, Item>;

/// The attributes of a key, which are texts: of the partition, and then perhaps of the place in it.
pub(super) type Attributes = &'static [&'static str];

/// What was at the keys of a write before it.
type Change = Vec<(Key, Option<Item>)>;

const MOST_IN_A_PART_OF_THE_KEY: [usize; 2] = [2048, 1024];

pub(super) fn invalid(words: &str) -> Refusal {
    Refusal::new("ValidationException", words)
}

/// Which tables there are.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) tables: &'static [(&'static str, Attributes)],
    /// Those of global indexes: the table, the name, the attributes of the key.
    pub(super) indexes: Vec<(&'static str, &'static str, Attributes)>,
}

impl Schema {
    /// The table that a request names, and the attributes of its key.
    pub(super) fn table(&self, request: &Value) -> Result<(&'static str, Attributes), Refusal> {
        let name = request["TableName"].as_str().unwrap_or_default();
        let table = self.tables.iter().find(|(table, _)| *table == name);
        table.copied().ok_or_else(|| Refusal::new("ResourceNotFoundException", "Requested resource not found"))
    }

    /// The attributes of the key of an index.
    pub(super) fn index(&self, table: &str, name: &str) -> Result<Attributes, Refusal> {
        let index = self.indexes.iter().find(|(of, index, _)| *of == table && *index == name);
        index.map(|(_, _, key)| *key).ok_or_else(|| invalid("The table does not have the specified index"))
    }

    /// The attributes of the keys of all indexes of a table.
    pub(super) fn of_indexes(&self, table: &str) -> impl Iterator<Item = &'static str> {
        self.indexes.iter().filter(move |(of, _, _)| *of == table).flat_map(|(_, _, key)| key.iter().copied())
    }

    /// The key that a request names.
    pub(super) fn key(&self, request: &Value) -> Result<Key, Refusal> {
        let (table, attributes) = self.table(request)?;
        let values = exact_key_of(&request["Key"], attributes)
            .ok_or_else(|| invalid("The provided key element does not match the schema"))?;
        if values.iter().zip(MOST_IN_A_PART_OF_THE_KEY).any(|(value, most)| value.is_empty() || value.len() > most) {
            return Err(invalid(
                "One or more parameter values were invalid: the size of a key is not within its limits",
            ));
        }
        Ok([table.to_owned()].into_iter().chain(values).collect())
    }
}

/// The values of these attributes, if they are all there.
pub(super) fn key_of(item: &Item, attributes: &[&str]) -> Option<Vec<String>> {
    attributes.iter().map(|attribute| Some(item.get(*attribute)?["S"].as_str()?.to_owned())).collect()
}

/// The same, of a key in a request, which has nothing else.
pub(super) fn exact_key_of(key: &Value, attributes: &[&str]) -> Option<Vec<String>> {
    key_of(key.as_object().filter(|key| key.len() == attributes.len())?, attributes)
}

/// The items of all tables, and what was there before.
#[derive(Debug, Default)]
pub(super) struct Kept {
    items: Items,
    changes: Vec<Change>,
    units: BTreeMap<String, usize>,
    /// The transactions that were done, by the tokens of their clients.
    pub(super) done: BTreeMap<String, Value>,
}

impl Kept {
    pub(super) const fn new() -> Self {
        Self { items: Items::new(), changes: Vec::new(), units: BTreeMap::new(), done: BTreeMap::new() }
    }

    pub(super) fn items(&self) -> &Items {
        &self.items
    }

    /// Replaces items, or takes them away, all at once.
    pub(super) fn write(&mut self, items: impl IntoIterator<Item = (Key, Option<Item>)>) {
        let replace = |(key, item): (Key, Option<Item>)| match item {
            Some(item) => (key.clone(), self.items.insert(key, item)),
            None => (key.clone(), self.items.remove(&key)),
        };
        self.changes.push(items.into_iter().map(replace).collect());
    }

    /// The answer that `ask` gives. A stale one is that from before it was last changed.
    pub(super) fn read<A: PartialEq>(&self, stale: bool, ask: impl Fn(&Items) -> A) -> A {
        let answer = ask(&self.items);
        let mut items = if stale { self.items.clone() } else { Items::new() };
        for change in self.changes.iter().rev().filter(|_| stale) {
            for (key, before) in change.iter().cloned() {
                match before {
                    Some(before) => drop(items.insert(key, before)),
                    None => drop(items.remove(&key)),
                }
            }
            let older = ask(&items);
            if older != answer {
                return older;
            }
        }
        answer
    }

    /// Counts the write capacity units of a write: one for each begun KB of what was there or is there, whichever is larger.
    /// A write whose condition isn't met consumes them as well.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>
    pub(super) fn count_write(&mut self, key: &Key, versions: [Option<&Item>; 2], times: usize) {
        let larger = versions.into_iter().flatten().map(size).max().unwrap_or_default();
        *self.units.entry(key[0].clone()).or_default() += times * larger.div_ceil(1024).max(1);
    }

    pub(super) fn write_units(&self, table: &str) -> usize {
        self.units.get(table).copied().unwrap_or_default()
    }
}
