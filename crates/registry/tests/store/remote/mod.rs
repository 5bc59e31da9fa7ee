//! Stores on real servers, installed for the test.
//!
//! Clients read the environment, which a test cannot change for itself: what needs it is a test of its
//! own, ignored, that another one runs in a process of its own.

mod mlflow;
mod objects;
#[path = "../../../../cli/tests/cli/remote/servers.rs"]
mod servers;

use crate::conformance;
use dfp_registry::store::{self, Purpose};
use std::process::Command;

/// Variable with the store's address.
const ADDRESS: &str = "STORE_OF_TEST";
/// Beginnings of variables that clients read.
const FOREIGN: [&str; 5] = ["AWS_", "AZURE_", "AZURITE_", "GOOGLE_", "MLFLOW_"];

/// Runs a test of this file on a store.
fn run(test: &str, address: &str, variables: &[(&str, String)]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    for (name, _) in std::env::vars() {
        if FOREIGN.iter().any(|begin| name.starts_with(begin)) {
            command.env_remove(name);
        }
    }
    command.args(["--exact", "--ignored", "--nocapture", &format!("remote::{test}")]);
    let output = command.env(ADDRESS, address).envs(variables.iter().cloned()).output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    assert!(output.status.success() && told.contains("1 passed"), "{address}: {told}");
}

/// Puts and promotes on a way where answers are lost: what was done is not done twice.
fn loses_nothing(name: &str) {
    let store = store::open(name, Purpose::Write).unwrap();
    for version in 1..=8 {
        assert_eq!(store.put("ann", b"the same", b"{}").unwrap(), version);
        store.promote("ann", version).unwrap();
    }
    let shelf = store.shelf("ann").unwrap();
    assert_eq!(shelf.versions, (1..=8).collect::<Vec<_>>());
    assert_eq!(shelf.live(), Some(8));
    for version in (1..8).rev() {
        assert_eq!(store.roll_back("ann").unwrap().live(), Some(version));
    }
    assert_eq!(store.users().unwrap(), ["ann"]);
}

fn address() -> String {
    std::env::var(ADDRESS).unwrap()
}

#[test]
#[ignore = "run by others, with a server"]
fn does_all_that_a_store_does() {
    conformance::check(&address());
}

#[test]
#[ignore = "run by others, with a server"]
fn survives_lost_answers() {
    loses_nothing(&address());
}

#[test]
#[ignore = "run by others, with a server"]
fn is_refused_for_writing() {
    for _ in 0..2 {
        let error = store::open(&address(), Purpose::Write).unwrap_err().to_string();
        assert!(error.contains("lets one writer overwrite what another has written"), "{error}");
    }
}

#[test]
#[ignore = "run by others, with a server"]
fn is_there_to_read() {
    store::open(&address(), Purpose::Read).unwrap();
}
