//! The property `Tags`, of which only the keys that a template set are ever changed or removed.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;

/// Keys that start like this belong to AWS.
const AWS: &str = "aws:";

/// Keys that start like this carry the owner's mark.
const OURS: &str = "archipelago:";

/// Tags by key, written `[{Key, Value}]` as in the native types.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "Vec<Tag>")]
pub struct Tags(BTreeMap<String, String>);

/// Says how many, and none.
impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tags({})", self.0.len())
    }
}

/// What makes a thing's tags those that the template wants.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TagChanges {
    /// Tags to add, or to give another value.
    pub set: Vec<(String, String)>,
    /// Keys to remove: the template set them once, and doesn't any more.
    pub unset: Vec<String>,
    /// Whether the tags that are listed are those already.
    pub are_shown: bool,
}

impl Tags {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The tags of a thing that is made with `mark` on it.
    #[must_use]
    pub fn with(&self, mark: (String, String)) -> Vec<(String, String)> {
        self.0.clone().into_iter().chain([mark]).collect()
    }

    /// The tags but for those whose key is so.
    #[must_use]
    pub fn without(&self, is_so: impl Fn(&str) -> bool) -> Self {
        Self(self.pairs().filter(|(key, _)| !is_so(key)).map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    /// Each key with its value.
    pub fn pairs(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter()
    }

    /// What to change on a thing that has the tags `current`, if the template said `previous` of it before. What the template
    /// changes is changed whatever is listed, which may be behind. What has another value by now than the template gave it
    /// isn't removed: somebody else set that.
    #[must_use]
    pub fn changes(&self, current: &BTreeMap<String, String>, previous: Option<&Self>) -> TagChanges {
        let is_new = |(key, value): (&String, &String)| previous.is_some_and(|it| it.0.get(key) != Some(value));
        let set = self.0.iter().filter(|tag| current.get(tag.0) != Some(tag.1) || is_new(*tag));
        let is_theirs = |(key, value): (&String, &String)| current.get(key).is_some_and(|there| there != value);
        let before = previous.into_iter().flat_map(Self::pairs);
        let dropped = before.filter(|tag| !self.0.contains_key(tag.0) && !is_theirs(*tag));
        let dropped: Vec<_> = dropped.collect();
        let are_set = self.0.iter().all(|tag| current.get(tag.0) == Some(tag.1));
        TagChanges {
            are_shown: are_set && !dropped.iter().any(|(key, _)| current.contains_key(*key)),
            set: set.map(|(key, value)| (key.clone(), value.clone())).collect(),
            unset: dropped.into_iter().map(|(key, _)| key.clone()).collect(),
        }
    }
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "PascalCase")]
struct Tag {
    /// 1 to 128 characters, which don't start with `aws:` or `archipelago:`.
    #[cfg_attr(
        feature = "schema",
        schemars(
            length(min = 1, max = 128),
            regex(pattern = "^(?![aA][wW][sS]:)(?![aA][rR][cC][hH][iI][pP][eE][lL][aA][gG][oO]:)")
        )
    )]
    key: String,
    /// Up to 256 characters.
    #[cfg_attr(feature = "schema", schemars(length(max = 256)))]
    value: String,
}

impl TryFrom<Vec<Tag>> for Tags {
    type Error = String;

    /// The limits are those of AWS's tagging: <https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html>
    fn try_from(tags: Vec<Tag>) -> Result<Self, String> {
        let mut by_key = BTreeMap::new();
        for (index, Tag { key, value }) in tags.into_iter().enumerate() {
            let folded = key.to_ascii_lowercase();
            if folded.starts_with(OURS) {
                return Err(format!("[{index}].Key: keys under `{OURS}` are the owner's mark"));
            }
            if folded.starts_with(AWS) {
                return Err(format!("[{index}].Key: keys under `{AWS}` belong to AWS"));
            }
            if key.is_empty() || key.chars().count() > 128 {
                return Err(format!("[{index}].Key: a key has 1 to 128 characters"));
            }
            if value.chars().count() > 256 {
                return Err(format!("[{index}].Value: a value has at most 256 characters"));
            }
            if by_key.insert(key, value).is_some() {
                return Err(format!("[{index}].Key: this key is there twice"));
            }
        }
        Ok(Self(by_key))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn refusal(tags: &serde_json::Value) -> String {
        serde_json::from_value::<Tags>(tags.clone()).unwrap_err().to_string()
    }

    #[test]
    fn only_keys_that_a_template_set_are_changed_or_removed() {
        let desired = Tags(tags(&[("team", "b"), ("stage", "prod")]));
        let previous = Tags(tags(&[("team", "a"), ("stage", "prod"), ("cost", "1")]));
        let current = tags(&[("team", "a"), ("stage", "prod"), ("cost", "1"), ("foreign", "f")]);
        let changes = desired.changes(&current, Some(&previous));
        assert_eq!(changes.set, [("team".to_owned(), "b".to_owned())]);
        assert_eq!(changes.unset, ["cost"]);
    }

    #[test]
    fn tags_that_are_as_wanted_need_no_change() {
        let same = tags(&[("team", "a")]);
        for previous in [Some(&Tags(same.clone())), None] {
            let none = TagChanges { are_shown: true, ..TagChanges::default() };
            assert_eq!(Tags(same.clone()).changes(&same, previous), none);
        }
    }

    #[test]
    fn a_key_that_somebody_gave_another_value_stays_when_the_template_drops_it() {
        let previous = Tags(tags(&[("team", "a")]));
        let changes = Tags::default().changes(&tags(&[("team", "theirs")]), Some(&previous));
        assert!(changes.unset.is_empty() && changes.are_shown);
    }

    #[test]
    fn what_a_failed_template_changed_is_changed_back_whatever_is_listed() {
        let desired = Tags(tags(&[("team", "a"), ("stage", "prod")]));
        let failed = Tags(tags(&[("team", "b"), ("cost", "1")]));
        // The list is that of before: without anything that the failed template set or took away.
        let changes = desired.changes(&desired.0, Some(&failed));
        assert_eq!(changes.set, [("stage".to_owned(), "prod".to_owned()), ("team".to_owned(), "a".to_owned())]);
        assert_eq!(changes.unset, ["cost"]);
        assert!(changes.are_shown);
        for listed in [&failed.0, &tags(&[("team", "a"), ("stage", "prod"), ("cost", "1")])] {
            assert!(!desired.changes(listed, Some(&failed)).are_shown);
        }
        assert_eq!(desired.changes(&desired.0, Some(&Tags::default())).set.len(), 2);
    }

    #[test]
    fn keys_that_belong_to_others_are_refused() {
        assert!(refusal(&json!([{"Key": "archipelago:owner", "Value": "me"}])).contains("the owner's mark"));
        assert!(refusal(&json!([{"Key": "AWS:x", "Value": "me"}])).contains("belong to AWS"));
    }

    #[test]
    fn a_key_that_is_there_twice_and_a_text_that_is_too_long_are_refused() {
        let twice = json!([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]);
        assert!(refusal(&twice).contains("[1].Key: this key is there twice"));
        assert!(refusal(&json!([{"Key": "a", "Value": "x".repeat(257)}])).contains("at most 256"));
        assert!(refusal(&json!([{"Key": "", "Value": "x"}])).contains("1 to 128"));
    }
}
