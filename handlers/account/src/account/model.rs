//! Thousands of random lives of an account, in which CloudFormation, Lambda, Organizations and STS misbehave.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use archipelago_tests::{
    cloudformation::Live,
    model::{
        Matrix, PlayedAws, Scenario, Thing, Weather, Wish, configuration, late_requests_do_nothing, lives,
        organizations::{Account as PlayedAccount, Contents, Organizations as Played, ROOT},
        plans_come_true,
    },
};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::*;

/// How many lives are told in each run.
const LIVES: u32 = 250;

/// How many pairs of faults are tried in each run.
const PAIRS: usize = 50;

/// The OU that the first lives make.
const WORKLOADS: &str = "ou-ab12-unit00001";

/// How long that OU, which was made a moment ago, is unknown: longer than an account takes to be made.
const UNIT_KNOWN_IN: Duration = Duration::from_secs(3);

/// An organization in which others have accounts, too.
#[derive(Debug)]
struct Landing {
    played: Arc<Played>,
    aws: SdkConfig,
    /// The ids of accounts that others have.
    others: Mutex<BTreeSet<String>>,
}

/// An account that is closed on delete, so that nothing of it is left.
fn wish(name: &str, email: &str, more: &Value, meaning: &'static str) -> Wish {
    let mut properties = json!({ "Name": name, "Email": email, "CloseOnDelete": true });
    for (name, value) in more.as_object().into_iter().flatten() {
        properties[name] = value.clone();
    }
    Wish { properties, meaning }
}

/// The mark of the claim that made an account.
fn maker(account: &PlayedAccount) -> Option<&str> {
    account.tags.get("archipelago:made")?.split(' ').next()
}

/// The key of the tag of a user.
fn user(mark: &str) -> String {
    format!("archipelago:user-{mark}")
}

impl Landing {
    /// The states of all accounts that this claim ever made.
    fn states(&self, mark: &str) -> Vec<&'static str> {
        let (accounts, now) = (self.played.contents().accounts, Instant::now());
        let own = accounts.values().filter(|account| maker(account) == Some(mark) && account.is_there(now));
        own.map(|account| account.state(now)).collect()
    }
}

impl PlayedAws for Landing {
    type Resource = Accounts;
    const TYPE: &'static str = "Custom::Account";
    const STOPS_WHEN_OVERTAKEN: bool = false;

    fn wishes() -> Vec<Wish> {
        let tags = |team: &str| json!([{ "Key": "team", "Value": team }, { "Key": "stage", "Value": "test" }]);
        let placed = json!({ "ParentId": WORKLOADS, "Tags": tags("a") });
        let renamed = json!({ "ParentId": ROOT, "Tags": [{ "Key": "team", "Value": "b" }], "WaitUntilReady": false });
        let adopting = json!({ "AdoptExisting": true });
        let nowhere = json!({ "AdoptExisting": true, "ParentId": "ou-ab12-nothere1" });
        vec![
            wish("app", "app@example.com", &json!({}), "app"),
            wish("app", "App@Example.com", &json!({ "RoleName": "OrganizationAccountAccessRole" }), "app"),
            wish("app", "app@example.com", &json!({ "CloseOnDelete": false }), "left"),
            wish("app", "app@example.com", &placed, "placed"),
            wish("web", "app@example.com", &renamed, "renamed"),
            wish("app", "app@example.com", &adopting, "adopting"),
            wish("data", "data@example.com", &json!({ "Tags": tags("c") }), "data"),
            wish("data", "data@example.com", &json!({ "CloseOnDelete": false, "WaitUntilReady": false }), "data left"),
            wish("legacy", "legacy@example.com", &adopting, "adopted"),
            wish("legacy", "legacy@example.com", &json!({}), "not adopted"),
            wish("legacy", "legacy@example.com", &nowhere, "adopted without a parent"),
            wish("old", "old@example.com", &adopting, "closed long ago"),
            wish("elsewhere", "elsewhere@example.com", &adopting, "in another organization"),
            wish("unlucky", "unlucky@example.com", &json!({}), "made at the second try"),
            wish("cursed", "cursed@example.com", &json!({}), "never made"),
            wish("app", "app@example.com", &nowhere, "without a parent"),
            wish("app", "app@example.com", &json!({ "Nmae": "app" }), "misspelt"),
        ]
    }

