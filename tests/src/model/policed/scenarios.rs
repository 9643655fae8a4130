//! What is done with statements, for every fault to meet it.

use policy_statement::Target;
use serde_json::Value;

use super::{Played, Policed};
use crate::model::matrix::{Matrix, Scenario};
use crate::model::plans::plans_come_true;

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

/// Plans what statements of a type may do: the policies that it shows are those that the requests leave.
///
/// # Panics
/// If a plan changes something, doesn't come true, or shows nothing of what it should.
pub fn policies_are_planned<S: Played>() {
    let plans = plans_come_true::<Policed<S>>(&["plain", "two"]);
    let count = |name: &str, document: &str| plans[name][document]["Statement"].as_array().map_or(0, Vec::len);
    for (name, more) in [("Create plain", 1), ("Create two", 2), ("Update two to plain", -1), ("Delete two", -2)] {
        let [before, after] = ["Before", "After"].map(|document| count(name, document));
        assert_eq!(before.checked_add_signed(more), Some(after), "{name}: {}", plans[name]);
        assert!(plans[name]["Size"].as_u64() <= plans[name]["SizeLimit"].as_u64(), "{name}: {}", plans[name]);
    }
    let stays = &plans["Update plain to plain"];
    assert!(stays["Policy"].is_string() && stays["Before"] == stays["After"], "{stays}");
    assert!(plans["Create no statement"]["Refused"].is_string());
    assert!(plans["Create without a target"]["WaitsFor"].is_string());
    let leaves = &plans["Update plain to in another policy"]["ThenLeaves"];
    assert_eq!(*leaves, Value::from(format!("{} {}", S::Target::KIND, S::TARGETS[0])));
}
