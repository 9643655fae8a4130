//! One life, and the rules that it has to keep.

use std::collections::BTreeSet;
use std::time::Duration;

use custom_resource::Owner;
use proptest::prelude::prop_assert;
use proptest::test_runner::TestCaseError;
use tokio::time::sleep;

use super::played_aws::{PlayedAws, Thing, Wish};
use super::process::Process;
use super::story::{Chapter, Deed, LONG_AFTER, Twist};
use super::weather::Call;
use crate::cloudformation::{Delivery, Event, RequestType, Resource, Run, Simulator, Status, Step, stringified};

const LOGICAL_ID: &str = "Thing";

/// How long CloudFormation takes for its next request: no two are of the same second, unless it cancels the one before.
const PAUSE: Duration = Duration::from_secs(1);

/// How often a Delete that failed is tried again once AWS is well.
const TRIES: usize = 4;

/// What came of a chapter.
#[derive(Clone, Debug)]
pub struct Told {
    /// The events, with their answers.
    pub run: Run,
    /// The calls to AWS.
    pub calls: Vec<Call>,
    /// Whether everything that was forecast has happened.
    pub happened: bool,
}

struct Life<'a, A: PlayedAws> {
    stack: Simulator<&'a Process<A>>,
    wishes: Vec<Wish>,
    untouched: String,
    /// The marks of all stacks so far, the last one's last.
    marks: Vec<String>,
    /// What events made that were still worked on while a later one was.
    late: BTreeSet<Thing>,
    /// Whether the last event that was worked on wasn't the last one that was sent.
    disturbed: bool,
}

/// Plays a life from its beginning to the end of all that it made, and says what came of each chapter that took place.
///
/// # Errors
/// The first rule that it breaks.
pub async fn play<A: PlayedAws>(story: &[Chapter], process: &Process<A>) -> Result<Vec<Told>, TestCaseError> {
    process.begin();
    let untouched = process.aws.foreign(&[]);
    let mut stack = Simulator::new(process, Resource::new("demo", LOGICAL_ID, A::TYPE, 7));
    stack.pause = PAUSE;
    let (marks, late) = (Vec::new(), BTreeSet::new());
    let mut life = Life { stack, wishes: A::wishes(), untouched, marks, late, disturbed: false };
    let mut told = Vec::new();
    for chapter in story {
        told.extend(life.live(chapter).await?);
        if life.disturbed && !A::STOPS_WHEN_OVERTAKEN {
            // What was made beside its Delete is nobody's from now on, for a person to take away.
            return Ok(told);
        }
    }
    life.end().await?;
    Ok(told)
}

