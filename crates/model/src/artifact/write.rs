//! Models to bytes.

use super::{
    BEFORE_DIGITS, DIGITS, FORMAT, LENGTH, VERSIONS, check_users, hexadecimal, name, refused,
};
use crate::combined::{Scorers, StoredPeers};
use crate::error::ModelError;
use crate::header::SOFTWARE;
use crate::user_model::UserModel;
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::io::{self, Write};

/// What is written of one model behind its weights.
struct Written {
    header: Vec<u8>,
    scorers: Option<WrittenScorers>,
}

struct WrittenScorers {
    json: Vec<u8>,
    words: Vec<u32>,
    numbers: Vec<f32>,
}

impl Written {
    fn of(model: &UserModel) -> Result<Self, ModelError> {
        let scorers =
            model.beside().map(|scorers| WrittenScorers::of(model, scorers)).transpose()?;
        Ok(Self { header: as_json(model.header())?, scorers })
    }
}

impl WrittenScorers {
    fn of(model: &UserModel, scorers: &Scorers) -> Result<Self, ModelError> {
        let (mut words, mut numbers) = (Vec::new(), Vec::new());
        let mut stored = scorers.store(&mut words, &mut numbers);
        if let Some((base, leaning)) = model.leans_on().zip(model.leaning()) {
            let user = base.header().user.clone();
            stored.peers = Some(StoredPeers::of(user, fingerprint(base)?, leaning.peers));
        }
        Ok(Self { json: as_json(&stored)?, words, numbers })
    }
}

fn as_json(part: &impl Serialize) -> Result<Vec<u8>, ModelError> {
    serde_json::to_vec(part)
        .map_err(|e| refused(format!("a part of a model cannot be written as JSON: {e}")))
}

/// Writes a model file.
///
/// # Errors
/// [`ModelError::Artifact`] if two models are of the same user, one leans on a model that is not
/// among them, or `out` fails.
pub fn write(models: &[&UserModel], out: &mut dyn Write) -> Result<(), ModelError> {
    check_users(models.iter().map(|model| model.header()))?;
    let own = |user: &str| models.iter().find(|model| model.header().user == user);
    for model in models {
        let Some(peers) = model.leans_on() else { continue };
        let (user, of) = (&model.header().user, &peers.header().user);
        let why = match own(of) {
            None => "which is not to be written",
            Some(other) if fingerprint(other)? != fingerprint(peers)? => {
                "and another model of that user is to be written"
            }
            Some(_) => continue,
        };
        return Err(refused(format!("the model of user {user:?} leans on that of {of:?}, {why}")));
    }
    write_all(models, out)
}

/// Writes a model alone. The one that it leans on, if any, is named by its fingerprint, not written:
/// [`read_one`](super::read_one) asks for it.
///
/// # Errors
/// [`ModelError::Artifact`] if `out` fails.
pub fn write_one(model: &UserModel, out: &mut dyn Write) -> Result<(), ModelError> {
    write_all(&[model], out)
}

fn write_all(models: &[&UserModel], out: &mut dyn Write) -> Result<(), ModelError> {
    let written = models.iter().map(|model| Written::of(model)).collect::<Result<Vec<_>, _>>()?;
    write_parts(models, &written, out)
        .map_err(|e| refused(format!("the model file cannot be written: {e}")))
}

fn write_parts(models: &[&UserModel], written: &[Written], out: &mut dyn Write) -> io::Result<()> {
    let mut front = front(models, written)?;
    let mut hasher = Sha256::new();
    hasher.update(&front);
    write_tensors(models, written, &mut |bytes| {
        hasher.update(bytes);
        Ok(())
    })?;
    let start = LENGTH + BEFORE_DIGITS.len();
    front[start..start + DIGITS].copy_from_slice(hexadecimal(hasher).as_bytes());
    out.write_all(&front)?;
    write_tensors(models, written, &mut |bytes| out.write_all(bytes))
}

/// What tells a model from every other, in twelve hexadecimal digits: the beginning of the SHA-256 of
/// all that a file has of it, which names the model that it leans on by that one's fingerprint. It is computed
/// once.
///
/// # Errors
/// The model cannot be written as JSON.
pub fn fingerprint(model: &UserModel) -> Result<String, ModelError> {
    if let Some(known) = model.remembered_fingerprint().get() {
        return Ok(known.clone());
    }
    let written = Written::of(model)?;
    let mut hasher = Sha256::new();
    write_tensors(&[model], std::slice::from_ref(&written), &mut |bytes| {
        hasher.update(bytes);
        Ok(())
    })
    .map_err(|e| refused(e.to_string()))?;
    let mut digits = hexadecimal(hasher);
    digits.truncate(12);
    Ok(model.remembered_fingerprint().get_or_init(|| digits).clone())
}

/// Everything before the tensors, with zeros for the checksum.
fn front(models: &[&UserModel], written: &[Written]) -> io::Result<Vec<u8>> {
    let metadata = json!({
        "sha256": "0".repeat(DIGITS),
        "format": FORMAT,
        "format_version": VERSIONS[VERSIONS.len() - 1],
        "software": SOFTWARE,
    });
    let mut front = Map::from_iter([("__metadata__".to_owned(), metadata)]);
    let mut end = 0;
    let mut tensor = |name: String, dtype: &str, length: usize, bytes: usize| {
        let offsets = [end, end + bytes];
        end += bytes;
        front.insert(name, json!({"dtype": dtype, "shape": [length], "data_offsets": offsets}));
    };
    for (n, model) in models.iter().enumerate() {
        let weights = model.weights();
        tensor(name(n, "weights"), "F32", weights.len(), size_of_val(weights));
    }
    for (n, scorers) in scorers(written) {
        let (words, numbers) = (&scorers.words, &scorers.numbers);
        tensor(name(n, "words"), "U32", words.len(), size_of_val(words.as_slice()));
        tensor(name(n, "numbers"), "F32", numbers.len(), size_of_val(numbers.as_slice()));
    }
    for (n, scorers) in scorers(written) {
        tensor(name(n, "scorers"), "U8", scorers.json.len(), scorers.json.len());
    }
    for (n, Written { header, .. }) in written.iter().enumerate() {
        tensor(name(n, "header"), "U8", header.len(), header.len());
    }
    let mut json = serde_json::to_vec(&Value::Object(front))?;
    // The format's readers expect tensors at multiples of 8.
    json.resize(json.len().next_multiple_of(LENGTH), b' ');
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut json);
    Ok(bytes)
}

/// The scorers with the numbers of their models.
fn scorers(written: &[Written]) -> impl Iterator<Item = (usize, &WrittenScorers)> {
    written.iter().enumerate().filter_map(|(n, model)| Some((n, model.scorers.as_ref()?)))
}

fn write_tensors(
    models: &[&UserModel],
    written: &[Written],
    put: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    for model in models {
        put_words(model.weights(), |weight| weight.to_le_bytes(), put)?;
    }
    for (_, scorers) in scorers(written) {
        put_words(&scorers.words, |word| word.to_le_bytes(), put)?;
        put_words(&scorers.numbers, |number| number.to_le_bytes(), put)?;
    }
    scorers(written).try_for_each(|(_, scorers)| put(&scorers.json))?;
    written.iter().try_for_each(|model| put(&model.header))
}

/// Puts words as bytes, block by block.
fn put_words<T: Copy>(
    words: &[T],
    bytes_of: impl Fn(T) -> [u8; 4],
    put: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    for block in words.chunks(1 << 14) {
        bytes.clear();
        bytes.extend(block.iter().flat_map(|word| bytes_of(*word)));
        put(&bytes)?;
    }
    Ok(())
}
