//! Hundreds of random lives of a principal on a share, in which CloudFormation, Lambda and RAM misbehave.

use archipelago::OWNER_TAG;
use std::{collections::BTreeSet, sync::Arc};

use archipelago_tests::{
    cloudformation::Live,
    model::{
        Matrix, PlayedAws, Scenario, Thing, Weather, Wish, configuration, late_requests_do_nothing, lives,
        plans_come_true,
        ram::{FAILING, HESITANT, ORGANIZATION, Ram, Share},
    },
};
use serde_json::json;

use super::*;

/// How many lives are told in each run.
const LIVES: u32 = 120;

/// How many pairs of faults are tried in each run.
const PAIRS: usize = 60;

const SUBNET: &str = "arn:aws:ec2:eu-west-1:111111111111:subnet/subnet-aaaaaaaa";

/// The shares, in the order in which they are made.
const NET: &str = "arn:aws:ram:eu-west-1:111111111111:resource-share/00000001";
const SPARE: &str = "arn:aws:ram:eu-west-1:111111111111:resource-share/00000002";
const NOWHERE: &str = "arn:aws:ram:eu-west-1:111111111111:resource-share/00000009";

/// Whom the owner's template names, and whom another stack added.
const NAMED: &str = "222222222222";
const ADDED: &str = "333333333333";

/// Two shares of others, with principals of others.
#[derive(Debug)]
struct Network {
    played: Arc<Ram>,
    shares: ResourceShares,
}

fn wish(share: &str, principal: &str, meaning: &'static str) -> Wish {
    Wish { properties: json!({ "ShareArn": share, "Principal": principal }), meaning }
}

fn unit(id: &str) -> String {
    format!("{}/{id}", ORGANIZATION.replace(":organization/", ":ou/"))
}

/// What RAM lists for what a template names.
fn entity(principal: &str) -> String {
    let account = principal.strip_prefix("arn:aws:iam::").and_then(|rest| rest.strip_suffix(":root"));
    match principal.split('-').next() {
        Some("ou") => unit(principal),
        Some("o" | "Organization") => ORGANIZATION.to_owned(),
        _ => account.unwrap_or(principal).to_owned(),
    }
}

/// What was there before anything of ours.
fn is_others(entity: &str) -> bool {
    [SUBNET, NAMED, ADDED].contains(&entity)
}

/// The additions of those who carry one of `marks`: principal and mark.
fn additions(share: &Share, marks: &[String]) -> Vec<(String, String)> {
    let of = |key: &str| Some(key.strip_prefix("archipelago:")?.split_once(':')?.0.to_owned());
    let tags = share.tags.iter().filter_map(|(key, value)| Some((of(key)?, value)));
    let ours = tags.filter(|(mark, _)| marks.contains(mark));
    ours.map(|(mark, value)| (value.split(' ').next().unwrap_or_default().to_owned(), mark)).collect()
}

impl PlayedAws for Network {
    type Resource = SharePrincipals;
    const TYPE: &'static str = "Custom::SubnetSharePrincipal";
    const STOPS_WHEN_OVERTAKEN: bool = false;

    fn wishes() -> Vec<Wish> {
        vec![
            wish(NET, "444444444444", "added"),
            wish(NET, "arn:aws:iam::444444444444:root", "added"),
            wish(NET, NAMED, "named by the owner too"),
            wish(NET, ADDED, "added by another too"),
            wish(SPARE, "444444444444", "on another share"),
            wish(NET, "Organization", "everybody"),
            wish(NET, "o-exampleorgid", "everybody"),
            wish(NET, "ou-ab12-workload1", "a unit"),
            wish(NET, &format!("ou-ab12-{HESITANT}"), "at the second try"),
            wish(NET, &format!("ou-ab12-{FAILING}"), "failing"),
            wish(NOWHERE, "444444444444", "without a share"),
            wish(NET, "o-otherorgid1", "an organization that is another"),
            wish("app", "444444444444", "no share"),
        ]
    }

    fn new(weather: Arc<Weather>) -> Self {
        let played = Arc::new(Ram::default());
        let shares = ResourceShares::new(&configuration(played.clone(), weather));
        Self { played, shares }
    }

