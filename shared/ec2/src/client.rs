//! The calls, a function each.

use custom_resource::{AwsError, SdkConfig};

use crate::{
    form::Form,
    query::Query,
    types::{Subnet, Vpc},
};

/// A client for one account and Region. Clones share what it has learned: credentials, and how far its clock is off.
#[derive(Debug, Clone)]
pub struct Client {
    query: Query,
}

impl Client {
    /// A client with the same configuration as those of the SDKs.
    #[must_use]
    pub fn new(aws: &SdkConfig) -> Self {
        Self { query: Query::new(aws) }
    }

    /// The subnets that have one of the values of each filter.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html>
    ///
    /// # Errors
    /// The call's error.
    pub async fn describe_subnets(&self, filters: &[(&str, &[String])]) -> Result<Vec<Subnet>, AwsError> {
        self.query.list("DescribeSubnets", Form::default().filters(filters), "subnetSet").await
    }

    /// The VPCs that have one of the values of each filter.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html>
    ///
    /// # Errors
    /// The call's error.
    pub async fn describe_vpcs(&self, filters: &[(&str, &[String])]) -> Result<Vec<Vpc>, AwsError> {
        self.query.list("DescribeVpcs", Form::default().filters(filters), "vpcSet").await
    }

    /// Sets tags, given as keys and values, on all of `ids`.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html>
    ///
    /// # Errors
    /// The call's error.
    pub async fn create_tags(&self, ids: &[String], tags: &[(String, String)]) -> Result<(), AwsError> {
        self.query.call("CreateTags", &Form::default().list("ResourceId", ids).tags(tags)).await?;
        Ok(())
    }

    /// Removes tags, given as keys and values, from all of `ids`, where they have these very values.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html>
    ///
    /// # Errors
    /// The call's error.
    pub async fn delete_tags(&self, ids: &[String], tags: &[(String, String)]) -> Result<(), AwsError> {
        self.query.call("DeleteTags", &Form::default().list("ResourceId", ids).tags(tags)).await?;
        Ok(())
    }
}
