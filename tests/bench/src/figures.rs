//! All that was measured, subject by subject.

use std::time::Duration;

use crate::Failed;
use crate::certificate::Certificate;
use crate::chain::Operation;
use crate::crowd::Crowd;
use crate::processor::Throttle;
use crate::stage::{Cold, Growth, Stage};
use crate::subject::{LEAN, Subject};

/// How often what is measured.
#[derive(Clone, Copy)]
pub(crate) struct Rounds {
    pub(crate) cold: usize,
    /// Of one process in each of the rounds.
    pub(crate) warm: usize,
    pub(crate) throttled: usize,
    pub(crate) growth: usize,
    /// Of a resource, with calls that take a while.
    pub(crate) lives: usize,
    /// Of many statements at once.
    pub(crate) crowds: usize,
}

impl Rounds {
    pub(crate) fn from_environment() -> Self {
        if std::env::var("BENCH").is_ok_and(|how| how == "quick") {
            Self { cold: 5, warm: 10, throttled: 3, growth: 200, lives: 1, crowds: 1 }
        } else {
            Self { cold: 30, warm: 10, throttled: 15, growth: 1_000, lives: 5, crowds: 3 }
        }
    }

    /// Whether somebody may rely on what they give.
    pub(crate) fn are_enough(self) -> bool {
        self.cold >= 30
    }
}

/// What one scheme gives.
#[derive(Default)]
pub(crate) struct Times {
    pub(crate) cold: Vec<Cold>,
    pub(crate) warm: Vec<Duration>,
}

/// What is known of one subject.
pub(crate) struct Figure<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) http: Times,
    pub(crate) https: Times,
    pub(crate) throttled: Vec<Duration>,
    pub(crate) growth: Option<Growth>,
    pub(crate) operations: Vec<Operation>,
    /// Of each size the one that took neither much longer nor much shorter than the others.
    pub(crate) crowds: Vec<Crowd>,
}

pub(crate) struct Figures<'a>(pub(crate) Vec<Figure<'a>>);

impl Times {
    pub(crate) fn of(&self, what: impl Fn(&Cold) -> Duration) -> Duration {
        median(self.cold.iter().map(what))
    }

    pub(crate) fn peak(&self) -> u64 {
        self.cold.iter().map(|cold| cold.peak).max().unwrap_or_default()
    }
}

impl<'a> Figure<'a> {
    fn of(subject: &'a Subject) -> Self {
        let (http, https, throttled, growth, operations, crowds) = Default::default();
        Self { subject, http, https, throttled, growth, operations, crowds }
    }

    /// In bytes, over all that it was given to do.
    pub(crate) fn peak(&self) -> u64 {
        self.https.peak().max(self.growth.map_or(0, |growth| growth.peak))
    }
}

impl<'a> Figures<'a> {
    /// Measures everything, and all subjects in turn, so that whatever else the machine does meets each of them.
    pub(crate) async fn take(
        subjects: &'a [Subject],
        certificate: &Certificate,
        throttle: &Throttle,
        rounds: Rounds,
    ) -> Result<Self, Failed> {
        let mut figures: Vec<_> = subjects.iter().map(Figure::of).collect();
        for certificate in [None, Some(certificate)] {
            let mut stages = Vec::new();
            for subject in subjects {
                stages.push(Stage::set(subject, certificate).await.map_err(|error| of(subject, &error))?);
            }
            for _ in 0..rounds.cold {
                for (stage, figure) in stages.iter_mut().zip(&mut figures) {
                    let times = if certificate.is_some() { &mut figure.https } else { &mut figure.http };
                    times.cold.push(stage.cold().await.map_err(|error| of(stage.subject, &error))?);
                    times.warm.extend(stage.warm(rounds.warm).await.map_err(|error| of(stage.subject, &error))?);
                }
            }
            if certificate.is_none() {
                continue;
            }
            for _ in 0..rounds.throttled {
                for (stage, figure) in stages.iter_mut().zip(&mut figures) {
                    figure.throttled.push(stage.throttled(throttle).await.map_err(|error| of(stage.subject, &error))?);
                }
            }
            let grows = |subject: &Subject| subject.is_ours || subject.name == LEAN;
            for (stage, figure) in stages.iter_mut().zip(&mut figures).filter(|(stage, _)| grows(stage.subject)) {
                figure.growth = Some(stage.growth(rounds.growth).await.map_err(|error| of(stage.subject, &error))?);
            }
        }
        for figure in figures.iter_mut().filter(|figure| figure.subject.is_ours && figure.subject.has_requests()) {
            let mut stage = Stage::set(figure.subject, Some(certificate)).await?;
            let lives = stage.operations(rounds.lives).await.map_err(|error| of(figure.subject, &error))?;
            figure.operations = middle(lives);
            for &claims in Crowd::sizes(&figure.subject.name) {
                let mut crowds = Vec::new();
                for _ in 0..rounds.crowds {
                    crowds.push(stage.crowd(claims).await.map_err(|error| of(figure.subject, &error))?);
                }
                crowds.sort_by_key(|crowd| crowd.time);
                figure.crowds.push(crowds[crowds.len() / 2]);
            }
        }
        Ok(Self(figures))
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Figure<'a>> {
        self.0.iter().find(|figure| figure.subject.name == name)
    }

    pub(crate) fn ours(&self) -> impl Iterator<Item = &Figure<'a>> {
        self.0.iter().filter(|figure| figure.subject.is_ours)
    }
}

/// Of each operation that of the life in which it took neither much longer nor much shorter than in the others.
fn middle(lives: Vec<Vec<Operation>>) -> Vec<Operation> {
    let mut lives: Vec<_> = lives.into_iter().map(Vec::into_iter).collect();
    let same = std::iter::from_fn(|| {
        let same: Vec<_> = lives.iter_mut().filter_map(Iterator::next).collect();
        (!same.is_empty()).then_some(same)
    });
    let middle = |mut same: Vec<Operation>| {
        same.sort_by_key(Operation::time);
        same.swap_remove(same.len() / 2)
    };
    same.map(middle).collect()
}

/// Zero where nothing was measured.
pub(crate) fn median(times: impl IntoIterator<Item = Duration>) -> Duration {
    let mut times: Vec<_> = times.into_iter().collect();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn of(subject: &Subject, error: &Failed) -> Failed {
    format!("{}: {error}; its log is {}", subject.name, subject.log().display()).into()
}
