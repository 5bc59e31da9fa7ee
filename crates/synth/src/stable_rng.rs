//! Randomness that is the same for ever: ChaCha's output, and integers made of it here, because
//! a library of distributions may change its values between versions.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a stream of random numbers is for. Streams of a user are independent of each other, so
/// that more rows of history do not change a user's habits or the takeover.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Profile = 0,
    Training = 1,
    New = 2,
    Takeover = 3,
    /// Not a user's: who is taken over, and the names of files.
    World = 4,
}

pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    pub(super) fn new(seed: u64, user: u32, purpose: Purpose) -> Self {
        let mut stream = ChaCha8Rng::seed_from_u64(seed);
        stream.set_stream(u64::from(user) << 3 | purpose as u64);
        Self(stream)
    }

    /// 0 to `end` - 1; 0 if `end` is 0. The bias, below `end` / 2^32, does not matter here.
    pub(super) fn below(&mut self, end: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(end)) >> 32) as u32
    }

    /// `first` to `last`, both included.
    pub(super) fn between(&mut self, first: u32, last: u32) -> u32 {
        first + self.below(last - first + 1)
    }

    pub(super) fn chance(&mut self, per_mille: u32) -> bool {
        self.below(1000) < per_mille
    }

    /// A position, as likely as its weight; 0 if there is no weight.
    pub(super) fn weighted(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let mut left = self.below(weights.clone().sum());
        for (position, weight) in weights.enumerate() {
            if left < weight {
                return position;
            }
            left -= weight;
        }
        0
    }

    /// One of `items`, the k-th with weight 1/k (Zipf's law). `items` must not be empty.
    pub(super) fn zipf<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.weighted((1..=items.len() as u32).map(|rank| 5040 / rank))]
    }

    /// One of `items`, the k-th with weight 1/k²: mostly the first, rarely the last.
    pub(super) fn habit<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.weighted((1..=items.len() as u32).map(|rank| 5040 / (rank * rank)))]
    }

    /// One of `items`, all as likely. `items` must not be empty.
    pub(super) fn any<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u32) as usize]
    }

    /// `count` of `items` (all, if there are fewer), in random order.
    pub(super) fn some<T: Clone>(&mut self, items: &[T], count: usize) -> Vec<T> {
        let mut items = items.to_vec();
        let count = count.min(items.len());
        for position in 0..count {
            let other = position + self.below((items.len() - position) as u32) as usize;
            items.swap(position, other);
        }
        items.truncate(count);
        items
    }

    /// `length` characters of `alphabet`, which is ASCII.
    pub(super) fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(*self.any(alphabet))).collect()
    }

    pub(super) fn bits(&mut self) -> u128 {
        u128::from(self.0.next_u64()) << 64 | u128::from(self.0.next_u64())
    }
}

/// Letters and digits of AWS identifiers.
pub(super) const AWS_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
