//! How time and calls grow with the claims on one policy: the figures of docs/Statements.md.

use std::collections::BTreeMap;
use std::time::Instant;

use super::claimed_target::{ClaimedTarget, PAUSE, Wave};
use super::ministack;
use super::target::Kind;
use super::weather::Weather;

/// As many claims as are created at the same time, up to what a policy takes.
const ROWS: [(Kind, &[usize]); 2] = [(Kind::Repository, &[1, 5, 20, 45]), (Kind::Key, &[1, 5, 20, 50, 100, 150])];

#[tokio::test]
#[ignore = "it measures, on a machine that has nothing else to do"]
#[expect(clippy::print_stdout, reason = "what it is for")]
async fn every_statement_costs_the_same_few_writes_and_waits_for_those_before_it() {
    let endpoints = ministack().await;
    for (kind, rows) in ROWS {
        for &claims in rows {
            let mut claimed_target = ClaimedTarget::of(kind, claims, &endpoints, Weather::fair(), 0).await;
            // The processes are warm then.
            claimed_target.wave(Wave::Put).await;
            claimed_target.wave(Wave::Delete).await;
            let before = counts(&claimed_target);
            let began = Instant::now();
            claimed_target.wave(Wave::Put).await;
            let seconds = began.elapsed().saturating_sub(PAUSE).as_secs_f64();
            let made = counts(&claimed_target).into_iter().map(|(operation, count)| {
                let made = count - before.get(&operation).unwrap_or(&0);
                (operation, made)
            });
            let made: BTreeMap<_, _> = made.collect();
            assert_eq!(claimed_target.violations().await, [""; 0]);
            assert_eq!(claimed_target.refusals(), 0);
            let number = f64::from(u32::try_from(claims).unwrap());
            let each = |count: usize| f64::from(u32::try_from(count).unwrap()) / number;
            let by_operation: Vec<_> =
                made.iter().map(|(operation, count)| format!("{operation} {:.1}", each(*count))).collect();
            println!(
                "| {kind:?} | {claims} | {seconds:.1} s | {:.2} s | {:.1} | {} |",
                seconds / number,
                each(made.values().sum()),
                by_operation.join(", "),
            );
        }
    }
}

fn counts(claimed_target: &ClaimedTarget) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for call in claimed_target.calls() {
        // Somebody else has the lease: it is asked for again.
        let refused = call.operation == "UpdateItem" && call.status == Some(400);
        *counts.entry(if refused { "UpdateItem refused".to_owned() } else { call.operation }).or_insert(0) += 1;
    }
    counts
}
