//! `to-report`, `report` and `plot` in whole runs of the binary, and the page in a browser where there is one.

use crate::absent::absent;
use crate::place::{Ended, Place, USER, column, log, numbers};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

const HOSTILE: &str = "</script><img src=x onerror=alert(1)>";

/// A run over generated logs that writes `out.csv` and the page `run.html`.
fn scored(place: &Place, inference: &str, stages: &str) -> Ended {
    let made =
        place.morpheus("tools generate --output_dir=logs --users=3 --training_rows=2000 --new_rows=150 --days=30 --seed=7");
    assert_eq!(made.code, 0, "{}", made.stderr);
    let ended = place.morpheus(&format!(
        "run pipeline-ae --userid_column_name={USER} from-cloudtrail --input_glob=logs/validation/*.csv \
         train-ae --train_data_glob=logs/training/*.csv --seed=1 preprocess inf-ae {inference} {stages}"
    ));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended
}

/// What a page has for programs.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    let (json, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(json).unwrap()
}

/// The values of a column of a table of a page, by the column's name.
fn cells(page: &str, table: &str, name: &str) -> Vec<String> {
    let (_, rest) = page.split_once(&format!("id=\"{table}-table\"")).unwrap();
    let after = if table == "alerts" { "id=\"contributions\"" } else { "id=\"losses\"" };
    let (table, _) = rest.split_once(after).unwrap();
    let name = format!("data-name=\"{name}\" data-value=\"");
    let values = table.split(&name).skip(1);
    values.map(|rest| rest.split_once('"').unwrap().0.to_owned()).collect()
}

