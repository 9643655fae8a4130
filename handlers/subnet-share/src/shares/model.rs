//! Hundreds of random lives of a share, in which CloudFormation, Lambda and RAM misbehave.

use archipelago::OWNER_TAG;
use std::{collections::BTreeMap, sync::Arc};

use archipelago_tests::{
    cloudformation::Live,
    model::{
        Matrix, PlayedAws, Scenario, Thing, Weather, Wish, configuration, late_requests_do_nothing, lives,
        plans_come_true,
        ram::{FAILING, Guest, HESITANT, ORGANIZATION, REFUSED, Ram, Share},
    },
};
use resource_shares::{Addition, AdditionState};
use serde_json::{Map, Value, json};

use super::*;

/// How many lives are told in each run.
const LIVES: u32 = 100;

/// How many pairs of faults are tried in each run.
const PAIRS: usize = 40;

/// A principal that another stack adds to each share of a visited network, and the tag that it leaves there.
const GUEST: &str = "555555555555";
const ADDITION: &str = "archipelago:0123456789:555555555555";

/// An account with shares of others. In one that is `VISITED` somebody adds to ours, too.
#[derive(Debug)]
struct Network<const VISITED: bool> {
    played: Arc<Ram>,
    shares: ResourceShares,
}

fn wish(properties: Value, meaning: &'static str) -> Wish {
    Wish { properties, meaning }
}

/// The mark that a share's tags carry.
fn mark_of(share: &Share) -> Option<&str> {
    share.tags.get(OWNER_TAG)?.split(' ').next()
}

/// What RAM lists for what a template names.
fn entity(name: &str) -> String {
    let account = name.strip_prefix("arn:aws:iam::").and_then(|rest| rest.strip_suffix(":root"));
    match name.split('-').next() {
        Some("subnet") => format!("arn:aws:ec2:eu-west-1:111111111111:subnet/{name}"),
        Some("ou") => format!("{}/{name}", ORGANIZATION.replace(":organization/", ":ou/")),
        Some("Organization") => ORGANIZATION.to_owned(),
        _ => account.unwrap_or(name).to_owned(),
    }
}

fn entities(names: &Value) -> impl Iterator<Item = String> {
    names.as_array().into_iter().flatten().filter_map(Value::as_str).map(entity)
}

/// The tags that a share has to have beside the owner's.
fn tags(properties: &Map<String, Value>) -> BTreeMap<String, String> {
    let text = |tag: &Value, name: &str| tag[name].as_str().unwrap_or_default().to_owned();
    let wanted = properties.get("Tags").and_then(Value::as_array).into_iter().flatten();
    wanted.map(|tag| (text(tag, "Key"), text(tag, "Value"))).collect()
}

/// The tag of the guest's addition to a share that names the guest itself, or doesn't.
fn addition(names_guest: bool) -> (String, String) {
    let state = if names_guest { AdditionState::Before } else { AdditionState::Added };
    Addition { key: ADDITION.to_owned(), principal: GUEST.to_owned(), state }.tag()
}

impl<const VISITED: bool> PlayedAws for Network<VISITED> {
    type Resource = SubnetShares;
    const TYPE: &'static str = "Custom::SubnetShare";
    const STOPS_WHEN_OVERTAKEN: bool = false;

    fn wishes() -> Vec<Wish> {
        let a = "subnet-aaaaaaaa";
        let (hesitant, failing) = (format!("subnet-{HESITANT}"), format!("subnet-{FAILING}"));
        let refused = format!("subnet-{REFUSED}");
        let share = |subnets: &[&str], principals: &[&str]| json!({ "Name": "app", "SubnetIds": subnets, "Principals": principals, "Tags": [] });
        let tagged = |name: &str, subnets: &[&str], principals: &[&str], value: &str| {
            let tags = json!([{ "Key": "stage", "Value": value }]);
            json!({ "Name": name, "SubnetIds": subnets, "Principals": principals, "Tags": tags })
        };
        let unit = "ou-ab12-workload1";
        vec![
            wish(share(&[a], &["222222222222"]), "one"),
            wish(share(&[&entity(a)], &["arn:aws:iam::222222222222:root"]), "one"),
            wish(tagged("app", &[a, "subnet-bbbbbbbb"], &["222222222222", unit], "a"), "two"),
            wish(
                tagged("app", &[a, "subnet-bbbbbbbb"], &["222222222222", "333333333333"], "a"),
                "two, with accounts alone",
            ),
            wish(tagged("renamed", &["subnet-bbbbbbbb"], &["Organization"], "b"), "renamed"),
            wish(json!({ "Name": "app", "SubnetIds": [a] }), "with nobody"),
            wish(share(&[a], &[GUEST, unit]), "with the guest"),
            wish(share(&[a, &hesitant], &["333333333333"]), "at the second try"),
            wish(share(&[a, &failing], &["333333333333"]), "failing"),
            wish(tagged("refused", &[a, &refused], &["444444444444"], "c"), "refused by AWS"),
            wish(share(&[a], &["o-otherorgid1"]), "with an organization that is another"),
            wish(json!({ "Name": "app", "SubnetIds": [] }), "without a subnet"),
        ]
    }

