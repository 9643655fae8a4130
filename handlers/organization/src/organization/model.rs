//! Thousands of random lives of an organization, in which CloudFormation, Lambda, Organizations and RAM misbehave.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use archipelago_tests::{
    cloudformation::Live,
    model::{
        Matrix, PlayedAws, Scenario, Thing, Weather, Wish, configuration, late_requests_do_nothing, lives,
        organizations::{Contents, Features, MANAGEMENT, ORGANIZATION, Organizations as Played, ROOT, UNKNOWN_SERVICE},
        plans_come_true,
    },
};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::*;

/// How many lives are told in each run, for each of the two played AWS.
const LIVES: u32 = 250;

/// How many pairs of faults are tried in each run.
const PAIRS: usize = 50;

const SCP: &str = "SERVICE_CONTROL_POLICY";
const STACKSETS: &str = "member.org.stacksets.cloudformation.amazonaws.com";

/// A policy type that wants its service trusted before, and until after.
const SECURITY: &str = "SECURITYHUB_POLICY";
const SECURITY_HUB: &str = "securityhub.amazonaws.com";

/// What others have switched on, and RAM's own service, which only its own call may.
const FOREIGN: [&str; 2] = ["BACKUP_POLICY", "config.amazonaws.com"];
const RAM: &str = "ram.amazonaws.com";

/// An account, which has an organization before its stack, if `FOUNDED`.
#[derive(Debug)]
struct Management<const FOUNDED: bool> {
    played: Arc<Played>,
    aws: SdkConfig,
    /// What was on when a stack left: it leaves all as it is.
    left: Mutex<BTreeSet<String>>,
    /// Whether StackSets had access, and what the template said of that, when all was last as it says.
    access: Mutex<(bool, Option<bool>)>,
}

fn wish(properties: Value, meaning: &'static str) -> Wish {
    Wish { properties, meaning }
}

impl<const FOUNDED: bool> Management<FOUNDED> {
    fn features(&self) -> Option<Features> {
        self.played.contents().features
    }

    /// All policy types and services that are switched on.
    fn switched_on(&self) -> BTreeSet<String> {
        let features = self.features().unwrap_or_default();
        let types = features.policy_types().map(ToOwned::to_owned);
        types.chain(features.trusted_services.iter().cloned()).collect()
    }

    /// Whether StackSets have the access that the template says, and otherwise what they had: what says nothing changes nothing,
    /// and what says false only takes it from a template that said true.
    fn check_access(&self, features: &Features, property: Option<bool>) -> Result<(), String> {
        let is_on = features.lets_stack_sets_in();
        let (was_on, property_before) = std::mem::replace(&mut *self.access.lock().unwrap(), (is_on, property));
        let is_right = match property {
            Some(true) => is_on,
            Some(false) if property_before == Some(true) => !is_on,
            Some(false) => was_on || !is_on,
            None => is_on || !was_on,
        };
        if is_right { Ok(()) } else { Err(format!("the access of StackSets is {is_on} and was {was_on}")) }
    }
}

/// The policy types and services that a template names.
fn named(properties: &Map<String, Value>) -> BTreeSet<String> {
    let lists = ["PolicyTypes", "TrustedServices"].into_iter().filter_map(|name| properties.get(name)?.as_array());
    lists.flatten().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
}

impl<const FOUNDED: bool> PlayedAws for Management<FOUNDED> {
    type Resource = Organization;
    const TYPE: &'static str = "Custom::Organization";
    const STOPS_WHEN_OVERTAKEN: bool = false;

    fn wishes() -> Vec<Wish> {
        vec![
            wish(json!({}), "plain"),
            wish(json!({ "ResourceSharing": true, "PolicyTypes": [] }), "plain"),
            wish(json!({ "ResourceSharing": false }), "without sharing"),
            wish(json!({ "PolicyTypes": [SCP, "TAG_POLICY"], "TrustedServices": [STACKSETS] }), "both"),
            wish(json!({ "PolicyTypes": ["TAG_POLICY", SCP], "TrustedServices": [STACKSETS] }), "both"),
            wish(json!({ "PolicyTypes": ["TAG_POLICY"], "TrustedServices": ["sso.amazonaws.com"] }), "others"),
            wish(json!({ "PolicyTypes": ["RESOURCE_CONTROL_POLICY"], "ResourceSharing": false }), "another type"),
            wish(json!({ "TrustedServices": [STACKSETS, "sso.amazonaws.com"], "ResourceSharing": false }), "services"),
            wish(json!({ "TrustedServices": [RAM] }), "sharing by name"),
            wish(json!({ "TrustedServices": ["sso.amazonaws.com", UNKNOWN_SERVICE] }), "an unknown service"),
            wish(json!({ "PolicyTypes": [SECURITY], "TrustedServices": [SECURITY_HUB] }), "a service and its type"),
            wish(json!({ "TrustedServices": [SECURITY_HUB] }), "a service without its type"),
            wish(json!({ "PolicyTypes": [SECURITY] }), "a type without its service"),
            wish(json!({ "ActivateOrganizationsAccess": true }), "StackSets"),
            wish(json!({ "ActivateOrganizationsAccess": true, "TrustedServices": [STACKSETS] }), "StackSets by name"),
            wish(json!({ "ActivateOrganizationsAccess": false }), "no StackSets"),
            wish(json!({ "ActivateOrganizationsAccess": false, "TrustedServices": [STACKSETS] }), "only their service"),
            wish(
                json!({ "ActivateOrganizationsAccess": false, "TrustedServices": [UNKNOWN_SERVICE] }),
                "no StackSets, and an unknown service",
            ),
            wish(json!({ "PolicyTypes": ["SERVICE_CONTROL"] }), "no type"),
            wish(json!({ "PolicyTpyes": [SCP] }), "misspelt"),
        ]
    }

