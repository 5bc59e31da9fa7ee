use super::{Alerts, Ranking};
use proptest::prelude::*;

fn near(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-12, "{a} is not {b}");
}

#[test]
fn measures_of_a_small_ranking_by_hand() {
    // By score: +, -, + and - tied, -, +.
    let scores = [9.0, 7.0, 5.0, 5.0, 3.0, 1.0];
    let positive = [true, false, true, false, false, true];
    let ranking = Ranking::new(&scores, &positive);
    // Of nine pairs the first labelled row wins 3, the second 1 and a half, the last none.
    near(ranking.auroc().unwrap(), 4.5 / 9.0);
    // Precision 1 at the first, 2 of 4 at the second, 3 of 6 at the last.
    near(ranking.average_precision().unwrap(), (1.0 + 0.5 + 0.5) / 3.0);
    assert_eq!(ranking.alerts(0.0), Alerts { rows: 0.0, found: 0.0, threshold: f64::INFINITY });
    assert_eq!(ranking.alerts(1.0), Alerts { rows: 1.0, found: 1.0, threshold: 9.0 });
    // Half of the two tied rows: half of each.
    assert_eq!(ranking.alerts(3.0), Alerts { rows: 3.0, found: 1.5, threshold: 5.0 });
    assert_eq!(ranking.alerts(2.5), Alerts { rows: 2.5, found: 1.25, threshold: 5.0 });
    assert_eq!(ranking.alerts(99.0), Alerts { rows: 6.0, found: 3.0, threshold: 1.0 });
    near(ranking.found_of(3.0, |row| row == 2), 0.5);
    near(ranking.found_of(3.0, |row| row == 5), 0.0);
}

#[test]
fn what_cannot_be_measured_is_none() {
    for positive in [vec![], vec![true, true], vec![false, false]] {
        let ranking = Ranking::new(&vec![1.0; positive.len()], &positive);
        assert_eq!(ranking.auroc(), None);
        assert_eq!(ranking.intervals(&vec![0; positive.len()], 1), None);
    }
    assert_eq!(Ranking::new(&[1.0], &[false]).average_precision(), None);
}

#[test]
fn equal_scores_tell_nothing_and_no_number_ranks_last() {
    let ranking = Ranking::new(&[0.0, -0.0, 0.0], &[true, false, false]);
    near(ranking.auroc().unwrap(), 0.5);
    near(ranking.average_precision().unwrap(), 1.0 / 3.0);
    let ranking = Ranking::new(&[f64::NAN, -5.0], &[true, false]);
    near(ranking.auroc().unwrap(), 0.0);
}

#[test]
fn intervals_hold_the_measure_and_narrow_with_more_rows() {
    let rows = |n: usize| -> (Vec<f64>, Vec<bool>) {
        // Labelled rows are one of five, and a little higher.
        let score =
            |i: usize| (i * 7_919 % 1_000) as f64 + if i.is_multiple_of(5) { 300.0 } else { 0.0 };
        (0..n).map(|i| (score(i), i.is_multiple_of(5))).unzip()
    };
    let width = |n: usize| {
        let (scores, positive) = rows(n);
        let ranking = Ranking::new(&scores, &positive);
        let intervals = ranking.intervals(&vec![0; n], 7).unwrap();
        let (low, high) = intervals.auroc;
        assert!(low < ranking.auroc().unwrap() && ranking.auroc().unwrap() < high);
        let (low_ap, high_ap) = intervals.average_precision;
        assert!(low_ap < high_ap);
        high - low
    };
    let (wide, narrow) = (width(100), width(10_000));
    // A hundred times the rows: a tenth of the width.
    assert!((wide / narrow - 10.0).abs() < 3.0, "{wide} {narrow}");
}

#[test]
fn an_interval_is_as_wide_as_the_theory_of_the_measure_says() {
    // AUROC .5 of n and m rows: variance (n + m + 1) / (12 n m).
    let n = 400;
    let scores: Vec<f64> = (0..n).map(|i| f64::from(i * 7_919 % 4_001)).collect();
    let positive: Vec<bool> = (0..n).map(|i| i % 2 == 0).collect();
    let ranking = Ranking::new(&scores, &positive);
    let (low, high) = ranking.intervals(&vec![0; n as usize], 3).unwrap().auroc;
    let deviation = (401.0 / (12.0 * 200.0 * 200.0_f64)).sqrt();
    let expected = 2.0 * 1.96 * deviation;
    assert!(((high - low) / expected - 1.0).abs() < 0.12, "{} {expected}", high - low);
}

