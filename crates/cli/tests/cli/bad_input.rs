//! What people get wrong, and what they are told: whole messages and exit codes.

use crate::place::{Ended, Place, log, numbers};

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
        Self {
            run: "",
            pipeline: "",
            source: "--input_glob=in/*",
            train: "--train_data_glob=train/*",
            file: "--filename=out.csv",
        }
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
        (
            2,
            "error: no file matches \"in/*.json\"; the nearest existing directory \"in\" holds 1 file(s) (.csv) and 0 folder(s)\n"
        )
    );
    nothing_is_left(&place);
    let ended =
        Line { source: "--input_glob=in/*.json --allow_no_files", ..Line::default() }.run(&place);
    assert_eq!((ended.code, ended.messages().as_str()), (0, ""));
}

#[test]
fn an_empty_file_and_one_with_a_header_only() {
    let place = place();
    place.write("in/b.csv", "");
    place.write("in/c.csv", ",eventTime,eventName,eventSource,userName,errorCode\n");
    let ended = Line::default().run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            3,
            "warning: empty file: \"in/b.csv\" line 1; expected a header line with column names\n\
             warning: no rows below the header: \"in/c.csv\"; expected at least one row\n"
        )
    );
    assert_eq!(numbers(&place.read("out.csv"), "ae_anomaly_score").len(), 40);

    let alone = Place::new();
    alone.write("train/a.csv", log(&["ann"], 60));
    alone.write("in/b.csv", "");
    let ended = Line::default().run(&alone);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            1,
            "warning: empty file: \"in/b.csv\" line 1; expected a header line with column names\n\
             error: no rows in 1 file(s); 1 x unreadable file\n  empty file: \"in/b.csv\" line 1; expected a header line with column names\n"
        )
    );
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
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (3, "warning: 7 fields: \"in/b.csv\" line 3 row 1; expected at most 6 fields\n")
    );
    assert_eq!(numbers(&place.read("out.csv"), "ae_anomaly_score").len(), 42);
}

#[test]
fn a_broken_event_in_a_json_file_among_good_ones() {
    let place = place();
    place.write(
        "in/b.json",
        "{\"Records\": [{\"eventTime\": \"2021-10-01T08:00:00Z\", \"userName\": \"ann\"}, {]}",
    );
    let ended = Line::default().run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            3,
            "warning: key must be a string, and no end is found: \"in/b.json\" row 1; expected {\"Records\": [...]}, a list of events or one event a line\n"
        )
    );
    assert_eq!(numbers(&place.read("out.csv"), "ae_anomaly_score").len(), 41);
}

#[test]
fn invalid_utf_8() {
    let place = place();
    let mut bytes = log(&["ann"], 2).into_bytes();
    bytes.extend(b"2,2021-10-01T08:02:00Z,G\xff\xfet,s3,ann,\n");
    place.write("in/b.csv", bytes);
    let ended = Line::default().run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            3,
            "warning: byte 0xff is not UTF-8: \"in/b.csv\" line 4 byte 153 row 2; expected UTF-8 text\n"
        )
    );
    assert_eq!(numbers(&place.read("out.csv"), "ae_anomaly_score").len(), 42);
}

#[test]
fn a_missing_user_column() {
    let place = place();
    let ended = Line { pipeline: "--userid_column_name=usrName", ..Line::default() }.run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            1,
            "error: there is no user column in the training data: \"usrName\"; the nearest columns are userName\n"
        )
    );
    nothing_is_left(&place);
}

#[test]
fn a_user_filter_that_matches_nobody() {
    let place = place();
    let ended = Line { pipeline: "--userid_filter=Ann", ..Line::default() }.run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            1,
            "error: --userid_filter \"Ann\" matches nobody in the training data; there are 2 users, the commonest are ann (60 rows), bob (60 rows)\n"
        )
    );
}

#[test]
fn feature_columns_that_are_not_in_the_log() {
    let place = place();
    place.write("columns.txt", "evntName\n");
    let ended = Line { pipeline: "--columns_file=columns.txt", ..Line::default() }.run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            1,
            "warning: there is no feature column in the training data: \"evntName\"; the nearest columns are eventName, eventTime\nerror: none of the 1 feature columns is in the log: there is no column \"evntName\"; the nearest columns are eventName, eventTime\n"
        )
    );
}

