//! A tracking server of MLflow.

use super::servers::{Installed, Proxy, Server, answer, install, step};
use super::{loses_nothing, run};
use crate::conformance;
use dfp_registry::store::{self, Purpose, State, Store};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::SystemTime;

/// Keeps runs and registered models. Its package asks for libraries of models that the server does without.
static MLFLOW: Installed = LazyLock::new(|| {
    install("mlflow-3.14.0", "bin/mlflow", |folder| {
        step(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        let install = |packages: &[&str]| {
            let pip = folder.join("bin/pip");
            step(Command::new(pip).args(["install", "--quiet"]).args(packages))
        };
        install(&["--no-deps", "mlflow==3.14.0"])?;
        install(&[
            "mlflow-skinny==3.14.0",
            "aiohttp<4",
            "alembic<2",
            "cryptography<49",
            "Flask<4",
            "Flask-CORS<7",
            "graphene<4",
            "huey<4",
            "numpy<3",
            "pandas<3",
            "sqlalchemy<3",
        ])
    })
});

fn start(folder: &Path) -> Option<Server> {
    let arguments = |port: u16| {
        let place = folder.display();
        let text = format!(
            "server --host 127.0.0.1 --port {port} --workers 1 --backend-store-uri sqlite:///{place}/db \
             --artifacts-destination {place}/artifacts"
        );
        text.split_whitespace().map(str::to_owned).collect()
    };
    Server::start(&MLFLOW, arguments, folder)
}

/// Asks the server as others do.
fn ask(port: u16, method: &str, what: &str, body: &Value) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let head = format!(
        "{method} /api/2.0/mlflow/{what} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{method} {what}: {answer}");
    serde_json::from_str(body).unwrap()
}

/// Asks for what has to be there.
fn get(port: u16, what: &str) -> Value {
    ask(port, "GET", what, &Value::Null)
}

/// One test for all, since the server takes half a minute to start.
#[test]
fn a_server_of_mlflow_is_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = start(folder.path()) else { return };
    let port = server.port;
    conformance::check(&format!("mlflow+http://127.0.0.1:{port}/conforming"));
    others_see_it_in_their_ways(port);
    foreign_things_are_left_alone(port);
    what_is_unfinished_is_swept(port);
    a_deleted_user_begins_again(port);
    lost_answers_do_no_harm(port);
    few_requests_do(port);
}

fn others_see_it_in_their_ways(port: u16) {
    // The name is the default one.
    let store = store::open(&format!("mlflow+http://127.0.0.1:{port}"), Purpose::Write).unwrap();
    let about = json!({
        "user": "ops/Ann", "rows": 1200, "features": 17, "seconds": 1.5, "seed": 42,
        "window": {"from": "2026-01-01", "to": "2026-02-01"}, "options": {"epochs": 3},
        "losses": [3.5, 2.25, 1.125],
    });
    let about = about.to_string();
    for _ in 0..2 {
        store.put("ops/Ann", b"model", about.as_bytes()).unwrap();
    }
    store.promote("ops/Ann", 1).unwrap();
    store.promote("ops/Ann", 2).unwrap();

    let found = get(port, "registered-models/search?filter=name%20LIKE%20%27dfp-%25%27");
    let model = &found["registered_models"][0];
    let name = model["name"].as_str().unwrap();
    assert!(name.starts_with("dfp-ops%2fAnn~"), "{name}");
    assert_eq!(model["tags"][0], json!({"key": "dfp.user", "value": "ops/Ann"}));
    assert_eq!(model["aliases"], json!([{"alias": "live", "version": "2"}]));
    let name = name.replace('%', "%25");
    let state = |version| {
        let found = get(port, &format!("model-versions/get?name={name}&version={version}"));
        found["model_version"]["tags"][0]["value"].clone()
    };
    assert_eq!([state(1), state(2)], ["retired", "live"]);

    let found = get(port, &format!("registered-models/alias?name={name}&alias=live"));
    let run = found["model_version"]["run_id"].as_str().unwrap();
    let run = &get(port, &format!("runs/get?run_id={run}"))["run"];
    assert_eq!(
        (&run["info"]["run_name"], &run["info"]["status"]),
        (&json!("ops/Ann"), &json!("FINISHED"))
    );
    let of = |list: &str, key: &str| {
        let entries = run["data"][list].as_array().unwrap();
        entries.iter().find(|entry| entry["key"] == key).unwrap()["value"].clone()
    };
    assert_eq!(of("metrics", "rows"), 1200.);
    assert_eq!(of("metrics", "loss"), 1.125, "the last one counts");
    assert_eq!(of("params", "options.epochs"), "3");
    assert_eq!(of("params", "window.from"), "2026-01-01");
    assert_eq!(of("tags", "dfp.user"), "ops/Ann");
    let id = run["info"]["run_id"].as_str().unwrap();
    let curve = get(port, &format!("metrics/get-history?run_id={id}&metric_key=loss"));
    let points = curve["metrics"].as_array().unwrap().iter();
    let points: Vec<_> =
        points.map(|point| (point["step"].as_u64(), point["value"].as_f64())).collect();
    assert_eq!(points, [(Some(0), Some(3.5)), (Some(1), Some(2.25)), (Some(2), Some(1.125))]);
    let files = get(port, &format!("artifacts/list?run_id={id}"));
    let files: Vec<_> =
        files["files"].as_array().unwrap().iter().map(|f| f["path"].as_str().unwrap()).collect();
    assert_eq!(files, ["about.json", "model", "summary.md"]);
}

