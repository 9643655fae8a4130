//! Which of CloudFormation's requests for one resource comes after which.

use std::{fmt, str::FromStr, time::Duration};

use crate::digest::digest_of;

/// A request, and when CloudFormation made it. CloudFormation makes the next request for a resource once the one before is
/// answered, or cancelled: then that one may still be at work, or still wait in Lambda's queue. Who keeps the order of the
/// latest request can tell, and mustn't let an older one do anything any more.
///
/// Displayed, it is read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestOrder {
    /// Half seconds since 1970: CloudFormation's times are whole seconds, and of two requests of one second a Delete is the
    /// later one, since it ends what the other began.
    rank: u64,
    /// Eight hexadecimal digits made of the `RequestId`, which is used again, and of what is asked.
    request: String,
}

impl RequestOrder {
    /// The order of a request, a Delete or not, that CloudFormation made at `made`, in milliseconds since 1970.
    #[must_use]
    pub fn new(made: u64, is_delete: bool, request: &str) -> Self {
        let request = digest_of([request]).chars().take(8).collect();
        Self { rank: made / 1000 * 2 + u64::from(is_delete), request }
    }

    /// Whether `latest` is another request, which CloudFormation made later.
    #[must_use]
    pub fn is_overtaken_by(&self, latest: &Self) -> bool {
        self.request != latest.request && self.rank < latest.rank
    }

    /// Which request it is.
    pub(crate) fn request(&self) -> &str {
        &self.request
    }

    /// What grows from one request of a resource to the next.
    pub(crate) fn rank(&self) -> u64 {
        self.rank
    }

    /// The time since 1970 when CloudFormation made it, in whole seconds.
    #[must_use]
    pub fn made(&self) -> Duration {
        Duration::from_secs(self.rank / 2)
    }
}

impl fmt::Display for RequestOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.rank, self.request)
    }
}

impl FromStr for RequestOrder {
    type Err = NotARequestOrder;

    fn from_str(text: &str) -> Result<Self, NotARequestOrder> {
        let (rank, request) = text.split_once('-').ok_or(NotARequestOrder)?;
        Ok(Self { rank: rank.parse().map_err(|_| NotARequestOrder)?, request: request.to_owned() })
    }
}

/// Some other text.
#[derive(Debug, PartialEq, Eq)]
pub struct NotARequestOrder;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_overtaken_by_another_that_was_made_later() {
        let (create, delete) = (RequestOrder::new(1_000, false, "create"), RequestOrder::new(2_000, true, "delete"));
        assert!(create.is_overtaken_by(&delete));
        assert!(!delete.is_overtaken_by(&create));
        assert!(!create.is_overtaken_by(&RequestOrder::new(3_000, false, "create")), "the same event came twice");
    }

    #[test]
    fn of_one_second_a_delete_is_the_later_and_of_two_others_none_is() {
        let (create, delete) = (RequestOrder::new(1_999, false, "create"), RequestOrder::new(1_000, true, "delete"));
        assert!(create.is_overtaken_by(&delete) && !delete.is_overtaken_by(&create));
        let (update, rollback) =
            (RequestOrder::new(1_000, false, "update"), RequestOrder::new(1_999, false, "rollback"));
        assert!(!update.is_overtaken_by(&rollback) && !rollback.is_overtaken_by(&update));
    }

    #[test]
    fn an_order_is_read_back_from_its_text() {
        let order = RequestOrder::new(1_764_000_000_123, true, "5a7e");
        assert_eq!(order.to_string().parse(), Ok(order.clone()));
        assert_eq!(order.made(), Duration::from_hours(490_000));
        assert_eq!("yesterday".parse::<RequestOrder>(), Err(NotARequestOrder));
    }
}
