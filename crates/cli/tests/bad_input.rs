//! What people get wrong, and what they are told: whole messages and exit codes.

mod common;

use common::{Ended, Place, log, numbers};

/// The line with small files, `{}` standing for further words of the pipeline's and stages' options.
struct Line {
    run: &'static str,
    pipeline: &'static str,
    source: &'static str,
    train: &'static str,
    file: &'static str,
}

impl Default for Line {
    fn default() -> Self {
        Self { run: "", pipeline: "", source: "--input_glob=in/*", train: "--train_data_glob=train/*", file: "--filename=out.csv" }
    }
}

impl Line {
    fn run(&self, place: &Place) -> Ended {
        let Self { run, pipeline, source, train, file } = self;
        place.morpheus(&format!(
            "run {run} pipeline-ae --userid_column_name=userName {pipeline} from-cloudtrail {source} \
             train-ae --train_epochs=1 --seed=1 {train} preprocess inf-pytorch add-scores serialize to-file {file}"
        ))
    }
}

/// A place with good training and input files of the users ann and bob.
fn place() -> Place {
    let place = Place::new();
    place.write("train/a.csv", log(&["ann", "bob"], 60));
    place.write("in/a.csv", log(&["ann", "bob"], 20));
    place
}

/// Nothing was written, finished or unfinished.
fn nothing_is_left(place: &Place) {
    assert_eq!(place.list("."), ["in", "train"]);
}

#[test]
fn a_good_line_ends_with_0() {
    let place = place();
    let ended = Line::default().run(&place);
    assert_eq!((ended.code, ended.messages().as_str()), (0, ""));
    assert_eq!(numbers(&place.read("out.csv"), "ae_anomaly_score").len(), 40);
}

#[test]
fn no_file_matches() {
    let place = place();
    let ended = Line { source: "--input_glob=in/*.json", ..Line::default() }.run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (2, "error: no file matches \"in/*.json\"; the nearest existing directory \"in\" holds 1 file(s) (.csv) and 0 folder(s)\n")
    );
    nothing_is_left(&place);
    let ended = Line { source: "--input_glob=in/*.json --allow_no_files", ..Line::default() }.run(&place);
    assert_eq!((ended.code, ended.messages().as_str()), (0, ""));
}

#[test]
fn an_empty_file_and_one_with_a_header_only() {
    let place = place();
    place.write("in/b.csv", "");
    place.write("in/c.csv", ",eventTime,eventName,eventSource,userName,errorCode\n");
    let ended = Line::default().run(&place);
    assert_eq!((ended.code, ended.messages().as_str()), (3, "EMPTY"));
    assert_eq!(numbers(&place.read("out.csv"), "ae_anomaly_score").len(), 40);

    let alone = Place::new();
    alone.write("train/a.csv", log(&["ann"], 60));
    alone.write("in/b.csv", "");
    let ended = Line::default().run(&alone);
    assert_eq!((ended.code, ended.messages().as_str()), (1, "EMPTY ALONE"));
    nothing_is_left(&alone);
}

#[test]
fn rows_with_too_many_and_too_few_fields() {
    let place = place();
    place.write(
        "in/b.csv",
        ",eventTime,eventName,eventSource,userName,errorCode\n\
         0,2021-10-01T08:00:00Z,Get,s3,ann,\n\
         1,2021-10-01T08:01:00Z,Get,s3,ann,,extra\n\
         2,2021-10-01T08:02:00Z,Get,s3,ann\n",
    );
    let ended = Line::default().run(&place);
    assert_eq!((ended.code, ended.messages().as_str()), (3, "FIELDS"));
    assert_eq!(numbers(&place.read("out.csv"), "ae_anomaly_score").len(), 42);
}

#[test]
fn a_broken_json_file_among_good_ones() {
    let place = place();
    place.write("in/b.json", "{\"Records\": [{\"eventTime\": \"2021-10-01T08:00:00Z\", \"userName\": \"ann\"}, {]}");
    let ended = Line::default().run(&place);
    assert_eq!((ended.code, ended.messages().as_str()), (3, "JSON"));
    assert_eq!(numbers(&place.read("out.csv"), "ae_anomaly_score").len(), 40);
}

