//! The simulator sends what CloudFormation sends, and names what an answer does wrong.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use archipelago_tests::binary::Binary;
use archipelago_tests::cloudformation::{Delivery, Event, Handler, Put, RequestType, Resource, Simulator, Status};
use archipelago_tests::function::{Configuration, Function};
use archipelago_tests::response_server::{Reaction, ResponseServer};
use serde_json::{Value, json};
use tokio::sync::Notify;

use RequestType::{Create, Delete, Update};

fn resource() -> Resource {
    Resource::new("demo", "Thing", "Custom::Thing", 1)
}

/// The right answer to an event: the id is the property `Name`, `Fail` in the properties fails.
fn right(event: &Event) -> Value {
    let failed = event.properties.contains_key("Fail") && event.request_type != Delete;
    let id = match event.request_type {
        Delete => event.physical_resource_id.clone().unwrap(),
        _ => format!("thing-{}", event.properties["Name"].as_str().unwrap()),
    };
    let mut answer = json!({
        "Status": if failed { "FAILED" } else { "SUCCESS" },
        "PhysicalResourceId": id,
        "StackId": event.stack_id,
        "RequestId": event.request_id,
        "LogicalResourceId": event.logical_resource_id,
        "Data": { "Arn": "arn" },
    });
    if failed {
        answer["Reason"] = json!("asked for");
    }
    answer
}

/// A CloudFormation against answers that `spoil` has had its hands on.
fn spoilt(spoil: impl Fn(&Event, &mut Value)) -> Simulator<impl Handler> {
    let handler = move |event: Event| {
        let mut answer = right(&event);
        spoil(&event, &mut answer);
        async move { vec![Put::of(&answer)] }
    };
    Simulator::new(handler, resource())
}

fn healthy() -> Simulator<impl Handler> {
    spoilt(|_, _| ())
}

