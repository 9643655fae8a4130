//! A store with the role that acts through it.

use std::{rc::Rc, time::Duration};

use custom_resource::{AwsError, Error, Result};
use tokio::time::timeout;

use crate::{Document, Limit, Lookup, Policy, PolicyStore, TargetLocation};

/// How long nobody waits for more than the policy itself.
const IDENTITY_WITHIN: Duration = Duration::from_secs(1);

/// A store whose denials say what opens it.
pub(crate) struct Acting<S> {
    pub(crate) store: Rc<S>,
    /// Whether it acts with the function's own role, which the parameters of the functions' stack open. What an assumed role may
    /// do is up to the account that it is in.
    pub(crate) is_own: bool,
}

impl<S: PolicyStore> Acting<S> {
    pub(crate) async fn resolve(
        &self,
        location: TargetLocation<S::Target>,
    ) -> Result<Lookup<TargetLocation<S::Target>>> {
        self.advised(self.store.resolve(location).await)
    }

    async fn get(&self, location: &TargetLocation<S::Target>) -> Result<Policy> {
        self.advised(self.store.get(location).await)
    }

    /// The policy as it is, as far as there is one.
    pub(crate) async fn read(&self, location: &TargetLocation<S::Target>) -> Result<Lookup<Document>> {
        match self.get(location).await? {
            Policy::Text(text) => {
                let unreadable = |error| Error::refused(format!("{} can't be read: {error}", location.policy()));
                Document::parse(&text).map(Lookup::Found).map_err(unreadable)
            }
            Policy::Absent => Ok(Lookup::Found(Document::empty())),
            Policy::NoTarget(error) => Ok(Lookup::Gone(error)),
        }
    }

    /// Replaces the policy, by none where the service keeps none without statements.
    pub(crate) async fn write(
        &self,
        location: &TargetLocation<S::Target>,
        document: &Document,
    ) -> Result<(), AwsError> {
        if document.is_empty() && S::DELETED_WHEN_EMPTY {
            self.delete(location).await
        } else {
            self.put(location, &document.to_text()).await
        }
    }

    async fn put(&self, location: &TargetLocation<S::Target>, text: &str) -> Result<(), AwsError> {
        self.advised_write(self.store.put(location, text).await)
    }

    async fn delete(&self, location: &TargetLocation<S::Target>) -> Result<(), AwsError> {
        self.advised_write(self.store.delete(location).await)
    }

    pub(crate) async fn identity(&self, location: &TargetLocation<S::Target>) -> Option<String> {
        timeout(IDENTITY_WITHIN, self.store.identity(location)).await.ok()?
    }

    pub(crate) async fn limit(&self, location: &TargetLocation<S::Target>) -> Result<Limit> {
        self.advised(self.store.limit(location).await)
    }

    fn advised<T>(&self, ended: Result<T>) -> Result<T> {
        if self.is_own { ended.map_err(|error: Error| error.advised_if_denied(S::OPENED_BY)) } else { ended }
    }

    fn advised_write(&self, written: Result<(), AwsError>) -> Result<(), AwsError> {
        if self.is_own { written.map_err(|error| error.advised_if_denied(S::OPENED_BY)) } else { written }
    }
}
