//! No option is there for show: every one of the table changes what it should, is said to have no effect,
//! or is refused. An option without a check in `checks.rs` fails the test, and so does a check of an
//! option that has no effect.

mod checks;
mod store;

use crate::place::{Ended, Place, log};
use checks::Check::{Changes, In};
use checks::{SCORED, check};
use dfp_config::options::{self, COMMANDS, Effect, Kind, OptionSpec, Role};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

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
    place.write("past.csv", table(&["ann", "bob"], 130));
    let events = table(&["ann", "bob"], 20).replacen("backwards", "score", 1);
    place.write("scored.csv", format!("eventID{events}"));
    place.write("truth.csv", "eventID,label\n0,a\n9,b\n17,a\n33,b\n");
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
    let (names, before) = (place.list("."), files(place));
    let Ended { code, stdout, stderr } = place.morpheus(line);
    let is_time = |word: &str| word.contains('.') && word.contains(|c: char| c.is_ascii_digit());
    let lines = stdout.lines().chain(stderr.lines()).filter(|line| !line.starts_with("time "));
    let words = lines.flat_map(|line| line.split_whitespace().chain(["\n"]));
    let said: Vec<&str> = words.filter(|word| !is_time(word) && !word.starts_with('[')).collect();
    let mut after = files(place);
    for name in after.keys().filter(|name| !before.contains_key(*name)) {
        std::fs::remove_file(place.path(name)).unwrap();
    }
    for name in place.list(".").iter().filter(|name| !names.contains(name)) {
        std::fs::remove_dir_all(place.path(name)).unwrap();
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

/// All files of the place, by their paths in it.
fn files(place: &Place) -> BTreeMap<String, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![String::new()]);
    while let Some(folder) = folders.pop() {
        for name in place.list(&folder) {
            let path = format!("{folder}{name}");
            match std::fs::read(place.path(&path)) {
                Ok(content) => drop(files.insert(path, content)),
                Err(_) => folders.push(format!("{path}/")),
            }
        }
    }
    files
}

/// Every place where options stand, with its options: the sources are one, as they have the same.
fn places() -> Vec<(&'static str, &'static [OptionSpec])> {
    let commands = COMMANDS.map(|(_, command)| (command.name, command.options));
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
    assert!(used > 70 && noted > 10 && refused > 2, "{used} {noted} {refused}");
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
