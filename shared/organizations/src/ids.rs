//! The ids of roots and OUs, as in <https://docs.aws.amazon.com/organizations/latest/APIReference/API_Parent.html>.

use std::{fmt, str::FromStr};

use archipelago::{is_token, is_unit_id};
use serde::Deserialize;

/// An OU's id, `ou-<root>-<unit>`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UnitId(String);

impl UnitId {
    /// The id as AWS writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UnitId {
    type Err = NotAUnitId;

    fn from_str(text: &str) -> Result<Self, NotAUnitId> {
        if is_unit_id(text) { Ok(Self(text.to_owned())) } else { Err(NotAUnitId) }
    }
}

impl fmt::Display for UnitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Some other text.
#[derive(Debug)]
pub struct NotAUnitId;

/// The root's id or an OU's: where an account or an OU may be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schema",
    schemars(extend("pattern" = "^(r-[a-z0-9]{4,32}|ou-[a-z0-9]{4,32}-[a-z0-9]{8,32})$"))
)]
#[serde(try_from = "String")]
pub struct ParentId(String);

impl ParentId {
    /// The id as AWS writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ParentId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_root = text.strip_prefix("r-").is_some_and(|rest| is_token(rest, 4));
        if is_root || UnitId::from_str(&text).is_ok() {
            Ok(Self(text))
        } else {
            Err("expected the id of a root (r-...) or of an OU (ou-...)")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_an_ou_s_or_none_of_ours() {
        assert_eq!(UnitId::from_str("ou-ab12-0123abcd").unwrap().to_string(), "ou-ab12-0123abcd");
        for foreign in ["landing-Workloads-1ABCDEF", "nothing-was-made", "r-ab12", "ou-ab12", "ou-ab12-SHOUTING", ""] {
            assert!(UnitId::from_str(foreign).is_err(), "{foreign}");
        }
    }

    #[test]
    fn a_parent_is_a_root_or_an_ou() {
        assert!(ParentId::try_from("r-ab12".to_owned()).is_ok());
        assert!(ParentId::try_from("ou-ab12-0123abcd".to_owned()).is_ok());
        assert!(ParentId::try_from("123456789012".to_owned()).is_err());
    }
}
