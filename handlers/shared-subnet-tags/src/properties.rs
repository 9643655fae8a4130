//! What a template says of the tags of shared subnets, and what `!Ref` reads.

use std::{collections::BTreeSet, fmt, str::FromStr};

use archipelago::Tags;
use custom_resource::Owner;
use serde::Deserialize;

/// The properties of `Custom::SharedSubnetTags`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Properties {
    /// The subnets: ids, or ARNs as `SubnetArns` of a `Custom::SubnetShare` has them.
    #[cfg_attr(test, schemars(with = "Vec<SubnetId>"))]
    pub(crate) subnet_ids: BTreeSet<SubnetId>,
    /// Tags of each of the subnets.
    #[serde(default)]
    pub(crate) tags: Tags,
    /// Tags of each VPC that they are in.
    #[serde(default)]
    pub(crate) vpc_tags: Tags,
}

/// A subnet's id. Its ARN, which the owner's stack may hand on, ends in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(extend("pattern" = "^(arn:.*:subnet/)?subnet-[0-9a-fA-F]{8,17}$")))]
#[serde(try_from = "String")]
pub(crate) struct SubnetId(pub(crate) String);

impl TryFrom<String> for SubnetId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let id = match text.split_once(":subnet/") {
            Some((place, id)) if place.starts_with("arn:") => id,
            _ => &text,
        };
        let digits = id.strip_prefix("subnet-").unwrap_or_default();
        if (8..=17).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(id.to_owned()))
        } else {
            Err("expected the id of a subnet (subnet-...) or its ARN")
        }
    }
}

/// `shared-subnet-tags-<mark>`, the same for as long as the resource is: tags have no id, so it is made of the owner's mark.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct TagsId(String);

const PREFIX: &str = "shared-subnet-tags-";

impl TagsId {
    pub(crate) fn of(owner: &Owner) -> Self {
        Self(format!("{PREFIX}{}", owner.mark()))
    }
}

impl FromStr for TagsId {
    type Err = NotATagsId;

    fn from_str(text: &str) -> Result<Self, NotATagsId> {
        let mark = text.strip_prefix(PREFIX).ok_or(NotATagsId)?;
        let is_mark = mark.len() == 10 && mark.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_mark { Ok(Self(text.to_owned())) } else { Err(NotATagsId) }
    }
}

impl fmt::Display for TagsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Some other text.
#[derive(Debug)]
pub(crate) struct NotATagsId;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(properties: Value) -> Result<Properties, String> {
        serde_json::from_value(properties).map_err(|error| error.to_string())
    }

    #[test]
    fn a_subnet_is_written_as_its_id_or_as_its_arn_and_counts_once() {
        let arn = "arn:aws:ec2:us-east-1:111111111111:subnet/subnet-0123abcd";
        let read = read(json!({"SubnetIds": [arn, "subnet-0123abcd"]})).unwrap();
        assert_eq!(read.subnet_ids, [SubnetId("subnet-0123abcd".to_owned())].into());
        assert!(read.tags.is_empty() && read.vpc_tags.is_empty());
    }

    #[test]
    fn what_is_no_subnet_and_what_is_no_tag_is_refused() {
        for subnet in ["vpc-0123abcd", "subnet-", "subnet-0123abc!", "x:subnet/subnet-0123abcd"] {
            let refusal = read(json!({"SubnetIds": [subnet]})).unwrap_err();
            assert!(refusal.contains("expected the id of a subnet"), "{subnet}: {refusal}");
        }
        for property in ["Tags", "VpcTags"] {
            let ours = json!([{"Key": "archipelago:owner", "Value": "me"}]);
            assert!(
                read(json!({"SubnetIds": [], property: ours})).unwrap_err().contains("the owner's mark"),
                "{property}"
            );
        }
    }

    #[test]
    fn an_id_is_made_of_a_mark_or_is_none_of_ours() {
        let owner = Owner::new("arn:aws:cloudformation:us-east-1:222222222222:stack/app/1f0a", "Tags");
        assert_eq!(TagsId::of(&owner).to_string().parse::<TagsId>().unwrap(), TagsId::of(&owner));
        for foreign in ["app-Tags-1ABCDEF", "nothing-was-made", "shared-subnet-tags-", ""] {
            assert!(TagsId::from_str(foreign).is_err(), "{foreign}");
        }
    }

    #[test]
    fn an_id_is_written_and_read_as_in_the_first_release() {
        let owner = Owner::new("arn:aws:cloudformation:us-east-1:222222222222:stack/app/1f0a", "Tags");
        let id = TagsId::of(&owner).to_string();
        assert_eq!(id, "shared-subnet-tags-b31013879b");
        assert_eq!(id.parse::<TagsId>().unwrap().to_string(), id);
    }
}
