//! What a file is recognised by: its content, whatever it is called; and the state that remembers it.

use crate::place::{Ended, Place, column, log};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// One line of JSON an event; `counts` of a user's day are part of the output.
fn events(numbers: std::ops::Range<usize>) -> String {
    numbers.fold(String::new(), |mut text, number| {
        let (day, hour, minute) = (1 + number / 1440, number / 60 % 24, number % 60);
        let user = ["ana", "bob"][number % 2];
        text += &format!(
            r#"{{"id":"id-{number}","createdDateTime":"2024-03-{day:02}T{hour:02}:{minute:02}:00Z","userPrincipalName":"{user}","appDisplayName":"app{}","location":{{"city":"Oslo"}}}}"#,
            number % 3
        );
        text + "\n"
    })
}

fn place() -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path("logs")).unwrap();
    place
}

const LINE: &str = "run pipeline-ae from-azure --input_glob=logs SOURCE to-file --filename=out.csv";

fn line(source: &str) -> String {
    LINE.replace("SOURCE", source)
}

fn run(place: &Place) -> Ended {
    let ended = place.morpheus(&line("--state_dir state").replace("=logs ", "=logs/* "));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended
}

/// Each event of the output, with its number among its user's and its count of the day.
fn counted(place: &Place) -> Vec<(usize, String, String)> {
    let out = place.read("out.csv");
    let ids =
        column(&out, "id").into_iter().map(|id| id.trim_start_matches("id-").parse().unwrap());
    let counts = column(&out, "").into_iter().zip(column(&out, "logcount"));
    let mut rows: Vec<_> =
        ids.zip(counts).map(|(id, (number, count))| (id, number, count)).collect();
    rows.sort();
    rows
}

/// What one run over events up to this number gives.
fn expected(events_so_far: usize) -> Vec<(usize, String, String)> {
    let all = Place::new();
    all.write("logs/a.json", events(0..events_so_far));
    let ended = all.morpheus(&line(""));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    counted(&all)
}

/// Every event up to this number is in the output once, with the counts of one run over all.
fn once(place: &Place, events_so_far: usize) {
    assert_eq!(counted(place), expected(events_so_far));
}

fn rename(place: &Place, from: &str, to: &str) {
    std::fs::rename(place.path(from), place.path(to)).unwrap();
}

fn append(path: &Path, text: &str) {
    std::fs::File::options().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// As `gzip` does: the packed file is complete before the other one goes.
fn pack(place: &Place, from: &str, to: &str) {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&std::fs::read(place.path(from)).unwrap()).unwrap();
    place.write(to, gzip.finish().unwrap());
    std::thread::sleep(Duration::from_millis(300));
    std::fs::remove_file(place.path(from)).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_whose_name_is_no_unicode_is_read_once() {
    use std::os::unix::ffi::OsStrExt;
    let place = place();
    let name = std::ffi::OsStr::from_bytes(b"a\xff.json");
    std::fs::write(place.path("logs").join(name), events(0..6)).unwrap();
    // It looks the same as this one, where it is printed.
    std::fs::write(place.path("logs/a\u{fffd}.json"), events(6..10)).unwrap();
    for _ in 0..3 {
        run(&place);
        once(&place, 10);
    }
}

#[test]
fn a_file_that_was_touched_or_renamed_is_not_read_again() {
    let place = place();
    place.write("logs/a.json", events(0..6));
    run(&place);
    let file = std::fs::File::options().append(true).open(place.path("logs/a.json")).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(1_000_000)).unwrap();
    let ended = run(&place);
    assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
    rename(&place, "logs/a.json", "logs/b.json");
    run(&place);
    pack(&place, "logs/b.json", "logs/b.json.gz");
    run(&place);
    once(&place, 6);
}

/// What logrotate does, with a run after each step: rename, compress, delete.
#[test]
fn logs_that_are_rotated_and_packed_between_runs_are_read_once() {
    let place = place();
    for round in 0..4 {
        let first = 10 * round;
        place.write("logs/log.json", events(first..first + 4));
        run(&place);
        // The log grows, and is rotated before the next run.
        append(&place.path("logs/log.json"), &events(first + 4..first + 10));
        if round > 0 {
            pack(&place, "logs/log.1.json", &format!("logs/log.{}.json.gz", 9 - round));
        }
        rename(&place, "logs/log.json", "logs/log.1.json");
        run(&place);
        once(&place, first + 10);
    }
}

