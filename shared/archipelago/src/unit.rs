//! Organizational units as callers, and the ids that they are made of.

/// An organizational unit of an organization, which says all of its path that a condition needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    organization: String,
    id: String,
}

impl Unit {
    /// The unit of those two ids, if they are ids.
    #[must_use]
    pub fn new(organization: &str, id: &str) -> Option<Self> {
        (is_organization_id(organization) && is_unit_id(id))
            .then(|| Self { organization: organization.to_owned(), id: id.to_owned() })
    }

    /// Reads [`name`](Self::name).
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        // Ids have no hyphen but after their prefix, and an OU's one more.
        let (organization, id) = name.split_once("-ou-")?;
        Self::new(organization, &format!("ou-{id}"))
    }

    /// Both ids, `o-exampleorgid-ou-abcd-12345678`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}-{}", self.organization, self.id)
    }

    /// The organization's id, `o-exampleorgid`.
    #[must_use]
    pub fn organization(&self) -> &str {
        &self.organization
    }

    /// The OU's id, `ou-abcd-12345678`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What `aws:PrincipalOrgPaths` of accounts in the unit are like, wherever it is in the tree: the root's id is a part of the unit's.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgpaths>
    #[must_use]
    pub fn paths(&self) -> String {
        let root = self.id.split('-').nth(1).unwrap_or_default();
        format!("{}/r-{root}/*{}/*", self.organization, self.id)
    }
}

/// Whether `text` is an organization's id.
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html>
#[must_use]
pub fn is_organization_id(text: &str) -> bool {
    text.strip_prefix("o-").is_some_and(|rest| is_token(rest, 10))
}

/// Whether `text` is an OU's id.
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_OrganizationalUnit.html>
#[must_use]
pub fn is_unit_id(text: &str) -> bool {
    let parts = text.strip_prefix("ou-").and_then(|rest| rest.split_once('-'));
    parts.is_some_and(|(root, unit)| is_token(root, 4) && is_token(unit, 8))
}

/// Whether `text` is what the ids of Organizations are made of: lower-case letters and digits, from `shortest` to 32.
#[must_use]
pub fn is_token(text: &str, shortest: usize) -> bool {
    (shortest..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_read_from_its_name_which_says_its_path() {
        let unit = Unit::read("o-exampleorgid-ou-abcd-12345678").unwrap();
        assert_eq!((unit.organization(), unit.id()), ("o-exampleorgid", "ou-abcd-12345678"));
        assert_eq!(unit.name(), "o-exampleorgid-ou-abcd-12345678");
        assert_eq!(unit.paths(), "o-exampleorgid/r-abcd/*ou-abcd-12345678/*");
    }

    #[test]
    fn what_is_not_an_organization_and_an_ou_is_no_unit() {
        for name in [
            "ou-abcd-12345678",
            "o-exampleorgid",
            "o-short-ou-abcd-12345678",
            "o-exampleorgid-ou-abcd",
            "o-exampleorgid-ou-abcd-1234567",
            "o-exampleorgid-ou-abcd-12345678-x",
            "o-exampleorgid-ou-ab*d-12345678",
            "O-exampleorgid-ou-abcd-12345678",
            "o-exampleorgid/ou-abcd-12345678",
            "o-exampleorgid-r-abcd",
            "",
        ] {
            assert_eq!(Unit::read(name), None, "{name}");
        }
    }
}
