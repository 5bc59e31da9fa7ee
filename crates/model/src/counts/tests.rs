use super::*;
use proptest::prelude::*;

/// Four rows of two columns; the first tells the second but for one row.
const VALUES: [u32; 8] = [0, 0, 0, 0, 1, 1, 1, 0];

fn counts() -> Counts {
    Counts::fit(&VALUES, &[3, 3], &[10, 20, 30, 40])
}

fn near(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-12, "{a} is not {b}");
}

#[test]
fn surprises_are_those_of_the_formulas() {
    // n = 4; n_0 = (2, 2), n_1 = (3, 1); together (0,0): 2, (1,1): 1, (1,0): 1. The information
    // is .2158 - 0 (three pairs of two and two values): each is the other's parent.
    let counts = counts();
    // p_1(1) = 1.5 / 5; p(1 | 0) = (0 + 5 * .3) / (2 + 5).
    near(counts.surprise(1, &[0, 1], Row::New), -(1.5_f64 / 7.0).ln());
    // p_0(1) = 2.5 / 5; p(1 | 0) = (1 + 5 * .5) / (3 + 5).
    near(counts.surprise(0, &[1, 0], Row::New), -(3.5_f64 / 8.0).ln());
    // Never seen: p_1(2) = .5 / 5; p(2 | 1) = 5 * .1 / 7.
    near(counts.surprise(1, &[1, 2], Row::New), -(0.5_f64 / 7.0).ln());
    // Beside what was never seen, the column's own frequencies: p_1(0) = 3.5 / 5.
    near(counts.surprise(1, &[2, 0], Row::New), -(0.7_f64).ln());
}

#[test]
fn a_training_row_is_left_out_of_the_counts() {
    // Without the row (1, 1): n = 3, n_1(1) = 0: p_1(1) = .5 / 4; p(1 | 1) = 5 * .125 / (1 + 5).
    near(counts().surprise(1, &[1, 1], Row::Counted), -(0.625_f64 / 6.0).ln());
    let without = Counts::fit(&[0, 0, 0, 0, 1, 0], &[3, 3], &[]);
    assert!(without.columns[1].parents.is_empty(), "a constant column has none");
    near(without.surprise(1, &[1, 1], Row::New), -(0.125_f64).ln());
}

#[test]
fn a_row_score_is_the_root_of_the_sum_of_squares() {
    assert_eq!(row_score(&[3.0, 4.0]), 5.0);
    assert_eq!(row_score(&[]), 0.0);
}

#[test]
fn facts_are_counts_and_the_most_probable_value() {
    let facts = counts().facts(1, &[0, 1]);
    let given = Given { column: 0, value: 0, rows: 2, together: 0 };
    assert_eq!((facts.seen, facts.last, facts.given), (1, Some(30), Some(given)));
    // p_1(0) = .7; p(0 | 0) = (2 + 3.5) / 7.
    assert_eq!(facts.expected, 0);
    near(facts.probability, 5.5 / 7.0);
    let never = counts().facts(1, &[0, 2]);
    assert_eq!((never.seen, never.last), (0, None));
    assert_eq!(Counts::fit(&VALUES, &[3, 3], &[]).facts(1, &[0, 0]).last, None);
}

#[test]
fn one_row_and_no_row_are_counted_too() {
    let one = Counts::fit(&[0, 1], &[2, 2], &[]);
    near(one.surprise(0, &[0, 1], Row::Counted), -(0.5_f64).ln());
    near(one.surprise(0, &[0, 1], Row::New), -(0.75_f64).ln());
    let none = Counts::fit(&[], &[2, 2], &[]);
    near(none.surprise(0, &[0, 1], Row::New), -(0.5_f64).ln());
}

proptest! {
    #[test]
    fn leaving_a_row_out_is_counting_without_it(
        rows in prop::collection::vec((0..3_u32, 0..4_u32, 0..2_u32), 2..30),
        at: prop::sample::Index,
    ) {
        let at = at.index(rows.len());
        let flat = |rows: &[(u32, u32, u32)]| -> Vec<u32> {
            rows.iter().flat_map(|row| [row.0, row.1, row.2]).collect()
        };
        let all = Counts::fit(&flat(&rows), &[3, 4, 2], &[]);
        let mut others = rows.clone();
        let left = others.remove(at);
        let mut without = Counts::fit(&flat(&others), &[3, 4, 2], &[]);
        // Parents are chosen once, from all rows.
        for (column, of_all) in without.columns.iter_mut().zip(&all.columns) {
            let i = all.columns.iter().position(|c| std::ptr::eq(c, of_all)).unwrap();
            column.parents = of_all.parents.iter().map(|parent| {
                let values = flat(&others);
                let of = |c: usize| values.iter().skip(c).step_by(3).copied().collect::<Vec<_>>();
                let pairs = of(parent.column).into_iter().zip(of(i));
                Parent { column: parent.column, pairs: Pairs::count(pairs, [3, 4, 2][parent.column]) }
            }).collect();
        }
        for column in 0..3 {
            let row = [left.0, left.1, left.2];
            let (a, b) = (all.surprise(column, &row, Row::Counted), without.surprise(column, &row, Row::New));
            prop_assert!((a - b).abs() < 1e-9, "{} {}", a, b);
        }
        let mut words = Vec::new();
        let stored = all.store(&mut words);
        let mut rest = words.as_slice();
        prop_assert_eq!(&Counts::restore(stored, &[3, 4, 2], &mut rest).unwrap(), &all);
        prop_assert!(rest.is_empty());
    }
}
