//! Stages that mark, choose, compare and hold rows, and `pipeline-other`.

use crate::place::{Ended, Place, column, log, numbers};
use std::collections::BTreeSet;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/golden/validate");

fn ok(ended: &Ended) {
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}

/// A place with logs of ann and bob, and a model file of theirs.
fn place() -> Place {
    let place = Place::new();
    place.write("train/a.csv", log(&["ann", "bob"], 100));
    place.write("in/a.csv", log(&["ann", "bob"], 40));
    place.write("labels.txt", "reconstruct_loss\nzscore\n");
    let ended = place.morpheus(&scored(
        "--train_data_glob=train/* --train_epochs=2 --seed=1 --models_output_filename=models",
        "serialize to-file --filename=all.csv",
    ));
    ok(&ended);
    place
}

/// A line up to the scores, then `rest`.
fn scored(train: &str, rest: &str) -> String {
    format!(
        "run pipeline-ae --userid_column_name=userName --labels_file=labels.txt from-cloudtrail --input_glob=in/* \
         train-ae {train} preprocess inf-pytorch add-scores {rest}"
    )
}

fn with_models(rest: &str) -> String {
    scored("--pretrained_filename=models", rest)
}

/// The lines of a table that a row of numbers lets through, and its header.
fn lines(csv: &str, keep: impl Fn(usize) -> bool) -> String {
    let rows = csv.lines().enumerate().filter(|(row, _)| *row == 0 || keep(row - 1));
    rows.map(|(_, line)| format!("{line}\n")).collect()
}

#[test]
fn filter_keeps_rows_with_any_result_above() {
    let place = place();
    let all = place.read("all.csv");
    let (losses, zscores) = (numbers(&all, "reconstruct_loss"), numbers(&all, "zscore"));
    let mut highest: Vec<f64> = losses.iter().zip(&zscores).map(|(a, b)| a.max(*b)).collect();
    highest.sort_by(f64::total_cmp);
    // A result that a row has: it is not above itself.
    for threshold in [highest[20], highest[60], 1e9] {
        let rest = format!(
            "filter --threshold={threshold} serialize to-file --filename=out.csv --overwrite"
        );
        let ended = place.morpheus(&with_models(&rest));
        ok(&ended);
        let keep = |row: usize| losses[row] > threshold || zscores[row] > threshold;
        assert_eq!(place.read("out.csv"), lines(&all, keep), "{threshold}");
        let left_out = (0..80).filter(|&row| !keep(row)).count();
        let told = format!("left out   {left_out} rows by filter: not above {threshold}\n");
        assert!(ended.stdout.contains(&told), "{}", ended.stdout);
    }
    let rest = "filter --filter_source=DATAFRAME --field_name=zscore --threshold=1 serialize to-file --filename=out.csv --overwrite";
    ok(&place.morpheus(&with_models(rest)));
    assert_eq!(place.read("out.csv"), lines(&all, |row| zscores[row] > 1.0));
    // With the default labels there is one result.
    let rest = format!(
        "filter --threshold={} serialize to-file --filename=out.csv --overwrite",
        highest[20]
    );
    ok(&place.morpheus(&with_models(&rest).replace("--labels_file=labels.txt", "")));
    let above = losses.iter().filter(|loss| **loss > highest[20]).count();
    assert_eq!(numbers(&place.read("out.csv"), "ae_anomaly_score").len(), above);
}

#[test]
fn a_filter_by_copy_or_slices_gives_the_same_rows_in_one_or_more_messages() {
    let place = place();
    let mut losses = numbers(&place.read("all.csv"), "reconstruct_loss");
    losses.sort_by(f64::total_cmp);
    let median = losses[40];
    let messages = |copy: &str| {
        let rest = format!(
            "filter {copy} --threshold={median} --field_name=reconstruct_loss serialize to-file --filename=out.csv --overwrite"
        );
        let ended = place.morpheus(&format!("--log_level=DEBUG {}", with_models(&rest)));
        ok(&ended);
        let told = ended.stderr.lines().find(|line| line.starts_with("filter: ")).unwrap();
        let words: Vec<String> = told.split(' ').map(str::to_owned).collect();
        let at = words.iter().position(|word| word == "in,").unwrap();
        (words[at + 4].parse::<usize>().unwrap(), place.read("out.csv"))
    };
    let (one, copied) = messages("--copy=true");
    let (more, sliced) = messages("--copy=false");
    assert!(one == 2 && more > 2, "{one} {more}");
    assert_eq!(copied, sliced);
    assert_eq!(messages("").0, one);
}