impl<A: PlayedAws> Life<'_, A> {
    async fn live(&mut self, chapter: &Chapter) -> Result<Option<Told>, TestCaseError> {
        let Chapter { deed, twist, another_fails, same_request_id, invocation, faults } = chapter;
        let process = self.stack.handler;
        process.weather.forecast(faults);
        self.stack.resource.reuse_request_ids(*same_request_id);
        if *another_fails {
            self.stack.resource.fail_another();
        }
        process.invocation.set(*invocation);
        process.killed_after.set(None);
        self.stack.delivery = Delivery::Once;
        let mut cancelled_after = None;
        match *twist {
            Twist::Plain | Twist::Late => {}
            Twist::Twice => self.stack.delivery = Delivery::Twice,
            Twist::AtOnce => self.stack.delivery = Delivery::AtOnce,
            Twist::Killed(after) => process.killed_after.set(Some(after)),
            Twist::Cancelled(after) => cancelled_after = Some(after),
            Twist::CancelledWaiting(after, waiting) => {
                cancelled_after = Some(after);
                self.stack.delivery = Delivery::After(waiting);
            }
        }
        if matches!(deed, Deed::Delete) {
            if self.is_beyond_its_properties() {
                return Ok(None);
            }
            self.excuse_what_a_failed_rollback_leaves();
        }
        let first = match *deed {
            Deed::Create(wish) => self.stack.resource.create(&self.wishes[wish].properties),
            Deed::Update(wish) => self.stack.resource.update(&self.wishes[wish].properties),
            Deed::Delete => self.stack.resource.delete(),
            Deed::ContinueRollback => self.stack.resource.continue_rollback(),
        };
        let Some(first) = first else { return Ok(None) };
        let mark = Owner::new(&*first.stack_id, LOGICAL_ID).mark();
        if self.marks.last() != Some(&mark) {
            self.marks.push(mark.clone());
        }
        let is_cancelled = matches!(deed, Deed::Create(_) | Deed::Update(_));
        let run = match cancelled_after.filter(|_| is_cancelled) {
            Some(after) => self.stack.cancel(first.clone(), sleep(after)).await,
            None => self.stack.run(Some(first.clone())).await,
        };
        let (calls, happened) = (process.weather.calls(), process.weather.is_over());
        self.disturbed = false;
        self.judge(&run, &mark)?;
        let may_overlap = match *twist {
            Twist::Cancelled(_) => !A::STOPS_WHEN_OVERTAKEN,
            Twist::CancelledWaiting(_, waiting) => !A::STOPS_WHEN_OVERTAKEN && waiting != LONG_AFTER,
            _ => false,
        };
        if is_cancelled && cancelled_after.is_some() && (may_overlap || self.are_of_one_second(&run)) {
            self.excuse(&run.steps[0], &mark);
        }
        if matches!(twist, Twist::Late) && run.steps.len() > 1 {
            let late = self.stack.deliver(&first).await;
            self.judge_protocol(&Run { steps: vec![late], status: self.stack.resource.status() })?;
        }
        self.judge_aws(&mark)?;
        Ok(Some(Told { run, calls, happened }))
    }

    /// Whether nobody can say which of an Update and its rollback CloudFormation made later.
    fn are_of_one_second(&self, run: &Run) -> bool {
        let [first, second, ..] = run.steps.as_slice() else { return false };
        let second_of = |step: &Step| self.stack.handler.time(step.event.sent()) / 1000;
        second.event.request_type != RequestType::Delete && second_of(first) == second_of(second)
    }

    /// Whether a Delete now would have properties that don't say all that is there.
    fn is_beyond_its_properties(&self) -> bool {
        A::DELETES_BY_PROPERTIES && self.stack.resource.status() == Status::UpdateRollbackFailed
    }

    /// Once the rollback of a replacement has failed, CloudFormation deletes the id that it knows, and nothing beside it.
    fn excuse_what_a_failed_rollback_leaves(&mut self) {
        let (aws, resource) = (&self.stack.handler.aws, &self.stack.resource);
        if let (Status::UpdateRollbackFailed, Some(live), Some(mark)) =
            (resource.status(), resource.live(), self.marks.last())
        {
            let there = aws.ours(std::slice::from_ref(mark));
            self.late.extend(there.into_iter().filter(|thing| thing.id != live.physical_resource_id));
        }
    }

    /// What an event made that was worked on beside the next one may be there, and nothing else.
    fn excuse(&mut self, step: &Step, mark: &str) {
        self.disturbed = true;
        let ids = step.puts.iter().filter_map(|put| Some(put.json()["PhysicalResourceId"].as_str()?.to_owned()));
        self.late.extend(ids.map(|id| Thing { mark: mark.to_owned(), id }));
    }

    /// With AWS well again, everything can be deleted, and then nothing of ours is left.
    async fn end(&mut self) -> Result<(), TestCaseError> {
        self.stack.handler.weather.forecast(&[]);
        self.stack.delivery = Delivery::Once;
        self.stack.handler.invocation.set(Duration::from_mins(15));
        self.stack.handler.killed_after.set(None);
        for _ in 0..TRIES {
            let again = self.stack.resource.continue_rollback();
            let run = self.stack.run(again).await;
            let Some(mark) = self.marks.last().cloned() else { break };
            self.judge(&run, &mark)?;
        }
        prop_assert!(!self.is_beyond_its_properties(), "it can't be rolled back: {:?}", self.stack.resource.live());
        self.excuse_what_a_failed_rollback_leaves();
        self.stack.handler.aws.others_leave();
        for _ in 0..TRIES {
            let run = self.stack.delete().await;
            let Some(step) = run.steps.last() else { break };
            let mark = Owner::new(&*step.event.stack_id, LOGICAL_ID).mark();
            self.disturbed = false;
            self.judge(&run, &mark)?;
        }
        let resource = &self.stack.resource;
        prop_assert!(resource.live().is_none(), "it can't be deleted: {:?}", resource.live());
        if let Some(mark) = self.marks.last() {
            self.judge_aws(&mark.clone())?;
        }
        self.stack.handler.aws.check_end().map_err(TestCaseError::fail)
    }

    fn judge(&mut self, run: &Run, mark: &str) -> Result<(), TestCaseError> {
        self.judge_protocol(run)?;
        for step in &run.steps {
            self.judge_id(step, mark)?;
            // A success of a Delete says that its thing is gone, however it came there.
            if let (RequestType::Delete, Some(answer)) = (step.event.request_type, &step.answer)
                && answer.success
            {
                self.late.remove(&Thing { mark: mark.to_owned(), id: answer.physical_resource_id.clone() });
                let left = self.stack.handler.aws.check_deleted(&step.event.properties, mark);
                left.map_err(|difference| TestCaseError::fail(format!("after the Delete {difference}")))?;
            }
        }
        Ok(())
    }

    fn judge_protocol(&self, run: &Run) -> Result<(), TestCaseError> {
        prop_assert!(run.violations().is_empty(), "the protocol was broken: {:?}", run.violations());
        let reasons = run.steps.iter().filter_map(|step| step.answer.as_ref()?.reason.as_deref());
        let defects: Vec<_> = reasons.filter(|reason| reason.contains("a defect in this handler")).collect();
        prop_assert!(defects.is_empty(), "the handler panicked: {defects:?}");
        let foreign = self.stack.handler.aws.foreign(&self.marks);
        prop_assert!(foreign == self.untouched, "something foreign was touched:\n{}\n{foreign}", self.untouched);
        Ok(())
    }

    /// An Update keeps its id if nothing changes or if it fails, and its attributes if nothing changes.
    fn judge_id(&self, step: &Step, mark: &str) -> Result<(), TestCaseError> {
        let Step { event, answer, .. } = step;
        let (RequestType::Update, Some(answer), Some(id)) = (event.request_type, answer, &event.physical_resource_id)
        else {
            return Ok(());
        };
        let is_same = self.meaning(event, false).is_some_and(|now| self.meaning(event, true) == Some(now));
        let moved = answer.physical_resource_id != *id;
        if answer.success && is_same {
            prop_assert!(!moved, "an update without a change moved {id} to {}", answer.physical_resource_id);
        }
        if !answer.success && moved {
            let there = self.stack.handler.aws.ours(&[mark.to_owned()]);
            let is_there = there.iter().any(|thing| thing.id == answer.physical_resource_id);
            // It may have been there until the clean-up that came after.
            let live = self.stack.resource.live();
            let may_be_gone = live.is_none_or(|live| live.physical_resource_id != answer.physical_resource_id);
            let may_appear = self.stack.handler.aws.may_appear(&answer.physical_resource_id);
            prop_assert!(
                is_there || may_be_gone || may_appear,
                "a failed update answered {}",
                answer.physical_resource_id
            );
        }
        Ok(())
    }

    /// What a template's properties mean: those before the update, or after it.
    fn meaning(&self, event: &Event, old: bool) -> Option<&'static str> {
        let properties = if old { event.old_properties.as_ref()? } else { &event.properties };
        let is_it = |wish: &&Wish| stringified(&wish.properties).as_object() == Some(properties);
        self.wishes.iter().find(is_it).map(|wish| wish.meaning)
    }

    fn judge_aws(&self, mark: &str) -> Result<(), TestCaseError> {
        let (aws, resource) = (&self.stack.handler.aws, &self.stack.resource);
        let gone = matches!(resource.status(), Status::NotCreated | Status::RollbackComplete | Status::DeleteComplete);
        let is_abandoned = |thing: &Thing| resource.abandoned().contains(&thing.id);
        let is_over = |thing: &Thing| thing.mark != mark || gone;
        let left = aws.ours(&self.marks);
        let left: Vec<_> = left
            .into_iter()
            .filter(|thing| is_over(thing) && !is_abandoned(thing) && !self.late.contains(thing))
            .collect();
        prop_assert!(left.is_empty(), "{left:?} is left after the last Delete ({})", resource.status());
        let done = matches!(
            resource.status(),
            Status::CreateComplete | Status::UpdateComplete | Status::UpdateRollbackComplete
        );
        if let Some(live) = resource.live().filter(|_| done && !self.disturbed) {
            if let Err(difference) = aws.check(live, mark) {
                return Err(TestCaseError::fail(format!("{}, but {difference}: {live:?}", resource.status())));
            }
            let others = aws.ours(&[mark.to_owned()]);
            let others: Vec<_> = others
                .into_iter()
                .filter(|thing| {
                    thing.id != live.physical_resource_id && !is_abandoned(thing) && !self.late.contains(thing)
                })
                .collect();
            prop_assert!(others.is_empty(), "{others:?} is there beside {live:?} ({})", resource.status());
        }
        Ok(())
    }
}
