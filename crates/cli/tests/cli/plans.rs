//! Plans, what a run would do, drawings, messages in a file, completion and manual pages.

use crate::place::Place;
use std::fmt::Write as _;

const STAGES: &str = "pipeline-ae --userid_column_name=user --columns_file=columns.txt \
    from-file --input_glob=in/*.csv train-ae --train_data_glob=in/*.csv --seed=7 --architecture=compact \
    --train_steps=20 preprocess inf-pytorch add-scores --label zscore --label ae_anomaly_score \
    serialize --exclude=^x --exclude=^y to-file --filename=out.csv --overwrite";

fn place() -> Place {
    let place = Place::new();
    let mut log = "user,city,count,x\n".to_owned();
    for row in 0..40 {
        let _ = writeln!(log, "u{},{},{},1", row % 2, ["Rome", "Oslo"][row % 3 % 2], row % 7);
    }
    place.write("in/a.csv", log);
    place.write("columns.txt", "city\ncount\n");
    place
}

#[test]
fn a_line_and_its_plan_give_the_same_bytes() {
    let place = place();
    for plan in ["p.toml", "p.json"] {
        let typed = place.morpheus(&format!("run --num_threads=1 --save_plan={plan} {STAGES}"));
        assert_eq!(typed.code, 0, "{typed:?}");
        let output = place.read("out.csv");
        std::fs::remove_file(place.path("out.csv")).unwrap();
        let planned = place.morpheus(&format!("run --plan {plan}"));
        assert_eq!(planned.code, 0, "{planned:?}");
        assert_eq!(place.read("out.csv"), output);
        // A plan that is read and written is the same plan.
        let again = place.morpheus(&format!("run --plan {plan} --save_plan again-{plan}"));
        assert_eq!(again.code, 0, "{again:?}");
        assert_eq!(place.read(&format!("again-{plan}")), place.read(plan));
    }
}

#[test]
fn a_plan_is_held_against_the_table_and_the_data() {
    let place = place();
    assert_eq!(place.morpheus(&format!("run --save_plan=p.toml {STAGES}")).code, 0);
    let good = place.morpheus("plan check p.toml");
    assert_eq!(good.code, 0, "{good:?}");
    assert!(good.stdout.contains("2 of 2 features are there"), "{good:?}");
    assert!(good.stdout.contains("40 rows of 2 users"), "{good:?}");

    let plan = place.read("p.toml");
    place.write(
        "bad.toml",
        plan.replace("seed =", "sed =").replace("\"preprocess\"", "\"preproces\""),
    );
    let bad = place.morpheus("plan check bad.toml");
    assert_eq!(bad.code, 2, "{bad:?}");
    assert!(
        bad.stderr.contains("train-ae: there is no option --sed; did you mean --seed"),
        "{bad:?}"
    );
    assert!(bad.stderr.contains("did you mean preprocess"), "{bad:?}");

    place.write("old.toml", plan.replace("version = 1", "version = 9"));
    let old = place.morpheus("run --plan old.toml");
    assert_eq!(old.code, 2);
    assert!(old.stderr.contains("version: 9 is not known here; expected 1"), "{old:?}");

    place.write("columns.txt", "town\n");
    let unmatched = place.morpheus("plan check p.toml");
    assert_eq!(unmatched.code, 2, "{unmatched:?}");
    assert!(unmatched.stderr.contains("none of the 1 feature columns"), "{unmatched:?}");
}

#[test]
fn the_doctor_says_whether_a_run_would_start() {
    let place = place();
    let well = place.morpheus(&format!("tools doctor run {STAGES}"));
    assert_eq!(well.code, 0, "{well:?}");
    for line in
        ["cpu ", "memory ", "threads ", "input      1 file", "output     out.csv can be written"]
    {
        assert!(well.stdout.contains(line), "{line}: {well:?}");
    }
    assert_eq!(place.morpheus(&format!("run --save_plan=p.toml {STAGES}")).code, 0);
    std::fs::remove_file(place.path("out.csv")).unwrap();
    assert_eq!(place.morpheus("tools doctor --plan p.toml").stdout, well.stdout);
    assert!(!place.path("out.csv").exists(), "nothing has run");
    let ill =
        place.morpheus(&format!("tools doctor run {}", STAGES.replace("glob=in/", "glob=on/")));
    assert_eq!(ill.code, 2, "{ill:?}");
    assert!(ill.stderr.contains("input: no file matches \"on/*.csv\""), "{ill:?}");
    assert!(ill.stderr.contains("training: no file matches"), "{ill:?}");
}

