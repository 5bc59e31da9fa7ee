//! Whole runs of the binary on small logs.

use crate::place::{Ended, Place, column, log, numbers, shared};

const AFTER: &str = "preprocess inf-pytorch add-scores serialize to-file";

fn place() -> Place {
    let place = Place::new();
    place.write("train/a.csv", log(&["ann", "bob"], 300));
    place.write("in/a.csv", log(&["ann", "bob"], 40));
    place
}

fn line(run: &str, train: &str, rest: &str) -> String {
    format!(
        "run {run} pipeline-ae --userid_column_name=userName from-cloudtrail --input_glob=in/*.csv \
         train-ae --train_epochs=2 {train} {rest}"
    )
}

fn ok(ended: &Ended) {
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

/// The repository's root.
fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs the bundled example and compares the six highest scores with the labels.
fn finds_the_takeover_of_the_example(options: &str) {
    let place = Place::new();
    let data = root().join("examples/user123");
    let ended = place.morpheus(&format!(
        "run --num_threads=1 pipeline-ae --userid_filter=user123 \
         --userid_column_name=userIdentitysessionContextsessionIssueruserName \
         from-cloudtrail --input_glob={data}/validation/*.csv \
         train-ae --train_data_glob={data}/training/*.csv --seed 42 {options} {AFTER} --filename=out.csv",
        data = data.display()
    ));
    ok(&ended);
    assert!(ended.stdout.starts_with(
        "Configuring Pipeline via CLI\nStarting pipeline via CLI... Ctrl+C to Quit\n"
    ));
    assert!(ended.stdout.contains("6 rows with z > 4"), "{}", ended.stdout);
    let labels = std::fs::read_to_string(data.join("labels.csv")).unwrap();
    let mut taken_over = column(&labels, "row");
    taken_over.sort();
    let output = place.read("out.csv");
    let scores = numbers(&output, "ae_anomaly_score");
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let rows = column(&output, "_index_");
    let mut top: Vec<String> = order[..6].iter().map(|&i| rows[i].clone()).collect();
    top.sort();
    assert_eq!(top, taken_over);
}

#[test]
fn the_takeover_in_the_example_data_is_found_by_both_architectures() {
    finds_the_takeover_of_the_example("");
    finds_the_takeover_of_the_example("--architecture=compact");
}

#[test]
fn bytes_do_not_depend_on_threads_or_on_the_run() {
    let place = place();
    for options in ["--train_epochs=2", "--architecture=compact"] {
        let mut outputs = Vec::new();
        for (number, threads) in [1, 2, 4, 4].into_iter().enumerate() {
            let run = format!(
                "--num_threads={threads} --compute_threads={threads} --pipeline_batch_size=16"
            );
            let train = format!(
                "--train_data_glob=train/* --seed=7 {options} --models_output_filename=models{number}"
            );
            let ended = place.morpheus(&format!(
                "run {run} pipeline-ae --userid_column_name=userName from-cloudtrail --input_glob=in/*.csv \
                 train-ae {train} {AFTER} --filename=out{number}.csv --overwrite"
            ));
            ok(&ended);
            outputs.push((
                place.read(&format!("out{number}.csv")),
                std::fs::read(place.path(&format!("models{number}"))).unwrap(),
            ));
        }
        for other in &outputs[1..] {
            assert!(outputs[0].0 == other.0, "{options}: output differs");
            assert!(outputs[0].1 == other.1, "{options}: weights differ");
        }
    }
}

/// No option is there for show: each changes what the run with another architecture's or no value
/// wrote.
#[test]
fn every_option_of_the_model_changes_the_scores() {
    let place = Place::new();
    let numbered = |log: String| {
        let mut lines = log.lines().enumerate().map(|(row, line)| match row {
            0 => format!("{line},requestParametersmaxResults\n"),
            _ => format!("{line},{}\n", (row * row) % 17),
        });
        lines.by_ref().collect::<String>()
    };
    place.write("train/a.csv", numbered(log(&["ann"], 200)));
    place.write("in/a.csv", numbered(log(&["ann"], 20)));
    let output = |pipeline: &str, options: &str| {
        let ended = place.morpheus(&format!(
            "run pipeline-ae --userid_column_name=userName {pipeline} from-cloudtrail --input_glob=in/*.csv \
             train-ae --train_data_glob=train/* --seed=1 {options} preprocess inf-pytorch \
             add-scores --details z_loss serialize to-file --filename=out.csv --overwrite"
        ));
        ok(&ended);
        place.read("out.csv")
    };
    let peer = output("", "");
    assert_eq!(peer, output("--feature_scaler=standard", "--architecture=peer --train_epochs=25"));
    let compact = output("", "--architecture=compact");
    assert_eq!(
        compact,
        output(
            "--feature_scaler=gauss_rank",
            "--architecture=compact --encoder_layers=64,16 --decoder_layers=64 --activation=relu --optimizer=adam \
             --learning_rate=.003 --learning_rate_decay=1 --train_batch_size=128 --train_steps=200 --swap_noise=.2 \
             --loss_scaler=standard"
        )
    );
    let mut outputs =
        vec![peer, compact, output("--feature_scaler=none", "--architecture=compact")];
    for option in [
        "--encoder_layers=64,8",
        "--decoder_layers=none",
        "--activation=tanh",
        "--optimizer=sgd",
        "--learning_rate=.01",
        "--learning_rate_decay=.5",
        "--train_batch_size=32",
        "--train_steps=7",
        "--train_epochs=3",
        "--swap_noise=0",
        "--loss_scaler=modified",
    ] {
        let with_option = output("", &format!("--architecture=compact {option}"));
        assert!(!outputs.contains(&with_option), "{option}");
        outputs.push(with_option);
    }
}

#[test]
fn another_seed_gives_other_scores_and_a_drawn_one_is_shown() {
    let place = place();
    for (seed, name) in [("--seed=1", "a.csv"), ("--seed=2", "b.csv")] {
        ok(&place.morpheus(&line(
            "",
            &format!("--train_data_glob=train/* {seed}"),
            &format!("{AFTER} --filename={name}"),
        )));
    }
    assert_ne!(place.read("a.csv"), place.read("b.csv"));
    let manual =
        line("--manual_seed=1", "--train_data_glob=train/*", &format!("{AFTER} --filename=c.csv"));
    ok(&place.morpheus(&manual));
    assert_eq!(place.read("a.csv"), place.read("c.csv"));
    let ended = place.morpheus(&line(
        "",
        "--train_data_glob=train/*",
        &format!("{AFTER} --filename=d.csv"),
    ));
    let seed = ended
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("seed "))
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap();
    let again = line(
        "",
        &format!("--train_data_glob=train/* --seed={seed}"),
        &format!("{AFTER} --filename=e.csv"),
    );
    ok(&place.morpheus(&again));
    assert_eq!(place.read("d.csv"), place.read("e.csv"));
}

