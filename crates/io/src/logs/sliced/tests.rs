//! Slices together are the whole.

use super::*;
use crate::logs::{LogTable, cloudtrail, hours, read as read_logs};
use crate::texts::TextCells;
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use proptest::prelude::*;
use std::io::Write as _;

/// Time, row label and id of each row.
fn rows(table: &LogTable) -> Vec<(i64, i64, String)> {
    let times = table.batch.column_by_name("event_dt").unwrap();
    let times = times.as_primitive::<TimestampMicrosecondType>().values();
    let ids = super::super::union::print(table.batch.column_by_name("id").unwrap()).unwrap();
    let ids = TextCells::of(&ids).unwrap();
    let row = |row: usize| {
        (times[row], table.file_rows.value(row), ids.get(row).unwrap_or("none").to_owned())
    };
    (0..table.batch.num_rows()).map(row).collect()
}

const SECOND: i64 = 1_000_000;

fn lines(times: &[i64], file: usize) -> String {
    times.iter().enumerate().fold(String::new(), |text, (row, time)| {
        let id = if row == 3 { "7".to_owned() } else { format!("\"{file}-{row}\"") };
        let at = crate::logs::time::print(*time * SECOND).unwrap();
        format!("{text}{{\"eventTime\": \"{at}\", \"id\": {id}}}\n")
    })
}

/// Reads files as a whole and slice by slice under a limit; slices that did not fit into a table.
fn slices_are_the_whole(files: &[Vec<i64>], ends: &[i64], memory: MemoryLimit, packed: bool) {
    let directory = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> =
        (0..files.len()).map(|file| directory.path().join(format!("{file}.jsonl"))).collect();
    for (file, path) in paths.iter().enumerate() {
        let text = lines(&files[file], file);
        let mut out = std::fs::File::create(path).unwrap();
        if packed {
            let mut gzip = flate2::write::GzEncoder::new(out, flate2::Compression::fast());
            gzip.write_all(text.as_bytes()).unwrap();
            gzip.finish().unwrap();
        } else {
            out.write_all(text.as_bytes()).unwrap();
        }
    }
    let dialect = &cloudtrail::DIALECT;
    let whole = read_logs(dialect, &paths, &ReadOptions::default(), &mut |_, _| {}).unwrap();
    let sliced = SlicedFiles::new(memory, Some(directory.path()));
    let options = ReadOptions {
        memory,
        sliced: Some(Sliced { files: &sliced, ends: &[] }),
        ..ReadOptions::default()
    };
    hours(dialect, &paths, &options);
    let ends: Vec<i64> = ends.iter().map(|end| end * SECOND).chain([ALWAYS.end]).collect();
    let mut start = ALWAYS.start;
    let (mut all, mut is_whole) = (Vec::new(), true);
    for (at, end) in ends.iter().enumerate() {
        let timeless = *end == ALWAYS.end;
        let slice = |_: &Path| Slice { times: ALWAYS.start..*end, timeless, ..Slice::whole() };
        let later = Sliced { files: &sliced, ends: &ends[at + 1..] };
        let options = ReadOptions { slice: Some(&slice), sliced: Some(later), ..options.clone() };
        loop {
            let (more, rows) = match read_logs(dialect, &paths, &options, &mut |_, _| {}) {
                Ok(table) => (table.more, rows(&table)),
                Err(IoError::NoRows { .. }) => (false, Vec::new()),
                Err(error) => panic!("{error}"),
            };
            assert!(rows.iter().all(|(time, ..)| (start..*end).contains(time)), "{rows:?}");
            all.extend(rows);
            if !more {
                break;
            }
            is_whole = false;
        }
        start = *end;
    }
    let mut expected = rows(&whole);
    if !is_whole {
        all.sort();
        expected.sort();
    }
    assert_eq!(all, expected);
}

#[test]
fn files_in_any_order_are_read_once() {
    let forwards: Vec<i64> = (0..500).collect();
    let backwards: Vec<i64> = forwards.iter().rev().copied().collect();
    let shuffled: Vec<i64> = (0..500).map(|row| row * 7 % 500).collect();
    let ends: Vec<i64> = (1..500).step_by(3).collect();
    for packed in [false, true] {
        // A file is large from a few lines on, and nothing waits in memory.
        let memory = MemoryLimit::tiny(1 << 14);
        for files in [vec![forwards.clone()], vec![backwards.clone(), forwards.clone()]] {
            slices_are_the_whole(&files, &ends, memory, packed);
        }
        slices_are_the_whole(std::slice::from_ref(&shuffled), &ends, memory, packed);
        slices_are_the_whole(std::slice::from_ref(&shuffled), &[], memory, packed);
    }
}

#[test]
fn a_file_that_breaks_off_keeps_what_was_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.jsonl");
    std::fs::write(&path, lines(&(0..100).collect::<Vec<_>>(), 0)).unwrap();
    let memory = MemoryLimit::tiny(1 << 14);
    let sliced = SlicedFiles::new(memory, None);
    let options = ReadOptions {
        memory,
        sliced: Some(Sliced { files: &sliced, ends: &[] }),
        ..ReadOptions::default()
    };
    let paths = [path.clone()];
    hours(&cloudtrail::DIALECT, &paths, &options);
    let slice =
        |_: &Path| Slice { times: ALWAYS.start..10 * SECOND, timeless: false, ..Slice::whole() };
    let first = ReadOptions { slice: Some(&slice), ..options.clone() };
    let table = read_logs(&cloudtrail::DIALECT, &paths, &first, &mut |_, _| {}).unwrap();
    assert_eq!(rows(&table).len(), 10);
    // What was read belongs to a file that is read from its beginning.
    sliced.begin(&path);
    let table = read_logs(&cloudtrail::DIALECT, &paths, &first, &mut |_, _| {}).unwrap();
    assert_eq!(rows(&table).len(), 10);
    sliced.forget(&path);
}

proptest! {
    #[test]
    fn slices_of_any_files_are_the_whole(
        files in proptest::collection::vec(proptest::collection::vec(0_i64..50, 1..40), 1..4),
        mut ends in proptest::collection::vec(1_i64..50, 0..6),
        bytes in 12_u32..24,
        packed in any::<bool>(),
    ) {
        ends.sort_unstable();
        ends.dedup();
        slices_are_the_whole(&files, &ends, MemoryLimit::tiny(1 << bytes), packed);
    }
}
