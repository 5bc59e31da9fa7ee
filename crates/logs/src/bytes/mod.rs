//! A file's content in memory as UTF-8: unpacked if it is compressed, decoded if it is UTF-16.

mod unpack;
mod utf16;

use crate::error::{LogError, Place};
use crate::skipped::{Skipped, Unit};
use dfp_storage::memory_limit::MemoryLimit;
use dfp_storage::remote::{self, Object};
use parking_lot::Mutex;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use unpack::{Packed, Unpacked};
use utf16::Utf16;

/// Bytes that are read of a file at a time.
const BUFFER: usize = 256 << 10;

const TRAILING: &str = "bytes behind the compressed data";
const CUT_SHORT: &str = "compressed data cut short";
const NOT_UTF16: &str = "invalid UTF-16, replaced by U+FFFD";

/// A file's content, and what of the file is not in it.
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
    /// The file was cut short, and the last row with it.
    pub(super) cut_short: bool,
    pub(super) skipped: Skipped,
}

/// The content of `path`, unpacked if it is gzip, zstd, bzip2 or xz.
///
/// # Errors
/// [`LogError::Memory`] if it is longer than `most` bytes: how long packed content is shows when it has been
/// unpacked, whatever the file says.
pub(super) fn read(path: &Path, most: u64, memory: MemoryLimit) -> Result<Text, LogError> {
    let too_long = || {
        let cause = format!("more than {} MB of text, which is read at once", most / 1_000_000);
        LogError::memory(path, Place::default(), cause, memory)
    };
    let raw = if remote::is_address(path) {
        let object = Object::open(path)?;
        // Packed content is longer than its file.
        if object.has_ranges() && object.size()? > most {
            return Err(too_long());
        }
        object.read_at_most(most)?.ok_or_else(too_long)?
    } else {
        let fail = |e| LogError::os("read", path, e);
        let file = File::open(path).map_err(fail)?;
        let length = file.metadata().map_err(fail)?.len();
        if length > most {
            return Err(too_long());
        }
        let mut raw = Vec::with_capacity(length as usize);
        file.take(most + 1).read_to_end(&mut raw).map_err(fail)?;
        raw
    };
    if raw.len() as u64 > most {
        return Err(too_long());
    }
    let wide = Utf16::of(&raw[..raw.len().min(Utf16::HEAD)]).is_some();
    if !wide && Packed::of(&raw).is_none() {
        return Ok(Text { bytes: raw, cut_short: false, skipped: Skipped::default() });
    }
    let mut content = Content::of(path, io::Cursor::new(raw), memory)?;
    let mut bytes = Vec::new();
    content.append(&mut bytes, usize::try_from(most + 1).unwrap_or(usize::MAX))?;
    if bytes.len() as u64 > most {
        return Err(too_long());
    }
    Ok(Text { bytes, cut_short: content.cut_short(), skipped: content.skipped() })
}

/// The same content from its beginning on.
pub struct Content {
    path: PathBuf,
    form: Option<Packed>,
    reader: Box<dyn Source>,
    /// Why the bytes of the file itself could not be read.
    failed: Failed,
    /// Decodes what is read; known once something was.
    wide: Option<Utf16>,
    begun: bool,
    ended: bool,
    /// Compressed data that ends early is an error.
    is_strict: bool,
    /// Bytes, once unpacked.
    read: u64,
    /// Why compressed data ended early.
    cut_short: Option<String>,
    /// What is not in what was read has been counted.
    counted: bool,
}

/// Where bytes come from.
trait Source: Read + Send {
    /// Bytes that stand behind compressed data, once all that was read.
    fn trailing(&self) -> u64;
}

/// An error of the system or a server. What unpacks puts it into words of its own.
type Failed = Arc<Mutex<Option<io::Error>>>;

/// The bytes of the file itself.
struct Raw<R> {
    raw: R,
    failed: Failed,
}

impl<R> Raw<R> {
    fn note<T>(failed: &Failed, read: io::Result<T>) -> io::Result<T> {
        read.map_err(|error| {
            let kind = error.kind();
            if kind != io::ErrorKind::Interrupted {
                *failed.lock() = Some(error);
            }
            kind.into()
        })
    }
}

impl<R: Read> Read for Raw<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        Self::note(&self.failed, self.raw.read(into))
    }
}

impl<R: BufRead> BufRead for Raw<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Self::note(&self.failed, self.raw.fill_buf())
    }

    fn consume(&mut self, bytes: usize) {
        self.raw.consume(bytes);
    }
}

struct Plain<R>(R);

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl<R: Read + Send> Source for Plain<R> {
    fn trailing(&self) -> u64 {
        0
    }
}

impl<R: BufRead + Send> Source for Unpacked<R> {
    fn trailing(&self) -> u64 {
        Self::trailing(self)
    }
}

