//! Several resources that want one OU, in front of a played Organizations: what is in use stays, whatever the order.

use std::time::Duration;

use archipelago_tests::model::{
    organizations::{Contents, Organizations as Played, ROOT},
    stacks::{COPY, NEW, OLD, Stacks, Who},
};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::*;

type Landing = Stacks<OrganizationalUnits, Played>;

fn landing() -> Landing {
    let played = Played::default();
    played.begin(Contents::organization());
    Stacks::new(played, |aws| OrganizationalUnits::new(Client::new(aws)))
}

fn names(landing: &Landing) -> Vec<String> {
    landing.played.contents().units.into_values().map(|unit| unit.name).collect()
}

fn apps() -> Value {
    json!({ "Name": "Apps", "Tags": [{ "Key": "team", "Value": "a" }] })
}

#[tokio::test(start_paused = true)]
async fn an_ou_that_three_resources_use_goes_with_the_last_of_them_whatever_the_order() {
    let all = [OLD, NEW, COPY];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let landing = landing();
        let id = landing.create(all[0], &apps()).await.unwrap();
        for who in &all[1..] {
            assert_eq!(landing.create(*who, &apps()).await.unwrap(), id);
        }
        for (gone, index) in order.into_iter().enumerate() {
            assert_eq!(names(&landing), ["Apps"], "after {gone} of {order:?}");
            landing.delete(all[index], &id, &apps()).await;
        }
        assert_eq!(names(&landing), [""; 0], "{order:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_renamed_logical_id_that_is_rolled_back_leaves_the_ou_as_it_was() {
    let landing = landing();
    let id = landing.create(OLD, &apps()).await.unwrap();
    let before = format!("{:?}", landing.played.contents().units);
    landing.create(NEW, &apps()).await.unwrap();
    landing.delete(NEW, &id, &apps()).await;
    assert_eq!(format!("{:?}", landing.played.contents().units), before);
}

#[tokio::test(start_paused = true)]
async fn a_retained_ou_is_taken_over_under_another_logical_id_and_left_by_it() {
    let landing = landing();
    // No Delete follows: the template retains it.
    let id = landing.create(OLD, &apps()).await.unwrap();
    assert_eq!(landing.create(NEW, &apps()).await.unwrap(), id);
    landing.delete(NEW, &id, &apps()).await;
    assert_eq!(names(&landing), ["Apps"]);
}

#[tokio::test(start_paused = true)]
async fn of_two_that_use_an_ou_neither_renames_it_or_gives_it_other_tags_until_it_is_alone() {
    let landing = landing();
    let id = landing.create(OLD, &apps()).await.unwrap();
    landing.create(COPY, &apps()).await.unwrap();
    let renamed = json!({ "Name": "Services", "Tags": [{ "Key": "team", "Value": "a" }] });
    let tagged = json!({ "Name": "Apps", "Tags": [{ "Key": "team", "Value": "b" }] });
    for (who, other) in [(OLD, "copy/Old"), (COPY, "landing/Old")] {
        for desired in [&renamed, &tagged] {
            let refusal = landing.update(who, &id, desired, &apps()).await.unwrap_err().to_string();
            assert!(refusal.contains(&format!("is used by {other} as well")), "{refusal}");
        }
    }
    // What is dropped by one of them stays for the other, and what is new comes.
    let dropped = json!({ "Name": "Apps", "Tags": [{ "Key": "cost", "Value": "1" }] });
    landing.update(COPY, &id, &dropped, &apps()).await.unwrap();
    let tags = landing.played.contents().units[&id].tags.clone();
    assert_eq!((tags["team"].as_str(), tags["cost"].as_str()), ("a", "1"));
    landing.delete(COPY, &id, &dropped).await;
    assert_eq!(landing.update(OLD, &id, &renamed, &apps()).await.unwrap().name, "Services");
}

#[tokio::test(start_paused = true)]
async fn of_one_that_leaves_and_one_that_comes_the_latter_has_its_ou_in_the_end() {
    for delay in (0..600).step_by(15) {
        let landing = landing();
        let id = landing.create(OLD, &apps()).await.unwrap();
        let comes = async {
            sleep(Duration::from_millis(delay)).await;
            landing.create(NEW, &apps()).await.unwrap()
        };
        let last = apps();
        let ((), id) = tokio::join!(landing.delete(OLD, &id, &last), comes);
        assert_eq!(names(&landing), ["Apps"], "{delay} ms later");
        assert!(landing.played.contents().units.contains_key(&id), "{delay} ms later");
        landing.delete(NEW, &id, &apps()).await;
        assert_eq!(names(&landing), [""; 0], "{delay} ms later");
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_that_leave_at_once_nothing_is_left() {
    for delay in (0..300).step_by(15) {
        let landing = landing();
        let id = landing.create(OLD, &apps()).await.unwrap();
        landing.create(COPY, &apps()).await.unwrap();
        let (last, later) = (apps(), apps());
        let leaves = async {
            sleep(Duration::from_millis(delay)).await;
            landing.delete(COPY, &id, &later).await;
        };
        tokio::join!(landing.delete(OLD, &id, &last), leaves);
        assert_eq!(names(&landing), [""; 0], "{delay} ms later");
    }
}

#[tokio::test(start_paused = true)]
async fn a_level_that_another_stack_uses_as_its_ou_stays_and_goes_with_that() {
    let landing = landing();
    let path = json!({ "Path": "Workloads/Production" });
    let id = landing.create(OLD, &path).await.unwrap();
    let workloads = json!({ "Name": "Workloads", "ParentId": ROOT });
    let level = landing.create(COPY, &workloads).await.unwrap();
    landing.delete(OLD, &id, &path).await;
    assert_eq!(names(&landing), ["Workloads"]);
    landing.delete(COPY, &level, &workloads).await;
    assert_eq!(names(&landing), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_level_of_two_stacks_goes_with_the_last_of_them_whoever_made_it() {
    for order in [[OLD, COPY], [COPY, OLD]] {
        let landing = landing();
        let path = |(stack, _): Who| json!({ "Path": format!("Workloads/{stack}") });
        let mut ids = Vec::new();
        for who in [OLD, COPY] {
            ids.push((who, landing.create(who, &path(who)).await.unwrap()));
        }
        for who in order {
            let (_, id) = ids.iter().find(|(other, _)| *other == who).unwrap();
            landing.delete(who, id, &path(who)).await;
        }
        assert_eq!(names(&landing), [""; 0], "{order:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_ou_with_as_many_tags_as_aws_takes_gets_no_other_user_and_the_sentence_says_so() {
    let landing = landing();
    let many: Vec<_> = (0..48).map(|number| json!({ "Key": format!("key-{number}"), "Value": "" })).collect();
    let full = json!({ "Name": "Apps", "Tags": many });
    let id = landing.create(OLD, &full).await.unwrap();
    let refusal = landing.create(COPY, &json!({ "Name": "Apps" })).await.unwrap_err().to_string();
    assert!(refusal.contains("would have 51 tags, and AWS takes 50"), "{refusal}");
    landing.delete(COPY, &id, &json!({ "Name": "Apps" })).await;
    assert_eq!(names(&landing), ["Apps"]);
}
