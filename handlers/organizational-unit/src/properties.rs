//! What a template says of an OU, and what it reads back.

use archipelago::Tags;
use organizations::ParentId;
use serde::{Deserialize, Serialize};

/// Organizations nests OUs at most this deep.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>
const MAX_DEPTH: usize = 5;

/// Organizations' limit, in characters.
const MAX_NAME: usize = 128;

/// The properties of `Custom::OrganizationalUnit`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(with = "RawProperties"))]
#[serde(try_from = "RawProperties")]
pub(crate) struct Properties {
    pub(crate) location: UnitLocation,
    pub(crate) adopt_existing: bool,
    pub(crate) tags: Tags,
}

/// Where an OU is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UnitLocation {
    /// `Name` under `ParentId`, or under the root.
    Child { name: String, parent: Option<ParentId> },
    /// `Path`: the levels on the way, then the OU itself.
    Path { levels: Vec<String>, name: String },
}

impl UnitLocation {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Child { name, .. } | Self::Path { name, .. } => name,
        }
    }

    /// The names on the way.
    pub(crate) fn levels(&self) -> &[String] {
        self.way().1
    }

    /// Where the way begins, if not at the root, and the names on it.
    fn way(&self) -> (Option<&ParentId>, &[String]) {
        match self {
            Self::Child { parent, .. } => (parent.as_ref(), &[]),
            Self::Path { levels, .. } => (None, levels),
        }
    }

    /// Whether the two are under different parents, as far as the words say.
    pub(crate) fn is_elsewhere(&self, other: &Self) -> bool {
        self.way() != other.way()
    }

    /// Whether it is the level of that depth on the way to another, as far as the words say.
    pub(crate) fn is_level(&self, depth: usize, other: &Self) -> bool {
        let (parent, levels) = other.way();
        self.way() == (parent, &levels[..depth]) && levels[depth] == self.name()
    }
}

/// The properties as a template has them.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(extend("oneOf" = [
    {"required": ["Name"]},
    {"required": ["Path"], "not": {"required": ["ParentId"]}},
])))]
#[serde(rename_all = "PascalCase")]
struct RawProperties {
    /// The OU's name, 1 to 128 characters without `/`, unless there is a `Path`.
    #[cfg_attr(test, schemars(regex(pattern = "^[^/]{1,128}$")))]
    name: Option<String>,
    /// Where an OU with a `Name` is: the root (`r-...`), which is the default, or an OU (`ou-...`).
    #[cfg_attr(test, schemars(extend("x-update" = "Replacement")))]
    parent_id: Option<ParentId>,
    /// Names with `/` between them, at most five, instead of `Name` and `ParentId`: missing levels are made on the way.
    #[cfg_attr(test, schemars(regex(pattern = "^[^/]{1,128}(/[^/]{1,128}){0,4}$"), extend("x-update" = "No interruption for the last level, replacement for the others")))]
    path: Option<String>,
    /// Whether an OU of that name under that parent is taken over. One that none of our resources made is left behind on
    /// delete.
    #[serde(default = "yes")]
    adopt_existing: bool,
    /// The OU's tags. Only keys that the template set are changed or removed.
    #[serde(default)]
    tags: Tags,
}

fn yes() -> bool {
    true
}

impl TryFrom<RawProperties> for Properties {
    type Error = String;

    fn try_from(raw: RawProperties) -> Result<Self, String> {
        let location = match (raw.path, raw.name, raw.parent_id) {
            (Some(path), None, None) => by_path(&path)?,
            (None, Some(name), parent) => UnitLocation::Child { name: valid("Name", name)?, parent },
            (None, None, _) => return Err("either `Name` or `Path` is required".to_owned()),
            (Some(_), ..) => return Err("`Path` stands instead of `Name` and `ParentId`, not beside them".to_owned()),
        };
        Ok(Self { location, adopt_existing: raw.adopt_existing, tags: raw.tags })
    }
}

fn by_path(path: &str) -> Result<UnitLocation, String> {
    let names = path.split('/').map(|name| valid("Path", name.to_owned())).collect::<Result<Vec<_>, _>>()?;
    if names.len() > MAX_DEPTH {
        return Err(format!("`Path` is {} levels deep, and Organizations allows {MAX_DEPTH}", names.len()));
    }
    let mut levels = names;
    let name = levels.pop().unwrap_or_default();
    Ok(UnitLocation::Path { levels, name })
}

fn valid(property: &str, name: String) -> Result<String, String> {
    match name.chars().count() {
        // YAML's block text ends in one.
        1..=MAX_NAME if name.contains(char::is_control) => Err(format!(
            "the name of an OU in `{property}` has a line break or another control character; leave it out"
        )),
        1..=MAX_NAME if name.contains('/') => Err(format!(
            "the name of an OU in `{property}` has a /, which stands between levels in `Path` and in what !GetAtt Path reads; choose \
             another character, or write the levels in `Path`"
        )),
        1..=MAX_NAME => Ok(name),
        0 if property == "Path" => Err("`Path` has an empty level; write it like `Workloads/Production`".to_owned()),
        _ => Err(format!("the name of an OU in `{property}` has 1 to {MAX_NAME} characters")),
    }
}

/// What `!GetAtt` reads.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Attributes {
    /// The OU's id, `ou-...`.
    pub(crate) id: String,
    /// The OU's ARN.
    pub(crate) arn: String,
    /// The OU's name.
    pub(crate) name: String,
    /// The names of all levels from below the root, with `/` between them.
    pub(crate) path: String,
    /// The id of the root or of the OU that it is in.
    pub(crate) parent_id: String,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(properties: Value) -> Result<Properties, String> {
        serde_json::from_value(properties).map_err(|error| error.to_string())
    }

    #[test]
    fn an_ou_is_named_or_has_a_path() {
        let named = read(json!({"Name": "Workloads", "ParentId": "r-ab12"})).unwrap();
        assert_eq!(named.location.name(), "Workloads");
        assert!(named.adopt_existing, "an OU that exists is adopted unless the template says otherwise");
        let by_path = read(json!({"Path": "Workloads/Production"})).unwrap();
        let levels = vec!["Workloads".to_owned()];
        assert_eq!(by_path.location, UnitLocation::Path { levels, name: "Production".to_owned() });
    }

    #[test]
    fn a_place_that_is_none_is_refused_in_words() {
        for (properties, words) in [
            (json!({}), "either `Name` or `Path` is required"),
            (json!({"Path": "A", "Name": "A"}), "`Path` stands instead of `Name` and `ParentId`"),
            (json!({"Path": "A", "ParentId": "r-ab12"}), "`Path` stands instead of `Name` and `ParentId`"),
            (json!({"Path": "A//B"}), "`Path` has an empty level"),
            (json!({"Path": "/A"}), "`Path` has an empty level"),
            (json!({"Path": "A/B/C/D/E/F"}), "6 levels deep, and Organizations allows 5"),
            (json!({"Name": "CI/CD"}), "in `Name` has a /, which stands between levels"),
            (json!({"Name": ""}), "1 to 128 characters"),
            (json!({"Name": "x".repeat(129)}), "1 to 128 characters"),
            (json!({"Name": "Workloads\n"}), "in `Name` has a line break"),
            (json!({"Path": "Workloads/Pro\u{0}duction"}), "in `Path` has a line break or another control character"),
            (
                json!({"Name": "A", "ParentId": "123456789012"}),
                "expected the id of a root (r-...) or of an OU (ou-...)",
            ),
        ] {
            let refusal = read(properties.clone()).unwrap_err();
            assert!(refusal.contains(words), "{properties}: {refusal}");
        }
    }
}