#[test]
fn resamples_stay_within_their_strata_and_depend_on_the_seed_alone() {
    // Two users whose scores do not overlap: within a user all scores of a class are equal, so no
    // resample within users can differ.
    let scores = [9.0, 9.0, 8.0, 8.0, 2.0, 2.0, 1.0, 1.0];
    let positive = [true, true, false, false, true, true, false, false];
    let ranking = Ranking::new(&scores, &positive);
    let by_user = ranking.intervals(&[0, 0, 0, 0, 1, 1, 1, 1], 5).unwrap();
    near(by_user.auroc.0, by_user.auroc.1);
    let together = ranking.intervals(&[0; 8], 5).unwrap();
    assert!(together.auroc.0 < together.auroc.1);
    assert_eq!(ranking.intervals(&[0; 8], 5).unwrap(), together);
    let threads = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    assert_eq!(threads.install(|| ranking.intervals(&[0; 8], 5)).unwrap(), together);
}

/// Pairs, one by one.
fn slow_auroc(rows: &[(f64, bool)]) -> Option<f64> {
    let (mut wins, mut pairs) = (0.0, 0.0);
    for (a, _) in rows.iter().filter(|row| row.1) {
        for (b, _) in rows.iter().filter(|row| !row.1) {
            wins += if a > b { 1.0 } else { f64::from(u8::from(a == b)) / 2.0 };
            pairs += 1.0;
        }
    }
    (pairs > 0.0).then(|| wins / pairs)
}

/// For each labelled row the precision of all rows that score as high.
fn slow_average_precision(rows: &[(f64, bool)]) -> Option<f64> {
    let labelled: Vec<f64> = rows.iter().filter(|row| row.1).map(|row| row.0).collect();
    let precision = |score: f64| {
        let above = rows.iter().filter(|row| row.0 >= score);
        let found = above.clone().filter(|row| row.1).count();
        found as f64 / above.count() as f64
    };
    let sum: f64 = labelled.iter().map(|score| precision(*score)).sum();
    (!labelled.is_empty()).then(|| sum / labelled.len() as f64)
}

/// The mean over all orders of equal scores of what the first `k` rows are: each row of the border
/// is in with the same probability.
fn slow_found(rows: &[(f64, bool)], k: usize) -> f64 {
    let probability = |score: f64| {
        let above = rows.iter().filter(|row| row.0 > score).count();
        let equal = rows.iter().filter(|row| row.0 == score).count();
        (k.saturating_sub(above) as f64 / equal as f64).min(1.0)
    };
    rows.iter().filter(|row| row.1).map(|row| probability(row.0)).sum()
}

proptest! {
    #[test]
    fn measures_are_those_of_their_definitions(
        rows in prop::collection::vec((0_u8..12, any::<bool>()), 0..60),
        k in 0_usize..70,
    ) {
        let rows: Vec<(f64, bool)> = rows.into_iter().map(|(s, p)| (f64::from(s) / 3.0, p)).collect();
        let (scores, positive): (Vec<f64>, Vec<bool>) = rows.iter().copied().unzip();
        let ranking = Ranking::new(&scores, &positive);
        let equal = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() < 1e-12,
            (a, b) => a == b,
        };
        prop_assert!(equal(ranking.auroc(), slow_auroc(&rows)));
        prop_assert!(equal(ranking.average_precision(), slow_average_precision(&rows)));
        let alerts = ranking.alerts(k as f64);
        prop_assert!((alerts.rows - k.min(rows.len()) as f64).abs() < 1e-9);
        prop_assert!((alerts.found - slow_found(&rows, k)).abs() < 1e-9);
        let found = ranking.found_of(k as f64, |row| positive[row]);
        prop_assert!((alerts.found - found).abs() < 1e-9);
    }

    #[test]
    fn a_rising_function_of_the_score_changes_nothing(
        rows in prop::collection::vec((-5.0..5.0_f64, any::<bool>()), 2..40),
    ) {
        let (scores, positive): (Vec<f64>, Vec<bool>) = rows.into_iter().unzip();
        let risen: Vec<f64> = scores.iter().map(|score| score * 3.0 + 1.0).collect();
        let (one, other) = (Ranking::new(&scores, &positive), Ranking::new(&risen, &positive));
        prop_assert_eq!(one.auroc(), other.auroc());
        prop_assert_eq!(one.average_precision(), other.average_precision());
    }
}
