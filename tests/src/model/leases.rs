//! A table of leases in `DynamoDB`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::http::Service;

/// The two conditions of leases, to the letter.
const IS_FREE: &str = "attribute_not_exists(#until) OR #until < :now OR #holder = :holder";
const IS_HELD: &str = "#holder = :holder AND #until > :now";

/// The table. The library's leases go by the time of day, which doesn't know that a life's waits cost no time: so all times
/// in the table are later by as much as the life has waited.
#[derive(Debug, Default)]
pub struct Leases(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    items: HashMap<String, Map<String, Value>>,
    began: Option<Instant>,
}

impl Table {
    fn waited(&self) -> Duration {
        self.began.map(|began| began.elapsed()).unwrap_or_default()
    }
}

impl Leases {
    /// Makes the table empty, for a life that begins now.
    pub fn begin(&self) {
        let table = Table { began: Some(Instant::now()), ..Table::default() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = table;
    }

    /// The policies that somebody may change now.
    pub fn held(&self) -> Vec<String> {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from((today + table.waited()).as_millis()).expect("a life ends");
        let held = table.items.iter().filter(|(_, item)| item.get("Until").map(number) >= Some(now));
        held.map(|(policy, _)| policy.clone()).collect()
    }
}

impl Service for Leases {
    fn answer(&self, operation: &str, request: &Value, _: bool) -> Result<Value, &'static str> {
        assert_eq!(operation, "UpdateItem", "the table can't be asked for that");
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = i64::try_from(table.waited().as_millis()).expect("a life ends");
        let key = request["Key"]["Policy"]["S"].as_str().expect("a key");
        let item = table.items.entry(key.to_owned()).or_default();
        let mut values = request["ExpressionAttributeValues"].clone();
        for name in [":now", ":until", ":past"] {
            if let Some(value) = values.get_mut(name) {
                shift(value, waited);
            }
        }
        let until = item.get("Until").map(number).unwrap_or_default();
        let (is_over, holds) = (until < number(&values[":now"]), item.get("Holder") == values.get(":holder"));
        let is_so = match request["ConditionExpression"].as_str() {
            Some(IS_FREE) => is_over || holds,
            Some(IS_HELD) => holds && !is_over,
            other => panic!("the table can't judge {other:?}"),
        };
        if !is_so {
            return Err("ConditionalCheckFailedException");
        }
        let changes = request["UpdateExpression"].as_str().and_then(|text| text.strip_prefix("SET "));
        for change in changes.unwrap_or_default().split(", ") {
            let (name, value) = change.split_once(" = ").expect("an assignment");
            let name = request["ExpressionAttributeNames"][name].as_str().unwrap_or(name);
            item.insert(name.to_owned(), values[value].clone());
        }
        let mut attributes = item.clone();
        if let Some(past) = attributes.get_mut("Past") {
            shift(past, -waited);
        }
        Ok(json!({ "Attributes": attributes }))
    }
}

fn number(value: &Value) -> i64 {
    value["N"].as_str().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Makes a time, or the times at the ends of lines, later.
fn shift(value: &mut Value, by: i64) {
    if value.get("N").is_some() {
        *value = json!({ "N": (number(value) + by).to_string() });
    }
    for line in value.get_mut("L").and_then(Value::as_array_mut).into_iter().flatten() {
        let text = line["S"].as_str().unwrap_or_default();
        if let Some((what, at)) = text.rsplit_once(' ')
            && let Ok(at) = at.parse::<i64>()
        {
            *line = json!({ "S": format!("{what} {}", at + by) });
        }
    }
}