impl Content {
    /// The content of a file, unpacked on the way.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(path: &Path, memory: MemoryLimit) -> Result<Self, LogError> {
        let raw: Box<dyn Read + Send> = if remote::is_address(path) {
            Object::open(path)?.stream()?
        } else {
            Box::new(File::open(path).map_err(|e| LogError::os("read", path, e))?)
        };
        Self::of(path, BufReader::with_capacity(BUFFER, raw), memory)
    }

    /// The bytes as they are but for compression, which has to be complete.
    pub fn open_unchanged(path: &Path) -> Result<Self, LogError> {
        let memory = MemoryLimit::of_bytes(1 << 30);
        Ok(Self { begun: true, is_strict: true, ..Self::open(path, memory)? })
    }

    fn of(
        path: &Path,
        mut raw: impl BufRead + Send + 'static,
        memory: MemoryLimit,
    ) -> Result<Self, LogError> {
        let head = raw.fill_buf().map_err(|e| LogError::os("read", path, e))?;
        let form = Packed::of(head);
        let failed = Failed::default();
        let raw = Raw { raw, failed: Arc::clone(&failed) };
        let reader: Box<dyn Source> = match form {
            Some(form) => Box::new(Unpacked::new(form, raw, memory.window_kib())),
            None => Box::new(Plain(raw)),
        };
        Ok(Self {
            path: path.to_owned(),
            form,
            reader,
            failed,
            wide: None,
            begun: false,
            ended: false,
            is_strict: false,
            read: 0,
            cut_short: None,
            counted: false,
        })
    }

    /// Whether it is unpacked on the way.
    pub fn is_packed(&self) -> bool {
        self.form.is_some()
    }

    /// Appends at least so many of the next bytes, fewer only at the end.
    pub fn append(&mut self, into: &mut Vec<u8>, bytes: usize) -> Result<(), LogError> {
        let end = into.len() + bytes;
        if !self.begun {
            self.begun = true;
            let mut head = Vec::new();
            self.fill(&mut head, Utf16::HEAD)?;
            match Utf16::of(&head) {
                Some((mut wide, mark)) => {
                    wide.decode(&head[mark..], into);
                    if self.ended {
                        wide.finish(into);
                    }
                    self.wide = Some(wide);
                }
                None => into.append(&mut head),
            }
        }
        let Some(mut wide) = self.wide.take() else {
            return self.fill(into, end.saturating_sub(into.len()));
        };
        let mut raw = Vec::new();
        while into.len() < end && !self.ended {
            raw.clear();
            self.fill(&mut raw, (end - into.len()).min(BUFFER))?;
            wide.decode(&raw, into);
            if self.ended {
                wide.finish(into);
            }
        }
        self.wide = Some(wide);
        Ok(())
    }

    /// Appends bytes as they are, once unpacked. Compressed data that ends early is as good as it goes.
    fn fill(&mut self, into: &mut Vec<u8>, bytes: usize) -> Result<(), LogError> {
        if self.ended {
            return Ok(());
        }
        let before = into.len();
        let read = self.reader.by_ref().take(bytes as u64).read_to_end(into);
        // Where the file or the server fails, the content is not to blame: it may be whole next time.
        let failed = self.failed.lock().take();
        if let Some(e) = failed {
            return Err(LogError::os("read", &self.path, e));
        }
        let appended = into.len() - before;
        self.read += appended as u64;
        self.ended = appended < bytes;
        match (read, self.form) {
            (Ok(_), _) => Ok(()),
            (Err(e), None) => Err(LogError::os("read", &self.path, e)),
            (Err(e), Some(_))
                if e.kind() == io::ErrorKind::UnexpectedEof && self.read > 0 && !self.is_strict =>
            {
                self.cut_short = Some(e.to_string());
                self.ended = true;
                Ok(())
            }
            (Err(e), Some(form)) => Err(self.broken(form, &e, "")),
        }
    }

    /// Whether compressed data turned out to end early.
    pub(super) fn cut_short(&self) -> bool {
        self.cut_short.is_some()
    }

    /// What of the file is not in what was read, once all was; it is counted once.
    pub(super) fn skipped(&mut self) -> Skipped {
        let mut skipped = Skipped::default();
        if std::mem::replace(&mut self.counted, true) {
            return skipped;
        }
        let Some(form) = self.form else { return self.add_replaced(skipped) };
        if let Some(error) = &self.cut_short {
            skipped.add(Unit::End, CUT_SHORT, || {
                self.broken(form, error, ", the rows before are read").to_string()
            });
        }
        let trailing = self.reader.trailing();
        if trailing > 0 {
            skipped.add(Unit::End, TRAILING, || {
                self.content(
                    format!("{trailing} bytes behind the {} data", form.name()),
                    "the end of the file, or padding with NUL bytes",
                )
                .to_string()
            });
        }
        self.add_replaced(skipped)
    }

    fn add_replaced(&self, mut skipped: Skipped) -> Skipped {
        let replaced = self.wide.as_ref().map_or(0, |wide| wide.replaced);
        let message = || self.content(format!("{replaced} x {NOT_UTF16}"), "UTF-16").to_string();
        skipped.add_many(Unit::Value, NOT_UTF16, replaced, std::iter::once_with(message));
        skipped
    }

    fn broken(&self, form: Packed, error: &dyn std::fmt::Display, what: &str) -> LogError {
        let (name, read) = (form.name(), self.read);
        let cause = format!("broken {name} data ({error}) after {read} bytes{what}");
        self.content(cause, &format!("a complete {name} file"))
    }

    fn content(&self, cause: String, expected: &str) -> LogError {
        LogError::Content {
            path: self.path.clone(),
            place: Box::new(Place::default()),
            cause,
            expected: expected.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
