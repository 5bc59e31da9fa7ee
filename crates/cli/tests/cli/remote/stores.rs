//! The real binary against real servers.

use super::servers::{AZURITE, MOTO, Proxy, Server, answer, request};
use crate::place::{Ended, Place, column, log};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Trains on local files and scores what `input` names.
fn run(place: &Place, input: &str, variables: &[(&str, &str)]) -> Ended {
    let line = format!(
        "run --num_threads=1 pipeline-ae --userid_column_name=userName from-cloudtrail --input_glob={input} \
         train-ae --train_epochs=1 --seed=1 --train_data_glob=train.csv preprocess inf-pytorch \
         add-scores serialize to-file --filename=out.csv --overwrite"
    );
    let mut command = place.command();
    for (name, _) in std::env::vars() {
        if ["AWS_", "AZURE_", "AZURITE_", "GOOGLE_"].iter().any(|begin| name.starts_with(begin)) {
            command.env_remove(name);
        }
    }
    command.args(line.split_whitespace()).envs(variables.iter().copied());
    Ended::of(command.output().unwrap())
}

fn place() -> Place {
    let place = Place::new();
    place.write("train.csv", log(&["ann", "bob"], 60));
    place
}

fn gzip(content: &str) -> Vec<u8> {
    let mut child =
        Command::new("gzip").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(content.as_bytes()).unwrap();
    child.wait_with_output().unwrap().stdout
}

/// The same log in many forms, below the folder `logs-of-tests`.
fn forms(place: &Place) -> Vec<(&'static str, Vec<u8>)> {
    let parquet = "run pipeline-ae --userid_column_name=userName from-cloudtrail \
        --input_glob=train.csv train-ae --train_epochs=1 --seed=1 --train_data_glob=train.csv \
        preprocess inf-pytorch add-scores serialize --include=^(eventTime|eventName|userName)$ \
        to-file --filename=events.parquet";
    assert_eq!(place.morpheus(parquet).code, 0);
    let csv = |users: &[&str]| log(users, 20).into_bytes();
    vec![
        ("day 1/a.csv", csv(&["ann", "bob"])),
        ("day 1/b+c=d.csv", csv(&["bob"])),
        ("day 1/deep/er/c.csv.gz", gzip(&log(&["cid"], 20))),
        ("day 1/events.parquet", std::fs::read(place.path("events.parquet")).unwrap()),
        ("day 1/notes.txt", b"no log".to_vec()),
        ("day 2/[1].csv", csv(&["ann"])),
        // More than one range.
        (
            "large/x.csv",
            log(&["ann"], 5_000).replace(",s3,", &format!(",{},", "s".repeat(4_000))).into(),
        ),
    ]
}

fn moto(place: &Place) -> Option<Server> {
    let arguments =
        |port: u16| ["-H", "127.0.0.1", "-p", &port.to_string()].map(str::to_owned).into();
    Server::start(&MOTO, arguments, &place.path("."))
}

/// A server with a bucket of all forms, which are in a folder of the same name too.
fn bucket(place: &Place) -> Option<Server> {
    let server = moto(place)?;
    request(server.port, "PUT", "/logs-of-tests", b"");
    for (name, content) in forms(place) {
        let path = format!("/logs-of-tests/{}", name.replace(' ', "%20").replace('+', "%2B"));
        request(server.port, "PUT", &path.replace('[', "%5B").replace(']', "%5D"), &content);
        place.write(&format!("logs-of-tests/{name}"), content);
    }
    // As tools mark a folder.
    request(server.port, "PUT", "/logs-of-tests/day%201/", b"");
    Some(server)
}

/// Environment for S3 on a port.
fn s3(port: u16) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ACCESS_KEY_ID", "id".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ("AWS_ENDPOINT", format!("http://127.0.0.1:{port}")),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
    ]
}

