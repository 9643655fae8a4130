//! EC2 as an account sees it that others share subnets with: the subnets, their VPCs, and its own tags on both.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html>

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::history::History;
use super::http::Service;

/// How many tags a thing has at most.
const MOST_TAGS: usize = 50;

/// The tags of a thing by key.
pub type Tags = BTreeMap<String, String>;

/// A subnet, or a VPC.
#[derive(Clone, Debug)]
struct Thing {
    /// The VPC of a subnet.
    vpc: Option<String>,
    seen_from: Instant,
    tags: Tags,
}

type Things = BTreeMap<String, Thing>;

/// Subnets and VPCs of others.
#[derive(Debug, Default)]
pub struct Ec2(Mutex<History<Things>>);

impl Ec2 {
    /// Shares nothing with the account.
    pub fn begin(&self) {
        *self.things() = History::default();
    }

    /// Shares a subnet, which the account sees after a while, with the tags that are there already.
    pub fn share(&self, subnet: &str, vpc: &str, seen_after: Duration, tags: &[(&str, &str)]) {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let seen_from = Instant::now() + seen_after;
        let mut kept = self.things();
        let things = kept.origin();
        let there = things.entry(vpc.to_owned()).or_insert(Thing { vpc: None, seen_from, tags: Tags::new() });
        there.seen_from = there.seen_from.min(seen_from);
        things.insert(subnet.to_owned(), Thing { vpc: Some(vpc.to_owned()), seen_from, tags });
    }

    /// The tags of every subnet and every VPC, seen or not.
    pub fn tags(&self) -> BTreeMap<String, Tags> {
        self.things().now().iter().map(|(id, thing)| (id.clone(), thing.tags.clone())).collect()
    }

    fn things(&self) -> MutexGuard<'_, History<Things>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The values of a list in a form: those of `<name>.1` and so on, or of `<name>.1.<member>`.
fn listed<'a>(request: &'a Value, name: &str, member: &str) -> Vec<&'a str> {
    let numbered = (1..).map(|number| request[format!("{name}.{number}{member}")].as_str());
    numbered.map_while(|value| value).collect()
}

/// Those of one kind that are seen and asked for.
fn described(things: &Things, request: &Value, kind: &str) -> Vec<Value> {
    let asked: BTreeSet<_> = listed(request, "Filter.1.Value", "").into_iter().collect();
    assert_eq!(request["Filter.1.Name"].as_str(), Some(format!("{kind}-id").as_str()), "EC2 can't filter so here");
    let now = Instant::now();
    let found = things.iter().filter(|(id, thing)| asked.contains(id.as_str()) && thing.seen_from <= now);
    let described = found.map(|(id, thing)| {
        let tags: Vec<_> = thing.tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
        json!({ format!("{kind}Id"): id, "vpcId": thing.vpc.as_ref().unwrap_or(id), "tagSet": tags })
    });
    described.collect()
}

fn answer(things: &mut Things, operation: &str, request: &Value) -> Result<Value, &'static str> {
    match operation {
        "DescribeSubnets" => Ok(json!({ "subnetSet": described(things, request, "subnet") })),
        "DescribeVpcs" => Ok(json!({ "vpcSet": described(things, request, "vpc") })),
        "CreateTags" | "DeleteTags" => {
            let ids = listed(request, "ResourceId", "");
            let now = Instant::now();
            if ids.iter().any(|id| things.get(*id).is_none_or(|thing| now < thing.seen_from)) {
                return Err("InvalidSubnetID.NotFound");
            }
            let (keys, values) = (listed(request, "Tag", ".Key"), listed(request, "Tag", ".Value"));
            let count = |thing: &Thing| {
                thing.tags.keys().map(String::as_str).chain(keys.clone()).collect::<BTreeSet<_>>().len()
            };
            if operation == "CreateTags" && ids.iter().any(|id| count(&things[*id]) > MOST_TAGS) {
                return Err("TagLimitExceeded");
            }
            for thing in things.iter_mut().filter(|(id, _)| ids.contains(&id.as_str())).map(|(_, thing)| thing) {
                for (key, value) in keys.iter().zip(&values) {
                    if operation == "CreateTags" {
                        thing.tags.insert((*key).to_owned(), (*value).to_owned());
                    } else if thing.tags.get(*key).is_some_and(|there| there == value) {
                        thing.tags.remove(*key);
                    }
                }
            }
            Ok(json!({ "return": true }))
        }
        other => panic!("EC2 can't be asked for {other}"),
    }
}

impl Service for Ec2 {
    fn answer(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, &'static str> {
        self.things().answer(operation, stale, |things| answer(things, operation, request))
    }
}
