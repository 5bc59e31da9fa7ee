//! Any bytes as a log file of any source: a table or an error; the first byte chooses the source.
#![no_main]

use dfp_fuzz::{DIALECTS, file};
use dfp_logs::{Nested, ReadOptions, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let first = usize::from(*first);
    let dialect = DIALECTS[first % DIALECTS.len()];
    let nested = if first & 0x80 == 0 { Nested::Flatten } else { Nested::Keep };
    let options = ReadOptions { nested, ..ReadOptions::default() };
    let name = if first & 0x40 == 0 { "fuzz.json" } else { "fuzz.csv" };
    if let Ok(table) = read(&dialect, &[file(name, bytes)], &options, &mut |_, _| {}) {
        assert_eq!(table.file_rows.len(), table.batch.num_rows());
    }
});
