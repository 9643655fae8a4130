//! The ids that CloudFormation makes up, the same ones in the same order for the same seed.

/// A source of request ids, stack ids and invented physical ids.
#[derive(Clone, Debug)]
pub struct Ids(fastrand::Rng);

impl Ids {
    /// The same seed gives the same ids.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// A version 4 UUID.
    pub fn uuid(&mut self) -> String {
        let bits = format!("{:032x}", self.0.u128(..));
        format!("{}-{}-4{}-a{}-{}", &bits[..8], &bits[8..12], &bits[13..16], &bits[17..20], &bits[20..])
    }

    /// The id that a Delete carries when CloudFormation never heard one: `<stack>-<logical id>-<random>`.
    pub fn invented(&mut self, stack: &str, logical_resource_id: &str) -> String {
        let tail: String = std::iter::repeat_with(|| self.0.alphanumeric().to_ascii_uppercase()).take(13).collect();
        format!("{stack}-{logical_resource_id}-{tail}")
    }
}
