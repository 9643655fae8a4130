//! EC2, with subnets of one VPC: whatever is asked for is there.

use std::collections::BTreeMap;

use archipelago_tests::call::Call;
use archipelago_tests::http::Reply;

use super::wire::{ec2, list};

const VPC: &str = "vpc-0123456789abcdef0";

/// The tags of each thing.
#[derive(Clone, Default)]
pub(super) struct Subnets(BTreeMap<String, BTreeMap<String, String>>);

impl Subnets {
    pub(super) fn answer(&mut self, call: &Call) -> Option<Reply> {
        let named = || list(call, "Filter.1.Value");
        let result = match call.operation.as_str() {
            "DescribeSubnets" => {
                let item = |id| format!("<item><subnetId>{id}</subnetId><vpcId>{VPC}</vpcId>{}</item>", self.tags(id));
                format!("<subnetSet>{}</subnetSet>", named().map(item).collect::<String>())
            }
            "DescribeVpcs" => {
                let item = |id| format!("<item><vpcId>{id}</vpcId>{}</item>", self.tags(id));
                format!("<vpcSet>{}</vpcSet>", named().map(item).collect::<String>())
            }
            "CreateTags" | "DeleteTags" => {
                for id in list(call, "ResourceId") {
                    let tags = self.0.entry(id.to_owned()).or_default();
                    for (key, value) in tags_of(call) {
                        if call.operation == "CreateTags" {
                            tags.insert(key, value);
                        } else {
                            tags.remove(&key);
                        }
                    }
                }
                "<return>true</return>".to_owned()
            }
            _ => return None,
        };
        Some(ec2(call, &result))
    }

    fn tags(&self, id: &str) -> String {
        let tags = self.0.get(id).into_iter().flatten();
        let items = tags.map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"));
        format!("<tagSet>{}</tagSet>", items.collect::<String>())
    }
}

fn tags_of(call: &Call) -> impl Iterator<Item = (String, String)> {
    (1..).map_while(|nth| {
        let part = |name: &str| call.input[format!("Tag.{nth}.{name}")].as_str().map(str::to_owned);
        Some((part("Key")?, part("Value").unwrap_or_default()))
    })
}
