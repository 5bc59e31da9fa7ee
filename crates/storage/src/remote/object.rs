//! One object: as a whole, as a stream, in ranges.

use super::address::{Address, Scheme};
use super::client::{store, wait};
use crate::error::StorageError;
use crate::names::to_text;
use bytes::{Buf, Bytes};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path as Key;
use object_store::{Error, GetOptions, ObjectStore, ObjectStoreExt};
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Objects above this many bytes are read in ranges of as many.
const RANGE: u64 = 8 << 20;
/// Ranges of one object that are on their way at a time.
const RANGES: usize = 8;

/// Most bytes of an object that are read into memory: a size is only what a server says, and what it sends may
/// have no end.
const MOST: u64 = if cfg!(test) { 1 << 20 } else { 8 << 30 };

/// An object; opening it asks nothing of the server.
pub struct Object {
    store: Arc<dyn ObjectStore>,
    key: Key,
    address: PathBuf,
    has_ranges: bool,
}

impl Object {
    /// The object of an address.
    ///
    /// # Errors
    /// [`StorageError::Address`]: it cannot be used.
    pub fn open(address: &Path) -> Result<Self, StorageError> {
        let text = to_text(address.as_os_str());
        let parts = Address::parse(&text)?;
        Ok(Self {
            store: store(&parts)?.objects,
            key: parts.key(parts.key)?,
            address: address.to_owned(),
            has_ranges: parts.scheme != Scheme::Http,
        })
    }

    /// Whether the server can be asked for its size and parts: not every web server can.
    pub fn has_ranges(&self) -> bool {
        self.has_ranges
    }

    /// Bytes of the object.
    pub fn size(&self) -> Result<u64, StorageError> {
        Ok(wait("read", &self.address, self.store.head(&self.key))?.size)
    }

    /// All of it.
    pub fn read(&self) -> Result<Vec<u8>, StorageError> {
        match self.read_at_most(MOST)? {
            Some(whole) => Ok(whole),
            None => wait("read", &self.address, async { Err(too_large()) }),
        }
    }

    /// All of it; if it is large, in ranges side by side. `None` if it is longer than `most` bytes.
    pub fn read_at_most(&self, most: u64) -> Result<Option<Vec<u8>>, StorageError> {
        let most = most.min(MOST);
        wait("read", &self.address, async {
            let got = self.store.get(&self.key).await?;
            let size = got.meta.size;
            if size > most {
                return Ok(None);
            }
            let mut whole = Vec::new();
            if size <= RANGE || !self.has_ranges {
                let mut pieces = got.into_stream();
                while let Some(piece) = pieces.try_next().await? {
                    whole.extend_from_slice(&piece);
                    if whole.len() as u64 > most {
                        return Ok(None);
                    }
                }
                return Ok(Some(whole));
            }
            let e_tag = got.meta.e_tag.clone();
            drop(got);
            let ranges = (0..size)
                .step_by(RANGE as usize)
                .map(|begin| self.range(begin..size.min(begin + RANGE), e_tag.clone()));
            let mut parts = stream::iter(ranges).buffered(RANGES);
            while let Some(part) = parts.try_next().await? {
                whole.extend_from_slice(&part);
            }
            Ok(Some(whole))
        })
    }

    /// Some parts of it, side by side; those next to each other in one request.
    pub fn ranges(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, StorageError> {
        wait("read", &self.address, self.store.get_ranges(&self.key, ranges))
    }

    /// From its beginning on, piece by piece as they come.
    pub fn stream(&self) -> Result<Box<dyn Read + Send>, StorageError> {
        let got = wait("read", &self.address, self.store.get(&self.key))?;
        let (address, pieces) = (self.address.clone(), got.into_stream());
        Ok(Box::new(Pieces { address, pieces, piece: Bytes::new() }))
    }

    /// A part, if the object is still the one that it was.
    async fn range(&self, range: Range<u64>, e_tag: Option<String>) -> object_store::Result<Bytes> {
        let options =
            GetOptions { if_match: e_tag, range: Some(range.into()), ..GetOptions::new() };
        self.store.get_opts(&self.key, options).await?.bytes().await
    }
}

fn too_large() -> Error {
    Error::Generic {
        store: "",
        source: format!("more than {MOST} bytes, the most that are read").into(),
    }
}

struct Pieces {
    address: PathBuf,
    pieces: BoxStream<'static, object_store::Result<Bytes>>,
    piece: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let next = wait("read", &self.address, self.pieces.try_next());
            match next.map_err(io::Error::other)? {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let bytes = into.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut into[..bytes]);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::TcpListener;

    /// What is read of a server that answers with a head and then this piece without an end.
    fn read(head: &'static str, piece: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/a.csv", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(head.as_bytes());
                while !piece.is_empty() && stream.write_all(piece).is_ok() {}
            }
        });
        Object::open(Path::new(&address)).unwrap().read().unwrap_err().to_string()
    }

    #[test]
    fn what_has_no_end_is_given_up() {
        let announced = "HTTP/1.1 200 OK\r\nLast-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 99999999999999\r\n\r\n";
        let error = read(announced, b"");
        assert!(error.contains("more than 1048576 bytes, the most that are read"), "{error}");
        // Without a length it is no object.
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let error = read(chunked, b"1\r\nx\r\n");
        assert!(error.contains("cannot read"), "{error}");
    }
}
