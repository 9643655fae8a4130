//! What has to hold, each for the worst of our functions.

use std::time::Duration;

use crate::chain::Operation;
use crate::crowd::Crowd;
use crate::figures::{Figure, Figures, median};
use crate::stage::DELAY;
use crate::subject::LEAN;

/// One of them, what was found, and of which function.
pub(crate) struct Goal {
    pub(crate) says: &'static str,
    limit: f64,
    pub(crate) found: f64,
    pub(crate) of: String,
    at_least: bool,
}

/// Bytes in a megabyte, as Lambda counts them.
pub(crate) const MEGABYTE: f64 = 1_048_576.0;

/// What pages of the allocator come and go with; a leak of a hundred bytes an event is more.
const NOISE: f64 = 64.0 * 1024.0;

impl Goal {
    fn at_least(says: &'static str, limit: f64, (found, of): (f64, String)) -> Self {
        Self { says, limit, found, of, at_least: true }
    }

    fn at_most(says: &'static str, limit: f64, (found, of): (f64, String)) -> Self {
        Self { at_least: false, ..Self::at_least(says, limit, (found, of)) }
    }

    pub(crate) fn is_reached(&self) -> bool {
        // What wasn't measured is not reached.
        if self.at_least { self.found >= self.limit } else { self.found <= self.limit && !self.of.is_empty() }
    }
}

pub(crate) fn judge(figures: &Figures<'_>) -> Vec<Goal> {
    let most = |what: &dyn Fn(&Figure<'_>) -> f64| {
        let found = figures.ours().map(|figure| (what(figure), figure.subject.name.clone()));
        found.max_by(|(one, _), (other, _)| one.total_cmp(other)).unwrap_or_default()
    };
    let peer = |name: &str, what: &dyn Fn(&Figure<'_>) -> f64| figures.named(name).map_or(0.0, what);
    let faster = |what: &dyn Fn(&Figure<'_>) -> f64| {
        let (slowest, of) = most(what);
        (peer("crhelper", what) / slowest, of)
    };
    let slower = |what: &dyn Fn(&Figure<'_>) -> f64| {
        let (slowest, of) = most(what);
        (slowest / peer(LEAN, what), of)
    };
    let http = |figure: &Figure<'_>| seconds(figure.http.of(|cold| cold.answer));
    let https = |figure: &Figure<'_>| seconds(figure.https.of(|cold| cold.answer));
    let throttled = |figure: &Figure<'_>| seconds(median(figure.throttled.clone()));
    let overhead = |figure: &Figure<'_>| {
        let beyond = figure.operations.iter().map(|it| seconds(it.time()) - seconds(DELAY) * count(it.chain().len()));
        1e3 * beyond.fold(0.0, f64::max)
    };
    let statements = |what: &dyn Fn(&Figure<'_>) -> f64| {
        let statements = figures.ours().filter(|figure| figure.subject.name.ends_with("-statement"));
        let found = statements.map(|figure| (what(figure), figure.subject.name.clone()));
        found.max_by(|(one, _), (other, _)| one.total_cmp(other)).unwrap_or_default()
    };
    let crowds = |what: &dyn Fn(&Crowd, &Crowd) -> f64| {
        let found = figures.ours().filter_map(|figure| {
            let (alone, most) = (figure.crowds.first()?, figure.crowds.last()?);
            Some((what(alone, most), format!("{}, {}", figure.subject.name, most.claims)))
        });
        found.max_by(|(one, _), (other, _)| one.total_cmp(other)).unwrap_or_default()
    };
    vec![
        Goal::at_least("times faster than crhelper, cold, http", 60.0, faster(&http)),
        Goal::at_least("times faster than crhelper, cold, https", 40.0, faster(&https)),
        Goal::at_least("times faster than crhelper, https, with the processor of 128 MB", 30.0, faster(&throttled)),
        Goal::at_most("times the lean program in Rust, cold, http", 1.5, slower(&http)),
        Goal::at_most("times the lean program in Rust, cold, https", 1.5, slower(&https)),
        Goal::at_most("MB of memory at the peak", 8.0, most(&|figure| bytes(figure.peak()) / MEGABYTE)),
        Goal::at_most("MB of binary", 5.0, most(&|figure| bytes(figure.subject.size) / MEGABYTE)),
        Goal::at_most("ms beyond the longest chain of calls of 20 ms", 5.0, most(&overhead)),
        Goal::at_most(
            "calls one after the other, the answer included, in a statement's Create that knows its target",
            5.0,
            statements(&|figure| created(figure).map_or(f64::INFINITY, |create| count(create.steps_on_policy() + 1))),
        ),
        Goal::at_most(
            "calls of a statement's Create",
            9.0,
            statements(&|figure| created(figure).map_or(f64::INFINITY, |create| count(create.calls.len()))),
        ),
        Goal::at_most("calls for each of many statements at once", 6.0, crowds(&|_, most| most.calls_each())),
        Goal::at_most(
            "times the write units of one statement alone, for each of many at once",
            2.0,
            crowds(&|alone, most| most.units_each() / alone.units_each()),
        ),
        Goal::at_most(
            "KiB of memory more after the last of many warm events than after the hundredth",
            NOISE / 1024.0,
            most(&|figure| figure.growth.map_or(f64::INFINITY, |growth| bytes(growth.grown) / 1024.0)),
        ),
    ]
}

fn created<'a>(figure: &'a Figure<'_>) -> Option<&'a Operation> {
    figure.operations.iter().find(|operation| operation.kind == "create")
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

#[expect(clippy::cast_precision_loss, reason = "no program here has 2^53 bytes")]
pub(crate) fn bytes(number: u64) -> f64 {
    number as f64
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

impl Goal {
    pub(crate) fn limit(&self) -> String {
        format!("{} {}", if self.at_least { "at least" } else { "at most" }, self.limit)
    }
}
