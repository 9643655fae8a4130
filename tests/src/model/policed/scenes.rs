//! What is done with statements, for every fault to meet it.

use super::{Played, Policed};
use crate::model::matrix::{Matrix, Scene};

/// How many pairs of faults are tried in each run.
const PAIRS: usize = 60;

const IN_PAIRS: [Scene; 2] = [Scene::of("Create", &["plain"]), Scene::deleted("Delete", &["plain"])];

const UPDATES: [Scene; 2] =
    [Scene::of("Update", &["plain", "two"]), Scene::of("Update to another target", &["plain", "in another policy"])];

/// For services that keep no policy without statements.
const WITHOUT_A_POLICY: [Scene; 2] = [
    Scene::of("Create where there is no policy", &["in a new policy"]),
    Scene::deleted("Delete of the last statement", &["in a new policy"]),
];

/// A role of another account is assumed.
pub const ELSEWHERE: Scene = Scene::of("Create in another account", &["elsewhere"]);

/// The service doesn't know the principal yet.
pub const FRESH: Scene = Scene::of("Create for a role that was made a moment ago", &["for a fresh role"]);

/// Tries every fault in what is done with statements of a type, and in `more`; pairs of them in a Create and a Delete.
///
/// # Panics
/// If a rule is broken, or if the page in `docs/faults` says something else.
pub fn every_fault<S: Played>(more: &[Scene]) {
    let mut matrix = Matrix::new(S::TYPE);
    matrix.try_all::<Policed<S>>(&IN_PAIRS, PAIRS);
    matrix.try_all::<Policed<S>>(&UPDATES, 0);
    if S::DELETED_WHEN_EMPTY {
        matrix.try_all::<Policed<S>>(&WITHOUT_A_POLICY, 0);
    }
    matrix.try_all::<Policed<S>>(more, 0);
    matrix.check();
}
