//! What a policy is to be once a claim's statements are in it or out of it, or why it may not be so.

use archipelago::Caller;
use custom_resource::{Error, Result};

use crate::{
    Document, PolicyStore, Statement, Target, TargetLocation,
    grants::{are_of_caller, called},
};

/// `before` with `wanted` as the statements of the claim with that mark. `variable` is the path of an element with a policy variable, if there
/// is one.
///
/// # Errors
/// Refused where AWS couldn't take it, or nobody can want it.
pub(crate) fn with_statements<S: PolicyStore>(
    location: &TargetLocation<S::Target>,
    before: &Document,
    mark: &str,
    wanted: &[Statement],
    variable: Option<&str>,
) -> Result<Document> {
    if let Some(path) = variable.filter(|_| !before.knows_variables()) {
        return Err(Error::refused(format!(
            "{path}: has a policy variable, which {} would take by the letter, since its Version isn't 2012-10-17; give it \
             that Version, or write no variable",
            location.policy()
        )));
    }
    let mut after = before.clone();
    after.replace_own(mark, wanted);
    S::LIMIT.check_own(&location.policy(), &after, mark)?;
    S::guard(location, before, &after)?;
    Ok(after)
}

/// `before` without the statements of the claim with that mark.
///
/// # Errors
/// Refused where AWS keeps no policy without a statement, or nobody can want it.
pub(crate) fn without_statements<S: PolicyStore>(
    location: &TargetLocation<S::Target>,
    before: &Document,
    mark: &str,
) -> Result<Document> {
    let mut after = before.clone();
    after.replace_own(mark, &[]);
    if after.is_empty() && !S::DELETED_WHEN_EMPTY {
        return Err(Error::refused(format!(
            "{} would have no statement left, which AWS doesn't take; give it another one, or delete the {}",
            location.policy(),
            S::Target::KIND
        )));
    }
    S::guard(location, before, &after)?;
    Ok(after)
}

/// Lets a caller touch only what it can have put there.
///
/// # Errors
/// Refused if `before` has statements with that mark for somebody else.
pub(crate) fn check_caller<T: Target>(
    caller: Option<&Caller>,
    location: &TargetLocation<T>,
    before: &Document,
    mark: &str,
) -> Result<()> {
    match caller {
        Some(of) if !are_of_caller(caller, before, mark) => Err(Error::refused(format!(
            "{} has statements with the mark of this resource that are not for {} alone; they are not touched",
            location.policy(),
            called(of)
        ))),
        _ => Ok(()),
    }
}
