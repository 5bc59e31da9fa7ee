//! The clients of object stores, and the only asynchronous code: everything else waits for it.
//!
//! Credentials, endpoints and regions come from the environment variables that each vendor's own
//! tools read (`AWS_…`, `GOOGLE_…`, `AZURE_…`).

use super::address::{Address, Scheme};
use crate::error::StorageError;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::{BackoffConfig, ClientOptions, Error, ListResult, ObjectStore, RetryConfig};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// Threads that move bytes; those that wait for them are the readers' own.
const THREADS: usize = 2;
/// A server that sends nothing for so long is asked again.
const SILENCE: Duration = Duration::from_secs(30);
/// S3's code for two conditional writes at once.
const WRITE_UNDER_WAY: &str = "ConditionalRequestConflict";
/// Most of a server's words that a message repeats, in characters.
const WORDS: usize = 300;

/// What the client's errors call a store, and the variables that hold its credentials.
const CREDENTIALS: [(&str, &str); 3] = [
    (
        "S3",
        "`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or `AWS_SKIP_SIGNATURE=true` for a public bucket",
    ),
    ("GCS", "`GOOGLE_APPLICATION_CREDENTIALS` or `GOOGLE_SERVICE_ACCOUNT`, a file's name"),
    ("MicrosoftAzure", "`AZURE_STORAGE_ACCOUNT_NAME` and `AZURE_STORAGE_ACCOUNT_KEY`"),
];
/// Where a client asks that finds none: the machine's own service.
const OWN_SERVICES: [&str; 2] = ["169.254.169.254", "metadata.google.internal"];

/// Most objects and folders that one listing may have.
const MOST_LISTED: usize = 1_000_000;
/// Most pages of one listing: a server may send empty ones without end.
const MOST_PAGES: usize = 100_000;

/// The client of a bucket, or of one object on a web server.
#[derive(Clone)]
pub struct Store {
    /// Reads, writes and lists its objects.
    pub objects: Arc<dyn ObjectStore>,
    /// A web server cannot be listed.
    pages: Option<Arc<dyn PaginatedListStore>>,
}

struct Clients {
    runtime: Runtime,
    /// By scheme and bucket: connections and credentials are shared by all their objects.
    stores: Mutex<HashMap<String, Store>>,
}

static CLIENTS: LazyLock<io::Result<Clients>> = LazyLock::new(|| {
    // There may be one already; any will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    Ok(Clients { runtime, stores: Mutex::default() })
});

fn clients() -> io::Result<&'static Clients> {
    CLIENTS.as_ref().map_err(|e| io::Error::new(e.kind(), e.to_string()))
}

/// What waits for all clients' answers.
pub fn runtime() -> io::Result<&'static Runtime> {
    Ok(&clients()?.runtime)
}

/// The client for an address.
pub fn store(address: &Address<'_>) -> Result<Store, StorageError> {
    let fail = |cause| StorageError::os("reach", Path::new(address.text), cause);
    let clients = clients().map_err(fail)?;
    // A web server's client is that of one object.
    let name = if address.scheme == Scheme::Http { address.text } else { &address.of("") };
    let mut stores = clients.stores.lock();
    if let Some(store) = stores.get(name) {
        return Ok(store.clone());
    }
    let store = build(address).map_err(|e| fail(io::Error::other(words(&e))))?;
    stores.insert(name.to_owned(), store.clone());
    Ok(store)
}

fn build(address: &Address<'_>) -> object_store::Result<Store> {
    let bucket = address.bucket;
    Ok(match address.scheme {
        Scheme::S3 => Store::listed(
            AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retries()).build()?,
        ),
        Scheme::Gs => Store::listed(
            GoogleCloudStorageBuilder::from_env()
                .with_bucket_name(bucket)
                .with_retry(retries())
                .build()?,
        ),
        Scheme::Az => Store::listed(
            MicrosoftAzureBuilder::from_env()
                .with_container_name(bucket)
                .with_retry(retries())
                .build()?,
        ),
        Scheme::Http => {
            // A large object may take long as long as it keeps coming.
            let options = ClientOptions::new()
                .with_allow_http(true)
                .with_timeout_disabled()
                .with_read_timeout(SILENCE);
            let page = HttpBuilder::new()
                .with_url(address.text)
                .with_client_options(options)
                .with_retry(retries())
                .build()?;
            Store { objects: Arc::new(page), pages: None }
        }
    })
}

