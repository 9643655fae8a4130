//! OUs, and where they and the accounts are.

mod calls;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::ids::{MANAGEMENT, ORGANIZATION};

/// How long a new OU is unknown as a parent.
const KNOWN_IN: Duration = Duration::from_millis(700);

/// An OU.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// The OU or the root that it is in.
    pub parent: String,
    /// Its name.
    pub name: String,
    /// Its tags by key.
    pub tags: BTreeMap<String, String>,
    known_at: Instant,
}

fn described(id: &str, unit: &Unit) -> Value {
    let arn = format!("arn:aws:organizations::{MANAGEMENT}:ou/{ORGANIZATION}/{id}");
    json!({ "Id": id, "Arn": arn, "Name": unit.name })
}