    fn new(weather: Arc<Weather>) -> Self {
        let played = Arc::new(Played::default());
        let aws = configuration(played.clone(), weather);
        Self { played, aws, left: Mutex::default(), access: Mutex::default() }
    }

    fn begin(&self) {
        let [policy_type, service] = FOREIGN;
        let mut contents = Contents::default();
        if FOUNDED {
            contents.features = Some(Features::with(&[policy_type], &[service]));
            contents.make_unit(ROOT, "Sandbox", &[]);
        }
        self.played.begin(contents);
        // An organization that is made has this type from the start.
        *self.left.lock().unwrap() = if FOUNDED { BTreeSet::new() } else { [SCP.to_owned()].into() };
        *self.access.lock().unwrap() = (false, None);
    }

    fn process(&self) -> Organization {
        Organization::new(&self.aws)
    }

    fn foreign(&self, _: &[String]) -> String {
        let foreign: Vec<_> = self.switched_on().into_iter().filter(|name| FOREIGN.contains(&name.as_str())).collect();
        format!("{foreign:?} {:?}", self.played.contents().units)
    }

    /// An organization is nobody's: it outlives the stacks that made it.
    fn ours(&self, _: &[String]) -> Vec<Thing> {
        Vec::new()
    }

    fn check(&self, live: &Live, _: &str) -> Result<(), String> {
        let features = self.features().ok_or("there is no organization")?;
        let (mut wanted, left, now) = (named(&live.properties), self.left.lock().unwrap(), Instant::now());
        let services = || features.trusted_services.iter().cloned();
        let on: BTreeSet<_> = features.enabled(now).map(ToOwned::to_owned).chain(services()).collect();
        let listed: BTreeSet<_> = features.listed(now).map(|(name, _)| name.to_owned()).chain(services()).collect();
        let property = |name: &str| live.properties.get(name).and_then(Value::as_str).map(|text| text == "true");
        let (sharing, access) = (property("ResourceSharing") != Some(false), property("ActivateOrganizationsAccess"));
        self.check_access(&features, access)?;
        if access == Some(true) {
            wanted.insert(STACKSETS.to_owned());
        }
        let missing: Vec<_> = wanted.difference(&on).cloned().collect();
        wanted.extend(FOREIGN.map(ToOwned::to_owned));
        // Sharing is never switched off.
        wanted.insert(RAM.to_owned());
        wanted.extend(features.lets_stack_sets_in().then(|| STACKSETS.to_owned()));
        wanted.extend(left.iter().cloned());
        let beside: Vec<_> = listed.difference(&wanted).collect();
        let attributes = json!({
            "Id": ORGANIZATION,
            "Arn": format!("arn:aws:organizations::{MANAGEMENT}:organization/{ORGANIZATION}"),
            "RootId": ROOT,
            "ManagementAccountId": MANAGEMENT,
        });
        if !missing.is_empty() {
            return Err(format!("{missing:?} isn't on"));
        }
        if !beside.is_empty() {
            return Err(format!("{beside:?} is on"));
        }
        if sharing && !features.shares_resources() {
            return Err("nothing is shared".into());
        }
        if live.physical_resource_id != ORGANIZATION || Value::from(live.data.clone()) != attributes {
            return Err("its attributes are others".into());
        }
        Ok(())
    }

    fn check_deleted(&self, _: &Map<String, Value>, _: &str) -> Result<(), String> {
        self.left.lock().unwrap().extend(self.switched_on());
        let is_on = self.features().is_some_and(|features| features.lets_stack_sets_in());
        *self.access.lock().unwrap() = (is_on, None);
        Ok(())
    }
}

#[test]
fn organizations_that_are_made_live_and_outlive_their_stacks() {
    lives::<Management<false>>(LIVES);
}

#[test]
fn a_request_that_comes_after_a_later_one_does_nothing() {
    late_requests_do_nothing::<Management<true>>("both", "others", false);
    late_requests_do_nothing::<Management<true>>("StackSets", "no StackSets", false);
}

#[test]
fn organizations_that_are_adopted_live_and_keep_what_others_switched_on() {
    lives::<Management<true>>(LIVES);
}

#[test]
fn whatever_goes_wrong_with_a_call_the_organization_is_as_the_template_says_or_as_it_was() {
    let mut matrix = Matrix::new("Custom::Organization");
    let update = Scenario::of("Update", &["both", "others"]);
    matrix.try_all::<Management<false>>(&[Scenario::of("Create that makes it", &["both"]), update], PAIRS);
    let scenarios = [
        Scenario::of("Create that adopts it", &["both"]),
        Scenario::of("Update that adds a service and its type", &["services", "a service and its type"]),
        Scenario::of("Update that takes a service and its type out", &["a service and its type", "services"]),
        Scenario::of("Update that lets StackSets in", &["without sharing", "StackSets by name"]),
        Scenario::of("Update that shuts StackSets out", &["StackSets by name", "only their service"]),
    ];
    matrix.try_all::<Management<true>>(&scenarios, PAIRS);
    matrix.check();
}

#[test]
fn a_plan_shows_the_first_change_and_changes_nothing() {
    let plans = plans_come_true::<Management<false>>(&["both", "without sharing"]);
    let first = |name: &str| plans[name]["FirstChange"]["Operation"].clone();
    assert_eq!(first("Create plain"), "CreateOrganization");
    assert_eq!(first("Update without sharing to plain"), "enablesharingwithawsorganization");
    assert_eq!(first("Update without sharing to another type"), "EnablePolicyType");
    assert_eq!(plans["Delete both"], json!({ "Changes": "none" }));
}