/// What inference found out about each feature is filtered with the rows.
#[test]
fn a_filter_before_add_scores_gives_the_columns_of_one_behind_it() {
    let place = place();
    let written = |stages: &str| {
        let line =
            with_models(&format!("{stages} serialize to-file --filename=out.csv --overwrite"));
        ok(&place.morpheus(&line.replacen(" add-scores ", " ", 1)));
        place.read("out.csv")
    };
    let mut losses = numbers(&place.read("all.csv"), "reconstruct_loss");
    losses.sort_by(f64::total_cmp);
    let threshold = format!("--threshold={}", losses[40]);
    let behind = written(&format!("add-scores --details=all filter {threshold}"));
    let rows = behind.lines().count() - 1;
    assert!((20..60).contains(&rows) && behind.contains("errorCode_pred"), "{rows}");
    for copy in ["--copy=true", "--copy=false"] {
        let before = format!("filter {threshold} {copy} add-scores --details=all");
        assert_eq!(written(&before), behind, "{copy}");
    }
}

#[test]
fn add_class_says_which_scores_are_above() {
    let place = place();
    let rest =
        "add-class --threshold=1 --label=zscore --prefix=is_ serialize to-file --filename=out.csv";
    let ended = place.morpheus(&with_models(rest));
    assert_eq!((ended.code, ended.messages().as_str()), (0, ""));
    let out = place.read("out.csv");
    let classes: Vec<bool> = column(&out, "is_zscore")
        .iter()
        .map(|cell| cell.parse::<String>().unwrap() == "True")
        .collect();
    let expected: Vec<bool> = numbers(&out, "zscore").iter().map(|score| *score > 1.0).collect();
    assert_eq!(classes, expected);
    assert!(classes.contains(&true) && classes.contains(&false));
    assert!(!out.contains("is_reconstruct_loss"), "only the label asked for");

    // Without a prefix it takes the place of the scores, as in the original, and says so.
    let ended = place.morpheus(&with_models("add-class serialize to-file --filename=b.csv"));
    ok(&ended);
    assert!(
        ended.messages().starts_with(
            "warning: add-class writes column \"reconstruct_loss\" in place of what add-scores has written; --prefix gives it a name of its own\n"
        ),
        "{}",
        ended.stderr
    );
    assert!(!ended.messages().contains("columns of its own"), "{}", ended.stderr);
    assert!(column(&place.read("b.csv"), "zscore").iter().all(|c| c == "True" || c == "False"));
}

#[test]
fn a_row_without_a_model_has_no_class_and_passes_no_filter() {
    let place = place();
    place.write("in/b.csv", log(&["eve"], 3));
    let rest = "add-class --prefix=is_ serialize to-file --filename=out.csv --overwrite";
    let ended = place.morpheus(&with_models(rest));
    assert_eq!(ended.code, 3);
    let out = place.read("out.csv");
    let (users, classes) = (column(&out, "userName"), column(&out, "is_zscore"));
    assert!(users.iter().zip(&classes).all(|(user, class)| (user == "eve") == class.is_empty()));
    let rest = "filter --threshold=-1 serialize to-file --filename=out.csv --overwrite";
    let ended = place.morpheus(&with_models(rest));
    assert!(ended.stdout.contains("3 rows by filter: without a score\n"), "{}", ended.stdout);
    assert_eq!(column(&place.read("out.csv"), "userName").len(), 80);
}

#[test]
fn dropna_leaves_out_rows_without_a_value_wherever_it_stands() {
    let place = place();
    let all = place.read("all.csv");
    let codes = column(&all, "errorCode");
    let expected = lines(&all, |row| !codes[row].is_empty());
    let empty = codes.iter().filter(|code| code.is_empty()).count();
    assert!(empty > 0 && empty < 80);
    let line = with_models("serialize to-file --filename=out.csv --overwrite");
    for stage in ["train-ae", "preprocess", "add-scores", "serialize", "to-file"] {
        let with =
            line.replace(&format!(" {stage}"), &format!(" dropna --column=errorCode {stage}"));
        let ended = place.morpheus(&with);
        ok(&ended);
        assert_eq!(place.read("out.csv"), expected, "before {stage}");
        let told = format!("{empty} rows by dropna: without a value in column \"errorCode\"\n");
        assert!(ended.stdout.contains(&told), "{}", ended.stdout);
    }
    let ended = place.morpheus(&line.replace("train-ae", "dropna --column=errorcode train-ae"));
    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.contains(
            "dropna: there is no column that needs a value (--column): \"errorcode\"; the nearest columns are errorCode"
        ),
        "{}",
        ended.stderr
    );
}