#[test]
fn logs_that_are_rotated_and_packed_while_they_are_watched_are_read_once() {
    let place = place();
    let source = "--watch_directory true --state_dir state --settle 200ms --batch_timeout 0.2";
    let watching = place.start(&line(source).replace("=logs ", "=logs/* "));
    for round in 0..3 {
        place.write("logs/log.json", events(5 * round..5 * round + 5));
        place.wait_for_rows("out.csv", 5 * (round + 1));
        if round > 0 {
            pack(&place, "logs/log.1.json", &format!("logs/log.{}.json.gz", 9 - round));
        }
        rename(&place, "logs/log.json", "logs/log.1.json");
        std::thread::sleep(Duration::from_millis(500));
    }
    let ended = watching.stopped();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    once(&place, 15);
}

/// A writer that has its log open while it is watched.
#[test]
fn of_a_log_that_is_appended_to_each_row_is_written_once_and_that_is_said_once() {
    let place = place();
    let source = "--watch_directory true --state_dir state --settle 100ms --batch_timeout 0.1";
    let watching = place.start(&format!("--log_level=INFO {}", line(source)));
    std::thread::sleep(Duration::from_millis(300));
    let mut slow = std::fs::File::create(place.path("logs/slow.json")).unwrap();
    for number in 0..6 {
        slow.write_all(events(number..number + 1).as_bytes()).unwrap();
        place.wait_for_rows("out.csv", number + 1);
    }
    drop(slow);
    std::thread::sleep(Duration::from_millis(500));
    let ended = watching.stopped();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    once(&place, 6);
    let said: Vec<&str> = ended
        .stderr
        .lines()
        .filter(|line| line.contains("appended to after it was read"))
        .collect();
    assert_eq!(said.len(), 2, "when it is found, and how often: {said:?}");
    let first = "slow.json\" appended to after it was read: only the new rows are read";
    assert!(said[0].starts_with("warning: ") && said[0].contains(first), "{said:?}");
    assert!(said[1].contains("5 times in all"), "{said:?}");
    // The next run knows it, and what is appended then.
    append(&place.path("logs/slow.json"), &events(6..9));
    run(&place);
    once(&place, 9);
}

#[test]
fn a_new_file_with_an_old_name_is_new_also_if_it_is_as_long() {
    let place = place();
    place.write("logs/a.json", events(0..1));
    run(&place);
    let old = std::fs::metadata(place.path("logs/a.json")).unwrap();
    place.write("logs/a.json", events(1..2));
    let new = std::fs::metadata(place.path("logs/a.json")).unwrap();
    assert_eq!(old.len(), new.len());
    let ended = run(&place);
    once(&place, 2);
    assert!(ended.stdout.contains("read       1 row"), "{}", ended.stdout);
}

#[test]
fn a_copy_is_skipped_and_named_where_files_are_remembered() {
    let place = place();
    place.write("logs/a.json", events(0..5));
    place.write("logs/b.json", events(0..5));
    let ended = run(&place);
    assert!(
        ended.stderr.contains("b.json\" skipped: every byte is that of a file"),
        "{}",
        ended.stderr
    );
    once(&place, 5);
    run(&place);
    once(&place, 5);
    // The first one may go.
    std::fs::remove_file(place.path("logs/a.json")).unwrap();
    run(&place);
    once(&place, 5);
}

