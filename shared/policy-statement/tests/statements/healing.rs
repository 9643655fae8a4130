//! What a late write of ours loses comes back, and what somebody else takes out doesn't.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cabinet::{Cabinet, Call, Fate, POLICY, Request, sid};
use crate::shelves::{FOREIGN, claim, pull, sids};

fn create(cabinet: &Cabinet, name: &str, account: &str) -> Request {
    cabinet.request(claim(name), Some(&pull(account)))
}

/// A write of `Late` that nobody knows the end of, long after it was sent. These have statements in the policy before.
async fn with_a_late_write(names: &[&str]) -> (Cabinet, Vec<Request>) {
    let cabinet = Cabinet::with(Some(FOREIGN));
    let mut requests = Vec::new();
    for name in names {
        let request = create(&cabinet, name, "222222222222");
        request.ends().await;
        requests.push(request);
    }
    cabinet.fate(|call| if matches!(call, Call::Write(_)) { Fate::ComesLate } else { Fate::Passes });
    create(&cabinet, "Late", "333333333333").waits().await;
    cabinet.all_passes();
    cabinet.end_lease();
    cabinet.pass(Duration::from_mins(3));
    (cabinet, requests)
}

fn land(cabinet: &Cabinet) {
    let late = cabinet.late.borrow_mut().pop().unwrap();
    cabinet.shelves.keep("app", late.as_deref());
}

fn has(cabinet: &Cabinet, name: &str) -> bool {
    sids(cabinet.shelves.policy()).contains(&sid(&claim(name)))
}

#[tokio::test]
async fn what_a_late_write_has_lost_is_there_after_the_next_write() {
    let (cabinet, requests) = with_a_late_write(&["Before"]).await;
    create(&cabinet, "Between", "444444444444").ends().await;
    cabinet.request(requests[0].known(), Some(&pull("555555555555"))).ends().await;
    land(&cabinet);
    assert!(!has(&cabinet, "Between"));
    create(&cabinet, "Next", "666666666666").ends().await;
    let policy = cabinet.shelves.policy().unwrap();
    for account in ["444444444444", "555555555555", "666666666666"] {
        assert!(policy.contains(account), "{policy}");
    }
    assert!(!policy.contains("222222222222"), "what an update has replaced stays so: {policy}");
}

#[tokio::test]
async fn what_a_late_write_brings_back_is_gone_after_the_next_write() {
    let (cabinet, requests) = with_a_late_write(&["Deleted", "Responded", "Suspended"]).await;
    cabinet.request(requests[0].known(), None).ends().await;
    // A responder takes one out, and that is noticed.
    let mut policy: Value = serde_json::from_str(&cabinet.shelves.policy().unwrap()).unwrap();
    let taken = requests[1].sid();
    policy["Statement"].as_array_mut().unwrap().retain(|statement| statement["Sid"] != taken.as_str());
    cabinet.shelves.keep("app", Some(&policy.to_string()));
    create(&cabinet, "Between", "444444444444").ends().await;
    let suspended = sid(&claim("Suspended")).replace("Suspended", "");
    cabinet.shelves.0.table.change_claims(POLICY, |item| {
        if item["LogicalId"]["S"] == "Suspended" {
            item.insert("Suspended".to_owned(), json!({"N": "1"}));
        }
    });
    land(&cabinet);
    assert!(cabinet.shelves.policy().unwrap().contains(&suspended));
    create(&cabinet, "Next", "666666666666").ends().await;
    for (name, is_there) in
        [("Deleted", false), ("Responded", false), ("Suspended", false), ("Between", true), ("Next", true)]
    {
        assert_eq!(has(&cabinet, name), is_there, "{name}");
    }
    assert_eq!(sids(cabinet.shelves.policy())[0], "", "what is foreign stays");
}

#[tokio::test]
async fn a_late_write_brings_nothing_back_of_what_failed_and_was_taken_back() {
    let (cabinet, _) = with_a_late_write(&[]).await;
    // Its author's process is dead; CloudFormation deletes what may be there.
    cabinet.request(claim("Late"), None).ends().await;
    land(&cabinet);
    assert!(has(&cabinet, "Late"));
    create(&cabinet, "Next", "666666666666").ends().await;
    assert!(!has(&cabinet, "Late"));
}

