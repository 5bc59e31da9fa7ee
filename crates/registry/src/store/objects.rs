//! Blobs that are objects in a bucket.
//!
//! The server must refuse a conditional write (`If-None-Match: *`, for Google
//! `x-goog-if-generation-match: 0`) of a key that exists, and must show what was written to whoever
//! reads next. Amazon S3, Google Cloud Storage, Azure Blob Storage, Cloudflare R2, MinIO and Ceph do.
//! Some that speak S3's language ignore the condition: then the second of two writers would take the
//! first one's place. [`Tree::open`](super::tree::Tree::open) finds that out by writing the mark again.
//!
//! A write whose answer was lost is written again by the client, and refused because of itself. So each
//! carries a random token in the object's metadata: who is refused looks whose the object is.

use super::remote::token;
use super::tree::Blobs;
use crate::error::RegistryError;
use dfp_storage::StorageError;
use dfp_storage::remote::{Address, Object, Store as Client, client, wait};
use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, GetOptions, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Name of the token's metadata.
const WRITER: Attribute = Attribute::Metadata(std::borrow::Cow::Borrowed("writer"));
/// Times that a write is tried again while another of the same key is under way.
const TRIES: u32 = 10;

/// The client as what lists.
struct Listed(Client);

impl std::fmt::Debug for Listed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listed")
    }
}

/// A bucket, or what is below a prefix in it.
#[derive(Debug)]
pub(super) struct Objects {
    client: Arc<dyn ObjectStore>,
    store: Listed,
    name: String,
}

impl Objects {
    pub(super) fn new(address: &Address<'_>) -> Result<Self, RegistryError> {
        // Whether the prefix can be one is told here, not with the first blob.
        address.key(address.key)?;
        let name = address.text.trim_end_matches('/').to_owned();
        let store = client(address)?;
        Ok(Self { client: Arc::clone(&store.objects), store: Listed(store), name })
    }

    /// The address of a blob and what the client calls it.
    fn blob(&self, key: &str) -> Result<(String, Key), RegistryError> {
        let text = if key.is_empty() { self.name.clone() } else { format!("{}/{key}", self.name) };
        let address = Address::parse(&text)?;
        let key = address.key(address.key)?;
        Ok((text, key))
    }

    /// The token of whoever has written an object, if it is there.
    fn writer(&self, text: &str, key: &Key) -> Result<Option<String>, RegistryError> {
        let head = GetOptions::new().with_head(true);
        let got = unless_missing(wait("read", Path::new(text), self.client.get_opts(key, head)))?;
        let token = |got: object_store::GetResult| {
            got.attributes.get(&WRITER).map(|token| token.to_string()).unwrap_or_default()
        };
        Ok(got.map(token))
    }
}

fn kind(error: &StorageError) -> Option<ErrorKind> {
    match error {
        StorageError::Os { cause, .. } => Some(cause.kind()),
        _ => None,
    }
}

fn unless_missing<T>(answer: Result<T, StorageError>) -> Result<Option<T>, StorageError> {
    match answer {
        Err(error) if kind(&error) == Some(ErrorKind::NotFound) => Ok(None),
        answer => answer.map(Some),
    }
}

impl Blobs for Objects {
    fn place(&self) -> &str {
        &self.name
    }

    fn put_new(&self, key: &str, bytes: &[u8]) -> Result<bool, RegistryError> {
        let (text, key) = self.blob(key)?;
        let payload = PutPayload::from(bytes.to_vec());
        let token = token()?;
        let mut tries = 0;
        loop {
            let options = PutOptions {
                mode: PutMode::Create,
                attributes: Attributes::from_iter([(WRITER, token.clone())]),
                ..PutOptions::default()
            };
            let put = self.client.put_opts(&key, payload.clone(), options);
            let Err(error) = wait("write", Path::new(&text), put) else { return Ok(true) };
            match kind(&error) {
                Some(ErrorKind::ResourceBusy) if tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(Duration::from_millis(50) * tries);
                }
                // One that is gone since was another's.
                Some(ErrorKind::AlreadyExists) => {
                    return Ok(self.writer(&text, &key)?.is_some_and(|writer| writer == token));
                }
                // The answer may be all that was lost.
                Some(ErrorKind::Other) => {
                    return match self.writer(&text, &key) {
                        Ok(Some(writer)) if writer == token => Ok(true),
                        _ => Err(error.into()),
                    };
                }
                _ => return Err(error.into()),
            }
        }
    }

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, RegistryError> {
        let (text, _) = self.blob(key)?;
        Ok(unless_missing(Object::open(Path::new(&text))?.read())?)
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, RegistryError> {
        let (text, key) = self.blob(folder)?;
        let listed = self.store.0.list(key.as_ref(), true);
        let listed = wait("list", Path::new(&text), listed)?;
        let objects = listed.objects.iter().map(|object| &object.location);
        let names = objects.chain(&listed.common_prefixes).filter_map(Key::filename);
        Ok(names.map(str::to_owned).collect())
    }

    fn remove(&self, key: &str) -> Result<(), RegistryError> {
        let (text, key) = self.blob(key)?;
        let removed = wait("remove", Path::new(&text), self.client.delete(&key));
        unless_missing(removed)?;
        Ok(())
    }

    fn is_older(&self, key: &str, age: Duration) -> Result<bool, RegistryError> {
        let (text, key) = self.blob(key)?;
        let head = unless_missing(wait("look at", Path::new(&text), self.client.head(&key)))?;
        let is_older = |at| SystemTime::now().duration_since(at).is_ok_and(|is| is > age);
        Ok(head.is_some_and(|object| is_older(SystemTime::from(object.last_modified))))
    }
}
