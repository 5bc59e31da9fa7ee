//! Whole generations.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::TakeoverKind as Kind;
use super::{GenerateError, GenerateOptions, LogFormat, LogSource, generate};

const SOURCES: [LogSource; 5] = [
    LogSource::CloudTrail(LogFormat::Csv),
    LogSource::CloudTrail(LogFormat::Json),
    LogSource::Azure,
    LogSource::Duo,
    LogSource::Okta,
];

pub(super) fn options(directory: &Path) -> GenerateOptions {
    GenerateOptions {
        users: 3,
        days: 30,
        training_rows: 400,
        new_rows: 150,
        takeovers: 2,
        ..GenerateOptions::new(directory)
    }
}

/// All files below a directory, by their path in it.
pub(super) fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().to_owned();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

pub(super) type Rows = Vec<BTreeMap<String, String>>;

pub(super) fn csv_rows(bytes: &[u8]) -> Rows {
    csv::Reader::from_reader(bytes).deserialize().map(Result::unwrap).collect()
}

/// The values of a column.
fn distinct<'a>(rows: &'a Rows, column: &str) -> BTreeSet<&'a str> {
    rows.iter().map(|row| row[column].as_str()).collect()
}

#[test]
fn same_options_same_bytes() {
    for source in SOURCES {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        generate(&GenerateOptions { source, ..options(one.path()) }).unwrap();
        generate(&GenerateOptions { source, ..options(two.path()) }).unwrap();
        assert_eq!(files(one.path()), files(two.path()));
        generate(&GenerateOptions { source, seed: 7, overwrite: true, ..options(two.path()) })
            .unwrap();
        assert_ne!(files(one.path()), files(two.path()));
    }
}

#[test]
fn a_user_does_not_depend_on_the_number_of_users() {
    let (one, three) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    generate(&GenerateOptions { users: 1, takeovers: 0, ..options(one.path()) }).unwrap();
    generate(&options(three.path())).unwrap();
    let file = Path::new("training/user123.csv");
    assert_eq!(files(one.path())[file], files(three.path())[file]);
}

#[test]
fn rows_are_as_many_as_asked_for_and_sorted_by_time() {
    let directory = tempfile::tempdir().unwrap();
    let summary = generate(&options(directory.path())).unwrap();
    assert_eq!((summary.training_files, summary.training_rows), (3, 1200));
    assert_eq!((summary.new_files, summary.new_rows), (3, 450 + 12));
    let files = files(directory.path());
    for user in ["user123", "user124", "user125"] {
        let training = csv_rows(&files[Path::new(&format!("training/{user}.csv"))]);
        let new = csv_rows(&files[Path::new(&format!("validation/{user}.csv"))]);
        assert_eq!(training.len(), 400);
        let times: Vec<&String> =
            training.iter().chain(&new).map(|row| &row["eventTime"]).collect();
        assert!(times.is_sorted(), "{user}");
        for (number, row) in new.iter().enumerate() {
            assert_eq!(row[""], number.to_string());
            assert_eq!(row["userIdentitysessionContextsessionIssueruserName"], user);
        }
    }
}

