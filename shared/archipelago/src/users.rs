//! Who uses a thing that several resources may want, and who made it: tags of the thing itself say both.
//!
//! A resource that makes or adopts a thing gives it a tag of its own, `archipelago:user-<mark>`, before it relies on the
//! thing; what is made carries `archipelago:made` from its first moment. A thing goes with its last user, if it was made.
//!
//! No order of events takes away what is in use. Who leaves says so in its tag first, and looks for others then; who comes
//! writes its tag first, and looks for somebody who leaves then. So at least one of the two sees the other.

use std::{collections::BTreeMap, time::Duration};

use custom_resource::{Error, Owner, Result, digest_of};

use crate::{TagChanges, Tags};

/// Keys that start like this carry a user's mark.
const USER: &str = "archipelago:user-";

/// The key of the tag of a thing that one of our resources made. Its value says which.
const MADE: &str = "archipelago:made";

/// The last word of the tag of a user that is leaving.
const LEAVING: &str = "leaving";

/// So many tags a thing has at most, AWS's own not counted.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html>
const MOST_TAGS: usize = 50;

/// So many characters the value of a tag has at most.
const LONGEST_VALUE: usize = 256;

/// How long a resource may take to leave.
pub const USERS_LEFT_WITHIN: Duration = Duration::from_mins(6);

/// A resource that uses a thing, as its tag says.
#[derive(Debug, PartialEq, Eq)]
struct User<'a> {
    key: &'a str,
    /// `stack-name/LogicalId`, for people.
    name: &'a str,
    /// The short digests of the tags' keys that it wants, one after the other.
    claims: &'a str,
    is_leaving: bool,
}

impl<'a> User<'a> {
    /// `None` for any other tag.
    fn read(key: &'a str, value: &'a str) -> Option<Self> {
        key.strip_prefix(USER)?;
        let mut words = value.split(' ').skip(1);
        let name = words.next().unwrap_or_default();
        let (mut claims, mut is_leaving) = ("", false);
        for word in words {
            if word == LEAVING { is_leaving = true } else { claims = word }
        }
        Some(Self { key, name, claims, is_leaving })
    }

    fn claims(&self, key: &str) -> bool {
        let digest = digest(key);
        !self.is_leaving && self.claims.as_bytes().chunks(digest.len()).any(|claimed| claimed == digest.as_bytes())
    }

    /// What a person can do about a user that isn't there any more, as one that was retained.
    fn way_out(&self, thing: &str) -> String {
        format!("{} is gone, remove its tag {} from {thing}", self.name, self.key)
    }
}

/// Four hexadecimal digits of a tag's key. Two keys that share them are taken for one: such a key is left where it is.
fn digest(key: &str) -> String {
    digest_of([key]).chars().take(4).collect()
}

fn key_of(owner: &Owner) -> String {
    format!("{USER}{}", owner.mark())
}

/// The tag of a user that wants `tags` on the thing: the mark, the names for people as far as they fit, and the digests of the
/// tags' keys.
fn user_tag(owner: &Owner, tags: &Tags, is_leaving: bool) -> (String, String) {
    let claims: String = tags.pairs().map(|(key, _)| digest(key)).collect();
    let words = [claims.as_str(), if is_leaving { LEAVING } else { "" }];
    let end: String = words.into_iter().filter(|word| !word.is_empty()).flat_map(|word| [" ", word]).collect();
    let start: String = owner.signature().chars().take(LONGEST_VALUE.saturating_sub(end.len())).collect();
    (key_of(owner), start + &end)
}

/// The users of one thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users {
    tags: BTreeMap<String, String>,
}

impl Users {
    /// The users that a thing's tags name.
    #[must_use]
    pub fn among(tags: BTreeMap<String, String>) -> Self {
        Self { tags }
    }

