//! However an answer is lost and however busy RAM is, a share is made once, and is waited for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use archipelago_tests::call::Call;
use archipelago_tests::cloudformation::{Delivery, Status};
use archipelago_tests::fault::Fault;
use archipelago_tests::function::SHORT;
use archipelago_tests::http::Reply;
use serde_json::{Value, json};

use super::{Fixture, cut_after, in_order, with};
use crate::network::{associated, associations, member, shares, some_subnet, text, the_share, unique, unit};

const ONBOARDING: &str = "The resource you are attempting to share can only be shared within your AWS Organization. \
    This error may also occur if you have not enabled sharing with your AWS organization, or that onboarding process is \
    still in progress.";

/// What a look at a share calls.
const READS: [&str; 4] =
    ["DescribeOrganization", "GetResourceShares", "GetResourceShareAssociations", "GetResourceShareAssociations"];

async fn fixture(fault: impl Fn(&Call) -> Fault + Send + Sync + 'static) -> Fixture {
    Fixture::of("SubnetShare", Duration::from_mins(1), fault).await
}

/// A share of one subnet with an OU, whose ARN as RAM lists it comes along.
async fn wanted() -> (Value, String) {
    let (_, arn) = unit().await;
    (json!({ "Name": unique("share"), "SubnetIds": [some_subnet()], "Principals": [arn] }), arn)
}

fn refused(call: &Call, code: &str, message: &str) -> Fault {
    Fault::Before(call.error(400, code, message))
}

/// Panics unless there is exactly one share with these properties, which gives what they say.
async fn is_there_once(fixture: &Fixture, properties: &Value) {
    let share = the_share(properties["Name"].as_str().unwrap()).await;
    let arn = text(&share["resourceShareArn"]);
    assert_eq!(fixture.stack.resource.live().unwrap().physical_resource_id, arn);
    let entities = [&properties["SubnetIds"], &properties["Principals"]].map(|list| list.as_array().unwrap().clone());
    let entities: Vec<_> = entities.iter().flatten().map(|entity| entity.as_str().unwrap()).collect();
    let all = associations(&arn).await;
    let mut lasting = all.clone();
    // What failed and was given up gives nothing to anybody.
    lasting.retain(|_, status| status != "FAILED");
    assert_eq!(lasting, associated(&entities), "{all:?}");
}

async fn creates(fixture: &mut Fixture, properties: &Value) {
    let run = fixture.stack.create(properties).await.sound();
    assert_eq!(run.status, Status::CreateComplete, "{:?}", run.reason());
    is_there_once(fixture, properties).await;
}

async fn deletes(fixture: &mut Fixture, name: &Value) {
    let run = fixture.stack.delete().await.sound();
    assert_eq!(run.status, Status::DeleteComplete, "{:?}", run.reason());
    assert!(shares(name.as_str().unwrap()).await.is_empty());
}

#[tokio::test]
async fn a_share_whose_creation_lost_its_answer_is_found_by_its_mark() {
    let mut fixture = fixture(|call| match call.operation.as_str() {
        "CreateResourceShare" => cut_after(),
        _ => Fault::None,
    })
    .await;
    let (wanted, _) = wanted().await;
    creates(&mut fixture, &wanted).await;
    let calls = fixture.aws.calls().into_iter().filter(|call| call.operation == "CreateResourceShare");
    let tokens: BTreeSet<_> = calls.map(|call| text(&call.input["clientToken"])).collect();
    assert_eq!(tokens.len(), 1, "nothing may send it again as another wish: {tokens:?}");
    deletes(&mut fixture, &wanted["Name"]).await;
}

#[tokio::test]
async fn a_share_that_no_list_shows_yet_is_made_once_by_its_client_token() {
    let mut fixture = fixture(|call| match (call.operation.as_str(), call.nth) {
        ("CreateResourceShare", 1) => cut_after(),
        // The second look by the mark, in two pages.
        ("GetResourceShares", 3 | 4) => Fault::Stale,
        _ => Fault::None,
    })
    .await;
    let (wanted, _) = wanted().await;
    creates(&mut fixture, &wanted).await;
    assert_eq!(fixture.aws.count("CreateResourceShare"), 2, "the second is answered with what the first made");
}

#[tokio::test]
async fn a_share_whose_creation_never_arrived_is_made_once() {
    let mut fixture = fixture(|call| match (call.operation.as_str(), call.nth) {
        ("CreateResourceShare", 1) => Fault::Before(Reply::Cut),
        _ => Fault::None,
    })
    .await;
    let (wanted, _) = wanted().await;
    creates(&mut fixture, &wanted).await;
    assert_eq!(fixture.done("CreateResourceShare"), 1);
}

#[tokio::test]
async fn a_create_that_is_delivered_twice_at_once_makes_one_share() {
    let mut fixture = fixture(|_| Fault::None).await;
    fixture.stack.delivery = Delivery::AtOnce;
    let (wanted, _) = wanted().await;
    creates(&mut fixture, &wanted).await;
    deletes(&mut fixture, &wanted["Name"]).await;
}