#[test]
fn an_intruder_comes_from_where_the_user_never_was() {
    let directory = tempfile::tempdir().unwrap();
    let summary = generate(&options(directory.path())).unwrap();
    let files = files(directory.path());
    let labels = csv_rows(&files[Path::new("labels.csv")]);
    assert_eq!(labels.len(), 12);
    for takeover in &summary.takeovers {
        let name = format!("validation/{}.csv", takeover.user);
        let rows = csv_rows(&files[Path::new(&name)]);
        let labelled: BTreeSet<&str> = labels
            .iter()
            .filter(|label| label["user"] == takeover.user)
            .map(|label| {
                assert_eq!(label["file"], name);
                assert_eq!(label["label"], takeover.kind.label());
                assert_eq!(label["start"], takeover.start.to_string());
                assert_eq!(
                    rows[label["row"].parse::<usize>().unwrap()]["eventID"],
                    label["eventID"]
                );
                label["eventID"].as_str()
            })
            .collect();
        let (hostile, habitual): (Rows, Rows) =
            rows.into_iter().partition(|row| labelled.contains(row["eventID"].as_str()));
        let history = csv_rows(&files[Path::new(&format!("training/{}.csv", takeover.user))]);
        assert_eq!(hostile.len(), 6);
        assert_eq!(hostile[0]["eventTime"], takeover.start.to_string());
        for column in ["sourceIPAddress", "userAgent", "userIdentityaccessKeyId"] {
            let hostile = distinct(&hostile, column);
            assert_eq!(hostile.len(), 1, "{column}");
            assert!(hostile.is_disjoint(&distinct(&habitual, column)), "{column}");
            assert!(hostile.is_disjoint(&distinct(&history, column)), "{column}");
        }
        let denied = hostile.iter().filter(|row| row["errorCode"] == "AccessDenied").count();
        assert!((1..6).contains(&denied));
    }
}

#[test]
fn both_formats_tell_the_same() {
    let (flat, nested) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let flat_summary = generate(&options(flat.path())).unwrap();
    let json = GenerateOptions {
        source: LogSource::CloudTrail(LogFormat::Json),
        ..options(nested.path())
    };
    let json_summary = generate(&json).unwrap();
    assert_eq!(flat_summary.takeovers, json_summary.takeovers);
    assert_eq!(flat_summary.new_rows, json_summary.new_rows);

    let mut rows: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (name, bytes) in files(flat.path()) {
        if name != Path::new("labels.csv") {
            rows.extend(csv_rows(&bytes).into_iter().map(|row| (row["eventID"].clone(), row)));
        }
    }
    let files = files(nested.path());
    let mut count = 0;
    for bytes in
        files.iter().filter(|(name, _)| name.extension().unwrap() == "json").map(|(_, b)| b)
    {
        let content: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        let records = content["Records"].as_array().unwrap();
        assert!((1..=1000).contains(&records.len()));
        assert!(records.is_sorted_by_key(|record| record["eventTime"].as_str().unwrap()));
        for record in records {
            same_event(&rows[record["eventID"].as_str().unwrap()], record);
        }
        count += records.len();
    }
    assert_eq!(count, rows.len());
    for label in csv_rows(&files[Path::new("labels.csv")]) {
        let content: serde_json::Value =
            serde_json::from_slice(&files[Path::new(&label["file"])]).unwrap();
        let record = &content["Records"][label["row"].parse::<usize>().unwrap()];
        assert_eq!(record["eventID"], label["eventID"]);
    }
}

fn same_event(row: &BTreeMap<String, String>, record: &serde_json::Value) {
    let pairs = [
        ("eventTime", "/eventTime"),
        ("eventSource", "/eventSource"),
        ("eventName", "/eventName"),
        ("sourceIPAddress", "/sourceIPAddress"),
        ("userAgent", "/userAgent"),
        ("userIdentityarn", "/userIdentity/arn"),
        ("userIdentityaccessKeyId", "/userIdentity/accessKeyId"),
        (
            "userIdentitysessionContextsessionIssueruserName",
            "/userIdentity/sessionContext/sessionIssuer/userName",
        ),
        ("tlsDetailsclientProvidedHostHeader", "/tlsDetails/clientProvidedHostHeader"),
        ("apiVersion", "/apiVersion"),
        ("errorMessage", "/errorMessage"),
    ];
    for (column, pointer) in pairs {
        let value = record.pointer(pointer).and_then(serde_json::Value::as_str).unwrap_or("");
        assert_eq!(row[column], value, "{column}");
    }
    let code = record["errorCode"].as_str().unwrap_or("success");
    assert_eq!(row["errorCode"], code);
}

#[test]
fn a_directory_with_files_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mine.txt");
    fs::write(&file, "mine").unwrap();
    let asked = options(directory.path());
    assert!(matches!(generate(&asked), Err(GenerateError::NotEmpty { .. })));
    assert_eq!(files(directory.path()).len(), 1);
    generate(&GenerateOptions { overwrite: true, ..asked }).unwrap();
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
}