async fn violation_of_create(spoil: impl Fn(&mut Value)) -> String {
    let run = spoilt(move |_, answer| spoil(answer)).create(&json!({ "Name": "a" })).await;
    run.steps[0].violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_life_without_trouble_is_create_update_delete() {
    let mut stack = healthy();
    let created = stack.create(&json!({ "Name": "a", "Size": 3 })).await.sound();
    assert_eq!((created.requests(), created.status), (vec![Create], Status::CreateComplete));
    let updated = stack.update(&json!({ "Name": "a", "Size": 4 })).await.sound();
    assert_eq!((updated.requests(), updated.status), (vec![Update], Status::UpdateComplete));
    let deleted = stack.delete().await.sound();
    assert_eq!((deleted.requests(), deleted.status), (vec![Delete], Status::DeleteComplete));
}

#[tokio::test]
async fn scalars_arrive_as_strings_however_deep_they_are() {
    let run = healthy().create(&json!({ "Name": "a", "On": true, "Ports": [80, { "Deep": 1.5 }], "No": null })).await;
    assert_eq!(
        Value::Object(run.steps[0].event.properties.clone()),
        json!({ "Name": "a", "On": "true", "Ports": ["80", { "Deep": "1.5" }] })
    );
}

#[tokio::test]
async fn the_json_of_an_event_has_what_its_kind_has() {
    let mut stack = healthy();
    let created = stack.create(&json!({ "Name": "a" })).await.sound();
    let updated = stack.update(&json!({ "Name": "b" })).await.sound();
    let create = created.steps[0].event.to_json("https://example.com");
    assert_eq!(create.get("PhysicalResourceId"), None);
    assert_eq!(create.get("OldResourceProperties"), None);
    assert_eq!(create["ResourceProperties"]["ServiceToken"], create["ServiceToken"]);
    let update = updated.steps[0].event.to_json("https://example.com");
    assert_eq!(update["PhysicalResourceId"], "thing-a");
    assert_eq!(update["OldResourceProperties"]["Name"], "a");
    assert_ne!(create["RequestId"], update["RequestId"]);
}

#[tokio::test]
async fn properties_that_do_not_change_send_no_event() {
    let mut stack = healthy();
    let _ = stack.create(&json!({ "Name": "a", "Size": 3 })).await.sound();
    assert_eq!(stack.update(&json!({ "Name": "a", "Size": "3" })).await.requests(), []);
}

#[tokio::test]
async fn a_failed_create_is_deleted_by_the_id_of_its_answer() {
    let run = healthy().create(&json!({ "Name": "a", "Fail": true })).await.sound();
    assert_eq!((run.requests(), run.status), (vec![Create, Delete], Status::RollbackComplete));
    assert_eq!(run.steps[1].event.physical_resource_id.as_deref(), Some("thing-a"));
    assert_eq!(run.reason(), Some("asked for"));
}

#[tokio::test]
async fn another_id_is_a_replacement_and_the_old_one_is_cleaned_up() {
    let mut stack = healthy();
    let _ = stack.create(&json!({ "Name": "a" })).await.sound();
    let run = stack.update(&json!({ "Name": "b" })).await.sound();
    assert_eq!((run.requests(), run.status), (vec![Update, Delete], Status::UpdateComplete));
    assert_eq!(run.steps[1].event.physical_resource_id.as_deref(), Some("thing-a"));
    assert_eq!(run.steps[1].event.properties["Name"], "a");
    assert_eq!(stack.resource.live().unwrap().physical_resource_id, "thing-b");
}

#[tokio::test]
async fn a_clean_up_that_fails_is_abandoned() {
    let mut stack = spoilt(|event, answer| {
        if event.request_type == Delete {
            answer["Status"] = json!("FAILED");
            answer["Reason"] = json!("not empty");
        }
    });
    let _ = stack.create(&json!({ "Name": "a" })).await.sound();
    let run = stack.update(&json!({ "Name": "b" })).await.sound();
    assert_eq!(run.status, Status::UpdateComplete);
    assert_eq!(stack.resource.abandoned(), ["thing-a"]);
    assert_eq!(stack.delete().await.sound().status, Status::DeleteFailed);
    assert_eq!(stack.delete().await.sound().requests(), [Delete], "a failed Delete can be tried again");
}

#[tokio::test]
async fn a_failed_update_comes_back_with_its_sides_swapped() {
    let mut stack = healthy();
    let _ = stack.create(&json!({ "Name": "a" })).await.sound();
    let run = stack.update(&json!({ "Name": "a", "Fail": true })).await.sound();
    assert_eq!((run.requests(), run.status), (vec![Update, Update], Status::UpdateRollbackComplete));
    let back = &run.steps[1].event;
    assert!(!back.properties.contains_key("Fail"));
    assert!(back.old_properties.as_ref().unwrap().contains_key("Fail"));
}

#[tokio::test]
async fn a_replacement_that_failed_is_deleted_after_the_rollback() {
    let mut stack = healthy();
    let _ = stack.create(&json!({ "Name": "a" })).await.sound();
    let run = stack.update(&json!({ "Name": "b", "Fail": true })).await.sound();
    assert_eq!((run.requests(), run.status), (vec![Update, Update, Delete], Status::UpdateRollbackComplete));
    assert_eq!(run.steps[2].event.physical_resource_id.as_deref(), Some("thing-b"));
    assert_eq!(stack.resource.live().unwrap().physical_resource_id, "thing-a");
}

#[tokio::test]
async fn a_rollback_that_fails_can_be_continued() {
    let heals = AtomicUsize::new(0);
    let handler = |event: Event| {
        let mut answer = right(&event);
        if event.request_type == Update && heals.fetch_add(1, Ordering::Relaxed) < 2 {
            answer["Status"] = json!("FAILED");
            answer["Reason"] = json!("not today");
        }
        async move { vec![Put::of(&answer)] }
    };
    let mut stack = Simulator::new(handler, resource());
    let _ = stack.create(&json!({ "Name": "a" })).await.sound();
    let failed = stack.update(&json!({ "Name": "a", "Size": 1 })).await.sound();
    assert_eq!(failed.status, Status::UpdateRollbackFailed);
    let again = stack.resource.continue_rollback();
    let run = stack.run(again).await.sound();
    assert_eq!((run.requests(), run.status), (vec![Update], Status::UpdateRollbackComplete));
    assert!(!run.steps[0].event.properties.contains_key("Size"));
}

#[tokio::test]
async fn the_failure_of_another_resource_rolls_a_success_back() {
    let mut stack = healthy();
    stack.resource.fail_another();
    let created = stack.create(&json!({ "Name": "a" })).await.sound();
    assert_eq!((created.requests(), created.status), (vec![Create, Delete], Status::RollbackComplete));
    let first = created.steps[0].event.stack_id.clone();
    let again = stack.create(&json!({ "Name": "a" })).await.sound();
    assert_ne!(again.steps[0].event.stack_id, first, "a stack that is made again is another one");
    stack.resource.fail_another();
    let updated = stack.update(&json!({ "Name": "b" })).await.sound();
    assert_eq!((updated.requests(), updated.status), (vec![Update, Update, Delete], Status::UpdateRollbackComplete));
}

#[tokio::test]
async fn a_cancelled_create_is_deleted_by_an_invented_id_while_it_still_runs() {
    let (running, deleted, order) = (Notify::new(), Notify::new(), Mutex::new(Vec::new()));
    let (started, gone, seen) = (&running, &deleted, &order);
    let handler = |event: Event| async move {
        if event.request_type == Create {
            started.notify_one();
            gone.notified().await;
        } else {
            gone.notify_one();
        }
        seen.lock().unwrap().push(event.request_type);
        vec![Put::of(&right(&event))]
    };
    let mut stack = Simulator::new(handler, resource());
    let run = stack.cancelled_create(&json!({ "Name": "a" }), running.notified()).await.sound();
    assert_eq!(run.status, Status::RollbackComplete);
    let id = run.steps[1].event.physical_resource_id.clone().unwrap();
    assert!(id.starts_with("demo-Thing-"), "{id}");
    assert_eq!(*order.lock().unwrap(), [Delete, Create]);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_create_that_waited_for_its_turn_arrives_after_its_delete() {
    let order = Mutex::new(Vec::new());
    let seen = &order;
    let handler = |event: Event| async move {
        seen.lock().unwrap().push(event.request_type);
        vec![Put::of(&right(&event))]
    };
    let mut stack = Simulator::new(handler, resource());
    stack.delivery = Delivery::After(Duration::from_mins(1));
    let run = stack.cancelled_create(&json!({ "Name": "a" }), async {}).await.sound();
    assert_eq!((run.requests(), run.status), (vec![Create, Delete], Status::RollbackComplete));
    assert_eq!(*order.lock().unwrap(), [Delete, Create]);
}

#[tokio::test]
async fn what_was_cancelled_goes_on_until_all_that_follows_has_ended() {
    let cleaned = Notify::new();
    let (gate, order) = (&cleaned, Mutex::new(Vec::new()));
    let seen = &order;
    let handler = |event: Event| async move {
        if event.request_type == Update && event.properties["Name"] == "c" {
            gate.notified().await;
        } else if event.request_type == Delete {
            gate.notify_one();
        }
        seen.lock().unwrap().push(event.request_type);
        let mut answer = right(&event);
        if event.request_type == Update && event.properties["Name"] == "a" {
            answer["PhysicalResourceId"] = json!("thing-a-again");
        }
        vec![Put::of(&answer)]
    };
    let mut stack = Simulator::new(handler, resource());
    let _ = stack.create(&json!({ "Name": "a" })).await.sound();
    let run = stack.cancelled_update(&json!({ "Name": "c" }), async {}).await.sound();
    assert_eq!((run.requests(), run.status), (vec![Update, Update, Delete], Status::UpdateRollbackComplete));
    assert_eq!(*order.lock().unwrap(), [Create, Update, Delete, Update]);
}

#[tokio::test]
async fn a_cancelled_update_is_rolled_back_and_its_answer_is_not_read() {
    let go = Notify::new();
    let gate = &go;
    let handler = |event: Event| async move {
        if event.properties["Name"] == "b" && event.request_type == Update {
            gate.notified().await;
        } else {
            gate.notify_one();
        }
        vec![Put::of(&right(&event))]
    };
    let mut stack = Simulator::new(handler, resource());
    let _ = stack.create(&json!({ "Name": "a" })).await.sound();
    let run = stack.cancelled_update(&json!({ "Name": "b" }), async {}).await.sound();
    assert_eq!((run.requests(), run.status), (vec![Update, Update], Status::UpdateRollbackComplete));
    assert_eq!(stack.resource.live().unwrap().physical_resource_id, "thing-a");
}

#[tokio::test]
async fn an_event_can_arrive_twice_in_sequence_or_at_once() {
    for delivery in [Delivery::Twice, Delivery::AtOnce] {
        let mut stack = healthy();
        stack.delivery = delivery;
        let run = stack.create(&json!({ "Name": "a" })).await.sound();
        assert_eq!(run.steps[0].puts.len(), 2);
    }
}

#[tokio::test]
async fn request_ids_can_be_used_again() {
    let mut stack = healthy();
    let created = stack.create(&json!({ "Name": "a" })).await;
    stack.resource.reuse_request_ids(true);
    let updated = stack.update(&json!({ "Name": "b" })).await.sound();
    assert_eq!(created.steps[0].event.request_id, updated.steps[0].event.request_id);
    assert_ne!(created.steps[0].event.serial, updated.steps[0].event.serial);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_makes_the_same_ids() {
    let (mut one, mut two) = (healthy(), healthy());
    let properties = json!({ "Name": "a" });
    assert_eq!(one.create(&properties).await.steps[0].event, two.create(&properties).await.steps[0].event);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_reported_and_rolled_back_by_an_invented_id() {
    let handler = |event: Event| async move {
        if event.request_type == Create {
            std::future::pending::<()>().await;
        }
        vec![Put::of(&right(&event))]
    };
    let mut stack = Simulator::new(handler, resource());
    stack.service_timeout = Duration::from_secs(30);
    let run = stack.create(&json!({ "Name": "a" })).await;
    assert_eq!(run.violations(), ["no answer within the ServiceTimeout of 30s"]);
    assert_eq!((run.requests(), run.status), (vec![Create, Delete], Status::RollbackComplete));
    assert!(run.steps[1].event.physical_resource_id.as_ref().unwrap().starts_with("demo-Thing-"));
}

#[tokio::test]
async fn a_second_answer_is_a_violation_and_so_is_none() {
    let twice = |event: Event| async move { vec![Put::of(&right(&event)), Put::of(&right(&event))] };
    let run = Simulator::new(twice, resource()).create(&json!({ "Name": "a" })).await;
    assert_eq!(run.violations(), ["2 answers to 1 deliveries, one each is right"]);
    let never = |_: Event| async { Vec::new() };
    let run = Simulator::new(never, resource()).create(&json!({ "Name": "a" })).await;
    assert!(run.violations()[0].starts_with("no answer: "));
}

#[tokio::test]
async fn a_put_that_s3_refused_is_no_answer() {
    let refused = |event: Event| async move {
        let mut put = Put::of(&right(&event));
        put.status = 503;
        vec![put.clone(), Put { status: 200, ..put }]
    };
    let _ = Simulator::new(refused, resource()).create(&json!({ "Name": "a" })).await.sound();
}

#[tokio::test]
async fn an_answer_of_4096_bytes_is_taken_and_one_more_is_too_long() {
    let pad = |answer: &mut Value, bytes: usize| {
        answer["Data"]["Pad"] = json!("");
        let rest = bytes - answer.to_string().len();
        answer["Data"]["Pad"] = json!("x".repeat(rest));
    };
    assert_eq!(violation_of_create(move |answer| pad(answer, 4096)).await, "");
    let violation = violation_of_create(move |answer| pad(answer, 4097)).await;
    assert_eq!(violation, "Response object is too long: the body has 4097 bytes of 4096");
}

#[tokio::test]
async fn what_is_missing_null_or_altered_is_named() {
    let cases: [(&str, Value, &str); 11] = [
        ("StackId", json!("arn:other"), "StackId is `arn:other`, but the event's is "),
        ("RequestId", json!(""), "RequestId is required: "),
        ("LogicalResourceId", Value::Null, "LogicalResourceId is null: CloudFormation discards such an answer"),
        ("Reason", Value::Null, "Reason is null: CloudFormation discards such an answer"),
        ("Status", json!("DONE"), "Status is `DONE`, neither SUCCESS nor FAILED"),
        ("Status", json!("FAILED"), "Reason is required when FAILED"),
        ("PhysicalResourceId", json!(""), "Invalid PhysicalResourceId: "),
        ("PhysicalResourceId", json!("x".repeat(1025)), "PhysicalResourceId has 1025 bytes of 1024"),
        ("Data", json!(["a"]), "Data is not an object"),
        ("Data", json!({ "Size": 3 }), "Data.Size is 3, and no string: Template format error: "),
        ("Data", json!({ "A": { "B": [true] } }), "Data.A.B[] is true, and no string"),
    ];
    for (field, value, sentence) in cases {
        let violation = violation_of_create(move |answer| answer[field] = value.clone()).await;
        assert!(violation.starts_with(sentence), "{field}: `{violation}` is not `{sentence}`");
    }
}

#[tokio::test]
async fn another_id_on_delete_is_a_violation() {
    let mut stack = spoilt(|event, answer| {
        if event.request_type == Delete {
            answer["PhysicalResourceId"] = json!("other");
        }
    });
    let _ = stack.create(&json!({ "Name": "a" })).await.sound();
    let run = stack.delete().await;
    assert_eq!(run.violations(), ["PhysicalResourceId changed from `thing-a` to `other` on Delete"]);
}

#[tokio::test]
async fn an_attribute_that_an_update_forgets_is_a_violation() {
    let mut stack = spoilt(|event, answer| {
        if event.request_type == Update {
            answer["Data"] = json!({});
        }
    });
    let _ = stack.create(&json!({ "Name": "a" })).await.sound();
    let run = stack.update(&json!({ "Name": "b" })).await;
    assert!(run.violations()[0].starts_with("Vendor response doesn't contain Arn key in object"));
}

#[tokio::test]
async fn wrong_headers_are_named() {
    let handler = |event: Event| async move {
        let mut put = Put::of(&right(&event));
        put.headers.0 = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("content-length".to_owned(), "7".to_owned()),
        ];
        vec![put]
    };
    let run = Simulator::new(handler, resource()).create(&json!({ "Name": "a" })).await;
    let violations = run.violations().join("\n");
    assert!(violations.contains("Content-Type is `application/json`, but the URL is signed for none"), "{violations}");
    assert!(violations.contains("Content-Length says 7, but the body has "), "{violations}");
}

/// Things by their ids; a Create or Update with `Fail` makes nothing.
#[derive(Default)]
struct Things(Mutex<BTreeSet<String>>);

impl Things {
    fn handle(&self, event: &Event) -> Value {
        let mut things = self.0.lock().unwrap();
        let answer = right(event);
        let named = format!("thing-{}", event.properties["Name"].as_str().unwrap());
        if event.request_type == Delete {
            // An invented id says nothing, so the properties have to.
            let id = event.physical_resource_id.as_ref().unwrap();
            things.remove(if id.starts_with("thing-") { id } else { &named });
        } else if answer["Status"] == "SUCCESS" {
            // A replacement that was cancelled has left a thing whose id CloudFormation never heard.
            if let Some(old) = &event.old_properties {
                let old = format!("thing-{}", old["Name"].as_str().unwrap());
                if event.physical_resource_id.as_ref() != Some(&old) {
                    things.remove(&old);
                }
            }
            things.insert(named);
        }
        answer
    }
}

#[tokio::test]
async fn two_thousand_random_lives_leave_nothing_behind() {
    for seed in 0..2000 {
        let things = Things::default();
        let mut random = fastrand::Rng::with_seed(seed);
        let there = &things;
        let handler = |event: Event| async move { vec![Put::of(&there.handle(&event))] };
        let mut stack = Simulator::new(handler, Resource::new("demo", "Thing", "Custom::Thing", seed));
        for _ in 0..random.usize(1..12) {
            let mut properties = json!({ "Name": random.alphabetic().to_string(), "Size": random.u8(..3) });
            if random.u8(..4) == 0 {
                properties["Fail"] = json!(true);
            }
            stack.delivery = *random.choice(&[Delivery::Once, Delivery::Twice, Delivery::AtOnce]).unwrap();
            stack.resource.reuse_request_ids(random.bool());
            let run = match random.u8(..8) {
                0 => stack.delete().await,
                1 => stack.cancelled_create(&properties, async {}).await,
                2 => stack.cancelled_update(&properties, async {}).await,
                3 => {
                    stack.resource.fail_another();
                    stack.update(&properties).await
                }
                4 | 5 => stack.create(&properties).await,
                _ => stack.update(&properties).await,
            };
            let _ = run.sound();
        }
        let _ = stack.delete().await.sound();
        assert!(stack.resource.live().is_none(), "seed {seed}: {:?}", stack.resource);
        let left = things.0.lock().unwrap().clone();
        assert!(left.is_empty(), "seed {seed} leaves {left:?}");
    }
}

async fn puppet(
    script: impl IntoIterator<Item = Reaction>,
    adjust: impl FnOnce(Configuration) -> Configuration,
) -> Simulator<Binary> {
    let function = Function::start(adjust(Configuration::new("puppet", env!("CARGO_BIN_EXE_puppet")))).await;
    Simulator::new(Binary::new(function, ResponseServer::start().await).scripted(script), resource())
}

#[tokio::test]
async fn a_binary_can_be_put_under_it() {
    let mut stack = puppet([Reaction::Status(500)], |puppet| puppet).await;
    stack.delivery = Delivery::AtOnce;
    let run = stack.create(&json!({ "Name": "a", "Fail": true })).await.sound();
    assert_eq!((run.requests(), run.status), (vec![Create, Delete], Status::RollbackComplete));
    assert_eq!(run.reason(), Some("the template says so"));
    assert_eq!(stack.handler.urls().len(), 2, "one URL for each event, whatever its deliveries");
}

#[tokio::test]
async fn a_binary_that_crashes_or_outlives_its_timeout_has_not_answered() {
    for properties in [json!({ "Kill": true }), json!({ "Sleep": 60_000 })] {
        let mut stack = puppet([], |puppet| puppet.punctual(Duration::from_millis(500))).await;
        let run = stack.create(&properties).await;
        assert!(run.violations()[0].starts_with("no answer: "), "{:?}", run.violations());
    }
}
