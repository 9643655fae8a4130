//! A request that has left its wish in the ledger, and takes it back where it fails.

use std::time::Duration;

use custom_resource::{Error, RequestOrder, Result};
use tokio::time::sleep;

use crate::{
    item_update::ItemUpdate,
    ledger::{Changed, Ledger},
};

/// How long nobody looks whether a wish that somebody has taken up is carried out.
const PAUSE: Duration = Duration::from_millis(500);

/// How often it is tried again to take a wish back where the ledger doesn't answer.
const TRIES: u32 = 3;

/// A request that has left its wish.
#[derive(Clone)]
pub(crate) struct Waiting {
    pub(crate) policy: String,
    pub(crate) key: String,
    pub(crate) order: RequestOrder,
    /// The id, where there would be statements if the wish was carried out.
    pub(crate) id: Option<String>,
    /// Whether the wish is known to have been left.
    pub(crate) is_left: bool,
}

impl Waiting {
    pub(crate) fn is_of(&self, policy: &str, key: &str, order: &RequestOrder) -> bool {
        self.policy == policy && self.key == key && self.order == *order
    }

    /// Whether the wish is gone, and is known not to have been carried out. A holder of the lease that has taken it up is waited for; one
    /// that has died may have written it.
    pub(crate) async fn withdrawn(&self, ledger: &Ledger) -> bool {
        let (mut was_taken_up, mut failures) = (false, 0);
        loop {
            match self.withdraw(ledger, &mut was_taken_up).await {
                Ok(Some(is_withdrawn)) => return is_withdrawn,
                Ok(None) => {}
                Err(Error::NotYet(reason)) if failures < TRIES => {
                    failures += 1;
                    tracing::info!(%reason, "a wish is not taken back yet");
                }
                Err(reason) => {
                    tracing::warn!(%reason, "a wish could not be taken back");
                    return false;
                }
            }
            sleep(PAUSE).await;
        }
    }

    /// Tries to take a wish back; `None` while a holder of the lease has taken it up.
    async fn withdraw(&self, ledger: &Ledger, was_taken_up: &mut bool) -> Result<Option<bool>> {
        let record = match ledger.record(&self.policy, &self.key).await? {
            Some(record) if record.is_latest(&self.order) && record.wish.is_some() => record,
            Some(record) => return Ok(Some(!*was_taken_up && !record.is_done())),
            None => return Ok(Some(!*was_taken_up)),
        };
        *was_taken_up = record.wish.as_ref().is_some_and(|wish| wish.taken.is_some());
        let change = ItemUpdate::withdrawn(&record, ledger.now());
        Ok(match ledger.change(&self.policy, &change).await? {
            Changed::Done => Some(!*was_taken_up),
            Changed::NotSo => None,
        })
    }
}
