//! What comes again, and what must not.

use archipelago_tests::response_server::Reaction;

use super::Fixture;

#[tokio::test]
async fn an_answer_that_was_delivered_before_is_not_repeated() {
    let fixture = Fixture::new().await;
    let unanswered = fixture.create();
    let first = r#"{"Status":"SUCCESS"}"#;
    let client = archipelago_tests::http::client();
    assert_eq!(client.put(unanswered.url.as_str()).body(first).send().await.unwrap().status(), 200);
    fixture.settle(&[unanswered.record("out-of-memory")]).await;
    assert_eq!(unanswered.statuses(), [200, 412]);
    assert!(fixture.log(&[&unanswered]).await.contains("there was an answer before"));
}

#[tokio::test]
async fn a_record_that_the_queue_delivers_twice_is_answered_once() {
    let fixture = Fixture::new().await;
    let unanswered = fixture.create();
    for _ in 0..2 {
        fixture.settle(&[unanswered.record("timed-out")]).await;
    }
    assert_eq!(unanswered.statuses(), [200, 412]);
}

#[tokio::test]
async fn only_the_record_whose_answer_s3_fails_to_take_comes_again() {
    let fixture = Fixture::new().await;
    let unlucky = fixture.create_scripted([Reaction::Status(503); 100]);
    let (one, other) = (fixture.create(), fixture.create());
    let bodies = [&one, &unlucky, &other].map(|unanswered| unanswered.record("timed-out"));
    assert_eq!(fixture.take(&bodies).await, [1]);
    assert!(!one.answer().success && !other.answer().success);
    assert!(unlucky.statuses().len() > 1, "it was tried again before the time was up");
    assert!(fixture.log(&[&one, &unlucky, &other]).await.contains("CloudFormation has no answer yet"));
}

#[tokio::test]
async fn a_connection_that_is_cut_and_a_conflict_are_tried_again_at_once() {
    let fixture = Fixture::new().await;
    let unanswered = fixture.create_scripted([Reaction::Cut, Reaction::Status(409)]);
    fixture.settle(&[unanswered.record("timed-out")]).await;
    assert_eq!(unanswered.statuses(), [0, 409, 200]);
}

#[tokio::test]
async fn who_can_not_judge_whether_it_is_the_first_gets_the_answer_all_the_same() {
    let fixture = Fixture::new().await;
    let unanswered = fixture.create_scripted([Reaction::Status(501)]);
    fixture.settle(&[unanswered.record("timed-out")]).await;
    assert_eq!(unanswered.statuses(), [501, 200]);
    let puts = unanswered.url.puts();
    assert_eq!(puts[0].headers.get("if-none-match"), Some("*"));
    assert_eq!(puts[1].headers.get("if-none-match"), None);
}
