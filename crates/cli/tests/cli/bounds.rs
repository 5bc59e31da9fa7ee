//! Memory is bounded by `--memory_limit`, whatever files unpack to, and reading in parts changes nothing.

use crate::place::{Ended, Place, column};
use std::fmt::Write as _;
use std::process::Stdio;
use std::time::Duration;

/// Megabytes of the limit that tests set, and what the program may take besides.
const LIMIT: usize = 64;
const BESIDES: usize = 100;

/// Rows of a log are written as they are.
const LINE: &str = "run --num_threads=1 --memory_limit=64MB pipeline-ae --userid_column_name=userName \
     from-cloudtrail SOURCE to-file --filename=out.csv";

fn line(source: &str) -> String {
    LINE.replace("SOURCE", source)
}

/// Runs the binary; how it ended, and the most megabytes of memory that it had.
fn peak(place: &Place, line: &str) -> (Ended, usize) {
    let file = |name| std::fs::File::create(place.path(name)).unwrap();
    let mut command = place.command();
    let words = command.args(line.split_whitespace());
    let mut child =
        words.stdout(Stdio::from(file("stdout"))).stderr(file("stderr")).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let most = most.and_then(|most| most.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(most.unwrap_or(0_usize));
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let code = ended.code().unwrap_or(-1);
    let (stdout, stderr) = (place.read("stdout"), place.read("stderr"));
    (Ended { code, stdout, stderr }, peak / 1024)
}

fn is_bounded(megabytes: usize) {
    assert!(megabytes > 0 && megabytes < LIMIT + BESIDES, "{megabytes} MB");
}

/// An event a minute from the beginning of May 2023 on; the numbers say which, in this order.
fn events(numbers: impl Iterator<Item = usize>) -> String {
    numbers.fold(String::new(), |mut text, number| {
        let (day, minute) = (1 + number / 1440, number % 1440);
        let user = ["ana", "bo"][number % 2];
        let _ = writeln!(
            text,
            r#"{{"eventID":"id-{number}","eventTime":"2023-05-{day:02}T{:02}:{:02}:00Z","eventName":"Get{}","n":{},"userName":"{user}"}}"#,
            minute / 60,
            minute % 60,
            number % 7,
            number % 5
        );
        text
    })
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// Rows of the output in the order of their ids: user after user comes anew in each part.
fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Which row comes at a place of a file.
type Order = Box<dyn Fn(usize) -> usize>;

#[test]
fn a_gzip_bomb_is_skipped_and_the_rows_of_other_files_are_read() {
    let place = Place::new();
    place.write("logs/a.jsonl", events(0..100));
    let million = gz(&vec![0; 10_000_000]);
    place.write("logs/b.jsonl", million.repeat(30));
    place.write("logs/c.jsonl", events(100..200));
    let (ended, megabytes) = peak(&place, &line("--input_glob=logs/*"));
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(
        ended.stdout.contains("1 file: file that does not fit into memory"),
        "{}",
        ended.stdout
    );
    let why = "more than 8 MB of text, which is read at once: ";
    assert!(ended.stderr.contains(why) && ended.stderr.contains("b.jsonl"), "{}", ended.stderr);
    assert!(ended.stderr.contains("raise --memory_limit, which is 64 MB"), "{}", ended.stderr);
    assert_eq!(column(&place.read("out.csv"), "eventID").len(), 200);
    is_bounded(megabytes);
}

#[test]
fn a_watch_does_not_stop_at_the_same_bomb_after_each_start() {
    let place = Place::new();
    place.write("logs/a.jsonl", events(0..10));
    place.write("logs/b.jsonl", gz(&vec![0; 30_000_000]));
    let source =
        "--input_glob=logs/* --watch_directory=true --state_dir=state --settle=100ms --max_files=2";
    let (ended, megabytes) = peak(&place, &line(source));
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    is_bounded(megabytes);
    place.write("logs/c.jsonl", events(10..20));
    let ended = place.morpheus(&line(&source.replace("files=2", "files=1")));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(column(&place.read("out.csv"), "eventID").len(), 20);
}

#[test]
fn a_line_without_an_end_costs_that_line() {
    let place = Place::new();
    let endless = "x".repeat(40_000_000);
    let lines = [&events(0..100), "{\"eventID\":\"", &endless, "\"}\n", &events(100..200)].concat();
    place.write("logs/a.jsonl", lines);
    place.write("logs/b.csv", format!("eventTime,userName,eventID\n2023-05-01T00:00:00Z,cy,1\n2023-05-01T00:00:00Z,cy,{endless}\n2023-05-01T00:00:01Z,cy,2\n"));
    place.write("logs/c.json", format!("{{\"key\": \"{endless}\"}}"));
    let (ended, megabytes) = peak(&place, &line("--input_glob=logs/*"));
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let skipped = ["2 rows: row that is too long", "1 file: file that does not fit"];
    assert!(skipped.iter().all(|text| ended.stdout.contains(text)), "{}", ended.stdout);
    assert!(ended.stderr.contains("line of more than 4 MB"), "{}", ended.stderr);
    assert!(ended.stderr.contains("a.jsonl\" line 101 row 100;"), "{}", ended.stderr);
    assert_eq!(column(&place.read("out.csv"), "eventID").len(), 202);
    is_bounded(megabytes);
}

#[test]
fn files_of_a_row_are_put_together() {
    let place = Place::new();
    for number in 0..3_000 {
        place.write(&format!("logs/{number}.jsonl"), events(number..number + 1));
    }
    let (ended, megabytes) = peak(&place, &line("--input_glob=logs/*"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let out = place.read("out.csv");
    is_bounded(megabytes);
    place.write("all/a.jsonl", events(0..3_000));
    let ended = place.morpheus(&(line("--input_glob=all/*") + " --overwrite"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    // The place in its file is another.
    let rows = |text: &str| {
        let ids = column(text, "eventID").into_iter();
        ids.zip(column(text, "")).zip(column(text, "n")).collect::<Vec<_>>()
    };
    assert_eq!(rows(&out), rows(&place.read("out.csv")));
}

/// One file that is much larger than the limit, in the order of time, backwards and in no order; packed or not.
#[test]
fn a_file_larger_than_the_limit_has_the_rows_of_one_batch() {
    let place = Place::new();
    let count = 40_000;
    let orders: [(&str, Order); 3] = [
        ("forwards", Box::new(|at| at)),
        ("backwards", Box::new(move |at| count - 1 - at)),
        ("shuffled", Box::new(move |at| at * 7_919 % count)),
    ];
    for (name, order) in orders {
        let padding = "p".repeat(600);
        let text =
            events((0..count).map(order)).replace("\"n\":", &format!("\"p\":\"{padding}\",\"n\":"));
        place.write(&format!("{name}/a.jsonl"), &text);
        place.write(&format!("{name}/packed/a.jsonl.gz"), gz(text.as_bytes()));
        let ended = place.morpheus(
            &(line(&format!("--input_glob={name}/a.jsonl")).replace("64MB", "4GB")
                + " --overwrite"),
        );
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let whole = place.read("out.csv");
        assert!(column(&whole, "eventID").len() == count);
        let whole = sorted(&whole);
        for parts in ["a.jsonl", "packed/*", "a.jsonl --batch_megabytes=2"] {
            let words = line(&format!("--input_glob={name}/{parts}")) + " --overwrite";
            let (ended, megabytes) = peak(&place, &words);
            assert_eq!(ended.code, 0, "{}", ended.stderr);
            let out = place.read("out.csv");
            assert!(!column(&out, "eventTime").is_sorted(), "users come anew in every part");
            assert!(sorted(&out) == whole, "{name} {parts}");
            is_bounded(megabytes);
        }
    }
}

#[test]
fn an_hour_that_is_larger_than_the_limit_is_cut_within() {
    let place = Place::new();
    let padding = "p".repeat(1000);
    let mut text = String::from("eventTime,userName,eventID,text\n");
    for row in 0..60_000 {
        let (second, ms) = ((row * 37) % 3600, row % 1000);
        let _ = writeln!(
            text,
            "2023-05-01T00:{:02}:{:02}.{ms:03}Z,ana,{row},{padding}",
            second / 60,
            second % 60
        );
    }
    place.write("logs/a.csv", text);
    let (ended, megabytes) = peak(&place, &line("--input_glob=logs/*"));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let out = place.read("out.csv");
    let times = column(&out, "event_dt");
    assert!(times.len() == 60_000 && times.is_sorted());
    is_bounded(megabytes);
}

#[test]
fn a_table_without_times_comes_in_its_order() {
    let place = Place::new();
    let padding = "p".repeat(500);
    let rows = (0..80_000).fold(String::from("id,text\n"), |mut text, row| {
        let _ = writeln!(text, "{row},{padding}{}", row % 1000);
        text
    });
    place.write("logs/a.csv", rows);
    let (ended, megabytes) = peak(
        &place,
        "run --memory_limit=32MiB pipeline-other from-file --input_glob=logs/* to-file --filename=out.csv",
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let ids = column(&place.read("out.csv"), "id");
    let expected: Vec<String> = (0..80_000).map(|row| row.to_string()).collect();
    assert!(ids == expected);
    is_bounded(megabytes);
}

/// Lines with these numbers, each with `members`, packed: how long they are is not seen from outside.
fn packed(numbers: std::ops::Range<usize>, members: impl Fn(usize) -> String) -> Vec<u8> {
    let padding = "p".repeat(500);
    let text = numbers.fold(String::new(), |mut text, id| {
        let _ = writeln!(text, r#"{{"id":{id},{}"p":"{padding}{id}"}}"#, members(id));
        text
    });
    gz(text.as_bytes())
}

fn with_user(id: usize) -> String {
    format!(r#""user":"{}","timestamp":"never","#, ["ana", "bo"][id % 2])
}

/// A table without the column of users is no other than one whose cells are empty.
#[test]
fn rows_of_a_file_without_users_are_counted_whatever_comes_together() {
    let place = Place::new();
    place.write("own.toml", "user = \"user\"\nfeatures = [\"id\"]\n");
    place.write("logs/a.jsonl.gz", packed(0..12_000, with_user));
    place.write("logs/b.jsonl.gz", packed(12_000..30_000, |_| String::new()));
    let line = "run --memory_limit=LIMIT pipeline-ae --features=own.toml from-file --input_glob=logs/* \
                to-file --filename=out.csv --overwrite";
    for (limit, more) in [
        ("4GB", ""),
        ("32MiB", ""),
        ("32MiB", " --watch_directory=true --settle=100ms --max_files=2 --state_dir=state"),
    ] {
        let line = line.replace("LIMIT", limit).replace("/* ", &format!("/*{more} "));
        let ended = place.morpheus(&line);
        assert_eq!(ended.code, 3, "{}", ended.stderr);
        let told = ["read       30,000 rows of 2 users", "input: 18000 rows without a user"];
        assert!(told.iter().all(|text| ended.stdout.contains(text)), "{}", ended.stdout);
        assert_eq!(column(&place.read("out.csv"), "id").len(), 12_000, "{limit}{more}");
    }
    let ended = place.morpheus(&line.replace("LIMIT", "32MiB").replace("own.toml", "other.toml"));
    assert_eq!(ended.code, 2);
    place.write("other.toml", "user = \"usr\"\nfeatures = [\"id\"]\n");
    let ended = place.morpheus(&line.replace("LIMIT", "32MiB").replace("own.toml", "other.toml"));
    assert_eq!(ended.code, 1);
    let told = "there is no user column in the input: \"usr\"; the nearest columns are user";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
}

/// A table without a column of times is no other than one of a batch with such rows behind others.
#[test]
fn rows_of_a_file_without_times_are_counted_whatever_comes_together() {
    let place = Place::new();
    place.write("own.toml", "user = \"user\"\nfeatures = [\"id\"]\n");
    let timed = |id: usize| {
        format!(
            r#""user":"ana","timestamp":"2024-01-01T{:02}:{:02}:00Z","#,
            id / 3600,
            id / 60 % 60
        )
    };
    place.write("logs/a.jsonl.gz", packed(0..12_000, timed));
    place.write("logs/b.jsonl.gz", packed(12_000..30_000, |_| r#""user":"ana","#.to_owned()));
    for limit in ["4GB", "32MiB"] {
        let line = "run --memory_limit=LIMIT pipeline-ae --features=own.toml from-file --input_glob=logs/* \
                    to-file --filename=out.csv --overwrite";
        let ended = place.morpheus(&line.replace("LIMIT", limit));
        assert_eq!(ended.code, 3, "{limit}: {}", ended.stderr);
        let told =
            "skipped    input: 18000 rows: no readable time; kept, after all rows that have one";
        assert!(ended.stdout.contains(told), "{limit}: {}", ended.stdout);
        let messages = ended.stderr.matches("no column \"timestamp\"").count();
        assert!((1..4).contains(&messages), "{limit}: {}", ended.stderr);
        assert_eq!(column(&place.read("out.csv"), "id").len(), 30_000, "{limit}");
    }
}

/// What was handed on cannot be taken back: nothing that comes afterwards may be remembered with it.
#[test]
fn an_error_behind_the_first_rows_of_a_batch_ends_a_watch_and_nothing_is_written_twice() {
    let place = Place::new();
    place.write(
        "count.toml",
        "user = \"user\"\nfeatures = [\"n\"]\n[[column]]\nname = \"n\"\nop = \"increment\"\n",
    );
    place.write("logs/a.jsonl.gz", packed(0..12_000, with_user));
    // A table of these rows alone has no times to count by.
    place.write("logs/b.jsonl.gz", packed(12_000..30_000, |_| String::new()));
    let watch = "run --memory_limit=32MiB pipeline-ae --features=count.toml from-file --input_glob=logs/* \
                 --watch_directory=true --settle=100ms --max_files=MOST --state_dir=state \
                 to-file --filename=out.csv";
    let ended = place.morpheus(&watch.replace("MOST", "3"));
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("there is no column of times"), "{}", ended.stderr);
    std::fs::remove_file(place.path("logs/b.jsonl.gz")).unwrap();
    place.write(
        "logs/c.jsonl",
        "{\"id\":30000,\"user\":\"ana\",\"timestamp\":\"never\",\"p\":\"\"}\n",
    );
    let ended = place.morpheus(&watch.replace("MOST", "2"));
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let mut ids: Vec<usize> =
        column(&place.read("out.csv"), "id").iter().map(|id| id.parse().unwrap()).collect();
    ids.sort_unstable();
    assert!(ids.iter().copied().eq((0..12_000).chain([30_000])), "{} rows", ids.len());
}

#[test]
fn commands_over_a_store_and_the_backtest_have_the_limit_too() {
    let place = Place::new();
    let padding = "p".repeat(1000);
    let text = events(0..40_000).replace("\"n\":", &format!("\"p\":\"{padding}\",\"n\":"));
    place.write("logs/a.jsonl", text);
    place.write("features.txt", "eventName\nn\n");
    let settings = "--memory_limit=64MB --source=cloudtrail --userid_column_name=userName --columns_file=features.txt";
    let train = format!(
        "train {settings} --input=logs/* --store=store --max_history=100 --min_history=50 --generic_rows=100"
    );
    let (ended, megabytes) = peak(&place, &train);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("40,000 rows"), "{}", ended.stdout);
    is_bounded(megabytes);
    place.write("few/a.jsonl", events(0..400));
    place.write("few/b.jsonl", gz(&vec![0; 30_000_000]));
    let score = format!("score {settings} --input=few/* --store=store --output=scored.csv");
    let backtest = format!("backtest {settings} --input=few/* --folds=1 --json=found.json");
    for line in [score, backtest] {
        let (ended, megabytes) = peak(&place, &line);
        assert_eq!(ended.code, 3, "{line}: {}{}", ended.stdout, ended.stderr);
        let why = "b.jsonl\"; raise --memory_limit, which is 64 MB";
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
        is_bounded(megabytes);
    }
    assert_eq!(column(&place.read("scored.csv"), "eventID").len(), 400);
}

#[test]
fn a_limit_below_the_least_is_refused() {
    let place = Place::new();
    for (limit, words) in [("1MB", "\"1MB\""), ("lots", "\"lots\"")] {
        let ended = place.morpheus(&line("--input_glob=logs/*").replace("64MB", limit));
        assert_eq!(ended.code, 2);
        let expected = format!(
            "run: --memory_limit: {words} is not an amount of memory of at least 32 MiB; expected a number with its unit, such as 512MB, 2GB, 1.5GiB"
        );
        assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
    }
}

#[test]
fn a_file_that_is_too_large_to_be_repeated_as_a_whole_is_skipped_and_named() {
    let place = Place::new();
    let padding = "p".repeat(500);
    let rows = format!("ana,{padding}\n").repeat(15_000);
    place.write("logs/large.csv", "user,text\n".to_owned() + &rows);
    place.write("logs/small.csv", "user,text\nana,x\nana,y\n");
    let ended = place.morpheus(
        "run --memory_limit=32MiB pipeline-other from-file --input_glob=logs/* --repeat=3 to-file --filename=out.csv",
    );
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stderr.contains("files are repeated as a whole: \""), "{}", ended.stderr);
    assert!(ended.stderr.contains("large.csv\"; raise --memory_limit"), "{}", ended.stderr);
    assert_eq!(column(&place.read("out.csv"), "text").len(), 6);
}