#[test]
fn a_run_is_drawn_with_its_rows() {
    let place = place();
    for (file, holds) in [("p.svg", ">40 rows read<"), ("d/p.dot", "rankdir=TB")] {
        let line = STAGES.replacen(
            "pipeline-ae",
            &format!("pipeline-ae --viz_direction=TB --viz_file={file}"),
            1,
        );
        let run = place.morpheus(&format!("run {line}"));
        assert_eq!(run.code, 0, "{run:?}");
        let drawing = place.read(file);
        assert!(drawing.contains(holds) && drawing.contains("add-scores-4"), "{drawing}");
    }
    let line = STAGES.replacen("pipeline-ae", "pipeline-ae --viz_file=p.png", 1);
    assert_eq!(place.morpheus(&format!("run {line}")).code, 0);
    let picture = std::fs::read(place.path("p.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n") && picture.len() > 2_000);
    let line = STAGES.replacen("pipeline-ae", "pipeline-ae --viz_file=p.pdf", 1);
    let refused = place.morpheus(&format!("run {line}"));
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("expected .svg"), "{refused:?}");
}

#[test]
fn debug_adds_times_that_serialize_leaves_out_by_default() {
    let place = place();
    let header = |line: &str| {
        let run = place.morpheus(line);
        assert_eq!(run.code, 0, "{run:?}");
        place.read("out.csv").lines().next().unwrap().to_owned()
    };
    let shown = header(&format!("--debug run {STAGES}"));
    for stage in ["train-ae", "preprocess", "inf-pytorch", "add-scores"] {
        assert!(shown.contains(&format!("_ts_{stage}")), "{shown}");
    }
    let hidden = STAGES.replace("--exclude=^x --exclude=^y", "");
    assert!(!header(&format!("--debug run {hidden}")).contains("_ts_"));
}

#[test]
fn messages_go_to_a_file_as_the_configuration_says() {
    let place = place();
    place.write("log.toml", "level = \"error\"\n[file]\npath = \"m.log\"\nlevel = \"warning\"\n");
    let line = STAGES
        .replace("--overwrite", "--overwrite=true")
        .replace("add-scores", "add-scores --probs_type=FLOAT32");
    let run = place.morpheus(&format!("--log_config_file=log.toml run {line}"));
    assert_eq!(run.code, 0, "{run:?}");
    assert!(!run.stderr.contains("probs_type"), "{run:?}");
    assert!(place.read("m.log").contains("WARNING --probs_type"), "{}", place.read("m.log"));
    place.write("log.toml", "levle = \"error\"\n");
    let bad = place.morpheus(&format!("--log_config_file=log.toml run {STAGES}"));
    assert!(bad.code == 2 && bad.stderr.contains("line 1: unknown field `levle`"), "{bad:?}");
    place.write("log.ini", "[loggers]\nkeys=root\n");
    let python = place.morpheus(&format!("--log_config_file=log.ini run {STAGES}"));
    assert!(python.code == 2 && python.stderr.contains("of Python"), "{python:?}");
}

#[test]
fn completion_and_manual_pages() {
    let place = place();
    let version = place.morpheus("--version").stdout;
    assert!(version.starts_with("morpheus, version ") && version.contains("commit"), "{version}");
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let shown = place.morpheus(&format!("tools autocomplete show --shell {shell}"));
        assert!(shown.code == 0 && shown.stdout.contains("# >>> morpheus completion >>>"));
        let file = format!("home/{shell}.rc");
        place.write(&file, "mine\n");
        for _ in 0..2 {
            let line = format!("tools autocomplete install --shell {shell} --path {file}");
            assert_eq!(place.morpheus(&line).code, 0);
            assert_eq!(place.read(&file), format!("mine\n{}", shown.stdout));
        }
    }
    let words = place.morpheus("tools autocomplete words zsh run pipeline-ae to-file --file");
    assert!(words.stdout.starts_with("--filename\tthe file to write"), "{words:?}");
    assert_eq!(place.morpheus("tools man --directory man").code, 0);
    assert!(place.list("man").contains(&"morpheus-run-pipeline-ae-train-ae.1".to_owned()));
}

#[cfg(unix)]
#[test]
fn bash_completes_by_the_script() {
    let place = place();
    assert_eq!(place.morpheus("tools autocomplete install --shell bash --path rc").code, 0);
    let ask = "source rc; COMP_WORDS=(\"$0\" run pipeline-ae --viz_direction = T); COMP_CWORD=5; _morpheus; echo \"${COMPREPLY[@]}\"";
    let mut bash = std::process::Command::new("bash");
    bash.current_dir(place.path("")).args(["-c", ask, env!("CARGO_BIN_EXE_morpheus")]);
    assert_eq!(String::from_utf8_lossy(&bash.output().unwrap().stdout), "TB\n");
}

#[test]
fn the_plan_in_the_docs_is_one() {
    let place = Place::new();
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/plans.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let plan = docs.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    place.write("night.toml", plan);
    let checked = place.morpheus("plan check night.toml");
    // All that is wrong is that its logs are not here.
    assert_eq!(checked.code, 2, "{checked:?}");
    assert_eq!(checked.stderr.matches("error:").count(), 2, "{checked:?}");
    assert_eq!(checked.stderr.matches("no file matches").count(), 2, "{checked:?}");
}