#[test]
fn invalid_utf_8() {
    let place = place();
    let mut bytes = log(&["ann"], 2).into_bytes();
    bytes.extend(b"2,2021-10-01T08:02:00Z,G\xff\xfet,s3,ann,\n");
    place.write("in/b.csv", bytes);
    let ended = Line::default().run(&place);
    assert_eq!((ended.code, ended.messages().as_str()), (3, "UTF8"));
    assert_eq!(numbers(&place.read("out.csv"), "ae_anomaly_score").len(), 42);
}

#[test]
fn a_missing_user_column() {
    let place = place();
    let ended = Line { pipeline: "--userid_column_name=usrName", ..Line::default() }.run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (1, "error: there is no user column \"usrName\"; the nearest columns are userName\n")
    );
    nothing_is_left(&place);
}

#[test]
fn a_user_filter_that_matches_nobody() {
    let place = place();
    let ended = Line { pipeline: "--userid_filter=Ann", ..Line::default() }.run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (1, "error: --userid_filter \"Ann\" matches nobody; there are 2 users, the commonest are ann (60 rows), bob (60 rows)\n")
    );
}

#[test]
fn feature_columns_that_are_not_in_the_log() {
    let place = place();
    place.write("columns.txt", "evntName\n");
    let ended = Line { pipeline: "--columns_file=columns.txt", ..Line::default() }.run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (1, "error: none of the 1 feature columns is in the log: there is no column \"evntName\"; the nearest columns are eventName, eventTime, event_dt\n")
    );
}

#[test]
fn a_time_that_does_not_parse() {
    let place = place();
    place.write("in/b.csv", ",eventTime,eventName,eventSource,userName,errorCode\n0,yesterday,Get,s3,ann,\n");
    let ended = Line::default().run(&place);
    assert_eq!((ended.code, ended.messages().as_str()), (3, "TIME"));
}

#[test]
fn a_training_set_of_one_row() {
    let place = place();
    place.write("train/a.csv", log(&["ann"], 1));
    let ended = Line::default().run(&place);
    assert_eq!((ended.code, ended.messages().as_str()), (1, "ONE ROW"));
    nothing_is_left(&place);
}

#[test]
fn columns_that_are_all_constant() {
    let place = place();
    let row = |n: usize| format!("{n},2021-10-01T08:{n:02}:00Z,Get,s3,ann,\n");
    let text = |n: usize| (0..n).map(row).fold(",eventTime,eventName,eventSource,userName,errorCode\n".to_owned(), |t, r| t + &r);
    place.write("train/a.csv", text(50));
    place.write("in/a.csv", text(5));
    let ended = Line::default().run(&place);
    assert_eq!((ended.code, ended.messages().as_str()), (0, "CONSTANT"));
}

#[test]
fn an_output_that_exists_is_replaced_only_on_request_and_on_success() {
    let place = place();
    place.write("out.csv", "precious");
    let ended = Line::default().run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (1, "error: \"out.csv\" exists already; choose another name or pass --overwrite\n")
    );
    assert_eq!(place.read("out.csv"), "precious");
    let fails = Line { file: "--filename=out.csv --overwrite", pipeline: "--userid_filter=nobody", ..Line::default() };
    assert_eq!(fails.run(&place).code, 1);
    assert_eq!(place.read("out.csv"), "precious");
    let ended = Line { file: "--filename=out.csv --overwrite", ..Line::default() }.run(&place);
    assert_eq!(ended.code, 0);
    assert!(place.read("out.csv").starts_with(",_index_,"));
}

#[test]
fn an_output_directory_that_cannot_be_written() {
    let place = place();
    let ended = Line { file: "--filename=in/a.csv/out.csv", ..Line::default() }.run(&place);
    assert_eq!((ended.code, ended.messages().as_str()), (1, "UNWRITABLE"));
}