#[test]
fn models_from_a_file_score_as_the_run_that_wrote_them() {
    let place = place();
    let train = "--train_data_glob=train/* --seed=3 --models_output_filename=models/all.dfp";
    ok(&place.morpheus(&line("", train, &format!("{AFTER} --filename=a.csv"))));
    ok(&place.morpheus(&line(
        "",
        "--pretrained_filename=models/all.dfp",
        &format!("{AFTER} --filename=b.csv"),
    )));
    assert_eq!(place.read("a.csv"), place.read("b.csv"));
}

#[test]
fn without_files_or_models_a_model_learns_the_message_that_it_scores() {
    let place = place();
    ok(&place.morpheus(&line("", "--seed=3", &format!("{AFTER} --filename=a.csv"))));
    assert_eq!(numbers(&place.read("a.csv"), "ae_anomaly_score").len(), 80);
}

#[test]
fn columns_are_the_index_the_file_row_the_log_and_the_score() {
    let place = place();
    ok(&place.morpheus(&line(
        "--pipeline_batch_size=7",
        "--train_data_glob=train/* --seed=3",
        &format!("{AFTER} --filename=a.csv"),
    )));
    let output = place.read("a.csv");
    assert_eq!(
        output.lines().next().unwrap(),
        ",_index_,eventTime,eventName,eventSource,userName,errorCode,event_dt,ae_anomaly_score"
    );
    // Users in order of first appearance, each numbered from 0; rows keep their number in the file.
    let index: Vec<f64> = (0..40).chain(0..40).map(f64::from).collect();
    assert_eq!(numbers(&output, ""), index);
    let file_rows: Vec<f64> =
        (0..40).map(|i| f64::from(2 * i)).chain((0..40).map(|i| f64::from(2 * i + 1))).collect();
    assert_eq!(numbers(&output, "_index_"), file_rows);
    assert_eq!(column(&output, "event_dt")[0], "2021-10-01 00:00:00+00:00");
}

