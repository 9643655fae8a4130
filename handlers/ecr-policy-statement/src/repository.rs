//! Which repository a statement is for.

use std::{collections::BTreeMap, fmt, str::FromStr};

use custom_resource::{is_account_id, mangled_account_id};
use policy_statement::{Target, TargetLocation};

/// The properties as they are written.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[schemars(rename_all = "PascalCase")]
#[expect(dead_code, reason = "only what is said of them is read")]
struct RawProperties {
    /// The repository's name, not the ARN or the URI.
    #[schemars(regex(pattern = r"^(?![0-9]{12}\.dkr\.ecr\.)[a-z0-9][a-z0-9._/-]{1,255}$"), extend("x-update" = "Replacement"))]
    repository_name: String,
    /// The 12-digit id of the account whose registry it is; the function's own by default. The function's role in
    /// `template.yaml` reaches no other, so name a `RoleArn` there.
    #[schemars(regex(pattern = "^[0-9]{12}$"), extend("x-update" = "Replacement"))]
    registry_id: Option<String>,
}

/// A repository by its name, which has no colon.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(with = "RawProperties"))]
pub(crate) struct Repository {
    pub(crate) name: String,
}

impl Target for Repository {
    const KIND: &'static str = "repository";
    const ARN: &'static str = "arn:{partition}:ecr:{region}:{account}:repository/{}";
    const OWN: &'static [&'static str] = &["RepositoryName", "RegistryId"];

    fn read(properties: &BTreeMap<String, String>) -> Result<TargetLocation<Self>, String> {
        let name = properties.get("RepositoryName").ok_or("`RepositoryName` is required")?;
        if is_uri(name) {
            return Err("`RepositoryName` is the URI; write the name, which is what follows the first slash".to_owned());
        }
        let target = name.parse().map_err(|NotARepository| {
            "`RepositoryName` has 2 to 256 lower-case letters, digits and ._-/, and starts with a letter or a digit; it is \
             the name, not the ARN or the URI"
        })?;
        let account = properties.get("RegistryId");
        if let Some(id) = account.filter(|id| !is_account_id(id)) {
            let why = mangled_account_id(id).map(|why| format!("; {why}")).unwrap_or_default();
            return Err(format!("`RegistryId` is the 12-digit id of the account{why}"));
        }
        Ok(TargetLocation { account: account.cloned(), target })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl FromStr for Repository {
    type Err = NotARepository;

    fn from_str(text: &str) -> Result<Self, NotARepository> {
        if is_name(text) { Ok(Self { name: text.to_owned() }) } else { Err(NotARepository) }
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

/// Whether it starts with the address of a registry. All of its letters might stand in a name.
fn is_uri(text: &str) -> bool {
    text.split_once(".dkr.ecr.").is_some_and(|(account, _)| is_account_id(account))
}

#[cfg(test)]
mod tests {
    use policy_statement::StatementId;

    use super::*;

    fn read(properties: &[(&str, &str)]) -> Result<TargetLocation<Repository>, String> {
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
            assert_eq!(repository.to_string().parse::<TargetLocation<Repository>>().unwrap(), repository);
        }
    }

    #[test]
    fn what_names_no_repository_is_refused_in_words() {
        let app = ("RepositoryName", "app");
        for (properties, words) in [
            (&[][..], "`RepositoryName` is required"),
            (&[("RepositoryName", "arn:aws:ecr:us-east-1:111111111111:repository/app")], "not the ARN or the URI"),
            (&[("RepositoryName", "111111111111.dkr.ecr.us-east-1.amazonaws.com/app")], "is the URI"),
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

    #[test]
    fn an_id_is_written_and_read_as_in_the_first_release() {
        for id in ["team/app#22a7aa3d94", "222222222222:team/app#22a7aa3d94"] {
            assert_eq!(id.parse::<StatementId<Repository>>().unwrap().to_string(), id);
        }
    }
}
