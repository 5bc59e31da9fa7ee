//! NumPy's archive: a ZIP file of arrays, each with a header of its own.

use rawzip::path::{EntryPath, ZipFilePath};
use rawzip::{Error, ZipArchiveWriter};
use std::io::Write;

/// Numbers of an array.
pub(super) enum Elements<'a> {
    Floats(&'a [f32]),
    Bytes(&'a [u8]),
}

/// An archive in the making. The same arrays give the same bytes: no entry has a time.
pub(super) struct Npz(ZipArchiveWriter<Vec<u8>>);

impl Npz {
    pub(super) fn new() -> Self {
        Self(ZipArchiveWriter::new(Vec::new()))
    }

    pub(super) fn array(
        &mut self,
        name: &str,
        shape: &[usize],
        elements: &Elements<'_>,
    ) -> Result<(), Error> {
        let name = format!("{name}.npy");
        let (mut entry, config) = self.0.new_file(path(&name)).start()?;
        let mut data = config.wrap(&mut entry);
        match elements {
            Elements::Bytes(bytes) => {
                data.write_all(&header("|u1", shape))?;
                data.write_all(bytes)?;
            }
            Elements::Floats(floats) => {
                data.write_all(&header("<f4", shape))?;
                let bytes: Vec<u8> = floats.iter().flat_map(|x| x.to_le_bytes()).collect();
                data.write_all(&bytes)?;
            }
        }
        let (_, descriptor) = data.finish()?;
        entry.finish(descriptor)?;
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Vec<u8>, Error> {
        self.0.finish()
    }
}

/// The name as it is. One that reads as a path with detours, such as `a//b`, would be
/// straightened, perhaps to another's; it is written as bytes, for which there is ASCII alone.
fn path(name: &str) -> EntryPath<'_> {
    match ZipFilePath::from_bytes(name.as_bytes()).try_normalize() {
        Ok(straight) if straight.as_ref() == name => EntryPath::conformant(name),
        _ => EntryPath::verbatim(name.escape_default().to_string().into_bytes()),
    }
}

/// The header of format version 1.0, a Python literal; the numbers behind it begin at a multiple
/// of 64.
fn header(kind: &str, shape: &[usize]) -> Vec<u8> {
    const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
    const ALIGNMENT: usize = 64;
    let lengths: String = shape.iter().map(|length| format!("{length},")).collect();
    let mut text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({lengths}), }}");
    let before = MAGIC.len() + size_of::<u16>();
    let length = (before + text.len() + 1).next_multiple_of(ALIGNMENT) - before;
    text.extend(std::iter::repeat_n(' ', length - 1 - text.len()));
    text.push('\n');
    [MAGIC, &(length as u16).to_le_bytes(), text.as_bytes()].concat()
}