#[test]
fn trigger_hands_on_when_the_input_has_ended_and_changes_no_byte() {
    let place = place();
    let mut messages = BTreeSet::new();
    for trigger in ["", "trigger"] {
        let rest = format!("{trigger} serialize to-file --filename=out.csv --overwrite");
        ok(&place.morpheus(&with_models(&rest)));
        messages.insert(place.read("out.csv"));
    }
    assert_eq!(messages.into_iter().collect::<Vec<_>>(), [place.read("all.csv")]);
    let endless = "run pipeline-ae --userid_column_name=userName from-cloudtrail --input_glob=in/* \
         --watch_directory trigger to-file --filename=out.csv --overwrite";
    let ended = place.morpheus(endless);
    assert_eq!(
        (ended.code, ended.messages().as_str()),
        (
            2,
            "error: trigger: it waits for the end of the input, and from-cloudtrail with --watch_directory has none; leave one of the two out\n\
             see morpheus run pipeline-ae --help\n"
        )
    );
}

#[test]
fn buffer_and_delay_say_that_they_do_nothing() {
    let place = place();
    let rest = "buffer --count=5 serialize delay --duration=10m to-file --filename=out.csv";
    let ended = place.morpheus(&with_models(rest));
    ok(&ended);
    assert_eq!(
        ended.messages(),
        "warning: buffer has no effect and can be left out: messages wait between any two stages: --edge_buffer_size of run\n\
         warning: delay has no effect and can be left out: nothing is held back\n"
    );
    assert_eq!(place.read("out.csv"), place.read("all.csv"));
    let ended = place.morpheus(&with_models("buffer --count=none delay --duration=soon"));
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("buffer: --count: \"none\" is not a whole number"));
    assert!(ended.stderr.contains("delay: --duration: \"soon\" is not a length of time"));
}

/// Rows that are left out are remembered as done with the others: the receipt goes on without them.
#[test]
fn a_run_that_goes_on_remembers_rows_that_were_left_out() {
    let place = place();
    let rest = "trigger filter --threshold=0.6 validate --val_file_name=all.csv serialize to-file --filename=out.csv";
    let source = "--input_glob=in/* --state_dir=state --allow_no_files dropna --column=errorCode";
    let line = with_models(rest).replace("--input_glob=in/*", source);
    ok(&place.morpheus(&line));
    let first = place.read("out.csv");
    assert!(first.lines().count() > 1);
    ok(&place.morpheus(&line));
    assert_eq!(place.read("out.csv"), first, "nothing is read again");
    place.write("in/none.csv", log(&["ann"], 1));
    // Nothing of this file is kept, and still it is done.
    let nothing = line.replace("--threshold=0.6", "--threshold=1e9");
    for rows in ["read       1 row of 1 user\n", "read       0 rows of 0 users\n"] {
        let ended = place.morpheus(&nothing);
        ok(&ended);
        assert!(ended.stdout.contains(rows), "{}", ended.stdout);
    }
    assert_eq!(place.read("out.csv"), first);
}

fn validate(place: &Place, case: &str, options: &str) -> Ended {
    place.morpheus(&format!(
        "--log_level=DEBUG run --pipeline_batch_size=7 pipeline-other from-file --filename={GOLDEN}/{case}_res.csv deserialize \
         validate --val_file_name={GOLDEN}/{case}_val.csv --results_file_name=results.json {options} \
         serialize to-file --filename=out.csv --overwrite"
    ))
}