fn run_with(place: &Place, input: &str, variables: &[(&'static str, String)]) -> Ended {
    let variables: Vec<(&str, &str)> = variables.iter().map(|(n, v)| (*n, v.as_str())).collect();
    run(place, input, &variables)
}

/// Patterns name the same files in a bucket as in a folder, and give the same bytes.
fn reads_as_local_files(place: &Place, scheme: &str, variables: &[(&'static str, String)]) {
    // Words of the line are split at blanks.
    for pattern in [
        "logs-of-tests/day?1/*.csv",
        "logs-of-tests/day?1/*",
        "logs-of-tests/**/*.csv.gz",
        "logs-of-tests/*/[a-c].csv",
        "logs-of-tests/**/*.parquet",
        "logs-of-tests/large",
        "logs-of-tests/large/x.csv",
    ] {
        let local = run(place, pattern, &[]);
        let want = place.read("out.csv");
        let ended = run_with(place, &format!("{scheme}://{pattern}"), variables);
        assert_eq!(ended.code, local.code, "{scheme} {pattern}: {}", ended.stderr);
        assert_eq!(place.read("out.csv"), want, "{scheme} {pattern}");
        let words = ended.messages().replace(&format!("{scheme}://"), "");
        assert_eq!(words, local.messages(), "{scheme} {pattern}");
    }
}

#[test]
fn a_bucket_reads_as_a_folder() {
    let place = place();
    let Some(server) = bucket(&place) else { return };
    reads_as_local_files(&place, "s3", &s3(server.port));
    let mut public = s3(server.port);
    public.drain(..2);
    public.push(("AWS_SKIP_SIGNATURE", "true".to_owned()));
    assert_eq!(run_with(&place, "s3://logs-of-tests/large", &public).code, 0);
}

#[test]
fn google_reads_as_a_folder() {
    let place = place();
    // The same server: Google's XML interface speaks S3's language.
    let Some(server) = bucket(&place) else { return };
    let variables = [
        ("GOOGLE_BASE_URL", format!("http://127.0.0.1:{}", server.port)),
        ("GOOGLE_SKIP_SIGNATURE", "true".to_owned()),
        ("GOOGLE_ALLOW_HTTP", "true".to_owned()),
    ];
    reads_as_local_files(&place, "gs", &variables);
}

#[test]
fn what_is_not_there_is_told() {
    let place = place();
    let Some(server) = bucket(&place) else { return };
    let words = |input| {
        let ended = run_with(&place, input, &s3(server.port));
        (ended.code, ended.messages())
    };
    let (code, told) = words("s3://logs-of-tests/large/*.json");
    assert_eq!(
        (code, told.as_str()),
        (
            2,
            "error: no file matches \"s3://logs-of-tests/large/*.json\"; \"s3://logs-of-tests/large\" holds 1 object(s) (.csv)\n"
        )
    );
    assert_eq!(words("s3://logs-of-tests/none.csv").0, 2);
    let (code, told) = words("s3://no-bucket-of-this-name/*");
    assert_eq!(
        (code, told.as_str()),
        (
            1,
            "error: The specified bucket does not exist (NoSuchBucket): cannot list \"s3://no-bucket-of-this-name/\"\n"
        )
    );
    let (code, told) = words("ftp://host/a.csv");
    assert_eq!(code, 2);
    assert!(told.starts_with("error: unknown scheme \"ftp://\""), "{told}");
    let line = "run pipeline-ae --userid_column_name=userName from-cloudtrail --input_glob=train.csv \
        train-ae --train_data_glob=train.csv preprocess inf-pytorch add-scores serialize \
        to-file --filename=s3://logs-of-tests/out.csv";
    let ended = place.morpheus(line);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            2,
            "error: to-file: --filename: \"s3://logs-of-tests/out.csv\" is an address; expected a local path\nsee morpheus run pipeline-ae --help\n"
        )
    );
}

#[test]
fn a_server_that_fails_is_asked_again() {
    let place = place();
    let Some(server) = bucket(&place) else { return };
    let mut failures = 0;
    let fail = move |head: &str| {
        failures += usize::from(head.starts_with("GET /logs-of-tests/large/x.csv"));
        (1..=2).contains(&failures).then(|| answer("500 Internal Server Error", b"not now"))
    };
    let proxy = Proxy::start(Some(server.port), Box::new(fail));
    let ended = run_with(&place, "s3://logs-of-tests/large", &s3(proxy.port));
    assert_eq!((ended.code, ended.messages().as_str()), (0, ""));
    assert_eq!(column(&place.read("out.csv"), "userName").len(), 5_000);
    // Two failures, the size, two ranges.
    assert_eq!(proxy.count("GET /logs-of-tests/large/x.csv"), 5);
}

#[test]
fn an_object_that_vanishes_or_is_denied_is_skipped() {
    let place = place();
    let Some(server) = bucket(&place) else { return };
    let behind = server.port;
    let vanish = move |head: &str| {
        if head.starts_with("GET /logs-of-tests/day%201/b") {
            request(behind, "DELETE", "/logs-of-tests/day%201/b%2Bc=d.csv", b"");
        }
        None
    };
    let proxy = Proxy::start(Some(server.port), Box::new(vanish));
    let ended = run_with(&place, "s3://logs-of-tests/day?1/*.csv", &s3(proxy.port));
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            3,
            "warning: no such object or bucket: cannot read \"s3://logs-of-tests/day 1/b+c=d.csv\"\n"
        )
    );
    assert_eq!(column(&place.read("out.csv"), "userName").len(), 40);

    let deny = |head: &str| {
        let secret = head.starts_with("GET /logs-of-tests/day%202/");
        secret.then(|| answer("403 Forbidden", b"<Error><Code>AccessDenied</Code></Error>"))
    };
    let proxy = Proxy::start(Some(server.port), Box::new(deny));
    let ended = run_with(&place, "s3://logs-of-tests/day*/[ab[]*.csv", &s3(proxy.port));
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            3,
            "warning: permission denied by the server: cannot read \"s3://logs-of-tests/day 2/[1].csv\"\n"
        )
    );
}

