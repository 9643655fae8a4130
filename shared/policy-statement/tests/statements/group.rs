//! One write for the wishes of many, whoever dies meanwhile.

use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use custom_resource::{Error, RequestOrder};
use futures_util::FutureExt;
use serde_json::{Value, json};

use crate::cabinet::{Cabinet, Call, Fate, POLICY, Request, id, sid};
use crate::shelves::{FOREIGN, claim, pull, sids};

const NAMES: [&str; 3] = ["One", "Two", "Three"];

fn account(number: usize) -> String {
    format!("{:012}", 222_222_222_222_u64 + u64::try_from(number).unwrap())
}

/// A shelf whose lease somebody holds, and Creates that have left their wishes.
async fn waiting(names: &[&str]) -> (Cabinet, Vec<Request>) {
    let cabinet = Cabinet::with(Some(FOREIGN));
    cabinet.hold_lease();
    let mut requests = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let request = cabinet.request(claim(name), Some(&pull(&account(number))));
        let reason = request.waits().await;
        assert_eq!(reason, "the policy of shelf app is being changed by another request");
        requests.push(request);
    }
    (cabinet, requests)
}

/// Which of the claims have statements in the policy, beside the foreign one.
fn there(cabinet: &Cabinet) -> Vec<String> {
    let mut there = sids(cabinet.shelves.policy());
    assert_eq!(there.remove(0), "", "what is foreign stays, and first");
    there
}

fn sids_of(requests: &[Request]) -> Vec<String> {
    requests.iter().map(Request::sid).collect()
}

#[tokio::test]
async fn whoever_gets_the_lease_writes_what_all_wish_and_nobody_else_writes() {
    let (cabinet, requests) = waiting(&NAMES).await;
    cabinet.free_lease();
    requests[1].asked().await.unwrap();
    let mut there = there(&cabinet);
    there.sort();
    let mut all = sids_of(&requests);
    all.sort();
    assert_eq!(there, all);
    let reads = cabinet.shelves.0.reads.get();
    for request in [&requests[0], &requests[2]] {
        let attributes = request.asked().await.unwrap().unwrap();
        assert!(attributes.policy_size > 0);
        assert_eq!(request.claim.id().unwrap().to_string(), id(&request.claim));
    }
    assert_eq!(cabinet.writes(), 1);
    assert_eq!(cabinet.shelves.0.reads.get(), reads);
}

#[tokio::test]
async fn the_wish_of_a_dead_author_is_carried_out_until_it_ends_and_not_after() {
    for (late, is_written) in [(Duration::ZERO, true), (Duration::from_secs(9), true), (Duration::from_secs(10), false)]
    {
        let cabinet = Cabinet::with(Some(FOREIGN));
        cabinet.hold_lease();
        // Its invocation ends half a minute later, so that no holder of the lease is at work on it then.
        let ends = cabinet.shelves.0.table.clock()() + Duration::from_secs(10 + 30);
        let dead = claim("Dead").in_invocation(|invocation| invocation.ending(ends));
        cabinet.request(dead, Some(&pull("222222222222"))).waits().await;
        cabinet.pass(late);
        cabinet.free_lease();
        let holder = cabinet.request(claim("Holder"), Some(&pull("333333333333")));
        holder.asked().await.unwrap();
        let is_there = there(&cabinet).contains(&sid(&claim("Dead")));
        assert_eq!(is_there, is_written, "{late:?}");
        assert_eq!(cabinet.writes(), 1);
        // CloudFormation takes it back, or asks again: both find what is so.
        let delete = cabinet.request(claim("Dead"), None);
        delete.ends().await;
        assert_eq!(there(&cabinet), [holder.sid()]);
    }
}

#[tokio::test]
async fn a_holder_that_dies_at_any_call_keeps_nobody_from_what_is_wished() {
    for is_after in [false, true] {
        let mut number = 0;
        loop {
            let (cabinet, mut requests) = waiting(&NAMES).await;
            cabinet.free_lease();
            cabinet.kill_at(number, is_after);
            let ended = Box::pin(cabinet.unless_dead(requests[0].asked())).await;
            cabinet.all_passes();
            let (is_over, what) = (ended.is_some(), format!("call {number}, after its effect: {is_after}"));
            if let Some(ended) = ended {
                ended.unwrap();
            }
            let was_written = cabinet.writes();
            cabinet.end_lease();
            // Lambda invokes the function again.
            let dead = requests.remove(0);
            requests.push(dead.again());
            cabinet.all_end(&requests).await;
            let mut there = there(&cabinet);
            there.sort();
            let mut all = sids_of(&requests);
            all.sort();
            assert_eq!(there, all, "{what}");
            assert!(cabinet.writes() <= 2, "{what}");
            if was_written == 1 {
                assert_eq!(cabinet.writes(), 1, "who finds its statements there writes nothing: {what}");
            }
            if is_over {
                break;
            }
            number += 1;
        }
        assert!(number >= 8, "there are calls to die at");
    }
}

