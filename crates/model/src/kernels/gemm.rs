//! Matrix products over the `gemm` crate, single-threaded: parallelism is the caller's, over tiles
//! of fixed shape, because only then does the order of every sum stay the same.

use gemm::Parallelism;
use std::ops::Range;

/// A strided view of a matrix; every element is checked to lie inside the slice when it is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `rows` rows of `stride` values each in `data`, of which `columns` are the matrix.
    ///
    /// # Panics
    /// If the columns do not fit the stride or the rows do not fit the data.
    pub(crate) fn new(data: &'a [f32], rows: usize, stride: usize, columns: Range<usize>) -> Self {
        check(data.len(), rows, stride, &columns);
        let width = columns.len();
        let data = data.get(columns.start..).unwrap_or(&[]);
        Self { data, rows, columns: width, row_stride: stride, column_stride: 1 }
    }

    /// The same numbers with rows and columns exchanged.
    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// The last element of the last row must exist: then all do.
fn check(len: usize, rows: usize, stride: usize, columns: &Range<usize>) {
    assert!(columns.start <= columns.end && columns.end <= stride, "columns outside the row");
    let needed = rows.checked_sub(1).and_then(|above| above.checked_mul(stride));
    let needed = needed.map_or(Some(0), |above| above.checked_add(columns.end));
    assert!(needed.is_some_and(|needed| needed <= len), "matrix of more rows than its slice");
}

/// `into` = `left` · `right`, with `into` row-major and dense, `[left rows, right columns]`.
///
/// # Panics
/// If the shapes do not fit.
pub(crate) fn product(into: &mut [f32], left: Matrix<'_>, right: Matrix<'_>) {
    assert_eq!(left.columns, right.rows, "inner sizes differ");
    assert_eq!(into.len(), left.rows * right.columns, "wrong size of the result");
    // SAFETY: `into` holds exactly rows x columns values, dense and row-major, and, being a unique
    // borrow, overlaps neither operand. `Matrix` and the assertions cover the rest.
    unsafe { multiply(into.as_mut_ptr(), right.columns, left, right) }
}

/// Within one table of `stride` wide rows: columns `into` = columns `from` · `right`.
///
/// # Panics
/// If the shapes do not fit or the two column ranges overlap.
pub(crate) fn product_within(
    table: &mut [f32],
    stride: usize,
    from: Range<usize>,
    into: Range<usize>,
    right: Matrix<'_>,
) {
    let rows = table.len() / stride;
    check(table.len(), rows, stride, &from);
    check(table.len(), rows, stride, &into);
    assert!(from.end <= into.start || into.end <= from.start, "columns overlap");
    assert_eq!((from.len(), into.len()), (right.rows, right.columns), "sizes differ");
    if rows == 0 {
        return;
    }
    let base = table.as_mut_ptr();
    // SAFETY: both column ranges lie inside every row (`check`), so the pointers and all strided
    // accesses stay inside `table`; the ranges are disjoint, so what is read is never what is
    // written. Both pointers come from the one unique borrow, which is not used in between.
    // `right` borrows other memory, since `table` is borrowed uniquely.
    unsafe {
        gemm_f32(
            [rows, right.columns, right.rows],
            (base.add(into.start), stride),
            (base.add(from.start).cast_const(), stride, 1),
            (right.data.as_ptr(), right.row_stride, right.column_stride),
        );
    }
}

/// # Safety
/// `into` points to `left.rows` rows of `right.columns` values at distance `stride`, not
/// overlapping the operands; `left.columns` = `right.rows`.
unsafe fn multiply(into: *mut f32, stride: usize, left: Matrix<'_>, right: Matrix<'_>) {
    // SAFETY: the destination is the caller's promise; the operands were checked when made.
    unsafe {
        gemm_f32(
            [left.rows, right.columns, left.columns],
            (into, stride),
            (left.data.as_ptr(), left.row_stride, left.column_stride),
            (right.data.as_ptr(), right.row_stride, right.column_stride),
        );
    }
}