#[test]
fn of_parquet_only_the_wanted_columns_are_fetched() {
    let place = place();
    let Some(server) = moto(&place) else { return };
    let Some(parquet) = forms(&place).into_iter().find(|(name, _)| name.ends_with(".parquet"))
    else {
        return;
    };
    request(server.port, "PUT", "/logs-of-tests", b"");
    request(server.port, "PUT", "/logs-of-tests/events.parquet", &parquet.1);
    let proxy = Proxy::start(Some(server.port), Box::new(|_| None));
    assert_eq!(run_with(&place, "s3://logs-of-tests/*.parquet", &s3(proxy.port)).code, 0);
    let seen = proxy.seen.lock().unwrap();
    let reads: Vec<_> =
        seen.iter().filter(|head| head.starts_with("GET /logs-of-tests/events")).collect();
    assert!(
        !reads.is_empty() && reads.iter().all(|head| head.to_lowercase().contains("\nrange: "))
    );
}

/// Makes a container and puts files into it, signed with the emulator's well-known key.
const UPLOAD: &str = r#"
import base64, hashlib, hmac, os, sys, urllib.parse, urllib.request
from email.utils import formatdate
KEY = base64.b64decode("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==")
def put(port, path, query, body, extra):
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06", **extra}
    length = str(len(body)) if body else ""
    named = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    resource = "/devstoreaccount1/devstoreaccount1" + path + "".join(f"\n{k}:{v}" for k, v in query)
    text = f"PUT\n\n\n{length}\n\napplication/octet-stream\n\n\n\n\n\n\n{named}{resource}"
    sign = base64.b64encode(hmac.new(KEY, text.encode(), hashlib.sha256).digest()).decode()
    url = f"http://127.0.0.1:{port}/devstoreaccount1{path}"
    url += "?" + urllib.parse.urlencode(query) if query else ""
    headers |= {"Authorization": f"SharedKey devstoreaccount1:{sign}", "Content-Type": "application/octet-stream"}
    urllib.request.urlopen(urllib.request.Request(url, data=body, method="PUT", headers=headers))
port, root = sys.argv[1:]
put(port, "/" + root, [("restype", "container")], b"", {})
for folder, _, names in os.walk(root):
    for name in names:
        body = open(os.path.join(folder, name), "rb").read()
        put(port, "/" + urllib.parse.quote(os.path.join(folder, name)), [], body, {"x-ms-blob-type": "BlockBlob"})
"#;

#[test]
fn azure_reads_as_a_folder() {
    let place = place();
    let arguments = |port: u16| {
        let text = format!(
            "--silent --skipApiVersionCheck --blobHost 127.0.0.1 --blobPort {port} --location azurite"
        );
        text.split(' ').map(str::to_owned).collect()
    };
    let Some(server) = Server::start(&AZURITE, arguments, &place.path(".")) else { return };
    for (name, content) in forms(&place) {
        place.write(&format!("logs-of-tests/{name}"), content);
    }
    let upload = Command::new("python3")
        .args(["-c", UPLOAD, &server.port.to_string(), "logs-of-tests"])
        .current_dir(place.path("."))
        .output()
        .unwrap();
    assert!(upload.status.success(), "{}", String::from_utf8_lossy(&upload.stderr));
    let variables = [
        ("AZURE_STORAGE_USE_EMULATOR", "true".to_owned()),
        ("AZURITE_BLOB_STORAGE_URL", format!("http://127.0.0.1:{}", server.port)),
    ];
    reads_as_local_files(&place, "az", &variables);
}

#[test]
fn a_page_of_a_web_server_is_a_file() {
    let place = place();
    let mut failures = 0;
    let page = move |head: &str| {
        failures += 1;
        if failures <= 2 {
            return Some(answer("503 Service Unavailable", b""));
        }
        // The query is the server's business.
        head.starts_with("GET /logs/a.csv?token=1 ")
            .then(|| answer("200 OK", log(&["ann"], 20).as_bytes()))
    };
    let proxy = Proxy::start(None, Box::new(page));
    let address = |path: &str| format!("http://127.0.0.1:{}/{path}", proxy.port);
    let ended = run(&place, &address("logs/a.csv?token=1"), &[]);
    assert_eq!((ended.code, ended.messages().as_str()), (0, ""));
    assert_eq!(column(&place.read("out.csv"), "userName").len(), 20);

    let ended = run(&place, &address("logs/b.csv"), &[]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("no such object"), "{}", ended.stderr);
    let ended = run(&place, &address("logs/*.csv"), &[]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("a web server cannot be listed"), "{}", ended.stderr);
}

#[test]
fn a_listing_without_an_end_is_given_up() {
    let place = place();
    // Each page is the one before, and says that there are more.
    let page = "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>true</IsTruncated>\
        <NextContinuationToken>same</NextContinuationToken></ListBucketResult>";
    let proxy = Proxy::start(None, Box::new(move |_| Some(answer("200 OK", page.as_bytes()))));
    let endpoint = format!("http://127.0.0.1:{}", proxy.port);
    let variables = [
        ("AWS_ENDPOINT", endpoint.as_str()),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_SKIP_SIGNATURE", "true"),
    ];
    for input in ["s3://bucket/*.csv", "s3://bucket/**/*.csv"] {
        let ended = run(&place, input, &variables);
        assert_ne!(ended.code, 0);
        assert!(ended.stderr.contains("sends the same page again"), "{}", ended.stderr);
    }
    assert!(proxy.count("GET") < 20);
}
