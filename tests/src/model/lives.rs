//! Many lives, and of those that go wrong the shortest.

use std::env;

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tokio::runtime::Builder;

use super::play::play;
use super::played_aws::PlayedAws;
use super::process::Process;
use super::story::stories;
use super::weather::Weather;

/// How many lives to make up, other ones each time, in the place of those that every run has in common.
const MORE: &str = "PROPTEST_CASES";

/// Tells `lives` stories over the played AWS `A`, the same ones each time; as many others as the variable `PROPTEST_CASES`
/// says, if there is one.
///
/// # Panics
/// With the shortest story that goes wrong, and what does.
pub fn lives<A: PlayedAws>(lives: u32) {
    let more = env::var(MORE).ok().and_then(|more| more.parse().ok());
    let config = Config { cases: more.unwrap_or(lives), failure_persistence: None, ..Config::default() };
    let mut runner = match more {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    let process = Process::<A>::new(Weather::default());
    let told = runner.run(&stories(A::wishes().len()), |story| {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime without I/O can be built").block_on(play(&story, &process)).map(drop)
    });
    if let Err(wrong) = told {
        panic!("{wrong}");
    }
}
