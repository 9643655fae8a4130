//! Hundreds of random lives of tags on shared subnets, in which CloudFormation, Lambda and EC2 misbehave.

use std::{sync::Arc, time::Duration};

use archipelago_tests::{
    cloudformation::Live,
    model::{
        Matrix, PlayedAws, Scenario, Thing, Weather, Wish, configuration, ec2::Ec2, late_requests_do_nothing, lives,
        plans_come_true,
    },
};
use serde_json::{Value, json};

use super::*;

/// How many lives are told in each run.
const LIVES: u32 = 250;

/// How many pairs of faults are tried in each run.
const PAIRS: usize = 100;

const A: &str = "subnet-aaaaaaaa";
const B: &str = "subnet-bbbbbbbb";
/// Isn't seen from the beginning.
const C: &str = "subnet-cccccccc";
const VPC: &str = "vpc-aaaaaaaa";
const ANOTHER_VPC: &str = "vpc-cccccccc";

/// All that a template sets; other tags are those of others.
const OURS: [(&str, &str); 5] =
    [("Name", "workloads"), ("Name", "renamed"), ("stage", "a"), ("team", "one"), ("team", "two")];

/// Subnets of two VPCs, on which somebody in this account has set tags too.
#[derive(Debug)]
struct Participant {
    played: Arc<Ec2>,
    aws: Client,
}

