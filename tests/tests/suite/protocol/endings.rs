//! However the work ends: the example `scripted` of `custom-resource` ends as its template says.

use std::time::Duration;

use archipelago_tests::binary::{Binary, example};
use archipelago_tests::cloudformation::{RequestType, Resource, Run, Simulator, Status};
use archipelago_tests::function::{Configuration, Function, InvocationEnd, SHORT};
use archipelago_tests::response_server::ResponseServer;
use serde_json::{Value, json};

use super::returned;

async fn scripted(timeout: Duration) -> Simulator<Binary> {
    let responses = ResponseServer::start().await;
    let configuration = Configuration::new("scripted", example("scripted"))
        .timeout(timeout)
        .variable("RESPONSE_HOSTS", responses.origin());
    let function = Function::start(configuration).await;
    Simulator::new(Binary::new(function, responses), Resource::new("demo", "Script", "Custom::Scripted", 1))
}

/// Creates, and checks that the invocation returned whatever happened in it.
async fn created(stack: &mut Simulator<Binary>, properties: &Value) -> Run {
    let run = stack.create(properties).await.sound();
    for record in stack.handler.function.records() {
        returned(record.end.as_ref().unwrap());
    }
    run
}

fn id(run: &Run) -> &str {
    &run.steps[0].answer.as_ref().unwrap().physical_resource_id
}

#[tokio::test]
async fn whatever_fails_after_the_thing_exists_is_answered_with_its_id() {
    for ending in ["Refused", "Panic", "Hang"] {
        let mut stack = scripted(SHORT).await;
        let run = created(&mut stack, &json!({ "Ending": ending, "Id": "thing-1" })).await;
        assert_eq!(id(&run), "thing-1", "{ending}");
        assert_eq!(
            (run.requests(), run.status),
            (vec![RequestType::Create, RequestType::Delete], Status::RollbackComplete)
        );
        assert_eq!(run.steps[1].event.physical_resource_id.as_deref(), Some("thing-1"), "{ending}");
    }
}

#[tokio::test]
async fn whatever_fails_before_anything_exists_is_answered_with_an_id_that_delete_takes() {
    for ending in ["Refused", "Panic", "Hang"] {
        let mut stack = scripted(SHORT).await;
        let run = created(&mut stack, &json!({ "Ending": ending })).await;
        assert_eq!(run.status, Status::RollbackComplete, "{ending}");
    }
}

#[tokio::test]
async fn a_failed_update_is_answered_with_the_id_it_has() {
    for ending in ["Refused", "Panic", "Hang"] {
        let mut stack = scripted(SHORT).await;
        let _ = created(&mut stack, &json!({ "Id": "thing-1" })).await;
        let run = stack.update(&json!({ "Ending": ending })).await.sound();
        assert_eq!(id(&run), "thing-1", "{ending}");
        assert_eq!(run.status, Status::UpdateRollbackComplete, "{ending}");
    }
}

#[tokio::test]
async fn a_failed_update_that_made_a_replacement_is_answered_with_its_id() {
    let mut stack = scripted(SHORT).await;
    let _ = created(&mut stack, &json!({ "Id": "thing-1" })).await;
    let run = stack.update(&json!({ "Ending": "Panic", "Id": "thing-2" })).await.sound();
    assert_eq!(id(&run), "thing-2");
    assert_eq!(run.requests(), [RequestType::Update, RequestType::Update, RequestType::Delete]);
    assert_eq!(run.steps[2].event.physical_resource_id.as_deref(), Some("thing-2"));
}

#[tokio::test]
async fn a_failed_delete_is_answered_with_the_id_it_was_asked_for() {
    for ending in ["Refused", "Panic", "Hang"] {
        let mut stack = scripted(SHORT).await;
        let _ = created(&mut stack, &json!({ "Id": "thing-1", "DeleteEnding": ending })).await;
        let run = stack.delete().await.sound();
        assert_eq!((id(&run), run.status), ("thing-1", Status::DeleteFailed), "{ending}");
    }
}

#[tokio::test]
async fn a_panic_tells_nobody_its_message_and_leaves_the_process_to_the_next_event() {
    let mut stack = scripted(Duration::from_secs(30)).await;
    let run = created(&mut stack, &json!({ "Ending": "Panic" })).await;
    assert!(!run.reason().unwrap().contains("secret"), "{:?}", run.reason());
    assert_eq!(stack.handler.function.processes(), 1);
    let log = stack.handler.function.retire().await;
    assert!(log.iter().any(|line| line.text.contains("scripted.rs")), "the log says where: {log:?}");
    assert!(!log.iter().any(|line| line.text.contains("secret")), "{log:?}");
}

#[tokio::test]
async fn attributes_that_are_too_large_are_a_failure_that_names_them_and_keeps_the_id() {
    let mut stack = scripted(Duration::from_secs(30)).await;
    let run = created(&mut stack, &json!({ "Id": "thing-1", "Size": 5000 })).await;
    assert_eq!((id(&run), run.status), ("thing-1", Status::RollbackComplete));
    assert!(run.reason().unwrap().contains("Text"), "{:?}", run.reason());
}

#[tokio::test]
async fn an_answer_may_fill_its_4096_bytes() {
    let mut stack = scripted(Duration::from_secs(30)).await;
    let run = created(&mut stack, &json!({ "Id": "thing-1" })).await;
    let empty = run.steps[0].puts[0].body.len();
    let run = stack.update(&json!({ "Id": "thing-1", "Size": 4096 - empty })).await.sound();
    assert_eq!((run.steps[0].puts[0].body.len(), run.status), (4096, Status::UpdateComplete));
    let run = stack.update(&json!({ "Id": "thing-1", "Size": 4096 - empty + 1 })).await.sound();
    assert_eq!(run.status, Status::UpdateRollbackComplete);
}

#[tokio::test]
async fn work_without_an_id_is_a_defect_that_is_answered() {
    let mut stack = scripted(Duration::from_secs(30)).await;
    let run = created(&mut stack, &json!({})).await;
    assert_eq!(run.status, Status::RollbackComplete);
}

#[tokio::test]
async fn an_id_that_is_too_long_is_a_failure() {
    let mut stack = scripted(Duration::from_secs(30)).await;
    let run = created(&mut stack, &json!({ "Id": "x".repeat(1025) })).await;
    assert_eq!(run.status, Status::RollbackComplete);
}

#[tokio::test]
async fn what_is_never_finished_is_given_up_within_the_service_timeout_and_says_what_it_waited_for() {
    // That it is within that time is tried with a clock that is played.
    let mut stack = scripted(SHORT).await;
    let properties = json!({ "Ending": "NotYet", "Id": "thing-1", "ServiceTimeout": 24 });
    let run = created(&mut stack, &properties).await;
    assert_eq!((id(&run), run.status), ("thing-1", Status::RollbackComplete));
    assert!(run.reason().unwrap().contains("the template wants to be waited for"), "{:?}", run.reason());
}

#[tokio::test]
async fn a_process_that_dies_cannot_answer() {
    let mut stack = scripted(Duration::from_secs(30)).await;
    let event = stack.resource.create(&json!({ "Ending": "Abort" })).unwrap();
    let url = stack.handler.responses.url();
    let end = stack.handler.function.invoke(&event.to_json(url.as_str())).await;
    assert_eq!((end, url.puts()), (InvocationEnd::Crashed, vec![]));
}