    fn new(weather: Arc<Weather>) -> Self {
        let played = Arc::new(Played::default());
        let aws = configuration(played.clone(), weather);
        Self { played, aws, others: Mutex::default() }
    }

    fn begin(&self) {
        let mut contents = Contents::organization();
        assert_eq!(contents.make_unit(ROOT, "Workloads", &[]), WORKLOADS);
        contents.know_unit(WORKLOADS, Instant::now() + UNIT_KNOWN_IN);
        contents.make_account(WORKLOADS, "legacy", "Legacy@example.com", &[("team", "others")]);
        let others = "0123456789 other/Thing";
        let marks = [("archipelago:made", others), ("archipelago:user-0123456789", others)];
        contents.make_account(WORKLOADS, "app", "other@example.com", &marks);
        let old = contents.make_account(ROOT, "old", "old@example.com", &[]);
        contents.close_account(&old, Instant::now());
        contents.fail_accounts("elsewhere@example.com", usize::MAX, "EMAIL_ALREADY_EXISTS");
        contents.fail_accounts("unlucky@example.com", 1, "INTERNAL_FAILURE");
        contents.fail_accounts("cursed@example.com", usize::MAX, "CONCURRENT_ACCOUNT_MODIFICATION");
        *self.others.lock().unwrap() = contents.accounts.keys().cloned().collect();
        self.played.begin(contents);
    }

    fn process(&self) -> Accounts {
        Accounts::new(&self.aws)
    }

    fn foreign(&self, marks: &[String]) -> String {
        let Contents { units, accounts, .. } = self.played.contents();
        let others = self.others.lock().unwrap();
        let foreign = accounts.into_iter().filter(|(id, _)| others.contains(id)).map(|(id, mut account)| {
            account.tags.retain(|key, _| !marks.iter().any(|mark| *key == user(mark)));
            (id, account)
        });
        format!("{units:#?} {:#?}", foreign.collect::<Vec<_>>())
    }

    /// Accounts that are there for a claim, not those that it left on purpose, and not those that it closed.
    fn ours(&self, marks: &[String]) -> Vec<Thing> {
        let (accounts, now) = (self.played.contents().accounts, Instant::now());
        let active = accounts.iter().filter(|(_, account)| account.is_there(now) && account.state(now) == "ACTIVE");
        let things = active.flat_map(|(id, account)| marks.iter().map(move |mark| (id, account, mark)));
        let is_of = |account: &PlayedAccount, mark: &String| {
            account.tags.contains_key(&user(mark)) || maker(account) == Some(mark)
        };
        let things = things.filter(|(_, account, mark)| is_of(account, mark));
        things.map(|(id, _, mark)| Thing { mark: mark.clone(), id: id.clone() }).collect()
    }

