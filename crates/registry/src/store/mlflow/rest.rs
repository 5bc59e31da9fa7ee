//! The server's REST interface: requests, repeated where that helps, and what it says.

use crate::store::remote::token;
use bytes::Bytes;
use dfp_storage::remote::runtime;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Requests of one store that are on their way at a time.
const AT_ONCE: usize = 8;
/// A server that sends nothing for so long is asked again.
const SILENCE: Duration = Duration::from_secs(30);
const CONNECTING: Duration = Duration::from_secs(10);
/// Times that a request is sent again, within this time.
pub(super) const RETRIES: u32 = 8;
const PATIENCE: Duration = Duration::from_secs(90);
/// The pause before the first time; it doubles.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Most bytes of an answer in JSON, and how long it may take as a whole.
const JSON: Most = Most { bytes: 64 << 20, time: Duration::from_secs(120) };
/// Most bytes of a model, and how long it may take to come.
const ARTIFACT: Most = Most { bytes: 8 << 30, time: Duration::from_secs(3600) };
/// Most pages, and entries, of one search.
const MOST_PAGES: usize = 10_000;
const MOST_FOUND: usize = 1_000_000;
/// Most of a server's words that a message repeats, in characters.
const WORDS: usize = 300;

/// What is waited for of an answer: a server may announce any length, and send without an end.
#[derive(Clone, Copy, Debug)]
struct Most {
    bytes: u64,
    time: Duration,
}

/// Why a request failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no such thing (`RESOURCE_DOES_NOT_EXIST`).
    Missing(String),
    /// There is one already (`RESOURCE_ALREADY_EXISTS`).
    Exists(String),
    /// What was asked for is refused (`INVALID_PARAMETER_VALUE`).
    Refused(String),
    /// It may work the next time: no connection, no answer, a server that is busy.
    Passing(String, Option<Duration>),
    /// Anything else.
    Other(String),
}

impl Failure {
    pub(super) fn words(&self) -> &str {
        match self {
            Self::Missing(words)
            | Self::Exists(words)
            | Self::Refused(words)
            | Self::Passing(words, _)
            | Self::Other(words) => words,
        }
    }
}

pub(super) type Answer<T> = Result<T, Failure>;

/// What [`unless_missing`] makes of a failure.
pub(super) fn unless_missing<T>(answer: Answer<T>) -> Answer<Option<T>> {
    match answer {
        Err(Failure::Missing(_)) => Ok(None),
        answer => answer.map(Some),
    }
}

/// Who asks, as MLflow's own client is told.
#[derive(Debug)]
enum Login {
    Nobody,
    Password { user: String, password: String },
    Token(String),
}

impl Login {
    fn of_environment() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        match variable("MLFLOW_TRACKING_USERNAME") {
            Some(user) => {
                let password = variable("MLFLOW_TRACKING_PASSWORD").unwrap_or_default();
                Self::Password { user, password }
            }
            None => variable("MLFLOW_TRACKING_TOKEN").map_or(Self::Nobody, Self::Token),
        }
    }
}

/// A server, and the connections to it.
#[derive(Debug)]
pub(super) struct Server {
    client: Client,
    base: Url,
    login: Login,
    turns: Semaphore,
}

impl Server {
    /// Asks nothing yet. `base` is what stands before `/api`.
    pub(super) fn new(base: Url) -> Result<Self, String> {
        // Brings what the client needs for TLS.
        runtime().map_err(|e| e.to_string())?;
        let client = Client::builder()
            .connect_timeout(CONNECTING)
            .read_timeout(SILENCE)
            // What is sent would be lost on the way: a POST goes on as a GET.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("morpheus/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| line(&e))?;
        Ok(Self { client, base, login: Login::of_environment(), turns: Semaphore::new(AT_ONCE) })
    }

    /// Asks for something that has no effect.
    pub(super) async fn get(&self, what: &str, query: &[(&str, &str)]) -> Answer<Value> {
        let mut url = self.interface(what);
        url.query_pairs_mut().extend_pairs(query);
        json(&self.send(JSON, || self.client.get(url.clone())).await?)
    }

    /// Asks for something to be done, again if need be: doing it twice must do no harm.
    pub(super) async fn post(&self, what: &str, body: &Value) -> Answer<Value> {
        json(&self.send(JSON, || self.with_body(Method::POST, what, body)).await?)
    }

    /// Asks once.
    pub(super) async fn post_once(&self, what: &str, body: &Value) -> Answer<Value> {
        json(&self.send_once(JSON, self.with_body(Method::POST, what, body)).await?)
    }

    pub(super) async fn delete(&self, what: &str, body: &Value) -> Answer<()> {
        self.send(JSON, || self.with_body(Method::DELETE, what, body)).await.map(drop)
    }

    pub(super) async fn download(&self, path: &str) -> Answer<Bytes> {
        let url = self.artifact(path);
        self.send(ARTIFACT, || self.client.get(url.clone())).await
    }

