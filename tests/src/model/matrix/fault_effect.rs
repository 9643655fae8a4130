//! What came of a fault, in few words.

use crate::cloudformation::{Status, Step};
use crate::model::play::Told;
use crate::model::weather::is_read;

/// What came of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FaultEffect {
    /// That can't go wrong with such a call.
    Never,
    /// A rule was broken, so that there will be no page.
    Broken,
    /// The first request was answered with SUCCESS.
    Done {
        /// How many writes more it took, with what followed it, than without the fault. How many reads a wait takes is chance.
        more: isize,
        /// The reason of a clean-up that failed.
        but: Option<String>,
    },
    /// It was answered with FAILED, or its process was killed.
    Failed {
        /// Why.
        reason: String,
        /// What became of the stack.
        then: Then,
    },
}

/// What became of a stack after a request that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    RolledBack,
    NotRolledBack,
    NotDeleted,
}

impl FaultEffect {
    pub(super) fn of(told: &Told, fair: &Told) -> Self {
        let reason = |step: &Step| {
            let reason = step.answer.as_ref().filter(|answer| !answer.success)?.reason.as_deref()?;
            // Whose request it was and how long it took is chance.
            let reason = reason.split(" (RequestId: ").next().unwrap_or_default();
            Some(reason.split(" (still so after ").next().unwrap_or_default().to_owned())
        };
        let mut reasons = told.run.steps.iter().map(reason);
        let first = reasons.next().flatten();
        let Some(reason) = first else {
            let writes = |told: &Told| told.calls.iter().filter(|call| !is_read(&call.operation)).count().cast_signed();
            let more = writes(told) - writes(fair);
            return Self::Done { more, but: reasons.next().flatten() };
        };
        let then = match told.run.status {
            Status::RollbackComplete | Status::UpdateRollbackComplete => Then::RolledBack,
            Status::DeleteFailed => Then::NotDeleted,
            _ => Then::NotRolledBack,
        };
        Self::Failed { reason, then }
    }

    /// The cell of a table; `note` gives the number of a reason.
    pub(super) fn cell(&self, mut note: impl FnMut(&str) -> usize) -> String {
        let mut words = |reason: &str| {
            if reason == "killed" { "killed".to_owned() } else { format!("FAILED [{}]", note(reason)) }
        };
        match self {
            Self::Never => "–".to_owned(),
            Self::Broken => String::new(),
            Self::Done { more, but: Some(reason) } => {
                format!("{}, the clean-up {}", done(*more), words(reason))
            }
            Self::Done { more, but: None } => done(*more),
            Self::Failed { reason, then } => {
                let failed = words(reason);
                let then = match then {
                    Then::RolledBack => ", rolled back",
                    Then::NotRolledBack => ", then deleted",
                    Then::NotDeleted => ", then again",
                };
                failed + then
            }
        }
    }
}

fn done(more: isize) -> String {
    match more {
        0 => "done".to_owned(),
        more => format!("done, {more:+}"),
    }
}
