//! RAM, with one share. What is asked of it is done at once.

use std::collections::{BTreeMap, BTreeSet};

use archipelago_tests::call::Call;
use archipelago_tests::http::Reply;
use serde_json::{Value, json};

use super::ACCOUNT;
use super::wire::{json as answer, text};

const ARN: &str = "arn:aws:ram:us-east-1:111111111111:resource-share/0123abcd-0123-4000-8000-0123456789ab";

/// One share, there from the beginning: it is the mark that makes it somebody's.
#[derive(Clone)]
pub(super) struct Shares {
    is_there: bool,
    name: String,
    tags: BTreeMap<String, String>,
    resources: BTreeSet<String>,
    principals: BTreeSet<String>,
}

impl Default for Shares {
    fn default() -> Self {
        let (tags, resources, principals) = Default::default();
        Self { is_there: true, name: "workloads".to_owned(), tags, resources, principals }
    }
}

impl Shares {
    pub(super) fn answer(&mut self, call: &Call) -> Option<Reply> {
        let input = &call.input;
        Some(answer(&match call.operation.as_str() {
            "CreateResourceShare" => {
                self.is_there = true;
                text(call, "name").clone_into(&mut self.name);
                self.associate(input);
                self.tags.extend(tags(&input["tags"]));
                json!({ "resourceShare": self.described() })
            }
            "GetResourceShares" => {
                let wanted = input["tagFilters"].as_array().into_iter().flatten();
                let is_marked = |filter: &Value| {
                    let value = filter["tagKey"].as_str().and_then(|key| self.tags.get(key));
                    value.is_some_and(|value| strings(&filter["tagValues"]).contains(value))
                };
                let is_it = self.is_there && wanted.into_iter().all(is_marked);
                json!({ "resourceShares": is_it.then(|| self.described()).into_iter().collect::<Vec<_>>() })
            }
            "GetResourceShareAssociations" => {
                let kind = text(call, "associationType");
                let entities = if kind == "PRINCIPAL" { &self.principals } else { &self.resources };
                let association = |entity: &String| {
                    json!({
                        "resourceShareArn": ARN, "associatedEntity": entity, "associationType": kind,
                        "status": "ASSOCIATED", "external": false,
                    })
                };
                json!({ "resourceShareAssociations": entities.iter().map(association).collect::<Vec<_>>() })
            }
            "AssociateResourceShare" => {
                self.associate(input);
                json!({ "resourceShareAssociations": [] })
            }
            "DisassociateResourceShare" => {
                let gone = [strings(&input["principals"]), strings(&input["resourceArns"])].concat();
                self.principals.retain(|entity| !gone.contains(entity));
                self.resources.retain(|entity| !gone.contains(entity));
                json!({ "resourceShareAssociations": [] })
            }
            "UpdateResourceShare" => {
                text(call, "name").clone_into(&mut self.name);
                json!({ "resourceShare": self.described() })
            }
            "TagResource" => {
                self.tags.extend(tags(&input["tags"]));
                json!({})
            }
            "UntagResource" => {
                let gone = strings(&input["tagKeys"]);
                self.tags.retain(|key, _| !gone.contains(key));
                json!({})
            }
            "DeleteResourceShare" => {
                self.is_there = false;
                json!({ "returnValue": true })
            }
            "EnableSharingWithAwsOrganization" => json!({ "returnValue": true }),
            _ => return None,
        }))
    }

    fn associate(&mut self, input: &Value) {
        self.principals.extend(strings(&input["principals"]));
        self.resources.extend(strings(&input["resourceArns"]));
    }

    fn described(&self) -> Value {
        let tags = self.tags.iter().map(|(key, value)| json!({ "key": key, "value": value }));
        json!({
            "resourceShareArn": ARN, "name": self.name, "owningAccountId": ACCOUNT, "allowExternalPrincipals": false,
            "status": "ACTIVE", "tags": tags.collect::<Vec<_>>(),
        })
    }
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn tags(list: &Value) -> impl Iterator<Item = (String, String)> {
    let pair = |tag: &Value| Some((tag["key"].as_str()?.to_owned(), tag["value"].as_str()?.to_owned()));
    list.as_array().into_iter().flatten().filter_map(pair)
}
