use super::*;

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn spec(line: &str) -> PlanSpec {
    match parse(&words(line), &|_| None) {
        Ok(Command::Run { spec, .. }) => spec,
        other => panic!("{other:?}"),
    }
}

fn mistakes(line: &str) -> Vec<String> {
    match parse(&words(line), &|_| None) {
        Err(usage) => usage.mistakes,
        other => panic!("{other:?}"),
    }
}

const SEED: &str = "run --num_threads=1 pipeline-ae --userid_filter=user123 \
    --userid_column_name=userIdentitysessionContextsessionIssueruserName \
    from-cloudtrail --input_glob=in/*.csv train-ae --train_data_glob=tr/*.csv --seed 42 \
    preprocess inf-pytorch add-scores serialize to-file --filename=out.csv --overwrite";

#[test]
fn the_seed_line_is_read() {
    let spec = spec(SEED);
    let names: Vec<&str> = spec.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "from-cloudtrail",
            "train-ae",
            "preprocess",
            "inf-pytorch",
            "add-scores",
            "serialize",
            "to-file"
        ]
    );
    assert_eq!(spec.run["num_threads"], ["1"]);
    assert_eq!(spec.stages[1].options["seed"], ["42"]);
    assert_eq!(spec.stages[6].options["overwrite"], ["true"]);
    assert!(dfp_config::plan::check(&spec).is_ok());
}

#[test]
fn a_flag_takes_a_word_for_yes_or_no_and_nothing_else() {
    let line = "run pipeline-ae from-cloudtrail --input_glob a --sort_glob false --recursive to-file --overwrite no --filename b.csv";
    let spec = spec(line);
    assert_eq!(spec.stages[0].options["sort_glob"], ["false"]);
    assert_eq!(spec.stages[0].options["recursive"], ["true"]);
    assert_eq!(spec.stages[1].options["overwrite"], ["no"]);
}

#[test]
fn both_spellings_of_an_option_mean_the_same() {
    for name in ["file-type", "file_type"] {
        let spec = spec(&format!("run pipeline-ae from-cloudtrail --input_glob a --{name}=CSV"));
        assert_eq!(spec.stages[0].options["file-type"], ["CSV"]);
    }
}

#[test]
fn all_mistakes_of_a_line_are_told_together() {
    assert_eq!(
        mistakes(
            "run --num_thread 2 pipeline-ae from-cloudtrail --input_blob x train-ae --train_epochs zero preproces to-file"
        ),
        [
            "run: there is no option --num_thread; did you mean --num_threads",
            "from-cloudtrail: there is no option --input_blob; did you mean --input_glob",
            "from-cloudtrail: --input_glob is required: files to read, a directory or a pattern; ** matches any number of directories",
            "train-ae: --train_epochs: \"zero\" is not a whole number from 1 to 1000000",
            "there is no stage \"preproces\"; did you mean preprocess",
            "to-file: --filename is required: the file to write",
        ]
    );
}

#[test]
fn a_value_that_is_missing_is_not_taken_from_the_next_option() {
    assert_eq!(
        mistakes(
            "run pipeline-ae --userid_filter --userid_column_name u from-cloudtrail --input_glob a"
        )[0],
        "pipeline-ae: --userid_filter needs a value: TEXT"
    );
}

#[test]
fn environment_variables_stand_in_for_options_that_are_not_typed() {
    let environment = |name: &str| match name {
        "MORPHEUS_RUN_NUM_THREADS" => Some("3".to_owned()),
        "MORPHEUS_RUN_PIPELINE_AE_SERIALIZE_EXCLUDE" => Some("^a ^b".to_owned()),
        "MORPHEUS_RUN_PIPELINE_AE_FROM_CLOUDTRAIL_INPUT_GLOB" => Some("env".to_owned()),
        _ => None,
    };
    let line = words("run pipeline-ae from-cloudtrail --input_glob typed train-ae serialize");
    let Ok(Command::Run { spec, .. }) = parse(&line, &environment) else { panic!() };
    assert_eq!(spec.run["num_threads"], ["3"]);
    assert_eq!(spec.stages[0].options["input_glob"], ["typed"]);
    assert_eq!(spec.stages[2].options["exclude"], ["^a", "^b"]);
}

#[test]
fn bare_groups_and_help_print_help() {
    for line in [
        "",
        "run",
        "run pipeline-ae",
        "run pipeline-other",
        "run pipeline-other filter --help",
        "tools",
        "--help",
        "run --help",
        "run pipeline-ae train-ae --help",
        "tools generate --help",
        "tools features",
        "tools features --help",
        "tools bench --help",
        "report --help",
        "plot out.csv --help",
        "-h",
        "run -h",
        "tools -h",
        "models -h",
        "train --store=s -h",
        "help",
        "help train",
        "help models list",
        "help run pipeline-ae filter",
        "help help",
        "help tools autocomplete words",
        "--log_level=DEBUG help train",
        "--debug -h",
        "--verbose -h",
        "train --input x --store -h",
        "run pipeline-ae to-file --overwrite -h",
    ] {
        assert!(matches!(parse(&words(line), &|_| None), Ok(Command::Help(_))), "{line}");
    }
    assert_eq!(parse(&words("--version"), &|_| None), Ok(Command::Version));
    assert_eq!(parse(&words("-V"), &|_| None), Ok(Command::Version));
}

#[test]
fn a_mistake_is_told_where_help_would_be_shown() {
    assert_eq!(mistakes("--verbose"), ["morpheus: there is no option --verbose"]);
    assert_eq!(mistakes("run --verbose"), ["run: there is no option --verbose"]);
    for group in ["tools", "models", "plan", "tools autocomplete"] {
        let line = format!("--verbose {group}");
        assert_eq!(mistakes(&line), ["morpheus: there is no option --verbose"], "{line}");
    }
    let unknown = mistakes("help trian").join("");
    assert!(unknown.contains("there is no command \"trian\"; did you mean train"), "{unknown}");
}

#[test]
fn global_options_are_checked_before_anything_else() {
    assert_eq!(
        mistakes("--log_level loud run pipeline-ae from-cloudtrail --input_glob a"),
        [
            "morpheus: --log_level: \"loud\" is not one of CRITICAL, FATAL, ERROR, WARN, WARNING, INFO, DEBUG"
        ]
    );
    assert!(mistakes("--plugin x run pipeline-ae")[0].contains("is refused"));
    assert!(parse(&words("--no-debug run"), &|_| None).is_ok());
}