#[test]
fn further_columns_by_option() {
    let place = place();
    place.write("labels.txt", "reconstruct_loss\nzscore\n");
    let line = "run pipeline-ae --userid_column_name=userName --labels_file=labels.txt from-cloudtrail --input_glob=in/*.csv \
         train-ae --train_epochs=2 --train_data_glob=train/* --seed=3 preprocess inf-pytorch add-scores --details all \
         serialize --exclude ^_index_ --exclude event to-file --filename=a.csv --include-index-col=false";
    ok(&place.morpheus(line));
    let output = place.read("a.csv");
    assert_eq!(
        output.lines().next().unwrap(),
        "userName,errorCode,reconstruct_loss,zscore,errorCode_pred,errorCode_loss,errorCode_z_loss,max_abs_z,mean_abs_z"
    );
    let worst = numbers(&output, "max_abs_z");
    assert!(
        numbers(&output, "mean_abs_z")
            .iter()
            .zip(&worst)
            .all(|(mean, max)| 0.0 <= *mean && mean <= max)
    );
    assert!(column(&output, "errorCode_pred").iter().all(|cell| cell == "Denied"));
    // Which model scored a row: the same line, another seed.
    let versions = |seed: &str| {
        let line = line.replace("--details all", "--model_version").replace("--seed=3", seed);
        ok(&place.morpheus(&format!("{line} --overwrite")));
        let output = place.read("a.csv");
        let (users, versions) = (column(&output, "userName"), column(&output, "model_version"));
        for (user, version) in users.iter().zip(&versions) {
            let digits = version.strip_prefix(&format!("{user}:")).unwrap();
            assert!(
                digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_hexdigit()),
                "{version}"
            );
        }
        versions
    };
    let first = versions("--seed=3");
    assert_eq!(versions("--seed=3"), first);
    assert_ne!(versions("--seed=4"), first);
}

#[test]
fn json_lines_and_parquet_are_told_by_the_name() {
    let place = place();
    let rest = format!(
        "{AFTER} --filename=a.jsonlines to-file --filename=a.parquet to-file --filename=a.csv"
    );
    ok(&place.morpheus(&line("", "--train_data_glob=train/* --seed=3", &rest)));
    let lines = place.read("a.jsonlines");
    assert_eq!(lines.lines().count(), 80);
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["event_dt"], 1_633_046_400_000_i64);
    assert_eq!(first["errorCode"], "Denied");
    assert_eq!(
        first["ae_anomaly_score"].as_f64().unwrap(),
        numbers(&place.read("a.csv"), "ae_anomaly_score")[0]
    );
    let parquet = std::fs::read(place.path("a.parquet")).unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
}

#[test]
fn a_source_can_be_dumped_and_monitored() {
    let place = place();
    let ended = place.morpheus(
        "run pipeline-ae --userid_column_name=userName from-cloudtrail --input_glob=in/* \
         monitor --description Rows --unit rows to-file --filename=a.csv",
    );
    ok(&ended);
    assert_eq!(column(&place.read("a.csv"), "userName").len(), 80);
    assert!(ended.stderr.contains("Rows[Complete]: 80 rows [00:00, "), "{}", ended.stderr);
}

#[test]
fn options_without_meaning_are_said_once() {
    let place = place();
    let ended = place.morpheus(&line(
        "--use_cpp=true",
        "--train_data_glob=train/* --seed=1 --sort_glob",
        &format!("{AFTER} --filename=a.csv"),
    ));
    ok(&ended);
    assert_eq!(
        ended.messages(),
        "warning: --use_cpp of run has no effect: there is one implementation, and it is native\n\
         warning: --sort_glob of train-ae has no effect: files are always read in sorted order\n"
    );
}

