//! RAM in one account: its shares, what is associated with them, and the organization that it shares in.
//! <https://docs.aws.amazon.com/ram/latest/APIReference/Welcome.html>

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::history::History;
use super::http::Service;

mod share;

use share::Entity;
pub use share::{FAILING, HESITANT, Share};

/// The ARN of the organization that the account is in.
pub const ORGANIZATION: &str = "arn:aws:organizations::999999999999:organization/o-exampleorgid";
/// What may not be shared, such as a subnet of a default VPC, ends so.
pub const REFUSED: &str = "dddddddd";

const UNKNOWN: &str = "UnknownResourceException";

/// Somebody else in the account, who adds to each share as soon as it is made, until they leave.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    /// The principal that is added.
    pub principal: &'static str,
    /// The tag that is set: its key and its value.
    pub tag: (&'static str, &'static str),
}

/// The shares that an account owns.
#[derive(Debug, Default)]
pub struct Ram {
    guest: Option<Guest>,
    has_left: AtomicBool,
    account: Mutex<History<Account>>,
}

#[derive(Clone, Debug, Default)]
struct Account {
    shares: BTreeMap<String, Share>,
    /// What was asked with a client token, and what was answered.
    answers: BTreeMap<String, (Value, Value)>,
    made: u32,
    cut_off: Vec<String>,
}

impl Ram {
    /// An account in which `guest` works too.
    #[must_use]
    pub fn visited_by(guest: Guest) -> Self {
        Self { guest: Some(guest), ..Self::default() }
    }

    /// Makes it an account without a share.
    pub fn begin(&self) {
        self.has_left.store(false, Relaxed);
        *self.account() = History::default();
    }

    /// The guest takes back what they added, and adds to no other share.
    pub fn guest_leaves(&self) {
        self.has_left.store(true, Relaxed);
        if let Some(Guest { tag: (key, _), .. }) = self.guest {
            self.account().write().shares.values_mut().for_each(|share| drop(share.tags.remove(key)));
        }
    }

    /// The shares that were deleted although the guest had added to them.
    pub fn cut_off(&self) -> Vec<String> {
        self.account().now().cut_off.clone()
    }

    /// Adds a share that was always there, with resources and principals, and returns its ARN.
    pub fn have(&self, name: &str, resources: &[&str], principals: &[&str], tags: &[(&str, &str)]) -> String {
        let entities: Vec<_> = of_kind("RESOURCE", resources).chain(of_kind("PRINCIPAL", principals)).collect();
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self.account().origin().add(Share::of_old(name, &entities, tags))
    }

    /// All shares by their ARNs, but for those that are deleted.
    pub fn shares(&self) -> BTreeMap<String, Share> {
        let shares = self.account().now().shares.clone();
        shares.into_iter().filter(|(_, share)| share.status() != "DELETED").collect()
    }

    fn account(&self) -> MutexGuard<'_, History<Account>> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, account: &mut Account, operation: &str, request: &Value) -> Result<Value, &'static str> {
        account.shares.retain(|_, share| !share.is_forgotten());
        match operation {
            "DescribeOrganization" => Ok(json!({ "Organization": { "Arn": ORGANIZATION } })),
            "GetResourceShares" => {
                let listed = account.listed(request)?;
                let shares: Vec<_> = listed.into_iter().map(|(arn, share)| share.described(arn)).collect();
                Ok(json!({ "resourceShares": shares }))
            }
            "GetResourceShareAssociations" => {
                let kind = text(request, "associationType");
                let listed = account.listed(request)?;
                let associations: Vec<_> = listed.into_iter().flat_map(|(_, share)| share.associations(kind)).collect();
                Ok(json!({ "resourceShareAssociations": associations }))
            }
            "CreateResourceShare" => account.once(request, |account| self.create(account, request)),
            "UpdateResourceShare" => {
                let share = account.active(request)?;
                text(request, "name").clone_into(&mut share.name);
                share.is_open = request["allowExternalPrincipals"].as_bool().unwrap_or(share.is_open);
                Ok(json!({}))
            }
            "AssociateResourceShare" => {
                let entities = entities(request)?;
                account.active(request)?.associate(&entities).map(|()| json!({}))
            }
            "DisassociateResourceShare" => {
                let entities = entities(request)?;
                account.active(request)?.disassociate(&entities).map(|()| json!({}))
            }
            "DeleteResourceShare" => {
                let share = account.active(request)?;
                share.delete()?;
                if self.guest.is_some_and(|guest| share.tags.contains_key(guest.tag.0)) {
                    account.cut_off.push(text(request, "resourceShareArn").to_owned());
                }
                Ok(json!({ "returnValue": true }))
            }
            "TagResource" => {
                account.share(request)?.tags.extend(tags(&request["tags"]));
                Ok(json!({}))
            }
            "UntagResource" => {
                let share = account.share(request)?;
                for key in strings(&request["tagKeys"]) {
                    share.tags.remove(key);
                }
                Ok(json!({}))
            }
            other => panic!("RAM can't be asked for {other}"),
        }
    }

