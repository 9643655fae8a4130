//! Principals that other stacks added to a share: each addition is a tag of the share, so that none knows of another and
//! the last one to leave takes the principal along.

use std::{collections::BTreeMap, fmt, time::Duration};

use custom_resource::{Error, Owner, Result};

/// Keys that start like this carry a mark.
const PREFIX: &str = "archipelago:";

/// How long resources that are deleted at the same time may take to leave a share.
pub const ADDITIONS_LEFT_WITHIN: Duration = Duration::from_mins(2);

/// How many additions are named: a reason holds no more of the longest.
const NAMED: usize = 10;

/// How long a stack may take to take a principal back.
pub const TAKEN_BACK_WITHIN: Duration = Duration::from_mins(6);

/// What a tag of an addition says beside the principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdditionState {
    /// The principal is there because of additions alone.
    Added,
    /// Somebody else wants it there as well: the share's own template, or a person.
    Before,
    /// The stack that made it is taking it back.
    Leaving,
}

impl AdditionState {
    const ALL: [(Self, &'static str); 3] = [(Self::Added, ""), (Self::Before, " before"), (Self::Leaving, " leaving")];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map(|(_, word)| *word).unwrap_or_default()
    }
}

/// One stack's addition of one principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The tag's key.
    pub key: String,
    /// The principal, as RAM lists it.
    pub principal: String,
    /// How it stands.
    pub state: AdditionState,
}

impl Addition {
    /// The addition of `principal` by `owner`. The principal stands in the key too, in short, so that one which replaces
    /// another on the same share doesn't overwrite what the clean-up has to find.
    #[must_use]
    pub fn new(owner: &Owner, principal: &str, state: AdditionState) -> Self {
        let short = principal.rsplit('/').next().unwrap_or_default();
        Self { key: format!("{PREFIX}{}:{short}", owner.mark()), principal: principal.to_owned(), state }
    }

    /// The tag: its key and its value.
    #[must_use]
    pub fn tag(&self) -> (String, String) {
        (self.key.clone(), self.to_string())
    }

    /// `None` for any other tag.
    fn read(key: &str, value: &str) -> Option<Self> {
        key.strip_prefix(PREFIX)?.split_once(':')?;
        let principal = value.split(' ').next().unwrap_or_default();
        let word = &value[principal.len()..];
        let state = AdditionState::ALL.iter().find(|(_, known)| *known == word).map(|(state, _)| *state)?;
        Some(Self { key: key.to_owned(), principal: principal.to_owned(), state })
    }
}

/// The tag's value.
impl fmt::Display for Addition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.principal, self.state.word())
    }
}

/// All additions to a share.
#[derive(Debug, Default)]
pub struct Additions(Vec<Addition>);

impl Additions {
    /// The additions among a share's tags.
    #[must_use]
    pub fn among(tags: &BTreeMap<String, String>) -> Self {
        Self(tags.iter().filter_map(|(key, value)| Addition::read(key, value)).collect())
    }

    /// The addition under `key`.
    #[must_use]
    pub fn under(&self, key: &str) -> Option<&Addition> {
        self.0.iter().find(|addition| addition.key == key)
    }

