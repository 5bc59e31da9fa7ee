//! A time that is missing or cannot be read is never 1970: the row is named, counted, kept behind all others,
//! and of no day.

use crate::place::{Ended, Place, column};
use std::fmt::Write;

const TRAIN: &str = "train-ae --train_data_glob=in/* --seed=1 --architecture=compact --train_steps=10 preprocess inf-ae add-scores serialize to-file --filename=out.csv";

fn with_code(ended: &Ended, code: i32) {
    assert_eq!(ended.code, code, "{}{}", ended.stdout, ended.stderr);
}

fn says(ended: &Ended, texts: &[&str]) {
    for text in texts {
        let all = [&ended.stdout[..], &ended.stderr].concat();
        assert!(all.contains(text), "{text:?} is not in\n{all}");
    }
}

/// An event of Okta's log; `published` is JSON.
fn okta(published: &str, number: usize) -> String {
    format!(
        r#"{{"actor":{{"alternateId":"ana"}},"published":{published},"eventType":"e{}","uuid":"u{number}"}}"#,
        number % 3
    )
}

/// A call of CloudTrail whose time is the member `time`, a minute apart.
fn call(time: &str, number: usize) -> String {
    format!(
        r#"{{"userIdentity":{{"userName":"ana"}},"{time}":"2024-05-06T08:{number:02}:00Z","eventName":"E{}","number":{number}}}"#,
        number % 3
    )
}

#[test]
fn rows_without_a_readable_time_are_not_outside_of_the_times_asked_for() {
    let place = Place::new();
    let times = [
        "\"2024-05-06T08:00:00Z\"",
        "\"6 May\"",
        "\"2024-05-06 08:00:01 UTC\"",
        "null",
        "1714982402000",
    ];
    let events: Vec<String> = times.iter().zip(0..).map(|(time, n)| okta(time, n)).collect();
    place.write("in/a.json", events.join("\n"));
    let line = "run pipeline-ae from-okta --input_glob=in/*";
    let ended =
        place.morpheus(&format!("{line} --start_time=2024-05-01 to-file --filename=out.csv"));
    with_code(&ended, 3);
    assert_eq!(column(&place.read("out.csv"), "uuid"), ["u0", "u2", "u4"]);
    assert!(!ended.stdout.contains("outside of the times"), "{}", ended.stdout);
    says(
        &ended,
        &[
            "skipped    input: 2 rows: bad event time",
            "\"6 May\" is not a time: \"in/a.json\" row 1 field \"published\"; expected an ISO 8601 time",
            "missing value: \"in/a.json\" row 3 field \"published\"",
        ],
    );
    // Without the option they are kept, after the others.
    let ended = place.morpheus(&format!("{line} to-file --filename=all.csv"));
    with_code(&ended, 3);
    let all = place.read("all.csv");
    assert_eq!(column(&all, "uuid"), ["u0", "u2", "u4", "u1", "u3"]);
    assert_eq!(column(&all, "logcount"), ["0", "1", "2", "", ""]);
    assert_eq!(column(&all, "day"), ["2024-05-06", "2024-05-06", "2024-05-06", "", ""]);
    says(
        &ended,
        &["skipped    input: 2 rows: no readable time; kept, after all rows that have one"],
    );
    let strict = place.morpheus(&format!("--strict {line} to-file --filename=strict.csv"));
    assert_ne!(strict.code, 0, "{}", strict.stdout);
}

#[test]
fn times_that_cannot_be_read_are_not_learnt_as_one_day() {
    let place = Place::new();
    let events: Vec<String> =
        (0..40).map(|n| okta(&format!("\"{} o'clock\"", n % 24), n)).collect();
    place.write("in/a.json", events.join("\n"));
    let ended = place.morpheus(&format!("run pipeline-ae from-okta --input_glob=in/* {TRAIN}"));
    with_code(&ended, 3);
    let out = place.read("out.csv");
    assert!(column(&out, "logcount").iter().all(String::is_empty), "{out}");
    assert!(!out.contains("1970"), "{out}");
    says(
        &ended,
        &[
            "skipped    training data: 40 rows: no readable time",
            "skipped    input: 40 rows: no readable time",
        ],
    );
    let messages = ended.stderr.matches("is not a time: ").count();
    assert!((20..=40).contains(&messages), "at most 20 of each purpose: {messages}");
}

