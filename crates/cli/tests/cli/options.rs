//! No option is there for show: every one of the table changes what it should, is said to have no effect,
//! or is refused. An option without a check here fails the test, and so does a check without an option.

use crate::place::{Ended, Place, log};
use dfp_pipeline::options::{
    self, AUTOENCODER, Effect, GLOBAL, Kind, OTHER, OptionSpec, RUN, Role,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// How it is shown what an option does.
enum Check {
    /// A line with `{}` ends otherwise with the second text there than with the first: other files,
    /// other messages or another exit code.
    Changes(&'static str, &'static str, &'static str),
    /// The test of this name in this file (below `crates/`) has these words, and shows it.
    In(&'static str, &'static str, &'static str),
}

use Check::{Changes, In};

/// Rows of a source are written.
const DUMP: &str =
    "run pipeline-ae --userid_column_name=userName from-cloudtrail {} to-file --filename=out.csv";
/// Messages of a run.
const MESSAGES: &str = "--log_level=DEBUG run {} pipeline-ae --userid_column_name=userName from-cloudtrail --input_glob=in/*.csv \
    train-ae --pretrained_filename=models serialize to-file --filename=out.csv";
const SCORED: &str = "run pipeline-ae --userid_column_name=userName --labels_file=labels.txt from-cloudtrail --input_glob=in/*.csv \
    train-ae --pretrained_filename=models preprocess inf-pytorch add-scores {} to-file --filename=out.csv";
const ADD_SCORES: &str = "run pipeline-ae --userid_column_name=userName --labels_file=labels.txt from-cloudtrail --input_glob=in/*.csv \
    train-ae --pretrained_filename=models preprocess inf-pytorch add-scores {} serialize to-file --filename=out.csv";
const TO_FILE: &str = "run pipeline-other from-file --input_glob=in/*.csv to-file {}";
const VALIDATE: &str = "run pipeline-other from-file --input_glob=in/*.csv deserialize validate {} serialize to-file --filename=out.csv";
const WATCHING: &str = "cli/tests/cli/watching.rs";
const RUNS: &str = "cli/tests/cli/run.rs";
const STAGES: &str = "cli/tests/cli/stages.rs";

/// The check of an option; the options of all sources are those of `from-file`.
fn check(place: &str, option: &str) -> Option<Check> {
    Some(match (place, option) {
        ("morpheus", "log_level") => Changes(
            "{} run pipeline-other from-file --input_glob=in/*.csv to-file --filename=out.csv",
            "",
            "--log_level=DEBUG",
        ),
        ("run", "num_threads") => In(
            "flow/src/tests/engine.rs",
            "a_slow_message_holds_back_a_bounded_number_of_others",
            "num_threads: 3",
        ),
        ("run", "edge_buffer_size") => In(
            "flow/src/tests/engine.rs",
            "a_slow_message_holds_back_a_bounded_number_of_others",
            "edge_buffer_size: 2",
        ),
        ("run", "compute_threads") => {
            In(RUNS, "bytes_do_not_depend_on_threads_or_on_the_run", "--compute_threads=")
        }
        ("run", "pipeline_batch_size") => Changes(MESSAGES, "", "--pipeline_batch_size=7"),
        ("run", "manual_seed") => {
            In(RUNS, "another_seed_gives_other_scores_and_a_drawn_one_is_shown", "--manual_seed=1")
        }
        ("run", "strict") => In(
            "cli/tests/cli/bad_input.rs",
            "strictness_turns_what_is_skipped_into_a_failure",
            "--strict",
        ),
        ("pipeline-ae", "columns_file") => {
            Changes(TRAINED, "--columns_file=cloudtrail", "--columns_file=columns.txt")
        }
        ("pipeline-ae", "features") => Changes(TRAINED, "", "--features=features.toml"),
        ("pipeline-ae", "labels_file") => Changes(TRAINED, "", "--labels_file=labels.txt"),
        ("pipeline-ae", "userid_column_name") => Changes(
            "run pipeline-ae {} from-cloudtrail --input_glob=in/*.csv to-file --filename=out.csv",
            "--userid_column_name=userName",
            "--userid_column_name=eventSource",
        ),
        ("pipeline-ae", "userid_filter") => Changes(TRAINED, "", "--userid_filter=bob"),
        ("pipeline-ae", "feature_scaler") => {
            In(RUNS, "every_option_of_the_model_changes_the_scores", "--feature_scaler=none")
        }
        ("pipeline-ae", "use_generic_model") => Changes(TRAINED, "", "--use_generic_model"),
        ("pipeline-ae", "timestamp_column_name") => Changes(
            "run pipeline-ae --columns_file=columns.txt --userid_column_name=eventSource {} from-file --input_glob=in/*.csv to-file --filename=out.csv",
            "",
            "--timestamp_column_name=backwards",
        ),
        ("pipeline-other", "timestamp_column_name") => Changes(
            "run pipeline-other {} from-file --input_glob=in/*.csv to-file --filename=out.csv",
            "",
            "--timestamp_column_name=backwards",
        ),

        ("from-file", "input_glob") => {
            Changes(DUMP, "--input_glob=in/*.csv", "--input_glob=train/*")
        }
        ("from-file", "watch_directory") => In(
            WATCHING,
            "without_a_state_folder_a_watch_reads_what_is_there_and_what_comes",
            "--watch_directory",
        ),
        ("from-file", "settle") => {
            In(WATCHING, "a_period_shorter_than_an_hour_comes_to_its_end", "--settle")
        }
        ("from-file", "batch_timeout") => {
            In("io/src/watch.rs", "a_wait_without_notices_ends_after_the_interval", "interval")
        }
        ("from-file", "state_dir") => {
            In(WATCHING, "runs_one_after_the_other_go_on_where_the_last_one_ended", "--state_dir")
        }
        ("from-file", "start_time") => {
            Changes(DUMP, IN, "--input_glob=in/*.csv --start_time=2021-10-01T00:10:00Z")
        }
        ("from-file", "end_time") => {
            Changes(DUMP, IN, "--input_glob=in/*.csv --end_time=2021-10-01T00:10:00Z")
        }
        ("from-file", "duration") => Changes(
            DUMP,
            "--input_glob=in/*.csv --end_time=2021-10-02",
            "--input_glob=in/*.csv --end_time=2021-10-02 --duration=23h55m",
        ),
        ("from-file", "period") => Changes(DUMP, IN, "--input_glob=in/*.csv --period=15m"),
        ("from-file", "period_by") => Changes(
            DUMP,
            "--input_glob=in/*.csv --period=15m",
            "--input_glob=in/*.csv --period=15m --period_by=file",
        ),
        ("from-file", "lateness") => {
            In("cli/tests/cli/counters.rs", "while_files_arrive", "--lateness 1h")
        }
        ("from-file", "sampling") => {
            In(WATCHING, "a_sample_of_the_files_is_the_same_for_the_same_seed", "--sampling")
        }
        ("from-file", "batch_megabytes") => In(
            WATCHING,
            "large_input_is_read_in_parts_with_the_rows_of_one_part",
            "--batch_megabytes 1",
        ),
        ("from-file", "max_files") => {
            Changes(DUMP, "--input_glob=*/*.csv", "--input_glob=*/*.csv --max_files=1")
        }
        ("from-file", "file-type") => Changes(
            "run pipeline-ae --userid_column_name=userName from-cloudtrail --input_glob=named.json {} to-file --filename=out.csv",
            "",
            "--file-type=csv",
        ),
        ("from-file", "repeat") => Changes(DUMP, IN, "--input_glob=in/*.csv --repeat=2"),
        ("from-file", "recursive") => Changes(
            DUMP,
            "--input_glob=deep/**/*.csv",
            "--input_glob=deep/**/*.csv --recursive=false",
        ),
        ("from-file", "allow_no_files") => {
            Changes(DUMP, "--input_glob=in/*.none", "--input_glob=in/*.none --allow_no_files")
        }

        ("train-ae", "pretrained_filename") => {
            Changes(TRAIN, "--train_data_glob=train/* --seed=9", "--pretrained_filename=models")
        }
        ("train-ae", "train_data_glob") => {
            Changes(TRAIN, "--seed=1", "--seed=1 --train_data_glob=train/*")
        }
        ("train-ae", "source_stage_class") => Changes(
            TRAIN,
            "--train_data_glob=train/* --seed=1",
            "--train_data_glob=train/* --seed=1 --source_stage_class=a.DuoSourceStage",
        ),
        (
            "train-ae",
            name @ ("architecture"
            | "train_epochs"
            | "train_steps"
            | "encoder_layers"
            | "decoder_layers"
            | "activation"
            | "optimizer"
            | "learning_rate"
            | "learning_rate_decay"
            | "train_batch_size"
            | "swap_noise"
            | "loss_scaler"),
        ) => In(RUNS, "every_option_of_the_model_changes_the_scores", dashed(name)),
        ("train-ae", "train_min_history") => Changes(
            TRAIN,
            "--train_data_glob=train/* --seed=1",
            "--train_data_glob=train/* --seed=1 --train_min_history=90",
        ),
        ("train-ae", "train_max_history") => Changes(
            TRAIN,
            "--train_data_glob=train/* --seed=1",
            "--train_data_glob=train/* --seed=1 --train_max_history=20",
        ),
        ("train-ae", "seed") => Changes(
            TRAIN,
            "--train_data_glob=train/* --seed=1",
            "--train_data_glob=train/* --seed=2",
        ),
        ("train-ae", "models_output_filename") => Changes(
            TRAIN,
            "--train_data_glob=train/* --seed=1",
            "--train_data_glob=train/* --seed=1 --models_output_filename=new",
        ),

        ("add-scores", "label") => Changes(ADD_SCORES, "", "--label=zscore"),
        ("add-scores", "prefix") => Changes(ADD_SCORES, "", "--prefix=x_"),
        ("add-scores", "details") => Changes(ADD_SCORES, "", "--details=all"),
        ("add-class", "threshold") => {
            Changes(SCORED, "add-class serialize", "add-class --threshold=1 serialize")
        }
        ("add-class", "label") => {
            Changes(SCORED, "add-class serialize", "add-class --label=zscore serialize")
        }
        ("add-class", "prefix") => {
            Changes(SCORED, "add-class serialize", "add-class --prefix=x_ serialize")
        }
        ("filter", "threshold") => {
            Changes(SCORED, "filter serialize", "filter --threshold=1 serialize")
        }
        ("filter", "filter_source") => Changes(
            SCORED,
            "filter --filter_source=tensor serialize",
            "filter --filter_source=dataframe serialize",
        ),
        ("filter", "field_name") => Changes(
            SCORED,
            "filter --threshold=.8 serialize",
            "filter --threshold=.8 --field_name=zscore serialize",
        ),
        ("filter", "copy") => In(
            STAGES,
            "a_filter_by_copy_or_slices_gives_the_same_rows_in_one_or_more_messages",
            "--copy=false",
        ),
        ("validate", "val_file_name") => {
            Changes(VALIDATE, "--val_file_name=in/a.csv", "--val_file_name=train/a.csv")
        }
        ("validate", "results_file_name") => {
            Changes(VALIDATE, VAL, "--val_file_name=train/a.csv --results_file_name=r.json")
        }
        ("validate", "overwrite") => Changes(
            VALIDATE,
            "--val_file_name=train/a.csv --results_file_name=columns.txt",
            "--val_file_name=train/a.csv --results_file_name=columns.txt --overwrite",
        ),
        ("validate", "include") => {
            Changes(VALIDATE, VAL, "--val_file_name=train/a.csv --include=event")
        }
        ("validate", "exclude") => {
            Changes(VALIDATE, VAL, "--val_file_name=train/a.csv --exclude=event")
        }
        ("validate", "index_col") => {
            Changes(VALIDATE, VAL, "--val_file_name=train/a.csv --index_col=userName")
        }
        ("validate", "abs_tol") => {
            Changes(VALIDATE, "--val_file_name=near.csv", "--val_file_name=near.csv --abs_tol=.1")
        }
        ("validate", "rel_tol") => {
            Changes(VALIDATE, "--val_file_name=near.csv", "--val_file_name=near.csv --rel_tol=.1")
        }
        ("validate", "fail_on_mismatch") => {
            Changes(VALIDATE, VAL, "--val_file_name=train/a.csv --fail_on_mismatch")
        }
        ("dropna", "column") => Changes(
            DUMP,
            "--input_glob=in/*.csv dropna --column=errorCode",
            "--input_glob=in/*.csv dropna --column=eventName",
        ),

        ("monitor", "description") => {
            Changes(SCORED, "serialize monitor", "serialize monitor --description=Rows")
        }
        ("monitor", "unit") => {
            Changes(SCORED, "serialize monitor", "serialize monitor --unit=rows")
        }
        ("monitor", "smoothing") => {
            In("cli/src/console.rs", "the_rate_is_smoothed_as_asked_for", "smoothing")
        }
        ("monitor", "delayed_start") => In(
            "pipeline/src/stages/monitor.rs",
            "a_delayed_start_waits_for_the_first_message",
            "delayed_start",
        ),
        ("serialize", "include") => Changes(SCORED, "serialize", "serialize --include=event"),
        ("serialize", "exclude") => Changes(SCORED, "serialize", "serialize --exclude=event"),
        ("serialize", "fixed_columns") => Changes(FREE, "", "--fixed_columns=false"),
        ("to-file", "filename") => Changes(TO_FILE, "--filename=a.csv", "--filename=b.csv"),
        ("to-file", "overwrite") => Changes(
            TO_FILE,
            "--filename=columns.txt --file_type=csv",
            "--filename=columns.txt --file_type=csv --overwrite",
        ),
        ("to-file", "file_type") => {
            Changes(TO_FILE, "--filename=a.csv", "--filename=a.csv --file_type=json")
        }
        ("to-file", "include-index-col") => {
            Changes(TO_FILE, "--filename=a.csv", "--filename=a.csv --include-index-col=false")
        }
        ("to-file", "flush") => {
            In("io/src/sinks/file.rs", "a_flushed_batch_is_handed_over_at_once", "flush")
        }
        _ => return None,
    })
}

const IN: &str = "--input_glob=in/*.csv";
const VAL: &str = "--val_file_name=train/a.csv";
/// Models are trained; eve has none.
const TRAINED: &str = "run pipeline-ae --userid_column_name=userName {} from-cloudtrail --input_glob=in/*.csv \
    train-ae --train_data_glob=train/* --train_epochs=1 --seed=1 preprocess inf-pytorch add-scores serialize to-file --filename=out.csv";
const TRAIN: &str = "run pipeline-ae --userid_column_name=userName from-cloudtrail --input_glob=in/*.csv \
    train-ae --train_epochs=1 {} preprocess inf-pytorch add-scores serialize to-file --filename=out.csv";
/// Later rows have a column more.
const FREE: &str = "run pipeline-ae --userid_column_name=userName from-cloudtrail --input_glob=more/* --period=D \
    train-ae --pretrained_filename=models serialize {} to-file --filename=out.jsonlines";

fn dashed(option: &str) -> &'static str {
    [
        "--architecture",
        "--train_epochs",
        "--train_steps",
        "--encoder_layers",
        "--decoder_layers",
        "--activation",
        "--optimizer",
        "--learning_rate",
        "--learning_rate_decay",
        "--train_batch_size",
        "--swap_noise",
        "--loss_scaler",
    ]
    .into_iter()
    .find(|word| word.strip_prefix("--") == Some(option))
    .unwrap()
}

/// A table of ann, bob and, in the input, eve; `backwards` counts down in time.
fn table(users: &[&str], rows: usize) -> String {
    let mut table = String::new();
    for (number, line) in log(users, rows).lines().enumerate() {
        let more = match number {
            0 => "backwards,size".to_owned(),
            _ => format!("{},{}.5", 2_000 - number, number % 7),
        };
        let _ = writeln!(table, "{line},{more}");
    }
    table
}

fn place() -> Place {
    let place = Place::new();
    place.write("train/a.csv", table(&["ann", "bob"], 80));
    place.write("in/a.csv", table(&["ann", "bob", "eve"], 20));
    place.write("deep/er/still/a.csv", table(&["ann"], 3));
    place.write("deep/er/a.csv", table(&["ann"], 2));
    place.write("named.json", table(&["ann"], 2));
    place.write("near.csv", table(&["ann", "bob", "eve"], 20).replace(".5\n", ".55\n"));
    place.write("more/a.csv", "eventTime,userName\n2021-10-01T00:00:00Z,ann\n");
    place.write("more/b.csv", "eventTime,userName,later\n2021-10-03T00:00:00Z,ann,x\n");
    place.write("labels.txt", "reconstruct_loss\nzscore\n");
    place.write("columns.txt", "eventName\nerrorCode\n");
    place.write("features.toml", "user = \"userName\"\nfeatures = [\"eventName\", \"size\"]\n");
    let trained = place.morpheus(
        "run pipeline-ae --userid_column_name=userName from-cloudtrail --input_glob=train/* train-ae --train_data_glob=train/* \
         --train_epochs=2 --seed=1 --models_output_filename=models",
    );
    assert_eq!(trained.code, 0, "{}", trained.stderr);
    place
}

/// What a line leaves behind: exit code, what was said but for times, and its files, which are removed.
fn trace(place: &Place, line: &str) -> (i32, String, BTreeMap<String, Vec<u8>>) {
    let before: BTreeMap<String, Vec<u8>> = files(place);
    let Ended { code, stdout, stderr } = place.morpheus(line);
    let is_time = |word: &str| word.contains('.') && word.contains(|c: char| c.is_ascii_digit());
    let lines = stdout.lines().chain(stderr.lines()).filter(|line| !line.starts_with("time "));
    let words = lines.flat_map(|line| line.split_whitespace().chain(["\n"]));
    let said: Vec<&str> = words.filter(|word| !is_time(word) && !word.starts_with('[')).collect();
    let mut after = files(place);
    for name in after.keys().filter(|name| !before.contains_key(*name)) {
        std::fs::remove_file(place.path(name)).unwrap();
    }
    for (name, content) in &before {
        if after.get(name) == Some(content) {
            after.remove(name);
        } else {
            place.write(name, content);
        }
    }
    (code, said.join(" "), after)
}

fn files(place: &Place) -> BTreeMap<String, Vec<u8>> {
    let names = place.list(".").into_iter().filter(|name| place.path(name).is_file());
    names.map(|name| (name.clone(), std::fs::read(place.path(&name)).unwrap())).collect()
}

/// Every place where options stand, with its options: the sources are one, as they have the same.
fn places() -> Vec<(&'static str, &'static [OptionSpec])> {
    let commands = [&GLOBAL, &RUN, &AUTOENCODER, &OTHER];
    let commands = commands.map(|command| (command.name, command.options));
    let any_table = options::stage("from-file").unwrap();
    let known: BTreeSet<&str> = any_table.options.iter().map(|option| option.name).collect();
    let mut places = commands.to_vec();
    for stage in options::stages() {
        match stage.role {
            Role::Source(_) if stage.name != "from-file" => {
                assert!(stage.options.iter().all(|option| known.contains(option.name)));
            }
            _ => places.push((stage.name, stage.options)),
        }
    }
    places
}

/// A line with an option of a place that has no effect or is refused.
fn line_with(place: &str, option: &OptionSpec) -> String {
    let value = match option.kind {
        Kind::ExistingFile => "labels.txt",
        Kind::Integer { .. } | Kind::Number { .. } | Kind::Positive => "3",
        Kind::Bool => "true",
        Kind::Duration => "5s",
        Kind::Choice(words) => words[0],
        _ => "x.svg",
    };
    let typed = format!("--{}={value}", option.name);
    let (mut global, mut run, mut command) = ("", "", "pipeline-other".to_owned());
    let mut stages = "from-file --input_glob=in/*.csv to-file --filename=out.csv".to_owned();
    match place {
        "morpheus" => global = &typed,
        "run" => run = &typed,
        "pipeline-ae" => command = format!("{place} --userid_column_name=userName {typed}"),
        "pipeline-other" => command = format!("{place} {typed}"),
        "from-file" | "to-file" => stages = stages.replace(place, &format!("{place} {typed}")),
        "buffer" | "delay" | "monitor" => {
            stages = stages.replace("to-file", &format!("{place} {typed} to-file"));
        }
        stage => {
            let (_, rest) = SCORED.split_once("pipeline-ae ").unwrap();
            let with = format!("{stage} {typed} serialize");
            let scored = match stage {
                "train-ae" | "add-scores" => {
                    rest.replace("{}", "serialize").replace(stage, &format!("{stage} {typed}"))
                }
                _ => rest.replace("{}", &with),
            };
            return format!("run pipeline-ae {scored}");
        }
    }
    if place == "pipeline-ae" {
        stages = stages.replace("from-file", "from-cloudtrail");
    }
    format!("{global} run {run} {command} {stages}")
}

/// The text of a test or function of this name.
fn text_of(file: &str, name: &str) -> String {
    let path = format!("{}/../{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{file}: {e}"));
    let start = text.find(&format!("fn {name}(")).unwrap_or_else(|| panic!("{file} has no {name}"));
    let indent = text[..start].rfind('\n').map_or(0, |line| start - line - 1);
    let end = text[start..].find(&format!("\n{}}}\n", " ".repeat(indent))).unwrap();
    text[start..start + end].to_owned()
}

#[test]
fn every_option_of_the_table_changes_what_it_should_or_is_refused() {
    let place = place();
    let mut wrong = Vec::new();
    let (mut used, mut noted, mut refused) = (0, 0, 0);
    for (name, table) in places() {
        let is_idle = options::stage(name).is_some_and(|s| matches!(s.role, Role::Idle(_)));
        for option in table {
            let here = format!("{name} --{}", option.name);
            match (option.effect, check(name, option.name)) {
                (Effect::Used, None) => wrong.push(format!("{here}: nothing shows what it does")),
                (Effect::Noted(_) | Effect::Refused { .. }, Some(_)) => {
                    wrong.push(format!("{here}: it has no effect, but a check of one"));
                }
                (Effect::Used, Some(In(file, test, words))) => {
                    used += 1;
                    if !text_of(file, test).contains(words) {
                        wrong.push(format!("{here}: {test} in {file} has no {words:?}"));
                    }
                }
                (Effect::Used, Some(Changes(line, without, with))) => {
                    used += 1;
                    assert!(with.contains(&format!("--{}", option.name)), "{here}: {with}");
                    let one = trace(&place, &line.replace("{}", without));
                    let other = trace(&place, &line.replace("{}", with));
                    if one == other {
                        wrong.push(format!("{here}: {with} changes nothing: {}", one.1));
                    }
                    if other.0 == 2 && option.name != "source_stage_class" {
                        wrong.push(format!("{here}: {with} is refused: {}", other.1));
                    }
                }
                (Effect::Noted(_), None) => {
                    noted += 1;
                    let ended = place.morpheus(&line_with(name, option));
                    let said = match is_idle {
                        true => format!("warning: {name} has no effect"),
                        false => format!("warning: --{} of {name} has no effect: ", option.name),
                    };
                    if !ended.stderr.contains(&said) {
                        wrong.push(format!("{here}: not said: {}", ended.stderr));
                    }
                    let _ = std::fs::remove_file(place.path("out.csv"));
                }
                (Effect::Refused { why, .. }, None) => {
                    refused += 1;
                    let ended = place.morpheus(&line_with(name, option));
                    let said = format!("is refused: {why}");
                    if ended.code != 2 || !ended.stderr.contains(&said) {
                        wrong.push(format!("{here}: not refused: {}", ended.stderr));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(used > 70 && noted > 10 && refused > 4, "{used} {noted} {refused}");
}

/// Stages of the original that are not here are refused by name, with the reason of the table.
#[test]
fn every_stage_that_is_not_here_says_why_and_what_to_use() {
    let place = Place::new();
    for stage in options::stages() {
        let Role::Absent(why) = stage.role else { continue };
        for pipeline in ["pipeline-ae", "pipeline-other"] {
            let line = format!("run {pipeline} {} --whatever=x", stage.name);
            let ended = place.morpheus(&line);
            assert_eq!(ended.code, 2, "{line}");
            let said = format!("error: {}: {why}\n", stage.name);
            assert!(ended.stderr.contains(&said), "{line}: {}", ended.stderr);
        }
    }
}
