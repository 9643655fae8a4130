//! What is in an organization, and what may be asked of all things in it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::accounts::{Account, Request};
use super::features::Features;
use super::ids::ROOT;
use super::units::Unit;

/// How many tags an account or an OU has at most.
const MOST_TAGS: usize = 50;

/// What is in an organization; by default there is none.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// What is switched on; `None` without an organization.
    pub features: Option<Features>,
    /// The OUs by their ids.
    pub units: BTreeMap<String, Unit>,
    /// The accounts by their ids, with those that are being made and those that were closed.
    pub accounts: BTreeMap<String, Account>,
    pub(super) requests: Vec<Request>,
    pub(super) failing: BTreeMap<String, (usize, &'static str)>,
    pub(super) lingering: BTreeMap<String, usize>,
    made: u32,
}

impl Contents {
    /// An organization with nothing in it and nothing switched on.
    #[must_use]
    pub fn organization() -> Self {
        Self { features: Some(Features::default()), ..Self::default() }
    }

    /// A number that was never used.
    pub(super) fn number(&mut self) -> u32 {
        self.made += 1;
        self.made
    }

    pub(super) fn tags(&mut self, id: &str, now: Instant) -> Option<&mut BTreeMap<String, String>> {
        if self.units.contains_key(id) {
            return self.units.get_mut(id).map(|unit| &mut unit.tags);
        }
        self.account(id, now).map(|account| &mut account.tags)
    }

    /// The answer to an operation on whatever is in the organization; `None` if it is no such operation.
    pub(super) fn ask_of_all(
        &mut self,
        operation: &str,
        request: &Value,
        now: Instant,
    ) -> Option<Result<Value, &'static str>> {
        let text = |name: &str| request[name].as_str().unwrap_or_default();
        Some(match operation {
            "ListParents" => {
                let account = self.account(text("ChildId"), now).map(|account| account.parent.clone());
                let parent = account.or_else(|| Some(self.units.get(text("ChildId"))?.parent.clone()));
                parent.ok_or("ChildNotFoundException").map(|parent| {
                    let kind = if parent == ROOT { "ROOT" } else { "ORGANIZATIONAL_UNIT" };
                    json!({ "Parents": [{ "Id": parent, "Type": kind }] })
                })
            }
            "ListTagsForResource" => self.tags(text("ResourceId"), now).ok_or("TargetNotFoundException").map(|tags| {
                let tags: Vec<_> = tags.iter().map(|(k, v)| json!({ "Key": k, "Value": v })).collect();
                json!({ "Tags": tags })
            }),
            "TagResource" => self.tags(text("ResourceId"), now).ok_or("TargetNotFoundException").and_then(|tags| {
                let all: BTreeMap<_, _> = tags.clone().into_iter().chain(pairs(&request["Tags"])).collect();
                if all.len() > MOST_TAGS {
                    return Err("ConstraintViolationException");
                }
                *tags = all;
                Ok(json!({}))
            }),
            "UntagResource" => self.tags(text("ResourceId"), now).ok_or("TargetNotFoundException").map(|tags| {
                let gone = request["TagKeys"].as_array().into_iter().flatten();
                gone.filter_map(Value::as_str).for_each(|key| drop(tags.remove(key)));
                json!({})
            }),
            _ => return None,
        })
    }

    pub(super) fn ask(&mut self, operation: &str, request: &Value) -> Result<Value, &'static str> {
        let now = Instant::now();
        let answer = self.ask_of_features(operation, request, now);
        let answer = answer.or_else(|| self.ask_of_all(operation, request, now));
        let answer = answer.or_else(|| self.ask_of_units(operation, request, now));
        let answer = answer.or_else(|| self.ask_of_accounts(operation, request, now));
        answer.unwrap_or_else(|| panic!("Organizations can't be asked for {operation}"))
    }
}

/// Tags as a request has them.
pub(super) fn pairs(tags: &Value) -> impl Iterator<Item = (String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    tags.as_array().into_iter().flatten().map(move |tag| (text(&tag["Key"]), text(&tag["Value"])))
}
