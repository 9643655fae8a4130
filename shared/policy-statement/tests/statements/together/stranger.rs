//! Somebody who reads the policy and writes it back, as native types and people do.

use std::rc::Rc;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{expected::statements, world::World};

/// Somebody else.
pub(super) struct Stranger {
    world: Rc<World>,
    number: u64,
}

impl Stranger {
    pub(super) fn in_world(world: &Rc<World>) -> Self {
        Self { world: Rc::clone(world), number: 0 }
    }

    /// Changes the policy again and again. AWS knows no conditional write of a policy: what one writes between another's read and write is lost,
    /// and nobody can tell. So this happens while nobody of ours is between the two. And what a late write of ours has lost, and somebody else
    /// has left out then, is as if somebody else had taken it out.
    pub(super) async fn acts(mut self) {
        loop {
            let wait = if self.world.one_of(3) { 10_000 } else { 300_000 };
            sleep(self.world.within(wait)).await;
            let world = Rc::clone(&self.world);
            let gate = loop {
                let gate = world.gate.write().await;
                if !world.is_unsettled() {
                    break gate;
                }
                drop(gate);
                sleep(world.within(2_000)).await;
            };
            self.changes();
            drop(gate);
        }
    }

    fn changes(&mut self) {
        let before = self.world.policy();
        let mut all = statements(before.as_deref());
        let how = match self.world.dice(10) {
            0..=3 => {
                self.number += 1;
                let sid = format!("Strange{}", self.number);
                all.push(json!({"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "ecr:DeleteRepository"}));
                "adds"
            }
            4 => {
                all.retain(|statement| !statement["Sid"].as_str().is_some_and(|sid| sid.starts_with("Strange")));
                "removes what is its own"
            }
            5..=7 => {
                let is_one = |statement: &Value| statement["Sid"].as_str().is_some_and(|sid| sid.starts_with("Pull"));
                let ours: Vec<_> = (0..all.len()).filter(|&index| is_one(&all[index])).collect();
                if ours.is_empty() {
                    return;
                }
                all.remove(ours[self.world.dice(ours.len())]);
                "takes out one of ours"
            }
            8 => {
                all.clear();
                "deletes"
            }
            _ => {
                let old = self.world.some_document();
                if statements(old.as_deref()) != all {
                    self.world.strange(old.as_deref(), "puts an old one back");
                }
                return;
            }
        };
        if all == statements(before.as_deref()) {
            return;
        }
        let after = (!all.is_empty()).then(|| json!({"Version": "2008-10-17", "Statement": all}).to_string());
        self.world.strange(after.as_deref(), how);
    }
}
