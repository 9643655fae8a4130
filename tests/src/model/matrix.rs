//! Everything that can go wrong with each call of a request: one fault at a time, two at a time, and the end of the process.

mod fault_effect;
mod page;

use std::collections::BTreeMap;
use std::env;
use std::time::Duration;

use tokio::runtime::Builder;

use self::fault_effect::FaultEffect;
use self::page::Page;
use super::play::{Told, play};
use super::played_aws::PlayedAws;
use super::process::Process;
use super::story::{Chapter, Deed, Twist};
use super::weather::{Call, Fault, FaultPoint, Weather, is_read};

/// How many pairs of faults to try of each type, in the place of the number that its test says.
const MORE: &str = "ARCHIPELAGO_PAIRS";

/// How many of the things that went wrong are told.
const TOLD: usize = 12;

/// The time of an invocation: as a function has it, and so short that a call without an answer takes all of it.
const LONG: Duration = Duration::from_mins(15);
const SHORT: Duration = Duration::from_secs(20);

/// What can go wrong with a call, in a page's words, with the time of an invocation.
const TROUBLES: [(&str, Fault, Duration); 11] = [
    ("throttled", Fault::Throttled, LONG),
    ("500", Fault::Broken, LONG),
    ("reset before", Fault::Reset, LONG),
    ("reset after", Fault::Lost, LONG),
    ("no answer", Fault::Unanswered, LONG),
    ("slow to the deadline", Fault::Unanswered, SHORT),
    ("stale", Fault::Stale, LONG),
    ("denied", Fault::Denied, LONG),
    ("denied for good", Fault::Forbidden, LONG),
    ("killed before", Fault::KilledBefore, LONG),
    ("killed after", Fault::KilledAfter, LONG),
];

/// What is done to a stack; the faults meet the last of it, with the rollback or the clean-up that follows.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    name: &'static str,
    templates: &'static [&'static str],
    is_deleted: bool,
}