fn foreign_things_are_left_alone(port: u16) {
    let refused = |name: &str, purpose| {
        let address = format!("mlflow+http://127.0.0.1:{port}/{name}");
        store::open(&address, purpose).unwrap_err().to_string()
    };
    let missing = refused("nothing", Purpose::Read);
    assert!(missing.contains("there is no store here (no experiment \"nothing\")"), "{missing}");
    ask(port, "POST", "experiments/create", &json!({"name": "foreign"}));
    let foreign = refused("foreign", Purpose::Write);
    assert!(foreign.contains("experiment \"foreign\" is not of a store"), "{foreign}");
    // A model whose name could be a user's.
    ask(port, "POST", "registered-models/create", &json!({"name": "dfp-bob"}));
    let store =
        store::open(&format!("mlflow+http://127.0.0.1:{port}/dfp"), Purpose::Write).unwrap();
    assert_eq!(store.users().unwrap(), ["ops/Ann"]);
    let error = store.put("bob", b"m", b"{}").unwrap_err().to_string();
    assert!(error.contains("registered model \"dfp-bob\" is not of this store"), "{error}");
    let page = Proxy::start(None, Box::new(|_| Some(answer("200 OK", b"<html>hello"))));
    let error = store::open(&format!("mlflow+http://127.0.0.1:{}", page.port), Purpose::Read);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("the answer is no JSON: \"<html>hello\""), "{error}");
    // Who asks is told as MLflow's client does.
    let proxy = Proxy::start(Some(port), Box::new(|_| None));
    let address = format!("mlflow+http://127.0.0.1:{}/dfp", proxy.port);
    run("is_there_to_read", &address, &[("MLFLOW_TRACKING_TOKEN", "of-ann".to_owned())]);
    assert!(proxy.seen.lock().unwrap()[0].contains("authorization: Bearer of-ann\r\n"));
}

