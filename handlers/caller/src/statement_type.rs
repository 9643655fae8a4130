//! The types whose functions a caller may use.

use std::collections::BTreeSet;

use archipelago::Grant;
use serde::Deserialize;

/// A type of statements in policies that others own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(with = "String", extend("enum" = ALL.map(StatementType::name))))]
#[serde(try_from = "String")]
pub(crate) enum StatementType {
    Ecr,
    Kms,
    S3,
    IamTrust,
}

/// All of them.
pub(crate) const ALL: [StatementType; 4] =
    [StatementType::Ecr, StatementType::Kms, StatementType::S3, StatementType::IamTrust];

impl StatementType {
    /// Its name without `Custom::`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ecr => "EcrPolicyStatement",
            Self::Kms => "KmsPolicyStatement",
            Self::S3 => "S3PolicyStatement",
            Self::IamTrust => "IamTrustStatement",
        }
    }

    /// What follows the name of the installation's stack in that of its function.
    pub(crate) fn function(self) -> &'static str {
        match self {
            Self::Ecr => "ecr-policy-statement",
            Self::Kms => "kms-policy-statement",
            Self::S3 => "s3-policy-statement",
            Self::IamTrust => "iam-trust-statement",
        }
    }

    /// How the names of the actions begin that its statements allow.
    pub(crate) fn actions(self) -> &'static str {
        match self {
            Self::Ecr => "ecr",
            Self::Kms => "kms",
            Self::S3 => "s3",
            Self::IamTrust => "sts",
        }
    }

    /// What its statements are about.
    pub(crate) fn thing(self) -> &'static str {
        match self {
            Self::Ecr => "repository",
            Self::Kms => "key",
            Self::S3 => "bucket",
            Self::IamTrust => "role",
        }
    }

    /// The type of that name. A later version may know more of them.
    pub(crate) fn named(name: &str) -> Option<Self> {
        ALL.into_iter().find(|of| of.name() == name)
    }
}

/// The types that grants are about, as far as they are known.
pub(crate) fn types_of<'a>(grants: impl IntoIterator<Item = &'a Grant>) -> BTreeSet<StatementType> {
    grants.into_iter().flat_map(|grant| &grant.types).filter_map(|name| StatementType::named(name)).collect()
}

impl TryFrom<String> for StatementType {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let name = text.strip_prefix("Custom::").filter(|_| text.ends_with("Statement"));
        match (Self::named(&text), name, text.as_str()) {
            (Some(known), ..) => Ok(known),
            (_, Some(_), _) => Err("a type is named without Custom:: here, such as EcrPolicyStatement"),
            (_, _, "IamPolicyStatement") => Err(
                "IamPolicyStatement lets roles of the functions' own account do more, which is for stacks of that account alone",
            ),
            _ => Err("expected EcrPolicyStatement, KmsPolicyStatement, S3PolicyStatement or IamTrustStatement"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_named_as_in_a_template() {
        for known in ALL {
            assert_eq!(StatementType::try_from(known.name().to_owned()), Ok(known));
            let kebab: String = known
                .name()
                .char_indices()
                .map(|(at, letter)| match letter {
                    'A'..='Z' if at > 0 => format!("-{}", letter.to_ascii_lowercase()),
                    letter => letter.to_ascii_lowercase().to_string(),
                })
                .collect();
            assert_eq!(kebab, known.function());
        }
    }

    #[test]
    fn a_type_that_may_not_be_called_is_refused_in_words() {
        for (text, words) in [
            ("IamPolicyStatement", "for stacks of that account alone"),
            ("Custom::EcrPolicyStatement", "without Custom::"),
            ("Account", "expected EcrPolicyStatement, "),
            ("ecr-policy-statement", "expected EcrPolicyStatement, "),
            ("", "expected EcrPolicyStatement, "),
        ] {
            let refusal = StatementType::try_from(text.to_owned()).unwrap_err();
            assert!(refusal.contains(words), "{text}: {refusal}");
        }
    }
}
