//! The calls. Each is one question or one change; nothing here decides.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html>

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_ec2::{
    Client,
    types::{Filter, Subnet, Tag, Vpc},
};
use custom_resource::{Answer, Result};

/// How long what was shared a moment ago may not be there for every call.
pub(crate) const VISIBLE_WITHIN: Duration = Duration::from_mins(5);

/// What EC2 says of what it doesn't see.
const UNSEEN: [&str; 3] = ["InvalidID", "InvalidSubnetID.NotFound", "InvalidVpcID.NotFound"];

/// Tags by key.
pub(crate) type TagMap = BTreeMap<String, String>;

/// EC2, as the participant sees it: the owner's tags aren't visible to it, nor are its own to the owner.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    ec2: Client,
}

impl Api {
    pub(crate) fn new(ec2: Client) -> Self {
        Self { ec2 }
    }

    /// Those of the subnets that this account sees. Asked by a filter: EC2 answers a question by ids only if it sees all.
    pub(crate) async fn subnets(&self, ids: Vec<String>) -> Result<Vec<Subnet>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let request = self.ec2.describe_subnets().filters(filter("subnet-id", ids));
        Ok(request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await?)
    }

    /// Those of the VPCs that this account sees.
    pub(crate) async fn vpcs(&self, ids: Vec<String>) -> Result<Vec<Vpc>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let request = self.ec2.describe_vpcs().filters(filter("vpc-id", ids));
        Ok(request.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await?)
    }

    /// Sets the tags on all of `ids`.
    pub(crate) async fn tag(&self, ids: Vec<String>, tags: &[(String, String)]) -> Result<()> {
        let request = self.ec2.create_tags().set_resources(Some(ids)).set_tags(Some(written(tags)));
        request.send().await.not_yet_if(&UNSEEN, VISIBLE_WITHIN)?;
        Ok(())
    }

    /// Removes the tags from all of `ids`, where they have these very values.
    pub(crate) async fn untag(&self, ids: Vec<String>, tags: &[(String, String)]) -> Result<()> {
        let request = self.ec2.delete_tags().set_resources(Some(ids)).set_tags(Some(written(tags)));
        request.send().await.not_yet_if(&UNSEEN, VISIBLE_WITHIN)?;
        Ok(())
    }
}

fn filter(name: &str, values: Vec<String>) -> Filter {
    Filter::builder().name(name).set_values(Some(values)).build()
}

fn written(tags: &[(String, String)]) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// Tags as EC2 lists them, by key.
pub(crate) fn by_key(tags: &[Tag]) -> TagMap {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    tags.iter().map(|tag| (text(tag.key()), text(tag.value()))).collect()
}
