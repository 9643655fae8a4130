//! What is done with statements, for every fault to meet it.

use super::{Played, Policed};
use crate::model::matrix::{Matrix, Scenario};

/// How many pairs of faults are tried in each run.
const PAIRS: usize = 60;

const SCENARIOS: [Scenario; 5] = [
    Scenario::of("Create", &["plain"]),
    // A role there is assumed.
    Scenario::of("Create in another account", &["elsewhere"]),
    Scenario::of("Update", &["plain", "two"]),
    Scenario::of("Update to another target", &["plain", "in another policy"]),
    Scenario::deleted("Delete", &["plain"]),
];

/// For services that keep no policy without statements.
const WITHOUT_A_POLICY: [Scenario; 2] = [
    Scenario::of("Create where there is no policy", &["in a new policy"]),
    Scenario::deleted("Delete of the last statement", &["in a new policy"]),
];

/// The service doesn't know the principal yet.
pub const FRESH: Scenario = Scenario::of("Create for a role that was made a moment ago", &["for a fresh role"]);

/// Tries every fault in what is done with statements of a type, and in `more`, and pairs of them.
///
/// # Panics
/// If a rule is broken, or if the page in `docs/faults` says something else.
pub fn every_fault<S: Played>(more: &[Scenario]) {
    let mut scenarios = SCENARIOS.to_vec();
    if S::DELETED_WHEN_EMPTY {
        scenarios.extend(WITHOUT_A_POLICY);
    }
    scenarios.extend(more);
    let mut matrix = Matrix::new(S::TYPE);
    matrix.try_all::<Policed<S>>(&scenarios, PAIRS);
    matrix.check();
}