#[test]
fn a_time_that_does_not_parse() {
    let place = place();
    place.write(
        "in/b.csv",
        ",eventTime,eventName,eventSource,userName,errorCode\n0,yesterday,Get,s3,ann,\n",
    );
    let ended = Line::default().run(&place);
    let said = "warning: \"yesterday\" is not a time: \"in/b.csv\" row 0 field \"eventTime\"; expected an ISO 8601 time like \"2021-10-01T08:00:00Z\", ";
    assert!(ended.messages().starts_with(said), "{}", ended.messages());
    assert_eq!((ended.code, ended.messages().lines().count()), (3, 1));
}

#[test]
fn a_training_set_of_one_row() {
    let place = place();
    place.write("train/a.csv", log(&["ann"], 1));
    let ended = Line::default().run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            1,
            "error: no model could be trained: user \"ann\": 1 training row, and --train_min_history asks for 2\n"
        )
    );
    nothing_is_left(&place);
}

#[test]
fn columns_that_are_all_constant() {
    let place = place();
    let row = |n: usize| format!("{n},2021-10-01T08:{n:02}:00Z,Get,s3,ann,\n");
    let text = |n: usize| {
        (0..n)
            .map(row)
            .fold(",eventTime,eventName,eventSource,userName,errorCode\n".to_owned(), |t, r| t + &r)
    };
    place.write("train/a.csv", text(50));
    place.write("in/a.csv", text(5));
    let ended = Line::default().run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            0,
            "warning: user \"ann\": all 3 feature columns are constant in the 50 training rows; every other value will look unusual\n"
        )
    );
}

#[test]
fn an_output_that_exists_is_replaced_only_on_request_and_on_success() {
    let place = place();
    place.write("out.csv", "precious");
    let ended = Line::default().run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            1,
            "error: to-file: \"out.csv\" exists already; choose another name or pass --overwrite\n"
        )
    );
    assert_eq!(place.read("out.csv"), "precious");
    let fails = Line {
        file: "--filename=out.csv --overwrite",
        pipeline: "--userid_filter=nobody",
        ..Line::default()
    };
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
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (1, "error: to-file: File exists (os error 17): cannot create directory \"in/a.csv\"\n")
    );
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
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (1, "error: to-file: File too large (os error 27): cannot write \"out.csv\"\n")
    );
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
             error: run: --num_threads: \"many\" is not a whole number from 1 to 1024\n\
             error: from-cloudtrail: --file-type: \"xml\" is not one of auto, csv, json, parquet\n\
             error: there is no stage \"train-a\"; did you mean train-ae\n\
             see morpheus run pipeline-ae --help\n"
        )
    );
}

#[test]
fn values_that_no_model_can_have_are_told_together() {
    let place = place();
    let ended = Line {
        train: "--architecture=small --encoder_layers=512,0 --decoder_layers= --activation=swish --optimizer=adamw \
                --learning_rate=0 --learning_rate_decay=-1 --train_batch_size=0 --swap_noise=20 --train_steps=0 \
                --loss_scaler=gauss",
        ..Line::default()
    }
    .run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            2,
            "error: train-ae: --architecture: \"small\" is not one of peer, compact\n\
             error: train-ae: --train_steps: \"0\" is not a whole number from 1 to 100000000\n\
             error: train-ae: --encoder_layers: \"512,0\" is not a list of layer widths from 1 to 65536, such as 512,500, or none\n\
             error: train-ae: --decoder_layers: \"\" is not a list of layer widths from 1 to 65536, such as 512,500, or none\n\
             error: train-ae: --activation: \"swish\" is not one of leaky_relu, relu, sigmoid, tanh, selu, hardtanh, relu6, elu, celu, rrelu, hardshrink, tanhshrink, softsign\n\
             error: train-ae: --optimizer: \"adamw\" is not one of sgd, adam; did you mean \"adam\"\n\
             error: train-ae: --learning_rate: \"0\" is not a number above 0\n\
             error: train-ae: --learning_rate_decay: \"-1\" is not a number above 0\n\
             error: train-ae: --train_batch_size: \"0\" is not a whole number from 1 to 1048576\n\
             error: train-ae: --swap_noise: \"20\" is not a number from 0 to 1\n\
             error: train-ae: --loss_scaler: \"gauss\" is not one of STANDARD, MODIFIED, NONE\n\
             see morpheus run pipeline-ae --help\n"
        )
    );
    nothing_is_left(&place);
}