/// Damages a state folder at many places: a run with it goes on as if nothing had been, or says what is
/// wrong and what helps; never are rows repeated or lost.
#[test]
fn a_damaged_state_is_found_and_rebuilt_from_its_copy() {
    let place = place();
    for round in 0..4 {
        place.write(&format!("logs/{round}.json"), events(10 * round..10 * round + 10));
        run(&place);
    }
    place.write("logs/4.json", events(40..50));
    let sound = std::fs::read(place.path("state/state.redb")).unwrap();
    let copy = std::fs::read(place.path("state/state.copy.redb")).unwrap();
    let out = place.read("out.csv");
    let mut random = 11_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) as usize % below
    };
    let (rounds, expected) = (120, expected(50));
    let mut refused = 0;
    for round in 0..rounds {
        let mut bytes = sound.clone();
        let at = next(bytes.len() - 16);
        match round % 3 {
            0 => bytes.truncate(at),
            1 => bytes[at % 8_192] ^= 1 << next(8),
            _ => bytes[at..at + 16].fill(next(256) as u8),
        }
        place.write("state/state.redb", &bytes);
        place.write("state/state.copy.redb", &copy);
        place.write("out.csv", &out);
        let ended = place.morpheus(&line("--state_dir state").replace("=logs ", "=logs/* "));
        assert!(!ended.stderr.contains("panicked"), "{round}: {}", ended.stderr);
        if ended.code != 0 {
            refused += 1;
            assert_eq!(ended.code, 1, "{round}: {}", ended.stderr);
            assert!(ended.stderr.contains("state.redb\": it is damaged"), "{}", ended.stderr);
            assert!(ended.stderr.contains("--rebuild_state"), "{}", ended.stderr);
            assert_eq!(place.read("out.csv"), out, "nothing was written");
            let rebuilt = line("--state_dir state --rebuild_state").replace("=logs ", "=logs/* ");
            let ended = place.morpheus(&rebuilt);
            assert_eq!(ended.code, 0, "{round}: {}", ended.stderr);
            assert!(ended.stderr.contains("a copy takes its place"), "{}", ended.stderr);
        }
        assert_eq!(counted(&place), expected, "{round}");
    }
    assert!(refused > rounds / 3, "{refused} of {rounds}");
}

#[test]
fn rebuilding_from_an_older_copy_reads_again_and_keeps_what_is_cut_off() {
    let place = place();
    place.write("logs/0.json", events(0..10));
    run(&place);
    let copy = std::fs::read(place.path("state/state.copy.redb")).unwrap();
    place.write("logs/1.json", events(10..20));
    run(&place);
    let out = place.read("out.csv");
    place.write("state/state.copy.redb", &copy);
    place.write("state/state.redb", "");
    let ended =
        place.morpheus(&line("--state_dir state --rebuild_state").replace("=logs ", "=logs/* "));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("out.csv.before-rebuild\" and cut to its length"),
        "{}",
        ended.stderr
    );
    once(&place, 20);
    assert_eq!(place.read("out.csv.before-rebuild"), out);
    assert!(place.list("state").contains(&"state.redb.damaged".to_owned()));
    // Nothing to rebuild, and nothing to rebuild it in.
    let ended =
        place.morpheus(&line("--state_dir state --rebuild_state").replace("=logs ", "=logs/* "));
    assert!(ended.stderr.contains("is sound: nothing to rebuild"), "{}", ended.stderr);
    let ended = place.morpheus(&line("--rebuild_state"));
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("there is no --state_dir to rebuild"), "{}", ended.stderr);
}

/// The same of what `train` keeps: a log that was packed after it was learnt is learnt once.
#[test]
fn a_history_learns_a_log_once_and_is_rebuilt() {
    let place = Place::new();
    place.write("logs/a.csv", log(&["ana"], 40));
    let train = "train --source=cloudtrail --input=logs/* --store=models --history_dir=past --userid_column_name=userName \
                 --columns_file=features.txt --seed=1";
    place.write("features.txt", "eventName\neventSource\n");
    let first = place.morpheus(train);
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert!(first.stdout.contains("40 rows"), "{}", first.stdout);
    pack(&place, "logs/a.csv", "logs/a.csv.gz");
    let second = place.morpheus(train);
    assert_eq!(second.code, 0, "{}", second.stderr);
    assert!(!second.stdout.contains("80"), "{}", second.stdout);
    place.write("past/state.redb", "gone");
    let third = place.morpheus(train);
    assert_eq!(third.code, 1, "{}", third.stderr);
    assert!(third.stderr.contains("--rebuild_state"), "{}", third.stderr);
    let fourth = place.morpheus(&format!("{train} --rebuild_state"));
    assert_eq!(fourth.code, 0, "{}", fourth.stderr);
    assert!(fourth.stderr.contains("a copy takes its place"), "{}", fourth.stderr);
    let fifth =
        place.morpheus(&format!("{train} --rebuild_state").replace(" --history_dir=past", ""));
    assert_eq!(fifth.code, 2, "{}", fifth.stderr);
    assert!(fifth.stderr.contains("there is no --history_dir to rebuild"), "{}", fifth.stderr);
    // What scores with these models has a state of its own.
    let event = "{\"eventID\":\"7\",\"eventTime\":\"2021-10-03T00:00:00Z\",\"eventName\":\"List\",\"userName\":\"ana\"}\n";
    place.write("new.jsonl", [event, event].concat());
    let score = "score --source=cloudtrail --input=new.jsonl --store=models --userid_column_name=userName \
                 --columns_file=features.txt --output=out.csv --state_dir=state --drop_duplicates";
    let ended = place.morpheus(score);
    // 40 rows are too few for a model, so the row has no score.
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stdout.contains("left out   1 row with the event id"), "{}", ended.stdout);
    place.write("state/state.redb", "gone");
    let ended = place.morpheus(&format!("{score} --rebuild_state"));
    assert!([0, 3].contains(&ended.code), "{}", ended.stderr);
    assert!(ended.stderr.contains("a copy takes its place"), "{}", ended.stderr);
    assert_eq!(column(&place.read("out.csv"), "eventID").len(), 1);
}