#[test]
fn max_history_takes_the_newest_rows_and_min_history_leaves_users_out() {
    let place = place();
    place.write("train/b.csv", log(&["eve"], 5));
    place.write("in/b.csv", log(&["eve"], 5));
    let train =
        "--train_data_glob=train/*.csv --seed=1 --train_min_history=10 --train_max_history=50";
    let ended = place.morpheus(&line("", train, &format!("{AFTER} --filename=a.csv")));
    assert_eq!(ended.code, 3);
    assert_eq!(
        ended.messages(),
        "error: user \"eve\" gets no model: 5 training rows, and --train_min_history asks for 10\n\
         warning: user \"eve\" has no model: 5 rows passed on with an empty score; train on this user's rows, or add --use_generic_model to pipeline-ae\n"
    );
}

#[test]
fn generated_logs_are_read_in_both_forms_and_lead_to_the_same_scores_of_rows() {
    let place = Place::new();
    let made = place.morpheus("tools generate --output_dir json --users 2 --training_rows 300 --new_rows 60 --days 20 --format json");
    ok(&made);
    let ended = place.morpheus(&format!(
        "run pipeline-ae --userid_column_name=userIdentitysessionContextsessionIssueruserName \
         from-cloudtrail --input_glob=json/validation/**/*.json* train-ae --train_epochs=2 --seed=1 \
         --train_data_glob=json/training/**/*.json* {AFTER} --filename=a.csv"
    ));
    ok(&ended);
    let users = column(&place.read("a.csv"), "userIdentitysessionContextsessionIssueruserName");
    assert_eq!(users.len(), 126);
    let again = place.morpheus("tools generate --output_dir json");
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains("--overwrite"), "{}", again.stderr);
}

/// Ctrl+C while training: nothing to finish, so nothing is written.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_with_130() {
    let place = Place::new();
    place.write("train/a.csv", log(&["ann"], 3000));
    place.write("in/a.csv", log(&["ann"], 40));
    let words = line(
        "",
        "--train_data_glob=train/* --train_epochs=100000",
        &format!("{AFTER} --filename=a.csv"),
    );
    let mut command = place.command();
    command
        .args(words.split_whitespace())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The first lines are printed once the handler is in place.
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    for _ in 0..2 {
        std::io::BufRead::read_line(&mut stdout, &mut text).unwrap();
    }
    let kill = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    let ended = Ended::of(child.wait_with_output().unwrap());
    assert_eq!(ended.code, 130, "{}", ended.stderr);
    assert!(ended.stderr.contains("Stopping pipeline"), "{}", ended.stderr);
    assert_eq!(place.list("."), ["in", "train"]);
}

/// Real CloudTrail delivery files, where they are at hand.
#[test]
fn real_logs_are_read_whole_and_their_busiest_user_is_scored() {
    let Some(real) = shared("data/cloudtrail-real") else { return };
    let place = Place::new();
    let real = real.display();
    let dump = place.morpheus(&format!(
        "run pipeline-ae --userid_column_name=eventVersion from-cloudtrail --input_glob={real}/*.json to-file --filename=all.csv"
    ));
    assert_eq!(dump.code, 0, "{}", dump.stderr);
    assert!(dump.stdout.contains("read       1,235 rows"), "{}", dump.stdout);
    let users = column(&place.read("all.csv"), "userIdentityuserName");
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for user in users.iter().filter(|user| !user.is_empty()) {
        *counts.entry(user).or_default() += 1;
    }
    let (busiest, rows) = counts.into_iter().max_by_key(|(_, rows)| *rows).unwrap();
    let ended = place.morpheus(&format!(
        "run pipeline-ae --userid_column_name=userIdentityuserName --userid_filter={busiest} \
         from-cloudtrail --input_glob={real}/*.json train-ae --train_data_glob={real}/*.json --train_epochs=2 --seed=1 \
         {AFTER} --filename=out.csv"
    ));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(numbers(&place.read("out.csv"), "ae_anomaly_score").len(), rows);
}
