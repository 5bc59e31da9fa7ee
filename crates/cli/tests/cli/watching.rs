//! Input without an end: watching a directory, the state folder, batches by time.
//!
//! `DFP_KILLS=200` sets how often the test of the order of time kills the program.

use crate::place::{Place, Running, column, log, numbers};
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// A pipeline over `logs/*.jsonl` with a small model trained on `training/a.csv`.
const LINE: &str = "run --num_threads=1 pipeline-ae --userid_column_name=userName --columns_file=features.txt \
     from-cloudtrail --input_glob=logs/*.jsonl SOURCE train-ae --train_data_glob=training/*.csv --seed 1 \
     --architecture compact --train_epochs 1 preprocess inf-pytorch add-scores serialize to-file --filename=out.csv";

fn place() -> Place {
    let place = Place::new();
    place.write("features.txt", "eventName\neventSource\nerrorCode\n");
    place.write("training/a.csv", log(&["ana", "bo"], 60));
    std::fs::create_dir(place.path("logs")).unwrap();
    place
}

fn line(source: &str) -> String {
    LINE.replace("SOURCE", source)
}

/// Events numbered from `first` on, a minute apart, of two users.
fn events(first: usize, count: usize) -> String {
    (first..first + count).fold(String::new(), |mut text, number| {
        let (day, minute) = (1 + number / 1440, number % 1440);
        let user = ["ana", "bo"][number % 2];
        let _ = writeln!(
            text,
            r#"{{"eventID":"id-{number}","eventTime":"2023-05-{day:02}T{:02}:{:02}:00Z","eventName":"Get","eventSource":"s3","userName":"{user}"}}"#,
            minute / 60,
            minute % 60
        );
        text
    })
}

fn watch(place: &Place, source: &str) -> Running {
    place.start(&line(source))
}

fn once(place: &Place, rows: usize) {
    let out = place.read("out.csv");
    let ids = column(&out, "eventID");
    let different: HashSet<&String> = ids.iter().collect();
    assert_eq!((ids.len(), different.len()), (rows, rows), "every row once");
    // The numbers of a user's rows run on over files, batches and processes.
    for user in ["ana", "bo"] {
        let names = column(&out, "userName");
        let numbers: Vec<f64> = numbers(&out, "")
            .into_iter()
            .zip(names)
            .filter(|(_, name)| name == user)
            .map(|(number, _)| number)
            .collect();
        let expected: Vec<f64> = (0..numbers.len()).map(|number| number as f64).collect();
        assert_eq!(numbers, expected, "{user}");
    }
}

/// The bar: 2,000 files arrive while the process is killed five times, and every row is written once.
#[test]
fn killed_five_times_every_row_is_written_once() {
    const FILES: usize = 2_000;
    let place = place();
    let source = "--watch_directory true --state_dir state --settle 300ms --batch_timeout 0.2";
    let mut number = 0;
    for kill in 0..6 {
        let watching = watch(&place, source);
        let until = FILES * (kill + 1) / 6;
        while number < until {
            let name = format!("logs/{number:04}.jsonl");
            if number.is_multiple_of(2) {
                place.write(&name, events(3 * number, 3));
            } else {
                place.write(&format!("{name}.part"), events(3 * number, 3));
                std::fs::rename(place.path(&format!("{name}.part")), place.path(&name)).unwrap();
            }
            number += 1;
            if number.is_multiple_of(20) {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        if kill < 5 {
            // Not before it has done something, and in the middle of more.
            let start = Instant::now();
            let length = || std::fs::metadata(place.path("out.csv")).map_or(0, |file| file.len());
            let before = length();
            while length() == before && start.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(7));
            }
            watching.killed();
        } else {
            place.wait_for_rows("out.csv", 3 * FILES);
            let ended = watching.stopped();
            assert_eq!(ended.code, 0, "{}", ended.stderr);
        }
    }
    once(&place, 3 * FILES);
    // A last run has nothing left to do.
    let ended = place.morpheus(&line("--state_dir state"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    once(&place, 3 * FILES);
}

#[test]
fn without_a_state_folder_a_watch_reads_what_is_there_and_what_comes() {
    let place = place();
    place.write("logs/a.jsonl", events(0, 4));
    let watching = watch(&place, "--watch_directory=True --settle 100ms --batch_timeout 0.1");
    place.wait_for_rows("out.csv", 4);
    // In a batch of its own, and beside a file that can be read: its name is told either way.
    place.write("logs/broken.jsonl", "{\"eventTime\": ");
    place.wait_for("running.stderr", "broken.jsonl");
    place.write("logs/b.jsonl", events(4, 4));
    place.wait_for_rows("out.csv", 8);
    let ended = watching.stopped();
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stderr.contains("broken.jsonl"), "{}", ended.stderr);
    once(&place, 8);
}

#[test]
fn runs_one_after_the_other_go_on_where_the_last_one_ended() {
    let place = place();
    let source = "--state_dir state";
    for part in 0..3 {
        place.write(&format!("logs/{part}.jsonl"), events(10 * part, 10));
        let ended = place.morpheus(&line(source));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(ended.stdout.contains("read       10 rows of 2 users"), "{}", ended.stdout);
    }
    once(&place, 30);
    let other = line("--state_dir state").replace("=userName", "=eventName");
    let ended = place.morpheus(&other);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("it belongs to another pipeline"), "{}", ended.stderr);
}