#[test]
fn options_of_the_model_that_contradict_or_have_no_effect() {
    let place = place();
    let ended = Line {
        train: "--train_steps=5 --encoder_layers=none --decoder_layers=none --loss_scaler=none",
        ..Line::default()
    }
    .run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            2,
            "error: train-ae: --train_steps and --train_epochs both say how long to train; leave one of the two out\n\
             error: train-ae: encoder_layers cannot be \"[]\": at least one encoder or decoder layer\n\
             error: train-ae: --loss_scaler is about z-losses, and nothing writes them; add --details z_loss to add-scores, or leave it out\n\
             see morpheus run pipeline-ae --help\n"
        )
    );
    place.write("models", "");
    let ended = Line {
        train: "--pretrained_filename=models --architecture=compact --swap_noise=0",
        ..Line::default()
    }
    .run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            2,
            "error: train-ae: --architecture is about training, and with --pretrained_filename nothing is trained; leave one of the two out\n\
             error: train-ae: --swap_noise is about training, and with --pretrained_filename nothing is trained; leave one of the two out\n\
             see morpheus run pipeline-ae --help\n"
        )
    );
}

#[test]
fn stages_in_the_wrong_order_and_a_required_option_left_out() {
    let place = place();
    let ended = place.morpheus(
        "run pipeline-ae from-cloudtrail train-ae inf-pytorch serialize to-file --filename=out.csv",
    );
    assert_eq!(
        (ended.code, ended.stdout.as_str(), ended.messages().as_str()),
        (
            2,
            "Configuring Pipeline via CLI\n",
            "error: from-cloudtrail: --input_glob is required: files to read, a directory or a pattern; ** matches any number of directories\n\
             error: inf-pytorch cannot follow train-ae: it takes encoded rows, and train-ae hands on rows with a model; put preprocess between them\n\
             see morpheus run pipeline-ae --help\n"
        )
    );
}

#[test]
fn a_stage_that_is_not_here_yet() {
    let place = place();
    let ended = place.morpheus("run pipeline-ae from-cloudtrail --input_glob=in/* buffer --count 2 to-kafka --bootstrap_servers=x");
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            2,
            "error: to-kafka: it is not here yet; write a file with to-file (.jsonlines for a program that takes JSON)\n\
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
        (
            3,
            "warning: user \"eve\" has no model: 20 rows passed on with an empty score; train on this user's rows, or add --use_generic_model to pipeline-ae\n"
        )
    );
    let output = place.read("out.csv");
    let unscored = crate::place::column(&output, "ae_anomaly_score")
        .iter()
        .filter(|cell| cell.is_empty())
        .count();
    assert_eq!(unscored, 20);
    assert!(
        ended.stdout.contains("scored     20 rows, 20 rows without a model\n"),
        "{}",
        ended.stdout
    );

    let generic =
        Line { pipeline: "--use_generic_model", file: "--filename=generic.csv", ..Line::default() }
            .run(&place);
    assert_eq!((generic.code, generic.messages().as_str()), (0, ""));
    assert_eq!(numbers(&place.read("generic.csv"), "ae_anomaly_score").len(), 40);
}

#[test]
fn strictness_turns_what_is_skipped_into_a_failure() {
    let place = place();
    place.write(
        "in/b.csv",
        ",eventTime,eventName,eventSource,userName,errorCode\n0,yesterday,Get,s3,ann,\n",
    );
    let ended = Line { run: "--strict", ..Line::default() }.run(&place);
    assert_eq!(ended.code, 1);
    assert!(
        ended.messages().ends_with("error: --strict: 1 row of the input would be skipped\n"),
        "{}",
        ended.stderr
    );
    nothing_is_left(&place);
}

#[test]
fn a_pickle_is_refused() {
    let place = place();
    place.write(
        "model.pkl",
        b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05dill.\x94.".repeat(40),
    );
    let ended = Line { train: "--pretrained_filename=model.pkl", ..Line::default() }.run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            1,
            "warning: --train_epochs of train-ae has no effect: with --pretrained_filename nothing is trained\n\
             warning: --seed of train-ae has no effect: with --pretrained_filename nothing is trained\n\
             error: model.pkl: the file is a Python pickle, as the original pipeline writes it; reading a pickle runs whatever code it contains, so it is refused; train a new model file from the training logs instead\n"
        )
    );
}