#[tokio::test]
async fn what_somebody_else_takes_out_stays_out_whatever_else_is_written() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    for name in ["Out", "Stays"] {
        create(&cabinet, name, "222222222222").ends().await;
        cabinet.pass(Duration::from_mins(3));
    }
    let before = cabinet.shelves.policy().unwrap();
    let mut policy: Value = serde_json::from_str(&before).unwrap();
    policy["Statement"].as_array_mut().unwrap().remove(1);
    cabinet.shelves.keep("app", Some(&policy.to_string()));
    create(&cabinet, "One", "333333333333").ends().await;
    // Others wish at the same time, one goes, and a read shows the policy from before the responder's change.
    cabinet.hold_lease();
    let two = create(&cabinet, "Two", "444444444444");
    two.waits().await;
    cabinet.free_lease();
    cabinet.request(claim("One"), None).ends().await;
    two.ends().await;
    for _ in 0..3 {
        let mut shows = Some(before.clone());
        cabinet.fate(move |call| match call {
            Call::Read => shows.take().map_or(Fate::Passes, |stale| Fate::Shows(Some(stale))),
            Call::Write(_) => Fate::Passes,
        });
        create(&cabinet, "Three", "555555555555").ends().await;
        cabinet.request(claim("Three"), None).ends().await;
    }
    for (name, is_there) in [("Out", false), ("Stays", true), ("One", false), ("Two", true), ("Three", false)] {
        assert_eq!(has(&cabinet, name), is_there, "{name}");
    }
}

#[tokio::test]
async fn what_aws_refuses_of_what_was_lost_holds_nobody_up() {
    let (cabinet, _) = with_a_late_write(&[]).await;
    create(&cabinet, "Between", "444444444444").ends().await;
    land(&cabinet);
    // The principal was deleted meanwhile.
    cabinet.refuse_with("444444444444", "InvalidPrincipal");
    create(&cabinet, "Next", "666666666666").ends().await;
    assert!(has(&cabinet, "Next") && !has(&cabinet, "Between"));
    create(&cabinet, "Another", "777777777777").asked().await.unwrap();
    assert!(has(&cabinet, "Another"));
}

#[tokio::test]
async fn what_is_there_already_is_so_where_aws_refuses_what_was_lost() {
    let (cabinet, _) = with_a_late_write(&[]).await;
    create(&cabinet, "Between", "444444444444").ends().await;
    land(&cabinet);
    cabinet.refuse_with("444444444444", "InvalidPrincipal");
    create(&cabinet, "Late", "333333333333").ends().await;
    cabinet.request(claim("Nothing"), None).asked().await.unwrap();
    assert!(has(&cabinet, "Late"));
}

#[tokio::test]
async fn a_read_from_before_somebody_else_s_change_brings_nothing_back() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    for name in ["Out", "Gone"] {
        create(&cabinet, name, "222222222222").ends().await;
        cabinet.pass(Duration::from_mins(3));
    }
    let before = cabinet.shelves.policy().unwrap();
    let mut policy: Value = serde_json::from_str(&before).unwrap();
    policy["Statement"].as_array_mut().unwrap().remove(1);
    cabinet.shelves.keep("app", Some(&policy.to_string()));
    cabinet.request(claim("Gone"), None).ends().await;
    cabinet.pass(Duration::from_secs(10));
    let mut stale = 3;
    cabinet.fate(move |call| match call {
        Call::Read if stale > 0 => {
            stale -= 1;
            Fate::Shows(Some(before.clone()))
        }
        _ => Fate::Passes,
    });
    create(&cabinet, "Next", "333333333333").ends().await;
    for (name, is_there) in [("Out", false), ("Gone", false), ("Next", true)] {
        assert_eq!(has(&cabinet, name), is_there, "{name}");
    }
}

#[tokio::test]
async fn a_second_write_that_nobody_knows_the_end_of_keeps_nobody_from_putting_back_what_the_first_has_lost() {
    let (cabinet, _) = with_a_late_write(&[]).await;
    create(&cabinet, "Between", "444444444444").ends().await;
    cabinet.pass(Duration::from_mins(3));
    land(&cabinet);
    create(&cabinet, "Doubts", "555555555555").waits().await;
    cabinet.pass(Duration::from_mins(3));
    cabinet.fate(|call| if matches!(call, Call::Write(_)) { Fate::ComesLate } else { Fate::Passes });
    create(&cabinet, "Heals", "666666666666").waits().await;
    cabinet.all_passes();
    cabinet.pass(Duration::from_secs(40));
    create(&cabinet, "Next", "777777777777").ends().await;
    assert!(has(&cabinet, "Next") && has(&cabinet, "Between"));
}

