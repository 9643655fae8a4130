//! The calls. Each is one question or one change; nothing here decides.
//! <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html>

use std::{collections::BTreeMap, time::Duration};

use custom_resource::{Passing, Result, SdkResult};
use ec2::{Client, Subnet, Tag, Vpc};

/// How long what was shared a moment ago may not be there for every call.
pub(crate) const VISIBLE_WITHIN: Duration = Duration::from_mins(5);

/// What EC2 says of what it doesn't see.
pub(crate) const UNSEEN: Passing =
    Passing { codes: &["InvalidID", "InvalidSubnetID.NotFound", "InvalidVpcID.NotFound"], within: VISIBLE_WITHIN };

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
        Ok(self.ec2.describe_subnets(&[("subnet-id", &ids)]).await?)
    }

    /// Those of the VPCs that this account sees.
    pub(crate) async fn vpcs(&self, ids: Vec<String>) -> Result<Vec<Vpc>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.ec2.describe_vpcs(&[("vpc-id", &ids)]).await?)
    }

    /// Sets the tags on all of `ids`.
    pub(crate) async fn tag(&self, ids: Vec<String>, tags: &[(String, String)]) -> Result<()> {
        Ok(self.ec2.create_tags(&ids, tags).await.passing(&[UNSEEN])?)
    }

    /// Removes the tags from all of `ids`, where they have these very values.
    pub(crate) async fn untag(&self, ids: Vec<String>, tags: &[(String, String)]) -> Result<()> {
        Ok(self.ec2.delete_tags(&ids, tags).await.passing(&[UNSEEN])?)
    }
}

/// Tags as EC2 lists them, by key.
pub(crate) fn by_key(tags: &[Tag]) -> TagMap {
    tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}
