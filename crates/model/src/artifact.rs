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
//! and, of models with [`Scorer::Recommended`](crate::config::Scorer::Recommended) alone:
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
//! | `3` | fingerprints of the models that others lean on, counts of categories, the training rows' times, who trained |
//!
//! A model with scorers may lean on another, which it names by user and [`fingerprint()`]. [`write()`] puts both into one
//! file; [`write_one`] leaves the other where it is, and [`read_one`] asks for it: thousands of models
//! share one. A fingerprint is one of what is written: what is added to models must be left out where it is not
//! known, so that those of files that exist stay the same.
//!
//! The checksum is the SHA-256, in 64 hexadecimal digits, of the whole file with these digits
//! taken as `0`. The same models give the same bytes; a file is written here rather than by the
//! `safetensors` crate because that one orders metadata at random.

mod kind;
mod read;
mod write;

use crate::error::ModelError;
use crate::header::ModelHeader;
use crate::user_model::MAX_WEIGHTS;
pub use read::{read, read_one};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
pub use write::{fingerprint, write, write_one};

const FORMAT: &str = "dfp-model";
/// Versions that are read; the last one is written.
const VERSIONS: [&str; 4] = ["1", "2", "3", "4"];
const DIGITS: usize = 64;
/// Start of the JSON header of every model file, up to the checksum's digits.
const BEFORE_DIGITS: &[u8] = b"{\"__metadata__\":{\"sha256\":\"";
/// Bytes before the JSON header: its length.
const LENGTH: usize = 8;

/// What a model file may ask of the machine; more is refused before memory is taken for it. JSON can take up to
/// twenty times its size in memory, weights, words and numbers twice theirs.
///
/// ```
/// use dfp_model::artifact::Limits;
///
/// let of_a_store = Limits { max_bytes: 64 << 20, max_users: 1, ..Limits::default() };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file; 8 GiB by default.
    pub max_bytes: u64,
    /// Users in the file; 100,000 by default.
    pub max_users: usize,
    /// Weights of one user's model, and words and numbers of its scorers; 2^28 each, that is 1 GiB,
    /// by default.
    pub max_weights: usize,
    /// Bytes of the JSON of one user's header, and of its scorers; 256 MiB each by default.
    pub max_json: usize,
}

impl Limits {
    /// Files up to this size, and nothing within them that is larger; the default's other limits stay.
    #[must_use]
    pub fn of_bytes(max_bytes: u64) -> Self {
        let whole = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        let of = Self::default();
        Self {
            max_bytes,
            max_weights: of.max_weights.min(whole / size_of::<f32>()),
            max_json: of.max_json.min(whole),
            ..of
        }
    }

    /// Refuses a file of this size, if it is too large.
    ///
    /// # Errors
    /// [`ModelError::Artifact`] with both sizes.
    pub fn check_size(&self, bytes: u64) -> Result<(), ModelError> {
        if bytes <= self.max_bytes {
            return Ok(());
        }
        let most = self.max_bytes;
        Err(refused(format!("the model file has {bytes} bytes; at most {most} are read")))
    }

    /// How long the list of tensors can be: it is parsed as a whole.
    fn max_front(&self) -> usize {
        /// A tensor takes some hundred bytes, and a user has five at most.
        const OF_USER: usize = 1 << 10;
        const OF_FILE: usize = 1 << 12;
        self.max_users.saturating_mul(OF_USER).saturating_add(OF_FILE)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 8 << 30,
            max_users: 100_000,
            max_weights: MAX_WEIGHTS,
            max_json: 256 << 20,
        }
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

/// The name of a tensor of model `n`.
fn name(n: usize, part: &str) -> String {
    format!("{n:08}.{part}")
}

fn hexadecimal(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn refused(message: String) -> ModelError {
    ModelError::Artifact(message)
}

#[cfg(test)]
mod tests;