    pub(super) async fn upload(&self, path: &str, bytes: Bytes) -> Answer<()> {
        let url = self.artifact(path);
        let request = || {
            let kind = "application/octet-stream";
            self.client.put(url.clone()).header("Content-Type", kind).body(bytes.clone())
        };
        self.send(ARTIFACT, request).await.map(drop)
    }

    /// Removes an artifact, or all below a folder.
    pub(super) async fn discard(&self, path: &str) -> Answer<()> {
        let url = self.artifact(path);
        self.send(JSON, || self.client.delete(url.clone())).await.map(drop)
    }

    fn interface(&self, what: &str) -> Url {
        self.url(["api", "2.0", "mlflow"].into_iter().chain(what.split('/')))
    }

    fn artifact(&self, path: &str) -> Url {
        self.url(["api", "2.0", "mlflow-artifacts", "artifacts"].into_iter().chain(path.split('/')))
    }

    fn url<'a>(&self, parts: impl Iterator<Item = &'a str>) -> Url {
        let mut url = self.base.clone();
        // Only addresses like `mailto:` have no path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        url
    }

    fn with_body(&self, method: Method, what: &str, body: &Value) -> RequestBuilder {
        self.client
            .request(method, self.interface(what))
            .header("Content-Type", "application/json")
            .body(body.to_string())
    }

    async fn send(&self, most: Most, request: impl Fn() -> RequestBuilder) -> Answer<Bytes> {
        let (mut retry, start) = (0, Instant::now());
        loop {
            match self.send_once(most, request()).await {
                Err(Failure::Passing(_, wish)) if retry < RETRIES && start.elapsed() < PATIENCE => {
                    pause(retry, wish).await;
                }
                answer => return answer,
            }
            retry += 1;
        }
    }

    async fn send_once(&self, most: Most, request: RequestBuilder) -> Answer<Bytes> {
        let request = match &self.login {
            Login::Nobody => request,
            Login::Password { user, password } => request.basic_auth(user, Some(password)),
            Login::Token(token) => request.bearer_auth(token),
        };
        let passing = |e: reqwest::Error| match e.is_builder() {
            true => Failure::Other(line(&e)),
            false => Failure::Passing(line(&e), None),
        };
        // It is never closed.
        let _turn = self.turns.acquire().await;
        let whole = async {
            let answer = request.send().await.map_err(passing)?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            Ok::<_, Failure>((status, headers, body(answer, most.bytes).await?))
        };
        let (status, headers, body) = match tokio::time::timeout(most.time, whole).await {
            Ok(answer) => answer?,
            Err(_) => {
                let words = format!("no whole answer within {} s", most.time.as_secs());
                return Err(Failure::Passing(words, None));
            }
        };
        if status.is_success() {
            return Ok(body);
        }
        let seconds =
            headers.get("Retry-After").and_then(|value| value.to_str().ok()?.parse().ok());
        Err(failure(status, &body, seconds.map(Duration::from_secs)))
    }
}

/// The body of an answer.
async fn body(mut answer: Response, most: u64) -> Answer<Bytes> {
    let too_large = || Failure::Other(format!("the answer has more than {most} bytes"));
    if answer.content_length().is_some_and(|announced| announced > most) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    loop {
        match answer.chunk().await.map_err(|e| Failure::Passing(line(&e), None))? {
            None => return Ok(body.into()),
            Some(piece) if (body.len() + piece.len()) as u64 > most => return Err(too_large()),
            Some(piece) => body.extend_from_slice(&piece),
        }
    }
}

/// What one search has found so far, page by page. Pages that do not end are given up.
#[derive(Debug, Default)]
pub(super) struct Pages {
    pub(super) found: Vec<Value>,
    /// Asks for the next page; empty for the first one.
    pub(super) token: String,
    read: usize,
}

impl Pages {
    /// Adds a page; whether there is another.
    pub(super) fn add(&mut self, mut answer: Value, list: &str) -> Answer<bool> {
        // An answer may be anything: indexing one that is no object would panic.
        if let Some(Value::Array(entries)) = answer.get_mut(list).map(Value::take) {
            self.found.extend(entries);
        }
        self.read += 1;
        let next = text(&answer, "next_page_token");
        if next.is_empty() {
            return Ok(false);
        }
        if next == self.token || self.read >= MOST_PAGES || self.found.len() > MOST_FOUND {
            return Err(Failure::Other(format!(
                "the search does not end ({} entries in {} pages)",
                self.found.len(),
                self.read
            )));
        }
        self.token = next.to_owned();
        Ok(true)
    }
}

/// Waits before a request is sent for the `retry`-th time again; a server's own wish counts, within reason.
pub(super) async fn pause(retry: u32, wish: Option<Duration>) {
    let whole = PAUSE.saturating_mul(1 << retry.min(16));
    // Part of it is random, so that those who were refused together do not come back together.
    let byte = token().ok().and_then(|token| u8::from_str_radix(token.get(..2)?, 16).ok());
    let part = whole.mul_f64(0.5 + f64::from(byte.unwrap_or_default()) / 512.);
    tokio::time::sleep(part.max(wish.unwrap_or_default()).min(LONGEST_PAUSE)).await;
}

