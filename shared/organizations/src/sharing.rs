//! How a resource comes to an OU or an account that others may use too, and how it leaves.

use std::fmt::Display;

use archipelago::{TagChanges, Tags, Users};
use custom_resource::{Claim, Error, Result};

use crate::{Organizations, not_listed};

/// An OU or an account.
#[derive(Debug, Clone, Copy)]
pub struct Thing<'a> {
    /// Its id.
    pub id: &'a str,
    /// How people know it: `the account 111111111111`.
    pub name: &'a str,
}

/// How a claim leaves a thing.
#[derive(Debug, PartialEq, Eq)]
pub enum Departure {
    /// The thing isn't there, or the claim doesn't use it.
    Nothing,
    /// The claim has left: others use the thing, or none of our resources made it.
    Left,
    /// Nobody else uses the thing, and one of our resources made it: it may go. The claim's tag says that it is leaving, so
    /// that nobody comes meanwhile; where the thing doesn't go, the tag has to.
    Last,
}

impl Organizations {
    /// The users of what may be there; `None` if it isn't.
    ///
    /// # Errors
    /// As for [`Self::tags_of_any`].
    pub async fn users(&self, id: &str) -> Result<Option<Users>> {
        Ok(self.tags_of_any(id).await?.map(Users::among))
    }

    /// The users of what is there.
    ///
    /// # Errors
    /// What AWS said; `NotYet` if it has no tags yet.
    pub async fn users_of(&self, thing: Thing<'_>) -> Result<Users> {
        let users = self.users(thing.id).await?;
        users.ok_or_else(|| not_listed(thing.id))
    }

    /// Refuses a change of `what` while others use the thing. A list that is behind may show one that has left.
    ///
    /// # Errors
    /// Refused while somebody else uses it.
    pub async fn check_alone<Id>(&self, thing: Thing<'_>, what: &str, users: &Users, claim: &Claim<Id>) -> Result<()> {
        if !users.is_used_beside(claim.owner()) {
            return Ok(());
        }
        self.users_of(thing).await?.check_alone(claim.owner(), thing.name, what)
    }

    /// Makes the claim a user of the thing, which has `users`, and gives that the tags that the template wants. Where the claim may
    /// have left it for a template that failed (`anew`), that is written whatever is listed.
    ///
    /// # Errors
    /// Refused where another user says otherwise; `NotYet` while one leaves with whom the thing may go.
    pub async fn join<Id: Display>(
        &self,
        thing: Thing<'_>,
        users: &Users,
        desired: &Tags,
        previous: Option<&Tags>,
        anew: bool,
        claim: &Claim<Id>,
    ) -> Result<()> {
        let owner = claim.owner();
        let is_user = users.includes(owner);
        let mut changes = match users.changes(owner, thing.name, desired, previous) {
            Err(Error::Refused(_)) => self.users_of(thing).await?.changes(owner, thing.name, desired, previous),
            changes => changes,
        }?;
        if anew && is_user && changes.set.iter().all(|(key, _)| *key != Users::key(owner)) {
            changes.set.push(Users::tag(owner, desired));
        }
        let tagging = async || self.change_tags(thing.id, &changes).await;
        claim.writes().change("tags", changes.are_shown, tagging).await?;
        // CloudFormation relies on what it knows: who leaves has seen that user.
        if claim.known().id().is_some_and(|known| known.to_string() == thing.id) {
            return Ok(());
        }
        // Looked for only now that they can see this one: of one that leaves and one that comes, one sees the other.
        let seen = if is_user { users } else { &self.users_of(thing).await? };
        seen.check_nobody_leaves(owner, thing.name)
    }

    /// Takes the claim off what may be there, and says whether that may go now.
    ///
    /// # Errors
    /// What AWS said; `NotYet` while it can't be said who uses it.
    pub async fn leave<Id>(&self, id: &str, claim: &Claim<Id>) -> Result<Departure> {
        let owner = claim.owner();
        let Some(users) = self.used(id, claim).await? else { return Ok(Departure::Nothing) };
        if !users.is_made() && !self.users(id).await?.is_some_and(|users| users.is_made()) {
            self.forget(id, claim).await?;
            return Ok(Departure::Left);
        }
        if users.is_leaving(owner) { self.left_last(id, claim).await } else { self.leave_last(id, claim).await }
    }

    /// Takes the claim off what may be there and stays in any case, also when who comes later leaves.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn leave_behind<Id>(&self, id: &str, claim: &Claim<Id>) -> Result<()> {
        let Some(users) = self.used(id, claim).await? else { return Ok(()) };
        let unset = users.left_behind(claim.owner());
        self.change_tags_of_any(id, &TagChanges { unset, ..TagChanges::default() }).await.map(drop)
    }

    /// The users of what the claim uses; `None` of all else.
    async fn used<Id>(&self, id: &str, claim: &Claim<Id>) -> Result<Option<Users>> {
        let is_user = |users: &Users| users.includes(claim.owner());
        let look = async || Ok(self.users(id).await?.filter(is_user));
        claim.known().look(Option::is_some, look).await
    }

    /// The same as [`Self::leave`] of something that was made, whether or not the claim uses it.
    ///
    /// # Errors
    /// As for [`Self::leave`].
    pub async fn leave_last<Id>(&self, id: &str, claim: &Claim<Id>) -> Result<Departure> {
        let leaving = TagChanges { set: vec![Users::leaving(claim.owner())], ..TagChanges::default() };
        if self.change_tags_of_any(id, &leaving).await? {
            self.left_last(id, claim).await
        } else {
            Ok(Departure::Nothing)
        }
    }

    async fn left_last<Id>(&self, id: &str, claim: &Claim<Id>) -> Result<Departure> {
        let owner = claim.owner();
        // Looked for only now that they can see that this one is leaving.
        match self.twice(id, |users| users.is_used_beside(owner)).await? {
            None => Ok(Departure::Nothing),
            Some(false) => Ok(Departure::Last),
            Some(true) => {
                self.forget(id, claim).await?;
                Ok(Departure::Left)
            }
        }
    }

    /// What is so of a thing's users in two looks; `None` if it isn't there. A list that is behind would have that go which is in
    /// use, or that stay which nobody uses.
    ///
    /// # Errors
    /// What AWS said; `NotYet` if the two differ.
    pub async fn twice(&self, id: &str, is_so: impl Fn(&Users) -> bool) -> Result<Option<bool>> {
        let mut looks = [false; 2];
        for look in &mut looks {
            let Some(users) = self.users(id).await? else { return Ok(None) };
            *look = is_so(&users);
        }
        if looks[0] == looks[1] { Ok(Some(looks[0])) } else { Err(not_listed(id)) }
    }

    /// Takes the claim's tag away.
    ///
    /// # Errors
    /// What AWS said.
    pub async fn forget<Id>(&self, id: &str, claim: &Claim<Id>) -> Result<()> {
        let unset = vec![Users::key(claim.owner())];
        self.change_tags_of_any(id, &TagChanges { unset, ..TagChanges::default() }).await?;
        Ok(())
    }

    /// Makes the claim a user again that couldn't leave, and returns why it couldn't.
    pub async fn stay<Id>(&self, id: &str, desired: Option<&Tags>, claim: &Claim<Id>, why: Error) -> Error {
        let none = Tags::default();
        let set = vec![Users::tag(claim.owner(), desired.unwrap_or(&none))];
        match self.change_tags_of_any(id, &TagChanges { set, ..TagChanges::default() }).await {
            Err(not_yet @ Error::NotYet(_)) => not_yet,
            _ => why,
        }
    }
}