#[tokio::test]
async fn the_wish_of_a_failed_update_is_never_written() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    let created = cabinet.request(claim("Pull"), Some(&pull("222222222222")));
    created.asked().await.unwrap();
    cabinet.hold_lease();
    let wide = cabinet.request(created.known(), Some(&pull("999999999999")));
    wide.waits().await;
    wide.fails().await;
    cabinet.free_lease();
    cabinet.request(claim("Holder"), Some(&pull("333333333333"))).asked().await.unwrap();
    let policy = cabinet.shelves.policy().unwrap();
    assert!(policy.contains("222222222222") && policy.contains("333333333333"), "{policy}");
    assert!(!policy.contains("999999999999"), "{policy}");
}

#[tokio::test]
async fn a_create_that_fails_while_it_waits_has_no_id_and_no_statement() {
    let (cabinet, requests) = waiting(&["One"]).await;
    requests[0].fails().await;
    assert!(requests[0].claim.id().is_none());
    cabinet.free_lease();
    cabinet.request(claim("Holder"), Some(&pull("333333333333"))).asked().await.unwrap();
    assert_eq!(there(&cabinet), [sid(&claim("Holder"))]);
}

#[tokio::test]
async fn a_wish_whose_answer_was_lost_is_taken_back_as_well() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    cabinet.hold_lease();
    cabinet.shelves.0.table.watch(|_, request| {
        let is_wish = request["UpdateExpression"].as_str().is_some_and(|update| update.contains("#wish = :wish"));
        is_wish.then_some(archipelago_tests::model::Fault::Lost)
    });
    let lost = cabinet.request(claim("Lost"), Some(&pull("222222222222")));
    lost.waits().await;
    cabinet.all_passes();
    lost.fails().await;
    cabinet.free_lease();
    cabinet.request(claim("Holder"), Some(&pull("333333333333"))).asked().await.unwrap();
    assert_eq!(there(&cabinet), [sid(&claim("Holder"))]);
}

#[tokio::test(start_paused = true)]
async fn a_wish_is_taken_back_though_the_ledger_loses_the_first_answer() {
    let (cabinet, requests) = waiting(&["One"]).await;
    let mut is_first = true;
    cabinet.shelves.0.table.watch(move |_, request| {
        let is_it = request["UpdateExpression"].as_str().is_some_and(|update| update.contains("#withdrawn = "));
        (is_it && std::mem::take(&mut is_first)).then_some(archipelago_tests::model::Fault::Lost)
    });
    requests[0].fails().await;
    assert!(requests[0].claim.id().is_none(), "nothing is there, and nothing comes");
}

/// A Create that fails while a holder of the lease has taken its wish up, and what the holder's write ends with.
async fn failed_while_taken_up(refuses: bool) -> (Cabinet, Request) {
    let (cabinet, mut requests) = waiting(&["Failed"]).await;
    cabinet.free_lease();
    cabinet.fate(move |call| match call {
        Call::Write(Some(text)) if refuses && text.contains(&account(0)) => Fate::Refused("Malformed"),
        Call::Write(_) => Fate::Takes(Duration::from_secs(3)),
        Call::Read => Fate::Passes,
    });
    let holder = cabinet.request(claim("Holder"), Some(&pull("333333333333")));
    let failed = requests.remove(0);
    let failing = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        failed.fails().await;
    };
    let (held, ()) = tokio::join!(holder.asked(), failing);
    held.unwrap();
    assert!(there(&cabinet).contains(&holder.sid()));
    (cabinet, failed)
}

