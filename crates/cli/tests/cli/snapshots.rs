//! What people read, kept as files beside this one (`snapshots/`): help, mistakes, the last lines of a run. A change of
//! wording shows as a change of these files: `cargo insta review`, or `INSTA_UPDATE=always cargo test snapshots`.

use crate::place::{Place, USER};

/// The commands that have help of their own.
const COMMANDS: [&str; 27] = [
    "",
    "run",
    "run pipeline-ae",
    "run pipeline-other",
    "train",
    "score",
    "alerts",
    "explain",
    "report",
    "plot",
    "evaluate",
    "backtest",
    "models",
    "models list",
    "models show",
    "models diff",
    "models promote",
    "models rollback",
    "models prune",
    "models export",
    "models verify",
    "plan",
    "plan check",
    "tools",
    "tools generate",
    "tools features",
    "tools bench",
];

/// Everything that a run says, with what differs from run to run left out.
fn said(place: &Place, line: &str) -> String {
    let ended = place.morpheus(line);
    let mut text = format!("$ morpheus {line}\n[exit code {}]\n", ended.code);
    for (name, said) in [("stdout", &ended.stdout), ("stderr", &ended.stderr)] {
        if !said.is_empty() {
            text += &format!("--- {name}\n{said}");
        }
    }
    let folder = place.path("").display().to_string();
    // How much is said of progress depends on the time that it takes.
    let of_progress = |line: &&str| {
        ["reading ", "training: ", "scoring: "].iter().any(|begin| line.starts_with(begin))
    };
    let lines = text.lines().filter(|line| !of_progress(line));
    lines.map(|line| without_moments(&line.replace(&folder, "PLACE/")) + "\n").collect()
}

/// Seconds, which have two decimals, and the moment at which a model was made, at the end of its line.
fn without_moments(line: &str) -> String {
    let is_seconds = |word: &str| {
        let word = word.trim_end_matches([',', ')']);
        word.parse::<f64>().is_ok() && word.split_once('.').is_some_and(|(_, d)| d.len() == 2)
    };
    let words: Vec<&str> =
        line.split(' ').map(|word| if is_seconds(word) { "N.NN" } else { word }).collect();
    match words.split_last() {
        Some((last, words)) if last.ends_with('Z') && last.len() == 20 && words.len() > 10 => {
            words.join(" ") + " MADE"
        }
        _ => words.join(" "),
    }
}

#[test]
fn help_of_every_command() {
    let place = Place::new();
    for command in COMMANDS {
        let line = format!("{command} --help");
        let name = format!("help {command}").trim().replace(' ', "_");
        insta::assert_snapshot!(name, said(&place, line.trim()));
    }
}

#[test]
fn help_of_every_stage() {
    let place = Place::new();
    let help = place.morpheus("run pipeline-ae --help").stdout;
    let (_, stages) =
        help.split_once("\nStages, in an order that works:\n").expect("a list of stages");
    let stages = stages.lines().filter_map(|line| line.split_whitespace().next());
    let all: String = stages
        .filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        .map(|stage| said(&place, &format!("run pipeline-ae {stage} --help")) + "\n")
        .collect();
    insta::assert_snapshot!("help_of_stages", all);
}

#[test]
fn mistakes_on_the_command_line() {
    let place = Place::new();
    place.write("a.csv", "user,timestamp,n\nana,2024-01-01T00:00:00Z,1\n");
    let mistakes = [
        "",
        "--verbose",
        "trian",
        "run",
        "run pipeline-ae",
        "run pipeline-ae from-cloudtrail",
        "run pipeline-ae from-cloudtrail --input_glob=none/*.csv to-file --filename=o.csv",
        "run pipeline-ae from-clodtrail --input_glob=*.csv to-file --filename=o.csv",
        "run pipeline-ae from-file --input_glob=*.csv --inputglob=b to-file --filename=o.txt",
        "run pipeline-ae from-file --input_glob=*.csv to-file --filename=a.csv --overwrite",
        "run --num_threads=none pipeline-ae from-file --input_glob=*.csv to-file --filename=o.csv",
        "run pipeline-ae from-file --input_glob=*.csv add-scores train-ae to-file --filename=o.csv",
        "run pipeline-ae from-kafka --input_topic=t to-file --filename=o.csv",
        "train",
        "train --input=*.csv --store=store --min_history=-1",
        "score --input=*.csv --store=none --output=o.csv",
        "models list --store=none",
        "alerts none.csv",
        "alerts a.csv",
        "report a.csv --html=page.html",
        "tools features nosuch",
    ];
    let all: String = mistakes.map(|line| said(&place, line) + "\n").concat();
    insta::assert_snapshot!("mistakes", all);
}

#[test]
fn last_lines_of_runs() {
    let place = Place::generated("--users=2 --training_rows=300 --new_rows=60 --seed=5");
    place.write("logs/validation/broken.csv", "eventTime,eventName\nnever,\"open\n");
    let lines = [
        format!(
            "run --num_threads=1 --manual_seed=42 pipeline-ae --userid_column_name={USER} from-cloudtrail \
             --input_glob=logs/validation/*.csv train-ae --train_data_glob=logs/training/*.csv \
             --architecture=compact preprocess inf-ae --scorer=recommended add-scores serialize \
             to-file --filename=scored.csv"
        ),
        format!(
            "train --input=logs/training/*.csv --store=store --min_history=200 --userid_column_name={USER} --seed=42"
        ),
        "models list --store=store".to_owned(),
        format!("alerts scored.csv --userid_column_name={USER} --p_value=0.01"),
    ];
    let all: String = lines.iter().map(|line| said(&place, line) + "\n").collect();
    insta::assert_snapshot!("runs", all);
}
