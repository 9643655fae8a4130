//! The rules of the protocol, each a test: what CloudFormation is told, whatever the handler and AWS do.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests; the lints only spare the tests themselves")]

use std::{cell::RefCell, future::pending, time::Duration};

use custom_resource::{
    AwsError, Claim, Clock, Continuation, Envelope, Error, InvocationResult, LeftBehind, Lifecycle, Request,
    RequestOrder, Resource, Response, ResponseHosts, Result, Status,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

const INVOCATION: Duration = Duration::from_mins(5);
const RESERVE: Duration = Duration::from_secs(10);
const BEGAN: u64 = 1_790_000_000_000;

/// An id of ours: anything else is another's, or invented.
#[derive(Debug, Clone, PartialEq)]
struct ThingId(String);

impl std::str::FromStr for ThingId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if text.starts_with("thing-") { Ok(Self(text.to_owned())) } else { Err(()) }
    }
}

impl std::fmt::Display for ThingId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    greeting: String,
    length: usize,
}

/// What a handler does next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Hold(&'static str),
    Wrote(&'static str),
    Refuse(&'static str),
    NotYet(&'static str),
    NotYetWithin(Duration, &'static str),
    Unanswered,
    Panic,
    Hang,
    Finish(usize),
}

/// A handler that does as it is told, one list of steps a call, and the last list for ever.
#[derive(Default)]
struct Script {
    calls: Vec<Vec<Step>>,
    seen: RefCell<Vec<Seen>>,
}

/// What a handler was asked.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    verb: &'static str,
    properties: Option<Properties>,
    previous: Option<Properties>,
    id: Option<ThingId>,
}

impl Script {
    fn of(calls: &[&[Step]]) -> Self {
        Self { calls: calls.iter().map(|steps| steps.to_vec()).collect(), seen: RefCell::default() }
    }

    async fn play(&self, seen: Seen, claim: &Claim<ThingId>) -> Result<usize> {
        let call = self.seen.borrow().len().min(self.calls.len() - 1);
        self.seen.borrow_mut().push(seen);
        for step in &self.calls[call] {
            match *step {
                Step::Wrote(what) => claim.writes().add(what),
                Step::Hold(id) => claim.hold(&ThingId(id.to_owned())),
                Step::Refuse(why) => return Err(Error::refused(why)),
                Step::NotYet(what) => return Err(Error::not_yet(what)),
                Step::NotYetWithin(window, what) => return Err(Error::not_yet_within(window, what)),
                Step::Unanswered => return Err(AwsError::unanswered("thing:Make", "the connection failed").into()),
                Step::Panic => panic!("a secret value"),
                Step::Hang => pending().await,
                Step::Finish(size) => return Ok(size),
            }
        }
        Ok(1)
    }

    fn calls_made(&self) -> usize {
        self.seen.borrow().len()
    }

    fn asked(&self) -> Seen {
        self.seen.borrow()[0].clone()
    }
}

impl Resource for Script {
    type Properties = Properties;
    type Id = ThingId;
    type Attributes = Attributes;

    async fn ensure(
        &self,
        desired: &Properties,
        previous: Option<&Properties>,
        claim: &Claim<ThingId>,
    ) -> Result<Attributes> {
        let properties = Some(desired.clone());
        let seen = Seen { verb: "ensure", properties, previous: previous.cloned(), id: claim.id() };
        let length = self.play(seen, claim).await?;
        Ok(Attributes { greeting: "x".repeat(length), length })
    }

    async fn remove(&self, last: Option<&Properties>, claim: &Claim<ThingId>) -> Result<()> {
        let seen = Seen { verb: "remove", properties: last.cloned(), previous: None, id: claim.id() };
        self.play(seen, claim).await.map(drop)
    }
}

fn event(request_type: &str, id: Option<&str>) -> Value {
    let mut event = json!({
        "RequestType": request_type,
        "ResponseURL": "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/arn?Signature=s3cret",
        "StackId": "arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a",
        "RequestId": "5a7e",
        "LogicalResourceId": "Thing",
        "ResourceType": "Custom::Thing",
        "ResourceProperties": {"ServiceToken": "arn", "Name": "new"},
        "OldResourceProperties": {"ServiceToken": "arn", "Name": "old"},
    });
    if let Some(id) = id {
        event["PhysicalResourceId"] = json!(id);
    }
    event
}

const FUNCTION: &str = "arn:aws:lambda:us-east-1:111111111111:function:thing";

async fn result(script: &Script, event: &Value) -> InvocationResult {
    through(FUNCTION, script, event).await
}

/// The result on a function that was invoked by this ARN.
async fn through<R: Resource>(function: &str, resource: &R, event: &Value) -> InvocationResult {
    let envelope = Envelope::read(event, function, "log/1").unwrap();
    let request = Request::open(event, envelope, &ResponseHosts::in_region("us-east-1")).unwrap();
    Lifecycle::default().answer(resource, &request, Clock { deadline: Instant::now() + INVOCATION, began: BEGAN }).await
}

async fn told(script: &Script, event: &Value) -> Response {
    match result(script, event).await {
        InvocationResult::Answer(response) => response,
        InvocationResult::Continue { reason, .. } => panic!("went on: {reason}"),
    }
}

#[track_caller]
fn assert_failed(response: &Response, id: &str, reason: &str) {
    assert_eq!(response.status(), Status::Failed);
    assert_eq!(response.physical_resource_id(), id);
    let sentence = response.reason().unwrap();
    assert!(sentence.starts_with(reason), "{sentence}");
    assert!(sentence.ends_with("(RequestId: 5a7e; log stream: log/1)"), "{sentence}");
}

#[tokio::test(start_paused = true)]
async fn create_answers_the_held_id_and_the_attributes() {
    let script = Script::of(&[&[Step::Hold("thing-1")]]);
    let response = told(&script, &event("Create", None)).await;
    assert_eq!(response.status(), Status::Success);
    assert_eq!(response.physical_resource_id(), "thing-1");
    assert_eq!(response.data()["Greeting"], "x");
    assert_eq!(response.data()["Length"], "1", "GetAtt of a number fails in Outputs");
    let body: Value = serde_json::from_str(&response.body()).unwrap();
    assert_eq!(body["LogicalResourceId"], "Thing");
    assert_eq!(body["RequestId"], "5a7e");
    assert_eq!(body["StackId"], "arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a");
}

#[tokio::test(start_paused = true)]
async fn update_knows_its_id_and_both_sets_of_properties_and_returns_the_same_attributes() {
    let script = Script::of(&[&[]]);
    let response = told(&script, &event("Update", Some("thing-1"))).await;
    assert_eq!(response.physical_resource_id(), "thing-1");
    assert_eq!(response.data()["Greeting"], "x");
    let seen = script.asked();
    assert_eq!(seen.id, Some(ThingId("thing-1".to_owned())));
    assert_eq!(seen.previous, Some(Properties { name: "old".to_owned() }));
}

/// A handler that is denied something, which it may be able to do without.
struct Denied {
    needs_it: bool,
}

impl Resource for Denied {
    type Properties = Properties;
    type Id = ThingId;
    type Attributes = ();

    async fn ensure(&self, _: &Properties, _: Option<&Properties>, claim: &Claim<ThingId>) -> Result<()> {
        if self.needs_it || !claim.writes().is_denied() {
            let denied = AwsError::refused("thing:Get", "AccessDenied", "Not you.");
            return Err(denied.not_yet_within(Duration::from_secs(20)).into());
        }
        claim.hold(&ThingId("thing-1".to_owned()));
        Ok(())
    }

    async fn remove(&self, _: Option<&Properties>, _: &Claim<ThingId>) -> Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_denied_for_longer_than_to_a_fresh_role_is_tried_once_more_without_it() {
    for (needs_it, status) in [(false, Status::Success), (true, Status::Failed)] {
        let began = Instant::now();
        let event = event("Update", Some("thing-1"));
        let InvocationResult::Answer(response) = through(FUNCTION, &Denied { needs_it }, &event).await else {
            panic!("went on")
        };
        assert_eq!(response.status(), status);
        assert!(began.elapsed() >= Duration::from_secs(20) && began.elapsed() < Duration::from_secs(40));
    }
}

/// A handler that notes the order of what it is asked.
#[derive(Default)]
struct Orders(RefCell<Vec<RequestOrder>>);

impl Resource for Orders {
    type Properties = Properties;
    type Id = ThingId;
    type Attributes = ();

    async fn ensure(&self, _: &Properties, _: Option<&Properties>, claim: &Claim<ThingId>) -> Result<()> {
        self.remove(None, claim).await
    }

    async fn remove(&self, _: Option<&Properties>, claim: &Claim<ThingId>) -> Result<()> {
        self.0.borrow_mut().push(claim.invocation().order().clone());
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_share_a_request_id_are_told_apart_by_what_they_ask() {
    let mut rollback = event("Update", Some("thing-1"));
    rollback["ResourceProperties"] = json!({"ServiceToken": "arn", "Name": "old"});
    rollback["OldResourceProperties"] = json!({"ServiceToken": "arn", "Name": "new"});
    let update = event("Update", Some("thing-1"));
    let orders = Orders::default();
    for asked in [event("Create", None), event("Delete", Some("invented")), update.clone(), rollback, update] {
        through(FUNCTION, &orders, &asked).await;
    }
    let mut orders = orders.0.into_inner();
    assert_eq!(orders.pop().as_ref(), Some(&orders[2]), "the same event is the same request");
    orders.dedup();
    assert_eq!(orders.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_bad_property_is_answered_without_any_work() {
    let script = Script::of(&[&[]]);
    let mut misspelt = event("Create", None);
    misspelt["ResourceProperties"] = json!({"Nmae": "new"});
    let reason = "ResourceProperties.Nmae: unknown property; did you mean `Name`?";
    assert_failed(&told(&script, &misspelt).await, "nothing-was-made", reason);
    misspelt["RequestType"] = json!("Update");
    misspelt["PhysicalResourceId"] = json!("thing-1");
    assert_failed(&told(&script, &misspelt).await, "thing-1", reason);
    assert_eq!(script.calls_made(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_request_type_is_answered() {
    let response = told(&Script::of(&[&[]]), &event("Frobnicate", Some("thing-1"))).await;
    assert_failed(&response, "thing-1", "the RequestType is none of Create, Update and Delete");
}

#[tokio::test(start_paused = true)]
async fn an_error_a_panic_and_a_timeout_answer_the_id_held() {
    for (end, reason) in [
        (Step::Refuse("no"), "no"),
        (Step::Panic, "a defect in this handler stopped the work"),
        (Step::Hang, "the work was stopped after 290 seconds"),
    ] {
        let response = told(&Script::of(&[&[Step::Hold("thing-2"), end]]), &event("Create", None)).await;
        assert_failed(&response, "thing-2", reason);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_in_the_id_that_nothing_was_made_and_a_panic_or_a_timeout_that_nobody_knows() {
    for (end, id) in [
        (Step::Refuse("no"), "nothing-was-made"),
        (Step::Panic, "something-may-have-been-made"),
        (Step::Hang, "something-may-have-been-made"),
    ] {
        let response = told(&Script::of(&[&[end]]), &event("Create", None)).await;
        assert_failed(&response, id, "");
    }
}

/// A Create that an earlier invocation has worked on, which held nothing.
fn continued() -> Value {
    let mut sent_on = event("Create", None);
    let continuation = Continuation { first_try: Some(BEGAN), invocations: 1, ..Continuation::default() };
    sent_on["Continuation"] = serde_json::to_value(continuation).unwrap();
    sent_on
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_a_write_or_a_call_without_an_answer_says_that_something_may_have_been_made() {
    let refuse: &[Step] = &[Step::Refuse("no")];
    let busy: &[Step] = &[Step::NotYet("it is being changed")];
    let response = told(&Script::of(&[&[Step::Unanswered], busy, refuse]), &event("Create", None)).await;
    assert_failed(&response, "something-may-have-been-made", "no");
    let response = told(&Script::of(&[busy, refuse]), &event("Create", None)).await;
    assert_failed(&response, "nothing-was-made", "no");
    for ends in [&[Step::Wrote("a level"), Step::Refuse("no")][..], &[Step::Wrote("a level"), Step::NotYet("busy")]] {
        let response = told(&Script::of(&[ends, refuse]), &event("Create", None)).await;
        assert_failed(&response, "something-may-have-been-made", "no");
    }
    // It is no news to a Delete.
    let response = told(&Script::of(&[&[Step::Unanswered], refuse]), &event("Delete", Some("nothing-was-made"))).await;
    assert_eq!(response.status(), Status::Success);
}

#[tokio::test(start_paused = true)]
async fn whatever_stops_what_an_earlier_invocation_began_says_that_something_may_have_been_made() {
    let mut unreadable = continued();
    unreadable["ResourceProperties"] = json!({"Nmae": "new"});
    let mut foreign = continued();
    foreign["StackId"] = json!("arn:aws:cloudformation:us-east-1:222222222222:stack/landing/1f0a");
    for (event, reason) in
        [(continued(), "no"), (unreadable, "ResourceProperties.Nmae: "), (foreign, "the stack is of")]
    {
        let response = told(&Script::of(&[&[Step::Refuse("no")]]), &event).await;
        assert_failed(&response, "something-may-have-been-made", reason);
    }
}

#[tokio::test(start_paused = true)]
async fn work_that_is_done_and_has_no_id_says_that_something_may_have_been_made() {
    let response = told(&Script::of(&[&[]]), &event("Create", None)).await;
    assert_failed(&response, "something-may-have-been-made", "a defect in this handler: the work is done");
}

#[tokio::test(start_paused = true)]
async fn what_a_panic_says_stays_inside() {
    let response = told(&Script::of(&[&[Step::Panic]]), &event("Create", None)).await;
    assert!(!response.body().contains("a secret value"));
}

#[tokio::test(start_paused = true)]
async fn a_failed_update_answers_the_old_id() {
    for end in [Step::Refuse("no"), Step::Panic, Step::Hang] {
        assert_failed(&told(&Script::of(&[&[end]]), &event("Update", Some("thing-1"))).await, "thing-1", "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_update_answers_the_new_id_if_the_replacement_exists() {
    let script = Script::of(&[&[Step::Hold("thing-2"), Step::Refuse("no")]]);
    assert_failed(&told(&script, &event("Update", Some("thing-1"))).await, "thing-2", "no");
}

#[tokio::test(start_paused = true)]
async fn a_delete_is_answered_with_the_id_that_cloudformation_gave() {
    for id in ["thing-1", "landing-Thing-1ABCDEF", "nothing-was-made"] {
        let response = told(&Script::of(&[&[]]), &event("Delete", Some(id))).await;
        assert_eq!((response.status(), response.physical_resource_id()), (Status::Success, id));
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_with_an_invented_id_sees_no_id_and_may_still_find_its_mark() {
    let script = Script::of(&[&[]]);
    told(&script, &event("Delete", Some("landing-Thing-1ABCDEF"))).await;
    let seen = script.asked();
    assert_eq!((seen.verb, seen.id), ("remove", None));
    assert_eq!(seen.properties, Some(Properties { name: "new".to_owned() }));
}

#[tokio::test(start_paused = true)]
async fn a_delete_is_never_refused_for_its_properties() {
    let script = Script::of(&[&[]]);
    let mut old_schema = event("Delete", Some("thing-1"));
    old_schema["ResourceProperties"] = json!({"Label": "from an older version"});
    assert_eq!(told(&script, &old_schema).await.status(), Status::Success);
    assert_eq!(script.asked().properties, None);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_to_properties_of_an_older_schema_is_an_update_without_previous() {
    let script = Script::of(&[&[]]);
    let mut rollback = event("Update", Some("thing-1"));
    rollback["OldResourceProperties"] = json!({"Label": "from an older version"});
    assert_eq!(told(&script, &rollback).await.status(), Status::Success);
    assert_eq!(script.asked().previous, None);
}

#[tokio::test(start_paused = true)]
async fn a_success_that_is_too_large_is_a_failure_that_keeps_the_id() {
    let script = Script::of(&[&[Step::Hold("thing-1"), Step::Finish(5000)]]);
    assert_failed(&told(&script, &event("Create", None)).await, "thing-1", "the attributes make the answer");
}

#[tokio::test(start_paused = true)]
async fn a_request_id_that_was_used_before_is_worked_on_again() {
    let script = Script::of(&[&[Step::Refuse("no")], &[Step::Hold("thing-1")]]);
    assert_eq!(told(&script, &event("Create", None)).await.status(), Status::Failed);
    assert_eq!(told(&script, &event("Create", None)).await.status(), Status::Success);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_yet_so_is_looked_at_again_until_it_is() {
    let not_yet: &[Step] = &[Step::Hold("thing-1"), Step::NotYet("it is being made")];
    let script = Script::of(&[not_yet, not_yet, &[Step::Finish(3)]]);
    let response = told(&script, &event("Create", None)).await;
    assert_eq!((response.status(), response.physical_resource_id()), (Status::Success, "thing-1"));
    assert_eq!(script.calls_made(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_wait_within_a_window_is_refused_when_the_window_ends() {
    let script = Script::of(&[&[Step::NotYetWithin(Duration::from_mins(2), "the principal isn't there yet")]]);
    let start = Instant::now();
    let response = told(&script, &event("Create", None)).await;
    assert_failed(&response, "something-may-have-been-made", "the principal isn't there yet (still so after 12");
    assert!(start.elapsed() < Duration::from_secs(131), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_window_begins_anew_when_something_else_is_waited_for() {
    let minute = Duration::from_mins(1);
    let first: &[Step] = &[Step::NotYetWithin(minute, "first")];
    let second: &[Step] = &[Step::NotYetWithin(minute, "second")];
    let mut calls = vec![first; 11];
    calls.extend([second; 8]);
    calls.push(&[Step::Hold("thing-1")]);
    let start = Instant::now();
    assert_eq!(told(&Script::of(&calls), &event("Create", None)).await.status(), Status::Success);
    assert!(start.elapsed() > minute, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_work_stops_early_enough_for_the_answer_to_be_sent() {
    let start = Instant::now();
    told(&Script::of(&[&[Step::Hang]]), &event("Create", None)).await;
    assert_eq!(start.elapsed() + RESERVE, INVOCATION);
}

#[tokio::test(start_paused = true)]
async fn work_that_outlives_the_invocation_goes_on_in_the_next_with_its_continuation() {
    let script = Script::of(&[&[Step::Hold("thing-1"), Step::NotYet("it is being made")]]);
    let InvocationResult::Continue { continuation, reason } = result(&script, &event("Create", None)).await else {
        panic!("answered")
    };
    assert_eq!(reason, "not finished in the function's time: it is being made");
    assert_eq!(continuation.first_try, Some(BEGAN));
    assert_eq!(continuation.held_id.as_deref(), Some("thing-1"));

    let mut sent_on = event("Create", None);
    sent_on["Continuation"] = serde_json::to_value(continuation).unwrap();
    let next = Script::of(&[&[]]);
    let response = told(&next, &sent_on).await;
    assert_eq!((response.status(), response.physical_resource_id()), (Status::Success, "thing-1"));
    assert_eq!(next.asked().id, Some(ThingId("thing-1".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_found_something_is_not_done_because_the_next_invocation_is_refused() {
    let mut sent_on = event("Delete", Some("nothing-was-made"));
    let found = Script::of(&[&[Step::Hold("thing-1"), Step::NotYet("it is being deleted")]]);
    let InvocationResult::Continue { continuation, .. } = result(&found, &sent_on).await else { panic!("answered") };
    sent_on["Continuation"] = serde_json::to_value(continuation).unwrap();
    let response = told(&Script::of(&[&[Step::Refuse("not yours any more")]]), &sent_on).await;
    assert_failed(&response, "nothing-was-made", "not yours any more");
}

#[tokio::test(start_paused = true)]
async fn a_chain_of_invocations_is_answered_before_lambda_ends_it() {
    let mut sent_on = event("Create", None);
    for invocation in 1.. {
        match result(&Script::of(&[&[Step::NotYet("it is being made")]]), &sent_on).await {
            InvocationResult::Continue { continuation, .. } => {
                let continuation = Continuation { first_try: Some(BEGAN), ..continuation };
                sent_on["Continuation"] = serde_json::to_value(continuation).unwrap();
            }
            InvocationResult::Answer(response) => {
                assert_failed(&response, "something-may-have-been-made", "gave up after");
                assert!((10..16).contains(&invocation), "{invocation}");
                return;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_cut_off_during_a_wait_is_no_failure() {
    let script = Script::of(&[&[Step::NotYet("it is being made")], &[Step::Hang]]);
    assert!(matches!(result(&script, &event("Create", None)).await, InvocationResult::Continue { .. }));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_cloudformation() {
    let mut late = event("Create", None);
    let continuation = Continuation { first_try: Some(BEGAN - 3_500_000), ..Continuation::default() };
    late["Continuation"] = serde_json::to_value(continuation).unwrap();
    let start = Instant::now();
    let response = told(&Script::of(&[&[Step::NotYet("it is being made")]]), &late).await;
    assert_failed(&response, "something-may-have-been-made", "gave up after 35");
    assert!(start.elapsed() <= Duration::from_secs(90), "{:?}", start.elapsed());
}

/// A Create that CloudFormation made so many seconds before `BEGAN`, which is a whole second; or after it.
fn made(seconds_before: i64) -> Value {
    let mut event = event("Create", None);
    let signed = i64::try_from(BEGAN / 1000).unwrap() - seconds_before;
    let url = format!("{}&Expires={}", event["ResponseURL"].as_str().unwrap(), signed + 7_200);
    event["ResponseURL"] = Value::from(url);
    event
}

#[tokio::test(start_paused = true)]
async fn the_time_in_lambda_s_queue_is_a_part_of_the_service_timeout() {
    let start = Instant::now();
    let response = told(&Script::of(&[&[Step::NotYet("it is being made")]]), &made(3_500)).await;
    assert_failed(&response, "something-may-have-been-made", "gave up after 35");
    assert!(start.elapsed() <= Duration::from_secs(90), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_for_a_request_that_cloudformation_waits_for_no_longer() {
    let script = Script::of(&[&[]]);
    let reason =
        "the request was made 3600 seconds ago, which is beyond its ServiceTimeout of 3600, so nothing was done";
    assert_failed(&told(&script, &made(3_600)).await, "nothing-was-made", reason);
    let mut short = made(61);
    short["ResourceProperties"]["ServiceTimeout"] = json!("60");
    let reason = "the request was made 61 seconds ago, which is beyond its ServiceTimeout of 60, so nothing was done";
    assert_failed(&told(&script, &short).await, "nothing-was-made", reason);
    let mut sent_on = made(3_600);
    sent_on["Continuation"] = json!({ "HeldId": "thing-1", "Invocations": 1 });
    assert_failed(&told(&script, &sent_on).await, "thing-1", "the request was made 3600 seconds ago");
    assert_eq!(script.calls_made(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_clock_may_be_some_minutes_ahead_and_no_more() {
    let script = Script::of(&[&[Step::Hold("thing-1")]]);
    assert_eq!(told(&script, &made(-300)).await.status(), Status::Success);
    let script = Script::of(&[&[]]);
    let reason = "the ResponseURL was signed at a time to come, so nothing was done";
    assert_failed(&told(&script, &made(-302)).await, "nothing-was-made", reason);
    assert_eq!(script.calls_made(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_template_may_shorten_the_wait() {
    let mut impatient = event("Create", None);
    impatient["ResourceProperties"]["ServiceTimeout"] = json!("60");
    let start = Instant::now();
    let response = told(&Script::of(&[&[Step::NotYet("it is being made")]]), &impatient).await;
    assert_failed(&response, "something-may-have-been-made", "gave up after");
    assert!(start.elapsed() <= Duration::from_secs(50), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_very_short_service_timeout_leaves_time_for_the_work() {
    let mut hasty = event("Create", None);
    hasty["ResourceProperties"]["ServiceTimeout"] = json!("8");
    let script = Script::of(&[&[Step::NotYet("it is being made")], &[Step::Hold("thing-1")]]);
    assert_eq!(told(&script, &hasty).await.status(), Status::Success);
    let response = told(&Script::of(&[&[Step::Hang]]), &hasty).await;
    assert_failed(
        &response,
        "something-may-have-been-made",
        "the work was stopped after 4 seconds, shortly before ServiceTimeout",
    );
}

#[tokio::test(start_paused = true)]
async fn two_waits_that_take_turns_end_like_one() {
    let minute = Duration::from_mins(1);
    let (one, two): ([Step; 1], [Step; 1]) = ([Step::NotYetWithin(minute, "a")], [Step::NotYetWithin(minute, "b")]);
    let calls: Vec<&[Step]> = [&one[..], &two[..]].repeat(50);
    let start = Instant::now();
    assert_failed(&told(&Script::of(&calls), &event("Create", None)).await, "something-may-have-been-made", "");
    assert!(start.elapsed() < Duration::from_secs(90), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_delete_of_what_may_have_been_made_fails_while_nobody_can_tell() {
    for end in [Step::NotYetWithin(Duration::from_mins(1), "Organizations is out of order"), Step::Panic, Step::Hang] {
        let response = told(&Script::of(&[&[end]]), &event("Delete", Some("nothing-was-made"))).await;
        assert_failed(&response, "nothing-was-made", "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_of_what_was_never_made_does_not_fail_for_what_aws_refuses() {
    let script = Script::of(&[&[Step::Refuse("AWS shows nothing to this account")]]);
    let response = told(&script, &event("Delete", Some("nothing-was-made"))).await;
    assert_eq!((response.status(), response.physical_resource_id()), (Status::Success, "nothing-was-made"));
    for id in ["thing-1", "something-may-have-been-made", "landing-Thing-1ABCDEF"] {
        let response = told(&script, &event("Delete", Some(id))).await;
        assert_failed(&response, id, "AWS shows nothing to this account");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_found_what_nobody_knew_of_fails_if_it_has_to_stay() {
    for nothing in ["nothing-was-made", "landing-Thing-1ABCDEF"] {
        let script = Script::of(&[&[Step::Hold("thing-1"), Step::Refuse("AWS doesn't let it go")]]);
        let response = told(&script, &event("Delete", Some(nothing))).await;
        assert_failed(&response, nothing, "AWS doesn't let it go");
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_lasts_over_invocations() {
    let mut sent_on = event("Create", None);
    let continuation = Continuation {
        first_try: Some(BEGAN - 200_000),
        waits: vec![("the principal isn't there yet".to_owned(), BEGAN - 119_000, BEGAN - 20_000)],
        ..Continuation::default()
    };
    sent_on["Continuation"] = serde_json::to_value(continuation).unwrap();
    let start = Instant::now();
    let script = Script::of(&[&[Step::NotYetWithin(Duration::from_mins(2), "the principal isn't there yet")]]);
    assert_failed(
        &told(&script, &sent_on).await,
        "something-may-have-been-made",
        "the principal isn't there yet (still so after",
    );
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn late_work_is_dropped_and_can_not_answer_again() {
    // The first call would finish an hour later; by then its future is gone, and with it every call it would make.
    let script = Script::of(&[&[Step::Hang, Step::Hold("thing-9")]]);
    let response = told(&script, &event("Create", None)).await;
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(response.physical_resource_id(), "something-may-have-been-made");
    assert_eq!(script.calls_made(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stack_of_another_account_is_refused_without_any_work_and_its_rollback_does_not_hang() {
    let of_another = |request_type, id| {
        let mut event = event(request_type, id);
        event["StackId"] = json!("arn:aws:cloudformation:us-east-1:222222222222:stack/landing/1f0a");
        event
    };
    let script = Script::of(&[&[Step::Hold("thing-1")]]);
    let words = "the stack is of account 222222222222, and the function is for stacks of account 111111111111";
    for (request_type, id) in [("Create", None), ("Update", Some("thing-1")), ("Delete", Some("thing-1"))] {
        let response = told(&script, &of_another(request_type, id)).await;
        assert_failed(&response, id.unwrap_or("nothing-was-made"), words);
    }
    let response = told(&script, &of_another("Delete", Some("nothing-was-made"))).await;
    assert_eq!((response.status(), script.calls_made()), (Status::Success, 0));
}

/// A handler that masks the attributes of things with that name.
struct Secretive;

impl Resource for Secretive {
    type Properties = Properties;
    type Id = ThingId;
    type Attributes = Attributes;

    async fn ensure(&self, desired: &Properties, _: Option<&Properties>, claim: &Claim<ThingId>) -> Result<Attributes> {
        claim.hold(&ThingId("thing-1".to_owned()));
        if desired.name == "secret" {
            claim.mask_attributes();
        }
        Ok(Attributes { greeting: desired.name.clone(), length: 1 })
    }

    async fn remove(&self, _: Option<&Properties>, _: &Claim<ThingId>) -> Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn attributes_are_masked_answer_by_answer() {
    for (name, is_masked) in [("secret", json!(true)), ("open", Value::Null)] {
        let mut event = event("Create", None);
        event["ResourceProperties"] = json!({ "Name": name });
        let InvocationResult::Answer(response) = through(FUNCTION, &Secretive, &event).await else { panic!("went on") };
        let body: Value = serde_json::from_str(&response.body()).unwrap();
        assert_eq!((&body["NoEcho"], &body["Data"]["Greeting"]), (&is_masked, &json!(name)));
    }
}

/// A handler whose updates replace, and which takes back what a cancelled one left.
#[derive(Default)]
struct Replacing {
    taken_back: RefCell<Vec<String>>,
    is_refused: bool,
}

impl Resource for Replacing {
    type Properties = Properties;
    type Id = ThingId;
    type Attributes = ();

    async fn ensure(&self, desired: &Properties, _: Option<&Properties>, claim: &Claim<ThingId>) -> Result<()> {
        claim.hold(&ThingId(format!("thing-{}", desired.name)));
        Ok(())
    }

    async fn remove(&self, _: Option<&Properties>, _: &Claim<ThingId>) -> Result<()> {
        Ok(())
    }

    async fn take_back(
        &self,
        cancelled: &Properties,
        _: &Properties,
        left: &LeftBehind,
        _: &Claim<ThingId>,
    ) -> Result<()> {
        self.taken_back.borrow_mut().push(cancelled.name.clone());
        if cancelled.name == "granting" {
            left.is_there();
        }
        if self.is_refused { Err(Error::refused("not yours")) } else { Ok(()) }
    }
}

async fn updated(handler: &Replacing, id: &str, old: &str, new: &str) -> Response {
    let mut event = event("Update", Some(id));
    event["OldResourceProperties"] = json!({ "Name": old });
    event["ResourceProperties"] = json!({ "Name": new });
    let InvocationResult::Answer(response) = through(FUNCTION, handler, &event).await else { panic!("went on") };
    response
}

#[tokio::test(start_paused = true)]
async fn what_a_cancelled_replacement_left_is_taken_back_once_the_resource_is_back_at_the_id_that_is_known() {
    let handler = Replacing::default();
    // The replacement itself: CloudFormation deletes the old thing.
    assert_eq!(updated(&handler, "thing-a", "a", "b").await.physical_resource_id(), "thing-b");
    assert!(handler.taken_back.borrow().is_empty());
    // Its rollback: CloudFormation never learned of the new one.
    assert_eq!(updated(&handler, "thing-a", "b", "a").await.physical_resource_id(), "thing-a");
    assert_eq!(*handler.taken_back.borrow(), ["b"]);
}

/// A handler that sees what was left, and isn't shown it any more at the next attempt.
#[derive(Default)]
struct SeenOnce(RefCell<u32>);

impl Resource for SeenOnce {
    type Properties = Properties;
    type Id = ThingId;
    type Attributes = ();

    async fn ensure(&self, _: &Properties, _: Option<&Properties>, claim: &Claim<ThingId>) -> Result<()> {
        claim.hold(&ThingId("thing-a".to_owned()));
        Ok(())
    }

    async fn remove(&self, _: Option<&Properties>, _: &Claim<ThingId>) -> Result<()> {
        Ok(())
    }

    async fn take_back(&self, _: &Properties, _: &Properties, left: &LeftBehind, _: &Claim<ThingId>) -> Result<()> {
        *self.0.borrow_mut() += 1;
        if *self.0.borrow() == 1 {
            left.is_there();
            return Err(Error::not_yet("it is busy"));
        }
        Err(Error::refused("not yours"))
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_once_of_a_cancelled_replacement_is_not_forgotten_at_the_next_attempt() {
    let event = event("Update", Some("thing-a"));
    let InvocationResult::Answer(response) = through(FUNCTION, &SeenOnce::default(), &event).await else {
        panic!("went on")
    };
    assert_failed(&response, "thing-a", "not yours");
}

#[tokio::test(start_paused = true)]
async fn a_rollback_fails_for_what_a_replacement_left_only_if_that_grants_something() {
    let handler = Replacing { is_refused: true, ..Replacing::default() };
    assert_eq!(updated(&handler, "thing-a", "b", "a").await.status(), Status::Success);
    assert_failed(&updated(&handler, "thing-a", "granting", "a").await, "thing-a", "not yours");
}