    /// Those of `principal`, but for the one under `key`.
    fn others<'a>(&'a self, principal: &'a str, key: &'a str) -> impl Iterator<Item = &'a Addition> {
        self.0.iter().filter(move |addition| addition.principal == principal && addition.key != key)
    }

    /// Whether a stack other than that of `key` wants `principal` there.
    #[must_use]
    pub fn is_wanted(&self, principal: &str, key: &str) -> bool {
        self.others(principal, key).any(|addition| addition.state != AdditionState::Leaving)
    }

    /// A principal that a stack other than that of `key` is taking back has to be gone before it can come again: that
    /// stack has looked for others already.
    ///
    /// # Errors
    /// `NotYet` while one of `principals` is being taken back.
    pub fn check_nobody_takes_back(&self, principals: &[&str], key: &str) -> Result<()> {
        let mut others = principals.iter().flat_map(|principal| self.others(principal, key));
        match others.find(|addition| addition.state == AdditionState::Leaving) {
            Some(Addition { principal, key, .. }) => Err(Error::not_yet_within(
                TAKEN_BACK_WITHIN,
                format!(
                    "another stack is taking {principal} out of the share; if that stack is gone, remove its tag {key} from \
                     the share"
                ),
            )),
            None => Ok(()),
        }
    }

    /// The share `arn` is in use while a stack wants a principal there that it added. A stack that is being deleted as well may
    /// take its principal back, and a list may be behind.
    ///
    /// # Errors
    /// `NotYet` for two minutes, with the principals and their tags.
    pub fn check_nobody_stays(&self, arn: &str) -> Result<()> {
        let staying = self.0.iter().filter(|addition| addition.state != AdditionState::Leaving);
        let named: Vec<_> = staying.map(|Addition { principal, key, .. }| format!("{principal} (tag {key})")).collect();
        if named.is_empty() {
            return Ok(());
        }
        let more = named.len().saturating_sub(NAMED);
        let others = if more > 0 { format!(" and {more} more") } else { String::new() };
        Err(Error::not_yet_within(
            ADDITIONS_LEFT_WITHIN,
            format!(
                "the share {arn} is used by other resources of type Custom::SubnetSharePrincipal: delete them or give them another \
                 ShareArn, and delete the share after that, with aws ram delete-resource-share if its stack doesn't have it any \
                 more; if a resource is gone, remove its tag from the share; their principals are {}{others}",
                named[..named.len() - more].join(", ")
            ),
        ))
    }

    /// How a new addition of `principal` stands, if the principal is on the share already.
    #[must_use]
    pub fn state_of_another(&self, principal: &str) -> AdditionState {
        let mut states = self.others(principal, "").map(|addition| addition.state).peekable();
        let only_added = states.peek().is_some() && states.all(|state| state != AdditionState::Before);
        if only_added { AdditionState::Added } else { AdditionState::Before }
    }

    /// The tags that have to change since the share's own template wants the principals `wanted` and doesn't want
    /// `dropped` any more.
    #[must_use]
    pub fn retagged(&self, wanted: &[&str], dropped: &[&str]) -> Vec<(String, String)> {
        let changes = self.0.iter().filter_map(|addition| {
            let state = match addition.state {
                AdditionState::Added if wanted.contains(&addition.principal.as_str()) => AdditionState::Before,
                AdditionState::Before if dropped.contains(&addition.principal.as_str()) => AdditionState::Added,
                _ => return None,
            };
            Some(Addition { state, ..addition.clone() }.tag())
        });
        changes.collect()
    }
}

#[cfg(test)]
mod tests {
    use archipelago::owner_tag;

    use super::*;

    const ACCOUNT: &str = "222222222222";
    const UNIT: &str = "arn:aws:organizations::999999999999:ou/o-exampleorgid/ou-ab12-workload1";

    fn owner(stack: &str) -> Owner {
        Owner::new(format!("arn:aws:cloudformation:us-east-1:222222222222:stack/{stack}/1f0a"), "Principal")
    }

    fn by(stack: &str, state: AdditionState) -> Addition {
        Addition::new(&owner(stack), ACCOUNT, state)
    }

    fn additions(list: &[Addition]) -> Additions {
        Additions::among(&list.iter().map(Addition::tag).collect())
    }

    #[test]
    fn an_addition_is_a_tag_of_the_share_and_can_be_read_back() {
        for (state, word) in
            [(AdditionState::Added, ""), (AdditionState::Before, " before"), (AdditionState::Leaving, " leaving")]
        {
            let addition = Addition::new(&owner("a"), UNIT, state);
            let key = format!("archipelago:{}:ou-ab12-workload1", owner("a").mark());
            assert_eq!(addition.tag(), (key, format!("{UNIT}{word}")));
            assert_eq!(additions(std::slice::from_ref(&addition)).under(&addition.key), Some(&addition));
        }
    }

