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

/// The table. The library's leases go by the time of day, which doesn't know that a life's waits cost no time, and that its
/// calls cost some on a busy machine: so all times in the table are those of a clock that does.
#[derive(Debug, Default)]
pub struct Leases(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    items: HashMap<String, Map<String, Value>>,
    /// When the life began, also in milliseconds since 1970.
    began: Option<(Instant, i64)>,
    /// The lines of histories as they were answered, by the clock of who asked, with what is stored for each.
    answered: HashMap<String, String>,
}

impl Table {
    fn now(&self) -> i64 {
        let (began, began_at) = self.began.expect("a life has begun");
        began_at + millis(began.elapsed())
    }
}

impl Leases {
    /// Makes the table empty, for a life that begins now.
    pub fn begin(&self) {
        let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let table = Table { began: Some((Instant::now(), millis(today))), ..Table::default() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = table;
    }

    /// The policies that somebody alone may still change after some time.
    pub fn held(&self, after: Duration) -> Vec<String> {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let then = table.now() + millis(after);
        let held = table.items.iter().filter(|(_, item)| item.get("Until").map(number) > Some(then));
        held.map(|(policy, _)| policy.clone()).collect()
    }
}

impl Service for Leases {
    fn answer(&self, operation: &str, request: &Value, _: bool) -> Result<Value, &'static str> {
        assert_eq!(operation, "UpdateItem", "the table can't be asked for that");
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = table.now();
        let key = request["Key"]["Policy"]["S"].as_str().expect("a key");
        let mut values = request["ExpressionAttributeValues"].clone();
        let later = now - number(&values[":now"]);
        let lasts = number(&values[":until"]) - number(&values[":now"]);
        values[":now"] = time(now);
        if let Some(until) = values.get_mut(":until") {
            *until = time(if lasts < 0 { 0 } else { now + (lasts + 999) / 1_000 * 1_000 });
        }
        for line in lines(&mut values[":history"]) {
            // What wasn't there before is of this moment.
            let text = line["S"].as_str().unwrap_or_default().to_owned();
            if let Some((what, _)) = timed(&text) {
                let stored = table.answered.entry(text.clone()).or_insert_with(|| format!("{what} {now}"));
                *line = json!({ "S": stored.as_str() });
            }
        }
        let item = table.items.entry(key.to_owned()).or_default();
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
        for line in attributes.get_mut("History").into_iter().flat_map(lines) {
            let stored = line["S"].as_str().unwrap_or_default().to_owned();
            if let Some((what, at)) = timed(&stored) {
                let text = format!("{what} {}", at - later);
                table.answered.insert(text.clone(), stored);
                *line = json!({ "S": text });
            }
        }
        Ok(json!({ "Attributes": attributes }))
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).expect("a life ends")
}

fn number(value: &Value) -> i64 {
    value["N"].as_str().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn time(millis: i64) -> Value {
    json!({ "N": millis.to_string() })
}

fn lines(list: &mut Value) -> impl Iterator<Item = &mut Value> {
    list.get_mut("L").and_then(Value::as_array_mut).into_iter().flatten()
}

/// A line that ends in a time.
fn timed(line: &str) -> Option<(&str, i64)> {
    let (what, at) = line.rsplit_once(' ')?;
    Some((what, at.parse().ok()?))
}
