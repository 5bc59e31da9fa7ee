//! The line that people paste, on the data of the course that made it known, where that is at hand
//! (`../shared/data/user123` beside the repository).

use crate::place::{Place, numbers, shared};
use crate::statistics::{mean, pearson, spearman, z};

/// The account takeover.
const TAKEOVER: [usize; 6] = [314, 315, 316, 317, 318, 321];

/// The scores of the validation rows for one seed, and these options of `train-ae`.
fn scores(seed: u64, options: &str) -> Option<Vec<f64>> {
    let data = shared("data/user123")?;
    let place = Place::new();
    let data = data.display();
    let ended = place.morpheus(&format!(
        "run --num_threads=1 pipeline-ae --userid_filter=user123 \
         --userid_column_name=userIdentitysessionContextsessionIssueruserName \
         from-cloudtrail --input_glob={data}/validation/*.csv \
         train-ae --train_data_glob={data}/training/*.csv --seed {seed} {options} \
         preprocess inf-pytorch add-scores serialize \
         to-file --filename=output.csv --overwrite"
    ));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let output = place.read("output.csv");
    let input =
        std::fs::read_to_string(format!("{data}/validation/dfp-user123-validation.csv")).unwrap();
    let columns = input.lines().next().unwrap().trim_start_matches(',');
    assert_eq!(
        output.lines().next().unwrap(),
        format!(",_index_,{columns},event_dt,ae_anomaly_score")
    );
    assert_eq!(numbers(&output, "_index_"), (0..847).map(f64::from).collect::<Vec<_>>());
    Some(numbers(&output, "ae_anomaly_score"))
}

fn unusual(scores: &[f64]) -> Vec<usize> {
    (0..scores.len()).zip(z(scores)).filter(|(_, z)| *z > 4.0).map(|(row, _)| row).collect()
}

fn published() -> Vec<f64> {
    let path = shared("data/user123/published_scores.csv").unwrap();
    numbers(&std::fs::read_to_string(path).unwrap(), "ae_anomaly_score")
}

#[test]
fn the_takeover_is_found_with_seed_42() {
    let Some(scores) = scores(42, "") else { return };
    assert_eq!(unusual(&scores), TAKEOVER);
}

#[test]
fn the_scores_agree_with_the_published_ones_for_other_seeds() {
    let mut exact = 0;
    for seed in 1..=10 {
        let Some(scores) = scores(seed, "") else { return };
        let published = published();
        assert!(pearson(&scores, &published) >= 0.95, "seed {seed}");
        assert!(spearman(&scores, &published) >= 0.92, "seed {seed}");
        assert!((0.30..0.50).contains(&mean(&scores)), "seed {seed}");
        exact += usize::from(unusual(&scores) == TAKEOVER);
    }
    assert!(exact >= 8, "{exact} of 10 seeds");
}

#[test]
fn the_small_network_finds_the_takeover_too() {
    let mut exact = 0;
    for seed in [42].into_iter().chain(1..10) {
        let Some(scores) = scores(seed, "--architecture=compact") else { return };
        exact += usize::from(unusual(&scores) == TAKEOVER);
    }
    assert!(exact >= 8, "{exact} of 10 seeds");
}
