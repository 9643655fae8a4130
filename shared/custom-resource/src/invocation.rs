//! Which request is worked on, and by which function.

#[cfg(any(test, feature = "testing"))]
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::{FunctionArn, Owner, RequestOrder, RequestTable, Result};

/// One invocation of a function for one request.
#[derive(Debug, Clone)]
pub struct Invocation {
    function: FunctionArn,
    request_type: RequestType,
    order: RequestOrder,
    ends: Duration,
    table: Option<RequestTable>,
}

/// What CloudFormation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestType {
    /// A resource that isn't in the stack yet.
    Create,
    /// Other properties of one that is; the rollback of an update as well.
    Update,
    /// That one goes.
    Delete,
}

impl RequestType {
    /// The word that CloudFormation has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Delete => "Delete",
        }
    }
}

impl Invocation {
    pub(crate) fn new(
        function: FunctionArn,
        request_type: RequestType,
        order: RequestOrder,
        ends: Duration,
        table: Option<RequestTable>,
    ) -> Self {
        Self { function, request_type, order, ends, table }
    }

    /// The function that was invoked.
    #[must_use]
    pub fn function(&self) -> &FunctionArn {
        &self.function
    }

    /// The 12-digit id of the account that the function runs in. The stack may be another's.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.function.account
    }

    /// What CloudFormation asks for.
    #[must_use]
    pub fn request_type(&self) -> RequestType {
        self.request_type
    }

    /// Where the request stands among those for the same resource.
    #[must_use]
    pub fn order(&self) -> &RequestOrder {
        &self.order
    }

    /// The time since 1970 when it ends at the latest, and CloudFormation's patience with it.
    #[must_use]
    pub fn ends(&self) -> Duration {
        self.ends
    }

    pub(crate) async fn check_latest(&self, owner: &Owner) -> Result<()> {
        match &self.table {
            Some(table) => table.admit(owner, &self.order).await,
            None => Ok(()),
        }
    }
}

#[cfg(any(test, feature = "testing"))]
impl Invocation {
    /// One of a request that is later than all others of this process.
    pub(crate) fn in_account_of(owner: &Owner, is_made: bool) -> Self {
        static SECONDS: AtomicU64 = AtomicU64::new(0);
        let second = SECONDS.fetch_add(1, Ordering::Relaxed);
        // A stack's ARN and a function's have the same first parts.
        let function = FunctionArn::read(owner.stack_id().split('/').next().unwrap_or_default());
        let request_type = if is_made { RequestType::Update } else { RequestType::Create };
        Self::new(
            function,
            request_type,
            RequestOrder::new(second * 1_000, false, &format!("request of second {second}")),
            Duration::MAX,
            None,
        )
    }

    /// The same, of that function.
    #[must_use]
    pub fn on(self, function: FunctionArn) -> Self {
        Self { function, ..self }
    }

    /// The same, of a request that stands there.
    #[must_use]
    pub fn ordered(self, order: RequestOrder) -> Self {
        Self { order, ..self }
    }

    /// The same, which ends at that time since 1970.
    #[must_use]
    pub fn ending(self, ends: Duration) -> Self {
        Self { ends, ..self }
    }

    /// The same, whose requests are noted in that table.
    #[must_use]
    pub fn noted_in(self, table: RequestTable) -> Self {
        Self { table: Some(table), ..self }
    }
}
