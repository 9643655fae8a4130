//! What a template says of an added principal, and what `!Ref` reads.

use std::{fmt, str::FromStr};

use resource_shares::{NotAShareArn, Principal, ShareArn};
use serde::Deserialize;

/// The properties of `Custom::SubnetSharePrincipal`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Properties {
    /// The ARN of a share of the function's account.
    #[cfg_attr(test, schemars(extend("x-update" = "Replacement")))]
    pub(crate) share_arn: ShareArn,
    /// An account (12 digits), an OU (`ou-...`), the organization (`o-...` or the word `Organization`), or the ARN of one of
    /// these. Another spelling of the same is no change.
    #[cfg_attr(test, schemars(extend("x-update" = "Replacement")))]
    pub(crate) principal: Principal,
}

/// `<share's ARN>#<principal>`, the principal as RAM lists it: an account by its 12 digits, all others by their ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(with = "String"))]
pub(crate) struct PlacedPrincipal {
    pub(crate) share: ShareArn,
    pub(crate) principal: String,
}

impl FromStr for PlacedPrincipal {
    type Err = NotAShareArn;

    fn from_str(text: &str) -> Result<Self, NotAShareArn> {
        let (share, principal) = text.split_once('#').ok_or(NotAShareArn)?;
        Ok(Self { share: share.parse()?, principal: principal.to_owned() })
    }
}

impl fmt::Display for PlacedPrincipal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.share, self.principal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_principal_s_on_a_share_or_none_of_ours() {
        let id = "arn:aws:ram:us-east-1:111111111111:resource-share/0123abcd#222222222222";
        let placed = PlacedPrincipal::from_str(id).unwrap();
        assert_eq!((placed.principal.as_str(), placed.to_string().as_str()), ("222222222222", id));
        for foreign in ["landing-Principal-1ABCDEF", "nothing-was-made", "222222222222#x", &id.replace('#', "/")] {
            assert!(PlacedPrincipal::from_str(foreign).is_err(), "{foreign}");
        }
    }
}
