use super::*;

const NOW: Duration = Duration::from_hours(1000);
const LAG: Duration = Duration::from_mins(2);

fn after(seconds: u64) -> Duration {
    NOW + Duration::from_secs(seconds)
}

fn history() -> PolicyHistory {
    PolicyHistory { lag: LAG, ..PolicyHistory::default() }
}

fn stored(history: &PolicyHistory, now: Duration) -> PolicyHistory {
    PolicyHistory::read(history.write().iter().map(String::as_str), now, LAG).unwrap()
}

/// A write from `old` to `new` that began and whose end nobody saw, of two claims.
fn pending() -> PolicyHistory {
    let mut before = history();
    before.note_current("old");
    let (before_it, after_it) = ("old".to_owned(), "new".to_owned());
    let claims = vec!["claim-1".to_owned(), "claim-2".to_owned()];
    stored(&before.beginning(Pending { before: before_it, after: after_it, at: NOW, claims }), NOW)
}

fn done() -> PolicyHistory {
    let mut history = pending();
    history.note_done(NOW);
    stored(&history, NOW)
}

#[test]
fn what_a_holder_left_is_known_and_what_somebody_else_wrote_is_new() {
    assert_eq!(done().judge("new", after(1)), Reading::AsLeft);
    assert_eq!(done().judge("somebody else's", after(1)), Reading::New(vec![]));
    assert_eq!(history().judge("the first", NOW), Reading::New(vec![]));
}

#[test]
fn a_replaced_document_is_stale_while_a_read_may_lag_behind() {
    assert_eq!(done().judge("old", after(119)), Reading::Stale);
}

#[test]
fn a_document_that_was_replaced_long_ago_is_believed_once_all_reads_have_shown_it_for_as_long_as_a_read_may_lag() {
    let mut history = done();
    assert_eq!(history.judge("old", after(500)), Reading::Stale);
    let mut history = stored(&history, after(500));
    assert_eq!(history.clone().judge("old", after(619)), Reading::Stale);
    assert_eq!(history.clone().judge("old", after(620)), Reading::New(vec![]));
    assert_eq!(history.judge("new", after(510)), Reading::AsLeft, "it was stale");
    assert_eq!(history.judge("old", after(620)), Reading::Stale, "so the doubt begins anew");
}

#[test]
fn a_document_that_was_replaced_and_is_put_back_by_us_is_current() {
    let mut history = done();
    history = history.beginning(Pending { before: "new".into(), after: "old".into(), at: after(5), claims: vec![] });
    history.note_done(after(5));
    let mut history = stored(&history, after(5));
    assert_eq!(history.judge("old", after(6)), Reading::AsLeft);
    assert_eq!(history.judge("new", after(6)), Reading::Stale);
}

#[test]
fn a_document_that_was_replaced_is_no_sign_that_it_was_written_again_while_a_read_may_lag_behind() {
    let mut history = done();
    history = history.beginning(Pending { before: "new".into(), after: "old".into(), at: after(5), claims: vec![] });
    let mut history = stored(&history, after(5));
    assert_eq!(history.judge("old", after(119)), Reading::Stale);
    assert!(history.is_pending());
    assert_eq!(history.judge("old", after(120)), Reading::AsLeft);
}

#[test]
fn the_start_of_a_write_that_nobody_saw_the_end_of_is_stale_at_first_and_then_replaced_only_with_its_wishes() {
    assert_eq!(pending().judge("old", after(29)), Reading::Stale);
    let claims = vec!["claim-1".to_owned(), "claim-2".to_owned()];
    assert_eq!(pending().judge("old", after(30)), Reading::Unless(claims));
    assert_eq!(pending().judge("old", after(120)), Reading::AsLeft, "no read lags so far behind");
}

#[test]
fn the_end_of_a_write_that_nobody_saw_is_known_once_it_is_read() {
    let mut history = pending();
    assert_eq!(history.judge("new", after(1)), Reading::AsLeft);
    let mut history = stored(&history, after(1));
    assert_eq!(history.judge("old", after(100)), Reading::Stale);
    assert!(!history.is_pending());
}

#[test]
fn a_write_that_comes_to_pass_after_it_was_given_up_is_overdue() {
    for seen in ["old", "somebody else's"] {
        let mut history = pending();
        let reading =
            if seen == "old" { Reading::AsLeft } else { Reading::New(vec!["claim-1".into(), "claim-2".into()]) };
        assert_eq!(history.judge(seen, after(130)), reading);
        let mut history = stored(&history, after(130));
        history.note_current("ours");
        assert_eq!(history.judge("new", after(1_000)), Reading::Stale, "{seen}");
        assert_eq!(history.judge("new", after(1_120)), Reading::Overdue, "all reads show it, {seen}");
    }
}

