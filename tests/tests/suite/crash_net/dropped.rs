//! What nobody can answer, now or later.

use archipelago_tests::response_server::{Reaction, ResponseServer};
use serde_json::{Value, json};

use super::{Fixture, Unanswered, record};

#[tokio::test]
async fn a_url_that_has_expired_is_given_up() {
    let fixture = Fixture::new().await;
    let unanswered = fixture.create_scripted([Reaction::Status(403), Reaction::Status(403)]);
    fixture.settle(&[unanswered.record("timed-out")]).await;
    assert_eq!(unanswered.statuses(), [403, 403]);
    assert!(fixture.log(&[&unanswered]).await.contains("CloudFormation waits no longer"));
}

#[tokio::test]
async fn a_message_that_is_no_record_is_logged_and_comes_again_until_the_queue_keeps_it_for_a_person() {
    let fixture = Fixture::new().await;
    let neighbour = fixture.create();
    let bodies = ["", "no json, but confidant", "{}", "[]", "null"].map(str::to_owned);
    let bodies: Vec<_> = bodies.into_iter().chain([neighbour.record("timed-out")]).collect();
    assert_eq!(fixture.take(&bodies).await, [0, 1, 2, 3, 4]);
    assert!(!neighbour.answer().success);
    let log = fixture.log(&[&neighbour]).await;
    assert_eq!(log.matches("no record of a failed invocation").count(), 5, "{log}");
}

#[tokio::test]
async fn an_event_that_does_not_say_to_whom_is_logged_and_dropped() {
    let fixture = Fixture::new().await;
    let unanswered = fixture.create();
    let without = |member: &str| {
        let mut event = unanswered.to_json();
        event.as_object_mut().unwrap().remove(member);
        event
    };
    // Lambda leaves the event out where it is too large for the record.
    for event in
        [without("ResponseURL"), without("StackId"), Value::Null, json!("confidant"), json!({ "Records": [{}] })]
    {
        fixture.settle(&[record("timed-out", &event)]).await;
    }
    assert_eq!(unanswered.url.puts(), []);
    let log = fixture.log(&[&unanswered]).await;
    assert_eq!(log.matches("nobody can be answered").count(), 5, "{log}");
}

#[tokio::test]
async fn nothing_is_sent_to_a_stranger() {
    let fixture = Fixture::new().await;
    let stranger = ResponseServer::start().await;
    let unanswered = Unanswered::at(stranger.url());
    fixture.settle(&[unanswered.record("timed-out")]).await;
    assert_eq!(unanswered.url.puts(), []);
    assert!(fixture.log(&[&unanswered]).await.contains("the ResponseURL was not accepted"));
}
