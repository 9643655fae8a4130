//! Several resources that tag one subnet and its VPC, in front of a played EC2: what one of them wants stays.

use std::time::Duration;

use archipelago_tests::model::{
    ec2::{Ec2, Tags as Played},
    stacks::{COPY, NEW, OLD, Stacks, Who, owner},
};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::*;

const SUBNET: &str = "subnet-aaaaaaaa";
const VPC: &str = "vpc-aaaaaaaa";
const NAME: (&str, &str) = ("Name", "app");
const STAGE: (&str, &str) = ("stage", "test");

/// The same tags of the subnet and of its VPC.
fn properties_with(tags: &[(&str, &str)]) -> Value {
    let tags: Vec<_> = tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    json!({ "SubnetIds": [SUBNET], "Tags": tags, "VpcTags": tags })
}

struct Participant(Stacks<SharedSubnets, Ec2>);

impl Participant {
    fn new() -> Self {
        let played = Ec2::default();
        played.share(SUBNET, VPC, Duration::ZERO, &[]);
        Self(Stacks::new(played, |aws| SharedSubnets::new(Client::new(aws))))
    }

    async fn create(&self, who: Who, desired: &Value) -> Result<()> {
        self.0.create(who, desired).await.map(drop)
    }

    async fn update(&self, who: Who, desired: &Value, previous: &Value) -> Result<()> {
        self.0.update(who, &TagsId::of(&owner(who)).to_string(), desired, previous).await
    }

    async fn delete(&self, who: Who, last: &Value) {
        self.0.delete(who, &TagsId::of(&owner(who)).to_string(), last).await;
    }

    /// Whether the subnet and the VPC have these tags and no others but those of users.
    #[track_caller]
    fn assert_has(&self, tags: &[(&str, &str)], when: &str) {
        let wanted: Played = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        for (id, mut there) in self.0.played.tags() {
            there.retain(|key, _| !key.starts_with("archipelago:"));
            assert_eq!(there, wanted, "{id} {when}");
        }
    }

    #[track_caller]
    fn assert_is_bare(&self, when: &str) {
        for (id, there) in self.0.played.tags() {
            assert!(there.is_empty(), "{id} has {there:?} {when}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn keys_that_three_resources_want_go_with_the_last_of_them_whatever_the_order() {
    let all = [
        (OLD, properties_with(&[NAME, STAGE])),
        (NEW, properties_with(&[NAME])),
        (COPY, properties_with(&[NAME, STAGE])),
    ];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let participant = Participant::new();
        for (who, desired) in &all {
            participant.create(*who, desired).await.unwrap();
        }
        for (gone, place) in order.into_iter().enumerate() {
            let is_staged = order[gone..].iter().any(|place| *place != 1);
            let wanted: &[_] = if is_staged { &[NAME, STAGE] } else { &[NAME] };
            participant.assert_has(wanted, &format!("after {gone} of {order:?}"));
            participant.delete(all[place].0, &all[place].1).await;
        }
        participant.assert_is_bare(&format!("after {order:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_renamed_logical_id_that_is_rolled_back_leaves_the_tags_as_they_were() {
    let participant = Participant::new();
    let wanted = properties_with(&[NAME, STAGE]);
    participant.create(OLD, &wanted).await.unwrap();
    let before = participant.0.played.tags();
    participant.create(NEW, &wanted).await.unwrap();
    participant.delete(NEW, &wanted).await;
    assert_eq!(participant.0.played.tags(), before);
}

#[tokio::test(start_paused = true)]
async fn of_two_that_want_a_key_neither_gives_it_another_value_or_takes_it_away() {
    let participant = Participant::new();
    let both = properties_with(&[NAME, STAGE]);
    participant.create(OLD, &both).await.unwrap();
    participant.create(COPY, &both).await.unwrap();
    let other = properties_with(&[("Name", "other"), STAGE]);
    let refusal = participant.update(COPY, &other, &both).await.unwrap_err().to_string();
    assert!(refusal.contains("is used by landing/Old as well, so its tag Name can't change"), "{refusal}");
    let refusal = participant.create(NEW, &other).await.unwrap_err().to_string();
    assert!(refusal.contains("so its tag Name can't change"), "{refusal}");
    participant.update(COPY, &properties_with(&[NAME]), &both).await.unwrap();
    participant.assert_has(&[NAME, STAGE], "while one of them wants it");
    participant.update(OLD, &properties_with(&[NAME]), &both).await.unwrap();
    participant.assert_has(&[NAME], "when none of them wants it");
    participant.delete(OLD, &properties_with(&[NAME])).await;
    participant.update(COPY, &properties_with(&[("Name", "other")]), &properties_with(&[NAME])).await.unwrap();
    participant.assert_has(&[("Name", "other")], "of the one that is left");
}

#[tokio::test(start_paused = true)]
async fn of_one_that_leaves_or_drops_a_key_and_one_that_comes_the_latter_has_its_tags_in_the_end() {
    let (last, desired) = (properties_with(&[NAME, STAGE]), properties_with(&[NAME]));
    for is_delete in [true, false] {
        for delay in (0..500).step_by(15) {
            let participant = Participant::new();
            participant.create(OLD, &last).await.unwrap();
            let leaves = async {
                sleep(Duration::from_millis(150)).await;
                if is_delete {
                    participant.delete(OLD, &last).await;
                } else {
                    participant.update(OLD, &properties_with(&[STAGE]), &last).await.unwrap();
                }
            };
            let comes = async {
                sleep(Duration::from_millis(delay)).await;
                participant.create(NEW, &desired).await.unwrap();
            };
            tokio::join!(leaves, comes);
            let wanted: &[_] = if is_delete { &[NAME] } else { &[NAME, STAGE] };
            participant.assert_has(wanted, &format!("{delay} ms later, delete: {is_delete}"));
            participant.delete(NEW, &desired).await;
            if !is_delete {
                participant.delete(OLD, &properties_with(&[STAGE])).await;
            }
            participant.assert_is_bare(&format!("{delay} ms later, delete: {is_delete}"));
        }
    }
}
