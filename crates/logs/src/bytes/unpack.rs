//! The forms of compression.

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::FrameDecoderError::ReadFrameHeaderError as Header;
use ruzstd::decoding::errors::ReadFrameHeaderError::SkipFrame;
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, BufRead, Read};

/// Bytes that show which form it is.
const HEAD: usize = 7;

/// The forms, known by their first bytes, whatever the name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Packed {
    Gzip,
    Zstd,
    Bzip2,
    Xz,
}

impl Packed {
    pub(super) const ALL: [Self; 4] = [Self::Gzip, Self::Zstd, Self::Bzip2, Self::Xz];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        }
    }

    /// The form of what begins like this.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.begins(head))
    }

    fn begins(self, head: &[u8]) -> bool {
        match self {
            Self::Gzip => head.starts_with(&[0x1f, 0x8b]),
            Self::Zstd => head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]),
            // A text may begin with these letters; the digits of pi follow the block size.
            Self::Bzip2 => head.starts_with(b"BZh") && head.get(4..7) == Some(&[0x31, 0x41, 0x59]),
            Self::Xz => head.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]),
        }
    }

    /// Whether another member may begin like this.
    fn continues(self, head: &[u8]) -> bool {
        match self {
            // Parallel packers write lengths between the frames.
            Self::Zstd if head.len() >= 4 => {
                self.begins(head) || (head[0] & 0xf0 == 0x50 && head[1..4] == [0x2a, 0x4d, 0x18])
            }
            // An empty stream has no block.
            Self::Bzip2 => {
                self.begins(head)
                    || (head.starts_with(b"BZh") && head.get(4..7) == Some(&[0x17, 0x72, 0x45]))
            }
            _ => self.begins(head),
        }
    }
}

/// What is packed in members one behind the other.
pub(super) struct Unpacked<R: BufRead> {
    form: Packed,
    /// KiB that unpacking xz may take: a file says itself how much it needs, up to 4 GiB whatever its length.
    most_kib: u32,
    member: Member<R>,
    /// Bytes behind the last member that are neither padding nor a member.
    trailing: u64,
}

enum Member<R: BufRead> {
    Gzip(Box<GzDecoder<Ahead<R>>>),
    Bzip2(BzDecoder<Ahead<R>>),
    Xz(Box<XzReader<Ahead<R>>>),
    Zstd(Box<Frame<R>>),
    Ended,
}

impl<R: BufRead> Unpacked<R> {
    pub(super) fn new(form: Packed, raw: R, most_kib: u32) -> Self {
        let member = Member::new(form, Ahead::new(raw), most_kib);
        Self { form, most_kib, member, trailing: 0 }
    }

    pub(super) fn trailing(&self) -> u64 {
        self.trailing
    }

    /// Begins the next member behind padding with NUL bytes, which tapes, disks and crashes leave.
    fn next_member(&mut self) -> io::Result<()> {
        let Some(mut raw) = std::mem::replace(&mut self.member, Member::Ended).into_raw() else {
            return Ok(());
        };
        raw.skip_nul()?;
        let head = raw.look()?;
        if self.form.continues(head) {
            self.member = Member::new(self.form, raw, self.most_kib);
        } else if !head.is_empty() {
            self.trailing = io::copy(&mut raw, &mut io::sink())?;
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Unpacked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match &mut self.member {
                Member::Gzip(member) => member.read(into)?,
                Member::Bzip2(member) => member.read(into)?,
                Member::Xz(member) => member.read(into)?,
                Member::Zstd(member) => member.read(into)?,
                Member::Ended => return Ok(0),
            };
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            self.next_member()?;
        }
    }
}

impl<R: BufRead> Member<R> {
    fn new(form: Packed, raw: Ahead<R>, most_kib: u32) -> Self {
        match form {
            Packed::Gzip => Self::Gzip(Box::new(GzDecoder::new(raw))),
            Packed::Bzip2 => Self::Bzip2(BzDecoder::new(raw)),
            Packed::Xz => Self::Xz(Box::new(XzReader::new_mem_limit(raw, false, most_kib))),
            Packed::Zstd => {
                Self::Zstd(Box::new(Frame { raw, decoder: FrameDecoder::new(), begun: false }))
            }
        }
    }

