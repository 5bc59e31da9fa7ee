//! The model file: all users of a run, or one of a store, in a file of data, nothing of which is ever
//! executed.
//!
//! A [safetensors](https://github.com/huggingface/safetensors) file, so that other tools can read
//! the weights. For user number `n` (eight digits, from 0, in the order given to [`write()`]):
//!
//! | tensor | type | content |
//! |---|---|---|
//! | `n.weights` | F32 `[weights]` | the flat weights, in the order of [`crate::net::Layout`] |
//! | `n.header` | U8 `[bytes]` | the [`ModelHeader`] as JSON |
//!
//! and, of models with [`Scorer::Recommended`] alone:
//!
//! | tensor | type | content |
//! |---|---|---|
//! | `n.scorers` | U8 `[bytes]` | counts of values, bins, lengths of what follows, as JSON |
//! | `n.words` | U32 `[words]` | counts of pairs of values; the neighbours' values |
//! | `n.numbers` | F32 `[numbers]` | samples of scores, ascending; the neighbours' numbers |
//!
//! Headers are tensors because vocabularies and quantiles of many users outgrow the 100 MB that
//! the format grants its own header. That one's `__metadata__` holds, in this order, `sha256`,
//! `format` = `dfp-model`, `format_version` and `software`, the program that wrote the file. The
//! version is `4`; older ones are read:
//!
//! | version | what it lacks |
//! |---|---|
//! | `1` | scorers |
//! | `2` | the extremal index of the sums of scorers |
//! | `3` | fingerprints of the models that others lean on |
//!
//! A model with scorers may lean on another, which it names by user and [`fingerprint()`]. [`write()`] puts both into one
//! file; [`write_one`] leaves the other where it is, and [`read_one`] asks for it: thousands of models
//! share one.
//!
//! The checksum is the SHA-256, in 64 hexadecimal digits, of the whole file with these digits
//! taken as `0`. The same models give the same bytes; a file is written here rather than by the
//! `safetensors` crate because that one orders metadata at random.

use crate::beside::{Scorers, Stored, StoredPeers};
use crate::config::Scorer;
use crate::error::ModelError;
use crate::user_model::{MAX_WEIGHTS, ModelHeader, UserModel};
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::Arc;

const FORMAT: &str = "dfp-model";
/// Versions that are read; the last one is written.
const VERSIONS: [&str; 4] = ["1", "2", "3", "4"];
const DIGITS: usize = 64;
/// Start of the JSON header of every model file, up to the checksum's digits.
const BEFORE_DIGITS: &[u8] = b"{\"__metadata__\":{\"sha256\":\"";
/// Bytes before the JSON header: its length.
const LENGTH: usize = 8;

/// What a model file may ask of the machine; more is refused before memory is taken for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file; 8 GiB by default.
    pub max_bytes: u64,
    /// Users in the file; 100,000 by default.
    pub max_users: usize,
    /// Weights of one user's model, and words and numbers of its scorers; 2^28 each, that is 1 GiB,
    /// by default.
    pub max_weights: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 8 << 30, max_users: 100_000, max_weights: MAX_WEIGHTS }
    }
}

/// Names the model that another one leans on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeersName {
    /// Whose model it is.
    pub user: String,
    /// Its [`fingerprint()`].
    pub fingerprint: String,
}

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
        let scorers = model.beside().map(WrittenScorers::of).transpose()?;
        Ok(Self { header: as_json(model.header())?, scorers })
    }
}

