//! A store with the role that acts through it.

use std::rc::Rc;

use custom_resource::{AwsError, Error, Result};

use crate::{Limit, Lookup, Place, Policy, PolicyStore};

/// A store whose denials say what opens it.
pub(crate) struct Acting<S> {
    pub(crate) store: Rc<S>,
    /// Whether it acts with the function's own role, which the parameters of the functions' stack open. What an assumed role may
    /// do is up to the account that it is in.
    pub(crate) is_own: bool,
}

impl<S: PolicyStore> Acting<S> {
    pub(crate) async fn resolve(&self, place: Place<S::Target>) -> Result<Lookup<Place<S::Target>>> {
        self.said(self.store.resolve(place).await)
    }

    pub(crate) async fn get(&self, place: &Place<S::Target>) -> Result<Policy> {
        self.said(self.store.get(place).await)
    }

    pub(crate) async fn put(&self, place: &Place<S::Target>, text: &str) -> Result<(), AwsError> {
        self.answered(self.store.put(place, text).await)
    }

    pub(crate) async fn delete(&self, place: &Place<S::Target>) -> Result<(), AwsError> {
        self.answered(self.store.delete(place).await)
    }

    pub(crate) async fn limit(&self, place: &Place<S::Target>) -> Result<Limit> {
        self.said(self.store.limit(place).await)
    }

    fn said<T>(&self, said: Result<T>) -> Result<T> {
        if self.is_own { said.map_err(|error: Error| error.advised_if_denied(S::OPENED_BY)) } else { said }
    }

    fn answered(&self, answered: Result<(), AwsError>) -> Result<(), AwsError> {
        if self.is_own { answered.map_err(|error| error.advised_if_denied(S::OPENED_BY)) } else { answered }
    }
}
