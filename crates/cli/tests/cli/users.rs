//! Who is one user, and which events are one event.

use crate::place::{Place, column, numbers};

fn sign_in(id: &str, user: &str, second: usize) -> String {
    format!(
        "{{\"id\":\"{id}\",\"createdDateTime\":\"2024-05-06T08:00:{second:02}Z\",\"userPrincipalName\":\"{user}\",\"appDisplayName\":\"Mail\"}}\n"
    )
}

fn logs(place: &Place, name: &str, events: &[(&str, &str, usize)]) {
    let text: String = events.iter().map(|(id, user, at)| sign_in(id, user, *at)).collect();
    place.write(name, text);
}

const LINE: &str =
    "run pipeline-ae from-azure --input_glob=logs/*.json SOURCE to-file --filename=out.csv";

#[test]
fn names_that_differ_by_case_or_blanks_are_reported_once_and_can_be_made_one() {
    let place = Place::new();
    let users = ["Eva.Dahl@x", "eva.dahl@x", "EVA.DAHL@x", "eva.dahl@x ", "Ola@x"];
    let events: Vec<_> = users.iter().enumerate().map(|(at, user)| ("", *user, at)).collect();
    logs(&place, "logs/a.json", &events);
    let ended = place.morpheus(&LINE.replace("SOURCE", ""));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let said = "input: 3 users differ so far from another one by case or blanks only, as \"eva.dahl@x\" from \"Eva.Dahl@x\"";
    assert_eq!(ended.stderr.matches(said).count(), 1, "{}", ended.stderr);
    let built_in = place.morpheus("tools features azure").stdout;
    let more = "\n[[column]]\nname = \"lower\"\nop = \"lowercase\"\nof = \"userPrincipalName\"\n\n\
                [[column]]\nname = \"account\"\nop = \"trim\"\nof = \"lower\"\n";
    let own = built_in.replace("user = \"userPrincipalName\"", "user = \"account\"") + more;
    place.write("own.toml", own);
    let line = LINE.replace("SOURCE", "").replace("pipeline-ae", "pipeline-ae --features=own.toml");
    let ended = place.morpheus(&(line + " --overwrite"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(!ended.stderr.contains("by case or blanks"), "{}", ended.stderr);
    assert!(ended.stdout.contains("read       5 rows of 2 users"), "{}", ended.stdout);
    let out = place.read("out.csv");
    assert_eq!(numbers(&out, "logcount"), [0.0, 1.0, 2.0, 3.0, 0.0]);
}

#[test]
fn events_that_are_delivered_twice_are_counted_and_left_out_where_asked_for() {
    let place = Place::new();
    logs(&place, "logs/a.json", &[("1", "ana", 1), ("2", "ana", 2)]);
    // Overlapping polls: other bytes, the same event.
    logs(
        &place,
        "logs/b.json",
        &[("2", "ana", 2), ("3", "ana", 3), ("", "ana", 4), ("", "ana", 5)],
    );
    let ended = place.morpheus(&LINE.replace("SOURCE", ""));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stdout.contains("repeated   1 row with the event id of an earlier row"),
        "{}",
        ended.stdout
    );
    assert!(ended.stderr.contains("--drop_duplicates leaves such rows out"), "{}", ended.stderr);
    assert_eq!(column(&place.read("out.csv"), "id").len(), 6);
    let ended = place.morpheus(&(LINE.replace("SOURCE", "--drop_duplicates") + " --overwrite"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stdout.contains("left out   1 row with the event id of an earlier row"),
        "{}",
        ended.stdout
    );
    let out = place.read("out.csv");
    assert_eq!(column(&out, "id"), ["1", "2", "3", "", ""]);
    assert_eq!(numbers(&out, "logcount"), [0.0, 1.0, 2.0, 3.0, 4.0]);
}

/// Ids are remembered from run to run, with what was written.
#[test]
fn an_event_of_an_earlier_run_is_left_out_too() {
    let place = Place::new();
    let run = |more: &str| {
        let source = format!("--state_dir=state --drop_duplicates {more}");
        let ended = place.morpheus(&LINE.replace("SOURCE", &source));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        column(&place.read("out.csv"), "id")
    };
    logs(&place, "logs/a.json", &[("1", "ana", 1), ("2", "ana", 2)]);
    assert_eq!(run(""), ["1", "2"]);
    logs(&place, "logs/b.json", &[("2", "ana", 2)]);
    assert_eq!(run(""), ["1", "2"]);
    logs(&place, "logs/c.json", &[("1", "ana", 1), ("3", "ana", 3)]);
    assert_eq!(run("--batch_megabytes=1"), ["1", "2", "3"]);
    assert_eq!(numbers(&place.read("out.csv"), ""), [0.0, 1.0, 2.0]);
}

#[test]
fn a_feature_file_says_what_identifies_an_event() {
    let place = Place::new();
    place.write(
        "logs/a.json",
        "{\"u\":\"ana\",\"nr\":7}\n{\"u\":\"ana\",\"nr\":8}\n{\"u\":\"bo\",\"nr\":7}\n",
    );
    place.write("own.toml", "user = \"u\"\nevent_id = \"nr\"\nfeatures = [\"nr\"]\n");
    let line = LINE
        .replace("SOURCE", "--drop_duplicates")
        .replace("from-azure", "from-file")
        .replace("pipeline-ae", "pipeline-ae --features=own.toml");
    let ended = place.morpheus(&line);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(column(&place.read("out.csv"), "nr"), ["7", "8"]);
}

/// What is counted of a part in which the one user asked for is not found is what one batch counts.
#[test]
fn counts_of_parts_without_the_user_asked_for_add_up() {
    let place = Place::new();
    let rows = |ids: std::ops::Range<usize>| -> String {
        let row = |id: usize| {
            let user = if id < 3_000 { "ana" } else { "bo" };
            let (day, id) = (1 + id / 1_000, id / 2);
            format!(
                "{{\"id\":{id},\"timestamp\":\"2023-05-{day:02}\",\"u\":\"{user}\",\"used\":{},\"p\":\"{}\"}}\n",
                u8::from(!id.is_multiple_of(5)),
                "p".repeat(400)
            )
        };
        ids.map(row).collect()
    };
    place.write("logs/a.json", rows(0..6_000));
    place.write(
        "own.toml",
        "user = \"u\"\nevent_id = \"id\"\nfeatures = [\"used\"]\nrows = 'used == 1'\n",
    );
    let line = LINE
        .replace("from-azure", "from-file")
        .replace("pipeline-ae", "pipeline-ae --features=own.toml --userid_filter=ana");
    let told = |parts: &str| {
        let ended = place.morpheus(&(line.replace("SOURCE", parts) + " --overwrite"));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let lines = ended.stdout.lines().filter(|line| !line.starts_with("time "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    for drops in ["", "--drop_duplicates "] {
        let whole = told(drops);
        assert_eq!(told(&format!("{drops}--batch_megabytes=1")), whole);
        assert!(
            whole.iter().any(|line| line.contains("2,400 rows with the event id")),
            "{whole:?}"
        );
    }
}

/// A number is the same id whatever the other rows and files of its batch hold.
#[test]
fn an_id_that_is_a_number_is_one_beside_gaps_texts_and_too_many_columns() {
    let place = Place::new();
    place.write("own.toml", "user = \"u\"\nevent_id = \"nr\"\nfeatures = [\"x\"]\n");
    let line = LINE
        .replace("SOURCE", "--drop_duplicates --state_dir=state")
        .replace("from-azure", "from-file")
        .replace("*.json", "*")
        .replace("pipeline-ae", "pipeline-ae --features=own.toml");
    let ids = || {
        let ended = place.morpheus(&line);
        assert!([0, 3].contains(&ended.code), "{}", ended.stderr);
        column(&place.read("out.csv"), "nr")
    };
    place.write("logs/a.csv", "u,x,nr\nana,1,5\nana,2,9007199254740993\n");
    assert_eq!(ids(), ["5", "9007199254740993"]);
    place.write("logs/b.csv", "u,x,nr\nana,3,5\nana,4,\nana,5,9007199254740993\nana,6,6\n");
    place.write("logs/c.csv", "u,x,nr\nana,7,x1\n");
    place.write("logs/d.json", "{\"u\":\"ana\",\"x\":8,\"nr\":5.0}\n{\"u\":\"ana\",\"x\":9}\n");
    let all = ["5", "9007199254740993", "", "6", "x1", ""];
    assert_eq!(ids(), all);
    // The table has the columns that are asked for, and the first of the others.
    let names: String = (0..20_500).map(|at| format!("k{at},")).collect();
    let rest = ",".repeat(20_500);
    place.write("logs/e.csv", format!("u,x,{names}nr\nana,10,{rest}6\nana,11,{rest}5\n"));
    assert_eq!(ids(), all);
}

/// What is learnt is looked at as what is scored is.
#[test]
fn repeated_events_and_users_that_are_alike_are_told_wherever_rows_are_learnt() {
    let place = Place::new();
    let rows = |users: [&str; 2]| {
        (0..240).fold(String::from("id,at,who,what\n"), |text, n| {
            // Every tenth event comes again.
            let row = format!(
                "{},2024-05-01T{:02}:{:02}:00Z,{},{}\n",
                n,
                n / 30,
                n % 30,
                users[n % 2],
                n % 3
            );
            text + &row.repeat(if n % 10 == 0 { 2 } else { 1 })
        })
    };
    place.write("logs/a.csv", rows(["Ana", "bo"]));
    place.write("logs/b.csv", rows(["ana", "bo"]).replace("2024-05-01", "2024-05-02"));
    place.write(
        "own.toml",
        "user = \"who\"\nevent_id = \"id\"\nfeatures = [\"what\"]\n[time]\ncolumn = \"at\"\n",
    );
    let alike = |purpose: &str| {
        format!(
            "{purpose}: 1 user differs so far from another one by case or blanks only, as \"ana\" from \"Ana\""
        )
    };
    let twice = |purpose: &str, rows: usize, then: &str| {
        format!(
            "{purpose}: some events were delivered twice: {rows} rows so far with the event id (id) of an earlier row; {then}"
        )
    };
    let kept = "they count as often as they are there";
    let counted = "repeated   288 rows with the event id of an earlier row";
    let stage = "run pipeline-ae --features=own.toml from-file --input_glob=logs/a.csv MORE train-ae --train_data_glob=logs/*.csv \
                 --train_epochs=1 --seed=1 preprocess inf-pytorch add-scores serialize to-file --filename=out.csv --overwrite";
    let option = "--drop_duplicates leaves such rows out";
    for (line, purpose, then, counted) in [
        (
            "train --source=file --features=own.toml --input=logs/*.csv --store=store --min_history=10",
            "training data",
            kept,
            counted,
        ),
        (
            "train --source=file --features=own.toml --input=logs/*.csv --store=store2 --min_history=10 --history_dir=past",
            "training data",
            kept,
            counted,
        ),
        (
            "backtest --source=file --features=own.toml --input=logs/*.csv --folds=1 --json=found.json",
            "input",
            kept,
            "repeated   288 rows",
        ),
        (
            &stage.replace("MORE", ""),
            "training data",
            option,
            "repeated   training data: 288 rows with the event id of an earlier row",
        ),
    ] {
        let ended = place.morpheus(line);
        assert!([0, 3].contains(&ended.code), "{line}: {}", ended.stderr);
        for said in [alike(purpose), twice(purpose, 288, then)] {
            assert_eq!(ended.stderr.matches(&said).count(), 1, "{line}: {}", ended.stderr);
        }
        assert!(ended.stdout.contains(counted), "{line}: {}", ended.stdout);
    }
    let ended = place.morpheus(&stage.replace("MORE", "--drop_duplicates"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(!ended.stderr.contains("delivered twice"), "{}", ended.stderr);
    let left_out = "left out   training data: 288 rows with the event id of an earlier row";
    assert!(ended.stdout.contains(left_out), "{}", ended.stdout);
}
