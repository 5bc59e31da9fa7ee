//! Two lines that work, for the help of each command.

/// The words of a command, and lines with it.
type Examples = (&'static str, [&'static str; 2]);

const EXAMPLES: [Examples; 28] = [
    (
        "run",
        [
            "morpheus run pipeline-ae from-cloudtrail --input_glob='logs/*.json' train-ae --train_data_glob='past/*.json' preprocess inf-ae --scorer=recommended add-scores serialize to-file --filename=scored.csv",
            "morpheus run --plan=night.toml",
        ],
    ),
    (
        "run pipeline-ae",
        [
            "morpheus run pipeline-ae from-azure --input_glob='signin/*.json' train-ae --pretrained_filename=models preprocess inf-ae --scorer=recommended add-scores serialize to-file --filename=scored.csv",
            "morpheus run pipeline-ae --userid_column_name=user --columns_file=features.txt from-file --input_glob=log.csv train-ae --train_data_glob=past.csv --seed=42 preprocess inf-ae add-scores serialize to-file --filename=scored.csv",
        ],
    ),
    (
        "run pipeline-other",
        [
            "morpheus run pipeline-other from-file --filename=log.jsonl deserialize serialize --include=user to-file --filename=log.csv",
            "morpheus run pipeline-other from-file --filename=scored.csv deserialize filter --field_name=score --threshold=12 serialize to-file --filename=high.csv",
        ],
    ),
    (
        "train",
        [
            "morpheus train --input='past/*.json' --store=models",
            "morpheus train --source=azure --input='signin/*.json' --store=models --history_dir=history",
        ],
    ),
    (
        "score",
        [
            "morpheus score --input='logs/*.json' --store=models --output=scored.csv",
            "morpheus score --source=okta --input='logs/*.json' --store=models --output=scored.jsonl --watch_directory=true --state_dir=state",
        ],
    ),
    (
        "models list",
        ["morpheus models list --store=models", "morpheus models list ana --store=models"],
    ),
    (
        "models show",
        [
            "morpheus models show ana --store=models",
            "morpheus models show '*' --store=models --json=model.json",
        ],
    ),
    (
        "models diff",
        [
            "morpheus models diff ana 3 --store=models",
            "morpheus models diff ana 2 3 --store=models --json=diff.json",
        ],
    ),
    (
        "models promote",
        [
            "morpheus models promote ana --store=models",
            "morpheus models promote ana --version=3 --store=models",
        ],
    ),
    (
        "models rollback",
        [
            "morpheus models rollback ana --store=models",
            "morpheus models rollback '*' --store=models",
        ],
    ),
    (
        "models export",
        [
            "morpheus models export ana --store=models --onnx=ana.onnx",
            "morpheus models export ana --version=3 --store=models --npz=ana.npz",
        ],
    ),
    (
        "models verify",
        ["morpheus models verify --store=models", "morpheus models verify ana --store=models"],
    ),
    (
        "models prune",
        [
            "morpheus models prune --store=models --keep=3 --dry_run=true",
            "morpheus models prune --store=models --older_than=90d",
        ],
    ),
    (
        "alerts",
        [
            "morpheus alerts scored.csv --p_value=0.001",
            "morpheus alerts scored.csv --alerts_per_day=20 --suppress=known.toml --output=alerts.csv",
        ],
    ),
    (
        "explain",
        [
            "morpheus explain scored.csv --row=12 --userid_filter=ana --pretrained_filename=models",
            "morpheus explain scored.csv --event=0f3c --event_column=eventID --pretrained_filename=models",
        ],
    ),
    (
        "evaluate",
        [
            "morpheus evaluate scored.csv --labels=labels.csv",
            "morpheus evaluate scored.csv --labels=labels.csv --alerts_per_day=20 --json=quality.json",
        ],
    ),
    (
        "backtest",
        [
            "morpheus backtest --input='past/*.json'",
            "morpheus backtest --source=azure --input='signin/*.json' --folds=3 --json=quality.json",
        ],
    ),
    (
        "report",
        [
            "morpheus report scored.csv --html=run.html",
            "morpheus report scored.csv --html=run.html --threshold=0.0001 --alerts=50",
        ],
    ),
    (
        "plot",
        [
            "morpheus plot scored.csv --output=scores.svg",
            "morpheus plot scored.csv --output=ana.png --kind=histogram --userid_filter=ana",
        ],
    ),
    ("plan check", ["morpheus plan check night.toml", "morpheus plan check plans/azure.json"]),
    (
        "tools generate",
        [
            "morpheus tools generate --output_dir=logs",
            "morpheus tools generate --output_dir=logs --source=azure --users=20 --takeovers=2 --seed=7",
        ],
    ),
    (
        "tools features",
        [
            "morpheus tools features azure",
            "morpheus tools features --check features.toml --source=from-azure signin.json",
        ],
    ),
    (
        "tools bench",
        ["morpheus tools bench", "morpheus tools bench --rounds=9 --compute_threads=1"],
    ),
    (
        "tools doctor",
        [
            "morpheus tools doctor",
            "morpheus tools doctor run pipeline-ae from-cloudtrail --input_glob='logs/*.json' to-file --filename=out.csv",
        ],
    ),
    (
        "tools autocomplete show",
        [
            "morpheus tools autocomplete show --shell=bash",
            "morpheus tools autocomplete show --shell=fish",
        ],
    ),
    (
        "tools autocomplete install",
        [
            "morpheus tools autocomplete install --shell=bash",
            "morpheus tools autocomplete install --shell=zsh",
        ],
    ),
    ("tools man", ["morpheus tools man", "morpheus tools man --directory=man"]),
    ("tools options", ["morpheus tools options", "morpheus tools options --markdown"]),
];

/// The lines of the command of a usage line.
pub fn lines(usage: &str) -> &'static [&'static str] {
    let typed = usage.trim_start_matches("morpheus ");
    let is_of = |words: &str| {
        typed.strip_prefix(words).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    let of_command = EXAMPLES.iter().filter(|(words, _)| is_of(words));
    of_command.max_by_key(|(words, _)| words.len()).map_or(&[], |(_, lines)| lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Command, parse};
    use dfp_config::options::COMMANDS;
    use dfp_config::plan::check;

    /// As a shell would cut them.
    fn words(line: &str) -> Vec<String> {
        line.split(' ').skip(1).map(|word| word.replace('\'', "")).collect()
    }

    #[test]
    fn every_command_has_lines_that_can_be_typed() {
        for (path, _) in COMMANDS.into_iter().filter(|(path, _)| !path.is_empty()) {
            let lines = lines(&format!("morpheus {}", path.join(" ")));
            assert_eq!(lines.len(), 2, "{path:?}");
            for line in lines {
                let words = words(line);
                assert!(words.iter().zip(path).all(|(word, of)| word == of), "{line}");
                // A file that is not there is the only thing that may be wrong.
                let mistakes = match parse(&words, &|_| None) {
                    Ok(Command::Run { spec, .. }) => check(&spec).err().unwrap_or_default(),
                    Ok(_) => Vec::new(),
                    Err(usage) => usage.mistakes,
                };
                let is_file = |text: &String| {
                    text.contains("there is no file") || text.contains("No such file")
                };
                assert!(mistakes.iter().all(is_file), "{line}: {mistakes:?}");
            }
        }
        assert!(matches!(parse(&words("morpheus tools bench"), &|_| None), Ok(Command::Bench(_))));
    }
}
