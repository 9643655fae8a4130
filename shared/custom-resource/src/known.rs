//! What CloudFormation knows of a resource when it makes a request.

use std::str::FromStr;

use crate::Result;

/// The id of a thing that was never made. CloudFormation wants one even then, and sends it back in the Delete.
const NOTHING_MADE: &str = "nothing-was-made";

/// The id of a thing of which nobody knows whether it was made: a Delete that is refused isn't taken for done then.
const PERHAPS_MADE: &str = "something-may-have-been-made";

/// What an earlier answer said of the thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known<Id> {
    /// That nothing was made.
    Nothing,
    /// Nobody knows: nothing was answered yet, or the answer came from somebody else. CloudFormation invents an id where it has none,
    /// as when it cancels a Create.
    Perhaps,
    /// That it has this id.
    Id(Id),
}

impl<Id: FromStr> Known<Id> {
    /// Reads the physical id of a request.
    pub(crate) fn read(physical_id: Option<&str>) -> Self {
        match physical_id {
            Some(NOTHING_MADE) => Self::Nothing,
            None | Some(PERHAPS_MADE) => Self::Perhaps,
            Some(id) => id.parse().map_or(Self::Perhaps, Self::Id),
        }
    }
}

impl<'a> Known<&'a str> {
    /// The same of a text that is answered as it is, whether or not it is an id of the type.
    pub(crate) fn of_text(physical_id: Option<&'a str>) -> Self {
        match physical_id {
            Some(NOTHING_MADE) => Self::Nothing,
            None | Some(PERHAPS_MADE) => Self::Perhaps,
            Some(id) => Self::Id(id),
        }
    }

    /// What CloudFormation is answered as the physical id.
    pub(crate) fn as_text(self) -> &'a str {
        match self {
            Self::Nothing => NOTHING_MADE,
            Self::Perhaps => PERHAPS_MADE,
            Self::Id(id) => id,
        }
    }
}

impl<Id> Known<Id> {
    /// The id, if there is one.
    #[must_use]
    pub fn id(&self) -> Option<&Id> {
        match self {
            Self::Id(id) => Some(id),
            Self::Nothing | Self::Perhaps => None,
        }
    }

    /// What `look` finds; a second time if that isn't all (`is_all`), since a list may be behind, and nothing must be left that it
    /// hides. Where nothing was made for sure, once is enough.
    ///
    /// # Errors
    /// Those of `look`.
    pub async fn look<T>(&self, is_all: impl Fn(&T) -> bool, look: impl AsyncFn() -> Result<T>) -> Result<T> {
        let found = look().await?;
        if is_all(&found) || matches!(self, Self::Nothing) { Ok(found) } else { look().await }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn read(physical_id: Option<&str>) -> Known<u32> {
        Known::read(physical_id)
    }

    #[test]
    fn an_answer_that_said_that_nothing_was_made_is_told_from_one_that_nobody_gave() {
        assert_eq!(read(Some(NOTHING_MADE)), Known::Nothing);
        assert_eq!(read(None), Known::Perhaps);
        assert_eq!(read(Some(PERHAPS_MADE)), Known::Perhaps);
        assert_eq!(read(Some("7")), Known::Id(7));
    }

    #[test]
    fn an_id_that_cloudformation_invents_says_nothing() {
        assert_eq!(read(Some("landing-Workloads-1ABCDEF")), Known::Perhaps);
        // Whatever text is an id: what CloudFormation was told isn't taken for one.
        assert_eq!(Known::<String>::read(Some(NOTHING_MADE)), Known::Nothing);
    }

    #[tokio::test]
    async fn what_is_not_all_is_looked_for_a_second_time_unless_nothing_was_made() {
        let looks = |known: Known<u32>, all: u32| async move {
            let looks = Cell::new(0);
            let look = async || Ok(looks.replace(looks.get() + 1));
            known.look(|found| *found == all, look).await.unwrap();
            looks.get()
        };
        assert_eq!(looks(Known::Id(7), 0).await, 1);
        assert_eq!(looks(Known::Id(7), 9).await, 2);
        assert_eq!(looks(Known::Perhaps, 9).await, 2);
        assert_eq!(looks(Known::Nothing, 9).await, 1);
    }
}
