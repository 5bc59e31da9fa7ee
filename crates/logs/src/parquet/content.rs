//! Where the bytes of a Parquet file are: only those of wanted columns are fetched.

use super::MAGIC;
use crate::error::LogError;
use bytes::{Buf, Bytes};
use dfp_storage::remote::{self, Object};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Bytes at the end of an object that are fetched first: mostly all that describes the file.
const TAIL: u64 = 64 << 10;

/// The bytes of a file.
#[derive(Clone)]
pub(crate) struct Content(Place);

#[derive(Clone)]
enum Place {
    Memory(Bytes),
    File(Arc<File>, u64),
    Object(Arc<Object>, u64, Arc<Vec<(u64, Bytes)>>),
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Place::Memory(bytes.into()))
    }
}

impl Content {
    /// A file that is called Parquet, and is, to be read where it is; `None` for any other.
    ///
    /// # Errors
    /// It is there but cannot be read.
    pub(crate) fn in_place(path: &Path) -> Result<Option<Self>, LogError> {
        if path.extension().is_none_or(|ending| ending != "parquet") {
            return Ok(None);
        }
        if remote::is_address(path) {
            return Self::of_object(path);
        }
        let fail = |e| LogError::os("read", path, e);
        let mut file = File::open(path).map_err(fail)?;
        let mut magic = Vec::new();
        file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut magic).map_err(fail)?;
        if magic != MAGIC {
            return Ok(None);
        }
        let size = file.metadata().map_err(fail)?.len();
        Ok(Some(Self(Place::File(Arc::new(file), size))))
    }

    /// An object that ends like Parquet.
    fn of_object(address: &Path) -> Result<Option<Self>, LogError> {
        let object = Object::open(address)?;
        if !object.has_ranges() {
            return Ok(None);
        }
        let size = object.size()?;
        let tail = size.saturating_sub(TAIL);
        if size == 0 {
            return Ok(None);
        }
        let Some(bytes) = object.ranges(std::slice::from_ref(&(tail..size)))?.pop() else {
            return Ok(None);
        };
        let whole = bytes.ends_with(MAGIC);
        let content = Self(Place::Object(Arc::new(object), size, Arc::new(vec![(tail, bytes)])));
        Ok(whole.then_some(content))
    }

    /// The content after these parts were fetched, if they have to be fetched at all.
    ///
    /// # Errors
    /// The server does not give them.
    pub(super) fn with(self, ranges: &[Range<u64>]) -> Result<Self, LogError> {
        let Self(Place::Object(object, size, mut pieces)) = self else { return Ok(self) };
        let inside: Vec<Range<u64>> =
            ranges.iter().filter(|r| !r.is_empty() && r.end <= size).cloned().collect();
        let fetched = object.ranges(&inside)?;
        Arc::make_mut(&mut pieces).extend(inside.iter().map(|r| r.start).zip(fetched));
        Ok(Self(Place::Object(object, size, pieces)))
    }
}

impl Length for Content {
    fn len(&self) -> u64 {
        match &self.0 {
            Place::Memory(bytes) => bytes.len() as u64,
            Place::File(_, size) | Place::Object(_, size, _) => *size,
        }
    }
}

impl ChunkReader for Content {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(match &self.0 {
            Place::Memory(bytes) => Box::new(bytes.get_read(start)?),
            Place::File(file, _) => Box::new(file.get_read(start)?),
            Place::Object(object, size, pieces) => Box::new(match covering(pieces, start, 1) {
                Some(bytes) => bytes.reader(),
                None => {
                    fetch(object, start..size.saturating_sub(start).min(TAIL) + start)?.reader()
                }
            }),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.len());
        let Some(end) = end else {
            let text = format!("{length} bytes at {start} of a file of {}", self.len());
            return Err(ParquetError::EOF(text));
        };
        match &self.0 {
            Place::Memory(bytes) => bytes.get_bytes(start, length),
            Place::File(file, _) => file.get_bytes(start, length),
            Place::Object(object, _, pieces) => match covering(pieces, start, length) {
                Some(bytes) => Ok(bytes.slice(..length)),
                None => fetch(object, start..end),
            },
        }
    }
}

/// What was fetched from `start` on, if that is at least `length` bytes.
fn covering(pieces: &[(u64, Bytes)], start: u64, length: usize) -> Option<Bytes> {
    pieces.iter().find_map(|(begin, bytes)| {
        let skip = usize::try_from(start.checked_sub(*begin)?).ok()?;
        (bytes.len() >= skip.checked_add(length)?).then(|| bytes.slice(skip..))
    })
}

fn fetch(object: &Object, range: Range<u64>) -> Result<Bytes, ParquetError> {
    let mut fetched = object.ranges(&[range]).map_err(|e| ParquetError::External(e.into()))?;
    fetched.pop().ok_or_else(|| ParquetError::EOF("no bytes".to_owned()))
}
