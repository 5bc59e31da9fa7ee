//! One check an option: how it is shown that it does what it says.

/// How it is shown what an option does.
pub enum Check {
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
pub const SCORED: &str = "run pipeline-ae --userid_column_name=userName --labels_file=labels.txt from-cloudtrail --input_glob=in/*.csv \
    train-ae --pretrained_filename=models preprocess inf-pytorch add-scores {} to-file --filename=out.csv";
const ADD_SCORES: &str = "run pipeline-ae --userid_column_name=userName --labels_file=labels.txt from-cloudtrail --input_glob=in/*.csv \
    train-ae --pretrained_filename=models preprocess inf-pytorch add-scores {} serialize to-file --filename=out.csv";
const TO_FILE: &str = "run pipeline-other from-file --input_glob=in/*.csv to-file {}";
const VALIDATE: &str = "run pipeline-other from-file --input_glob=in/*.csv deserialize validate {} serialize to-file --filename=out.csv";
const WATCHING: &str = "cli/tests/cli/watching.rs";
const PLANS: &str = "cli/tests/cli/plans.rs";
const RUNS: &str = "cli/tests/cli/run.rs";
const STAGES: &str = "cli/tests/cli/stages.rs";
const REPORTS: &str = "cli/tests/cli/report.rs";
const PAGES: &str = "the_pages_of_a_run_and_of_its_output_say_what_the_file_says";
const FEW_ROWS: &str = "one_row_no_alert_and_alerts_alone";
const PICTURES: &str = "the_three_pictures_are_drawn_in_both_formats";
const RHYTHM: &str = "cli/tests/cli/timeseries.rs";
const EVERY_OPTION: &str = "every_option_changes_what_it_should";
const ALERTS: &str = "cli/tests/cli/alerts.rs";
const EVERY_ALERT: &str = "every_option_of_alert_does_what_it_says";
const TWENTY_A_DAY: &str = "a_budget_of_twenty_a_day_gives_twenty_a_day";
const EXPLAINED: &str = "a_row_is_explained_from_its_output_and_by_its_model";

/// The check of an option; the options of all sources are those of `from-file`.
pub fn check(place: &str, option: &str) -> Option<Check> {
    Some(match (place, option) {
        ("morpheus", "log_level") => Changes(
            "{} run pipeline-other from-file --input_glob=in/*.csv to-file --filename=out.csv",
            "",
            "--log_level=DEBUG",
        ),
        ("morpheus", "debug") => {
            In(PLANS, "debug_adds_times_that_serialize_leaves_out_by_default", "--debug")
        }
        ("morpheus", "log_config_file") => In(
            PLANS,
            "messages_go_to_a_file_as_the_configuration_says",
            "--log_config_file=log.toml",
        ),
        ("morpheus", "shared_files") => In(
            "cli/tests/cli/outputs.rs",
            "what_is_kept_is_its_owners_alone_unless_that_is_asked_for",
            "--shared_files",
        ),
        ("run", "plan") => In(PLANS, "a_line_and_its_plan_give_the_same_bytes", "--plan"),
        ("run", "save_plan") => In(PLANS, "a_line_and_its_plan_give_the_same_bytes", "--save_plan"),
        ("doctor", "plan") => {
            In(PLANS, "the_doctor_says_whether_a_run_would_start", "doctor --plan")
        }
        ("show" | "install", "shell") => {
            In(PLANS, "completion_and_manual_pages", "--shell {shell}")
        }
        ("install", "path") => In(PLANS, "completion_and_manual_pages", "--path {file}"),
        ("install", "append" | "overwrite") => In(
            "cli/src/completion.rs",
            "a_block_is_replaced_and_the_rest_kept",
            "true).matches(BEGIN)",
        ),
        ("man", "directory") => In(PLANS, "completion_and_manual_pages", "--directory man"),
        ("options", "markdown") => In(
            "cli/src/reference.rs",
            "the_tables_in_the_docs_are_those_of_this_program",
            "markdown()",
        ),
        ("pipeline-ae" | "pipeline-other", "viz_file") => {
            In(PLANS, "a_run_is_drawn_with_its_rows", "--viz_file={file}")
        }
        ("pipeline-ae" | "pipeline-other", "viz_direction") => {
            In(PLANS, "a_run_is_drawn_with_its_rows", "--viz_direction=TB")
        }
        ("run", "num_threads") => In(
            "engine/src/tests/engine.rs",
            "a_slow_message_holds_back_a_bounded_number_of_others",
            "num_threads: 4",
        ),
        ("run", "edge_buffer_size") => In(
            "engine/src/tests/engine.rs",
            "a_slow_message_holds_back_a_bounded_number_of_others",
            "edge_buffer_size: 2",
        ),
        ("run", "compute_threads") => {
            In(RUNS, "bytes_do_not_depend_on_threads_or_on_the_run", "--compute_threads=")
        }
        ("run", "memory_limit") => In(
            BOUNDS,
            "a_gzip_bomb_is_skipped_and_the_rows_of_other_files_are_read",
            "raise --memory_limit, which is 64 MB",
        ),
        ("train" | "score" | "backtest", "memory_limit") => In(
            BOUNDS,
            "commands_over_a_store_and_the_backtest_have_the_limit_too",
            "--memory_limit=64MB",
        ),
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
            In("storage/src/watch.rs", "a_wait_without_notices_ends_after_the_interval", "interval")
        }
        ("from-file", "state_dir") => {
            In(WATCHING, "runs_one_after_the_other_go_on_where_the_last_one_ended", "--state_dir")
        }
        ("from-file", "rebuild_state") => In(
            "cli/tests/cli/file_identity.rs",
            "a_damaged_state_is_found_and_rebuilt_from_its_copy",
            "--state_dir state --rebuild_state",
        ),
        ("from-file", "drop_duplicates") => In(
            "cli/tests/cli/users.rs",
            "a_feature_file_says_what_identifies_an_event",
            "--drop_duplicates",
        ),
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
        ("from-file" | "train" | "score" | "features", "delimiter") => In(
            "cli/tests/cli/decoding.rs",
            "other_delimiters_are_read_wherever_logs_are",
            "--delimiter=;",
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

        ("add-scores", "model_version") => Changes(ADD_SCORES, "", "--model_version"),
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
        ("inf-pytorch", "scorer") => In(
            "cli/tests/cli/recommended.rs",
            "a_takeover_is_found_with_a_probability_and_told_in_words",
            "--scorer=recommended",
        ),
        ("add-scores", "surprises") => In(
            "cli/tests/cli/recommended.rs",
            "a_takeover_is_found_with_a_probability_and_told_in_words",
            "--surprises",
        ),
        ("add-scores", "reasons") => In(
            "cli/tests/cli/recommended.rs",
            "a_takeover_is_found_with_a_probability_and_told_in_words",
            "--reasons=",
        ),
        ("alert" | "alerts", "p_value") => In(ALERTS, EVERY_ALERT, "--p_value=0.02"),
        ("alert" | "alerts", "fdr") => In(ALERTS, EVERY_ALERT, "--fdr=0.2"),
        ("alert" | "alerts", "suppress") => In(ALERTS, EVERY_ALERT, "--suppress=rules.toml"),
        ("alert" | "alerts", "only") => In(ALERTS, EVERY_ALERT, "--only"),
        ("alert" | "alerts", "alerts_per_day") => In(ALERTS, TWENTY_A_DAY, "--alerts_per_day=20"),
        ("alert" | "alerts", "budget_of") => In(ALERTS, TWENTY_A_DAY, "--budget_of=each"),
        ("alerts", "output" | "overwrite") => {
            In(ALERTS, EVERY_ALERT, "--output=only.jsonlines --overwrite")
        }
        ("alerts" | "explain", "userid_column_name") => {
            In(ALERTS, EXPLAINED, "--userid_column_name={USER}")
        }
        ("alerts", "timestamp_column_name") => {
            In(ALERTS, EVERY_ALERT, "--timestamp_column_name=eventTime")
        }
        ("alerts", "score_column") => In(ALERTS, EVERY_ALERT, "--score_column=ae_anomaly_score"),
        ("explain", "row" | "userid_filter") => {
            In(ALERTS, EXPLAINED, "--row={} --userid_filter={}")
        }
        ("explain", "event") => In(ALERTS, EXPLAINED, "--event={}"),
        ("explain", "event_column") => In(ALERTS, EXPLAINED, "--event_column=eventID"),
        ("explain", "pretrained_filename") => In(ALERTS, EXPLAINED, "--pretrained_filename=models"),
        ("explain", "timestamp_column_name" | "score_column") => {
            In(ALERTS, EXPLAINED, "--timestamp_column_name=eventTime --score_column=score_net")
        }
        ("timeseries", "lateness") => {
            In(RHYTHM, "a_state_folder_remembers_the_rhythm", "--lateness=10m")
        }
        ("timeseries", "resolution") => In(RHYTHM, EVERY_OPTION, "--resolution=2m"),
        ("timeseries", "min_window") => In(RHYTHM, EVERY_OPTION, "--min_window=3h"),
        ("timeseries", "hot_start") => In(RHYTHM, EVERY_OPTION, "--hot_start"),
        ("timeseries", "cold_end") => In(RHYTHM, EVERY_OPTION, "--cold_end"),
        ("timeseries", "filter_percent") => In(RHYTHM, EVERY_OPTION, "--filter_percent=99"),
        ("timeseries", "zscore_threshold") => In(RHYTHM, EVERY_OPTION, "--zscore_threshold=2"),
        ("timeseries", "window_by") => In(RHYTHM, EVERY_OPTION, "--window_by=message"),
        ("timeseries", "peer_bins") => In(RHYTHM, EVERY_OPTION, "--peer_bins"),
        ("timeseries", "seasonality") => In(RHYTHM, EVERY_OPTION, "--seasonality=hour-of-week"),
        ("timeseries", "pvalue_threshold") => In(RHYTHM, EVERY_OPTION, "--pvalue_threshold=0.9"),
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
        ("to-report", "filename") => In(REPORTS, PAGES, "to-report --filename=run.html"),
        ("to-report", "overwrite") => In(REPORTS, PAGES, "--overwrite"),
        ("to-report", "threshold") => In(REPORTS, PAGES, "--threshold=0.5"),
        ("to-report", "alerts") => In(REPORTS, PAGES, "--alerts=3"),
        ("report", "html") => In(REPORTS, PAGES, "--html=files.html"),
        ("report", "threshold") => In(REPORTS, FEW_ROWS, "--threshold=0"),
        ("report", "alerts") => In(REPORTS, FEW_ROWS, "--alerts=0"),
        ("report", "userid_column_name") => In(REPORTS, FEW_ROWS, "--userid_column_name=who"),
        ("report", "timestamp_column_name") => {
            In(REPORTS, FEW_ROWS, "--timestamp_column_name=when")
        }
        ("report", "score_column") => In(REPORTS, FEW_ROWS, "--score_column=how"),
        ("plot", "output") => In(REPORTS, PICTURES, "--output=a.png"),
        ("plot", "kind") => In(REPORTS, PICTURES, "--kind={kind}"),
        ("plot", "userid_filter") => In(REPORTS, PICTURES, "--userid_filter=ann"),
        ("plot", "userid_column_name") => In(REPORTS, PICTURES, "--userid_column_name=who"),
        ("plot", "timestamp_column_name") => {
            In(REPORTS, PICTURES, "--timestamp_column_name=event_dt")
        }
        ("plot", "score_column") => In(REPORTS, PICTURES, "--score_column=ae_anomaly_score"),
        ("to-file", "flush") => {
            In("connectors/src/sinks/file.rs", "a_flushed_batch_is_handed_over_at_once", "flush")
        }
        (
            "generate",
            name @ ("source" | "output_dir" | "users" | "days" | "training_rows" | "new_rows"
            | "takeovers" | "takeover_rows" | "takeover_kinds" | "start" | "seed"
            | "format"),
        ) => {
            let (without, with) = generated(name);
            Changes(GENERATE, without, with)
        }
        ("generate", "overwrite") => {
            Changes(GENERATE, "--output_dir=in", "--output_dir=in --overwrite")
        }
        ("features", "check") => Changes(
            "tools features {}",
            "cloudtrail",
            "--check=features.toml --source=from-cloudtrail in/a.csv",
        ),
        ("features", "source") => {
            In("cli/tests/cli/features.rs", "check_says_what_it_needs", "--source")
        }
        ("evaluate", "labels") => In(QUALITY, "outputs_are_held_against_labels", "--labels="),
        ("evaluate", "event_column") => In(QUALITY, ABSENT, "--event_column=eventId"),
        ("evaluate", "label_column") => In(QUALITY, ABSENT, "--label_column=kind"),
        ("evaluate", "score_column") => Changes(EVALUATED, "", "--score_column=size"),
        ("evaluate", "userid_column_name") => In(QUALITY, ABSENT, "--userid_column_name=who"),
        ("evaluate", "timestamp_column_name") => {
            In(QUALITY, ABSENT, "--timestamp_column_name=time")
        }
        ("evaluate", "alerts_per_day") => Changes(EVALUATED, "", "--alerts_per_day=7"),
        ("evaluate", "budget_of") => Changes(EVALUATED, "", "--budget_of=each"),
        ("evaluate", "seed") => Changes(EVALUATED, "", "--seed=7"),
        ("evaluate", "json") => Changes(EVALUATED, "", "--json=other.json"),
        ("backtest", "source") => Changes(
            "backtest --input=past.csv --userid_column_name=userName {}",
            "",
            "--source=file --columns_file=columns.txt --timestamp_column_name=eventTime",
        ),
        ("backtest", "input") => {
            Changes(BACKTEST_OF, "--input=past.csv", "--input=past.csv --input=train/a.csv")
        }
        ("backtest", "features") => {
            Changes(BACKTEST_BY, "--columns_file=columns.txt", "--features=features.toml")
        }
        ("backtest", "columns_file") => {
            Changes(BACKTEST_BY, "--columns_file=cloudtrail", "--columns_file=columns.txt")
        }
        ("backtest", "userid_column_name") => Changes(
            "backtest --source=file --input=past.csv --columns_file=columns.txt --timestamp_column_name=eventTime {}",
            "",
            "--userid_column_name=userName",
        ),
        ("backtest", "timestamp_column_name") => Changes(
            "backtest --source=file --input=past.csv --columns_file=columns.txt --userid_column_name=userName {}",
            "",
            "--timestamp_column_name=eventTime",
        ),
        ("backtest", "delimiter") => Changes(BACKTEST, "", "--delimiter=;"),
        ("backtest", "userid_filter") => Changes(BACKTEST, "", "--userid_filter=ann"),
        ("backtest", "scorer") => Changes(BACKTEST, "", "--scorer=peer"),
        ("backtest", "folds") => Changes(BACKTEST, "--folds=1", "--folds=2"),
        ("backtest", "kinds") => Changes(BACKTEST, "", "--kinds=control"),
        ("backtest", "takeovers_per_user") => Changes(BACKTEST, "", "--takeovers_per_user=1"),
        ("backtest", "takeover_rows") => {
            Changes(BACKTEST, "--takeovers_per_user=1", "--takeovers_per_user=1 --takeover_rows=2")
        }
        ("backtest", "alerts_per_day") => Changes(BACKTEST, "", "--alerts_per_day=7"),
        ("backtest", "budget_of") => Changes(BACKTEST, "", "--budget_of=each"),
        ("backtest", "seed") => Changes(BACKTEST, "", "--seed=7"),
        ("backtest", "json") => Changes(BACKTEST, "", "--json=other.json"),
        ("backtest", "compute_threads") => In(
            QUALITY,
            "same_seed_same_bytes_whatever_the_threads_and_another_seed_others",
            "--compute_threads=2",
        ),
        ("bench", "rounds") => {
            In(BENCH, "every_figure_is_positive_and_the_logs_are_removed", "--rounds")
        }
        ("bench", "compute_threads") => {
            In(BENCH, "every_figure_is_positive_and_the_logs_are_removed", "--compute_threads=2")
        }
        _ => return super::store::check(place, option),
    })
}

const BOUNDS: &str = "cli/tests/cli/bounds.rs";
const QUALITY: &str = "cli/tests/cli/quality.rs";
const ABSENT: &str = "columns_that_are_not_there_are_told_with_what_there_is";
const EVALUATED: &str =
    "evaluate scored.csv --labels=truth.csv --userid_column_name=userName --json=o.json {}";
const BACKTEST_OF: &str = "backtest --source=file --columns_file=columns.txt --userid_column_name=userName --timestamp_column_name=eventTime {}";
const BACKTEST_BY: &str = "backtest --source=file --input=past.csv --userid_column_name=userName --timestamp_column_name=eventTime --json=o.json {}";
const BACKTEST: &str = "backtest --source=file --input=past.csv --columns_file=columns.txt --userid_column_name=userName \
    --timestamp_column_name=eventTime --json=o.json {}";
const BENCH: &str = "cli/tests/cli/bench.rs";
const GENERATE: &str = "tools generate --training_rows=40 --new_rows=30 --days=6 {}";

/// What is typed of `tools generate` without and with an option.
fn generated(option: &str) -> (&'static str, &'static str) {
    match option {
        "output_dir" => ("--output_dir=made", "--output_dir=elsewhere"),
        "source" => ("--output_dir=made", "--output_dir=made --source=okta"),
        "users" => ("--output_dir=made", "--output_dir=made --users=2"),
        "days" => ("--output_dir=made", "--output_dir=made --days=9"),
        "training_rows" => ("--output_dir=made", "--output_dir=made --training_rows=50"),
        "new_rows" => ("--output_dir=made", "--output_dir=made --new_rows=20"),
        "takeovers" => ("--output_dir=made", "--output_dir=made --takeovers=0"),
        "takeover_rows" => ("--output_dir=made", "--output_dir=made --takeover_rows=3"),
        "takeover_kinds" => ("--output_dir=made", "--output_dir=made --takeover_kinds=slow_drip"),
        "start" => ("--output_dir=made", "--output_dir=made --start=2023-02-03"),
        "seed" => ("--output_dir=made", "--output_dir=made --seed=7"),
        _ => ("--output_dir=made", "--output_dir=made --format=json"),
    }
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