fn failure(status: StatusCode, body: &[u8], wish: Option<Duration>) -> Failure {
    let told: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| told.get(name).and_then(Value::as_str).unwrap_or_default();
    let words = match text("message") {
        "" => short(&String::from_utf8_lossy(body)),
        message => short(message),
    };
    let words = match (words.as_str(), text("error_code")) {
        ("", _) => format!("the server says {status}"),
        (words, "") => format!("the server says {status}: {words}"),
        (words, code) => format!("{words} ({code})"),
    };
    match (text("error_code"), status) {
        ("RESOURCE_DOES_NOT_EXIST", _) => Failure::Missing(words),
        ("RESOURCE_ALREADY_EXISTS", _) => Failure::Exists(words),
        ("INVALID_PARAMETER_VALUE", _) => Failure::Refused(words),
        (_, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => Failure::Other(format!(
            "{words}; expected MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, of an account that may do it"
        )),
        (_, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) => {
            Failure::Passing(words, wish)
        }
        (_, status) if status.is_server_error() => Failure::Passing(words, wish),
        _ => Failure::Other(words),
    }
}

fn json(body: &[u8]) -> Answer<Value> {
    serde_json::from_slice(body).map_err(|_| {
        Failure::Other(format!(
            "the answer is no JSON: {:?}; expected the address of an MLflow tracking server",
            short(&String::from_utf8_lossy(body))
        ))
    })
}

fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(WORDS).collect::<String>().trim_end_matches('.').to_owned()
}

/// An error and its causes in one line: the outermost alone says only that something went wrong.
fn line(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_words = inner.to_string();
        if !words.contains(&inner_words) {
            words = format!("{words}: {inner_words}");
        }
        cause = inner.source();
    }
    short(&words)
}

pub(super) fn tag(key: &str, value: &str) -> Value {
    serde_json::json!({"key": key, "value": value})
}

/// Keys and values of a thing's tags.
pub(super) fn tags(of: &Value) -> impl Iterator<Item = (&str, &str)> {
    each(of, "tags").map(|tag| (text(tag, "key"), text(tag, "value")))
}

/// What a list of an answer has; an empty one is left out by the server.
pub(super) fn each<'a>(of: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    of.get(list).and_then(Value::as_array).into_iter().flatten()
}

pub(super) fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    #[test]
    fn what_a_server_says_is_sorted() {
        let answer = |status, body: &str| {
            failure(StatusCode::from_u16(status).unwrap(), body.as_bytes(), None)
        };
        let missing =
            answer(404, r#"{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"No\n such  run."}"#);
        assert!(matches!(&missing, Failure::Missing(_)));
        assert_eq!(missing.words(), "No such run (RESOURCE_DOES_NOT_EXIST)");
        assert!(matches!(answer(503, ""), Failure::Passing(words, None) if words.contains("503")));
        assert!(matches!(answer(429, "slow down"), Failure::Passing(..)));
        // A page that is not there is no model that is not there.
        assert!(matches!(answer(404, "<html>"), Failure::Other(_)));
        assert!(answer(401, "").words().contains("MLFLOW_TRACKING_TOKEN"));
        assert!(json(b"<html>").unwrap_err().words().contains("\"<html>\""));
    }

    /// What comes of asking a server that answers with a head and then this piece, again and again.
    fn ask(head: &'static str, piece: &'static [u8]) -> Failure {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(head.as_bytes());
                while !piece.is_empty() && stream.write_all(piece).is_ok() {}
                std::thread::sleep(Duration::from_secs(5));
            }
        });
        let server = Server::new(base).unwrap();
        let most = Most { bytes: 10_000, time: Duration::from_secs(1) };
        let request = server.client.get(server.base.clone());
        runtime().unwrap().block_on(server.send_once(most, request)).unwrap_err()
    }

    #[test]
    fn an_answer_without_an_end_is_given_up() {
        let announced = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n";
        assert_eq!(ask(announced, b"").words(), "the answer has more than 10000 bytes");
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(ask(chunked, b"4\r\n[[[[\r\n").words(), "the answer has more than 10000 bytes");
        for silent in ["", chunked] {
            let failure = ask(silent, b"");
            assert!(matches!(failure, Failure::Passing(..)), "{failure:?}");
            assert_eq!(failure.words(), "no whole answer within 1 s");
        }
    }

    #[test]
    fn pages_without_an_end_are_given_up() {
        let page = |token: &str| serde_json::json!({"runs": [1], "next_page_token": token});
        let mut pages = Pages::default();
        assert!(pages.add(page("a"), "runs").unwrap());
        assert!(!pages.add(page(""), "runs").unwrap());
        assert_eq!(pages.found.len(), 2);
        let mut same = Pages::default();
        assert!(same.add(page("a"), "runs").unwrap());
        assert!(same.add(page("a"), "runs").unwrap_err().words().contains("does not end"));
        let mut endless = Pages::default();
        let refused =
            (0..=MOST_PAGES).find_map(|n| endless.add(page(&n.to_string()), "runs").err());
        assert!(refused.unwrap().words().contains("in 10000 pages"));
    }
}