/// `into[m, n]` = `left[m, k]` · `right[k, n]`; an operand is (pointer, row stride, column stride).
///
/// # Safety
/// All strided elements are in bounds of their allocations and the result overlaps no operand.
#[expect(clippy::cast_possible_wrap, reason = "a slice has at most isize::MAX bytes")]
unsafe fn gemm_f32(
    [m, n, k]: [usize; 3],
    into: (*mut f32, usize),
    left: (*const f32, usize, usize),
    right: (*const f32, usize, usize),
) {
    // SAFETY: the caller's promise. With `read_dst` false the old contents are not read.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            into.0,
            1,
            into.1 as isize,
            false,
            left.0,
            left.2 as isize,
            left.1 as isize,
            right.0,
            right.2 as isize,
            right.1 as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// Side of the squares that [`transpose`] moves: the values a cache line holds, so that each line
/// read or written is used in full before it is evicted.
const SQUARE: usize = 16;

/// `into[columns, rows]` = transpose of the dense row-major `from[rows, columns]`.
///
/// # Panics
/// If the sizes do not fit.
pub(crate) fn transpose(into: &mut [f32], from: &[f32], columns: usize) {
    assert_eq!(into.len(), from.len(), "wrong size of the result");
    let rows = from.len() / columns.max(1);
    let bands = into.chunks_mut(SQUARE * rows.max(1));
    for (band, first) in bands.zip((0..columns).step_by(SQUARE)) {
        for top in (0..rows).step_by(SQUARE) {
            let (width, height) = (band.len() / rows, SQUARE.min(rows - top));
            if (width, height) == (SQUARE, SQUARE) {
                transpose_square(band, rows, top, &from[top * columns + first..], columns);
            } else {
                for (column, line) in band.chunks_exact_mut(rows).enumerate() {
                    for (row, to) in line[top..top + height].iter_mut().enumerate() {
                        *to = from[(top + row) * columns + first + column];
                    }
                }
            }
        }
    }
}

/// One whole square, by way of the first-level cache: lines are read and written in one piece.
fn transpose_square(band: &mut [f32], rows: usize, top: usize, from: &[f32], columns: usize) {
    let mut square = [[0.0_f32; SQUARE]; SQUARE];
    for (row, source) in from.chunks(columns).take(SQUARE).enumerate() {
        for (column, value) in source[..SQUARE].iter().enumerate() {
            square[column][row] = *value;
        }
    }
    for (line, values) in band.chunks_exact_mut(rows).zip(&square) {
        line[top..top + SQUARE].copy_from_slice(values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers(n: usize, seed: u32) -> Vec<f32> {
        (0..n as u32)
            .map(|i| ((i.wrapping_mul(2_654_435_761) ^ seed) % 1000) as f32 / 500.0 - 1.0)
            .collect()
    }

    /// Row-major product by the definition, in double precision.
    fn reference(left: &[f32], right: &[f32], [m, n, k]: [usize; 3]) -> Vec<f64> {
        let at =
            |i, j| (0..k).map(|l| f64::from(left[i * k + l]) * f64::from(right[l * n + j])).sum();
        (0..m * n).map(|e| at(e / n, e % n)).collect()
    }

    fn close(got: &[f32], want: &[f64]) -> bool {
        got.iter().zip(want).all(|(g, w)| (f64::from(*g) - w).abs() < 1e-4)
    }

    fn flipped(from: &[f32], columns: usize) -> Vec<f32> {
        let mut into = vec![0.0; from.len()];
        transpose(&mut into, from, columns);
        into
    }

    proptest! {
        #[test]
        fn product_is_the_definition(m in 1_usize..40, n in 1_usize..40, k in 1_usize..40) {
            let (left, right) = (numbers(m * k, 1), numbers(k * n, 2));
            let want = reference(&left, &right, [m, n, k]);
            let mut got = vec![f32::NAN; m * n];
            product(&mut got, Matrix::new(&left, m, k, 0..k), Matrix::new(&right, k, n, 0..n));
            prop_assert!(close(&got, &want));
            let turned = flipped(&left, k);
            product(&mut got, Matrix::new(&turned, k, m, 0..m).transposed(), Matrix::new(&right, k, n, 0..n));
            prop_assert!(close(&got, &want));
        }

        #[test]
        fn product_within_is_the_definition(m in 1_usize..40, n in 1_usize..20, k in 1_usize..20) {
            let stride = n + k + 5;
            let mut table = numbers(m * stride, 3);
            let right = numbers(k * n, 4);
            let left: Vec<f32> = table.chunks(stride).flat_map(|row| row[2..2 + k].to_vec()).collect();
            let before = table.clone();
            product_within(&mut table, stride, 2..2 + k, 3 + k..3 + k + n, Matrix::new(&right, k, n, 0..n));
            let got: Vec<f32> = table.chunks(stride).flat_map(|row| row[3 + k..3 + k + n].to_vec()).collect();
            prop_assert!(close(&got, &reference(&left, &right, [m, n, k])));
            for (now, then) in table.chunks(stride).zip(before.chunks(stride)) {
                prop_assert_eq!(&now[..3 + k], &then[..3 + k]);
                prop_assert_eq!(&now[3 + k + n..], &then[3 + k + n..]);
            }
        }

        #[test]
        fn transpose_is_the_definition(rows in 1_usize..50, columns in 1_usize..50) {
            let from = numbers(rows * columns, 5);
            for (i, value) in flipped(&from, columns).iter().enumerate() {
                prop_assert_eq!(*value, from[i % rows * columns + i / rows]);
            }
        }
    }

    #[test]
    #[should_panic(expected = "columns overlap")]
    fn overlapping_columns_are_refused() {
        let right = [1.0; 4];
        product_within(&mut [0.0; 8], 4, 0..2, 1..3, Matrix::new(&right, 2, 2, 0..2));
    }

    #[test]
    #[should_panic(expected = "more rows than its slice")]
    fn short_slices_are_refused() {
        Matrix::new(&[0.0; 7], 2, 4, 0..4);
    }
}