#[tokio::test]
async fn changes_and_deletions_that_lost_their_answers_are_made_all_the_same() {
    let lost = ["UpdateResourceShare", "AssociateResourceShare", "DisassociateResourceShare", "DeleteResourceShare"];
    let mut fixture = fixture(move |call| match call.nth {
        1 if lost.contains(&call.operation.as_str()) => cut_after(),
        _ => Fault::None,
    })
    .await;
    let (wanted, _) = wanted().await;
    creates(&mut fixture, &wanted).await;
    let other = json!({ "Name": unique("renamed"), "SubnetIds": [some_subnet()], "Principals": [member(None).await] });
    let run = fixture.stack.update(&other).await.sound();
    assert_eq!(run.status, Status::UpdateComplete, "{:?}", run.reason());
    is_there_once(&fixture, &other).await;
    deletes(&mut fixture, &other["Name"]).await;
}

#[tokio::test]
async fn whatever_ram_is_busy_with_is_waited_for() {
    let mut fixture = fixture(|call| {
        let says = |code: &str| refused(call, code, "Try again.");
        match (call.operation.as_str(), call.nth) {
            ("CreateResourceShare", 1) | ("DisassociateResourceShare", 2) => says("ThrottlingException"),
            ("CreateResourceShare", 2) => Fault::Before(call.error(500, "ServerInternalException", "Try again.")),
            ("GetResourceShareAssociations" | "DeleteResourceShare", 1) => {
                Fault::Before(call.error(503, "ServiceUnavailableException", "Try again."))
            }
            (
                "AssociateResourceShare"
                | "DisassociateResourceShare"
                | "UpdateResourceShare"
                | "TagResource"
                | "UntagResource",
                1,
            ) => says("InvalidStateTransitionException"),
            _ => Fault::None,
        }
    })
    .await;
    let (wanted, _) = wanted().await;
    let tagged = with(wanted, json!({ "Tags": [{ "Key": "stage", "Value": "production" }] }));
    creates(&mut fixture, &tagged).await;
    let other = json!({
        "Name": unique("renamed"),
        "SubnetIds": [some_subnet()],
        "Principals": tagged["Principals"],
        "Tags": [{ "Key": "team", "Value": "network" }],
    });
    let run = fixture.stack.update(&other).await.sound();
    assert_eq!(run.status, Status::UpdateComplete, "{:?}", run.reason());
    is_there_once(&fixture, &other).await;
    deletes(&mut fixture, &other["Name"]).await;
    assert_eq!((fixture.aws.count("CreateResourceShare"), fixture.done("CreateResourceShare")), (3, 1));
}

#[tokio::test]
async fn a_fresh_role_may_be_denied_everything_for_a_moment() {
    let operations = ["GetResourceShares", "CreateResourceShare", "GetResourceShareAssociations", "TagResource"];
    let mut fixture = fixture(move |call| match call.nth {
        1 if operations.contains(&call.operation.as_str()) => {
            let words = format!("User is not authorized to perform: ram:{}", call.operation);
            Fault::Before(call.error(403, "AccessDeniedException", &words))
        }
        _ => Fault::None,
    })
    .await;
    let (wanted, _) = wanted().await;
    creates(&mut fixture, &wanted).await;
}

#[tokio::test]
async fn an_onboarding_that_is_in_progress_is_waited_for() {
    let mut fixture = fixture(|call| match (call.operation.as_str(), call.nth) {
        ("CreateResourceShare", 1) => refused(call, "OperationNotPermittedException", ONBOARDING),
        ("CreateResourceShare", 2) => {
            refused(call, "UnknownResourceException", "Organization o-exampleorgid could not be found.")
        }
        ("AssociateResourceShare", 1) => refused(call, "InvalidParameterException", ONBOARDING),
        _ => Fault::None,
    })
    .await;
    let (wanted, _) = wanted().await;
    creates(&mut fixture, &wanted).await;
    let more = with(wanted, json!({ "SubnetIds": [some_subnet()] }));
    let run = fixture.stack.update(&more).await.sound();
    assert_eq!(run.status, Status::UpdateComplete, "{:?}", run.reason());
    is_there_once(&fixture, &more).await;
}

#[tokio::test]
async fn an_onboarding_that_does_not_end_is_given_up_after_ten_minutes_with_what_to_do() {
    let never = |call: &Call| match call.operation.as_str() {
        "CreateResourceShare" => refused(call, "OperationNotPermittedException", ONBOARDING),
        _ => Fault::None,
    };
    let mut fixture = Fixture::of("SubnetShare", SHORT, never).await;
    let (wanted, _) = wanted().await;
    let event = fixture.stack.resource.create(&wanted).unwrap();
    let url = fixture.stack.handler.url(&event);
    fixture.function().invoke(&event.to_json(url.as_str())).await;
    fixture.function().invoked(2).await;
    // The same wait, ten minutes older.
    let mut older = fixture.function().records()[1].event.clone();
    let waits = older["Continuation"]["Waits"].as_array_mut().unwrap();
    assert_eq!(waits.len(), 1, "{waits:?}");
    let began = waits[0][1].as_u64().unwrap();
    waits[0][1] = json!(began - 600_000);
    fixture.function().invoke(&older).await;
    let put = url.received(1).await.remove(0);
    let body = String::from_utf8_lossy(&put.body).into_owned();
    assert!(body.contains("FAILED") && body.contains("onboarding process is still in progress"), "{body}");
    assert!(body.contains("`ResourceSharing: true` on a `Custom::Organization`"), "{body}");
    assert!(shares(wanted["Name"].as_str().unwrap()).await.is_empty());
}