fn what_is_unfinished_is_swept(port: u16) {
    let store =
        store::open(&format!("mlflow+http://127.0.0.1:{port}/swept"), Purpose::Write).unwrap();
    store.put("ann", b"m", b"{}").unwrap();
    let found = get(port, "experiments/get-by-name?experiment_name=swept");
    let experiment = found["experiment"]["experiment_id"].as_str().unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64;
    let begun = |at: u64| {
        let run = ask(
            port,
            "POST",
            "runs/create",
            &json!({"experiment_id": experiment, "start_time": at}),
        );
        run["run"]["info"].clone()
    };
    let id = |run: &Value| run["run_id"].as_str().unwrap().to_owned();
    let (young, lost, late) = (begun(now), begun(now - 100_000_000), begun(now - 100_000_000));
    // Its writer went away after the version was there.
    let version = json!({"name": "swept-ann", "source": late["artifact_uri"], "run_id": id(&late)});
    ask(port, "POST", "model-versions/create", &version);
    assert_eq!(store.sweep().unwrap(), 1);
    let info =
        |run: &Value| get(port, &format!("runs/get?run_id={}", id(run)))["run"]["info"].clone();
    assert_eq!(info(&young)["lifecycle_stage"], "active");
    assert_eq!(info(&lost)["lifecycle_stage"], "deleted");
    assert_eq!(info(&late)["status"], "FINISHED");
    assert_eq!(store.shelf("ann").unwrap().versions, [1, 2]);
    assert_eq!(store.sweep().unwrap(), 0);
}

/// Somebody deletes a registered model in MLflow's pages while programs are at work.
fn a_deleted_user_begins_again(port: u16) {
    let address = format!("mlflow+http://127.0.0.1:{port}/deleted");
    let [writer, reader] = [(); 2].map(|()| store::open(&address, Purpose::Write).unwrap());
    for version in 1..=3 {
        assert_eq!(writer.put("ann", b"old", b"{}").unwrap(), version);
    }
    writer.promote("ann", 3).unwrap();
    assert_eq!(reader.shelf("ann").unwrap().live(), Some(3));
    ask(port, "DELETE", "registered-models/delete", &json!({"name": "deleted-ann"}));
    assert_eq!(reader.shelf("ann").unwrap(), store::UserVersions::default());
    assert_eq!(writer.put("ann", b"new", b"{}").unwrap(), 1);
    writer.promote("ann", 1).unwrap();
    assert_eq!(reader.shelf("ann").unwrap().live(), Some(1));
    assert_eq!(reader.model("ann", 1).unwrap(), b"new");
}

/// Every fourth change is made though its answer never comes, and every seventh is put off.
fn lost_answers_do_no_harm(port: u16) {
    let mut changes = 0;
    let lose = move |head: &str| {
        changes += usize::from(!head.starts_with("GET "));
        match (head.starts_with("GET "), changes % 4, changes % 7) {
            (false, 0, _) => Some(Vec::new()),
            (false, _, 0) => Some(answer("503 Service Unavailable", b"")),
            _ => None,
        }
    };
    let proxy = Proxy::start(Some(port), Box::new(lose));
    loses_nothing(&format!("mlflow+http://127.0.0.1:{}/lossy", proxy.port));
    assert!(proxy.count("POST /api/2.0/mlflow/model-versions/create") > 8);
}

fn few_requests_do(port: u16) {
    let proxy = Proxy::start(Some(port), Box::new(|_| None));
    let store = store::open(&format!("mlflow+http://127.0.0.1:{}/few", proxy.port), Purpose::Write)
        .unwrap();
    let requests = |what: &dyn Fn(&dyn Store)| {
        let before = proxy.seen.lock().unwrap().len();
        what(store.as_ref());
        proxy.seen.lock().unwrap().len() - before
    };
    let put =
        |user: &str| requests(&|store| assert!(store.put(user, b"m", br#"{"rows":1}"#).is_ok()));
    // The run, what it shows, three files, the version, its end; the user's model and keeper; a list.
    assert_eq!([put("ann"), put("bob"), put("ann")], [10, 9, 7]);
    assert_eq!(requests(&|store| drop(store.promote("ann", 1).unwrap())), 6);
    assert_eq!(requests(&|store| drop(store.promote("ann", 2).unwrap())), 7);
    assert_eq!(requests(&|store| drop(store.shelf("ann").unwrap())), 2);
    assert_eq!(requests(&|store| drop(store.model("ann", 2).unwrap())), 2);
    assert_eq!(requests(&|store| drop(store.users().unwrap())), 1);
    assert_eq!(store.shelf("ann").unwrap().standing.state(1), State::Retired);
}
