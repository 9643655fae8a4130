//! Thousands of random lives of the smallest type, in which CloudFormation, Lambda and AWS misbehave.

mod things;