impl Store {
    fn listed(client: impl ObjectStore + PaginatedListStore) -> Self {
        let client = Arc::new(client);
        Self { objects: Arc::clone(&client) as _, pages: Some(client) }
    }

    /// What is below a prefix, which has no slash at its end; with folders, only what is directly in it.
    /// A listing without an end is given up.
    pub async fn list(&self, prefix: &str, folders: bool) -> object_store::Result<ListResult> {
        let mut all = ListResult {
            common_prefixes: Vec::new(),
            objects: Vec::new(),
            extensions: Default::default(),
        };
        let Some(store) = &self.pages else { return Ok(all) };
        let prefix = (!prefix.is_empty()).then(|| format!("{prefix}/"));
        let endless = |why: String| Error::Generic { store: "", source: why.into() };
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let options = PaginatedListOptions {
                delimiter: folders.then_some("/".into()),
                page_token: token.clone(),
                ..Default::default()
            };
            let page = store.list_paginated(prefix.as_deref(), options).await?;
            all.common_prefixes.extend(page.result.common_prefixes);
            all.objects.extend(page.result.objects);
            if all.objects.len() + all.common_prefixes.len() > MOST_LISTED {
                return Err(endless(format!(
                    "the listing has more than {MOST_LISTED} entries; name a longer prefix"
                )));
            }
            match page.page_token {
                None => return Ok(all),
                next if next == token => {
                    return Err(endless("the server sends the same page again".to_owned()));
                }
                next => token = next,
            }
        }
        Err(endless(format!("the listing has more than {MOST_PAGES} pages")))
    }
}

/// Server errors and broken connections are tried again after 0.1 s, 0.2 s, 0.4 s, … and a random
/// part of it, for a minute and a half at most.
fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 8,
        retry_timeout: Duration::from_secs(90),
    }
}

/// Waits for an answer about `address`.
pub fn wait<T>(
    action: &'static str,
    address: &Path,
    answer: impl Future<Output = object_store::Result<T>>,
) -> Result<T, StorageError> {
    let clients = clients().map_err(|e| StorageError::os(action, address, e))?;
    clients
        .runtime
        .block_on(answer)
        .map_err(|e| StorageError::os(action, address, io::Error::new(kind(&e), words(&e))))
}

fn kind(error: &Error) -> io::ErrorKind {
    match error {
        Error::NotFound { .. } => io::ErrorKind::NotFound,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            io::ErrorKind::PermissionDenied
        }
        // S3 says so while another write of the same key is on its way, of which nothing may come.
        Error::AlreadyExists { source, .. } if source.to_string().contains(WRITE_UNDER_WAY) => {
            io::ErrorKind::ResourceBusy
        }
        Error::AlreadyExists { .. } => io::ErrorKind::AlreadyExists,
        _ => io::ErrorKind::Other,
    }
}

/// An error in one line.
fn words(error: &Error) -> String {
    match error {
        Error::NotFound { .. } => "no such object or bucket".to_owned(),
        Error::PermissionDenied { .. } => "permission denied by the server".to_owned(),
        Error::Unauthenticated { .. } => {
            "the server does not accept the credentials of the environment".to_owned()
        }
        Error::AlreadyExists { .. } => "there is an object of this name already".to_owned(),
        Error::Precondition { .. } => "the object changed while it was read".to_owned(),
        other => {
            let line = other.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            let part = |name: &str| {
                let (_, rest) = line.split_once(&format!("<{name}>"))?;
                Some(rest.split_once(&format!("</{name}>"))?.0)
            };
            if let (Some(code), Some(message)) = (part("Code"), part("Message")) {
                return format!("{} ({code})", message.trim_end_matches('.'));
            }
            let alone = OWN_SERVICES.iter().any(|service| line.contains(service));
            let place = CREDENTIALS.iter().find(|(name, _)| alone && line.contains(name));
            let advice = place.map(|(_, variables)| {
                format!(
                    "no credentials in the environment ({variables}), and none from this machine: "
                )
            });
            advice.unwrap_or_default().chars().chain(line.chars().take(WORDS)).collect()
        }
    }
}