#[tokio::test(start_paused = true)]
async fn a_failure_waits_for_the_holder_that_writes_its_wish_and_then_has_the_id() {
    let (cabinet, failed) = Box::pin(failed_while_taken_up(false)).await;
    assert!(there(&cabinet).contains(&failed.sid()));
    let id = failed.claim.id().expect("CloudFormation is told what is there");
    assert_eq!(id.to_string(), self::id(&failed.claim));
    cabinet.request(failed.known(), None).asked().await.unwrap();
    assert_eq!(there(&cabinet), [sid(&claim("Holder"))]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_whose_wish_aws_refuses_in_another_s_write_has_no_id() {
    let (cabinet, failed) = Box::pin(failed_while_taken_up(true)).await;
    assert_eq!(there(&cabinet), [sid(&claim("Holder"))]);
    assert!(failed.claim.id().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_failure_whose_wish_a_dead_holder_has_written_has_the_id() {
    let (cabinet, requests) = waiting(&["Failed"]).await;
    cabinet.free_lease();
    cabinet.fate(|call| if matches!(call, Call::Write(_)) { Fate::DiesAfter } else { Fate::Passes });
    let holder = cabinet.request(claim("Holder"), Some(&pull("333333333333")));
    assert!(Box::pin(cabinet.unless_dead(holder.asked())).await.is_none());
    assert_eq!(there(&cabinet), [holder.sid(), requests[0].sid()]);
    cabinet.end_lease();
    requests[0].fails().await;
    let id = requests[0].claim.id().expect("nobody has seen whether it is there");
    assert_eq!(id.to_string(), self::id(&requests[0].claim));
}

#[tokio::test]
async fn a_delete_goes_with_the_creates() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    let old = cabinet.request(claim("Old"), Some(&pull("222222222222")));
    old.asked().await.unwrap();
    cabinet.hold_lease();
    let delete = cabinet.request(old.known(), None);
    let create = cabinet.request(claim("New"), Some(&pull("333333333333")));
    delete.waits().await;
    create.waits().await;
    cabinet.free_lease();
    let holder = cabinet.request(claim("Holder"), Some(&pull("444444444444")));
    holder.asked().await.unwrap();
    delete.asked().await.unwrap();
    create.asked().await.unwrap();
    let mut there = there(&cabinet);
    there.sort();
    assert_eq!(there, {
        let mut both = [holder.sid(), create.sid()];
        both.sort();
        both
    });
    assert_eq!(cabinet.writes(), 2);
}

#[tokio::test]
async fn a_wish_that_aws_refuses_holds_up_its_own_author_alone() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    cabinet.hold_lease();
    let bad = cabinet.request(claim("Bad"), Some(&pull("999999999999")));
    let good = cabinet.request(claim("Good"), Some(&pull("222222222222")));
    bad.waits().await;
    good.waits().await;
    cabinet.free_lease();
    cabinet.refuse_with("999999999999", "InvalidPrincipal");
    let holder = cabinet.request(claim("Holder"), Some(&pull("333333333333")));
    holder.asked().await.unwrap();
    assert_eq!(there(&cabinet), [holder.sid()]);
    assert_eq!(cabinet.writes(), 2, "all together, and its own");
    // Each of the others is written by its author now, and by nobody else.
    let other = cabinet.request(claim("Other"), Some(&pull("444444444444")));
    other.asked().await.unwrap();
    assert_eq!(there(&cabinet), [holder.sid(), other.sid()]);
    assert_eq!(cabinet.writes(), 3);
    good.asked().await.unwrap();
    assert_eq!(cabinet.writes(), 4);
    // Nor does it write anybody else's, who would be refused with it.
    cabinet.hold_lease();
    let late = cabinet.request(claim("Late"), Some(&pull("555555555555")));
    late.waits().await;
    cabinet.free_lease();
    let waits = bad.waits().await;
    assert_eq!(cabinet.writes(), 5, "its own");
    assert!(
        waits.contains("InvalidPrincipal") && waits.contains("a principal of the Statement doesn't exist"),
        "{waits}"
    );
    assert_eq!(there(&cabinet), [holder.sid(), other.sid(), good.sid()]);
    // The principal is made.
    cabinet.all_passes();
    bad.asked().await.unwrap();
    late.asked().await.unwrap();
    assert_eq!(there(&cabinet).len(), 5);
}

/// Whether the wish of a request whose item is changed like that is written by another holder of the lease.
async fn is_merged(change: impl Fn(&mut serde_json::Map<String, Value>)) -> bool {
    let (cabinet, requests) = waiting(&["Other"]).await;
    cabinet.shelves.0.table.change_claims(POLICY, change);
    cabinet.free_lease();
    let holder = cabinet.request(claim("Holder"), Some(&pull("333333333333")));
    let taken_up = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&taken_up);
    cabinet.shelves.0.table.watch(move |_, request| {
        noted.fetch_or(request.to_string().contains("#taken = :until"), Ordering::Relaxed);
        None
    });
    holder.asked().await.unwrap();
    assert_eq!(cabinet.writes(), 1);
    let there = there(&cabinet);
    assert!(there.contains(&holder.sid()));
    let is_merged = there.contains(&requests[0].sid());
    assert_eq!(taken_up.load(Ordering::Relaxed), is_merged, "nothing is taken up that isn't written");
    is_merged
}

#[tokio::test]
async fn what_the_holder_has_no_business_with_is_left_to_its_author() {
    let text = |text: &str| json!({"S": text});
    assert!(is_merged(|_| ()).await);
    let role = text("arn:aws:iam::111111111111:role/writer");
    assert!(!is_merged(|item| drop(item.insert("RoleArn".to_owned(), role.clone()))).await, "another role");
    assert!(!is_merged(|item| drop(item.insert("HasExternalId".to_owned(), json!({"BOOL": true})))).await);
    assert!(!is_merged(|item| drop(item.insert("Location".to_owned(), text("App")))).await, "another target");
    assert!(!is_merged(|item| drop(item.insert("Suspended".to_owned(), json!({"N": "1"})))).await);
    assert!(!is_merged(|item| drop(item.insert("Alone".to_owned(), json!({"BOOL": true})))).await);
    // The foreign policy is of an old version.
    assert!(!is_merged(|item| drop(item.insert("Variable".to_owned(), text("Statement.Condition")))).await);
}

#[tokio::test]
async fn the_wish_of_a_caller_never_takes_away_what_is_not_its_own() {
    // As if another account had looked for a name whose mark is a victim's.
    for principal in ["222222222222", "888888888888"] {
        let (cabinet, requests) = waiting(&["Other"]).await;
        let caller = json!({"S": "222222222222"});
        cabinet.shelves.0.table.change_claims(POLICY, |item| drop(item.insert("Caller".to_owned(), caller.clone())));
        let mut theirs = pull(principal);
        theirs["Sid"] = requests[0].sid().replace("Other", "Victim").into();
        let mut policy: Value = serde_json::from_str(FOREIGN).unwrap();
        policy["Statement"].as_array_mut().unwrap().push(theirs);
        cabinet.shelves.keep("app", Some(&policy.to_string()));
        cabinet.free_lease();
        cabinet.request(claim("Holder"), Some(&pull("333333333333"))).asked().await.unwrap();
        assert!(!there(&cabinet).contains(&requests[0].sid()), "{principal}");
        assert!(cabinet.shelves.policy().unwrap().contains(principal));
    }
}

/// Adds a claim with the mark of the first one, which somebody has looked for: here it is the same name, under another key. Returns the key.
fn add_namesake(cabinet: &Cabinet, wish: &Value) -> String {
    let key = format!("claim {}", "0".repeat(64));
    let first = cabinet.shelves.0.table.claims(POLICY)[0].clone();
    cabinet.shelves.0.table.add_claim(POLICY, &key, |item| {
        item.extend(first.into_iter().filter(|(name, _)| name != "Item"));
        item.insert("Wish".to_owned(), json!({"L": wish}));
    });
    key
}

#[tokio::test]
async fn a_wish_with_the_holder_s_mark_takes_nothing_from_the_holder() {
    let (cabinet, requests) = waiting(&["Other"]).await;
    add_namesake(&cabinet, &json!([]));
    cabinet.free_lease();
    requests[0].asked().await.unwrap();
    assert_eq!(there(&cabinet), [requests[0].sid()]);
    assert_eq!(cabinet.writes(), 1);
}

#[tokio::test]
async fn of_two_wishes_with_one_mark_a_write_has_one() {
    let (cabinet, requests) = waiting(&["Other"]).await;
    let mut theirs = pull("777777777777");
    theirs["Sid"] = requests[0].sid().into();
    let namesake = add_namesake(&cabinet, &json!([{"S": theirs.to_string()}]));
    cabinet.free_lease();
    let holder = cabinet.request(claim("Holder"), Some(&pull("333333333333")));
    holder.asked().await.unwrap();
    assert_eq!(cabinet.writes(), 1);
    assert_eq!(there(&cabinet).len(), 2);
    let has_wish = |item: &serde_json::Map<String, Value>| item.contains_key("Wish");
    let claims = cabinet.shelves.0.table.claims(POLICY);
    let left: Vec<_> = claims.iter().filter(|item| has_wish(item)).map(|item| &item["Item"]["S"]).collect();
    let first_is_written = cabinet.shelves.policy().unwrap().contains("777777777777");
    assert!(first_is_written && left.len() == 1 && *left[0] != namesake, "{left:?}");
}

#[tokio::test]
async fn nobody_is_refused_for_the_size_of_what_others_wish() {
    let many = |count: u64| {
        let accounts: Vec<_> = (0..count).map(|n| format!("{:012}", 222_222_222_222_u64 + n)).collect();
        json!({"Effect": "Allow", "Principal": {"AWS": accounts}, "Action": "ecr:BatchGetImage"})
    };
    let cabinet = Cabinet::with(Some(FOREIGN));
    cabinet.hold_lease();
    let large = cabinet.request(claim("Large"), Some(&many(900)));
    let larger = cabinet.request(claim("Larger"), Some(&many(901)));
    large.waits().await;
    larger.waits().await;
    cabinet.free_lease();
    cabinet.shelves.0.most.set(Some(20_000));
    let holder = cabinet.request(claim("Holder"), Some(&pull("333333333333")));
    holder.asked().await.unwrap();
    assert_eq!(cabinet.writes(), 1);
    assert_eq!(there(&cabinet).len(), 2, "one of them has room");
    let mut ended = [large.asked().await, larger.asked().await];
    ended.sort_by_key(Result::is_err);
    let [Ok(_), Err(Error::Refused(reason))] = ended else { panic!("one of them has no room: {ended:?}") };
    assert!(reason.sentence().contains("of 20,000 characters"), "{reason}");
    assert_eq!(there(&cabinet).len(), 2);
}

#[tokio::test]
async fn a_wish_that_nobody_can_want_is_refused_to_its_author_alone() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    let root = cabinet.request(claim("Root"), Some(&pull("222222222222")));
    root.asked().await.unwrap();
    cabinet.hold_lease();
    let delete = cabinet.request(root.known(), None);
    delete.waits().await;
    cabinet.free_lease();
    let holder = cabinet.request(claim("Holder"), Some(&pull("333333333333")));
    holder.asked().await.unwrap();
    assert_eq!(there(&cabinet), [root.sid(), holder.sid()]);
    let refusal = delete.asked().await.unwrap_err();
    assert_eq!(refusal.to_string(), "it would lose its root");
    assert_eq!(there(&cabinet), [root.sid(), holder.sid()]);
}

