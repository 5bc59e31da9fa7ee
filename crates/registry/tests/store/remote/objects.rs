//! Object stores.

use super::run;
use super::servers::{AZURITE, MOTO, Proxy, Server, answer, request};
use std::process::Command;

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
    run("does_all_that_a_store_does", "s3://models-of-tests/some/where", &s3(server.port));
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
    run("survives_lost_answers", "s3://models-of-tests/lossy", &s3(proxy.port));
    // The mark twice, two blobs a version, a standing a change: a third of them sent again.
    assert!(proxy.count("PUT ") > 40, "{}", proxy.count("PUT "));
}

/// A server that takes every write, whether there is an object or not.
#[test]
fn a_server_without_conditions_is_refused() {
    let mut is_there = false;
    let careless = move |head: &str| {
        is_there |= head.starts_with("PUT ");
        let mark = br#"{"format":"dfp-store","version":1}"#;
        Some(match (head, is_there) {
            (head, _) if head.starts_with("PUT ") => {
                b"HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()
            }
            (head, _) if head.contains("list-type=2") => answer(
                "200 OK",
                b"<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>",
            ),
            (_, false) => answer("404 Not Found", b""),
            (_, true) => {
                let date = "Last-Modified: Fri, 02 Jan 2026 03:04:05 GMT\r\nETag: \"1\"";
                let head = format!("HTTP/1.1 200 OK\r\n{date}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", mark.len());
                [head.as_bytes(), mark].concat()
            }
        })
    };
    let proxy = Proxy::start(None, Box::new(careless));
    run("is_refused_for_writing", "s3://careless/models", &s3(proxy.port));
}

/// Makes a container, signed with the emulator's well-known key.
const CONTAINER: &str = r#"
import base64, hashlib, hmac, sys, urllib.request
from email.utils import formatdate
KEY = base64.b64decode("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==")
date = formatdate(usegmt=True)
text = f"PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:2021-08-06\n/devstoreaccount1/devstoreaccount1/models\nrestype:container"
sign = base64.b64encode(hmac.new(KEY, text.encode(), hashlib.sha256).digest()).decode()
headers = {"x-ms-date": date, "x-ms-version": "2021-08-06", "Authorization": f"SharedKey devstoreaccount1:{sign}"}
url = f"http://127.0.0.1:{sys.argv[1]}/devstoreaccount1/models?restype=container"
urllib.request.urlopen(urllib.request.Request(url, method="PUT", headers=headers))
"#;

#[test]
fn a_container_of_azure_is_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = |port: u16| {
        let text = format!(
            "--silent --skipApiVersionCheck --blobHost 127.0.0.1 --blobPort {port} --location azurite"
        );
        text.split(' ').map(str::to_owned).collect()
    };
    let Some(server) = Server::start(&AZURITE, arguments, folder.path()) else { return };
    let made = Command::new("python3").args(["-c", CONTAINER, &server.port.to_string()]).output();
    let made = made.unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let variables = [
        ("AZURE_STORAGE_USE_EMULATOR", "true".to_owned()),
        ("AZURITE_BLOB_STORAGE_URL", format!("http://127.0.0.1:{}", server.port)),
    ];
    run("does_all_that_a_store_does", "az://models/here", &variables);
}