    fn into_raw(self) -> Option<Ahead<R>> {
        match self {
            Self::Gzip(member) => Some(member.into_inner()),
            Self::Bzip2(member) => Some(member.into_inner()),
            Self::Xz(member) => Some(member.into_inner()),
            Self::Zstd(member) => Some(member.raw),
            Self::Ended => None,
        }
    }
}

/// A frame of zstd.
struct Frame<R> {
    raw: Ahead<R>,
    decoder: FrameDecoder,
    begun: bool,
}

impl<R: BufRead> Frame<R> {
    /// Reads the header; false if this is a frame to be skipped.
    fn begin(&mut self) -> io::Result<bool> {
        if self.begun {
            return Ok(true);
        }
        match self.decoder.init(&mut self.raw) {
            Ok(()) => self.begun = true,
            Err(Header(SkipFrame { length, .. })) => {
                let length = u64::from(length);
                if io::copy(&mut self.raw.by_ref().take(length), &mut io::sink())? < length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            Err(other) => return Err(self.error(other)),
        }
        Ok(self.begun)
    }

    /// The decoder wraps the system's errors; where the input has ended, that is the cause.
    fn error(&mut self, error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
        match self.raw.fill_buf() {
            Ok([]) => io::Error::new(io::ErrorKind::UnexpectedEof, error),
            _ => io::Error::other(error),
        }
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if !self.begin()? {
            return Ok(0);
        }
        while self.decoder.can_collect() < into.len() && !self.decoder.is_finished() {
            let lacking = into.len() - self.decoder.can_collect();
            let wanted = BlockDecodingStrategy::UptoBytes(lacking);
            if let Err(error) = self.decoder.decode_blocks(&mut self.raw, wanted) {
                let read = self.decoder.read(into)?;
                // What was whole before the input ended comes first.
                return if read > 0 { Ok(read) } else { Err(self.error(error)) };
            }
        }
        let read = self.decoder.read(into)?;
        if read == 0 && !into.is_empty() {
            let right = self.decoder.get_checksum_from_data();
            if right.is_some() && right != self.decoder.get_calculated_checksum() {
                return Err(io::Error::other("wrong checksum"));
            }
        }
        Ok(read)
    }
}

/// A reader that can be looked into.
struct Ahead<R> {
    raw: R,
    head: [u8; HEAD],
    /// What is left of the bytes that were looked at.
    left: std::ops::Range<usize>,
}

impl<R: BufRead> Ahead<R> {
    fn new(raw: R) -> Self {
        Self { raw, head: [0; HEAD], left: 0..0 }
    }

    /// The next bytes, fewer only at the end.
    fn look(&mut self) -> io::Result<&[u8]> {
        let left = self.left.len();
        self.head.copy_within(self.left.clone(), 0);
        self.left = 0..left;
        while self.left.end < HEAD {
            match self.raw.read(&mut self.head[self.left.end..]) {
                Ok(0) => break,
                Ok(read) => self.left.end += read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(&self.head[self.left.clone()])
    }

    fn skip_nul(&mut self) -> io::Result<()> {
        loop {
            let bytes = self.fill_buf()?;
            let padding = bytes.iter().take_while(|byte| **byte == 0).count();
            let more = padding > 0 && padding == bytes.len();
            self.consume(padding);
            if !more {
                return Ok(());
            }
        }
    }
}

impl<R: BufRead> BufRead for Ahead<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left.is_empty() { self.raw.fill_buf() } else { Ok(&self.head[self.left.clone()]) }
    }

    fn consume(&mut self, bytes: usize) {
        if self.left.is_empty() {
            self.raw.consume(bytes);
        } else {
            self.left.start += bytes;
        }
    }
}

impl<R: BufRead> Read for Ahead<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left.is_empty() {
            return self.raw.read(into);
        }
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}
