//! Many claims on one policy at the same time, on bad days: what CloudFormation was told is what is there in the end.

mod check;
mod claim;
mod claimed_target;
mod target;
mod weather;

use std::env;
use std::time::Instant;

use archipelago_tests::aws_stub::AwsStub;
use archipelago_tests::local_aws::LocalAws;
use tokio::task::JoinSet;

use claimed_target::{ClaimedTarget, Endpoints, Wave};
use target::Kind;
use weather::Weather;

/// The variable that has a seed run again.
const SEED: &str = "ARCHIPELAGO_SEED";

/// A kind of target, how many claims there are on it, and what they do one after another.
type Plan = (Kind, usize, &'static [Wave]);

/// More claims than each policy takes, even if some processes die, but for the inline one. Where there are many, a wave
/// takes its time. A stranger comes first where claims leave no room for its statement, which it replaces from then on.
/// After a wipe of what was written a moment ago all wait until no read of that policy may lag any more.
const FULL: [Plan; 6] = [
    (Kind::Repository, 72, &[Wave::Stranger, Wave::Put, Wave::Stranger, Wave::Put, Wave::Thin, Wave::Put]),
    (Kind::Repository, 72, &[Wave::Stranger, Wave::Put, Wave::Put, Wave::Stranger, Wave::Thin, Wave::Put]),
    (Kind::Key, 200, &[Wave::Stranger, Wave::Put, Wave::Stranger, Wave::Thin]),
    (Kind::Bucket, 100, &[Wave::Stranger, Wave::Put, Wave::Stranger, Wave::Thin]),
    (Kind::Trust, 12, &[Wave::Stranger, Wave::Put, Wave::Put, Wave::Thin, Wave::Stranger, Wave::Put]),
    (Kind::Inline, 54, &[Wave::Put, Wave::Stranger, Wave::Put, Wave::Wipe, Wave::Thin, Wave::Stranger, Wave::Put]),
];

/// Fewer claims, with each wave.
const FEW: [Plan; 5] = [
    (Kind::Repository, 12, &[Wave::Put, Wave::Stranger, Wave::Thin, Wave::Stranger, Wave::Put]),
    (Kind::Key, 12, &[Wave::Put, Wave::Stranger, Wave::Thin, Wave::Stranger, Wave::Put]),
    (Kind::Bucket, 12, &[Wave::Put, Wave::Stranger, Wave::Thin, Wave::Stranger, Wave::Put]),
    (Kind::Trust, 12, &[Wave::Put, Wave::Stranger, Wave::Thin, Wave::Stranger, Wave::Put]),
    (Kind::Inline, 12, &[Wave::Put, Wave::Stranger, Wave::Thin, Wave::Stranger, Wave::Put]),
];

/// What the waves left.
#[derive(Default)]
struct Proof {
    operations: usize,
    processes: usize,
    killed: usize,
    /// The kinds of targets where all fitted.
    roomy: Vec<Kind>,
    violations: Vec<String>,
}

/// Lets claims act in waves on all targets at once, and says what came of it.
#[expect(clippy::print_stdout, reason = "whoever reads a failure needs the seed, whoever reads a success the figures")]
async fn prove(endpoints: &Endpoints, plans: &[Plan], seed: u64) -> Proof {
    println!("{SEED}={seed}");
    let began = Instant::now();
    let mut targets = JoinSet::new();
    for &(kind, claims, waves) in plans {
        let endpoints = endpoints.clone();
        targets.spawn(async move {
            let mut claimed_target = ClaimedTarget::of(kind, claims, &endpoints, Weather::bad(seed), seed).await;
            let mut violations = Vec::new();
            for &wave in waves {
                let began = Instant::now();
                claimed_target.wave(wave).await;
                println!("{kind:?} {wave:?}: {:.1} s", began.elapsed().as_secs_f64());
                violations = claimed_target.violations().await;
                if !violations.is_empty() {
                    break;
                }
            }
            (claimed_target, violations)
        });
    }
    let mut proof = Proof::default();
    for (claimed_target, violations) in targets.join_all().await {
        let (kind, claims, refusals, calls) = (
            claimed_target.target.kind,
            claimed_target.claims.len(),
            claimed_target.refusals(),
            claimed_target.calls().len(),
        );
        let operations: usize = claimed_target.claims.iter().map(|claim| claim.operations).sum();
        let (processes, killed) = (claimed_target.function.processes(), claimed_target.weather.killed());
        println!("{kind:?}: {claims} claims, {operations} operations, {refusals} refused for size, {calls} calls");
        println!("{kind:?}: {processes} processes, {killed} of them killed");
        proof.operations += operations;
        proof.processes += processes;
        proof.killed += killed;
        proof.roomy.extend((refusals == 0).then_some(kind));
        proof.violations.extend(violations);
    }
    println!("{} operations in {:.0} s", proof.operations, began.elapsed().as_secs_f64());
    proof
}

/// Leases and policies in ministack, where the table is as template.yaml has it.
async fn ministack() -> Endpoints {
    let local = LocalAws::running();
    let table = local.ledger_table(&local.account).await;
    Endpoints { leases: local.endpoint.clone(), table, policies: local.endpoint.clone() }
}

fn seed() -> u64 {
    env::var(SEED).map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap())
}

#[tokio::test]
#[ignore = "some hundred processes want the machine for themselves for some minutes: `make proof`"]
async fn what_cloudformation_was_told_is_in_the_policies_after_a_thousand_operations() {
    let proof = prove(&ministack().await, &FULL, seed()).await;
    assert_eq!(proof.violations, [""; 0]);
    assert!(proof.operations >= 1_000, "{}", proof.operations);
    // Not all that are to die live to see the call at which they would.
    assert!(proof.killed * 15 > proof.processes, "{} of {}", proof.killed, proof.processes);
    assert_eq!(proof.roomy, [Kind::Inline]);
}

/// Its table isn't moto's: two conditional writes at the same time may both succeed there.
#[tokio::test]
async fn a_service_that_validates_policies_takes_all_that_is_written() {
    let endpoints = Endpoints { policies: LocalAws::running().organizations_endpoint.clone(), ..ministack().await };
    let proof = prove(&endpoints, &FEW, seed()).await;
    assert_eq!(proof.violations, [""; 0]);
}

#[tokio::test]
async fn without_the_lease_statements_are_lost_and_the_check_finds_it() {
    let lenient = AwsStub::ledger(|_| None).await;
    let endpoints = Endpoints { leases: lenient.origin(), ..ministack().await };
    let seed = seed();
    let mut claimed_target = ClaimedTarget::of(Kind::Repository, 40, &endpoints, Weather::changeable(seed), seed).await;
    claimed_target.wave(Wave::Put).await;
    claimed_target.wave(Wave::Put).await;
    let violations = claimed_target.violations().await;
    assert!(violations.iter().any(|violation| violation.contains("is lost or changed")), "{violations:?}");
}
