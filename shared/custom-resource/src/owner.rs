//! Whose a thing is.

use crate::digest::digest_of;

/// A logical resource of a stack: what things are marked with, so that they can be found again without a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    stack_id: String,
    logical_id: String,
}

impl Owner {
    /// The resource `logical_id` of the stack `stack_id` (an ARN).
    #[must_use]
    pub fn new(stack_id: impl Into<String>, logical_id: impl Into<String>) -> Self {
        Self { stack_id: stack_id.into(), logical_id: logical_id.into() }
    }

    /// Ten lower-case hexadecimal digits of the SHA-256 of stack id and logical id.
    #[must_use]
    pub fn mark(&self) -> String {
        digest_of([self.stack_id.as_str(), self.logical_id.as_str()]).chars().take(10).collect()
    }

    /// The mark, then the names for people, in at most 256 characters: the value of a tag.
    #[must_use]
    pub fn signature(&self) -> String {
        format!("{} {}", self.mark(), self.name()).chars().take(256).collect()
    }

    /// Whether `signature` is one of this owner.
    #[must_use]
    pub fn signed(&self, signature: &str) -> bool {
        signature.split(' ').next() == Some(self.mark().as_str())
    }

    /// `stack-name/LogicalId`, for people.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.stack_name(), self.logical_id)
    }

    /// The stack's ARN.
    #[must_use]
    pub fn stack_id(&self) -> &str {
        &self.stack_id
    }

    /// The logical id in the template.
    #[must_use]
    pub fn logical_id(&self) -> &str {
        &self.logical_id
    }

    /// The stack's name, which stands in the middle of its ARN.
    fn stack_name(&self) -> &str {
        self.stack_id.split('/').nth(1).unwrap_or(&self.stack_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner() -> Owner {
        Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/landing/1f0a", "Workloads")
    }

    #[test]
    fn the_mark_of_a_claim_never_changes_between_versions() {
        // Things in AWS carry it: another hash would make them foreign.
        assert_eq!(owner().mark(), "22a7aa3d94");
    }

    #[test]
    fn the_mark_tells_stacks_and_logical_ids_apart() {
        let other_stack = Owner::new("arn:aws:cloudformation:us-east-1:111111111111:stack/landing/2f0b", "Workloads");
        let other_resource = Owner::new(&owner().stack_id, "Sandbox");
        assert_ne!(owner().mark(), other_stack.mark());
        assert_ne!(owner().mark(), other_resource.mark());
    }

    #[test]
    fn a_signature_says_whose_a_thing_is_to_machines_and_to_people() {
        assert_eq!(owner().signature(), "22a7aa3d94 landing/Workloads");
        assert!(owner().signed(&owner().signature()));
        assert!(!owner().signed("22a7aa3d94ff landing/Workloads"));
    }
}