#[tokio::test(start_paused = true)]
async fn requests_of_one_process_end_in_few_writes() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    let process = cabinet.process();
    let names: Vec<_> = (0..10).map(|number| format!("Of{number}")).collect();
    cabinet.fate(|_| Fate::Takes(Duration::from_millis(20)));
    let requests: Vec<_> = (names.iter().enumerate())
        .map(|(number, name)| cabinet.request_in(&process, claim(name), Some(&pull(&account(number)))))
        .collect();
    let first = futures_util::future::join_all(requests.iter().map(Request::asked)).await;
    assert!(first.iter().any(Result::is_ok));
    for request in &requests {
        request.asked().await.unwrap();
    }
    assert_eq!(there(&cabinet).len(), 10);
    assert_eq!(cabinet.writes(), 2, "the first one's, and all others'");
}

#[tokio::test]
async fn a_request_that_comes_again_after_its_success_changes_nothing() {
    let (cabinet, requests) = waiting(&["One", "Two"]).await;
    cabinet.free_lease();
    for request in &requests {
        request.asked().await.unwrap();
    }
    let policy = cabinet.shelves.policy();
    let again = requests[1].again();
    again.asked().await.unwrap();
    assert_eq!(again.claim.id().map(|id| id.to_string()), requests[1].claim.id().map(|id| id.to_string()));
    assert_eq!((cabinet.writes(), cabinet.shelves.policy()), (1, policy));
    // And its next request is another one.
    cabinet.request(requests[1].known(), None).asked().await.unwrap();
    assert_eq!(there(&cabinet), [requests[0].sid()]);
}

