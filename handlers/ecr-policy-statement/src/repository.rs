//! Which repository a statement is for.

use std::{collections::BTreeMap, fmt, str::FromStr};

use custom_resource::is_account_id;
use policy_statement::{Target, properties};

/// A repository, in the registry of the function's account unless another is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository {
    pub(crate) registry_id: Option<String>,
    pub(crate) name: String,
}

impl Target for Repository {
    const KIND: &'static str = "repository";
    const PROPERTIES: &'static [&'static str] = &properties::<2, 4>(["RepositoryName", "RegistryId"]);

    fn read(properties: &BTreeMap<String, String>) -> Result<Self, String> {
        let name = properties.get("RepositoryName").ok_or("`RepositoryName` is required")?;
        if !is_name(name) {
            return Err("`RepositoryName` has 2 to 256 lower-case letters, digits and ._-/, and starts with a letter or a digit; \
                 it is the name, not the ARN or the URI"
                .to_owned());
        }
        let registry_id = properties.get("RegistryId");
        if registry_id.is_some_and(|id| !is_account_id(id)) {
            return Err("`RegistryId` is the 12-digit id of the account".to_owned());
        }
        Ok(Self { registry_id: registry_id.cloned(), name: name.clone() })
    }

    fn seen_from(&self, account: &str) -> Self {
        Self { registry_id: self.registry_id.clone().filter(|id| id != account), name: self.name.clone() }
    }
}

/// `name`, or `registry:name`: no name has a colon.
impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.registry_id {
            Some(registry_id) => write!(f, "{registry_id}:{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl FromStr for Repository {
    type Err = NotARepository;

    fn from_str(text: &str) -> Result<Self, NotARepository> {
        let (registry_id, name) = match text.split_once(':') {
            Some((registry_id, name)) if is_account_id(registry_id) => (Some(registry_id.to_owned()), name),
            Some(_) => return Err(NotARepository),
            None => (None, text),
        };
        if is_name(name) { Ok(Self { registry_id, name: name.to_owned() }) } else { Err(NotARepository) }
    }
}

/// Some other text.
#[derive(Debug)]
pub(crate) struct NotARepository;

/// As in <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html>, but for where
/// separators may stand, which ECR says itself.
fn is_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-/".contains(&b);
    let starts_well = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    (2..=256).contains(&text.len()) && starts_well && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(properties: &[(&str, &str)]) -> Result<Repository, String> {
        Repository::read(&properties.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn a_repository_is_read_back_from_its_text() {
        for properties in [
            &[("RepositoryName", "team/app")][..],
            &[("RepositoryName", "111111111111/app")],
            &[("RepositoryName", "app"), ("RegistryId", "111111111111")],
        ] {
            let repository = read(properties).unwrap();
            assert_eq!(repository.to_string().parse::<Repository>().unwrap(), repository);
        }
    }

    #[test]
    fn the_registry_of_the_stack_s_own_account_goes_without_saying() {
        let repository = read(&[("RepositoryName", "app"), ("RegistryId", "111111111111")]).unwrap();
        assert_eq!(repository.seen_from("111111111111").to_string(), "app");
        assert_eq!(repository.seen_from("222222222222"), repository);
    }

    #[test]
    fn what_names_no_repository_is_refused_in_words() {
        let app = ("RepositoryName", "app");
        for (properties, words) in [
            (&[][..], "`RepositoryName` is required"),
            (&[("RepositoryName", "arn:aws:ecr:us-east-1:111111111111:repository/app")], "not the ARN or the URI"),
            (&[("RepositoryName", "App")], "lower-case letters"),
            (&[app, ("RegistryId", "1111")], "the 12-digit id"),
        ] {
            let refusal = read(properties).unwrap_err();
            assert!(refusal.contains(words), "{refusal}");
        }
    }

    #[test]
    fn ids_of_others_name_no_repository() {
        for foreign in ["", "landing-Pull-1ABCDEF", "x:app", "https://app"] {
            assert!(foreign.parse::<Repository>().is_err(), "{foreign}");
        }
    }
}