impl WrittenScorers {
    fn of(scorers: &Scorers) -> Result<Self, ModelError> {
        let (mut words, mut numbers) = (Vec::new(), Vec::new());
        let mut stored = scorers.store(&mut words, &mut numbers);
        if let (Some(stored), Some(peers)) = (&mut stored.peers, scorers.peers()) {
            stored.fingerprint = Some(fingerprint(peers.model())?);
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
/// [`read_one`] asks for it.
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
    let software = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
    let metadata = json!({
        "sha256": "0".repeat(DIGITS),
        "format": FORMAT,
        "format_version": VERSIONS[VERSIONS.len() - 1],
        "software": software,
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
        tensor(weights_name(n), "F32", weights.len(), size_of_val(weights));
    }
    for (n, scorers) in scorers(written) {
        let (words, numbers) = (&scorers.words, &scorers.numbers);
        tensor(words_name(n), "U32", words.len(), size_of_val(words.as_slice()));
        tensor(numbers_name(n), "F32", numbers.len(), size_of_val(numbers.as_slice()));
    }
    for (n, scorers) in scorers(written) {
        tensor(scorers_name(n), "U8", scorers.json.len(), scorers.json.len());
    }
    for (n, Written { header, .. }) in written.iter().enumerate() {
        tensor(header_name(n), "U8", header.len(), header.len());
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

/// Reads a model file; the models come in the order in which they were written.
///
/// # Errors
/// [`ModelError::Artifact`] says which of these it is: a pickle, a file of another kind or
/// version, one beyond the limits, cut short, damaged, or inconsistent in itself.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Vec<UserModel>, ModelError> {
    let (tensors, users) = open(bytes, limits)?;
    let mut models = Vec::with_capacity(users);
    let mut leaning = Vec::new();
    for n in 0..users {
        let (model, peers) = read_user(&tensors, n, limits)?;
        leaning.extend(peers.map(|peers| (n, peers)));
        models.push(model);
    }
    check_users(models.iter().map(UserModel::header))?;
    find_peers(&mut models, leaning)?;
    Ok(models)
}

/// Reads a model that [`write_one`] wrote. `peers` is asked for the model that it leans on, at most
/// once; models that lean on the same one share it.
///
/// # Errors
/// As [`read`]; those of `peers`; [`ModelError::Artifact`] if the file has not one model but several or none,
/// or `peers` finds another model than the one asked for.
pub fn read_one(
    bytes: &[u8],
    limits: &Limits,
    peers: &mut dyn FnMut(&PeersName) -> Result<Arc<UserModel>, ModelError>,
) -> Result<UserModel, ModelError> {
    let (tensors, users) = open(bytes, limits)?;
    if users != 1 {
        return Err(refused(format!(
            "the model file has {users} users; a file of one is expected"
        )));
    }
    let (mut model, leaning) = read_user(&tensors, 0, limits)?;
    if let Some(stored) = leaning {
        let Some(name) = stored.name() else {
            return Err(without_peers(&model, &stored));
        };
        let found = peers(&name)?;
        let other = (&found.header().user, fingerprint(&found)?);
        if other != (&name.user, name.fingerprint.clone()) {
            return Err(refused(format!(
                "the model of user {:?} leans on that of {:?} with fingerprint {:?}; found was that of {:?} with \
                 fingerprint {:?}",
                model.header().user,
                name.user,
                name.fingerprint,
                other.0,
                other.1
            )));
        }
        model.lean_on(&found, stored)?;
    }
    Ok(model)
}

/// Checks everything that a file says of itself before its models; returns their number too.
fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<(SafeTensors<'a>, usize), ModelError> {
    if bytes.len() as u64 > limits.max_bytes {
        let (size, most) = (bytes.len(), limits.max_bytes);
        return Err(refused(format!("the model file has {size} bytes; at most {most} are read")));
    }
    check_kind(bytes)?;
    let (_, front) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
    let metadata = front.metadata().as_ref();
    let entry = |key| metadata.and_then(|m| m.get(key)).map(String::as_str);
    if entry("format") != Some(FORMAT) {
        return Err(refused(format!(
            "the file is a safetensors file of another program: its format is {:?}, not {FORMAT:?}",
            entry("format").unwrap_or_default(),
        )));
    }
    if !entry("format_version").is_some_and(|version| VERSIONS.contains(&version)) {
        return Err(refused(format!(
            "the model file has format version {:?}, written by {:?}; this program reads versions {}",
            entry("format_version").unwrap_or_default(),
            entry("software").unwrap_or_default(),
            VERSIONS.join(", "),
        )));
    }
    check_sum(bytes)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(unreadable)?;
    let scorers = tensors.names().iter().filter(|name| name.ends_with(SCORERS)).count();
    // Two tensors a user, and three more where there are scorers.
    let users = tensors.len().saturating_sub(3 * scorers).div_ceil(2);
    if users > limits.max_users {
        let most = limits.max_users;
        return Err(refused(format!("the model file has {users} users; at most {most} are read")));
    }
    Ok((tensors, users))
}

/// Gives the models that lean on others these others.
fn find_peers(
    models: &mut [UserModel],
    leaning: Vec<(usize, StoredPeers)>,
) -> Result<(), ModelError> {
    let mut known: Vec<Arc<UserModel>> = Vec::new();
    for (n, stored) in leaning {
        let found = known.iter().find(|peers| peers.header().user == stored.user).cloned();
        let peers = match found {
            Some(peers) => peers,
            None => {
                let all = models.iter().find(|model| model.header().user == stored.user);
                let own = all.filter(|peers| peers.beside().is_some_and(|s| s.peers().is_none()));
                let peers = own.cloned().map(Arc::new);
                let peers = peers.ok_or_else(|| without_peers(&models[n], &stored))?;
                known.push(Arc::clone(&peers));
                peers
            }
        };
        if stored.fingerprint.is_some() && stored.fingerprint != Some(fingerprint(&peers)?) {
            return Err(refused(format!(
                "the model of user {:?} leans on that of {:?} with fingerprint {:?}; the file has another",
                models[n].header().user,
                stored.user,
                stored.fingerprint.unwrap_or_default(),
            )));
        }
        models[n].lean_on(&peers, stored)?;
    }
    Ok(())
}

/// A model's peers are not in its file.
fn without_peers(model: &UserModel, stored: &StoredPeers) -> ModelError {
    let (user, of) = (&model.header().user, &stored.user);
    refused(match &stored.fingerprint {
        Some(fingerprint) => format!(
            "the model of user {user:?} leans on that of {of:?} (fingerprint {fingerprint:?}), which is not in the file: \
             it is one model of a store, and is read together with the store's model of {of:?}"
        ),
        None => format!(
            "the model of user {user:?} leans on that of {of:?}, which the file does not have"
        ),
    })
}

/// Tells files of other kinds from damaged ones.
fn check_kind(bytes: &[u8]) -> Result<(), ModelError> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH>() else {
        return Err(refused(format!("the model file is cut short: it has {} bytes", bytes.len())));
    };
    // A header of 640 bytes starts like a pickle, so what follows the length decides.
    if rest.first() == Some(&b'{') {
        let length = u64::from_le_bytes(*length);
        if length > rest.len() as u64 {
            return Err(refused(format!(
                "the model file is cut short: its header has {length} bytes, {} are left",
                rest.len()
            )));
        }
        return Ok(());
    }
    if matches!(bytes, [0x80, 2..=5, ..]) || bytes.starts_with(b"PK") {
        return Err(refused(
            "the file is a Python pickle, as the original pipeline writes it; reading a pickle \
             runs whatever code it contains, so it is refused; train a new model file from the \
             training logs instead"
                .into(),
        ));
    }
    Err(refused("the file is not a model file; a safetensors file is expected".into()))
}

fn check_sum(bytes: &[u8]) -> Result<(), ModelError> {
    let start = LENGTH + BEFORE_DIGITS.len();
    let parts = bytes
        .split_at_checked(start)
        .filter(|(before, _)| before.ends_with(BEFORE_DIGITS))
        .and_then(|(before, rest)| Some((before, rest.split_at_checked(DIGITS)?)));
    let Some((before, (digits, after))) = parts else {
        return Err(refused("the model file has no checksum where it should stand".into()));
    };
    let hasher = Sha256::new().chain_update(before).chain_update([b'0'; DIGITS]);
    if hexadecimal(hasher.chain_update(after)).as_bytes() == digits {
        return Ok(());
    }
    Err(refused(
        "the model file is damaged: its checksum is not that of its content; \
         copy it again or train a new one"
            .into(),
    ))
}

fn read_user(
    tensors: &SafeTensors<'_>,
    n: usize,
    limits: &Limits,
) -> Result<(UserModel, Option<StoredPeers>), ModelError> {
    let header = tensor(tensors, &header_name(n), Dtype::U8)?;
    let header: ModelHeader = serde_json::from_slice(header)
        .map_err(|e| refused(format!("the header of model {n} cannot be used: {e}")))?;
    let bounded = |name: String, dtype, what: &str| {
        let bytes = tensor(tensors, &name, dtype)?;
        let (words, _) = bytes.as_chunks::<4>();
        if words.len() > limits.max_weights {
            return Err(refused(format!(
                "the model of user {:?} has {} {what}; at most {} are read",
                header.user,
                words.len(),
                limits.max_weights
            )));
        }
        Ok(words)
    };
    let weights = bounded(weights_name(n), Dtype::F32, "weights")?;
    let count = weights.len();
    if hidden_weights(&header) > count {
        return Err(refused(format!(
            "the model of user {:?} has {count} weights, fewer than its layers need",
            header.user
        )));
    }
    let floats = |all: &[[u8; 4]]| all.iter().map(|b| f32::from_le_bytes(*b)).collect::<Vec<_>>();
    let weights = floats(weights);
    if header.config.scorer == Scorer::Network {
        return Ok((UserModel::from_parts(header, weights)?, None));
    }
    let stored = tensor(tensors, &scorers_name(n), Dtype::U8)?;
    let mut stored: Stored = serde_json::from_slice(stored)
        .map_err(|e| refused(format!("the scorers of model {n} cannot be used: {e}")))?;
    let words = bounded(words_name(n), Dtype::U32, "counts")?;
    let words: Vec<u32> = words.iter().map(|b| u32::from_le_bytes(*b)).collect();
    let numbers = floats(bounded(numbers_name(n), Dtype::F32, "numbers")?);
    let peers = stored.peers.take();
    let scorers = Scorers::restore(stored, &header.plan, &words, &numbers)?;
    let mut model = UserModel::from_parts(header, weights)?;
    model.set_beside(scorers);
    Ok((model, peers))
}

fn tensor<'a>(tensors: &SafeTensors<'a>, name: &str, dtype: Dtype) -> Result<&'a [u8], ModelError> {
    match tensors.tensor(name) {
        Ok(tensor) if tensor.dtype() == dtype => Ok(tensor.data()),
        Ok(tensor) => {
            let found = tensor.dtype();
            Err(refused(format!("tensor {name:?} of the model file is {found:?}, not {dtype:?}")))
        }
        Err(_) => Err(refused(format!("tensor {name:?} is missing from the model file"))),
    }
}

/// At least how many weights the hidden layers take. Widths come from the file: this keeps the
/// layout's sums from overflowing.
fn hidden_weights(header: &ModelHeader) -> usize {
    let widths = header.config.encoder_layers.iter().chain(&header.config.decoder_layers);
    let (total, _) = widths.fold((0_usize, 1_usize), |(total, inputs), &width| {
        (total.saturating_add(inputs.saturating_mul(width)), width)
    });
    total
}

fn check_users<'a>(headers: impl Iterator<Item = &'a ModelHeader>) -> Result<(), ModelError> {
    let mut users = HashSet::new();
    for header in headers {
        if !users.insert(header.user.as_str()) {
            let user = &header.user;
            return Err(refused(format!("user {user:?} has two models; a file holds one each")));
        }
    }
    Ok(())
}

fn weights_name(n: usize) -> String {
    format!("{n:08}.weights")
}

fn header_name(n: usize) -> String {
    format!("{n:08}.header")
}

/// Ends the name of every tensor of scorers.
const SCORERS: &str = ".scorers";

fn scorers_name(n: usize) -> String {
    format!("{n:08}{SCORERS}")
}

fn words_name(n: usize) -> String {
    format!("{n:08}.words")
}

fn numbers_name(n: usize) -> String {
    format!("{n:08}.numbers")
}

fn hexadecimal(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unreadable(error: SafeTensorError) -> ModelError {
    refused(match error {
        SafeTensorError::MetadataIncompleteBuffer => {
            "the model file is not as long as its header states: it was cut short or added to"
                .into()
        }
        other => format!("the model file is damaged: {other}"),
    })
}

fn refused(message: String) -> ModelError {
    ModelError::Artifact(message)
}

#[cfg(test)]
mod tests;
