//! The tag that says which resource of which stack a thing belongs to.

use std::collections::BTreeMap;

use custom_resource::Owner;

/// The key of that tag.
pub const OWNER_TAG: &str = "archipelago:owner";

/// The tag of what belongs to `owner`.
#[must_use]
pub fn owner_tag(owner: &Owner) -> (String, String) {
    (OWNER_TAG.to_owned(), owner.signature())
}

/// Whether a thing with these `tags` belongs to `owner`.
#[must_use]
pub fn has_owner_tag(tags: &BTreeMap<String, String>, owner: &Owner) -> bool {
    tags.get(OWNER_TAG).is_some_and(|signature| owner.signed(signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_never_changes_between_versions() {
        let owner = Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a", "Workloads");
        let tag = owner_tag(&owner);
        assert_eq!(tag, ("archipelago:owner".to_owned(), "22a7aa3d94 landing/Workloads".to_owned()));
        assert!(has_owner_tag(&BTreeMap::from([tag]), &owner));
    }
}