#[test]
fn times_of_many_forms_are_read_and_put_in_order() {
    let place = Place::new();
    let times = [
        r#""\/Date(1714982409000)\/""#,
        "1714982401000",
        r#""2024-05-06T08:00:03.1234567Z""#,
        r#""2024-05-06T08:00:03.1234566Z""#,
        r#""2024-05-06T10:00:05+02:00""#,
        r#""2024-05-06 08:00:06 UTC""#,
        r#""Mon, 06 May 2024 08:00:07 GMT""#,
        r#""5/6/2024 8:00:02 AM""#,
        "1714982400.5",
    ];
    let events: Vec<String> = times
        .iter()
        .zip(0..)
        .map(|(time, n)| {
            format!(r#"{{"userPrincipalName":"ana","createdDateTime":{time},"n":"n{n}"}}"#)
        })
        .collect();
    place.write("in/a.json", format!("[{}]", events.join(",")));
    let ended =
        place.morpheus("run pipeline-ae from-azure --input_glob=in/* to-file --filename=out.csv");
    with_code(&ended, 3);
    let out = place.read("out.csv");
    assert_eq!(column(&out, "n"), ["n8", "n1", "n3", "n2", "n4", "n5", "n6", "n0", "n7"]);
    assert_eq!(column(&out, "time")[2], "2024-05-06 08:00:03.123456600+00:00");
    says(&ended, &["\"5/6/2024 8:00:02 AM\" is not a time", "formats = [\"auto\", \"us\"]"]);
    // A feature file says which is the day and which the month.
    let features = place.morpheus("tools features azure").stdout;
    let of = "of = \"createdDateTime\"\n";
    place.write("us.toml", features.replace(of, &format!("{of}formats = [\"auto\", \"us\"]\n")));
    let ended = place.morpheus(
        "run pipeline-ae --features=us.toml from-azure --input_glob=in/* to-file --filename=us.csv",
    );
    with_code(&ended, 0);
    assert_eq!(column(&place.read("us.csv"), "n")[2], "n7");
}

#[test]
fn a_log_whose_times_have_another_name_says_so_before_anything_is_learnt() {
    let place = Place::new();
    // The newest first.
    let events: Vec<String> = (0..40).rev().map(|number| call("time", number)).collect();
    place.write("in/a.jsonl", events.join("\n"));
    let line = "run pipeline-ae --userid_column_name=userIdentity.userName from-cloudtrail --input_glob=in/*";
    let ended = place.morpheus(&format!("{line} to-file --filename=rows.csv"));
    with_code(&ended, 3);
    assert_eq!(column(&place.read("rows.csv"), "number")[0], "39", "the order of the file");
    says(
        &ended,
        &[
            "no column \"eventTime\": \"in/a.jsonl\"; its 40 rows keep the order of the file",
            "times are in \"time\"",
            "skipped    input: 40 rows: no readable time",
        ],
    );
    let train = TRAIN.replace("--seed=1", "--seed=1 --train_max_history=20");
    let ended = place.morpheus(&format!("{line} {train}"));
    with_code(&ended, 3);
    says(
        &ended,
        &[
            "there is no column of event times in the training data, which --train_max_history needs: \"eventTime\"",
            "the last rows in the order of the files count as the newest",
        ],
    );
    // With the name in a feature file the newest are learnt.
    place.write(
        "f.toml",
        "user = \"userIdentity.userName\"\ntime = \"time\"\nfeatures = [\"eventName\"]\n",
    );
    let ended = place.morpheus(&format!(
        "run pipeline-ae --features=f.toml from-cloudtrail --input_glob=in/* {}",
        train.replace("out.csv", "newest.csv")
    ));
    with_code(&ended, 0);
    assert_eq!(column(&place.read("newest.csv"), "number")[0], "0");
}

#[test]
fn timeseries_without_times_is_refused_before_training() {
    let place = Place::new();
    let mut rows = "uid,action,happened\n".to_owned();
    for number in 0..60 {
        let _ = writeln!(rows, "ana,a{},2024-05-06T08:{number:02}:00Z", number % 3);
    }
    place.write("in/a.csv", &rows);
    place.write("cols.txt", "action\n");
    let line = "run pipeline-ae --userid_column_name=uid --columns_file=cols.txt from-file --input_glob=in/*";
    let stages = "preprocess inf-ae add-scores timeseries serialize to-file --filename=out.csv";
    for train in ["train-ae --seed=1", "train-ae --train_data_glob=in/* --seed=1"] {
        let ended = place.morpheus(&format!("{line} {train} {stages}"));
        with_code(&ended, 1);
        says(
            &ended,
            &[
                "which timeseries needs: \"timestamp\"",
                "times are in \"happened\" (--timestamp_column_name, or the key time of a feature file)",
            ],
        );
        assert!(!ended.stderr.contains("epoch"), "nothing was trained: {}", ended.stderr);
    }
    let named = line.replace("pipeline-ae ", "pipeline-ae --timestamp_column_name=happened ");
    let ended = place.morpheus(&format!("{named} train-ae --seed=1 {stages}"));
    with_code(&ended, 0);
}

#[test]
fn rows_of_the_future_that_training_leaves_out_give_exit_code_3() {
    let place = Place::new();
    let mut events: Vec<String> = (0..60).map(|number| call("eventTime", number % 60)).collect();
    events.push(call("eventTime", 1).replace("2024", "2099"));
    place.write("in/a.jsonl", events.join("\n"));
    let line = "train --source=cloudtrail --userid_column_name=userIdentity.userName --input=in/* --store=models --min_history=50";
    for more in ["", " --history_dir=history"] {
        let ended = place.morpheus(&format!("{line}{more}"));
        with_code(&ended, 3);
        says(&ended, &["skipped    training data: 1 row: later than tomorrow"]);
    }
}

/// The newest rows of a user are those that are known to be.
#[test]
fn rows_without_a_time_are_not_the_newest_that_are_learnt() {
    let place = Place::new();
    let mut events: Vec<String> = (0..40).map(|number| call("eventTime", number)).collect();
    let odd = call("eventTime", 1).replace("2024-05-06T", "about ").replace("\"E1\"", "\"Odd\"");
    events.extend(vec![odd; 20]);
    place.write("in/a.jsonl", events.join("\n"));
    let ended = place.morpheus(
        "train --source=cloudtrail --userid_column_name=userIdentity.userName --input=in/* --store=models --min_history=20 --max_history=30 --train_users=individual",
    );
    with_code(&ended, 3);
    let shown = place.morpheus("models show ana --store=models").stdout;
    assert!(shown.contains("E1") && !shown.contains("Odd"), "{shown}");
    assert!(!shown.contains("1970"), "{shown}");
}

#[test]
fn each_row_without_a_time_is_in_one_batch() {
    let place = Place::new();
    let mut files = [String::new(), String::new()];
    for number in 0..48 {
        let day = 1 + number / 16;
        let row = format!(
            r#"{{"userIdentity":{{"userName":"u{}"}},"eventTime":"2024-05-{day:02}T08:{number:02}:00Z","eventName":"E","number":{number}}}"#,
            number % 2
        );
        let row = if number % 8 == 3 { row.replace("2024-05-", "soon ") } else { row };
        let _ = writeln!(files[number % 2], "{row}");
    }
    place.write("in/a.jsonl", &files[0]);
    place.write("in/b.jsonl", &files[1]);
    place.write(
        "in/c.jsonl",
        "{\"userIdentity\":{\"userName\":\"u0\"},\"eventName\":\"E\",\"number\":48}\n",
    );
    let line = "run pipeline-ae --userid_column_name=userIdentity.userName from-cloudtrail --input_glob=in/*";
    let mut orders = Vec::new();
    for (more, name) in
        [("", "all"), (" --period=D", "days"), (" --period=1h --state_dir=state", "hours")]
    {
        let ended = place.morpheus(&format!("{line}{more} to-file --filename={name}.csv"));
        with_code(&ended, 3);
        says(&ended, &["skipped    input: 7 rows: no readable time; kept"]);
        let out = place.read(&format!("{name}.csv"));
        let (users, numbers) = (column(&out, "userIdentityuserName"), column(&out, "number"));
        assert_eq!(numbers.len(), 49, "{name}");
        let of = |user: &str| -> Vec<usize> {
            let of_user = users.iter().zip(&numbers).filter(|(name, _)| *name == user);
            of_user.map(|(_, number)| number.parse::<f64>().unwrap() as usize).collect()
        };
        orders.push([of("u0"), of("u1")]);
    }
    assert_eq!(orders[0][1][18..], [3, 11, 19, 27, 35, 43], "rows without a time come last");
    assert_eq!(orders[0][0].last(), Some(&48));
    assert!(orders.iter().all(|order| *order == orders[0]), "{orders:?}");
}

#[test]
fn a_table_without_times_cut_by_periods_says_that_it_is_one_batch() {
    let place = Place::new();
    place.write("in/a.csv", "uid,action\nana,a\nana,b\n");
    let ended = place.morpheus(
        "run pipeline-ae --userid_column_name=uid --columns_file=cloudtrail from-file --input_glob=in/* --period=D to-file --filename=out.csv",
    );
    says(&ended, &["--period: no row has a readable time, so all of them are one batch"]);
    assert_eq!(column(&place.read("out.csv"), "action"), ["a", "b"]);
}

#[test]
fn backtests_leave_out_rows_without_a_time() {
    let place = Place::new();
    let mut rows = String::new();
    for number in 0..300_usize {
        let (day, hour) = (1 + number / 12, number % 12);
        let row = format!(
            r#"{{"userIdentity":{{"userName":"u{}"}},"eventTime":"2024-05-{day:02}T{hour:02}:00:00Z","eventName":"E{}"}}"#,
            number % 2,
            number % 5
        );
        let row = if number % 50 == 7 { row.replace("2024-05-", "soon ") } else { row };
        let _ = writeln!(rows, "{row}");
    }
    place.write("in/a.jsonl", rows);
    let ended = place.morpheus(
        "backtest --source=cloudtrail --userid_column_name=userIdentity.userName --input=in/* --seed=1",
    );
    with_code(&ended, 3);
    says(
        &ended,
        &[
            "input: 6 rows: bad event time",
            "is not a time: \"in/a.jsonl\" row 7 field \"eventTime\"",
        ],
    );
}
