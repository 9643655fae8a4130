//! Under which one name a target is known to all who change its policy.

use std::cell::RefCell;

use custom_resource::{RequestOrder, Result};

use crate::{Lookup, PolicyStore, TargetLocation, acting::Acting};

/// What was resolved last, for which request: it is tried again for each wait, and names don't change meanwhile.
pub(crate) struct Resolutions<T>(RefCell<Option<Resolved<T>>>);

struct Resolved<T> {
    order: RequestOrder,
    named: TargetLocation<T>,
    location: TargetLocation<T>,
}

impl<T> Default for Resolutions<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T> Resolutions<T> {
    /// The location under the target's one name. What was resolved for this request before is kept.
    pub(crate) async fn resolve<S: PolicyStore<Target = T>>(
        &self,
        store: &Acting<S>,
        named: TargetLocation<T>,
        order: &RequestOrder,
    ) -> Result<Lookup<TargetLocation<T>>>
    where
        T: crate::Target,
    {
        if let Some(last) = &*self.0.borrow()
            && last.order == *order
            && [&last.named, &last.location].contains(&&named)
        {
            return Ok(Lookup::Found(last.location.clone()));
        }
        let resolved = store.resolve(named.clone()).await?;
        if let Lookup::Found(location) = &resolved {
            let resolved = Resolved { order: order.clone(), named, location: location.clone() };
            self.0.replace(Some(resolved));
        }
        Ok(resolved)
    }
}
