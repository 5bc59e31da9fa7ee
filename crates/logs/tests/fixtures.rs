//! Good and broken CloudTrail files in `testdata/cloudtrail`: what each gives and what it costs.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use dfp_logs::LogTable;
use dfp_logs::{ReadOptions, cloudtrail, read};
use dfp_storage::files::find;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/cloudtrail").join(name)
}

fn load(paths: &[PathBuf]) -> LogTable {
    read(&cloudtrail::DIALECT, paths, &ReadOptions::default(), &mut |_, _| {}).unwrap()
}

#[test]
fn every_good_form_gives_the_same_three_events() {
    let paths = find(folder("good").to_str().unwrap(), true).unwrap();
    assert_eq!(paths.len(), 7);
    for path in &paths {
        let table = load(std::slice::from_ref(path));
        assert_eq!(table.batch.num_rows(), 3, "{}", path.display());
        assert!(table.skipped.is_empty(), "{}: {:?}", path.display(), table.skipped);
        let labels = table.file_rows.values();
        assert_eq!(labels, &[0, 1, 2], "{}", path.display());
    }
    assert_eq!(load(&paths).batch.num_rows(), 21);
}

#[test]
fn every_broken_file_is_counted_and_named() {
    // File, rows kept, rows skipped, part of the message.
    let cases = [
        ("bad_line.jsonl", 2, 1, "line 2 column"),
        ("not_events.json", 2, 2, "list element is not an object"),
        ("bad_time.jsonl", 2, 1, "\"yesterday\" is not a time"),
        ("long_row.csv", 2, 1, "7 fields"),
        ("not_utf8.csv", 2, 1, "byte 0xff is not UTF-8"),
        ("unclosed_quote.csv", 1, 1, "line 3"),
        ("bad_json.json", 2, 1, "no end is found"),
        ("header_only.csv", 0, 0, "no rows below the header"),
        ("empty.json", 0, 0, "empty file"),
        ("truncated.json.gz", 2, 0, "broken gzip data"),
        ("deep.json", 0, 0, "recursion limit exceeded"),
    ];
    let good = folder("good/records.json");
    for (name, kept, skipped, message) in cases {
        let table = load(&[folder("broken").join(name), good.clone()]);
        assert_eq!(table.batch.num_rows(), 3 + kept, "{name}");
        assert_eq!(table.skipped.rows(), skipped, "{name}");
        assert_eq!(table.skipped.files(), usize::from(kept + skipped == 0), "{name}");
        let first = &table.skipped.reasons()[0].messages[0];
        assert!(first.contains(message) && first.contains(name), "{name}: {first}");
    }
}