    #[test]
    fn other_tags_are_no_additions() {
        let tags = [
            owner_tag(&owner("a")),
            ("Name".to_owned(), ACCOUNT.to_owned()),
            ("archipelago:x:y".to_owned(), "a b".to_owned()),
        ];
        assert!(Additions::among(&tags.into()).0.is_empty());
    }

    #[test]
    fn a_principal_is_wanted_until_the_last_stack_has_left() {
        let (a, b) = (by("a", AdditionState::Leaving), by("b", AdditionState::Added));
        assert!(additions(&[a.clone(), b.clone()]).is_wanted(ACCOUNT, &a.key));
        assert!(!additions(std::slice::from_ref(&a)).is_wanted(ACCOUNT, &a.key));
        let both_leave = additions(&[a.clone(), by("b", AdditionState::Leaving)]);
        assert!(!both_leave.is_wanted(ACCOUNT, &a.key), "of two that leave at once neither may rely on the other");
    }

    #[test]
    fn a_principal_that_another_stack_takes_back_is_waited_for_and_the_wait_names_the_tag() {
        let (a, b) = (by("a", AdditionState::Leaving), by("b", AdditionState::Added));
        let both = additions(&[a.clone(), b.clone()]);
        let wait = both.check_nobody_takes_back(&[UNIT, ACCOUNT], &b.key).unwrap_err();
        assert!(matches!(wait, Error::NotYet(_)) && wait.to_string().contains(&a.key), "{wait}");
        assert!(both.check_nobody_takes_back(&[UNIT], &b.key).is_ok());
        assert!(both.check_nobody_takes_back(&[ACCOUNT], &a.key).is_ok(), "its own is no other's");
    }

    #[test]
    fn a_share_is_in_use_until_the_last_stack_leaves_it() {
        let mut before = by("a", AdditionState::Before);
        before.principal = UNIT.to_owned();
        let wait =
            additions(&[before.clone(), by("b", AdditionState::Added)]).check_nobody_stays("arn:share").unwrap_err();
        let Error::NotYet(not_yet) = &wait else { panic!("final: {wait}") };
        assert_eq!(not_yet.within, Some(ADDITIONS_LEFT_WITHIN));
        for named in [UNIT, ACCOUNT, &before.key, "arn:share"] {
            assert!(wait.to_string().contains(named), "{wait}");
        }
        let many: Vec<_> = (0..12).map(|stack| by(&stack.to_string(), AdditionState::Added)).collect();
        let wait = additions(&many).check_nobody_stays("arn:share").unwrap_err().to_string();
        assert_eq!((wait.matches("(tag ").count(), wait.contains(" and 2 more")), (NAMED, true), "{wait}");
        assert!(additions(&[by("a", AdditionState::Leaving)]).check_nobody_stays("arn:share").is_ok());
    }

    #[test]
    fn who_was_there_before_any_stack_added_it_is_noted() {
        assert_eq!(additions(&[]).state_of_another(ACCOUNT), AdditionState::Before);
        assert_eq!(additions(&[by("a", AdditionState::Before)]).state_of_another(ACCOUNT), AdditionState::Before);
        assert_eq!(additions(&[by("a", AdditionState::Added)]).state_of_another(ACCOUNT), AdditionState::Added);
    }

    #[test]
    fn the_share_s_own_template_says_whether_a_principal_would_be_there_anyway() {
        let (added, before) =
            (additions(&[by("a", AdditionState::Added)]), additions(&[by("a", AdditionState::Before)]));
        assert_eq!(added.retagged(&[ACCOUNT], &[]), [by("a", AdditionState::Before).tag()]);
        assert_eq!(before.retagged(&[], &[ACCOUNT]), [by("a", AdditionState::Added).tag()]);
        assert!(before.retagged(&[ACCOUNT], &[]).is_empty());
        assert!(added.retagged(&[], &[ACCOUNT, UNIT]).is_empty());
    }
}