    /// The tags of a `thing` that `owner` makes for itself.
    ///
    /// # Errors
    /// Refused where these are more than AWS takes.
    pub fn of_made(owner: &Owner, thing: &str, tags: &Tags) -> Result<Vec<(String, String)>> {
        let mut all = tags.with(Self::made(owner));
        all.push(user_tag(owner, tags, false));
        if all.len() > MOST_TAGS { Err(too_many(thing, all.len())) } else { Ok(all) }
    }

    /// The tag of a thing that `owner` makes, and doesn't use itself.
    #[must_use]
    pub fn made(owner: &Owner) -> (String, String) {
        (MADE.to_owned(), owner.signature())
    }

    /// The tag of an `owner` that wants `desired` on the thing.
    #[must_use]
    pub fn tag(owner: &Owner, desired: &Tags) -> (String, String) {
        user_tag(owner, desired, false)
    }

    /// The tag of an `owner` that is about to leave.
    #[must_use]
    pub fn leaving(owner: &Owner) -> (String, String) {
        user_tag(owner, &Tags::default(), true)
    }

    /// The key of `owner`'s tag.
    #[must_use]
    pub fn key(owner: &Owner) -> String {
        key_of(owner)
    }

    /// The value of the thing's tag of that key.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&String> {
        self.tags.get(key)
    }

    /// Whether one of our resources made the thing.
    #[must_use]
    pub fn is_made(&self) -> bool {
        self.tags.contains_key(MADE)
    }

    /// The keys of the tags that `owner` takes with it when it leaves a thing for good that stays in any case: its own, and
    /// with the last user the maker's. Nobody who comes later is to have that go which was left on purpose.
    #[must_use]
    pub fn left_behind(&self, owner: &Owner) -> Vec<String> {
        let maker = (self.is_made() && !self.is_used_beside(owner)).then(|| MADE.to_owned());
        [key_of(owner)].into_iter().chain(maker).collect()
    }

    /// Whether `owner` made the thing.
    #[must_use]
    pub fn is_made_by(&self, owner: &Owner) -> bool {
        self.tags.get(MADE).is_some_and(|maker| owner.signed(maker))
    }

    /// Whether `owner` is a user, be it one that is leaving.
    #[must_use]
    pub fn includes(&self, owner: &Owner) -> bool {
        self.tags.contains_key(&key_of(owner))
    }

    /// Whether `owner` is a user that is leaving.
    #[must_use]
    pub fn is_leaving(&self, owner: &Owner) -> bool {
        self.tags.get(&key_of(owner)).is_some_and(|value| *value == Self::leaving(owner).1)
    }

    /// Whether somebody uses the thing who isn't leaving.
    #[must_use]
    pub fn is_used(&self) -> bool {
        self.all().any(|user| !user.is_leaving)
    }

    /// Whether somebody beside `owner` uses the thing who isn't leaving.
    #[must_use]
    pub fn is_used_beside(&self, owner: &Owner) -> bool {
        self.other(owner).is_some()
    }

    /// Whether a user beside `owner` wants a tag of that key.
    #[must_use]
    pub fn is_claimed_beside(&self, owner: &Owner, key: &str) -> bool {
        self.others(owner).any(|user| user.claims(key))
    }

    /// That a thing has one user when it is changed: what another one's template says of it has to stay true.
    ///
    /// # Errors
    /// Refused with the name of another user; `thing` is how people know the thing, `what` is to change.
    pub fn check_alone(&self, owner: &Owner, thing: &str, what: &str) -> Result<()> {
        self.other(owner).map_or(Ok(()), |user| Err(shared(owner, &user, thing, what)))
    }

    /// That nobody is leaving who looked for others before `owner` came.
    ///
    /// # Errors
    /// `NotYet` while somebody leaves.
    pub fn check_nobody_leaves(&self, owner: &Owner, thing: &str) -> Result<()> {
        match self.others(owner).find(|user| user.is_leaving) {
            None => Ok(()),
            Some(user) => Err(Error::not_yet_within(
                USERS_LEFT_WITHIN,
                format!("{} is leaving {thing}, which may go with it; if {}", user.name, user.way_out(thing)),
            )),
        }
    }

    /// What makes the thing's tags those that the template of `owner` wants, if it said `previous` before, and `owner` its
    /// user. A key that another user wants as well keeps its value.
    ///
    /// # Errors
    /// Refused where another user wants another value, and where AWS takes no more tags.
    pub fn changes(&self, owner: &Owner, thing: &str, desired: &Tags, previous: Option<&Tags>) -> Result<TagChanges> {
        self.check_tags(owner, thing, desired)?;
        let is_kept = |key: &str| desired.get(key).is_none() && self.is_claimed_beside(owner, key);
        let previous = previous.map(|previous| previous.without(is_kept));
        let mut changes = desired.changes(&self.tags, previous.as_ref());
        let own = self.own_tag(owner, desired);
        changes.are_shown &= own.is_none();
        changes.set.extend(own);
        self.check_room(thing, &changes)?;
        Ok(changes)
    }

    /// That no tag of `desired` has another value than another user gave it.
    ///
    /// # Errors
    /// Refused with the name of that user.
    pub fn check_tags(&self, owner: &Owner, thing: &str, desired: &Tags) -> Result<()> {
        let differs = |(key, value): &(&String, &String)| self.tags.get(*key).is_some_and(|there| there != *value);
        let mut taken = desired.pairs().filter(differs).filter_map(|(key, _)| {
            let user = self.others(owner).find(|user| user.claims(key))?;
            Some(shared(owner, &user, thing, &format!("tag {key}")))
        });
        taken.next().map_or(Ok(()), Err)
    }

    /// `owner`'s tag, if it isn't there as it has to be for one that wants `desired` on the thing.
    #[must_use]
    pub fn own_tag(&self, owner: &Owner, desired: &Tags) -> Option<(String, String)> {
        Some(user_tag(owner, desired, false)).filter(|(key, value)| self.tags.get(key) != Some(value))
    }

    /// That AWS takes all the tags.
    ///
    /// # Errors
    /// Refused where it doesn't.
    pub fn check_room(&self, thing: &str, changes: &TagChanges) -> Result<()> {
        let stays = self.tags.keys().filter(|key| !key.starts_with("aws:") && !changes.unset.contains(key));
        let new = changes.set.iter().filter(|(key, _)| !self.tags.contains_key(key)).count();
        let count = stays.count() + new;
        if new > 0 && count > MOST_TAGS { Err(too_many(thing, count)) } else { Ok(()) }
    }

    fn all(&self) -> impl Iterator<Item = User<'_>> {
        self.tags.iter().filter_map(|(key, value)| User::read(key, value))
    }

    fn others(&self, owner: &Owner) -> impl Iterator<Item = User<'_>> {
        let own = key_of(owner);
        self.all().filter(move |user| user.key != own)
    }

    fn other(&self, owner: &Owner) -> Option<User<'_>> {
        self.others(owner).find(|user| !user.is_leaving)
    }
}

