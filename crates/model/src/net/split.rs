//! Sharing out parts of buffers among the threads of the ambient pool, without allocating.

use std::ops::Range;

/// Values of a buffer below which the work on them takes less time than waking a thread for it.
const WORTH_A_THREAD: usize = 1 << 15;

/// Something that can be cut in two at an offset.
pub(super) trait Split: Sized + Send {
    fn split(self, at: usize) -> (Self, Self);
}

impl Split for &mut [f32] {
    fn split(self, at: usize) -> (Self, Self) {
        // Shorter buffers are those that a rule does not use: empty.
        self.split_at_mut(at.min(self.len()))
    }
}

impl<A: Split, B: Split> Split for (A, B) {
    fn split(self, at: usize) -> (Self, Self) {
        let (a, b) = (self.0.split(at), self.1.split(at));
        ((a.0, b.0), (a.1, b.1))
    }
}

impl<T: Split> Split for [T; 3] {
    fn split(self, at: usize) -> (Self, Self) {
        let [a, b, c] = self.map(|part| part.split(at));
        ([a.0, b.0, c.0], [a.1, b.1, c.1])
    }
}

/// A part of a buffer.
pub(super) trait Part {
    fn range(&self) -> Range<usize>;
}

/// Calls `work` with each part and its piece of `buffers`. The parts follow one another without
/// gaps, and `buffers` starts where the first part does. Cuts in halves of about equal length.
pub(super) fn for_each_part<P: Part + Sync, B: Split>(
    parts: &[P],
    buffers: B,
    work: &(impl Fn(&P, B) + Sync),
) {
    let (first, last) = match parts {
        [] => return,
        [part] => return work(part, buffers),
        [first, .., last] => (first.range().start, last.range().end),
    };
    let half = first + (last - first) / 2;
    let cut = parts.partition_point(|part| part.range().start < half).clamp(1, parts.len() - 1);
    let (left, right) = parts.split_at(cut);
    let (low, high) = buffers.split(right.first().map_or(last, |part| part.range().start) - first);
    if last - first < WORTH_A_THREAD {
        for_each_part(left, low, work);
        for_each_part(right, high, work);
    } else {
        rayon::join(|| for_each_part(left, low, work), || for_each_part(right, high, work));
    }
}

/// Length of equal pieces of `len`, at most `most`, a multiple of `unit`: depends on nothing else,
/// above all not on the number of threads.
pub(super) fn piece(len: usize, most: usize, unit: usize) -> usize {
    let pieces = len.div_ceil(most).max(1);
    len.div_ceil(pieces).next_multiple_of(unit).max(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Part for Range<usize> {
        fn range(&self) -> Range<usize> {
            self.clone()
        }
    }

    #[test]
    fn every_part_gets_its_piece() {
        let parts = [0..1, 1..1, 1..40, 40..42, 42..50];
        let mut buffer = [0.0; 50];
        for_each_part(&parts, (&mut buffer[..], &mut [][..]), &|part,
                                                                (piece, none): (
            &mut [f32],
            &mut [f32],
        )| {
            assert!(none.is_empty());
            assert_eq!(piece.len(), part.len());
            piece.fill(part.end as f32);
        });
        for part in parts {
            assert!(buffer[part.clone()].iter().all(|v| *v == part.end as f32));
        }
    }

    #[test]
    fn pieces_are_equal() {
        assert_eq!((piece(512, 256, 8), piece(300, 256, 8), piece(5, 256, 8)), (256, 152, 8));
        assert_eq!(piece(0, 256, 8), 8);
    }
}