    fn begin(&self) {
        self.played.begin();
        let mark = (OWNER_TAG, "0123456789 network/Share");
        let added = ("archipelago:9876543210:333333333333", ADDED);
        self.played.have("net", &[SUBNET], &[NAMED, ADDED], &[mark, added]);
        self.played.have("spare", &[SUBNET], &[], &[("team", "others")]);
    }

    fn process(&self) -> SharePrincipals {
        SharePrincipals { shares: self.shares.clone() }
    }

    fn foreign(&self, marks: &[String]) -> String {
        let is_ours = |key: &str| marks.iter().any(|mark| key.starts_with(&format!("archipelago:{mark}:")));
        let shares = self.played.shares();
        let described = shares.iter().map(|(arn, share)| {
            let tags: Vec<_> = share.tags.iter().filter(|(key, _)| !is_ours(key)).collect();
            let present: Vec<_> = share.present().into_iter().filter(|(entity, _)| is_others(entity)).collect();
            format!("{arn} {} {} {tags:?} {present:?}", share.name, share.status())
        });
        described.collect::<Vec<_>>().join("\n")
    }

    /// The additions, and principals without one, which are the last stack's.
    fn ours(&self, marks: &[String]) -> Vec<Thing> {
        let mut things = BTreeSet::new();
        for (arn, share) in self.played.shares() {
            let additions = additions(&share, marks);
            let alone = share.present().into_keys().filter(|entity| !is_others(entity));
            let alone = alone.filter(|entity| !additions.iter().any(|(principal, _)| principal == entity));
            let alone = alone.filter_map(|entity| Some((entity.to_owned(), marks.last()?.clone())));
            let all: Vec<_> = alone.chain(additions.iter().cloned()).collect();
            things.extend(all.into_iter().map(|(principal, mark)| Thing { mark, id: format!("{arn}#{principal}") }));
        }
        things.into_iter().collect()
    }

    fn check(&self, live: &Live, mark: &str) -> Result<(), String> {
        let property = |name: &str| live.properties[name].as_str().unwrap_or_default();
        let (arn, principal) = (property("ShareArn"), entity(property("Principal")));
        if live.physical_resource_id != format!("{arn}#{principal}") {
            return Err("it has an id of something else".to_owned());
        }
        let shares = self.played.shares();
        let share = shares.get(arn).ok_or("there is no such share")?;
        // One that was replaced may still be there, if its clean-up failed.
        let is_it = |value: &str| value.split(' ').next() == Some(principal.as_str());
        let tag = share.tags.iter().find(|(key, value)| key.contains(mark) && is_it(value));
        let tag = tag.map(|(_, value)| value.as_str());
        let wanted = if principal == NAMED { format!("{principal} before") } else { principal.clone() };
        let status = share.present().get(principal.as_str()).copied();
        if tag == Some(wanted.as_str()) && status == Some("ASSOCIATED") {
            Ok(())
        } else {
            Err(format!("the principal is {status:?}, and its tag {tag:?}"))
        }
    }
}

#[test]
fn principals_live_and_leave_nothing_behind() {
    lives::<Network>(LIVES);
}

#[test]
fn a_request_that_comes_after_a_later_one_does_nothing() {
    late_requests_do_nothing::<Network>("added", "everybody", true);
}

#[test]
fn whatever_goes_wrong_with_a_call_a_principal_is_on_the_share_or_taken_back() {
    let mut matrix = Matrix::new(Network::TYPE);
    let scenarios = [
        Scenario::of("Create", &["everybody"]),
        Scenario::of("Create of one that is there", &["named by the owner too"]),
        Scenario::of("Update", &["added", "a unit"]),
        Scenario::of("Update to another share", &["added", "on another share"]),
        Scenario::deleted("Delete", &["added"]),
        Scenario::deleted("Delete of one that was there", &["named by the owner too"]),
    ];
    matrix.try_all::<Network>(&scenarios, PAIRS);
    matrix.check();
}

#[test]
fn a_plan_shows_the_first_change_and_changes_nothing() {
    let plans = plans_come_true::<Network>(&["added", "named by the owner too"]);
    let first = |name: &str| plans[name]["FirstChange"]["Operation"].clone();
    assert_eq!(first("Create added"), "tagresource");
    assert_eq!(first("Delete named by the owner too"), "untagresource");
    assert_eq!(plans["Update added to added"], json!({ "Changes": "none" }), "in other words");
    assert!(plans["Create without a share"]["WaitsFor"].is_string());
}