/// The same events in a table, each line behind its label, from 0 on, where there are labels.
fn table(numbers: std::ops::Range<usize>, separator: &str, labels: bool) -> String {
    let first = numbers.start;
    numbers.fold(String::new(), |mut text, number| {
        if labels {
            text += &format!("{}{separator}", number - first);
        }
        let time = format!("2024-03-01T00:{number:02}:00Z");
        let user = ["ana", "bob"][number % 2];
        text + &[&format!("id-{number}"), &time, user, "app", "Oslo"].join(separator) + "\n"
    })
}

const COLUMNS: [&str; 5] =
    ["id", "createdDateTime", "userPrincipalName", "appDisplayName", "locationcity"];

fn ids(place: &Place) -> Vec<usize> {
    let ids = column(&place.read("out.csv"), "id");
    let mut ids: Vec<usize> =
        ids.iter().map(|id| id.trim_start_matches("id-").parse().unwrap()).collect();
    ids.sort_unstable();
    ids
}

/// As `>>` of PowerShell 5 does, with a mark in front of the first text alone.
fn append_utf16(path: &Path, text: &str, unit: fn(u16) -> [u8; 2]) {
    let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
    let mark = if file.metadata().unwrap().len() == 0 { "\u{feff}" } else { "" };
    let bytes: Vec<u8> = mark.encode_utf16().chain(text.encode_utf16()).flat_map(unit).collect();
    file.write_all(&bytes).unwrap();
}

#[test]
fn of_a_file_in_utf16_that_is_appended_to_each_row_is_written_once() {
    let header = COLUMNS.join(",") + "\r\n";
    for unit in [u16::to_le_bytes, u16::to_be_bytes] {
        let place = place();
        let mut rows = 0;
        for round in 0..3 {
            let (first, middle, last) = (6 * round, 6 * round + 3, 6 * round + 6);
            let csv = table(first..middle, ",", false).replace('\n', "\r\n");
            let csv = if round == 0 { format!("{header}{csv}") } else { csv };
            append_utf16(&place.path("logs/a.csv"), &csv, unit);
            append_utf16(&place.path("logs/b.json"), &events(middle..last), unit);
            let ended = run(&place);
            rows += 6;
            assert_eq!(ids(&place), (0..rows).collect::<Vec<_>>(), "{}", ended.stderr);
            assert!(!ended.stderr.contains("read again as a whole"), "{}", ended.stderr);
        }
        // A row that was cut is written again, whole, and no other is.
        let row = table(18..19, ",", false);
        append_utf16(&place.path("logs/a.csv"), row.trim_end_matches("lo\n"), unit);
        run(&place);
        append_utf16(&place.path("logs/a.csv"), "lo\r\n", unit);
        run(&place);
        let expected: Vec<usize> = (0..19).chain([18]).collect();
        assert_eq!(ids(&place), expected);
    }
}

/// Labels of pandas begin with 0 again in what is appended, whatever separates them.
#[test]
fn a_table_with_labels_that_is_appended_to_is_read_again_whatever_separates_its_fields() {
    for (separator, option, said, unnamed) in [
        (";", "--delimiter=;", "", true),
        ("\t", "--delimiter=tab", "", true),
        (":", "--delimiter=:", "", true),
        (";", "", "sep=;\n", true),
        (";", "--delimiter=;", "", false),
        (",", "", "", false),
    ] {
        let place = place();
        let header = if unnamed { [&[""][..], &COLUMNS].concat() } else { COLUMNS.to_vec() };
        let rows = |numbers| {
            let rows = table(numbers, separator, true);
            rows.replace("2024", "\"2024").replace("00Z", "00Z\"")
        };
        place.write("logs/a.csv", [said, &header.join(separator), "\n", &rows(0..6)].concat());
        let line = line(&format!("--state_dir state {option}")).replace("=logs ", "=logs/* ");
        let ended = place.morpheus(&line);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(ids(&place), (0..6).collect::<Vec<_>>());
        append(&place.path("logs/a.csv"), &rows(6..9));
        let ended = place.morpheus(&line);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(
            ended.stderr.contains("a.csv\" appended to after it was read: read again as a whole"),
            "{}",
            ended.stderr
        );
        let expected: Vec<usize> = (0..6).flat_map(|id| [id, id]).chain(6..9).collect();
        assert_eq!(ids(&place), expected, "{separator:?}");
    }
}