#[test]
fn a_feature_that_no_new_event_carries_counts_as_missing() {
    let place = place();
    place.write("in/a.csv", log(&["ann"], 20).replace(",errorCode", ",note"));
    let ended = Line::default().run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            0,
            "warning: feature column \"errorCode\", which the model of user \"ann\" has learnt, is not in the input: it counts as missing there\n"
        )
    );
    assert_eq!(numbers(&place.read("out.csv"), "ae_anomaly_score").len(), 20);
}

#[test]
fn a_text_in_a_column_learnt_as_numbers_counts_as_missing() {
    let place = place();
    let with = |log: String, values: [&str; 3]| {
        let mut number = 0;
        let lines = log.lines().map(|line| {
            number += 1;
            let cell = if number == 1 { "requestParametersmaxResults" } else { values[number % 3] };
            format!("{line},{cell}\n")
        });
        lines.collect::<String>()
    };
    place.write("train/a.csv", with(log(&["ann"], 60), ["5", "10", "20"]));
    place.write("in/a.csv", with(log(&["ann"], 6), ["5", "many", "20"]));
    let ended = Line::default().run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            3,
            "warning: user \"ann\": 2 non-numeric values in numeric column \"requestParametersmaxResults\" treated as missing; the first is \"many\" in row 2\n"
        )
    );
    assert_eq!(numbers(&place.read("out.csv"), "ae_anomaly_score").len(), 6);
    assert!(
        ended.stdout.contains("skipped    input: 2 cells that are no numbers"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_user_with_the_name_of_everyones_model_never_stands_in_for_others() {
    let place = place();
    place.write("train/a.csv", log(&["ann", "*"], 60));
    place.write("in/a.csv", log(&["ann", "*", "eve"], 5));
    let ended = Line::default().run(&place);
    assert_eq!(ended.code, 3);
    let scores = crate::place::column(&place.read("out.csv"), "ae_anomaly_score");
    assert_eq!(scores.iter().filter(|cell| cell.is_empty()).count(), 10);
}

#[test]
fn rows_without_a_user_and_of_other_users_are_counted() {
    let place = place();
    place.write("in/b.csv", log(&["ann", ""], 5));
    let ended = Line::default().run(&place);
    assert_eq!(ended.code, 3);
    assert!(ended.stdout.contains("skipped    input: 5 rows without a user\n"), "{}", ended.stdout);
    let one =
        Line { pipeline: "--userid_filter=ann", file: "--filename=ann.csv", ..Line::default() }
            .run(&place);
    assert_eq!(one.code, 0);
    assert!(
        one.stdout.contains("left out   25 rows of other users, as --userid_filter asks\n"),
        "{}",
        one.stdout
    );
}

#[test]
fn reading_no_file_at_all_is_refused() {
    let place = place();
    let ended = Line { source: "--input_glob=in/* --max_files=0", ..Line::default() }.run(&place);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            2,
            "error: from-cloudtrail: --max_files: \"0\" would read nothing; expected 1 or more, or -1 for all\nsee morpheus run pipeline-ae --help\n"
        )
    );
}

#[test]
fn a_command_without_what_it_requires_ends_with_2_and_names_it() {
    let place = Place::new();
    for (line, missing) in [
        ("train", "--input is required"),
        ("train", "--store is required"),
        ("score", "--output is required"),
        ("alerts", "expected outputs of runs"),
        ("explain", "expected outputs of runs"),
        ("report", "--html is required"),
        ("plot", "--output is required"),
        ("evaluate", "--labels is required"),
        ("backtest", "--input is required"),
        ("models list", "--store is required"),
        ("models show", "expected one user"),
        ("plan check", "expected the file of a plan"),
        ("tools generate", "--output_dir is required"),
        ("--verbose", "there is no option --verbose"),
    ] {
        let ended = place.morpheus(line);
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{line}");
        assert!(ended.stderr.contains(missing), "{line}: {}", ended.stderr);
    }
    for line in ["-h", "help", "help train", "train -h", "help models list", "-V"] {
        let ended = place.morpheus(line);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{line}");
    }
}
