//! Slices together are the whole.

use super::*;
use crate::texts::TextCells;
use crate::{LogTable, Sliced, cloudtrail, hours, read as read_logs};
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use dfp_storage::StorageError;
use dfp_storage::memory_limit::MemoryLimit;
use parking_lot::Mutex;
use proptest::prelude::*;
use std::io::Write as _;
use std::path::PathBuf;

/// Time, row label and id of each row.
fn rows(table: &LogTable) -> Vec<(i64, i64, String)> {
    let times = table.batch.column_by_name("event_dt").unwrap();
    let times = times.as_primitive::<TimestampMicrosecondType>().values();
    let ids = super::super::concat::print(table.batch.column_by_name("id").unwrap()).unwrap();
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
        let at = crate::time::print(*time * SECOND).unwrap();
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
                Err(LogError::NoRows { .. }) => (false, Vec::new()),
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

/// Answers with a text; the requests so far, the last of which have a broken answer from this one on.
#[cfg(feature = "remote")]
fn served(text: String, broken_from: usize) -> (PathBuf, std::sync::Arc<Mutex<usize>>) {
    use std::io::Read as _;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/a.jsonl", listener.local_addr().unwrap());
    let requests = std::sync::Arc::new(Mutex::new(0));
    let count = std::sync::Arc::clone(&requests);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let mut count = count.lock();
            *count += 1;
            let length = text.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nLast-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let answer = match (*count).cmp(&broken_from) {
                std::cmp::Ordering::Less => head + &text,
                std::cmp::Ordering::Equal => head + &text[..length / 2],
                std::cmp::Ordering::Greater => {
                    "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                        .to_owned()
                }
            };
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (PathBuf::from(address), requests)
}

/// What slices give of a file whose second half a server does not give when its rows are read.
#[cfg(feature = "remote")]
fn slices_of_a_broken_object(ends: &[i64]) -> Vec<Result<LogTable, LogError>> {
    let memory = MemoryLimit::tiny(1 << 14);
    let text = lines(&(0..1_000).collect::<Vec<_>>(), 0);
    let sliced = SlicedFiles::new(memory, None);
    let options = ReadOptions {
        memory,
        sliced: Some(Sliced { files: &sliced, ends: &[] }),
        ..ReadOptions::default()
    };
    let (whole, requests) = served(text.clone(), usize::MAX);
    hours(&cloudtrail::DIALECT, &[whole], &options);
    // The last request of the first pass is that of the rows.
    let (path, _) = served(text, *requests.lock());
    let paths = [path];
    hours(&cloudtrail::DIALECT, &paths, &options);
    let read = |(at, end): (usize, &i64)| {
        let timeless = *end == ALWAYS.end;
        let slice = |_: &Path| Slice { times: ALWAYS.start..*end, timeless, ..Slice::whole() };
        let later = Sliced { files: &sliced, ends: &ends[at + 1..] };
        let options = ReadOptions { slice: Some(&slice), sliced: Some(later), ..options.clone() };
        read_logs(&cloudtrail::DIALECT, &paths, &options, &mut |_, _| {})
    };
    ends.iter().enumerate().map(read).collect()
}

#[cfg(feature = "remote")]
#[test]
fn a_file_whose_rest_cannot_be_read_gives_no_part_of_a_slice() {
    let ends: Vec<i64> = (1..100).map(|slice| slice * 10 * SECOND).chain([ALWAYS.end]).collect();
    let slices = slices_of_a_broken_object(&ends);
    let given = slices.iter().take_while(|slice| slice.is_ok()).count();
    // A run that remembers these rows continues behind them.
    assert!((20..60).contains(&given), "{given}");
    assert!(slices[..given].iter().flatten().all(|slice| rows(slice).len() == 10));
    for (at, later) in slices.into_iter().enumerate().skip(given) {
        let Err(LogError::NoRows { skipped, .. }) = later else { panic!("{later:?}") };
        assert_eq!(skipped.unread().len(), usize::from(at == given), "{skipped:?}");
    }
}

#[cfg(feature = "remote")]
#[test]
fn a_file_whose_rest_cannot_be_read_is_an_error_where_rows_of_the_slice_were_given() {
    let slices = slices_of_a_broken_object(&[ALWAYS.end; 30]);
    assert!(slices[0].as_ref().unwrap().more);
    let error = slices.into_iter().find_map(Result::err).unwrap();
    assert!(
        matches!(&error, LogError::Storage(StorageError::Os { action: READ_REST, .. })),
        "{error}"
    );
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
