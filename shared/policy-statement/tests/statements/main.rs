//! What `Statements` does to policies that are kept in memory, where others write as well and reads may lag.

#![expect(clippy::unwrap_used, reason = "helpers of tests; the lint only spares the tests themselves")]

mod cabinet;
mod callers;
mod calls;
mod cdk;
mod group;
mod healing;
mod items;
mod lease;
mod list;
mod old;
mod plan;
mod policy;
mod principals;
mod reconcile;
mod shelves;
mod size;
mod suspension;
mod targets;
mod together;
mod words;
