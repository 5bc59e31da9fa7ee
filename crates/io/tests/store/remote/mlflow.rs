//! A tracking server of MLflow.

use crate::conformance;

#[test]
fn a_server_of_mlflow_is_a_store() {
    let port = std::env::var("MLFLOW_PORT").unwrap();
    conformance::check(&format!("mlflow+http://127.0.0.1:{port}/conforming"));
}