/// A user of the same name is the same resource of a stack that had the name before, as one that was retained.
fn shared(owner: &Owner, user: &User<'_>, thing: &str, what: &str) -> Error {
    let (name, way_out) = (user.name, user.way_out(thing));
    if owner.name() == name {
        return Error::refused(format!(
            "{thing} is used by {name} of an earlier stack as well, so its {what} can't change; if you deleted that stack, remove \
             its tag {} from {thing}",
            user.key
        ));
    }
    Error::refused(format!(
        "{thing} is used by {name} as well, so its {what} can't change; rename the logical id first, and change it in the next \
         update, or take {name} out first; if {way_out}"
    ))
}

fn too_many(thing: &str, count: usize) -> Error {
    Error::refused(format!(
        "{thing} would have {count} tags, and AWS takes {MOST_TAGS}; each resource that uses it needs one: leave tags out, or \
         refer to one resource from the others"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const THING: &str = "the OU Apps (ou-ab12-workload1)";

    fn owner(logical_id: &str) -> Owner {
        Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a", logical_id)
    }

    fn tags_of(pairs: &[(&str, &str)]) -> Tags {
        let tags: Vec<_> = pairs.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        serde_json::from_value(json!(tags)).unwrap()
    }

    fn map(pairs: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, String> {
        pairs.into_iter().collect()
    }

    fn made_by(logical_id: &str, tags: &Tags) -> BTreeMap<String, String> {
        map(Users::of_made(&owner(logical_id), THING, tags).unwrap())
    }

    /// The users of a thing that Old made with these tags and that New uses too, with the same tags.
    fn two(tags: &Tags) -> Users {
        Users::among(made_by("Old", tags).into_iter().chain([user_tag(&owner("New"), tags, false)]).collect())
    }

    fn refusal<T>(ended: Result<T>) -> String {
        match ended {
            Err(Error::Refused(reason)) => reason.to_string(),
            Err(other) => panic!("not refused: {other}"),
            Ok(_) => panic!("not refused"),
        }
    }

    #[test]
    fn the_tags_of_a_user_and_of_a_maker_never_change_between_versions() {
        let tags = tags_of(&[("Name", "a"), ("team", "b")]);
        let mark = "22a7aa3d94 landing/Workloads";
        let made = Users::of_made(&owner("Workloads"), THING, &tags).unwrap();
        assert_eq!(made[2], ("archipelago:made".to_owned(), mark.to_owned()));
        assert_eq!(made[3], ("archipelago:user-22a7aa3d94".to_owned(), format!("{mark} dcd1ca8b")));
        assert_eq!(Users::leaving(&owner("Workloads")).1, format!("{mark} leaving"));
        assert_eq!(user_tag(&owner("Workloads"), &Tags::default(), false).1, mark);
    }

    #[test]
    fn a_thing_that_was_made_goes_with_its_last_user_whatever_the_order() {
        let users = two(&Tags::default());
        assert!(users.is_made() && users.is_made_by(&owner("Old")) && !users.is_made_by(&owner("New")));
        for name in ["Old", "New"] {
            assert!(users.includes(&owner(name)) && users.is_used_beside(&owner(name)), "{name}");
            let mut left = users.tags.clone();
            left.remove(&Users::key(&owner(if name == "Old" { "New" } else { "Old" })));
            let left = Users::among(left);
            assert!(left.includes(&owner(name)) && !left.is_used_beside(&owner(name)) && left.is_made(), "{name}");
        }
    }

    #[test]
    fn what_nobody_of_ours_made_is_nobody_s_to_delete() {
        let adopted = Users::among(map([user_tag(&owner("New"), &Tags::default(), false)]));
        assert!(adopted.includes(&owner("New")) && !adopted.is_made());
        assert!(!Users::among(map([("archipelago:username".to_owned(), String::new())])).is_used());
    }

    #[test]
    fn who_is_leaving_is_no_user_and_who_comes_waits_for_that() {
        let leaving =
            Users::among(made_by("Old", &Tags::default()).into_iter().chain([Users::leaving(&owner("Old"))]).collect());
        assert!(leaving.is_leaving(&owner("Old")) && !two(&Tags::default()).is_leaving(&owner("Old")));
        assert!(leaving.includes(&owner("Old")) && !leaving.is_used() && !leaving.is_used_beside(&owner("New")));
        leaving.check_nobody_leaves(&owner("Old"), THING).unwrap();
        let Err(Error::NotYet(waits)) = leaving.check_nobody_leaves(&owner("New"), THING) else {
            panic!("not waited for")
        };
        assert_eq!(waits.within, Some(USERS_LEFT_WITHIN));
        let key = Users::key(&owner("Old"));
        assert_eq!(
            waits.waiting_for,
            format!(
                "landing/Old is leaving {THING}, which may go with it; if landing/Old is gone, remove its tag {key} from {THING}"
            )
        );
        two(&Tags::default()).check_nobody_leaves(&owner("New"), THING).unwrap();
    }

    #[test]
    fn of_two_users_none_changes_what_the_other_says_and_the_one_that_remains_may() {
        let reason = refusal(two(&Tags::default()).check_alone(&owner("New"), THING, "name"));
        for words in [
            "is used by landing/Old as well",
            "its name can't change",
            "rename the logical id first",
            "archipelago:user-",
        ] {
            assert!(reason.contains(words), "{reason}");
        }
        let alone = Users::among(made_by("Old", &Tags::default()));
        alone.check_alone(&owner("Old"), THING, "name").unwrap();
    }

    #[test]
    fn a_key_that_another_user_wants_keeps_its_value_and_stays_when_one_drops_it() {
        let (tags, other) = (tags_of(&[("Name", "a"), ("team", "b")]), tags_of(&[("Name", "c")]));
        let users = two(&tags);
        let reason = refusal(users.changes(&owner("New"), THING, &other, Some(&tags)));
        assert!(reason.contains("its tag Name can't change") && !reason.contains(" c "), "{reason}");
        let same = users.changes(&owner("New"), THING, &tags, Some(&tags)).unwrap();
        assert_eq!(same, TagChanges { are_shown: true, ..TagChanges::default() });
        let dropped = users.changes(&owner("New"), THING, &Tags::default(), Some(&tags)).unwrap();
        let own = user_tag(&owner("New"), &Tags::default(), false);
        assert_eq!((dropped.set, dropped.unset), (vec![own], vec![]));
        // Once the other is gone, or is leaving, the key is this one's alone.
        let left = Users::leaving(&owner("Old"));
        let alone = Users::among(users.tags.into_iter().chain([left]).collect());
        assert_eq!(alone.changes(&owner("New"), THING, &Tags::default(), Some(&tags)).unwrap().unset, ["Name", "team"]);
        alone.changes(&owner("New"), THING, &other, Some(&tags)).unwrap();
    }

    #[test]
    fn a_user_whose_tag_says_something_else_writes_it_again() {
        let tags = tags_of(&[("Name", "a")]);
        let leaving = Users::among(made_by("Old", &tags).into_iter().chain([Users::leaving(&owner("Old"))]).collect());
        let changes = leaving.changes(&owner("Old"), THING, &tags, Some(&tags)).unwrap();
        assert_eq!(changes.set, [user_tag(&owner("Old"), &tags, false)]);
        assert!(!changes.are_shown);
    }

    #[test]
    fn a_value_keeps_to_256_characters_and_the_digests_are_in_it() {
        let keys: Vec<_> = (0..48).map(|number| format!("key-{number}")).collect();
        let tags = tags_of(&keys.iter().map(|key| (key.as_str(), "")).collect::<Vec<_>>());
        let (key, value) = user_tag(&owner(&"L".repeat(255)), &tags, false);
        assert_eq!(value.len(), LONGEST_VALUE);
        let user = User::read(&key, &value).unwrap();
        assert!(
            user.name.starts_with("landing/LLL") && keys.iter().all(|key| user.claims(key)) && !user.claims("other")
        );
    }

    #[test]
    fn a_thing_with_as_many_tags_as_aws_takes_gets_no_other_user() {
        let many: Vec<_> = (0..49).map(|number| format!("key-{number}")).collect();
        let tags = tags_of(&many.iter().map(|key| (key.as_str(), "")).collect::<Vec<_>>());
        assert!(refusal(Users::of_made(&owner("Old"), THING, &tags)).contains("would have 51 tags, and AWS takes 50"));
        let full = map((0..50).map(|number| (format!("theirs-{number}"), String::new())));
        let full = full.into_iter().chain([("aws:cloudformation:stack-name".to_owned(), String::new())]);
        let full = Users::among(full.collect());
        let reason = refusal(full.changes(&owner("New"), THING, &Tags::default(), None));
        assert!(reason.starts_with(&format!("{THING} would have 51 tags, and AWS takes 50")), "{reason}");
        // One that is in already may stay.
        let own = user_tag(&owner("New"), &Tags::default(), false);
        let inside = Users::among(full.tags.into_iter().chain([own]).collect());
        inside.changes(&owner("New"), THING, &Tags::default(), None).unwrap();
    }
}