    fn new(weather: Arc<Weather>) -> Self {
        let guest = Guest { principal: GUEST, tag: (ADDITION, GUEST) };
        let played = Arc::new(if VISITED { Ram::visited_by(guest) } else { Ram::default() });
        let shares = ResourceShares::new(&configuration(played.clone(), weather));
        Self { played, shares }
    }

    fn begin(&self) {
        self.played.begin();
        let (a, mark) = (entity("subnet-aaaaaaaa"), (OWNER_TAG, "0123456789 other/Share"));
        self.played.have("app", &[&a], &["222222222222"], &[("team", "others")]);
        self.played.have("app", &[&a], &[GUEST], &[mark]);
    }

    fn process(&self) -> SubnetShares {
        SubnetShares { shares: self.shares.clone() }
    }

    fn foreign(&self, marks: &[String]) -> String {
        let is_foreign = |share: &Share| mark_of(share).is_none_or(|mark| !marks.iter().any(|ours| ours == mark));
        let shares = self.played.shares();
        let foreign = shares.iter().filter(|(_, share)| is_foreign(share));
        let described = foreign.map(|(arn, share)| {
            format!("{arn} {} {} {:?} {:?}", share.name, share.status(), share.tags, share.present())
        });
        described.collect::<Vec<_>>().join("\n")
    }

    fn ours(&self, marks: &[String]) -> Vec<Thing> {
        let shares = self.played.shares();
        let things = shares.iter().filter_map(|(arn, share)| {
            let mark = mark_of(share)?.to_owned();
            Some(Thing { mark, id: arn.clone() })
        });
        things.filter(|thing| marks.contains(&thing.mark)).collect()
    }

    fn check(&self, live: &Live, mark: &str) -> Result<(), String> {
        let Live { physical_resource_id: arn, properties, data } = live;
        let shares = self.played.shares();
        let share = shares.get(arn).ok_or("there is no such share")?;
        let none = Value::Null;
        let [subnets, principals] = ["SubnetIds", "Principals"].map(|name| properties.get(name).unwrap_or(&none));
        let [subnets, principals] = [subnets, principals].map(|names| entities(names).collect::<BTreeSet<_>>());
        let mut tags = tags(properties);
        tags.extend(VISITED.then(|| addition(principals.contains(GUEST))));
        tags.extend(share.tags.get_key_value(OWNER_TAG).map(|(key, value)| (key.clone(), value.clone())));
        let wanted = subnets.iter().chain(&principals).map(String::as_str).chain(VISITED.then_some(GUEST));
        let wanted: BTreeMap<_, _> = wanted.map(|entity| (entity, "ASSOCIATED")).collect();
        let read = json!({ "Arn": arn, "SubnetArns": subnets.iter().cloned().collect::<Vec<_>>().join(",") });
        if mark_of(share) != Some(mark) || share.tags != tags {
            Err(format!("its tags are {:?}", share.tags))
        } else if Some(share.name.as_str()) != properties["Name"].as_str() || share.status() != "ACTIVE" {
            Err(format!("the share {} is {}", share.name, share.status()))
        } else if share.present() != wanted {
            Err(format!("it has {:?}", share.present()))
        } else if read != Value::Object(data.clone()) {
            Err(format!("its attributes are {data:?}"))
        } else {
            Ok(())
        }
    }

    fn others_leave(&self) {
        self.played.guest_leaves();
    }

    fn check_end(&self) -> Result<(), String> {
        let cut_off = self.played.cut_off();
        if cut_off.is_empty() { Ok(()) } else { Err(format!("{cut_off:?} went while others used them")) }
    }
}

#[test]
fn shares_live_and_leave_nothing_behind() {
    lives::<Network<false>>(LIVES);
}

#[test]
fn shares_to_which_others_add_live_and_go_once_nobody_uses_them() {
    lives::<Network<true>>(LIVES);
}

#[test]
fn a_request_that_comes_after_a_later_one_does_nothing() {
    late_requests_do_nothing::<Network<false>>("one", "two", false);
}

#[test]
fn whatever_goes_wrong_with_a_call_a_share_is_there_once_or_taken_back() {
    let mut matrix = Matrix::new("Custom::SubnetShare");
    let scenarios = [
        Scenario::of("Create", &["two"]),
        Scenario::of("Create at the second try", &["at the second try"]),
        Scenario::of("Update", &["two", "renamed"]),
        // The organization isn't asked for accounts.
        Scenario::of("Update that takes away", &["two, with accounts alone", "one"]),
        Scenario::deleted("Delete", &["two, with accounts alone"]),
    ];
    matrix.try_all::<Network<false>>(&scenarios, PAIRS);
    let update = Scenario::of("Update of a share to which others add", &["two", "renamed"]);
    matrix.try_all::<Network<true>>(&[update], PAIRS);
    matrix.check();
}

#[test]
fn a_plan_shows_the_first_change_and_changes_nothing() {
    let plans = plans_come_true::<Network<false>>(&["one", "two"]);
    let first = |name: &str| plans[name]["FirstChange"]["Operation"].clone();
    assert_eq!(first("Create one"), "createresourceshare");
    assert_eq!(plans["Create one"]["FirstChange"]["Parameters"]["name"], "app");
    assert_eq!(first("Update two to two, with accounts alone"), "associateresourceshare");
    assert_eq!(first("Delete one"), "deleteresourceshare");
    assert_eq!(plans["Update one to one"], json!({ "Changes": "none" }), "in other words");
}
