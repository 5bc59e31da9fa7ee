//! Random streams that depend on the seed, the user and the use, and on nothing else.

use sha2::{Digest, Sha256};

/// What the numbers are for. Uses never share a stream, so that one more draw for one use does
/// not change another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Weights,
    Epochs,
    Dropout,
    Neighbours,
    Resamples,
}

/// Seed of a ChaCha8 stream: SHA-256 of a domain, the seed and the user.
pub(crate) fn stream_seed(seed: u64, user: &str, stream: Stream) -> [u8; 32] {
    let domain: &[u8] = match stream {
        Stream::Weights => b"dfp/1/weights",
        Stream::Epochs => b"dfp/1/epochs",
        Stream::Dropout => b"dfp/1/dropout",
        Stream::Neighbours => b"dfp/1/neighbours",
        Stream::Resamples => b"dfp/1/resamples",
    };
    // All but the user have a fixed length or end in zero, so no two inputs are the same text.
    let mut hash = Sha256::new();
    hash.update(domain);
    hash.update([0]);
    hash.update(seed.to_le_bytes());
    hash.update(user.as_bytes());
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_argument_counts() {
        let seeds = [
            stream_seed(1, "ana", Stream::Weights),
            stream_seed(2, "ana", Stream::Weights),
            stream_seed(1, "bo", Stream::Weights),
            stream_seed(1, "ana", Stream::Epochs),
            stream_seed(1, "ana", Stream::Dropout),
        ];
        for (i, a) in seeds.iter().enumerate() {
            assert!(seeds[i + 1..].iter().all(|b| a != b));
        }
    }
}
