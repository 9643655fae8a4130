//! The three ways of use, end to end: stacks account by account, sets of stacks, and changes of parameters; and the ways back.

mod account;
mod account_by_account;
mod console;
mod installation;
mod landing;
mod pipeline;
mod stack_sets;
mod tooling;
mod way_back;
