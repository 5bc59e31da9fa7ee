//! Object stores. Their clients read the environment, which a test cannot change for itself: what is
//! asked of them is a test of its own, run in another process.

use super::servers::{MOTO, Proxy, Server, request};
use crate::conformance;
use dfp_io::store::{self, Purpose};
use std::process::{Command, Output};

const ADDRESS: &str = "STORE_OF_TEST";

/// Runs a test of this file on a store.
fn run(test: &str, address: &str, variables: &[(&str, String)]) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    for (name, _) in std::env::vars() {
        if ["AWS_", "AZURE_", "AZURITE_", "GOOGLE_"].iter().any(|begin| name.starts_with(begin)) {
            command.env_remove(name);
        }
    }
    command.args(["--exact", "--ignored", "--nocapture", &format!("remote::objects::{test}")]);
    command.env(ADDRESS, address).envs(variables.iter().cloned()).output().unwrap()
}

fn passes(test: &str, address: &str, variables: &[(&str, String)]) {
    let output = run(test, address, variables);
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    assert!(output.status.success() && told.contains("1 passed"), "{address}: {told}");
}

fn moto() -> Option<Server> {
    let arguments =
        |port: u16| ["-H", "127.0.0.1", "-p", &port.to_string()].map(str::to_owned).into();
    let server = Server::start(&MOTO, arguments, std::env::temp_dir().as_path())?;
    request(server.port, "PUT", "/models-of-tests", b"");
    Some(server)
}

fn s3(port: u16) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ACCESS_KEY_ID", "id".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ("AWS_ENDPOINT", format!("http://127.0.0.1:{port}")),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
    ]
}

#[test]
fn a_bucket_is_a_store() {
    let Some(server) = moto() else { return };
    passes("does_all_that_a_store_does", "s3://models-of-tests/some/where", &s3(server.port));
}

#[test]
#[ignore = "run by others, with a server"]
fn does_all_that_a_store_does() {
    conformance::check(&std::env::var(ADDRESS).unwrap());
}

/// Every third write is done though its answer never comes.
#[test]
fn a_lost_answer_is_no_other_writer() {
    let Some(server) = moto() else { return };
    let mut writes = 0;
    let lose = move |head: &str| {
        writes += usize::from(head.starts_with("PUT "));
        (head.starts_with("PUT ") && writes % 3 == 0).then(Vec::new)
    };
    let proxy = Proxy::start(Some(server.port), Box::new(lose));
    passes("numbers_have_no_gaps", "s3://models-of-tests/lossy", &s3(proxy.port));
    // Each was sent again.
    assert!(proxy.count("PUT ") > 30, "{}", proxy.count("PUT "));
}

#[test]
#[ignore = "run by others, with a server"]
fn numbers_have_no_gaps() {
    let store = store::open(&std::env::var(ADDRESS).unwrap(), Purpose::Write).unwrap();
    for version in 1..=8 {
        assert_eq!(store.put("ann", b"the same", b"{}").unwrap(), version);
        store.promote("ann", version).unwrap();
    }
    assert_eq!(store.shelf("ann").unwrap().live(), Some(8));
    assert_eq!(store.shelf("ann").unwrap().standing.previous(&[7]), Some(7));
}

/// This server takes Google's requests for those of S3, and overlooks Google's condition.
#[test]
fn a_server_without_conditions_is_refused() {
    let Some(server) = moto() else { return };
    let variables = [
        ("GOOGLE_BASE_URL", format!("http://127.0.0.1:{}", server.port)),
        ("GOOGLE_SKIP_SIGNATURE", "true".to_owned()),
        ("GOOGLE_ALLOW_HTTP", "true".to_owned()),
    ];
    passes("is_refused", "gs://models-of-tests/other", &variables);
}

#[test]
#[ignore = "run by others, with a server"]
fn is_refused() {
    let address = std::env::var(ADDRESS).unwrap();
    for _ in 0..2 {
        let error = store::open(&address, Purpose::Write).unwrap_err().to_string();
        assert!(error.contains("lets one writer overwrite what another has written"), "{error}");
    }
}