impl Scenario {
    /// The stack is created with the first of `templates`, and updated with each other one. They are named by the meanings of
    /// the wishes of the played AWS.
    #[must_use]
    pub const fn of(name: &'static str, templates: &'static [&'static str]) -> Self {
        Self { name, templates, is_deleted: false }
    }

    /// The stack is deleted after that.
    #[must_use]
    pub const fn deleted(name: &'static str, templates: &'static [&'static str]) -> Self {
        Self { name, templates, is_deleted: true }
    }

    fn story<A: PlayedAws>(&self, invocation: Duration, faults: &[(FaultPoint, Fault)]) -> Vec<Chapter> {
        let wishes = A::wishes();
        let wish =
            |meaning: &&str| wishes.iter().position(|wish| wish.meaning == *meaning).expect("a wish of the played AWS");
        let templates = self.templates.iter().map(wish).enumerate();
        let deeds = templates.map(|(index, wish)| if index == 0 { Deed::Create(wish) } else { Deed::Update(wish) });
        let mut story: Vec<_> = deeds.chain(self.is_deleted.then_some(Deed::Delete)).map(in_fair_weather).collect();
        if let Some(last) = story.last_mut() {
            last.invocation = invocation;
            last.faults = faults.to_vec();
        }
        story
    }
}

fn in_fair_weather(deed: Deed) -> Chapter {
    let (twist, faults) = (Twist::Plain, Vec::new());
    Chapter { deed, twist, another_fails: false, same_request_id: false, invocation: LONG, faults }
}

/// One fault, and the time of an invocation with it.
type Trouble = (Call, Fault, Duration);

/// All that can go wrong with one resource type, and the page that says what comes of it.
#[derive(Debug)]
pub struct Matrix {
    page: Page,
    broken: Vec<String>,
}

impl Matrix {
    /// The matrix of a type: the name that it has in a template.
    #[must_use]
    pub fn new(resource_type: &str) -> Self {
        Self { page: Page::new(resource_type), broken: Vec::new() }
    }

    /// Tries every fault at every call of `scenarios` over the played AWS `A`, the SDK's own retries included. Then pairs of them,
    /// without these retries, as if each fault came three times in a row: each write of which nobody knows that it had its
    /// effect, with each stale read after it; and `pairs` others, chosen the same each time.
    pub fn try_all<A: PlayedAws>(&mut self, scenarios: &[Scenario], pairs: usize) {
        let process = Process::<A>::new(Weather::with_retries());
        for scenario in scenarios {
            let Some(fair) = self.told(&process, scenario, &[]) else { continue };
            if fair.run.reason().is_some() {
                self.broken.push(format!("{}, without a fault: {:?}", scenario.name, fair.run.reason()));
            }
            self.page.begin(scenario.name, TROUBLES.map(|(name, ..)| name));
            for call in tried(&fair.calls) {
                let effects = TROUBLES.map(|(_, fault, invocation)| {
                    if !can_meet(fault, call) {
                        return FaultEffect::Never;
                    }
                    let told = self.told(&process, scenario, &[(call.clone(), fault, invocation)]);
                    if told.as_ref().is_some_and(|told| !told.happened) {
                        self.broken.push(format!("{} ({call} {fault:?}): it didn't happen", scenario.name));
                    }
                    told.map_or(FaultEffect::Broken, |told| FaultEffect::of(&told, &fair))
                });
                self.page.add(call, effects);
            }
        }
        let process = Process::<A>::new(Weather::default());
        for scenario in scenarios {
            self.try_unseen(&process, scenario);
        }
        self.try_pairs(&process, scenarios, pairs);
    }

    /// What was written in a call that the process didn't outlive, and isn't read when it is to be taken back.
    fn try_unseen<A: PlayedAws>(&mut self, process: &Process<A>, scenario: &Scenario) {
        let writes = self.calls(process, scenario, &[]).into_iter().filter(|call| !is_read(&call.operation));
        for write in tried(&writes.collect::<Vec<_>>()) {
            let unseen = (write.clone(), Fault::KilledAfter, LONG);
            let reads =
                self.calls_after(process, scenario, &unseen).into_iter().filter(|call| is_read(&call.operation));
            for read in tried(&reads.collect::<Vec<_>>()) {
                let pair = [unseen.clone(), (read.clone(), Fault::Stale, LONG)];
                if !self.try_pair(process, scenario, &pair) {
                    self.broken.push(format!("{} ({pair:?}): it didn't happen", scenario.name));
                }
            }
        }
    }

    fn try_pairs<A: PlayedAws>(&mut self, process: &Process<A>, scenarios: &[Scenario], pairs: usize) {
        let mut random = fastrand::Rng::with_seed(7);
        let mut known: BTreeMap<_, Vec<Call>> = BTreeMap::new();
        let more = env::var(MORE).ok().and_then(|more| more.parse().ok());
        let mut left = more.unwrap_or(pairs);
        while left > 0 {
            let index = random.usize(..scenarios.len());
            let scenario = &scenarios[index];
            let calls = known.entry((index, None)).or_insert_with(|| self.calls(process, scenario, &[])).clone();
            let Some(first) = chosen(&mut random, &calls) else { return };
            // The second comes after the first, perhaps where the handler tries again, rolls back or cleans up.
            let after = known.entry((index, Some(first.clone())));
            let after = after.or_insert_with(|| self.calls_after(process, scenario, &first));
            let Some(second) = chosen(&mut random, after) else { continue };
            // In a shorter invocation there may be no such call.
            left -= usize::from(self.try_pair(process, scenario, &[first, second]));
        }
    }

    /// Whether both happened, or a rule was broken.
    fn try_pair<A: PlayedAws>(&mut self, process: &Process<A>, scenario: &Scenario, pair: &[Trouble; 2]) -> bool {
        let happened = self.told(process, scenario, pair).is_none_or(|told| told.happened);
        self.page.count_pairs(usize::from(happened));
        happened
    }

    /// The calls of a scenario with these faults.
    fn calls<A: PlayedAws>(&mut self, process: &Process<A>, scenario: &Scenario, troubles: &[Trouble]) -> Vec<Call> {
        self.told(process, scenario, troubles).map(|told| told.calls).unwrap_or_default()
    }

    /// The calls that come after a fault.
    fn calls_after<A: PlayedAws>(&mut self, process: &Process<A>, scenario: &Scenario, trouble: &Trouble) -> Vec<Call> {
        let calls = self.calls(process, scenario, std::slice::from_ref(trouble));
        calls.into_iter().skip_while(|call| *call != trouble.0).skip(1).collect()
    }

    /// What comes of a scenario with these faults; `None` if a rule is broken.
    fn told<A: PlayedAws>(&mut self, process: &Process<A>, scenario: &Scenario, troubles: &[Trouble]) -> Option<Told> {
        let invocation = troubles.iter().map(|(.., invocation)| *invocation).min().unwrap_or(LONG);
        let faults: Vec<_> = troubles.iter().map(|(call, fault, _)| (FaultPoint::Call(call.clone()), *fault)).collect();
        let story = scenario.story::<A>(invocation, &faults);
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let told = runtime.expect("a runtime without I/O can be built").block_on(play(&story, process));
        let broken = match told {
            Ok(told) if told.len() < story.len() => "the scenario ended early".to_owned(),
            Ok(mut told) => return told.pop(),
            Err(broken) => broken.to_string(),
        };
        let met: Vec<_> = troubles.iter().map(|(call, fault, _)| format!("{call} {fault:?}")).collect();
        self.broken.push(format!("{} ({}), {invocation:?}: {broken}", scenario.name, met.join(" and ")));
        None
    }

    /// Compares the page in `docs/faults` with what came of all this, or writes it with `EXPECTORATE=overwrite`.
    ///
    /// # Panics
    /// With the rules that were broken, or with a page that says something else.
    pub fn check(self) {
        let told: Vec<_> = self.broken.iter().take(TOLD).map(String::as_str).collect();
        assert!(told.is_empty(), "{} times a rule was broken:\n{}", self.broken.len(), told.join("\n"));
        self.page.check();
    }
}

/// Whether that can go wrong with a call. Who may never read what is there can't change it back either.
fn can_meet(fault: Fault, call: &Call) -> bool {
    match fault {
        Fault::Stale => is_read(&call.operation),
        Fault::Forbidden => !is_read(&call.operation),
        _ => true,
    }
}

/// One of the calls, and something that can go wrong with it.
fn chosen(random: &mut fastrand::Rng, calls: &[Call]) -> Option<Trouble> {
    let call = random.choice(calls)?;
    let troubles = TROUBLES.iter().filter(|(_, fault, _)| can_meet(*fault, call));
    let (_, fault, invocation) = random.choice(troubles.collect::<Vec<_>>())?;
    Some((call.clone(), *fault, *invocation))
}

/// The calls to try: of a call that is made again and again while something is waited for, the first six and the last.
fn tried(calls: &[Call]) -> impl Iterator<Item = &Call> {
    let is_last = |call: &Call| {
        let same = calls.iter().filter(|other| other.operation == call.operation);
        same.map(|other| other.occurrence).max() == Some(call.occurrence)
    };
    calls.iter().filter(move |call| call.occurrence <= 6 || is_last(call))
}
