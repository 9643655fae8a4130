//! What a template says of an added principal, and what `!Ref` reads.

use std::{fmt, str::FromStr};

use resource_shares::{NotAShareArn, Principal, ShareArn};
use serde::Deserialize;

/// The properties of `Custom::SubnetSharePrincipal`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Properties {
    pub(crate) share_arn: ShareArn,
    pub(crate) principal: Principal,
}

/// `<share's ARN>#<principal>`, the principal as RAM lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
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
