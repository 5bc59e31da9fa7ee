//! What a file is that is no model file, by how it begins.

use super::{LENGTH, Limits, refused};
use crate::error::ModelError;

/// Longer lists of tensors are none that the format knows.
const LONGEST_FRONT: u64 = 100_000_000;

/// How other files begin, and what they are.
const KINDS: [(&[u8], &str); 14] = [
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes models"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "compressed with gzip: a model file among them is to be unpacked first"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: a model file among them is to be unpacked first"),
    (b"BZh", "compressed with bzip2, as joblib writes pickles"),
    (b"\xfd7zXZ\0", "compressed with xz, as joblib writes pickles"),
    (b"\x04\x22\x4d\x18", "compressed with LZ4, as joblib writes pickles"),
    // The levels of zlib that joblib has.
    (b"\x78\x01", "compressed with zlib, as joblib writes pickles"),
    (b"\x78\x5e", "compressed with zlib, as joblib writes pickles"),
    (b"\x78\x9c", "compressed with zlib, as joblib writes pickles"),
    (b"\x78\xda", "compressed with zlib, as joblib writes pickles"),
    (b"GGUF", "a GGUF file, as language models are kept"),
    (b"PAR1", "a Parquet file"),
];

/// Tells files of other kinds from damaged ones.
pub(super) fn check_kind(bytes: &[u8], limits: &Limits) -> Result<(), ModelError> {
    // A header of 640 bytes starts like a pickle, so what follows the length decides.
    if let Some((length, rest @ [b'{', ..])) = bytes.split_first_chunk::<LENGTH>() {
        let length = u64::from_le_bytes(*length);
        if length <= LONGEST_FRONT {
            return check_front(length, rest.len(), limits);
        }
    }
    if is_pickle(bytes) {
        return Err(refused(
            "the file is a Python pickle, as the original pipeline writes it; reading a pickle \
             runs whatever code it contains, so it is refused; train a new model file from the \
             training logs instead"
                .into(),
        ));
    }
    let known = KINDS.iter().find(|(begin, _)| bytes.starts_with(begin)).map(|(_, kind)| *kind);
    let kind = known.or_else(|| is_onnx(bytes).then_some("an ONNX model"));
    Err(refused(match kind {
        Some(kind) => {
            format!("the file is {kind}; a safetensors file that this program wrote is expected")
        }
        None if bytes.len() < LENGTH => {
            format!("the model file is cut short: it has {} bytes", bytes.len())
        }
        None => {
            "the file is not a model file; a safetensors file that this program wrote is expected"
                .into()
        }
    }))
}

/// Whether the list of tensors, of which `left` bytes at most are there, can be read.
fn check_front(length: u64, left: usize, limits: &Limits) -> Result<(), ModelError> {
    if length > left as u64 {
        return Err(refused(format!(
            "the model file is cut short: its header has {length} bytes, {left} are left"
        )));
    }
    let most = limits.max_front();
    if length > most as u64 {
        return Err(refused(format!(
            "the model file's header has {length} bytes; at most {most} are read for {} users",
            limits.max_users
        )));
    }
    Ok(())
}

/// A pickle by itself, or in the archive that PyTorch makes of it.
fn is_pickle(bytes: &[u8]) -> bool {
    /// PyTorch puts the pickle first: `NAME/data.pkl`.
    const FIRST_NAME: usize = 1 << 9;
    match bytes {
        [0x80, 2..=5, ..] => true,
        [b'P', b'K', ..] => {
            let names = &bytes[..bytes.len().min(FIRST_NAME)];
            names.windows(4).any(|part| part == b".pkl")
        }
        _ => is_old_pickle(bytes),
    }
}

/// Pickles of protocols 0 and 1 have no mark of their own. They begin with a container, which is put
/// into the memo, or with the name of what is to be called; tuples have these inside.
fn is_old_pickle(bytes: &[u8]) -> bool {
    let open = bytes.iter().take_while(|byte| **byte == b'(').count();
    match &bytes[open..] {
        // Protocol 0, `(dp0` and a line's end; a mark is what makes the container.
        [b'd' | b'l' | b't', b'p', number @ ..] if open > 0 => {
            let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
            digits > 0 && number.get(digits) == Some(&b'\n')
        }
        // Protocol 1: `}q` or `]q`, and the number, which is 0 or, of the older pickler, 1.
        [b'}' | b']', b'q', 0 | 1, ..] => true,
        [b'c', names @ ..] => is_global(names),
        [b'i', names @ ..] if open > 0 => is_global(names),
        _ => false,
    }
}

/// Whether two lines follow with the names of a Python module and of something in it, and then an
/// instruction that can come next.
fn is_global(names: &[u8]) -> bool {
    let is_name = |line: &&[u8]| {
        let rest = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        line.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
            && line.iter().all(rest)
    };
    let mut lines = names.splitn(3, |byte| *byte == b'\n');
    let named =
        lines.next().as_ref().is_some_and(is_name) && lines.next().as_ref().is_some_and(is_name);
    let next = lines.next();
    named && matches!(next, Some([b'(' | b')' | b'.' | b'q', ..] | [b'p', b'0'..=b'9', ..]))
}

/// Protocol buffers of a model: the version of the representation, then a text or a structure.
fn is_onnx(bytes: &[u8]) -> bool {
    matches!(bytes, [0x08, 1..=32, 0x12 | 0x1a | 0x22 | 0x3a | 0x42, _, ..])
}
