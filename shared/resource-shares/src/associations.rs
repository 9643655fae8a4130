//! What is associated with a share.
//! <https://docs.aws.amazon.com/ram/latest/APIReference/API_ResourceShareAssociation.html>

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display},
};

use aws_sdk_ram::types::{
    ResourceShareAssociation, ResourceShareAssociationStatus as Status, ResourceShareAssociationType,
};

/// What RAM takes in one call.
const PER_CALL: usize = 100;

/// Something that can be associated with a share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entity {
    /// The ARN of a resource.
    Resource(String),
    /// A principal, as RAM lists it.
    Principal(String),
}

impl Entity {
    /// The principal, if it is one.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        match self {
            Self::Principal(principal) => Some(principal),
            Self::Resource(_) => None,
        }
    }
}

/// The end of an ARN is what people know a thing by.
impl Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Resource(whole) | Self::Principal(whole)) = self;
        f.write_str(whole.rsplit('/').next().unwrap_or(whole))
    }
}

/// The parameters that RAM takes for `entities`, call by call: ARNs of resources, and principals; `None` rather than empty.
pub fn batches(entities: &[&Entity]) -> impl Iterator<Item = (Option<Vec<String>>, Option<Vec<String>>)> {
    entities.chunks(PER_CALL).map(|chunk| {
        let (mut resources, mut principals) = (Vec::new(), Vec::new());
        for entity in chunk {
            match entity {
                Entity::Resource(arn) => resources.push(arn.clone()),
                Entity::Principal(principal) => principals.push(principal.clone()),
            }
        }
        let some = |list: Vec<_>| (!list.is_empty()).then_some(list);
        (some(resources), some(principals))
    })
}

/// How something stands to a share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Association {
    status: Status,
    message: String,
}

/// All associations of a share. What RAM lists as DISASSOCIATED, as it does for a while, isn't there.
#[derive(Debug, Default)]
pub struct Associations(BTreeMap<Entity, Association>);

impl<'a> FromIterator<&'a ResourceShareAssociation> for Associations {
    /// Of two of the same entity the one that isn't FAILED: it was made after the other had.
    fn from_iter<I: IntoIterator<Item = &'a ResourceShareAssociation>>(listed: I) -> Self {
        let mut associations = BTreeMap::<_, Association>::new();
        for item in listed {
            let (Some(entity), Some(status)) = (item.associated_entity(), item.status()) else { continue };
            let entity = match item.association_type() {
                Some(ResourceShareAssociationType::Principal) => Entity::Principal(entity.to_owned()),
                _ => Entity::Resource(entity.to_owned()),
            };
            let message = item.status_message().unwrap_or_default().to_owned();
            let association = Association { status: status.clone(), message };
            let is_known = associations.get(&entity).is_some_and(|known| known.status != Status::Failed);
            if *status != Status::Disassociated && !is_known {
                associations.insert(entity, association);
            }
        }
        Self(associations)
    }
}

impl Associations {
    pub(crate) fn status(&self, entity: &Entity) -> Option<&Status> {
        self.0.get(entity).map(|association| &association.status)
    }

    /// Whether it gives, or is about to give, access.
    #[must_use]
    pub fn gives_access(&self, entity: &Entity) -> bool {
        self.status(entity).is_some_and(|status| !matches!(status, Status::Failed | Status::Disassociating))
    }

    /// All that have, or are about to have, access.
    #[must_use]
    pub fn with_access(&self) -> BTreeSet<Entity> {
        self.0.keys().filter(|entity| self.gives_access(entity)).cloned().collect()
    }

    /// Those of `entities` whose status is one of `statuses`.
    pub(crate) fn in_status<'a>(&self, entities: &[&'a Entity], statuses: &[Status]) -> Vec<&'a Entity> {
        let is_so = |entity: &&&Entity| self.status(entity).is_some_and(|status| statuses.contains(status));
        entities.iter().filter(is_so).copied().collect()
    }

    /// What RAM says of the associations of `entities`, as a sentence that may go on; empty without any.
    pub(crate) fn sentence_of(&self, entities: &[&Entity]) -> String {
        let sentences = entities.iter().filter_map(|entity| {
            let Association { status, message } = self.0.get(entity)?;
            let words = if message.is_empty() { "AWS doesn't say why" } else { message.trim_end_matches('.') };
            Some(format!("the association of {entity} with the share is {status}: {words}"))
        });
        sentences.collect::<Vec<_>>().join("; ")
    }
}
