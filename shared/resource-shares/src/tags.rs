//! A share's tags, to and from the types of the SDK.

use std::collections::BTreeMap;

use aws_sdk_ram::types::{ResourceShare, Tag};

/// Tags as the SDK takes them.
#[must_use]
pub fn tags(pairs: &[(String, String)]) -> Vec<Tag> {
    pairs.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

/// The tags of a share by key.
#[must_use]
pub fn pairs(share: &ResourceShare) -> BTreeMap<String, String> {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    share.tags().iter().map(|tag| (text(tag.key()), text(tag.value()))).collect()
}