#[test]
fn golden_validation_by_the_command_line() {
    let place = Place::new();
    for (case, name, options) in [
        ("a", "a_default_index", "--index_col=_index_"),
        ("a", "a_without_event_dt", "--index_col _index_ --exclude event_dt"),
        (
            "a",
            "a_scores_only",
            "--index_col _index_ --include _index_ --include score --include big",
        ),
        (
            "a",
            "a_scores_wide",
            "--index_col _index_ --include _index_ --include score --include big --rel_tol=.15",
        ),
        (
            "a",
            "a_scores_exact",
            "--index_col _index_ --include _index_ --include score --include big --abs_tol=0 --rel_tol=0",
        ),
        ("a", "a_no_index", "--include score --include count"),
        ("b", "b_close", ""),
        ("b", "b_exact", "--abs_tol 0 --rel_tol 0"),
        ("c", "c_repeated_index", "--index_col _index_"),
    ] {
        let ended = validate(&place, case, &format!("{options} --overwrite"));
        ok(&ended);
        let expected = std::fs::read_to_string(format!("{GOLDEN}/{name}.2406.json")).unwrap();
        assert_eq!(place.read("results.json"), expected, "{name}");
        let rows = place.read("out.csv").lines().count();
        let input = std::fs::read_to_string(format!("{GOLDEN}/{case}_res.csv")).unwrap();
        assert_eq!(rows, input.lines().count(), "{name}: rows are passed on");
    }
}

#[test]
fn validate_tells_what_differs_and_fails_only_on_request() {
    let place = Place::new();
    let ended = validate(&place, "a", "--index_col=_index_ --exclude=event_dt");
    ok(&ended);
    let told = "validated  12 of 24 rows of GOLDEN/a_val.csv match\n\
         differing  2 rows not in the results\n\
         differing  2 rows of the results not expected\n\
         differing  2 rows in column eventName\n\
         differing  3 rows in column score\n";
    assert!(ended.stdout.contains(&told.replace("GOLDEN", GOLDEN)), "{}", ended.stdout);
    let columns = "differing  columns not in the results: only_val\n\
         differing  columns of the results not expected: _ts_start, extra_res\n";
    assert!(ended.stdout.contains(columns), "{}", ended.stdout);
    let examples: Vec<&str> =
        ended.stderr.lines().filter(|line| line.starts_with("validate: row ")).collect();
    assert_eq!(examples.len(), 10, "{}", ended.stderr);
    assert!(examples.contains(&"validate: row 27: eventName: \"get\", expected \"Get\""));
    assert!(examples.contains(&"validate: row 31: flag: 0, expected 1"));

    // An older results file is kept unless it is to be replaced.
    let before = place.read("results.json");
    let ended = validate(&place, "b", "");
    assert_eq!(ended.code, 1);
    assert!(
        ended
            .stderr
            .contains("error: validate: --results_file_name: \"results.json\" exists already"),
        "{}",
        ended.stderr
    );
    assert_eq!(place.read("results.json"), before);

    let ended = validate(&place, "a", "--index_col=_index_ --overwrite --fail_on_mismatch");
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert_eq!(place.read("out.csv").lines().count(), 25, "outputs are kept");
    ok(&validate(&place, "b", "--overwrite --fail_on_mismatch"));
}

#[test]
fn a_run_matches_its_own_output_and_an_index_that_is_nowhere_is_named() {
    let place = place();
    let check = |options: &str| {
        let rest = format!(
            "validate --val_file_name=all.csv --abs_tol=0 --rel_tol=0 --fail_on_mismatch {options} serialize to-file --filename=out.csv --overwrite"
        );
        place.morpheus(&with_models(&rest))
    };
    for options in ["", "--index_col=_index_"] {
        let ended = check(options);
        assert_eq!((ended.code, ended.messages().as_str()), (0, ""), "{}", ended.stdout);
        assert!(ended.stdout.contains("validated  80 of 80 rows of all.csv match\n"));
    }
    let ended = check("--index_col=_indx_");
    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.contains(
            "error: validate: there is no column of --index_col, neither in the rows nor in the expected ones: \"_indx_\"; the nearest columns are _index_"
        ),
        "{}",
        ended.stderr
    );
    let ended = check("--include=[");
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("validate: --include: \"[\" is not a regular expression here"));
    // The expected rows are looked at before anything is trained.
    place.write("empty.csv", "");
    let ended = check("--val_file_name=empty.csv");
    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.contains("validate: --val_file_name: no rows in 1 file"),
        "{}",
        ended.stderr
    );
}

