//! What people do with resources of all types, while others use the same things.

use std::future::Future;

use archipelago_tests::local_aws::LocalAws;
use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

use super::super::statements::own_account;
use super::super::{Stack, template, unique};
use super::play::{Play, User};
use super::things::Thing;
use super::{failing_after, resource, retained};
use crate::network::{associations, member, some_subnet};

/// All orders of three.
const ORDERS: [[&str; 3]; 6] = [
    ["One", "Two", "Three"],
    ["One", "Three", "Two"],
    ["Two", "One", "Three"],
    ["Two", "Three", "One"],
    ["Three", "One", "Two"],
    ["Three", "Two", "One"],
];

/// Updates a stack. CloudFormation calls an update complete whose old resources couldn't be deleted; this doesn't.
async fn update(stack: &Stack, template: &Value) {
    stack.update(template, "UPDATE_COMPLETE").await;
    let events = stack.events().await;
    assert!(!events.iter().any(|event| event.contains(" DELETE_FAILED ")), "{}", events.join("\n"));
}

/// Waits for all of them at once; the first one that fails, fails.
async fn all(plays: impl IntoIterator<Item = impl Future<Output = ()> + Send + 'static>) {
    let mut playing: JoinSet<()> = plays.into_iter().collect();
    while let Some(played) = playing.join_next().await {
        played.unwrap();
    }
}

/// Puts a template where CloudFormation finds it.
async fn stored(template: &Value) -> String {
    let (aws, bucket) = (LocalAws::deployed(), unique("templates"));
    aws.bucket_as(own_account(), Method::PUT, &bucket, String::new()).await.unwrap();
    let file = format!("{bucket}/nested.json");
    aws.bucket_as(own_account(), Method::PUT, &file, template.to_string()).await.unwrap();
    format!("https://s3.amazonaws.com/{file}")
}

/// A template of a nested stack with the outputs of that one.
async fn nesting(nested: &Value) -> Value {
    let properties = json!({ "TemplateURL": stored(nested).await });
    let stack = json!({ "Nested": { "Type": "AWS::CloudFormation::Stack", "Properties": properties } });
    let mut outer = template(&stack, &[]);
    for name in nested["Outputs"].as_object().unwrap().keys() {
        outer["Outputs"][name] = json!({ "Value": { "Fn::GetAtt": ["Nested", format!("Outputs.{name}")] } });
    }
    outer
}

#[tokio::test]
async fn what_is_renamed_in_one_update_stays_and_goes_with_its_new_name() {
    let mut play = Play::of(Thing::all().await).await;
    let (stack, _) = play.begun_by("Old", &play.template(&["Old"])).await;
    update(&stack, &play.template(&["New"])).await;
    let new = play.user(&stack, "New").await;
    play.is_there(&[&new], "after the rename").await;
    stack.delete("DELETE_COMPLETE").await;
    play.is_over().await;
}

#[tokio::test]
async fn what_is_renamed_in_an_update_that_fails_stays_and_goes_with_its_old_name() {
    let mut play = Play::of(Thing::all().await).await;
    let (stack, old) = play.begun_by("Old", &play.template(&["Old"])).await;
    let mut renamed = play.resources("New");
    let new: Vec<_> = renamed.keys().cloned().collect();
    renamed.insert("Failing".to_owned(), failing_after(&json!(new)));
    stack.update(&template(&Value::Object(renamed), &[]), "UPDATE_ROLLBACK_COMPLETE").await;
    play.is_there(&[&old], "after the rollback").await;
    stack.delete("DELETE_COMPLETE").await;
    play.is_over().await;
}

#[tokio::test]
async fn what_is_retained_under_its_old_name_stays_when_the_new_one_goes() {
    let mut play = Play::of(Thing::all().await).await;
    let kept: Map<_, _> = play.resources("Old").iter().map(|(id, it)| (id.clone(), retained(it))).collect();
    let (stack, old) = play.begun_by("Old", &template(&Value::Object(kept), &[])).await;
    update(&stack, &play.template(&["New"])).await;
    let new = play.user(&stack, "New").await;
    play.is_there(&[&old, &new], "after the rename").await;
    stack.delete("DELETE_COMPLETE").await;
    play.is_there(&[&old], "after the new name").await;
}

#[tokio::test]
async fn what_moves_out_of_a_nested_stack_and_into_one_stays_and_goes_with_the_stack() {
    let mut play = Play::of(Thing::all().await).await;
    let plain = play.template(&["Old"]);
    let nested = nesting(&plain).await;
    let (stack, _) = play.begun_by("Old", &nested).await;
    for (template, place) in [(&plain, "outside"), (&nested, "inside")] {
        update(&stack, template).await;
        let now = play.user(&stack, "Old").await;
        play.is_there(&[&now], place).await;
    }
    stack.delete("DELETE_COMPLETE").await;
    play.is_over().await;
}