#[test]
fn a_write_that_came_to_pass_and_was_replaced_by_somebody_else_is_shown_by_late_reads_alone() {
    let mut history = pending();
    assert_eq!(history.judge("old", after(130)), Reading::AsLeft);
    // It comes to pass at 900, which nobody sees, and is replaced at 1,000.
    assert_eq!(history.judge("theirs", after(1_001)), Reading::New(vec![]));
    history.note_found("theirs", after(1_001));
    let mut history = stored(&history, after(1_001));
    assert_eq!(history.judge("new", after(1_002)), Reading::Stale);
    let mut history = stored(&history, after(1_002));
    assert_eq!(history.judge("new", after(1_119)), Reading::Stale);
    assert_eq!(history.judge("theirs", after(1_120)), Reading::AsLeft);
}

#[test]
fn a_write_that_another_one_follows_unseen_may_come_to_pass_later() {
    let mut history = pending();
    let next = Pending { before: "old".into(), after: "next".into(), at: after(40), claims: vec![] };
    history = history.beginning(next);
    history.note_done(after(41));
    let mut history = stored(&history, after(41));
    assert_eq!(history.judge("new", after(50)), Reading::Stale);
    assert_eq!(history.judge("new", after(170)), Reading::Overdue);
}

#[test]
fn a_stale_read_tells_nothing_of_a_write_whose_end_is_not_known() {
    let mut history = done();
    history = history.beginning(Pending { before: "new".into(), after: "next".into(), at: after(5), claims: vec![] });
    assert_eq!(history.judge("old", after(6)), Reading::Stale);
    assert!(history.is_pending());
}

#[test]
fn a_refused_write_leaves_the_document_that_was_there() {
    let mut history = pending();
    history.note_refused();
    assert_eq!(history.judge("old", after(1)), Reading::AsLeft);
}

#[test]
fn the_lines_are_written_and_read_as_in_the_first_release() {
    let lines = [
        "current 0123456789abcdef",
        "replaced 1123456789abcdef 3600000000000",
        "pending 0123456789abcdef fedcba9876543210 3600000000000 claim-1 claim-2",
        "given-up 2123456789abcdef 3600000000000",
        "doubted 1123456789abcdef 3600000000000",
    ];
    let now = Duration::from_hours(1_000_000);
    assert_eq!(PolicyHistory::read(lines.into_iter(), now, LAG).unwrap().write(), lines);
}

#[test]
fn a_line_that_cannot_be_read_is_refused() {
    for line in ["", "current", "pending a b now", "replaced a", "order 22a7aa3d94 7200000000-0123abcd"] {
        assert!(PolicyHistory::read([line].into_iter(), NOW, LAG).is_err(), "{line}");
    }
}

#[test]
fn three_repairs_in_five_minutes_are_a_fight_until_a_sweep_or_an_hour_later() {
    let mut fought = history();
    for (seconds, is_fought) in [(0, false), (100, false), (200, false), (299, true)] {
        assert_eq!(fought.is_fought(after(seconds)), is_fought, "{seconds}");
        fought.note_repair(after(seconds));
        fought = stored(&fought, after(seconds));
    }
    assert!(fought.clone().is_fought(after(299 + 3_599)));
    assert!(!fought.clone().is_fought(after(299 + 3_600)));
    fought.end_fight();
    assert!(!fought.is_fought(after(300)));

    // Where a read may lag behind it takes longer to see that somebody has done the same again.
    let mut slow = history();
    let apart = (5 * 60 + 3 * LAG.as_secs()) / 3 + 1;
    for repairs in 0..5 {
        assert!(!slow.is_fought(after(repairs * apart)), "{repairs}");
        slow.note_repair(after(repairs * apart));
    }
}

#[test]
fn what_is_kept_does_not_grow_for_ever() {
    let mut history = history();
    for n in 0..1000_u64 {
        let pending =
            Pending { before: format!("{n:016x}"), after: format!("{:016x}", n + 1), at: after(n), claims: vec![] };
        history = history.beginning(pending);
        if n % 2 == 0 {
            history.note_done(after(n));
        }
    }
    let lines = history.write().len();
    assert!((REMEMBERED_AFTERWARDS..=REMEMBERED + GIVEN_UP + 3).contains(&lines), "{lines}");
    assert!(stored(&history, after(1000) + GIVEN_UP_FOR).given_up.is_empty());
}
