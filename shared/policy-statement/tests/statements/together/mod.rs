//! Stacks that change one policy at the same time, with somebody else who does, reads of any age and processes that die: what
//! CloudFormation was told is so in the end, and what somebody else did stays as it was.
//!
//! Hours of it take seconds here, so that reads lag behind as far as they may. `ARCHIPELAGO_SEED` has one life lived again, and
//! `ARCHIPELAGO_LIVES` has others lived as well.

mod bay;
mod expected;
mod function;
mod stack;
mod stranger;
mod world;

use std::{env, rc::Rc, time::Duration};

use tokio::{task::LocalSet, time::sleep};

use self::{function::Function, stack::Stack, stranger::Stranger, world::World};

/// How many lives there are, of how many stacks, and how often each of these is created, updated or deleted.
const LIVES: u64 = 8;
const STACKS: usize = 8;
const OPERATIONS: usize = 10;

/// What a life was.
#[derive(Debug, Default)]
struct Life {
    operations: usize,
    successes: usize,
    invocations: usize,
    killed: usize,
    strangers: usize,
    wrong: Vec<String>,
    steps: Vec<String>,
}

async fn lived(seed: u64) -> Life {
    let world = Rc::new(World::new(seed));
    let function = Function::in_world(&world);
    let stranger = tokio::task::spawn_local(Stranger::in_world(&world).acts());
    let stacks = (0..STACKS).map(|number| {
        let mut stack = Stack::new(number, seed, function.clone(), &world);
        tokio::task::spawn_local(async move {
            for _ in 0..OPERATIONS {
                stack.acts().await;
            }
            stack
        })
    });
    let stacks: Vec<_> = stacks.collect();
    let mut life = Life::default();
    for stack in stacks {
        let stack = stack.await.unwrap();
        life.operations += stack.operations;
        life.successes += stack.successes;
        life.wrong.extend(stack.violations);
    }
    stranger.abort();
    // What a late write has lost is there after the next write.
    let mut last = Stack::new(STACKS, seed, function.clone(), &world);
    loop {
        world.is_quiet().await;
        sleep(Duration::from_mins(3)).await;
        last.puts().await;
        sleep(Duration::from_mins(1)).await;
        last.deletes().await;
        if !world.is_unsettled() {
            break;
        }
    }
    life.wrong.extend(last.violations);
    life.wrong.extend(world.wrong());
    (life.invocations, life.killed) = function.counts();
    life.strangers = world.strangers.get();
    life.steps = world.steps.take();
    life
}

#[tokio::test(start_paused = true)]
#[expect(clippy::print_stdout, reason = "whoever reads a success wants the figures")]
async fn what_stacks_were_told_is_so_whatever_others_do_and_whoever_dies() {
    let number = |name| env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let seeds = match number("ARCHIPELAGO_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ARCHIPELAGO_LIVES").unwrap_or(LIVES),
    };
    let mut all = Life::default();
    for seed in seeds {
        let life = LocalSet::new().run_until(Box::pin(lived(seed))).await;
        let steps = if life.wrong.is_empty() { String::new() } else { life.steps.join("\n") };
        assert!(life.wrong.is_empty(), "{steps}\nARCHIPELAGO_SEED={seed}\n{}", life.wrong.join("\n"));
        all.operations += life.operations;
        all.successes += life.successes;
        all.invocations += life.invocations;
        all.killed += life.killed;
        all.strangers += life.strangers;
    }
    let Life { operations, successes, invocations, killed, strangers, .. } = all;
    println!(
        "{operations} operations, {successes} of them well, {invocations} invocations, {killed} killed, {strangers} changes of a stranger"
    );
    if number("ARCHIPELAGO_SEED").is_some() {
        return;
    }
    assert!(successes * 2 > operations, "{successes} of {operations} operations end well");
    assert!(killed * 15 > invocations, "{killed} of {invocations} processes are killed");
    assert!(strangers * 20 > operations, "a stranger changes the policy {strangers} times");
}