    fn check(&self, live: &Live, mark: &str) -> Result<(), String> {
        let Live { physical_resource_id: id, properties, data } = live;
        let (mut accounts, now) = (self.played.contents().accounts, Instant::now());
        let account = accounts.remove(id).filter(|account| account.is_there(now)).ok_or("there is no such account")?;
        let made = self.states(mark);
        let property = |name: &str| properties.get(name).and_then(Value::as_str);
        let is_own = maker(&account) == Some(mark);
        let tags = properties.get("Tags").and_then(Value::as_array).into_iter().flatten();
        let tags: Vec<_> = tags.filter_map(|tag| Some((tag["Key"].as_str()?, tag["Value"].as_str()?))).collect();
        let has = |key: &str, value: &str| account.tags.get(key).is_some_and(|has| has == value);
        let parent = property("ParentId").or(is_own.then_some(ROOT));
        for (holds, difference) in [
            (made.len() <= 1, format!("it made {} accounts", made.len())),
            (account.state(now) == "ACTIVE", format!("the account is {}", account.state(now))),
            (property("Name") == Some(account.name.as_str()), format!("its name is {}", account.name)),
            (
                property("Email").is_some_and(|email| account.email.eq_ignore_ascii_case(email)),
                "its address is another".into(),
            ),
            (parent.is_none_or(|parent| parent == account.parent), format!("it is in {}", account.parent)),
            (tags.iter().all(|(key, value)| has(key, value)), format!("its tags are {:?}", account.tags)),
            (account.tags.contains_key(&user(mark)), format!("its tags are {:?}", account.tags)),
            (!is_own || account.tags.len() == tags.len() + 2, format!("its tags are {:?}", account.tags)),
            (property("WaitUntilReady") == Some("false") || account.is_ready(now), "it isn't ready".into()),
            (data["AccountId"] == **id && data["State"] == "ACTIVE", "its attributes are others".into()),
            (data["Name"] == account.name && data["Email"] == account.email, "its attributes are others".into()),
        ] {
            if !holds {
                return Err(difference);
            }
        }
        Ok(())
    }

    /// What was left on purpose carries no maker any more, and is closed by nobody.
    fn check_deleted(&self, last: &Map<String, Value>, mark: &str) -> Result<(), String> {
        let made = self.states(mark);
        if made.len() > 1 {
            return Err(format!("there are {} accounts of one claim", made.len()));
        }
        if last.get("CloseOnDelete").and_then(Value::as_str) != Some("true") && !made.is_empty() {
            return Err(format!("the account to be left would be closed with who adopts it: {made:?}"));
        }
        let (accounts, others, now) = (self.played.contents().accounts, self.others.lock().unwrap(), Instant::now());
        let left = accounts.iter().filter(|(id, account)| !others.contains(*id) && maker(account).is_none());
        let states: Vec<_> = left.filter(|(_, account)| account.is_there(now)).map(|(_, it)| it.state(now)).collect();
        let is_left = states.iter().all(|state| *state == "ACTIVE");
        if is_left { Ok(()) } else { Err(format!("the accounts to be left are {states:?}")) }
    }
}

#[test]
fn accounts_live_are_made_once_and_are_closed_or_left_as_the_template_says() {
    lives::<Landing>(LIVES);
}

#[test]
fn a_request_that_comes_after_a_later_one_does_nothing() {
    late_requests_do_nothing::<Landing>("app", "renamed", false);
}

#[test]
fn whatever_goes_wrong_with_a_call_an_account_is_there_once_or_taken_back() {
    let mut matrix = Matrix::new(Landing::TYPE);
    let scenarios = [
        Scenario::of("Create", &["placed"]),
        Scenario::of("Create that adopts", &["adopted"]),
        Scenario::of("Create at the second try", &["made at the second try"]),
        Scenario::of("Update", &["placed", "renamed"]),
        Scenario::of("Update back into the root", &["placed", "app"]),
        Scenario::deleted("Delete that closes", &["app"]),
    ];
    matrix.try_all::<Landing>(&scenarios, PAIRS);
    matrix.check();
}

#[test]
fn a_plan_shows_the_first_change_and_changes_nothing() {
    let plans = plans_come_true::<Landing>(&["app", "placed", "left", "adopted"]);
    let first = |name: &str| plans[name]["FirstChange"]["Operation"].clone();
    assert_eq!(first("Create placed"), "CreateAccount");
    assert_eq!(plans["Create placed"]["FirstChange"]["Parameters"]["AccountName"], "app");
    assert_eq!(first("Create adopted"), "TagResource");
    assert_eq!(first("Update adopted to adopted without a parent"), "MoveAccount");
    assert_eq!(first("Delete left"), "UntagResource");
    assert_eq!(plans["Update left to app"], json!({ "Changes": "none" }));
    let refused = plans["Create not adopted"]["Refused"].as_str().unwrap();
    assert!(refused.contains("set `AdoptExisting` to true"), "{refused}");
}
