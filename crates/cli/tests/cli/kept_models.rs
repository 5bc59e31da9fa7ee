//! Model files that were written once, and open in every later build.

use crate::place::{Place, column, numbers};

#[test]
fn model_files_of_every_version_open_and_score_as_they_did() {
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/models");
    // From version 3 on there is a model of all users, which the others lean on.
    for (version, scorer) in
        [(1, "peer"), (2, "recommended"), (3, "recommended"), (4, "recommended")]
    {
        let place = Place::new();
        let ended = place.morpheus(&format!(
            "run pipeline-ae --userid_column_name=userName --columns_file={kept}/features.txt \
             from-cloudtrail --input_glob={kept}/input.csv train-ae --pretrained_filename={kept}/version{version}.dfp \
             preprocess inf-ae --scorer={scorer} add-scores serialize --include=userName --include=ae_anomaly_score \
             --include=score --include=p_value to-file --filename=out.csv"
        ));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let (was, is) = (
            std::fs::read_to_string(format!("{kept}/version{version}.csv")).unwrap(),
            place.read("out.csv"),
        );
        assert_eq!(was.lines().next(), is.lines().next());
        assert_eq!(column(&was, "userName"), column(&is, "userName"));
        for name in ["ae_anomaly_score", "score", "p_value"].into_iter().take(if version == 1 {
            1
        } else {
            3
        }) {
            for (was, is) in numbers(&was, name).into_iter().zip(numbers(&is, name)) {
                // Other CPUs round in other places.
                assert!((was - is).abs() < 1e-4 * (1.0 + was.abs()), "{name}: {is} was {was}");
            }
        }
    }
}
