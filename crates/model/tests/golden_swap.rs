//! The statistics of swap noise against the recorded ones.
#[expect(dead_code, reason = "this binary uses a part of the helper")]
mod common;

use common::golden_json;
use dfp_model::EncodedRows;
use dfp_model::encode::swap::{draws, swap_noise};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Two columns of each kind, every value of a column distinct, none in two columns.
fn distinct_table(rows: usize) -> EncodedRows {
    let column = |c: usize| (0..rows).map(move |r| (r * 6 + c) as f32);
    let pair = |a, b| column(a).zip(column(b)).flat_map(|(a, b)| [a, b]);
    EncodedRows {
        rows,
        numeric: pair(0, 1).collect(),
        binary: pair(2, 3).collect(),
        codes: pair(4, 5).map(|v| v as u32).collect(),
        ..EncodedRows::default()
    }
}

/// Row by row, what stands in each of the six columns.
fn cells(table: &EncodedRows) -> Vec<[usize; 6]> {
    let (n, b, c) = (&table.numeric, &table.binary, &table.codes);
    (0..table.rows)
        .map(|r| {
            [
                n[2 * r] as usize,
                n[2 * r + 1] as usize,
                b[2 * r] as usize,
                b[2 * r + 1] as usize,
                c[2 * r] as usize,
                c[2 * r + 1] as usize,
            ]
        })
        .collect()
}

#[test]
fn golden_swap_noise_changes_as_many_cells() {
    for case in golden_json("swap/swap.json")["cases"].as_array().unwrap() {
        let rows = case["rows"].as_u64().unwrap() as usize;
        let number = |key: &str| case[key].as_f64().unwrap();
        let clean = distinct_table(rows);
        let kept = clean.clone();
        let before = cells(&clean);
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let mut noisy = EncodedRows::default();
        let repetitions = 400;
        let mut changed: Vec<[f64; 6]> = Vec::new();
        for _ in 0..repetitions {
            swap_noise(&clean, number("likelihood"), &mut rng, &mut noisy);
            let mut counts = [0.0; 6];
            for (row, (after, before)) in cells(&noisy).iter().zip(&before).enumerate() {
                for c in 0..6 {
                    assert_eq!(after[c] % 6, c, "row {row}: a value from another column");
                    counts[c] += f64::from(after[c] != before[c]) / rows as f64;
                }
            }
            changed.push(counts);
        }
        assert_eq!(clean, kept, "the clean table stays as it is");
        for c in 0..6 {
            let n = f64::from(repetitions);
            let mean = changed.iter().map(|x| x[c]).sum::<f64>() / n;
            let sd =
                (changed.iter().map(|x| (x[c] - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
            let (expected, expected_sd) =
                (number("expected_changed_fraction"), number("expected_sd_one_draw"));
            let errors = (mean - expected).abs() / (expected_sd / n.sqrt());
            assert!(errors < 4.0, "{rows} rows, column {c}: {mean} for {expected}");
            assert!((sd / expected_sd - 1.0).abs() < 0.2, "{rows} rows, column {c}: sd {sd}");
        }
    }
}

#[test]
fn golden_swap_noise_draws_as_often() {
    for case in golden_json("swap/swap.json")["rounding"].as_array().unwrap() {
        let rows = case["rows"].as_u64().unwrap() as usize;
        let drawn = draws(rows, case["likelihood"].as_f64().unwrap());
        assert_eq!(drawn as u64, case["draws"].as_u64().unwrap(), "{case}");
    }
}
