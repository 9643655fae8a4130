//! What is to be done, read from the properties.

use serde::de::DeserializeOwned;

use crate::{event::Asked, properties};

/// What a request asks of a resource.
#[derive(Debug)]
pub enum Work<P> {
    /// A Create or an Update.
    Ensure {
        /// What the template says.
        desired: P,
        /// What it said before; `None` on Create, and where it can't be read any more.
        previous: Option<P>,
    },
    /// A Delete.
    Remove {
        /// What the template said last, where it can be read.
        last: Option<P>,
    },
}

impl<P: DeserializeOwned> Work<P> {
    /// Earlier properties may follow an older schema, and must not keep a Delete or a rollback from happening.
    pub(crate) fn read(asked: &Asked) -> Result<Self, String> {
        Ok(match asked {
            Asked::Create { desired } => Self::Ensure { desired: properties::read(desired)?, previous: None },
            Asked::Update { desired, previous } => {
                Self::Ensure { desired: properties::read(desired)?, previous: properties::read(previous).ok() }
            }
            Asked::Delete { last } => Self::Remove { last: properties::read(last).ok() },
        })
    }
}
