//! Thousands of random lives of the statement types, in which CloudFormation, Lambda and AWS misbehave.

mod shelves;
mod statements;
mod things;
