//! Lines that users of the original have in their scripts, with nothing changed but their paths.

use crate::place::{Ended, Place, column, numbers, words};

fn run(place: &Place, line: &str) -> Ended {
    Ended::of(place.command().args(&words(line)[1..]).output().unwrap())
}

fn ok(ended: &Ended) {
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

/// Generated logs of two users, one of them called user123, in `logs`.
fn place(source: &str) -> Place {
    let place = Place::new();
    ok(&place.morpheus(&format!(
        "tools generate --source={source} --output_dir=logs --users=2 --training_rows=400 --new_rows=80 --days=20"
    )));
    place
}

const ROLE: &str = "userIdentitysessionContextsessionIssueruserName";

#[test]
fn cloudtrail() {
    let place = place("cloudtrail");
    let features = [
        "eventSource",
        "eventName",
        "sourceIPAddress",
        "userAgent",
        "errorCode",
        "apiVersion",
        ROLE,
    ];
    place.write("columns_ae_cloudtrail.txt", features.join("\n"));
    let line = format!(
        "morpheus --log_level=DEBUG run --num_threads=1 --pipeline_batch_size=1024 --model_max_batch_size=1024 --use_cpp=False \
         pipeline-ae --columns_file=columns_ae_cloudtrail.txt --userid_column_name={ROLE} --userid_filter=user123 --feature_scaler=standard \
         from-cloudtrail --input_glob=logs/validation/*.csv --max_files=200 \
         train-ae --train_data_glob=logs/training/*.csv --source_stage_class=morpheus.stages.input.cloud_trail_source_stage.CloudTrailSourceStage --seed=42 \
         preprocess inf-pytorch add-scores serialize to-file --filename=out/cloudtrail.csv --overwrite"
    );
    for _ in 0..2 {
        let ended = run(&place, &line);
        ok(&ended);
        assert!(ended.stdout.starts_with(
            "Configuring Pipeline via CLI\nStarting pipeline via CLI... Ctrl+C to Quit\n"
        ));
    }
    let out = place.read("out/cloudtrail.csv");
    assert!(column(&out, ROLE).iter().all(|user| user == "user123"));
    assert!(numbers(&out, "ae_anomaly_score").iter().all(|score| *score > 0.0));
    assert!(out.starts_with(",_index_,"), "{}", out.lines().next().unwrap());
}

#[test]
fn cloudtrail_with_validation() {
    let place = place("cloudtrail");
    // The published lines of user123 and, with longer bins, of role-g.
    for rhythm in ["--resolution=1m --min_window='12 h' --hot_start=True", "--resolution=10m"] {
        validated(&place, rhythm);
    }
}

fn validated(place: &Place, rhythm: &str) {
    let line = |stages: &str, file: &str| {
        format!(
            "morpheus --log_level=DEBUG run --num_threads=1 --pipeline_batch_size=1024 --model_max_batch_size=1024 --use_cpp=False \
             pipeline-ae --userid_filter=user123 --userid_column_name={ROLE} \
             from-cloudtrail --input_glob=logs/validation/*.csv train-ae --train_data_glob=logs/training/*.csv --seed=42 \
             preprocess inf-pytorch add-scores timeseries {rhythm} \
             monitor --description 'Inference Rate' --smoothing=0.001 --unit inf {stages} to-file --filename={file} --overwrite"
        )
    };
    ok(&run(place, &line("serialize", "expected.csv")));
    let stages = "validate --val_file_name=expected.csv --results_file_name=results.json --index_col=_index_ --exclude=event_dt --rel_tol=0.1 --overwrite \
         serialize --include 'event' --include=ae_anomaly_score --include=ts_anomaly";
    let ended = run(place, &line(stages, "out.csv"));
    ok(&ended);
    assert!(ended.stderr.contains("Inference Rate[Complete]: "), "{}", ended.stderr);
    assert!(ended.stderr.contains(" inf/s]"), "{}", ended.stderr);
    let results: serde_json::Value = serde_json::from_str(&place.read("results.json")).unwrap();
    let rows = place.read("expected.csv").lines().count() - 1;
    assert_eq!(
        (&results["total_rows"], &results["matching_rows"], &results["diff_rows"]),
        (&rows.into(), &rows.into(), &0.into())
    );
    let out = place.read("out.csv");
    let header = out.lines().next().unwrap();
    assert!(
        header.ends_with(",event_dt,ae_anomaly_score,ts_anomaly") && !header.contains("userAgent")
    );
}

#[test]
fn duo_with_monitors_and_models() {
    let place = place("duo");
    place.write(
        "columns_ae_duo.txt",
        "accessdevicebrowser\naccessdeviceos\nauthdevicename\nresult\nreason\nlogcount\nlocincrement\n",
    );
    let line = |models: &str, file: &str| {
        format!(
            "morpheus --log_level=DEBUG run --num_threads=1 --pipeline_batch_size=1024 --model_max_batch_size=1024 --use_cpp=False \
             pipeline-ae --columns_file=columns_ae_duo.txt --userid_column_name=username --feature_scaler=standard \
             from-duo --input_glob=logs/validation/*.json --max_files=200 monitor --description='Input rate' \
             train-ae {models} preprocess inf-pytorch monitor --description='Inference rate' --unit inf \
             add-scores serialize to-file --filename={file} --overwrite"
        )
    };
    let train = "--train_data_glob=logs/training/*.json --source_stage_class=morpheus.stages.input.duo_source_stage.DuoSourceStage --seed=42 \
         --models_output_filename=models/duo_ae_user_models.pkl";
    let ended = run(&place, &line(train, "duo-detections.csv"));
    ok(&ended);
    for monitor in ["Input rate[Complete]: ", "Inference rate[Complete]: "] {
        assert!(ended.stderr.contains(monitor), "{}", ended.stderr);
    }
    let trained = place.read("duo-detections.csv");
    assert!(column(&trained, "username").contains(&"user123".to_owned()));
    let ended =
        run(&place, &line("--pretrained_filename=models/duo_ae_user_models.pkl", "again.csv"));
    ok(&ended);
    assert_eq!(place.read("again.csv"), trained);
}

#[test]
fn azure() {
    let place = place("azure");
    place.write(
        "columns_ae_azure.txt",
        "appDisplayName\nclientAppUsed\ndeviceDetailbrowser\ndeviceDetaildisplayName\ndeviceDetailoperatingSystem\nstatusfailureReason\nappincrement\nlocincrement\nlogcount\n",
    );
    let line = "morpheus --log_level=DEBUG run --num_threads=1 --pipeline_batch_size=1024 --model_max_batch_size=1024 --use_cpp=False \
         pipeline-ae --columns_file=columns_ae_azure.txt --userid_column_name=userPrincipalName --feature_scaler=standard \
         from-azure --input_glob=logs/validation/*.json --max_files=200 \
         train-ae --train_data_glob=logs/training/*.json --source_stage_class=morpheus.stages.input.azure_source_stage.AzureSourceStage --seed=42 \
         preprocess inf-pytorch monitor --description='Inference rate' --unit inf add-scores serialize \
         to-file --filename=azure-detections.csv --overwrite";
    let ended = run(&place, line);
    ok(&ended);
    let out = place.read("azure-detections.csv");
    let users = column(&out, "userPrincipalName");
    assert!(users.contains(&"user123@example.com".to_owned()));
    assert_eq!(numbers(&out, "ae_anomaly_score").len(), users.len());
}

#[test]
fn pipeline_other() {
    let place = Place::new();
    place.write(
        "detections.jsonlines",
        "{\"data\": \"a\", \"probs\": 0.9}\n{\"data\": \"b\", \"probs\": 0.2}\n",
    );
    let line = "morpheus --log_level=DEBUG run --num_threads=1 --pipeline_batch_size=1024 --use_cpp=False \
         pipeline-other from-file --filename=detections.jsonlines monitor --description 'File rate' deserialize \
         filter --filter_source=DATAFRAME --field_name=probs --threshold=0.5 \
         serialize --exclude '^ts_' to-file --filename=out.csv --overwrite";
    ok(&run(&place, line));
    assert_eq!(place.read("out.csv"), ",data,probs\n0,a,0.9\n");
}