#[test]
fn the_pages_of_a_run_and_of_its_output_say_what_the_file_says() {
    let place = Place::new();
    let ended = scored(
        &place,
        "--scorer=recommended",
        "add-scores --surprises serialize to-report --filename=run.html to-file --filename=out.csv",
    );
    assert!(ended.stdout.contains("\nreport     run.html\n"), "{}", ended.stdout);
    let ended =
        place.morpheus(&format!("report out.csv --html=files.html --userid_column_name={USER}"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);

    let out = place.read("out.csv");
    let (mut p, users) = (numbers(&out, "p_value"), column(&out, USER));
    let alerts = p.iter().filter(|p| **p <= 0.01).count();
    assert!(alerts > 0);
    assert!(ended.stdout.contains(&format!("\nalerts     {alerts} row")), "{}", ended.stdout);
    let of_ann = users.iter().filter(|user| **user == users[0]).count();
    p.sort_by(f64::total_cmp);
    for name in ["run.html", "files.html"] {
        let page = place.read(name);
        let data = data(&page);
        assert_eq!(data["rows"], users.len(), "{name}");
        assert_eq!(data["alerts"], alerts, "{name}");
        assert_eq!(data["users"], 3, "{name}");
        assert_eq!(data["lowest_p"].as_f64(), Some(p[0]), "{name}");
        let shown = cells(&page, "alerts", "p-value");
        let shown: Vec<f64> = shown.iter().map(|p| p.parse().unwrap()).collect();
        assert_eq!(shown, p[..alerts.min(200)], "{name}");
        let listed = cells(&page, "users", "User");
        let rows = cells(&page, "users", "Rows");
        let place = listed.iter().position(|user| *user == users[0]).unwrap();
        assert_eq!(rows[place], of_ann.to_string(), "{name}");
        assert!(page.contains("was never seen in 2,000 events of"), "{name}");
        assert!(page.contains("Contributions of features to alerts"), "{name}");
    }
    // Only the run knows these.
    let (run, files) = (place.read("run.html"), place.read("files.html"));
    for words in ["held back", "Training loss by epoch", "Seed: 1", "stage = &quot;to-report&quot;"]
    {
        assert!(run.contains(words) && !files.contains(words), "{words}");
    }
    assert!(files.contains("Plan and seed are not in the output") && files.contains("out.csv"));
    // The same run gives the same page.
    let again = "run pipeline-ae --userid_column_name=userIdentitysessionContextsessionIssueruserName from-cloudtrail \
        --input_glob=logs/validation/*.csv train-ae --train_data_glob=logs/training/*.csv --seed=1 preprocess inf-ae \
        --scorer=recommended add-scores --surprises serialize to-report --filename=run.html";
    let pages = ["first.html", "second.html"].map(|name| {
        let _ = std::fs::remove_file(place.path("run.html"));
        let ended = place.morpheus(again);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        std::fs::copy(place.path("run.html"), place.path(name)).unwrap();
        place.read(name)
    });
    assert_eq!(pages[0], pages[1]);
    // A page is not written over unless that is asked for.
    let ended = place.morpheus(again);
    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.contains("to-report: ") && ended.stderr.contains("run.html"),
        "{}",
        ended.stderr
    );
    let ended = place.morpheus(&format!("{again} --overwrite --threshold=0.5 --alerts=3"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let other = place.read("run.html");
    let half = p.iter().filter(|p| **p <= 0.5).count();
    assert_eq!(data(&other)["alerts"], half);
    assert_eq!(cells(&other, "alerts", "p-value").len(), 3);
}

#[test]
fn a_report_passes_rows_on_and_peers_rows_are_judged_by_z() {
    let place = Place::new();
    scored(
        &place,
        "",
        "add-scores serialize to-report --filename=run.html to-file --filename=out.csv",
    );
    let with = place.read("out.csv");
    let ended = place.morpheus(&format!(
        "run pipeline-ae --userid_column_name={USER} from-cloudtrail --input_glob=logs/validation/*.csv \
         train-ae --train_data_glob=logs/training/*.csv --seed=1 preprocess inf-ae add-scores serialize \
         to-file --filename=without.csv"
    ));
    assert_eq!(with, place.read("without.csv"));
    let above = ended.stdout.lines().find_map(|line| line.strip_prefix("unusual    ")).unwrap();
    let above: usize = above.split(' ').next().unwrap().parse().unwrap();
    let page = place.read("run.html");
    assert_eq!(data(&page)["alerts"], above);
    assert!(page.contains("These rows have no p-values"), "{page}");
    let ended =
        place.morpheus(&format!("report out.csv --html=files.html --userid_column_name={USER}"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(data(&place.read("files.html"))["alerts"], above);
}

#[test]
fn texts_of_logs_cannot_leave_their_place() {
    let place = Place::new();
    let header = "eventTime,eventName,userName\n";
    let mut training = header.to_owned();
    for row in 0..90 {
        let _ = writeln!(training, "2023-01-01T00:{:02}:{:02}Z,Get,{HOSTILE}", row / 60, row % 60);
    }
    place.write("training/a.csv", training);
    place.write("in/a.csv", format!("{header}2023-01-02T00:00:00Z,Get,{HOSTILE}\n2023-01-02T00:00:01Z,{HOSTILE}2,{HOSTILE}\n"));
    let ended = place.morpheus(
        "run pipeline-ae --userid_column_name=userName from-cloudtrail --input_glob=in/*.csv train-ae \
         --train_data_glob=training/*.csv --train_min_history=1 --seed=1 preprocess inf-ae --scorer=recommended \
         add-scores --reasons=1 --surprises serialize to-report --filename=run.html --threshold=1 to-file --filename=out.csv",
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let ended = place
        .morpheus("report out.csv --html=files.html --userid_column_name=userName --threshold=1");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let ended = place.morpheus("plot out.csv --output=scores.svg --userid_column_name=userName");
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for name in ["run.html", "files.html", "scores.svg"] {
        let page = place.read(name);
        assert!(!page.contains("<img"), "{name}");
        let scripts = if name.ends_with("html") { 2 } else { 0 };
        assert_eq!(page.matches("<script").count(), scripts, "{name}");
        assert_eq!(page.matches("</script").count(), scripts, "{name}");
    }
    let page = place.read("run.html");
    assert!(page.contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;2"), "the value");
    assert_eq!(data(&page)["rows"], 2);
}

/// Outputs by hand: time, user, score and p-value.
fn output(rows: &[(&str, &str, f64, f64)]) -> String {
    let mut text = "event_dt,username,score,p_value\n".to_owned();
    for (time, user, score, p) in rows {
        let _ = writeln!(text, "{time},{user},{score},{p}");
    }
    text
}

#[test]
fn one_row_no_alert_and_alerts_alone() {
    let place = Place::new();
    let row = ("2024-01-01T00:00:00Z", "ann", 1.5, 0.25);
    place.write("one.csv", output(&[row]));
    place.write("two.csv", output(&[row, ("2024-01-02T00:00:00Z", "bob", 9.0, 1e-5)]));
    for (line, title) in [
        ("report one.csv --html=a.html", "<h1>0 alerts in 1 row</h1>"),
        ("report one.csv two.csv --html=a.html", "<h1>1 alert in 3 rows</h1>"),
        ("report *.csv --html=a.html --threshold=0", "<h1>0 alerts in 3 rows</h1>"),
        ("report *.csv --html=a.html --threshold=1", "<h1>3 alerts in 3 rows</h1>"),
        ("report two.csv --html=a.html --alerts=0", "<h1>1 alert in 2 rows</h1>"),
    ] {
        let ended = place.morpheus(line);
        assert_eq!(ended.code, 0, "{line}: {}", ended.stderr);
        let page = place.read("a.html");
        assert!(page.contains(title), "{line}: {}", &page[..page.len().min(9_000)]);
    }
    // Columns of other names.
    place
        .write("named.csv", "when,who,how\n2024-01-01,ann,1\n2024-01-02,ann,2\n2024-01-03,bob,3\n");
    let ended = place.morpheus(
        "report named.csv --html=b.html --userid_column_name=who --timestamp_column_name=when --score_column=how",
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let page = place.read("b.html");
    assert_eq!(data(&page)["users"], 2);
    assert!(page.contains("2024-01-01"), "{page}");
}

#[test]
fn lines_that_make_no_sense_are_refused_with_all_their_mistakes() {
    let place = Place::new();
    place.write("in/a.csv", log(&["ann"], 20));
    place.write("out.csv", output(&[("2024-01-01T00:00:00Z", "ann", 1.5, 0.25)]));
    let run = "run pipeline-ae --userid_column_name=userName from-cloudtrail --input_glob=in/*.csv";
    let scored = "train-ae --train_data_glob=in/*.csv preprocess inf-ae add-scores serialize to-report --filename=a.html";
    for (line, words) in [
        ("report --html=a.html".to_owned(), "report: expected outputs of runs"),
        ("report out.csv".to_owned(), "report: --html is required"),
        ("report out.csv --html=a.pdf".to_owned(), "expected .html, .htm"),
        ("report a.html --html=a.html".to_owned(), "is read too (a word of the line \"a.html\"), and would be written over"),
        ("report out.csv --html=a.html --threshold=2".to_owned(), "--threshold: \"2\""),
        ("report out.csv --html=a.html --score_column=nope".to_owned(), "\"nope\""),
        ("plot out.csv --output=a.gif".to_owned(), "expected .svg, .png"),
        ("plot out.csv --output=a.svg --kind=pie".to_owned(), "--kind: \"pie\""),
        (format!("{run} --state_dir=state {scored}"), "from-cloudtrail with --state_dir is continuous"),
        (format!("{run} --watch_directory {scored}"), "with --watch_directory is continuous; write the rows with to-file"),
        (format!("{run} train-ae --train_data_glob=in/*.csv serialize to-report --filename=a.html"), "rows have no scores without add-scores"),
        (format!("{run} {scored} to-file --filename=a.html --file_type=csv"), "is written twice"),
        (
            "run pipeline-other from-file --input_glob=in/*.csv deserialize serialize to-report --filename=a.html".to_owned(),
            "a page is about scores, which pipeline-other does not make",
        ),
    ] {
        let ended = place.morpheus(&line);
        assert_eq!(ended.code, 2, "{line}: {}", ended.stderr);
        assert!(ended.stderr.contains(words), "{line}: {}", ended.stderr);
    }
    let ended = place.morpheus("report out.csv --html=a.pdf --alerts=x");
    assert!(
        ended.stderr.contains("--html") && ended.stderr.contains("--alerts"),
        "{}",
        ended.stderr
    );
    let ended = place.morpheus("report nothing.csv --html=a.html");
    assert_ne!(ended.code, 0);
    assert!(ended.stderr.contains("nothing.csv"), "{}", ended.stderr);
    assert!(!place.path("a.html").exists());
}

#[test]
fn the_three_pictures_are_drawn_in_both_formats() {
    let place = Place::new();
    let mut rows = "event_dt,who,username,ae_anomaly_score\n".to_owned();
    for row in 0..200 {
        let score = if row == 150 { 90.0 } else { f64::from(row % 4) };
        let (hour, minute) = (row / 60, row % 60);
        let _ = writeln!(
            rows,
            "2024-01-01T{hour:02}:{minute:02}:00Z,x,{},{score}",
            ["ann", "bob"][row as usize % 2]
        );
    }
    place.write("out.csv", &rows);
    let drawn = |options: &str| {
        let ended = place.morpheus(&format!("plot out.csv {options}"));
        assert_eq!(ended.code, 0, "{options}: {}", ended.stderr);
        ended.stdout
    };
    for kind in ["scores", "zscores", "histogram"] {
        drawn(&format!("--kind={kind} --output=a.svg"));
        drawn(&format!("--kind={kind} --output=a.png"));
        let svg = place.read("a.svg");
        assert!(svg.starts_with("<svg ") && svg.contains("of 200 rows"), "{kind}");
        let red = svg.matches("#C2331C").count();
        assert_eq!(red, usize::from(kind == "zscores"), "{kind}: the alert");
        assert_eq!(svg.contains("threshold is at 4"), kind == "zscores", "{kind}");
        let png = std::fs::read(place.path("a.png")).unwrap();
        assert!(png.starts_with(b"\x89PNG\r\n"), "{kind}");
        std::fs::remove_file(place.path("a.png")).unwrap();
    }
    let said = drawn("--kind=scores --output=ann.svg --userid_filter=ann");
    assert!(said.contains("read       100 rows"), "{said}");
    assert!(place.read("ann.svg").contains("of 100 rows"));
    drawn(
        "--output=who.svg --userid_column_name=who --timestamp_column_name=event_dt --score_column=ae_anomaly_score",
    );
    assert!(!place.read("who.svg").contains("users"), "all rows are of one user");
    let ended = place.morpheus("plot out.csv --output=b.svg --userid_filter=eve");
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("\"eve\""), "{}", ended.stderr);
}

/// A browser that can be driven, if there is one.
fn chromium() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("DFP_CHROMIUM") {
        return Some(path.into());
    }
    let paths = std::env::var_os("PATH")?;
    let mut files = std::env::split_paths(&paths).map(|path| path.join("chromium"));
    files.find(|path| path.is_file())
}

/// The document after its scripts have run, and what its console said.
fn browsed(browser: &PathBuf, place: &Place, page: &str) -> (String, Vec<String>) {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", place.path(page).display()))
        .output()
        .unwrap();
    let ended = Ended::of(output);
    assert!(ended.stdout.contains("</html>"), "{}", ended.stderr);
    let said = ended.stderr.lines().filter(|line| line.contains("CONSOLE"));
    (ended.stdout, said.map(str::to_owned).collect())
}

#[test]
fn a_browser_shows_the_page_sorts_and_filters_its_tables_and_runs_no_other_script() {
    let Some(browser) = chromium() else {
        return absent("chromium", "it is not in PATH, and DFP_CHROMIUM names none");
    };
    let place = Place::new();
    scored(
        &place,
        "--scorer=recommended",
        "add-scores --surprises serialize to-report --filename=run.html --threshold=0.05 to-file --filename=out.csv",
    );
    let static_page = place.read("run.html");
    let (page, said) = browsed(&browser, &place, "run.html");
    assert_eq!(said, [""; 0], "the console is silent");
    assert!(page.contains("class=\"js\""), "the script has run");
    let as_written = cells(&static_page, "alerts", "p-value");
    assert_eq!(cells(&page, "alerts", "p-value"), as_written);

    let (page, said) = browsed(&browser, &place, "run.html#sort=score&order=ascending");
    assert_eq!(said, [""; 0]);
    let scores = cells(&page, "alerts", "Score");
    let scores: Vec<f64> = scores.iter().map(|score| score.parse().unwrap()).collect();
    assert!(scores.len() > 2 && scores.is_sorted(), "{scores:?}");
    let mut of_file: Vec<f64> = {
        let out = place.read("out.csv");
        let (p, score) = (numbers(&out, "p_value"), numbers(&out, "score"));
        p.iter().zip(score).filter(|(p, _)| **p <= 0.05).map(|(_, score)| score).collect()
    };
    of_file.sort_by(f64::total_cmp);
    assert_eq!(scores, of_file, "the numbers are the file's");
    assert!(page.contains("data-key=\"score\" aria-sort=\"ascending\""), "{page}");

    let users = cells(&static_page, "users", "User");
    let wanted = &users[0];
    let (page, _) = browsed(
        &browser,
        &place,
        &format!("run.html#filter={wanted}&users.sort=user&users.order=descending"),
    );
    let (_, table) = page.split_once("id=\"alerts-table\"").unwrap();
    let (table, _) = table.split_once("id=\"contributions\"").unwrap();
    let rows = table.split("<tr role=\"row\"").skip(2);
    let mut shown = 0;
    for row in rows {
        let hidden = row.starts_with(" hidden");
        assert_eq!(!hidden, row.contains(wanted.as_str()), "{row}");
        shown += usize::from(!hidden);
    }
    assert!(
        shown > 0 && page.contains(&format!(">{shown} of {}</output>", as_written.len())),
        "{shown}"
    );
    let mut sorted = users.clone();
    sorted.sort();
    sorted.reverse();
    assert_eq!(cells(&page, "users", "User"), sorted);

    // What got in all the same would not run, and the console would say so.
    let attack = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"></body>";
    place.write("attacked.html", static_page.replace("</body>", attack));
    let (page, said) = browsed(&browser, &place, "attacked.html");
    assert!(!page.contains("<title>owned"), "{page}");
    assert!(!said.is_empty());
}
