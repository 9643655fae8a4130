//! What a template says of a share, and what it reads back.

use std::collections::BTreeSet;

use archipelago::Tags;
use custom_resource::{FunctionArn, Result};
use resource_shares::{Entity, Organization, Principal};
use serde::{Deserialize, Serialize};

/// The properties of `Custom::SubnetShare`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(with = "RawProperties"))]
#[serde(try_from = "RawProperties")]
pub(crate) struct Properties {
    pub(crate) name: String,
    pub(crate) subnets: Vec<Subnet>,
    pub(crate) principals: Vec<Principal>,
    pub(crate) tags: Tags,
}

impl Properties {
    /// Everything that is to be associated with the share.
    pub(crate) fn entities(
        &self,
        function: &FunctionArn,
        organization: Option<&Organization>,
    ) -> Result<BTreeSet<Entity>> {
        let principals = self.principals.iter().map(|principal| principal.entity(organization).map(Entity::Principal));
        self.subnets.iter().map(|subnet| Ok(Entity::Resource(subnet.arn(function)))).chain(principals).collect()
    }

    /// The same of an earlier template, which may have named what there isn't.
    pub(crate) fn entities_of_earlier_template(
        &self,
        function: &FunctionArn,
        organization: Option<&Organization>,
    ) -> BTreeSet<Entity> {
        let principals = self.principals.iter().filter_map(|principal| principal.entity(organization).ok());
        let subnets = self.subnets.iter().map(|subnet| Entity::Resource(subnet.arn(function)));
        subnets.chain(principals.map(Entity::Principal)).collect()
    }
}

/// The properties as they are written.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "PascalCase")]
struct RawProperties {
    /// The share's name.
    #[cfg_attr(test, schemars(length(min = 1)))]
    name: String,
    /// Subnets of this account in this Region, by their ids or ARNs.
    #[cfg_attr(test, schemars(length(min = 1)))]
    subnet_ids: Vec<Subnet>,
    /// With whom the subnets are shared: accounts (12 digits), OUs (`ou-...`), the organization (`o-...` or the word
    /// `Organization`), or the ARN of one of these.
    #[serde(default)]
    principals: Vec<Principal>,
    /// The share's tags. Only keys that the template set are changed or removed.
    #[serde(default)]
    tags: Tags,
}

impl TryFrom<RawProperties> for Properties {
    type Error = &'static str;

    fn try_from(written: RawProperties) -> Result<Self, &'static str> {
        let RawProperties { name, subnet_ids: subnets, principals, tags } = written;
        if name.is_empty() {
            return Err("`Name` is empty; a share has a name");
        }
        if subnets.is_empty() {
            return Err("`SubnetIds` is empty; a share has at least one subnet");
        }
        Ok(Self { name, subnets, principals, tags })
    }
}

/// A subnet: its id, or its ARN.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(extend("pattern" = "^(arn:[^:]*:ec2:[^:]*:[^:]*:subnet/)?subnet-[0-9a-fA-F]{8,17}$")))]
#[serde(try_from = "String")]
pub(crate) enum Subnet {
    Id(String),
    Arn(String),
}

impl Subnet {
    /// One that is named by its id alone is where the function is: a share lives in one Region, and holds what its own
    /// account owns.
    fn arn(&self, FunctionArn { partition, region, account, .. }: &FunctionArn) -> String {
        match self {
            Self::Id(id) => format!("arn:{partition}:ec2:{region}:{account}:subnet/{id}"),
            Self::Arn(arn) => arn.clone(),
        }
    }
}

impl TryFrom<String> for Subnet {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let is_id = |text: &str| {
            let digits = text.strip_prefix("subnet-").unwrap_or_default();
            (8..=17).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        let is_arn = |text: &str| {
            let (place, id) = text.split_once(":subnet/").unwrap_or_default();
            matches!(place.split(':').collect::<Vec<_>>()[..], ["arn", _, "ec2", _, _]) && is_id(id)
        };
        if is_id(&text) {
            Ok(Self::Id(text))
        } else if is_arn(&text) {
            Ok(Self::Arn(text))
        } else {
            Err("expected the id of a subnet (subnet-...) or its ARN")
        }
    }
}

/// What `!GetAtt` reads.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Attributes {
    /// The share's ARN.
    pub(crate) arn: String,
    /// The ARNs of its subnets, with commas between them.
    pub(crate) subnet_arns: String,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn function() -> FunctionArn {
        FunctionArn::read("arn:aws-cn:lambda:cn-north-1:111111111111:function:archipelago-subnet-share")
    }

    fn read(properties: Value) -> Result<Properties, String> {
        serde_json::from_value(properties).map_err(|error| error.to_string())
    }

    #[test]
    fn a_subnet_is_written_as_its_id_or_as_its_arn() {
        let elsewhere = "arn:aws:ec2:us-east-1:222222222222:subnet/subnet-0123456789abcdef0";
        let share = read(json!({"Name": "app", "SubnetIds": ["subnet-0123abcd", elsewhere]})).unwrap();
        let arns = ["arn:aws-cn:ec2:cn-north-1:111111111111:subnet/subnet-0123abcd", elsewhere];
        let arns: BTreeSet<_> = arns.map(|arn| Entity::Resource(arn.to_owned())).into();
        assert_eq!(share.entities(&function(), None).unwrap(), arns);
    }

    #[test]
    fn a_principal_that_is_nobody_is_refused_now_and_left_out_of_an_earlier_template() {
        let share = json!({"Name": "app", "SubnetIds": ["subnet-0123abcd"], "Principals": ["Organization"]});
        let share = read(share).unwrap();
        assert!(share.entities(&function(), None).is_err());
        assert_eq!(share.entities_of_earlier_template(&function(), None).len(), 1);
    }

    #[test]
    fn what_is_no_share_is_refused_in_words() {
        for (properties, words) in [
            (json!({"Name": "app", "SubnetIds": []}), "`SubnetIds` is empty"),
            (json!({"Name": "", "SubnetIds": ["subnet-0123abcd"]}), "`Name` is empty"),
            (json!({"Name": "app", "SubnetIds": ["vpc-0123abcd"]}), "expected the id of a subnet"),
            (json!({"Name": "app", "SubnetIds": ["arn:aws:ec2:us-east-1:1:vpc/vpc-0123abcd"]}), "or its ARN"),
            (
                json!({"Name": "app", "SubnetIds": ["subnet-0123abcd"], "Principals": ["everybody"]}),
                "expected an account (12 digits)",
            ),
        ] {
            let refusal = read(properties.clone()).unwrap_err();
            assert!(refusal.contains(words), "{properties}: {refusal}");
        }
    }
}
