//! What EC2 answers, as far as anybody asks for it. Every scalar is a text, what is empty isn't there, and lists are read by
//! `xml::items`.

use serde::Deserialize;

use crate::xml;

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Subnet.html>
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subnet {
    /// `subnet-...`
    pub subnet_id: String,
    /// The VPC that it is in.
    pub vpc_id: String,
    /// Those of the account that asks.
    #[serde(default, rename = "tagSet", deserialize_with = "xml::items")]
    pub tags: Vec<Tag>,
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Vpc.html>
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vpc {
    /// `vpc-...`
    pub vpc_id: String,
    /// Those of the account that asks.
    #[serde(default, rename = "tagSet", deserialize_with = "xml::items")]
    pub tags: Vec<Tag>,
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Tag.html>
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tag {
    /// Never empty.
    pub key: String,
    /// May be empty.
    #[serde(default)]
    pub value: String,
}