#[test]
fn mistakes_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let message = |change: fn(&mut GenerateOptions)| {
        let mut asked = options(directory.path());
        change(&mut asked);
        generate(&asked).unwrap_err().to_string()
    };
    assert_eq!(message(|asked| asked.days = 1), "days is \"1\", but must be at least 2");
    assert_eq!(
        message(|asked| asked.takeovers = 4),
        "takeovers is \"4\", but there are only 3 users"
    );
    assert_eq!(
        message(|asked| asked.takeover_kinds = vec![Kind::PrivilegeActions]),
        "takeover_kinds is \"privilege_actions\", which cloudtrail does not have; accepted are \
         privilege_escalation, data_exfiltration, defense_evasion, failures_then_success, \
         unusual_hours, slow_drip"
    );
    assert!(message(|asked| asked.days = u32::MAX).contains("out of range"));

    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = generate(&options(&file)).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot read directory {file:?}: ")), "{error}");
}

#[test]
fn one_row_over_two_days_is_enough() {
    let directory = tempfile::tempdir().unwrap();
    let least = GenerateOptions {
        users: 1,
        days: 2,
        training_rows: 1,
        new_rows: 1,
        takeovers: 1,
        takeover_rows: 1,
        ..GenerateOptions::new(directory.path())
    };
    let summary = generate(&least).unwrap();
    assert_eq!((summary.training_rows, summary.new_rows), (1, 2));
}

/// `examples/README.md` gives the command; whoever changes the generator runs it again.
#[test]
fn the_example_is_what_the_generator_makes() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/user123");
    let directory = tempfile::tempdir().unwrap();
    generate(&GenerateOptions::new(directory.path())).unwrap();
    assert!(files(directory.path()) == files(&example), "examples/user123 is out of date");
}

/// Seeds of old keep their logs; the flat form is held by the example.
#[test]
fn records_of_cloudtrail_are_those_of_the_first_version() {
    let directory = tempfile::tempdir().unwrap();
    let source = LogSource::CloudTrail(LogFormat::Json);
    generate(&GenerateOptions { source, ..options(directory.path()) }).unwrap();
    let mut hash = Sha256::new();
    for bytes in files(directory.path()).values() {
        hash.update(bytes);
    }
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "735b6c396fb07bc6f6b9920cb11904a7c0fb99f2ff9513ea20fddff48c22ae74");
}

#[test]
fn cloudtrail_has_further_kinds_when_they_are_asked_for() {
    let kind = |kind, count: usize| {
        let directory = tempfile::tempdir().unwrap();
        let asked = GenerateOptions {
            users: 1,
            takeovers: 1,
            takeover_kinds: vec![kind],
            ..options(directory.path())
        };
        generate(&asked).unwrap();
        let files = files(directory.path());
        let labels = csv_rows(&files[Path::new("labels.csv")]);
        let rows = csv_rows(&files[Path::new("validation/user123.csv")]);
        let (hostile, own): (Rows, Rows) = rows
            .into_iter()
            .partition(|row| labels.iter().any(|label| label["eventID"] == row["eventID"]));
        assert_eq!(hostile.len(), 6);
        let days: BTreeSet<&str> = hostile.iter().map(|row| &row["eventTime"][..10]).collect();
        assert!(days.len() >= count, "{days:?}");
        (hostile, own)
    };
    let (hostile, _) = kind(Kind::FailuresThenSuccess, 1);
    assert_eq!(distinct(&hostile[..5].to_vec(), "errorCode"), ["AccessDenied"].into());
    assert_eq!(hostile[5]["errorCode"], "success");
    let (hostile, own) = kind(Kind::UnusualHours, 1);
    for column in ["sourceIPAddress", "userAgent"] {
        assert!(distinct(&hostile, column).is_subset(&distinct(&own, column)), "{column}");
    }
    assert!(distinct(&hostile, "eventSource").is_disjoint(&distinct(&own, "eventSource")));
    kind(Kind::SlowDrip, 4);
}