#[tokio::test]
async fn what_aws_refuses_of_what_was_lost_keeps_nothing_else_of_it_away() {
    let (cabinet, _) = with_a_late_write(&[]).await;
    for (name, account) in [("Refused", "444444444444"), ("Taken", "555555555555"), ("Also", "888888888888")] {
        create(&cabinet, name, account).ends().await;
    }
    land(&cabinet);
    cabinet.refuse_with("444444444444", "InvalidPrincipal");
    create(&cabinet, "Next", "666666666666").ends().await;
    for (name, is_there) in [("Refused", false), ("Taken", true), ("Also", true), ("Next", true)] {
        assert_eq!(has(&cabinet, name), is_there, "{name}");
    }
}

/// A write without an answer that may still come to pass, half a minute after it was sent.
async fn with_a_write_that_may_come() -> (Cabinet, Request) {
    let cabinet = Cabinet::with(Some(FOREIGN));
    cabinet.fate(|call| if matches!(call, Call::Write(_)) { Fate::ComesLate } else { Fate::Passes });
    let late = create(&cabinet, "Late", "333333333333");
    late.waits().await;
    cabinet.all_passes();
    cabinet.pass(Duration::from_secs(36));
    (cabinet, late)
}

#[tokio::test]
async fn what_a_write_that_may_come_has_and_nobody_wishes_any_more_is_waited_for() {
    let (cabinet, late) = with_a_write_that_may_come().await;
    late.fails().await;
    let next = create(&cabinet, "Next", "444444444444");
    next.waits().await;
    assert!(!has(&cabinet, "Next"), "it would be lost if the other write came now");
    cabinet.pass(Duration::from_mins(2));
    next.ends().await;
    assert!(has(&cabinet, "Next"));
}

#[tokio::test]
async fn nothing_is_taken_for_gone_while_a_write_of_it_may_come() {
    let (cabinet, _) = with_a_write_that_may_come().await;
    let delete = cabinet.request(claim("Late"), None);
    delete.waits().await;
    land(&cabinet);
    delete.ends().await;
    assert!(!has(&cabinet, "Late"));
}

#[tokio::test]
async fn a_document_that_nobody_knows_is_late_where_it_lacks_what_was_written_a_moment_ago() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    create(&cabinet, "Written", "222222222222").ends().await;
    cabinet.pass(Duration::from_secs(10));
    // Somebody else has changed it twice before.
    let unknown = FOREIGN.replace("DeleteRepository", "BatchDeleteImage");
    cabinet.fate(move |call| match call {
        Call::Read => Fate::Shows(Some(unknown.clone())),
        Call::Write(_) => Fate::Passes,
    });
    let next = create(&cabinet, "Next", "333333333333");
    next.waits().await;
    cabinet.all_passes();
    next.ends().await;
    assert!(has(&cabinet, "Written") && has(&cabinet, "Next"));
}

#[tokio::test]
async fn a_read_of_a_change_that_nobody_of_ours_saw_brings_back_nothing_that_was_removed_or_changed_since() {
    let cabinet = Cabinet::with(Some(FOREIGN));
    let removed = create(&cabinet, "Removed", "222222222222");
    let changed = create(&cabinet, "Changed", "222222222222");
    for request in [&removed, &changed] {
        request.ends().await;
    }
    cabinet.pass(Duration::from_mins(3));
    let written = cabinet.shelves.policy().unwrap();
    let unseen = written.replace("ecr:DeleteRepository", "ecr:First");
    cabinet.shelves.keep("app", Some(&written.replace("ecr:DeleteRepository", "ecr:Second")));
    for remove_first in [true, false] {
        let request = if remove_first {
            cabinet.request(removed.known(), None)
        } else {
            cabinet.request(changed.known(), Some(&pull("333333333333")))
        };
        request.ends().await;
        let (shown, mut stale) = (unseen.clone(), 3);
        cabinet.fate(move |call| match call {
            Call::Read if stale > 0 => {
                stale -= 1;
                Fate::Shows(Some(shown.clone()))
            }
            _ => Fate::Passes,
        });
        create(&cabinet, if remove_first { "One" } else { "Two" }, "444444444444").ends().await;
        cabinet.pass(Duration::from_mins(3));
    }
    let policy = cabinet.shelves.policy().unwrap();
    assert!(policy.contains("ecr:Second") && policy.contains("333333333333"), "{policy}");
    assert!(!has(&cabinet, "Removed") && has(&cabinet, "One") && has(&cabinet, "Two"), "{policy}");
}