#[test]
fn what_was_wrong_with_a_file_is_not_counted_again_when_it_is_appended_to() {
    let header = COLUMNS.join(",") + "\n";
    let csv = |numbers| table(numbers, ",", false);
    let broken_csv = "x,2024-03-01T00:00:00Z,ana,app,Oslo,more\n";
    let wide = |text: &str| -> Vec<u8> {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    };
    for (name, first, next, broken, is_wide) in [
        (
            "a.jsonl",
            events(0..4),
            [events(4..6), events(6..8), events(8..10)],
            "{\"id\": \n",
            false,
        ),
        ("a.csv", header.clone() + &csv(0..4), [4..6, 6..8, 8..10].map(csv), broken_csv, false),
        ("b.csv", header.clone() + &csv(0..4), [4..6, 6..8, 8..10].map(csv), broken_csv, true),
    ] {
        let place = place();
        let line = line("--state_dir state").replace("=logs ", "=logs/* ");
        let mut text = String::new();
        let mut run = |more: &str, options: &str| {
            text += more;
            let bytes = if is_wide { wide(&text) } else { text.clone().into_bytes() };
            place.write(&format!("logs/{name}"), bytes);
            place.morpheus(&line.replacen("run", &format!("run {options}"), 1))
        };
        // The last line is broken too.
        let ended = run(&[&first, broken, &next[0], broken].concat(), "");
        assert_eq!(ended.code, 3, "{}", ended.stderr);
        assert!(ended.stdout.contains("2 rows"), "{}", ended.stdout);
        let ended = run(&next[1], "--strict");
        assert_eq!(ended.code, 0, "{name}: {}", ended.stderr);
        // Faults in new rows are reported with their place.
        let ended = run(&[broken, &next[2]].concat(), "");
        assert_eq!(ended.code, 3, "{name}: {}", ended.stderr);
        assert!(ended.stdout.contains("1 row"), "{}", ended.stdout);
        let line = if name == "a.jsonl" { "line 11" } else { "line 12" };
        assert!(ended.stderr.contains(line), "{}", ended.stderr);
        assert_eq!(ids(&place), (0..10).collect::<Vec<_>>());
    }
}

/// Rows that do not fit into memory together with others are learnt once there is room.
#[test]
fn a_history_tries_a_file_again_that_did_not_fit_into_memory() {
    let place = Place::new();
    place.write("features.txt", "eventName\neventSource\n");
    place.write("logs/a.csv", log(&["ana"], 40));
    let padding = "p".repeat(1_000);
    let event = |row: usize| {
        format!(
            r#"{{"eventTime":"2021-09-01T00:{:02}:{:02}Z","eventName":"List","eventSource":"s3","userName":"ana","p":"{padding}"}}"#,
            row / 60 % 60,
            row % 60
        )
    };
    // What follows its list makes it one document, that is read at once.
    let events: Vec<String> = (0..6_000).map(event).collect();
    place.write("large.json", format!(r#"{{"Records":[{}],"end":{{}}}}"#, events.join(",")));
    pack(&place, "large.json", "logs/large.json.gz");
    let train = |limit: &str| {
        place.morpheus(&format!(
            "train --memory_limit={limit} --source=cloudtrail --input=logs/* --store=models --history_dir=past \
             --userid_column_name=userName --columns_file=features.txt --seed=1"
        ))
    };
    for _ in 0..2 {
        let ended = train("32MiB");
        assert_eq!(ended.code, 3, "{}", ended.stderr);
        assert!(ended.stderr.contains("large.json.gz\"; raise --memory_limit"), "{}", ended.stderr);
    }
    for is_learnt in [true, false] {
        let ended = train("512MiB");
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(ended.stdout.contains("read       6,000 rows"), is_learnt, "{}", ended.stdout);
    }
}