#[tokio::test]
async fn a_create_that_a_delete_overtakes_is_written_by_nobody() {
    let (cabinet, requests) = waiting(&["Pull"]).await;
    let delete = cabinet.request(claim("Pull"), None);
    delete.waits().await;
    cabinet.free_lease();
    cabinet.request(claim("Holder"), Some(&pull("333333333333"))).asked().await.unwrap();
    let ended = requests[0].asked().await;
    let Err(Error::Refused(reason)) = ended else { panic!("it goes on: {ended:?}") };
    assert_eq!(reason.sentence(), "a later request for this resource was worked on meanwhile, so nothing was done");
    delete.asked().await.unwrap();
    assert_eq!(there(&cabinet), [sid(&claim("Holder"))]);
    assert_eq!(cabinet.writes(), 1);
}

#[tokio::test]
async fn a_create_that_looked_before_its_delete_was_done_writes_nothing_after_it() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    cabinet.hold_lease();
    let delete = cabinet.request(claim("Pull"), None);
    let is_read = Arc::new(AtomicBool::new(false));
    // Once it has read its item, and before it asks for the lease, all of its Delete happens and some seconds pass.
    let (read, table, delayed) = (Arc::clone(&is_read), cabinet.shelves.0.table.clone(), cabinet.clone());
    let now = table.clock();
    let process = cabinet.process_by(move || {
        if read.swap(false, Ordering::Relaxed) {
            delete.asked().now_or_never().unwrap().unwrap();
            delayed.pass(Duration::from_secs(5));
        }
        now()
    });
    let mut create = cabinet.request(claim("Pull"), Some(&pull("222222222222")));
    // CloudFormation made it before the Delete.
    create.claim = create.claim.in_invocation(|invocation| invocation.ordered(RequestOrder::new(0, false, "create")));
    create.process = process;
    create.waits().await;
    cabinet.free_lease();
    cabinet.pass(Duration::from_secs(5));
    cabinet.shelves.0.table.watch(move |operation, _| {
        is_read.fetch_or(operation == "BatchGetItem", Ordering::Relaxed);
        None
    });
    let Err(Error::Refused(reason)) = create.asked().await else { panic!("it goes on") };
    assert_eq!(reason.sentence(), "a later request for this resource was worked on meanwhile, so nothing was done");
    assert_eq!((cabinet.writes(), cabinet.shelves.policy().as_deref()), (0, Some(FOREIGN)));
}

