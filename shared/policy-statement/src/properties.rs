//! What a template says of a statement, and what it reads back.

use std::{collections::BTreeMap, fmt, marker::PhantomData, str::FromStr};

use custom_resource::{Error, Result, mangled};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, MapAccess, Visitor},
};

use crate::{StatementProperty, Target, TargetLocation, role::Role};

const STATEMENT: &str = "Statement";
pub(crate) const ROLE_ARN: &str = "RoleArn";
const EXTERNAL_ID: &str = "ExternalId";
pub(crate) const PRUNE_ORPHANS: &str = "PruneOrphans";
const ALLOW_PUBLIC: &str = "AllowPublic";

/// The properties that all statement types have.
const COMMON: [&str; 5] = [STATEMENT, ROLE_ARN, EXTERNAL_ID, PRUNE_ORPHANS, ALLOW_PUBLIC];

/// How many properties a statement type has at most. A type with more doesn't compile.
const MOST: usize = 8;

/// The properties of a statement type.
#[derive(Clone)]
pub struct Properties<T> {
    /// The target, and the account that its own properties name, if they do.
    pub(crate) named: TargetLocation<T>,
    pub(crate) role: Option<Role>,
    pub(crate) statement: StatementProperty,
    pub(crate) prune_orphans: bool,
    pub(crate) allow_public: bool,
}

impl<T: Target> Properties<T> {
    // The length of an array can't be computed from a type.
    const PADDED: &'static [&'static str; MOST] = &with_common(T::OWN);

    /// The names of all of them: those of the target, and those that all statement types have.
    pub(crate) const NAMES: &'static [&'static str] = Self::PADDED.split_at(T::OWN.len() + COMMON.len()).0;

    /// Where the policy is, seen from a function in account `home`.
    ///
    /// # Errors
    /// Refused if the role is in another account than the target.
    pub(crate) fn location(&self, home: &str) -> Result<TargetLocation<T>> {
        let TargetLocation { account: named, target } = self.named.clone();
        let of_role = self.role.as_ref().map(|role| role.account().to_owned());
        if let (Some(named), Some(of_role)) = (&named, &of_role)
            && named != of_role
        {
            return Err(Error::refused(format!(
                "ResourceProperties.RoleArn: is a role of account {of_role}, but the {} {target} belongs to account {named}",
                T::KIND
            )));
        }
        Ok(TargetLocation { account: of_role.or(named).filter(|account| account != home), target })
    }
}

impl<'de, T: Target> Deserialize<'de> for Properties<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Named as a struct's fields, so that whoever reads properties can tell what the type doesn't know.
        deserializer.deserialize_struct("Properties", Self::NAMES, Entries(PhantomData))
    }
}

const fn with_common(own: &[&'static str]) -> [&'static str; MOST] {
    let mut all = [""; MOST];
    let mut next = 0;
    while next < own.len() + COMMON.len() {
        all[next] = if next < own.len() { own[next] } else { COMMON[next - own.len()] };
        next += 1;
    }
    all
}

struct Entries<T>(PhantomData<T>);

impl<'de, T: Target> Visitor<'de> for Entries<T> {
    type Value = Properties<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Properties<T>, A::Error> {
        let mut named = BTreeMap::new();
        let (mut statement, mut role_arn, mut external_id) = (None, None, None);
        let (mut prune_orphans, mut allow_public) = (false, false);
        while let Some(name) = entries.next_key::<String>()? {
            match name.as_str() {
                STATEMENT => statement = Some(entries.next_value()?),
                ROLE_ARN => role_arn = Some(entries.next_value()?),
                EXTERNAL_ID => external_id = Some(entries.next_value()?),
                PRUNE_ORPHANS => prune_orphans = entries.next_value()?,
                ALLOW_PUBLIC => allow_public = entries.next_value()?,
                _ => {
                    named.insert(name, entries.next_value()?);
                }
            }
        }
        // What is wrong with a property begins with its name.
        let of_target = |wrong: String| {
            let text = wrong.split('`').nth(1).and_then(|name| named.get(name));
            A::Error::custom(with_what_became_of_it(wrong, text))
        };
        let of_role = |wrong: &str| A::Error::custom(with_what_became_of_it(wrong.to_owned(), role_arn.as_ref()));
        Ok(Properties {
            named: T::read(&named).map_err(of_target)?,
            role: Role::read(role_arn.clone(), external_id).map_err(of_role)?,
            statement: statement.ok_or_else(|| A::Error::missing_field(STATEMENT))?,
            prune_orphans,
            allow_public,
        })
    }
}

fn with_what_became_of_it(wrong: String, text: Option<&String>) -> String {
    match text.and_then(|text| mangled(text)) {
        Some(why) if !wrong.contains(why) => format!("{wrong}; {why}"),
        _ => wrong,
    }
}

/// `<target>#<mark>`: what `!Ref` reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementId<T> {
    pub(crate) location: TargetLocation<T>,
    pub(crate) mark: String,
}

impl<T: Target> FromStr for StatementId<T> {
    type Err = NotAStatementId;

    fn from_str(text: &str) -> Result<Self, NotAStatementId> {
        let (location, mark) = text.rsplit_once('#').ok_or(NotAStatementId)?;
        let is_mark = mark.len() == 10 && mark.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match location.parse() {
            Ok(location) if is_mark => Ok(Self { location, mark: mark.to_owned() }),
            _ => Err(NotAStatementId),
        }
    }
}

impl<T: Target> fmt::Display for StatementId<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.location, self.mark)
    }
}

/// `<target>#<mark>`, the target in the words of its schema's `x-ref`, or its kind.
#[cfg(feature = "schema")]
impl<T: Target + schemars::JsonSchema> schemars::JsonSchema for StatementId<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "StatementId".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let target = T::json_schema(generator);
        let words = target
            .get("x-ref")
            .and_then(serde_json::Value::as_str)
            .map_or_else(|| format!("<{}>", T::KIND), str::to_owned);
        let sentence = format!("`{words}#<mark>`, or `<account>:{words}#<mark>` in another account.");
        schemars::json_schema!({ "type": "string", "description": sentence })
    }
}

/// Some other text.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAStatementId;

/// What `!GetAtt` reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "PascalCase")]
pub struct Attributes {
    /// The Sids of the claim's statements, with commas between them.
    pub sids: String,
    /// The size of the whole policy, in the unit of its limit, without white space and with accounts counted by their ids.
    pub policy_size: usize,
    /// The size that the policy may have, in the same unit.
    pub policy_size_limit: usize,
}
