//! What a template says of a statement, and what it reads back.

use std::{collections::BTreeMap, fmt, marker::PhantomData, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, MapAccess, Visitor},
};

use crate::{
    StatementProperty, Target,
    store::{ALLOW_PUBLIC, STATEMENT},
};

/// The properties of a statement type.
#[derive(Clone)]
pub struct Properties<T> {
    pub(crate) target: T,
    pub(crate) statement: StatementProperty,
    pub(crate) allow_public: bool,
}

impl<'de, T: Target> Deserialize<'de> for Properties<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Named as a struct's fields, so that whoever reads properties can tell what the type doesn't know.
        deserializer.deserialize_struct("Properties", T::PROPERTIES, Entries(PhantomData))
    }
}

struct Entries<T>(PhantomData<T>);

impl<'de, T: Target> Visitor<'de> for Entries<T> {
    type Value = Properties<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Properties<T>, A::Error> {
        let mut target = BTreeMap::new();
        let mut statement = None;
        let mut allow_public = false;
        while let Some(name) = entries.next_key::<String>()? {
            match name.as_str() {
                STATEMENT => statement = Some(entries.next_value()?),
                ALLOW_PUBLIC => allow_public = entries.next_value()?,
                _ => {
                    target.insert(name, entries.next_value()?);
                }
            }
        }
        let statement = statement.ok_or_else(|| A::Error::missing_field(STATEMENT))?;
        Ok(Properties { target: T::read(&target).map_err(A::Error::custom)?, statement, allow_public })
    }
}

/// `<target>#<mark>`: what `!Ref` reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementId<T> {
    pub(crate) target: T,
    pub(crate) mark: String,
}

impl<T: Target> FromStr for StatementId<T> {
    type Err = NotAStatementId;

    fn from_str(text: &str) -> Result<Self, NotAStatementId> {
        let (target, mark) = text.rsplit_once('#').ok_or(NotAStatementId)?;
        let is_mark = mark.len() == 10 && mark.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match target.parse() {
            Ok(target) if is_mark => Ok(Self { target, mark: mark.to_owned() }),
            _ => Err(NotAStatementId),
        }
    }
}

impl<T: Target> fmt::Display for StatementId<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.target, self.mark)
    }
}

/// Some other text.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAStatementId;

/// What `!GetAtt` reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Attributes {
    /// The Sids of the claim's statements, with commas between them.
    pub sids: String,
    /// What the policy takes of its limit.
    pub policy_size: usize,
    /// The limit.
    pub policy_size_limit: usize,
}
