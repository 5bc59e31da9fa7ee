//! Bytes to models. Nothing is believed before it is checked, and no memory is taken for what a file only
//! says that it has.

use super::kind::check_kind;
use super::{
    BEFORE_DIGITS, DIGITS, FORMAT, LENGTH, Limits, PeersName, VERSIONS, check_users, fingerprint,
    hexadecimal, name, refused,
};
use crate::combined::{Scorers, Stored, StoredPeers};
use crate::config::Scorer;
use crate::error::ModelError;
use crate::header::ModelHeader;
use crate::user_model::UserModel;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::Arc;

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

/// Reads a model that [`write_one`](super::write_one) wrote. `peers` is asked for the model that it leans on, at most
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
        let Some(name) = peers_name(&stored) else {
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

/// The name to look the peers up by.
fn peers_name(stored: &StoredPeers) -> Option<PeersName> {
    let fingerprint = stored.fingerprint.clone()?;
    Some(PeersName { user: stored.user.clone(), fingerprint })
}

/// Checks everything that a file says of itself before its models; returns their number too.
fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<(SafeTensors<'a>, usize), ModelError> {
    limits.check_size(bytes.len() as u64)?;
    check_kind(bytes, limits)?;
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
    let scorers = tensors.names().iter().filter(|name| name.ends_with(".scorers")).count();
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
    let lean: HashSet<usize> = leaning.iter().map(|(n, _)| *n).collect();
    for (n, stored) in leaning {
        let found = known.iter().find(|peers| peers.header().user == stored.user).cloned();
        let peers = match found {
            Some(peers) => peers,
            None => {
                let is_own = |(_, model): &(usize, &UserModel)| model.header().user == stored.user;
                let own = models.iter().enumerate().find(is_own);
                let (_, own) = own
                    .filter(|(n, own)| own.is_recommended() && !lean.contains(n))
                    .ok_or_else(|| without_peers(&models[n], &stored))?;
                let peers = Arc::new(own.clone());
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
    let header: ModelHeader = json(tensors, n, "header", limits)?;
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
    let weights = bounded(name(n, "weights"), Dtype::F32, "weights")?;
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
    let mut stored: Stored = json(tensors, n, "scorers", limits)?;
    let words = bounded(name(n, "words"), Dtype::U32, "counts")?;
    let words: Vec<u32> = words.iter().map(|b| u32::from_le_bytes(*b)).collect();
    let numbers = floats(bounded(name(n, "numbers"), Dtype::F32, "numbers")?);
    let peers = stored.peers.take();
    let scorers = Scorers::restore(stored, &header.plan, &words, &numbers)?;
    let mut model = UserModel::from_parts(header, weights)?;
    model.set_beside(scorers);
    Ok((model, peers))
}

/// A part of model `n` that is stored as JSON.
fn json<T: DeserializeOwned>(
    tensors: &SafeTensors<'_>,
    n: usize,
    part: &str,
    limits: &Limits,
) -> Result<T, ModelError> {
    let bytes = tensor(tensors, &name(n, part), Dtype::U8)?;
    if bytes.len() > limits.max_json {
        let (size, most) = (bytes.len(), limits.max_json);
        return Err(refused(format!(
            "the {part} of model {n} has {size} bytes; at most {most} are read"
        )));
    }
    serde_json::from_slice(bytes)
        .map_err(|e| refused(format!("the {part} of model {n} cannot be used: {e}")))
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
pub(super) fn hidden_weights(header: &ModelHeader) -> usize {
    let widths = header.config.encoder_layers.iter().chain(&header.config.decoder_layers);
    let (total, _) = widths.fold((0_usize, 1_usize), |(total, inputs), &width| {
        (total.saturating_add(inputs.saturating_mul(width)), width)
    });
    total
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
