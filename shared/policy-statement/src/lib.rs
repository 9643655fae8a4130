//! policy-statement
