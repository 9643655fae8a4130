//! What a service keeps, and all that it kept before: a stale read shows a thing as it was before its last change.

use super::weather::is_read;

/// What is kept now, and what was before each write, the first one first.
#[derive(Clone, Debug, Default)]
pub(super) struct History<T> {
    now: T,
    earlier: Vec<T>,
}

impl<T: Clone> History<T> {
    /// A history that begins with this.
    pub(super) fn of(now: T) -> Self {
        Self { now, earlier: Vec::new() }
    }

    pub(super) fn now(&self) -> &T {
        &self.now
    }

    /// To be given what was always there.
    pub(super) fn origin(&mut self) -> &mut T {
        self.earlier.clear();
        &mut self.now
    }

    pub(super) fn write(&mut self) -> &mut T {
        self.earlier.push(self.now.clone());
        &mut self.now
    }

    /// The answer that `ask` gives. A stale one is that from before it was last changed, however many writes have changed
    /// other things since.
    pub(super) fn read<A: PartialEq>(&mut self, stale: bool, mut ask: impl FnMut(&mut T) -> A) -> A {
        let answer = ask(&mut self.now);
        let mut older = self.earlier.iter_mut().rev().filter(|_| stale).map(ask);
        older.find(|older| *older != answer).unwrap_or(answer)
    }

    /// The answer to an operation, which is a read or a write by its name.
    pub(super) fn answer<A: PartialEq>(&mut self, operation: &str, stale: bool, mut ask: impl FnMut(&mut T) -> A) -> A {
        if is_read(operation) { self.read(stale, ask) } else { ask(self.write()) }
    }
}