    fn create(&self, account: &mut Account, request: &Value) -> Result<Value, &'static str> {
        let entities = entities(request)?;
        let is_open = request["allowExternalPrincipals"].as_bool().unwrap_or(true);
        let mut share = Share::new(text(request, "name"), is_open, tags(&request["tags"]));
        share.associate(&entities)?;
        if let Some(Guest { principal, tag: (key, value) }) = self.guest.filter(|_| !self.has_left.load(Relaxed)) {
            if !share.present().contains_key(principal) {
                share.have(("PRINCIPAL", principal.to_owned()));
            }
            share.tags.insert(key.to_owned(), value.to_owned());
        }
        let arn = account.add(share);
        Ok(json!({ "resourceShare": account.shares[&arn].described(&arn) }))
    }
}

impl Account {
    fn add(&mut self, share: Share) -> String {
        self.made += 1;
        let arn = format!("arn:aws:ram:eu-west-1:111111111111:resource-share/{:08}", self.made);
        self.shares.insert(arn.clone(), share);
        arn
    }

    /// Those that were asked for, by ARN or by tag, or else all.
    fn listed(&self, request: &Value) -> Result<Vec<(&String, &Share)>, &'static str> {
        if let Some(arns) = request["resourceShareArns"].as_array() {
            let find = |arn: &Value| self.shares.get_key_value(arn.as_str().unwrap_or_default()).ok_or(UNKNOWN);
            return arns.iter().map(find).collect();
        }
        let filters = request["tagFilters"].as_array();
        let fits = |share: &Share, filter: &Value| {
            let value = share.tags.get(text(filter, "tagKey"));
            value.is_some_and(|value| strings(&filter["tagValues"]).any(|wanted| wanted == value))
        };
        let is_wanted = |share: &Share| filters.is_none_or(|filters| filters.iter().any(|filter| fits(share, filter)));
        Ok(self.shares.iter().filter(|(_, share)| is_wanted(share)).collect())
    }

    /// One that is there, in whichever status.
    fn share(&mut self, request: &Value) -> Result<&mut Share, &'static str> {
        let share = self.shares.get_mut(text(request, "resourceShareArn"));
        share.filter(|share| share.status() != "DELETED").ok_or(UNKNOWN)
    }

    /// One whose associations can be changed.
    fn active(&mut self, request: &Value) -> Result<&mut Share, &'static str> {
        let share = self.share(request)?;
        if share.status() == "ACTIVE" { Ok(share) } else { Err("InvalidStateTransitionException") }
    }

    /// What is answered once however often it is asked.
    fn once(
        &mut self,
        request: &Value,
        act: impl FnOnce(&mut Self) -> Result<Value, &'static str>,
    ) -> Result<Value, &'static str> {
        let token = text(request, "clientToken").to_owned();
        match self.answers.get(&token) {
            Some((asked, answer)) if asked == request => return Ok(answer.clone()),
            Some(_) => return Err("IdempotentParameterMismatchException"),
            None => {}
        }
        let answer = act(self)?;
        self.answers.insert(token, (request.clone(), answer.clone()));
        Ok(answer)
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn tags(list: &Value) -> BTreeMap<String, String> {
    let pair = |tag: &Value| (text(tag, "key").to_owned(), text(tag, "value").to_owned());
    list.as_array().into_iter().flatten().map(pair).collect()
}

fn of_kind(kind: &'static str, entities: &[&str]) -> impl Iterator<Item = Entity> {
    entities.iter().map(move |entity| (kind, (*entity).to_owned()))
}

/// What a request names, unless it may not be shared.
fn entities(request: &Value) -> Result<Vec<Entity>, &'static str> {
    let listed = |name: &str| strings(&request[name]).collect::<Vec<_>>();
    let (resources, principals) = (listed("resourceArns"), listed("principals"));
    let entities: Vec<_> = of_kind("RESOURCE", &resources).chain(of_kind("PRINCIPAL", &principals)).collect();
    let is_refused = entities.iter().any(|(_, entity)| entity.ends_with(REFUSED));
    if is_refused { Err("InvalidParameterException") } else { Ok(entities) }
}

impl Service for Ram {
    fn answer(&self, operation: &str, request: &Value, stale: bool) -> Result<Value, &'static str> {
        self.account().answer(operation, stale, |account| self.ask(account, operation, request))
    }
}