/// A limit on file size makes writing fail midway, as a full disk does.
#[cfg(unix)]
#[test]
fn a_disk_that_is_full() {
    let place = place();
    place.write("in/a.csv", log(&["ann", "bob"], 600));
    let mut shell = std::process::Command::new("bash");
    let line = format!(
        "trap '' XFSZ; ulimit -f 8; exec {} run pipeline-ae --userid_column_name=userName \
         from-cloudtrail --input_glob=in/* train-ae --train_epochs=1 --seed=1 --train_data_glob=train/* \
         preprocess inf-pytorch add-scores serialize to-file --filename=out.csv",
        env!("CARGO_BIN_EXE_morpheus")
    );
    shell.current_dir(place.path(".")).args(["-c", &line]);
    let ended = Ended::of(shell.output().unwrap());
    assert_eq!((ended.code, ended.messages().as_str()), (1, "FULL"));
    nothing_is_left(&place);
}

#[test]
fn unknown_names_and_values_are_told_together() {
    let place = place();
    let ended = place.morpheus(
        "run --num_threads=many pipeline-ae --userid_filer=x from-cloudtrail --input_glob=in/* --file_type=xml train-a preprocess",
    );
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            2,
            "error: pipeline-ae: there is no option --userid_filer; did you mean --userid_filter\n\
             error: run: --num_threads: \"many\" is not a whole number of at least 1\n\
             error: from-cloudtrail: --file-type: \"xml\" is not one of auto, csv, json\n\
             error: there is no stage \"train-a\"; did you mean train-ae\n\
             see morpheus run pipeline-ae --help\n"
        )
    );
}

#[test]
fn stages_in_the_wrong_order_and_a_required_option_left_out() {
    let place = place();
    let ended = place.morpheus("run pipeline-ae from-cloudtrail train-ae inf-pytorch serialize to-file --filename=out.csv");
    assert_eq!(
        (ended.code, ended.stdout.as_str(), ended.messages().as_str()),
        (
            2,
            "Configuring Pipeline via CLI\n",
            "error: from-cloudtrail: --input_glob is required: files to read; ** stands for any number of directories\n\
             error: inf-pytorch cannot follow train-ae: it takes encoded rows, and train-ae hands on rows with a model; put preprocess between them\n\
             see morpheus run pipeline-ae --help\n"
        )
    );
}

#[test]
fn a_stage_that_is_not_here_yet() {
    let place = place();
    let ended = place.morpheus("run pipeline-ae from-cloudtrail --input_glob=in/* timeseries --resolution 1m to-kafka --bootstrap_servers=x");
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            2,
            "error: timeseries: it is not here yet\n\
             error: to-kafka: it is not here yet\n\
             see morpheus run pipeline-ae --help\n"
        )
    );
}

#[test]
fn a_user_who_was_not_trained() {
    let place = place();
    place.write("in/a.csv", log(&["ann", "eve"], 20));
    let ended = Line::default().run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (3, "warning: user \"eve\" has no model: 20 rows passed on with an empty score; train on this user's rows, or add --use_generic_model to pipeline-ae\n")
    );
    let output = place.read("out.csv");
    let unscored = common::column(&output, "ae_anomaly_score").iter().filter(|cell| cell.is_empty()).count();
    assert_eq!(unscored, 20);
    assert!(ended.stdout.contains("scored     20 rows, 20 rows without a model\n"), "{}", ended.stdout);

    let generic = Line { pipeline: "--use_generic_model", file: "--filename=generic.csv", ..Line::default() }.run(&place);
    assert_eq!((generic.code, generic.messages().as_str()), (0, ""));
    assert_eq!(numbers(&place.read("generic.csv"), "ae_anomaly_score").len(), 40);
}

#[test]
fn strictness_turns_what_is_skipped_into_a_failure() {
    let place = place();
    place.write("in/b.csv", ",eventTime,eventName,eventSource,userName,errorCode\n0,yesterday,Get,s3,ann,\n");
    let ended = Line { run: "--strict", ..Line::default() }.run(&place);
    assert_eq!(ended.code, 1);
    assert!(ended.messages().ends_with("error: --strict: 1 rows and 0 files of the input would be skipped\n"), "{}", ended.stderr);
    nothing_is_left(&place);
}

#[test]
fn a_pickle_is_refused() {
    let place = place();
    place.write("model.pkl", b"\x80\x04\x95\x10\x00\x00\x00".as_slice());
    let ended = Line { train: "--pretrained_filename=model.pkl", ..Line::default() }.run(&place);
    assert_eq!((ended.code, ended.messages().as_str()), (1, "PICKLE"));
}
