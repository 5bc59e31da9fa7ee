//! Stores on real servers, installed for the test.

#![expect(clippy::print_stderr, reason = "says what is skipped")]

mod mlflow;
mod objects;
#[path = "../../../../cli/tests/cli/remote/servers.rs"]
mod servers;