#[tokio::test]
async fn an_event_that_comes_again_after_its_end_changes_nothing() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    let created = cabinet.request(claim("Pull"), Some(&pull("222222222222")));
    created.asked().await.unwrap();
    // Somebody takes the statement out; nobody puts it back unasked.
    cabinet.shelves.keep("app", Some(FOREIGN));
    cabinet.pass(Duration::from_mins(3));
    let again = created.again();
    assert!(again.asked().await.unwrap().unwrap().policy_size > 0);
    assert_eq!(again.claim.id().unwrap().to_string(), id(&again.claim), "the answer is the same");
    assert_eq!(there(&cabinet), [""; 0]);
    assert_eq!(cabinet.writes(), 1);
    // The lease is free, and the next request is worked on.
    cabinet.request(created.known(), Some(&pull("333333333333"))).ends().await;
    assert_eq!(there(&cabinet), [created.sid()]);
}

#[tokio::test]
async fn an_event_that_comes_again_after_it_failed_leaves_no_wish() {
    let (cabinet, requests) = waiting(&["Failed"]).await;
    requests[0].fails().await;
    let again = requests[0].again();
    let Err(Error::Refused(reason)) = again.asked().await else { panic!("it is worked on") };
    assert_eq!(reason.sentence(), "this request has failed before, so nothing was done");
    cabinet.free_lease();
    cabinet.request(claim("Holder"), Some(&pull("333333333333"))).asked().await.unwrap();
    assert_eq!(there(&cabinet), [sid(&claim("Holder"))]);
    // The stack asks once more.
    cabinet.request(claim("Failed"), Some(&pull("222222222222"))).asked().await.unwrap();
    assert_eq!(there(&cabinet).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_would_begin_late_in_a_lease_does_not_begin() {
    for (seconds, is_written) in [(4, true), (6, false)] {
        let cabinet = Cabinet::with(Some(FOREIGN));
        cabinet.fate(move |call| match call {
            Call::Read => Fate::Takes(Duration::from_secs(seconds)),
            Call::Write(_) => Fate::Passes,
        });
        let ended = Box::pin(cabinet.request(claim("Pull"), Some(&pull("222222222222"))).asked()).await;
        assert!(is_written || ended.is_err());
        assert_eq!(cabinet.writes(), u32::from(is_written), "{seconds}");
    }
}

#[tokio::test]
async fn what_a_holder_has_written_for_a_claim_confirms_none_of_its_later_requests() {
    let (cabinet, requests) = waiting(&["Other"]).await;
    let delete = Rc::new(cabinet.request(claim("Other"), None));
    cabinet.free_lease();
    let (later, shelves, written) = (Rc::clone(&delete), cabinet.shelves.clone(), cabinet.clone());
    // The third read is the one after the write.
    cabinet.shelves.on_read(move || {
        let after_the_second = shelves.clone();
        shelves.on_read(move || {
            after_the_second.on_read(move || {
                assert_eq!(written.writes(), 1);
                assert!(matches!(later.asked().now_or_never(), Some(Err(Error::NotYet(_)))));
            });
        });
    });
    let holder = cabinet.request(claim("Holder"), Some(&pull("333333333333")));
    holder.asked().await.unwrap();
    assert_eq!(there(&cabinet), [holder.sid(), requests[0].sid()]);
    delete.ends().await;
    assert_eq!(there(&cabinet), [holder.sid()]);
}

#[tokio::test]
async fn what_somebody_takes_out_before_it_is_confirmed_is_not_put_back_by_others() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    cabinet.shelves.0.table.fail(|_, update| update.contains("#statements = #wish"));
    let created = cabinet.request(claim("Pull"), Some(&pull("222222222222")));
    created.asked().await.unwrap();
    cabinet.shelves.0.table.fail(|_, _| false);
    assert_eq!(there(&cabinet), [created.sid()]);
    cabinet.shelves.keep("app", Some(&FOREIGN.replace("ecr:DeleteRepository", "ecr:*")));
    cabinet.end_lease();
    for name in ["One", "Two"] {
        cabinet.request(claim(name), Some(&pull("333333333333"))).ends().await;
    }
    assert_eq!(there(&cabinet), [sid(&claim("One")), sid(&claim("Two"))]);
    // Its own stack may have it again.
    cabinet.request(created.known(), Some(&pull("222222222222"))).ends().await;
    assert!(there(&cabinet).contains(&created.sid()));
}

#[tokio::test(start_paused = true)]
async fn a_wish_that_a_later_request_replaces_before_it_is_taken_up_is_not_written() {
    let (cabinet, _) = waiting(&["Pull"]).await;
    cabinet.free_lease();
    cabinet.fate(|call| if matches!(call, Call::Read) { Fate::Takes(Duration::from_secs(2)) } else { Fate::Passes });
    let holder = cabinet.request(claim("Holder"), Some(&pull("333333333333")));
    let later = async {
        // After the holder has asked what is wished, and before it has read the policy.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let later = cabinet.request(claim("Pull"), Some(&pull("444444444444")));
        later.waits().await;
        later
    };
    let (held, later) = tokio::join!(holder.asked(), later);
    held.unwrap();
    assert_eq!(there(&cabinet), [holder.sid()]);
    later.ends().await;
    let policy = cabinet.shelves.policy().unwrap();
    assert!(policy.contains("444444444444") && !policy.contains("222222222222"), "{policy}");
}

#[tokio::test(start_paused = true)]
async fn a_wish_that_is_taken_up_while_it_is_taken_back_is_waited_for() {
    let (cabinet, requests) = waiting(&["Failed"]).await;
    cabinet.free_lease();
    cabinet.shelves.0.table.watch(|_, request| {
        let is_it = request["UpdateExpression"].as_str().is_some_and(|update| update.contains("#withdrawn = "));
        is_it.then_some(archipelago_tests::model::Fault::Slow)
    });
    cabinet.fate(|call| if matches!(call, Call::Read) { Fate::Passes } else { Fate::Takes(Duration::from_secs(5)) });
    let holder = cabinet.request(claim("Holder"), Some(&pull("333333333333")));
    let holding = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        holder.asked().await
    };
    let ((), held) = tokio::join!(requests[0].fails(), holding);
    held.unwrap();
    assert!(there(&cabinet).contains(&requests[0].sid()));
    assert!(requests[0].claim.id().is_some(), "CloudFormation is told what is there");
}
