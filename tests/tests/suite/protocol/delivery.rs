//! The PUT: what is tried again, what is final, and where nothing is sent.

use archipelago_tests::cloudformation::{Event, Put};
use archipelago_tests::function::SHORT;
use archipelago_tests::response_server::{Reaction, ResponseServer};
use serde_json::{Value, json};

use super::{Fixture, answer, calm, fixture, kept, pull, returned};
use archipelago_tests::aws_stub::AwsStub;
use archipelago_tests::fault::Fault;

/// Creates with a URL that follows a script; returns its PUTs. The invocation ends well if S3 has stored one of them, and
/// otherwise with the answer in its error.
async fn puts(fixture: &mut Fixture, script: impl IntoIterator<Item = Reaction>) -> Vec<Put> {
    let event = fixture.create(&pull("app"));
    let url = fixture.stack.handler.responses.scripted(script);
    let end = fixture.invoke(&event.to_json(url.as_str())).await;
    let puts = url.puts();
    if puts.iter().any(Put::stored) {
        returned(&end);
    } else {
        assert_eq!(kept(&end), [puts[0].json()], "it is the answer that was tried, and no more");
    }
    puts
}

fn statuses(puts: &[Put]) -> Vec<u16> {
    puts.iter().map(|put| put.status).collect()
}

#[tokio::test]
async fn an_answer_that_s3_fails_to_take_is_sent_again_as_it_was() {
    let puts = puts(&mut calm().await, [Reaction::Status(500), Reaction::Status(503)]).await;
    assert_eq!(statuses(&puts), [500, 503, 200]);
    assert!(puts.iter().all(|put| put.body == puts[0].body));
}

#[tokio::test]
async fn what_s3_may_take_a_moment_later_is_sent_again_whatever_the_status() {
    let passing = [(400, "RequestTimeout"), (429, "TooManyRequests"), (409, "OperationAborted"), (503, "SlowDown")];
    let script = passing.map(|(status, code)| Reaction::Refused(status, code));
    assert_eq!(statuses(&puts(&mut calm().await, script).await), [400, 429, 409, 503, 200]);
}

#[tokio::test]
async fn a_cut_connection_is_tried_again() {
    assert_eq!(statuses(&puts(&mut calm().await, [Reaction::Cut]).await), [0, 200]);
}

#[tokio::test]
async fn an_answer_that_nobody_confirms_is_tried_again_before_the_time_is_up() {
    assert_eq!(statuses(&puts(&mut calm().await, [Reaction::Silence]).await), [0, 200]);
}

#[tokio::test]
async fn a_refusal_is_final() {
    for (status, code) in [(403, "AccessDenied"), (404, "NoSuchBucket"), (411, ""), (400, "InvalidRequest")] {
        let mut fixture = calm().await;
        assert_eq!(statuses(&puts(&mut fixture, [Reaction::Refused(status, code)]).await), [status]);
        let log = fixture.function().retire().await;
        assert!(log.iter().any(|line| line.text.contains("\"ERROR\"")), "{log:?}");
    }
}

#[tokio::test]
async fn of_several_events_in_one_invocation_only_the_answers_that_were_not_delivered_are_in_its_error() {
    let mut fixture = calm().await;
    let first = fixture.create(&pull("app"));
    let other = Event { logical_resource_id: "Other".to_owned(), ..first.clone() };
    let responses = &fixture.stack.handler.responses;
    let (url, unlucky) = (responses.url(), responses.scripted([Reaction::Refused(403, "AccessDenied")]));
    let record = |event: &Event, url: &str| json!({ "Sns": { "Message": event.to_json(url).to_string() } });
    let records = json!({ "Records": [record(&first, url.as_str()), record(&other, unlucky.as_str())] });
    let end = fixture.invoke(&records).await;
    assert!(answer(&first, &url).success);
    let kept = kept(&end);
    assert_eq!(kept, [unlucky.puts()[0].json()]);
    assert_eq!((&kept[0]["LogicalResourceId"], &kept[0]["Status"]), (&json!("Other"), &json!("SUCCESS")));
}

#[tokio::test]
async fn an_answer_that_is_never_taken_is_given_up_before_the_process_is_killed() {
    let ecr = AwsStub::ecr(|_| Fault::None).await;
    let mut fixture = fixture(ecr, |configuration| configuration.timeout(SHORT)).await;
    let puts = puts(&mut fixture, [Reaction::Status(500); 100]).await;
    assert!(puts.len() > 1, "{}", puts.len());
    assert!(!puts.iter().any(Put::stored));
}

#[tokio::test]
async fn a_foreign_url_gets_nothing_done_and_nothing_sent() {
    let foreign = ResponseServer::start().await;
    let url = foreign.url();
    let tail = format!("/cloudformation-custom-resource-response-useast1/x?{}", url.secret());
    for stranger in [
        url.as_str().to_owned(),
        format!("https://evil.example.com{tail}"),
        format!("https://user@s3.amazonaws.com{tail}"),
        format!("http://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/x?{}", url.secret()),
        format!(
            "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com.evil.example/x?{}",
            url.secret()
        ),
        format!("nonsense?{}", url.secret()),
    ] {
        let mut fixture = calm().await;
        let event = fixture.create(&pull("app"));
        returned(&fixture.invoke(&event.to_json(&stranger)).await);
        assert_eq!(fixture.ecr.calls().len(), 0, "{stranger}");
        let log = fixture.function().retire().await;
        assert!(log.iter().any(|line| line.text.contains("\"ERROR\"")), "{log:?}");
        assert!(!log.iter().any(|line| line.text.contains(url.signature())), "{log:?}");
    }
    assert_eq!(url.puts(), []);
}

#[tokio::test]
async fn an_event_without_a_url_gets_nothing_done() {
    let mut fixture = calm().await;
    let event = fixture.create(&pull("app"));
    let mut json = event.to_json("");
    for missing in [Value::Null, Value::from(""), Value::from(3)] {
        json["ResponseURL"] = missing;
        returned(&fixture.invoke(&json).await);
    }
    json.as_object_mut().unwrap().remove("ResponseURL");
    returned(&fixture.invoke(&json).await);
    assert_eq!(fixture.ecr.calls().len(), 0);
}

#[tokio::test]
async fn the_origin_of_the_aws_endpoint_is_no_stranger() {
    let local = ResponseServer::start().await;
    let ecr = AwsStub::ecr(|_| Fault::None).await;
    let origin = local.origin();
    let mut fixture =
        fixture(ecr, |configuration| configuration.variable("AWS_ENDPOINT_URL", origin).variable("RESPONSE_HOSTS", ""))
            .await;
    let event = fixture.create(&pull("app"));
    let url = local.url();
    returned(&fixture.invoke(&event.to_json(url.as_str())).await);
    assert!(answer(&event, &url).success);
}