#[tokio::test]
async fn a_share_that_stays_pending_outlives_invocations_and_is_answered_once() {
    let active = Arc::new(AtomicBool::new(false));
    let state = Arc::clone(&active);
    let pending = move |call: &Call| match call.operation.as_str() {
        "GetResourceShares" if !state.load(Ordering::SeqCst) => Fault::rewritten(|answer| {
            for share in answer["resourceShares"].as_array_mut().unwrap() {
                share["status"] = json!("PENDING");
            }
        }),
        _ => Fault::None,
    };
    let mut fixture = Fixture::of("SubnetShare", SHORT, pending).await;
    let (wanted, _) = wanted().await;
    let event = fixture.stack.resource.create(&wanted).unwrap();
    let second = async {
        fixture.function().invoked(2).await;
        active.store(true, Ordering::SeqCst);
    };
    let (step, ()) = tokio::join!(fixture.stack.deliver(&event), second);
    assert!(step.violations.is_empty(), "{:?}", step.violations);
    assert!(step.answer.as_ref().unwrap().success, "{:?}", step.answer);
    assert_eq!(fixture.stack.resource.answered(&event, step.answer.as_ref()).unwrap(), None);
    is_there_once(&fixture, &wanted).await;
    assert!(fixture.function().records().iter().skip(1).all(|record| record.through_lambda));
    assert_eq!(fixture.aws.count("CreateResourceShare"), 1);
}

#[tokio::test]
async fn an_association_that_failed_once_is_tried_again() {
    let mut fixture = fixture(|call| match (call.operation.as_str(), call.nth) {
        // Both kinds are asked for at once, each in two pages.
        ("GetResourceShareAssociations", ..=4) => Fault::rewritten(|answer| {
            for association in answer["resourceShareAssociations"].as_array_mut().unwrap() {
                association["status"] = json!("FAILED");
            }
        }),
        _ => Fault::None,
    })
    .await;
    let (wanted, _) = wanted().await;
    creates(&mut fixture, &wanted).await;
    assert_eq!(fixture.aws.count("AssociateResourceShare"), 1);
}

#[tokio::test]
async fn a_create_that_is_cancelled_leaves_no_share() {
    let fixture = fixture(|_| Fault::None).await;
    let (wanted, _) = wanted().await;
    let slow = json!([{ "Key": "local:association-seconds", "Value": "0.5" }]);
    // The Create looks for its share for as long as it may.
    let wanted = with(wanted, json!({ "Tags": slow, "ServiceTimeout": 20 }));
    let Fixture { aws, mut stack } = fixture;
    let made = aws.called(|call| call.operation == "CreateResourceShare" && call.status == Some(200));
    let run = stack.cancelled_create(&wanted, made).await;
    assert_eq!(run.status, Status::RollbackComplete, "{:?}", run.reason());
    assert!(shares(wanted["Name"].as_str().unwrap()).await.is_empty());
}

#[tokio::test]
async fn each_operation_makes_the_calls_that_its_page_lists() {
    let mut fixture = fixture(|_| Fault::None).await;
    let (id, _) = unit().await;
    let subnet = some_subnet();
    let tags = |key: &str| json!([{ "Key": key, "Value": "one" }]);
    let first = json!({ "Name": unique("share"), "SubnetIds": [subnet], "Principals": [id], "Tags": tags("a") });
    let same = with(first.clone(), json!({ "Principals": [id, id] }));
    let other = json!({
        "Name": unique("renamed"),
        "SubnetIds": [some_subnet()],
        "Principals": [id],
        "Tags": tags("b"),
    });
    let [describe, shares, associations, _] = READS;
    let run = fixture.stack.create(&first).await;
    let mut expected = vec![describe, shares, "CreateResourceShare"];
    expected.extend(READS);
    assert_eq!(fixture.calls_of(run, 0), in_order(expected));
    let mut seen = fixture.aws.calls().len();
    let run = fixture.stack.update(&same).await;
    assert_eq!(fixture.calls_of(run, seen), in_order(READS));
    seen = fixture.aws.calls().len();
    let run = fixture.stack.update(&other).await;
    let mut expected = vec![describe, shares, "UpdateResourceShare", "TagResource", "UntagResource"];
    expected.extend([associations, associations, "AssociateResourceShare"]);
    expected.extend(READS);
    expected.push("DisassociateResourceShare");
    expected.extend(READS);
    assert_eq!(fixture.calls_of(run, seen), in_order(expected));
    seen = fixture.aws.calls().len();
    let run = fixture.stack.delete().await;
    assert_eq!(fixture.calls_of(run, seen), [shares, "DeleteResourceShare", shares, shares]);
}