/// A stack for each number uses the things, first number 0; then they go in this order.
async fn used_by_stacks(things: Vec<Thing>, order: &[usize]) {
    let mut play = Play::of(things).await;
    let template = play.template(&["User"]);
    let mut stacks = vec![play.begun_by("User", &template).await];
    while stacks.len() < order.len() {
        let stack = Stack::create(&template, "CREATE_COMPLETE").await;
        let user = play.user(&stack, "User").await;
        stacks.push((stack, user));
    }
    go_in(&play, &stacks, order).await;
}

/// Deletes stacks in this order, and looks at the things before and after each.
async fn go_in(play: &Play, stacks: &[(Stack, User)], order: &[usize]) {
    for (gone, number) in order.iter().enumerate() {
        let left: Vec<_> = order[gone..].iter().map(|number| &stacks[*number].1).collect();
        play.is_there(&left, &format!("after {gone} of {order:?}")).await;
        stacks[*number].0.delete("DELETE_COMPLETE").await;
    }
    play.is_over().await;
}

#[tokio::test]
async fn what_several_stacks_use_stays_until_the_last_is_gone_whichever_made_it() {
    // What is left of three once the third has gone is two in the other order.
    let orders: [&'static [usize]; 2] = [&[0, 1], &[2, 1, 0]];
    all(orders.into_iter().map(|order| async { used_by_stacks(Thing::all().await, order).await })).await;
}

#[tokio::test]
async fn an_account_that_its_maker_would_not_adopt_stays_until_those_who_adopted_it_are_gone_too() {
    all([[0, 1, 2], [2, 0, 1]].map(|order| async move {
        let name = unique("made");
        let mut play = Play::of(vec![Thing::account("Account", &name, false)]).await;
        let adopting = Play::of(vec![Thing::account("Account", &name, true)]).await.template(&["User"]);
        let mut stacks = vec![play.begun_by("User", &play.template(&["User"])).await];
        for _ in 1..order.len() {
            let stack = Stack::create(&adopting, "CREATE_COMPLETE").await;
            let user = play.user(&stack, "User").await;
            stacks.push((stack, user));
        }
        go_in(&play, &stacks, &order).await;
    }))
    .await;
}

#[tokio::test]
async fn principals_that_stacks_add_to_shares_of_another_one_stay_until_the_last_is_gone_and_then_the_shares_can_go() {
    let (listed, added) = (member(None).await, member(None).await);
    let share = |principals: &[&str]| {
        let wanted = json!({ "Name": unique("share"), "SubnetIds": [some_subnet()], "Principals": principals });
        resource("Custom::SubnetShare", "subnet-share", wanted)
    };
    let shares = json!({ "Share": share(&[]), "Listing": share(&[&listed]) });
    let owner = Stack::create(&template(&shares, &[]), "CREATE_COMPLETE").await;
    let (plain, listing) = (owner.output("Share").await, owner.output("Listing").await);
    for order in [[0, 1, 2], [2, 1, 0]] {
        let things = vec![
            Thing::principal("Added", &plain, &added),
            Thing::principal("Listed", &listing, &listed).that_was_there(),
        ];
        used_by_stacks(things, &order).await;
    }
    owner.delete("DELETE_COMPLETE").await;
    for arn in [plain, listing] {
        assert!(associations(&arn).await.is_empty(), "{arn}");
    }
}

#[tokio::test]
async fn what_three_resources_of_a_stack_use_stays_until_the_last_is_gone_in_every_order() {
    all(ORDERS.into_iter().map(|order| async move {
        let mut play = Play::of(Thing::each().await).await;
        let (stack, one) = play.begun_by("One", &play.template(&["One"])).await;
        update(&stack, &play.template(&["One", "Two", "Three"])).await;
        let users =
            [("One", one), ("Two", play.user(&stack, "Two").await), ("Three", play.user(&stack, "Three").await)];
        for gone in 0..order.len() {
            let left = &order[gone..];
            if gone > 0 {
                update(&stack, &play.template(left)).await;
            }
            let users: Vec<_> = users.iter().filter(|(name, _)| left.contains(name)).map(|(_, user)| user).collect();
            play.is_there(&users, &format!("after {gone} of {order:?}")).await;
        }
        stack.delete("DELETE_COMPLETE").await;
        play.is_over().await;
    }))
    .await;
}
