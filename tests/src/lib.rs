//! archipelago-tests