#[test]
fn pipeline_other_reads_chooses_and_writes_rows_as_they_are() {
    let place = Place::new();
    place.write(
        "in/b.csv",
        "when,event_dt,probs,name\n2024-01-02,x,0.7,b1\n2024-01-01,y,,b2\n2024-01-04,z,0.5,b3\n",
    );
    place.write(
        "in/a.csv",
        ",when,event_dt,probs,name\n7,2024-01-03,u,0.9,a1\n3,2024-01-05,v,0.1,a2\n",
    );
    let run = |pipeline: &str, stages: &str| {
        let ended = place.morpheus(&format!(
            "run pipeline-other {pipeline} from-file --input_glob=in/* {stages} to-file --filename=out.csv --overwrite"
        ));
        ok(&ended);
        (place.read("out.csv"), ended)
    };
    let (whole, ended) = run("", "");
    // Rows keep the numbers of their file, and files their order: nothing is added and nothing sorted.
    let written = ",when,event_dt,probs,name\n3,2024-01-05,v,0.1,a2\n7,2024-01-03,u,0.9,a1\n\
         0,2024-01-02,x,0.7,b1\n1,2024-01-01,y,,b2\n2,2024-01-04,z,0.5,b3\n";
    assert_eq!(whole, written);
    assert!(
        ended.stdout.contains("\nread       5 rows\nwritten    5 rows to out.csv\n"),
        "{}",
        ended.stdout
    );
    let (chosen, ended) = run("", "deserialize filter serialize");
    assert_eq!(column(&chosen, "name"), ["a1", "b1"]);
    assert!(
        ended.stdout.contains("left out   2 rows by filter: not above 0.5\n"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("1 row by filter: no number in column \"probs\"\n"));
    let (sorted, _) = run("--timestamp_column_name=when", "dropna --column=probs");
    assert_eq!(column(&sorted, "name"), ["b1", "a1", "b3", "a2"]);
}

#[test]
fn pipeline_other_goes_on_where_it_ended() {
    let place = Place::new();
    let line = "run --pipeline_batch_size=2 pipeline-other from-file --input_glob=in/* --state_dir=state --allow_no_files deserialize \
         filter --field_name=n --threshold=1 serialize to-file --filename=out.csv";
    for (file, written) in [
        ("n\n1\n2\n3\n", ",n\n1,2\n2,3\n"),
        ("n\n0\n1\n", ",n\n1,2\n2,3\n"),
        ("n\n4\n", ",n\n1,2\n2,3\n0,4\n"),
    ] {
        place.write(&format!("in/{}.csv", file.replace('\n', "")), file);
        for _ in 0..2 {
            ok(&place.morpheus(line));
            assert_eq!(place.read("out.csv"), written);
        }
    }
}

#[test]
fn the_order_of_stages_is_checked() {
    let place = place();
    let told = |pipeline: &str, stages: &str| -> Vec<String> {
        let ended = place.morpheus(&format!("run {pipeline} {stages}"));
        assert_eq!(ended.code, 2, "{stages}: {}", ended.stderr);
        let errors = ended.stderr.lines().filter_map(|line| line.strip_prefix("error: "));
        errors.map(str::to_owned).collect()
    };
    let ae = |stages: &str| {
        let source = "from-cloudtrail --input_glob=in/*";
        told("pipeline-ae --userid_column_name=userName", &stages.replace("SOURCE", source))
    };
    // 1. A source stands first, and alone.
    assert_eq!(
        ae("train-ae SOURCE"),
        [
            "train-ae cannot come first: a pipeline starts with a source, such as from-cloudtrail",
            "from-cloudtrail cannot follow train-ae: a pipeline has one source, in front"
        ]
    );
    assert_eq!(
        ae("buffer SOURCE"),
        [
            "buffer cannot come first: a pipeline starts with a source, such as from-cloudtrail",
            "from-cloudtrail cannot follow buffer: a pipeline has one source, in front"
        ]
    );
    // 2. train-ae stands directly behind it, but for stages that let anything through.
    assert_eq!(
        ae("SOURCE train-ae serialize train-ae"),
        [
            "train-ae cannot follow serialize: it takes rows as read, and serialize hands on plain rows; move train-ae before serialize"
        ]
    );
    // 3. and 4. What needs scores stands behind inference.
    assert_eq!(
        ae("SOURCE preprocess"),
        [
            "preprocess cannot follow from-cloudtrail: it takes rows with a model, and from-cloudtrail hands on rows as read; put train-ae between them"
        ]
    );
    for stage in ["add-scores", "add-class", "filter"] {
        assert_eq!(
            ae(&format!("SOURCE monitor train-ae buffer {stage}")),
            [format!(
                "{stage} cannot follow buffer: it takes scored rows, and buffer hands on rows with a model; put preprocess inf-pytorch between them"
            )]
        );
    }
    // 5. validate stands before serialize.
    assert_eq!(
        ae("SOURCE train-ae serialize validate --val_file_name=all.csv"),
        [
            "validate cannot follow serialize: it takes rows with a model or encoded rows or scored rows, and serialize hands on plain rows; move validate before serialize"
        ]
    );
    assert_eq!(
        ae("SOURCE serialize"),
        [
            "serialize cannot follow from-cloudtrail: it takes rows with a model or encoded rows or scored rows, and from-cloudtrail hands on rows as read; put train-ae between them"
        ]
    );
    // 6. to-file stands behind serialize or a source.
    assert_eq!(
        ae("SOURCE train-ae to-file --filename=x.csv"),
        [
            "to-file cannot follow train-ae: it takes plain rows or rows as read, and train-ae hands on rows with a model; put serialize between them"
        ]
    );
    // 8. What has no place in a pipeline is refused by name, and so is what needs it.
    assert_eq!(
        ae("SOURCE deserialize filter"),
        [
            "deserialize: it has no place in pipeline-ae, where train-ae cuts rows into messages; leave it out"
        ]
    );
    let other = |stages: &str| {
        told("pipeline-other", &stages.replace("SOURCE", "from-file --input_glob=in/*"))
    };
    for stage in ["train-ae", "preprocess", "inf-pytorch", "add-scores", "add-class"] {
        assert_eq!(
            other(&format!("SOURCE {stage}")),
            [format!(
                "{stage}: it needs an autoencoder, which pipeline-other does not have; use pipeline-ae"
            )]
        );
    }
    assert_eq!(
        other("SOURCE filter"),
        [
            "filter cannot follow from-file: it takes rows in messages, and from-file hands on rows as read; put deserialize between them"
        ]
    );
    assert_eq!(
        other("SOURCE deserialize filter --filter_source=tensor to-file --filename=x.csv"),
        [
            "filter: --filter_source \"tensor\" looks at the results of a model, which pipeline-other does not have; expected dataframe, with --field_name",
            "to-file cannot follow filter: it takes plain rows or rows as read, and filter hands on rows in messages; put serialize between them"
        ]
    );
    // 7. and 9. These are in order: filter keeps the user, and stages may come twice.
    for rest in [
        "filter monitor filter --threshold=-5 add-class --prefix=c_ validate --val_file_name=all.csv serialize to-file --filename=x.csv dropna --column=userName to-file --filename=y.csv",
        "serialize monitor trigger delay to-file --filename=z.csv",
    ] {
        ok(&place.morpheus(&with_models(rest)));
    }
}

#[test]
fn contradicting_options_of_a_stage_are_told() {
    let place = place();
    let told = |rest: &str| {
        let ended = place.morpheus(&with_models(rest));
        (ended.code, ended.messages())
    };
    let (code, messages) = told("filter --filter_source=tensor --field_name=zscore serialize");
    assert_eq!(code, 2);
    assert!(
        messages.starts_with(
            "error: filter: --field_name names a column, and --filter_source tensor looks at the results; leave one of the two out\n"
        ),
        "{messages}"
    );
    let (code, messages) = told("filter --field_name=zscor serialize to-file --filename=x.csv");
    assert_eq!(code, 1);
    assert!(
        messages.contains("filter: there is no column to filter by (--field_name): \"zscor\"; the nearest columns are zscore"),
        "{messages}"
    );
    let twice = "validate --val_file_name=all.csv --results_file_name=x.csv serialize to-file --filename=./x.csv";
    assert!(told(twice).1.contains("to-file: --filename: \"./x.csv\" is written twice"));
    let (code, messages) = told("add-class --label=los serialize to-file --filename=x.csv");
    assert_eq!(code, 2);
    assert!(messages.contains("add-class: --label: there is no label \"los\""), "{messages}");
}