fn tags(tags: &[(&str, &str)]) -> Value {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

fn pairs(tags: Option<&Value>) -> impl Iterator<Item = (String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let tags = tags.and_then(Value::as_array).into_iter().flatten();
    tags.map(move |tag| (text(&tag["Key"]), text(&tag["Value"])))
}

impl Participant {
    /// All tags with what they are on: those of ours, or those of others.
    fn tags(&self, ours: bool) -> BTreeSet<(String, String, String)> {
        let is_ours = |key: &str, value: &str| OURS.contains(&(key, value)) || key.starts_with("archipelago:user-");
        let all = self.played.tags().into_iter();
        let all = all.flat_map(|(id, tags)| tags.into_iter().map(move |(key, value)| (id.clone(), key, value)));
        all.filter(|(_, key, value)| is_ours(key, value) == ours).collect()
    }
}

impl PlayedAws for Participant {
    type Resource = SharedSubnets;
    const TYPE: &'static str = "Custom::SharedSubnetTags";
    const STOPS_WHEN_OVERTAKEN: bool = false;
    const DELETES_BY_PROPERTIES: bool = true;

    fn wishes() -> Vec<Wish> {
        let wish = |subnets: &[&str], of_subnets: &[(&str, &str)], of_vpcs: &[(&str, &str)], meaning| {
            let properties = json!({ "SubnetIds": subnets, "Tags": tags(of_subnets), "VpcTags": tags(of_vpcs) });
            Wish { properties, meaning }
        };
        let [name, renamed, stage, one, two] = OURS;
        let arn = format!("arn:aws:ec2:eu-west-1:222222222222:subnet/{A}");
        vec![
            wish(&[A], &[name], &[], "named"),
            wish(&[&arn], &[name], &[], "named"),
            wish(&[A, B], &[renamed, one], &[name], "both, and their VPC"),
            wish(&[A, C], &[name, two], &[renamed, two], "in two VPCs"),
            wish(&[B], &[], &[stage], "the VPC alone"),
            wish(&[C], &[stage], &[], "in another VPC"),
            wish(&[A, B], &[name, stage], &[name], "a key that is taken"),
            wish(&[A, "subnet-99999999"], &[name], &[], "what isn't seen"),
            wish(&[A], &[], &[], "nothing"),
            wish(&["vpc-aaaaaaaa"], &[name], &[], "no subnet"),
        ]
    }

    fn new(weather: Arc<Weather>) -> Self {
        let played = Arc::new(Ec2::default());
        let aws = Client::new(&configuration(played.clone(), weather));
        Self { played, aws }
    }

    fn begin(&self) {
        self.played.begin();
        self.played.share(A, VPC, Duration::ZERO, &[("owner", "people")]);
        self.played.share(B, VPC, Duration::ZERO, &[("stage", "b")]);
        self.played.share(C, ANOTHER_VPC, Duration::from_secs(20), &[]);
    }

    fn process(&self) -> SharedSubnets {
        SharedSubnets::new(self.aws.clone())
    }

    fn foreign(&self, _: &[String]) -> String {
        format!("{:#?}", self.tags(false))
    }

    /// A tag doesn't say whose it is: all of ours are the last stack's.
    fn ours(&self, marks: &[String]) -> Vec<Thing> {
        let mark = marks.last().filter(|_| !self.tags(true).is_empty());
        mark.map(|mark| Thing { mark: mark.clone(), id: format!("shared-subnet-tags-{mark}") }).into_iter().collect()
    }

    fn check(&self, live: &Live, mark: &str) -> Result<(), String> {
        if live.physical_resource_id != format!("shared-subnet-tags-{mark}") {
            return Err("it has another id".to_owned());
        }
        let properties = &live.properties;
        let subnets = properties["SubnetIds"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let subnets: Vec<_> = subnets.map(|subnet| subnet.rsplit('/').next().unwrap_or_default()).collect();
        let vpcs = subnets.iter().map(|subnet| if *subnet == C { ANOTHER_VPC } else { VPC });
        let on_vpcs =
            vpcs.flat_map(|vpc| pairs(properties.get("VpcTags")).map(move |(key, value)| (vpc.to_owned(), key, value)));
        let on_subnets = subnets.iter().flat_map(|subnet| {
            pairs(properties.get("Tags")).map(move |(key, value)| ((*subnet).to_owned(), key, value))
        });
        let wanted: BTreeSet<_> = on_subnets.chain(on_vpcs).collect();
        let there = self.tags(true);
        let (users, there): (BTreeSet<_>, _) =
            there.into_iter().partition(|(_, key, _)| key.starts_with("archipelago:"));
        let (tagged, used): (BTreeSet<_>, BTreeSet<_>) =
            (wanted.iter().map(|(id, ..)| id).collect(), users.iter().map(|(id, ..)| id).collect());
        if tagged != used || users.iter().any(|(_, key, _)| *key != format!("archipelago:user-{mark}")) {
            return Err(format!("its users are {users:?}"));
        }
        if there == wanted { Ok(()) } else { Err(format!("there are {there:?}")) }
    }
}

#[test]
fn tags_live_and_leave_nothing_behind() {
    lives::<Participant>(LIVES);
}

#[test]
fn a_request_that_comes_after_a_later_one_does_nothing() {
    late_requests_do_nothing::<Participant>("named", "both, and their VPC", false);
}

#[test]
fn whatever_goes_wrong_with_a_call_the_tags_are_as_the_template_says_or_as_they_were() {
    let mut matrix = Matrix::new(Participant::TYPE);
    let scenarios = [
        Scenario::of("Create", &["both, and their VPC"]),
        Scenario::of("Create before a subnet is seen", &["in two VPCs"]),
        Scenario::of("Update", &["both, and their VPC", "in two VPCs"]),
        Scenario::deleted("Delete", &["both, and their VPC"]),
    ];
    matrix.try_all::<Participant>(&scenarios, PAIRS);
    matrix.check();
}

#[test]
fn a_plan_shows_the_first_change_and_changes_nothing() {
    let plans = plans_come_true::<Participant>(&["named", "both, and their VPC"]);
    let first = |name: &str| plans[name]["FirstChange"]["Operation"].clone();
    assert_eq!(first("Create the VPC alone"), "CreateTags");
    assert_eq!(plans["Create the VPC alone"]["FirstChange"]["Parameters"]["ResourceId.1"], "vpc-aaaaaaaa");
    assert_eq!(plans["Update named to named"], json!({ "Changes": "none" }), "in other words");
    let waits = plans["Create what isn't seen"]["WaitsFor"].as_str().unwrap();
    assert!(waits.starts_with("this account doesn't see subnet-99999999"), "{waits}");
}