#[test]
fn large_input_is_read_in_parts_with_the_rows_of_one_part() {
    let place = place();
    for part in 0..30 {
        // Files that overlap in time.
        place.write(&format!("logs/{part:02}.jsonl"), events(part * 500, 1_000));
    }
    let whole = place.morpheus(&line(""));
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    let sorted = |text: String| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let all = sorted(place.read("out.csv"));
    for parts in ["--batch_megabytes 1", "--period D", "--period 6h --batch_megabytes 1"] {
        let ended = place.morpheus(&(line(parts) + " --overwrite"));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(ended.stdout.contains("read       30,000 rows of 2 users"), "{}", ended.stdout);
        let cut = place.read("out.csv");
        let times = column(&cut, "event_dt");
        assert!(!times.is_sorted(), "users come anew in every part");
        // The very rows, with the very numbers, whatever the parts were.
        assert!(sorted(cut) == all, "{parts}");
    }
}

#[test]
fn rows_outside_of_the_times_asked_for_are_left_out_and_counted() {
    let place = place();
    place.write("logs/a.jsonl", events(0, 100));
    for (times, rows) in [
        ("--start_time 2023-05-01T01:00:00Z", 40),
        ("--end_time 2023-05-01T01:00:00Z", 60),
        ("--start_time 2023-05-01T00:10:00Z --duration 30m", 30),
        ("--end_time 2023-05-01T02:00:00+01:00 --duration 10m", 10),
    ] {
        let ended = place.morpheus(&(line(times) + " --overwrite"));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(column(&place.read("out.csv"), "eventID").len(), rows, "{times}");
        let left_out = format!("left out   {} rows outside of the times asked for", 100 - rows);
        assert!(ended.stdout.contains(&left_out), "{}", ended.stdout);
    }
    let ended = place.morpheus(&(line("--duration 1d") + " --overwrite"));
    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.contains("100 rows are outside of the times asked for"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_sample_of_the_files_is_the_same_for_the_same_seed() {
    let place = place();
    for hour in 0..24 {
        place.write(&format!("logs/2023-05-01T{hour:02}_00.jsonl"), events(hour * 60, 2));
    }
    let ids = |sampling: &str, seed: usize| {
        let line = line(&format!("--sampling {sampling}"))
            .replace("run ", &format!("run --manual_seed={seed} "));
        let ended = place.morpheus(&(line + " --overwrite"));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        column(&place.read("out.csv"), "eventID")
    };
    assert_eq!(ids("5", 1).len(), 10);
    assert_eq!(ids("5", 1), ids("5", 1));
    assert_ne!(ids("5", 1), ids("5", 2));
    assert_eq!(ids("6h", 1).len(), 8);
}

#[test]
fn what_makes_no_sense_together_is_refused() {
    let place = place();
    place.write("logs/a.jsonl", events(0, 4));
    for (source, message) in [
        ("--period 7h", "--period: \"7h\" is not a period; expected D, W, M, h, or"),
        ("--period_by file", "--period_by: there is no --period to go by"),
        ("--lateness 1h", "--lateness is about --watch_directory with --period"),
        ("--duration soon", "--duration: \"soon\" is not a length of time; expected"),
        ("--start_time noon", "--start_time: \"noon\" is not a time; expected"),
        ("--start_time 2024-01-02 --end_time 2024-01-01", "--end_time is not after --start_time"),
        (
            "--start_time 2024-01-01 --end_time 2024-01-02 --duration 1d",
            "leave one of the three out",
        ),
        ("--sampling often", "--sampling: \"often\" is no sample of files"),
        (
            "--watch_directory true --sampling 3",
            "files that are still to come cannot be drawn from",
        ),
        ("--watch_directory true --repeat 2", "--repeat: files that arrive one after the other"),
    ] {
        let ended = place.morpheus(&line(source));
        assert_eq!(ended.code, 2, "{source}: {}", ended.stderr);
        assert!(ended.stderr.contains(message), "{source}: {}", ended.stderr);
    }
    let ended = place.morpheus(&line("--watch_directory true").replace("out.csv", "out.parquet"));
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("Parquet cannot be appended to"), "{}", ended.stderr);
}

#[test]
fn a_period_shorter_than_an_hour_comes_to_its_end() {
    let place = place();
    // Minutes 0, 30, 60, 90 of the first day.
    let rows: String = [0, 30, 60, 90].iter().map(|minute| events(*minute, 1)).collect();
    place.write("logs/a.jsonl", rows);
    let watching = place
        .start(&line("--watch_directory true --period 15m --settle 100ms --batch_timeout 0.1"));
    place.wait_for_rows("out.csv", 4);
    let ended = watching.stopped();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    once(&place, 4);
}

#[test]
fn cells_that_are_no_numbers_stay_in_a_column_that_began_with_numbers() {
    let place = place();
    let event = |day: usize, port: &str| {
        events(0, 1)
            .replace("2023-05-01", &format!("2023-05-0{day}"))
            .replace("\"eventName\"", &format!("\"port\":{port},\"eventName\""))
    };
    place.write("logs/a.jsonl", event(1, "443") + &event(2, "\"https\""));
    let ended = place.morpheus(&line("--period D"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(column(&place.read("out.csv"), "port"), ["443", "https"]);
}

#[test]
fn outputs_are_no_input() {
    let place = place();
    place.write("logs/a.jsonl", events(0, 4));
    let source = "--watch_directory true --settle 100ms --batch_timeout 0.1";
    let line = line(source).replace("logs/*.jsonl", "logs").replace("=out.csv", "=logs/out.csv");
    let watching = place.start(&line);
    place.wait_for_rows("logs/out.csv", 4);
    std::thread::sleep(Duration::from_millis(500));
    let ended = watching.stopped();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("read       4 rows"), "{}", ended.stdout);
}

#[cfg(unix)]
#[test]
fn a_file_that_can_be_read_later_is_read_then_and_once() {
    let place = place();
    std::os::unix::fs::symlink("../target.jsonl", place.path("logs/link.jsonl")).unwrap();
    place.write("logs/a.jsonl", events(0, 4));
    let ended = place.morpheus(&line("--state_dir state"));
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    place.write("target.jsonl", events(4, 4));
    for _ in 0..2 {
        let ended = place.morpheus(&line("--state_dir state"));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        once(&place, 8);
    }
}

#[test]
fn an_output_that_was_moved_away_is_begun_anew() {
    let place = place();
    place.write("logs/a.jsonl", events(0, 4));
    let run = || {
        let ended = place.morpheus(&line("--state_dir state"));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    };
    run();
    std::fs::rename(place.path("out.csv"), place.path("out.csv.1")).unwrap();
    // Nothing new, then something.
    run();
    place.write("logs/b.jsonl", events(4, 2));
    run();
    assert_eq!(column(&place.read("out.csv.1"), "eventID").len(), 4);
    assert_eq!(column(&place.read("out.csv"), "eventID"), ["id-4", "id-5"]);
    assert_eq!(numbers(&place.read("out.csv"), ""), [2.0, 2.0]);
}

#[test]
fn what_a_crash_has_left_is_cut_off_whatever_its_length() {
    let place = place();
    for (round, left) in
        ["x", "9,9,a row that is not whole", &"9,9,long\n".repeat(500)].iter().enumerate()
    {
        place.write(&format!("logs/{round}.jsonl"), events(4 * round, 4));
        let ended = place.morpheus(&line("--state_dir state"));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let sound = place.read("out.csv");
        place.write("out.csv", sound.clone() + left);
        // Nothing is new.
        let ended = place.morpheus(&line("--state_dir state"));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(place.read("out.csv"), sound);
        place.write("out.csv", sound + left);
    }
    place.write("logs/last.jsonl", events(12, 1));
    let ended = place.morpheus(&line("--state_dir state"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    once(&place, 13);
}

#[test]
fn later_runs_take_the_files_and_times_that_earlier_ones_left() {
    let place = place();
    for part in 0..3 {
        place.write(&format!("logs/{part}.jsonl"), events(100 * part, 100));
    }
    let run = |source: &str| {
        let ended = place.morpheus(&line(source));
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        column(&place.read("out.csv"), "eventID").len()
    };
    let state = "--state_dir state";
    assert_eq!(run(&format!("{state} --max_files 2 --end_time 2023-05-01T00:50:00Z")), 50);
    assert_eq!(run(&format!("{state} --max_files 2 --end_time 2023-05-01T02:00:00Z")), 120);
    // The same files by another name.
    let folder = place.path("logs").display().to_string();
    let ended = place.morpheus(&line(state).replace("=logs/", &format!("={folder}/")));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    once(&place, 300);
}

/// Sign-ins of one file: three users, times that go on from file to file, a new day now and then.
fn sign_ins(file: usize) -> String {
    (4 * file..4 * file + 1 + file % 4).fold(String::new(), |mut text, number| {
        let (day, minute) = (number / 400, number % 400);
        let (month, day) = (1 + day / 28, 1 + day % 28);
        let _ = writeln!(
            text,
            r#"{{"id":"id-{number}","createdDateTime":"2024-{month:02}-{day:02}T{:02}:{:02}:00Z","userPrincipalName":"user{}","appDisplayName":"app{}","location":{{"city":"city{}"}}}}"#,
            minute / 60,
            minute % 60,
            number % 3,
            number % 7,
            number % 5
        );
        text
    })
}

/// Each event with its number and its counters.
fn counted(place: &Place, name: &str) -> BTreeMap<String, Vec<String>> {
    let out = place.read(name);
    let columns = ["", "time", "logcount", "locincrement", "appincrement"];
    let columns = columns.map(|name| column(&out, name));
    let row = |row: usize| columns.iter().map(|column| column[row].clone()).collect();
    let ids = column(&out, "id");
    let rows = ids.len();
    let all: BTreeMap<_, _> = ids.into_iter().enumerate().map(|(at, id)| (id, row(at))).collect();
    assert_eq!(all.len(), rows, "an event is there twice");
    all
}

/// The bar: files are renamed in at random moments, in the order of their events, while the program is
/// killed again and again; every counter is that of one run over all files.
#[test]
fn however_often_it_is_killed_counters_are_those_of_one_run() {
    const LINE: &str =
        "run pipeline-ae from-azure --input_glob=logs/*.json SOURCE to-file --filename=";
    let kills = std::env::var("DFP_KILLS").map_or(12, |kills| kills.parse().unwrap());
    let place = place();
    let watching = || {
        let source = "--watch_directory=true --state_dir=state --settle=300ms --batch_timeout=0.3";
        place.start(&(LINE.replace("SOURCE", source) + "out.csv"))
    };
    let mut random = 5_u64;
    let mut up_to = |most: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % most
    };
    let mut file = 0;
    for _ in 0..kills {
        let running = watching();
        let end = Instant::now() + Duration::from_millis(150 + up_to(900));
        while Instant::now() < end {
            // Names are no help: they do not sort as the events do.
            let name = format!("logs/{}-{file}.json", file * 7_919 % 1_000);
            place.write("incoming", sign_ins(file));
            std::fs::rename(place.path("incoming"), place.path(&name)).unwrap();
            file += 1;
            std::thread::sleep(Duration::from_millis([0, 1, 20, 150][up_to(4) as usize]));
        }
        running.killed();
    }
    let last = watching();
    std::thread::sleep(Duration::from_millis(500));
    place.write("incoming", sign_ins(file));
    std::fs::rename(place.path("incoming"), place.path("logs/last.json")).unwrap();
    file += 1;
    let rows = (0..file).map(|file| 1 + file % 4).sum();
    place.wait_for_rows("out.csv", rows);
    let ended = last.stopped();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let whole = place.morpheus(&(LINE.replace("SOURCE", "") + "whole.csv"));
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    let (watched, whole) = (counted(&place, "out.csv"), counted(&place, "whole.csv"));
    let differ: Vec<_> = whole.iter().filter(|(id, row)| watched.get(*id) != Some(row)).collect();
    assert!(
        differ.is_empty() && watched.len() == whole.len(),
        "{} of {} events of {file} files, such as {:?}",
        differ.len(),
        whole.len(),
        differ.first()
    );
}
