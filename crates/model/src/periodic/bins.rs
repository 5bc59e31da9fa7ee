//! Times -> bins, and counts of bins -> the signal that is tested.

const SECOND: i64 = 1_000_000_000;

/// Nanoseconds -> whole seconds, halves to the even one, as the reference rounds.
pub fn whole_second(nanoseconds: i64) -> i64 {
    let (second, rest) = (nanoseconds.div_euclid(SECOND), nanoseconds.rem_euclid(SECOND));
    match rest.cmp(&(SECOND / 2)) {
        std::cmp::Ordering::Less => second,
        std::cmp::Ordering::Equal => second + (second & 1),
        std::cmp::Ordering::Greater => second + 1,
    }
}

/// The bin of a time: both in seconds, counted from 1970 or from any other even second.
pub fn bin_of(second: i64, resolution: i64) -> i64 {
    second.div_euclid(resolution.max(1))
}

/// Which entry of the signal stands for which bin of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BinMapping {
    /// Entry i is bin i of the window.
    #[default]
    Evident,
    /// The reference's histogram: it begins one bin early, with an entry that is always 0, and its
    /// last entry holds the last two bins together; what it finds there is said of the first of them.
    Peer,
}

impl BinMapping {
    /// Turns the counts of a window's bins, `[n]`, into the signal, `[n]`.
    pub fn arrange(self, counts: &mut [f64]) {
        if self == Self::Peer
            && let [.., before, last] = counts
        {
            *before += *last;
            counts.rotate_right(1);
            counts[0] = 0.0;
        }
    }

    /// The entry that decides about bin `at` of a window of `bins`; `None`: nothing is ever found there.
    pub fn entry(self, at: usize, bins: usize) -> Option<usize> {
        let entry = match self {
            Self::Evident => at,
            Self::Peer => at + 1,
        };
        (entry < bins).then_some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_the_even_second_also_before_1970() {
        let half = SECOND / 2;
        for (nanoseconds, second) in [
            (half, 0),
            (SECOND + half, 2),
            (half + 1, 1),
            (-half, 0),
            (-SECOND - half, -2),
            (-1, 0),
        ] {
            assert_eq!(whole_second(nanoseconds), second, "{nanoseconds}");
        }
        assert_eq!((bin_of(-1, 60), bin_of(0, 60), bin_of(59, 60)), (-1, 0, 0));
    }

    #[test]
    fn the_peers_histogram_begins_early_and_merges_its_end() {
        let mut counts = [1.0, 2.0, 3.0, 4.0];
        BinMapping::Peer.arrange(&mut counts);
        assert_eq!(counts, [0.0, 1.0, 2.0, 7.0]);
        assert_eq!(BinMapping::Peer.entry(0, 4), Some(1));
        assert_eq!(BinMapping::Peer.entry(3, 4), None);
        assert_eq!(BinMapping::Evident.entry(3, 4), Some(3));
    }
}
